package lifecycle

import (
	"fmt"
	"strings"
)

// Mermaid draws the stage graph as a Mermaid state diagram.
func (p *Policy) Mermaid() string {
	var b strings.Builder
	b.WriteString("stateDiagram-v2\n")
	for i, s := range p.stages {
		fmt.Fprintf(&b, "    state %q as s%d\n", s.Label, i)
	}
	for _, r := range p.rules {
		for _, from := range r.from {
			source := "[*]"
			if from < len(p.stages) {
				source = fmt.Sprintf("s%d", from)
			}
			label := r.name
			if r.nextCycle {
				label += " (next turn)"
			}
			fmt.Fprintf(&b, "    %s --> s%d : %s\n", source, r.to, label)
		}
	}
	return b.String()
}
