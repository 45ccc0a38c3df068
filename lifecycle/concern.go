package lifecycle

import (
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// Concerned says whose assessment may change when one of the kinds can be trusted no longer, or again: customers in the
// given stages, or all of them where none is named; and false where nobody's can.
func (p *Policy) Concerned(kinds []canon.Kind) (stages []string, any bool) {
	moved := setOf(kinds)
	for i := range p.metrics {
		if m := &p.metrics[i]; m.x != nil && setOf(m.Needs)&moved != 0 {
			return nil, true
		}
	}
	for i := range p.rules {
		if r := &p.rules[i]; setOf(r.needs)&moved != 0 {
			stages = union(stages, []string{p.stages[r.to].Key})
		}
	}
	for _, set := range p.scores {
		for _, c := range set.cards {
			if c.rests()&moved != 0 {
				stages = union(stages, c.appliesTo)
			}
		}
	}
	return stages, len(stages) > 0
}

// rests are the kinds on whose sources a card's answer depends.
func (c *scorecard) rests() (s kindSet) {
	for i := range c.groups {
		for k := range c.groups[i].measures {
			m := &c.groups[i].measures[k]
			s |= m.rests | m.needsSet | m.delivered | m.fresh
		}
	}
	for i := range c.caps {
		s |= c.caps[i].rests
	}
	return s
}

// asked is what stages and readings, which books fold, ask of facts besides events: fields of the golden record, and how
// customers rank among all.
type asked struct {
	fields []string
	ranks  bool
}

// asking collects what rules and cards ask.
func (p *Policy) asking() (a asked) {
	note := func(x *expression) {
		if x != nil {
			a.fields = union(a.fields, x.fields)
			a.ranks = a.ranks || len(p.cohorts) > 0 && strings.Contains(x.source, "metric(")
		}
	}
	for i := range p.rules {
		note(p.rules[i].when)
	}
	for _, set := range p.scores {
		for _, c := range set.cards {
			note(c.when)
			for i := range c.caps {
				note(c.caps[i].when)
				note(c.caps[i].lapse)
			}
			for i := range c.groups {
				for k := range c.groups[i].measures {
					m := &c.groups[i].measures[k]
					note(m.value)
					note(m.onlyIf)
					note(m.baseline)
					a.ranks = a.ranks || m.curve.cohort != ""
				}
			}
		}
	}
	return a
}
