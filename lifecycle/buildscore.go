package lifecycle

import (
	"fmt"
	"math"
	"slices"
)

// scorecard compiles the scorecard of the spec.
func (b *builder) scorecard(s scorecardSpec) {
	const path = "scorecards[0]"
	card := &scorecard{name: s.Name, sufficiency: 0.5}
	b.key(path+".name", s.Name)
	if s.Intent == "" {
		b.fault(path, "add intent: with the question that the score answers", "scorecard %q does not say what it is for", s.Name)
	}
	if len(s.AppliesTo) == 0 {
		for i, st := range b.policy.stages {
			if st.Customer {
				card.appliesTo = append(card.appliesTo, i)
			}
		}
	} else {
		card.appliesTo = b.stageNames(path+".applies_to", s.AppliesTo, -1)
	}
	card.green, card.yellow = 70, 40
	if s.Bands.Green != nil {
		card.green = *s.Bands.Green
	}
	if s.Bands.Yellow != nil {
		card.yellow = *s.Bands.Yellow
	}
	if !(card.yellow > 0 && card.yellow < card.green && card.green <= 100) {
		b.fault(path+".bands", "green begins above yellow, both between 0 and 100; red is below yellow",
			"bands overlap: green from %s, yellow from %s", decimal(card.green), decimal(card.yellow))
	}
	if s.Sufficiency != nil {
		card.sufficiency = *s.Sufficiency
	}
	if !(card.sufficiency > 0 && card.sufficiency <= 1) {
		b.fault(path+".sufficiency", "0.5 asks that half the weight is known", "sufficiency must be above 0 and at most 1")
	}
	switch s.Undelivered {
	case "", "missing":
	case "excluded":
		card.excludeAbsent = true
	default:
		b.fault(path+".undelivered", "missing counts them against the coverage, excluded leaves them out of it", "undelivered must be missing or excluded, not %q", s.Undelivered)
	}
	b.groups(path, s.Groups, card)
	for i, c := range s.Caps {
		at := fmt.Sprintf("%s.caps[%d]", path, i)
		b.key(at+".key", c.Key)
		if !isWorth(c.Max) {
			b.fault(at+".max", "a cap is a score", "max must be from 0 to 100")
		}
		card.caps = append(card.caps, ceiling{c.Key, c.Max, b.rule(at+".when", c.When), b.reason(at+".reason", c.Reason, false)})
	}
	b.policy.card = card
}

func (b *builder) groups(path string, specs []groupSpec, card *scorecard) {
	total := 0.0
	var keys []string
	for i, g := range specs {
		at := fmt.Sprintf("%s.groups[%d]", path, i)
		b.key(at+".key", g.Key)
		b.weight(at+".weight", g.Weight)
		total += g.Weight
		out := group{title: g.Title, weight: g.Weight}
		if out.title == "" {
			out.title = g.Key
		}
		within := 0.0
		for k, m := range g.Measures {
			in := fmt.Sprintf("%s.measures[%d]", at, k)
			b.key(in+".key", m.Key)
			if slices.Contains(keys, m.Key) {
				b.fault(in+".key", "give each measure its own key", "measure %q stands twice", m.Key)
			}
			keys = append(keys, m.Key)
			within += m.Weight
			out.measures = append(out.measures, b.measure(in, m))
		}
		b.hundred(at+".measures", "the weights of the measures of group "+g.Key, within)
		card.groups = append(card.groups, out)
	}
	b.hundred(path+".groups", "the weights of the groups", total)
}

func (b *builder) weight(path string, w float64) {
	if !(w > 0 && w <= 100) {
		b.fault(path, "leave out what weighs nothing", "a weight must be above 0 and at most 100")
	}
}

func (b *builder) hundred(path, what string, sum float64) {
	if math.Abs(sum-100) > 1e-6 {
		b.fault(path, "change them so that they add up to 100", "%s add up to %s, not to 100", what, decimal(sum))
	}
}

func (b *builder) measure(path string, s measureSpec) measure {
	m := measure{key: s.Key, title: s.Title, unit: s.Unit, weight: s.Weight, missing: s.Missing, only: s.Only}
	b.weight(path+".weight", s.Weight)
	if m.title == "" {
		m.title = s.Key
	}
	switch s.Missing {
	case "":
		m.missing = "na"
	case "na", "zero", "neutral":
	default:
		b.fault(path+".missing", "na leaves the measure out, zero counts it as 0, neutral as 50", "missing must be na, zero or neutral, not %q", s.Missing)
	}
	if s.Only != "" && s.Only != "company" && s.Only != "person" {
		b.fault(path+".only", "leave it out for both", "only must be company or person, not %q", s.Only)
	}
	value, err := b.compiler.measure(s.Value)
	if err != nil {
		b.fault(path+".value", hintFor(err), "%v", err)
		return m
	}
	m.value = value
	if len(value.reads) == 0 && !value.ages {
		b.fault(path+".value", "name what must have happened, as in count(\"usage.*\", 30)", "measure %q measures nothing: its value is always the same", s.Key)
	}
	m.needs = b.kinds(path+".needs", s.Needs)
	if len(s.Needs) == 0 {
		m.needs = value.kinds
	}
	if m.curve, err = newCurve(s.Curve, value.truth != nil); err != nil {
		b.fault(path+".curve", "see the curves of the shipped policy", "%v", err)
	}
	source := s.Reason
	if source == "" {
		source = m.title + ": {value}"
		if m.unit != "" {
			source += " " + m.unit
		}
	}
	m.reason = b.reason(path+".reason", source, true)
	if s.Zero != "" {
		m.zero = b.reason(path+".zero", s.Zero, true)
	}
	return m
}
