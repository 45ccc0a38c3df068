package lifecycle

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// drawnMeasure is a measure of a drawn scorecard, as it is written.
type drawnMeasure struct {
	key    string
	weight int
	text   string
}

type drawnGroup struct {
	key      string
	weight   int
	measures []drawnMeasure
}

// drawnCard is a scorecard of any shape.
type drawnCard struct {
	head, tail string
	groups     []drawnGroup
}

// yaml writes the policy that has the card, on one stage in which everybody is.
func (c drawnCard) yaml() string {
	var b strings.Builder
	b.WriteString("policy: drawn\nversion: 1.0.0\nstages:\n  - key: a\n    customer: true\n    enter:\n      - {from: start, when: 'exists(\"*\")', reason: seen}\nscorecards:\n")
	b.WriteString("  - name: health\n    intent: any\n    outcome: any\n" + c.head + "    groups:\n")
	for _, g := range c.groups {
		fmt.Fprintf(&b, "      - key: %s\n        weight: %d\n        measures:\n", g.key, g.weight)
		for _, m := range g.measures {
			fmt.Fprintf(&b, "          - {key: %s, weight: %d, %s}\n", m.key, m.weight, m.text)
		}
	}
	b.WriteString(c.tail)
	return b.String()
}

// genCard draws a scorecard.
func genCard(t *rapid.T, methods ...string) drawnCard {
	values := []string{
		`days_since("usage.*")`, `last_value("survey.nps", 100)`, `count("ticket.opened", 30)`, `overdue_days()`, `trend("usage.*", 20, 40)`,
		`mrr() / 100`, `active_days("touch.*", 14)`, `count("deal.created")`, `open_urgent_tickets()`,
	}
	curves := []string{
		`{linear: {worst: 30, best: 2}}`, `{linear: {worst: 0, best: 9}}`, `{bands: [{up_to: 1, worth: 33.3}, {up_to: 5, worth: 77.7}, {worth: 1.1}]}`,
		`{bands: {inclusive: upper, steps: [{up_to: 0, worth: 100}, {worth: 20}]}}`,
		`{u_shape: {low: 0, low_worth: 60, peak_from: 2, peak_to: 6, high: 20, high_worth: 0}}`, `{k_of_n: {k: 3, n: 5}}`, `{trend: {worst: 0.5, best: 1.5}}`,
	}
	c := drawnCard{head: fmt.Sprintf("    method: %s\n    sufficiency: 0.%d\n    redistribute_up_to: 0.%d\n    undelivered: %s\n    confirm: %d\n    bands: {red: {below: 40, leaves_at: %d}, green: {from: 70, leaves_below: %d}}\n",
		rapid.SampledFrom(methods).Draw(t, "method"), rapid.IntRange(1, 9).Draw(t, "sufficiency"), rapid.IntRange(0, 9).Draw(t, "redistribute"),
		rapid.SampledFrom([]string{"missing", "excluded"}).Draw(t, "undelivered"), rapid.IntRange(1, 3).Draw(t, "confirm"),
		rapid.IntRange(40, 60).Draw(t, "leaves at"), rapid.IntRange(41, 70).Draw(t, "leaves below"))}
	for g, weight := range shares(t, rapid.IntRange(1, 3).Draw(t, "groups"), "group") {
		group := drawnGroup{key: fmt.Sprintf("g%d", g), weight: weight}
		for m, weight := range shares(t, rapid.IntRange(1, 3).Draw(t, "measures"), "measure") {
			text := fmt.Sprintf("value: '%s', missing: %s, curve: %s", rapid.SampledFrom(values).Draw(t, "value"),
				rapid.SampledFrom([]string{"na", "zero", "neutral", "redistribute", "na_composite"}).Draw(t, "missing"), rapid.SampledFrom(curves).Draw(t, "curve"))
			text += rapid.SampledFrom([]string{"", ", max_age: 20d, stale: half", ", max_age: 20d"}).Draw(t, "age")
			text += rapid.SampledFrom([]string{"", "", `, only_if: 'exists("invoice.*")'`, `, required: false`}).Draw(t, "only")
			group.measures = append(group.measures, drawnMeasure{fmt.Sprintf("g%dm%d", g, m), weight, text})
		}
		c.groups = append(c.groups, group)
	}
	if rapid.Bool().Draw(t, "capped") {
		c.tail = "    caps:\n      - {key: late, max: 35, when: 'overdue_days() > 10', reason: Late}\n      - {key: lately, max: 60, when: 'exists(\"ticket.opened\")', after: ticket.opened, for: 9d, reason: Asked}\n"
	}
	return c
}

// parsed is the policy of a drawn card.
func (c drawnCard) parsed(t *rapid.T) *Policy {
	p, err := Parse("drawn.yaml", []byte(c.yaml()))
	if err != nil {
		var list Complaints
		errors.As(err, &list)
		t.Fatalf("%v\n%s", list, c.yaml())
	}
	return p
}

// shuffled puts groups and measures into another order.
func (c drawnCard) shuffled(t *rapid.T) drawnCard {
	out := drawnCard{head: c.head, tail: c.tail, groups: rapid.Permutation(c.groups).Draw(t, "order of groups")}
	out.groups = slices.Clone(out.groups)
	for i := range out.groups {
		out.groups[i].measures = rapid.Permutation(out.groups[i].measures).Draw(t, "order of measures")
	}
	return out
}
