package lifecycle

import (
	"slices"

	"github.com/lifecyclehub/hub/canon"
)

// EventTypes lists the event types that a policy may ask for, sorted.
func EventTypes() []string {
	var out []string
	for first, fam := range families() {
		for _, rest := range fam.types {
			out = append(out, first+"."+rest)
		}
	}
	slices.Sort(out)
	return out
}

// KindsOf returns the kinds of entity that the events of a pattern come from.
func KindsOf(pattern string) ([]canon.Kind, error) {
	p, err := parsePattern(pattern)
	return p.kinds, err
}

// Thorough returns the same policy with every metric in its assessments, whether or not somebody asks for it.
func (p *Policy) Thorough() *Policy {
	all, err := parse(p.file, p.source, true)
	if err != nil {
		panic("lifecycle: a policy that was read does not parse: " + err.Error())
	}
	return all
}
