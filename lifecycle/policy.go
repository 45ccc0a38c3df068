package lifecycle

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

//go:embed default.yaml
var defaultYAML []byte

// DefaultYAML returns the shipped policy's file.
func DefaultYAML() []byte { return append([]byte(nil), defaultYAML...) }

// Default returns the shipped policy.
func Default() *Policy {
	p, err := Parse("default.yaml", defaultYAML)
	if err != nil {
		panic("lifecycle: the embedded policy does not parse: " + err.Error())
	}
	return p
}

// Policy is a parsed policy file: the stage graph, the flags and the scorecard. It does not change once
// parsed and may be used by many goroutines at once.
type Policy struct {
	name, version string
	stages        []stage
	flags         []flag
	card          *scorecard
	rules         []rule
	// leaving lists, per stage, the rules that lead out of it; the last element those out of nowhere.
	leaving  [][]int
	patterns []pattern
}

// Stage describes a node of the stage graph, in the order of the policy file.
type Stage struct {
	Key, Label, Doc string
	// Customer marks the stages of a paying relationship, Exit those after its end.
	Customer, Exit bool
}

type stage struct{ Stage }

// rule is an edge, or a bundle of them: from several stages into one.
type rule struct {
	name       string
	to         int
	from       []int // positions of stages; len(stages) for start
	when       *expression
	dwell      int64
	precedence int
	reason     template
	needs      []canon.Kind
}

// Flag describes an overlay that may hold in any stage.
type Flag struct {
	Key, Label, Doc string
}

type flag struct {
	Flag
	stages []int
	when   *expression
}

type scorecard struct {
	name          string
	appliesTo     []int
	green, yellow float64
	sufficiency   float64
	excludeAbsent bool
	groups        []group
	caps          []ceiling
}

type group struct {
	title    string
	weight   float64
	measures []measure
}

type measure struct {
	key, title, unit, only string
	weight                 float64
	value                  *expression
	needs                  []canon.Kind
	missing                string
	curve                  curve
	reason, zero           template // zero is for the value 0, nil where the same words do
}

type ceiling struct {
	key    string
	max    float64
	when   *expression
	reason template
}

// Name returns the policy's name and version, "default@1.0.0".
func (p *Policy) Name() string { return p.name + "@" + p.version }

// Stages lists the stages in the order of the policy file.
func (p *Policy) Stages() []Stage {
	out := make([]Stage, len(p.stages))
	for i, s := range p.stages {
		out[i] = s.Stage
	}
	return out
}

// Flags lists the flags in the order of the policy file. An assessment may also carry stage_unconfirmed,
// which is Hub's own.
func (p *Policy) Flags() []Flag {
	out := make([]Flag, len(p.flags))
	for i, f := range p.flags {
		out[i] = f.Flag
	}
	return out
}

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
			fmt.Fprintf(&b, "    %s --> s%d : %s\n", source, r.to, r.name)
		}
	}
	return b.String()
}
