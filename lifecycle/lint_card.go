package lifecycle

import "slices"

// The shares of a score, in percent, that keep it readable.
const (
	mostOfGroup    = 40
	leastOfMeasure = 5
	leastLeading   = 50
)

// weightWarnings look at the weights of the scorecards, and at whether anything is done about what they measure.
func (p *Policy) weightWarnings() []Warning {
	var out []Warning
	for _, set := range p.scores {
		for _, card := range set.cards {
			if card.ofData() {
				// It is about the data, not about the customer: nothing of it foretells, and no play is for it.
				continue
			}
			if card.method == weighted {
				out = append(out, p.cardWeights(card)...)
			}
			out = append(out, p.cardPlays(card)...)
		}
	}
	return out
}

func (p *Policy) cardWeights(card *scorecard) []Warning {
	var out []Warning
	leading := 0.0
	for _, g := range card.groups {
		if g.weight > mostOfGroup && len(card.groups) > 1 && len(g.measures) > 0 {
			out = append(out, p.warn("weight.group", g.measures[0].path, "no group above 40: one that weighs more is the score", "group %q weighs %s of 100 in %s", g.key, decimal(g.weight), card.label()))
		}
		for _, m := range g.measures {
			share := g.weight * m.weight / 100
			if share < leastOfMeasure-1e-9 {
				out = append(out, p.warn("weight.measure", m.path, "leave out what weighs less than 5 of 100, or give it more", "measure %q weighs only %s of 100 in %s", m.key, decimal(share), card.label()))
			}
			if m.leading {
				leading += share
			}
		}
	}
	if leading < leastLeading-1e-9 && len(card.groups) > 0 && len(card.groups[0].measures) > 0 {
		out = append(out, p.warn("weight.leading", card.groups[0].measures[0].path, "say leading: true of measures that move before the outcome does, and give them half the weight",
			"only %s of 100 in %s foretells; the rest tells what has happened", decimal(leading), card.label()))
	}
	return out
}

// cardPlays wants a play for what can be influenced.
func (p *Policy) cardPlays(card *scorecard) []Warning {
	var out []Warning
	for _, g := range card.groups {
		for _, m := range g.measures {
			switch {
			case !m.influenceable:
			case m.play == "":
				out = append(out, p.warn("measure.no_play", m.path, "add play: with what is done when it is poor, or influenceable: false", "measure %q of %s can be influenced, but no play does", m.key, card.label()))
			case len(p.Plays()) > 0 && !slices.ContainsFunc(p.Plays(), func(one Play) bool { return one.Key == m.play }):
				out = append(out, p.warn("measure.play_unknown", m.path, "name a play of the policy", "measure %q of %s is linked to play %q, which there is not", m.key, card.label(), m.play))
			}
		}
	}
	return out
}

// ofData says whether the card asks how much is known, and not how the customer is doing.
func (c *scorecard) ofData() bool {
	return slices.ContainsFunc(c.groups, func(g group) bool {
		return slices.ContainsFunc(g.measures, func(m measure) bool { return m.ofSources() })
	})
}

// label names a scorecard for people.
func (c *scorecard) label() string {
	if c.key != "" && c.key != c.name {
		return c.name + " (" + c.key + ")"
	}
	return c.name
}
