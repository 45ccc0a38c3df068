package play

import (
	"fmt"
	"strings"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
)

// Markdown writes the catalogue of plays as a page for people who act on them.
func Markdown(p *lifecycle.Policy, modes map[string]canon.PlayMode) string {
	var b strings.Builder
	rules := p.PlayRules()
	fmt.Fprintf(&b, "# Plays of %s\n\nIn order of precedence: of several that come on one day, the first one comes.\n", cell(p.Name()))
	for _, x := range p.Plays() {
		mode := x.Mode
		if m := modes[x.Key].Mode; m != "" {
			mode = m
		}
		fmt.Fprintf(&b, "\n## %s\n\n", cell(x.Title))
		if x.Doc != "" {
			fmt.Fprintf(&b, "%s\n\n", strings.TrimSpace(x.Doc))
		}
		b.WriteString("| | |\n|---|---|\n")
		row := func(name, text string) {
			if text != "" {
				fmt.Fprintf(&b, "| %s | %s |\n", name, cell(text))
			}
		}
		row("Key", x.Key)
		row("Category", x.Category)
		row("Mode", mode)
		row("Owner", x.Owner)
		row("Comes when", Words(x.Trigger))
		row("Held back", strings.Join(Guarded(x, rules), "; "))
		row("Offer", x.Offer)
		row("What to do", x.Do)
	}
	if segs := p.Segments(); len(segs) > 0 {
		b.WriteString("\n# Segments\n\n| segment | who | rule |\n|---|---|---|\n")
		for _, s := range segs {
			fmt.Fprintf(&b, "| %s | %s | `%s` |\n", s.Key, cell(s.Title), cell(s.When.Source()))
		}
	}
	return b.String()
}

// cell makes a text fit for a cell of a table.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(strings.TrimSpace(s))
}
