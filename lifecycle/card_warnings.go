package lifecycle

import "slices"

// cardWarnings look at what scorecards rest on, and at which of them can ever apply.
func (p *Policy) cardWarnings() []Warning {
	var out []Warning
	for _, set := range p.scores {
		for i, card := range set.cards {
			out = append(out, p.measureWarnings(card)...)
			if by := shadowing(set.cards[:i], card); by != nil {
				out = append(out, p.warn("scorecard.shadowed", card.path, "put it before the other one, or give the other one a for:", "%s never applies: %s comes before it and applies to all its stages", card.label(), by.label()))
			}
		}
		if last := set.cards[len(set.cards)-1]; last.when != nil && len(set.cards) > 1 {
			out = append(out, p.warn("scorecard.no_default", last.path, "end with a scorecard without for:", "whom none of the rules of %s fits has no such score", set.name))
		}
	}
	return out
}

// shadowing returns an earlier card that always applies where the card could.
func shadowing(earlier []*scorecard, card *scorecard) *scorecard {
	for _, other := range earlier {
		covers := !slices.ContainsFunc(card.appliesTo, func(s string) bool { return !slices.Contains(other.appliesTo, s) })
		if other.when == nil && covers {
			return other
		}
	}
	return nil
}

func (p *Policy) measureWarnings(card *scorecard) []Warning {
	var out []Warning
	for _, g := range card.groups {
		for _, m := range g.measures {
			if !m.influenceable && !card.forecast {
				out = append(out, p.warn("measure.not_influenceable", m.path, "put it into a forecast (forecast: true), or take it out: an alarm that nobody can answer is noise",
					"measure %q cannot be influenced, and %s raises alarms", m.key, card.label()))
			}
			if m.hypothesis == "" {
				out = append(out, p.warn("measure.no_hypothesis", m.path, "add hypothesis: with why it should foretell the outcome; hub backtest holds it against what happened",
					"measure %q of %s says not why it stands there", m.key, card.label()))
			}
		}
	}
	return out
}
