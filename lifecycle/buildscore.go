package lifecycle

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
)

// scorecards compiles the scorecards of the spec.
func (b *builder) scorecards(specs []scorecardSpec) {
	for i, s := range specs {
		path := fmt.Sprintf("scorecards[%d]", i)
		card := b.scorecard(path, s)
		at := slices.IndexFunc(b.policy.scores, func(set scoreSet) bool { return set.name == s.Name })
		if at < 0 {
			at = len(b.policy.scores)
			b.policy.scores = append(b.policy.scores, scoreSet{name: s.Name})
		}
		set := &b.policy.scores[at]
		if slices.ContainsFunc(set.cards, func(c *scorecard) bool { return c.key == card.key }) {
			b.fault(path, "give each scorecard of a score its own card:, as in card: onboarding", "scorecard %q of score %q stands twice", card.key, s.Name)
		}
		set.cards = append(set.cards, card)
		if len(set.cards) > 120 {
			b.fault(path, "keep fewer", "score %q has more than 120 scorecards", s.Name)
		}
	}
	if !slices.Contains(b.policy.scoreNames(), healthName) {
		b.fault("scorecards", "add the scorecard health, as in the shipped policy", "the policy has no scorecard health")
		b.policy.scores = append(b.policy.scores, scoreSet{name: healthName, cards: []*scorecard{{name: healthName}}})
	}
}

// scorecard compiles one scorecard.
func (b *builder) scorecard(path string, s scorecardSpec) *scorecard {
	card := &scorecard{name: s.Name, key: s.Card, title: s.Title, version: s.Version, intent: s.Intent, outcome: s.Outcome, forecast: s.Forecast, path: path}
	b.key(path+".name", s.Name)
	if card.key == "" {
		card.key = s.Name
	}
	if card.title == "" {
		card.title = strings.ToUpper(card.key[:min(1, len(card.key))]) + strings.ReplaceAll(card.key[min(1, len(card.key)):], "_", " ")
	}
	b.key(path+".card", card.key)
	b.purpose(path, s, card)
	if len(s.AppliesTo) == 0 {
		for i, st := range b.policy.stages {
			if st.Customer {
				card.stages = append(card.stages, i)
			}
		}
	} else {
		card.stages = b.stageNames(path+".applies_to", s.AppliesTo, -1)
	}
	for _, i := range card.stages {
		card.appliesTo = append(card.appliesTo, b.policy.stages[i].Key)
	}
	if s.For != "" {
		card.when = b.rule(path+".for", s.For)
	}
	b.method(path, s, card)
	b.edges(path+".bands", s.Bands, card)
	b.limits(path, s, card)
	b.groups(path, s.Groups, card)
	for i, c := range s.Caps {
		card.caps = append(card.caps, b.ceiling(fmt.Sprintf("%s.caps[%d]", path, i), c))
	}
	b.table(path, s.Table, card)
	return card
}

var versionForm = regexp.MustCompile(`^\d{1,9}\.\d{1,9}\.\d{1,9}$`)

// purpose checks what the scorecard says of itself.
func (b *builder) purpose(path string, s scorecardSpec, card *scorecard) {
	if s.Intent == "" {
		b.fault(path, "add intent: with the question that the score answers", "scorecard %q does not say what it is for", s.Name)
	}
	if s.Outcome == "" {
		b.fault(path, "add outcome: with what will have happened to the customers that score well, as in: They are still customers in 90 days", "scorecard %q does not say which outcome it is held against", s.Name)
	}
	if card.version == "" {
		card.version = "1.0.0"
	}
	if !versionForm.MatchString(card.version) {
		b.fault(path+".version", "count it as MAJOR.MINOR.PATCH, as in 1.0.0", "version %q is not MAJOR.MINOR.PATCH", s.Version)
	}
	horizon, err := parseDwell(s.Horizon)
	if err != nil {
		b.fault(path+".horizon", "write days, as in 90d", "%v", err)
	}
	card.horizon = int(horizon / day)
	if s.ReviewBy != "" {
		if _, err := time.Parse(time.DateOnly, s.ReviewBy); err != nil {
			b.fault(path+".review_by", "write a date as 2026-12-31", "%q is not a date", s.ReviewBy)
		}
	}
}

func (b *builder) method(path string, s scorecardSpec, card *scorecard) {
	switch s.Method {
	case "", "weighted":
	case "all_or_none":
		card.method = allOrNone
		if s.Graded {
			card.method = gradedAllOrNone
		}
	case "side_by_side":
		card.method = sideBySide
	default:
		b.fault(path+".method", "weighted adds up, all_or_none wants every measure good, side_by_side shows the groups beside each other", "method must be weighted, all_or_none or side_by_side, not %q", s.Method)
	}
	if s.Graded && s.Method != "all_or_none" {
		b.fault(path+".graded", "drop it", "only all_or_none can be graded")
	}
}

// edges works out where the bands meet.
func (b *builder) edges(path string, s bandsSpec, card *scorecard) {
	card.cuts = [2]cut{{40, 40, 40}, {70, 70, 70}}
	if s.Red != nil && s.Red.From != nil || s.Green != nil && s.Green.Below != nil {
		b.fault(path, "red ends below a number, green begins from one", "red has no from and green no below")
	}
	b.edge(path, [2]*edgeSpec{s.Red, s.Yellow}, &card.cuts[0])
	b.edge(path, [2]*edgeSpec{s.Yellow, s.Green}, &card.cuts[1])
	low, high := card.cuts[0], card.cuts[1]
	if !(low.down > 0 && low.plain < high.plain && low.down <= high.down && low.up <= high.up && high.up <= 100) {
		b.fault(path, "green begins above yellow, both between 0 and 100; red is below yellow",
			"bands overlap: green from %s, yellow from %s", decimal(high.plain), decimal(low.plain))
	}
}

// edge reads where two bands meet from the end of the lower or the beginning of the upper one.
func (b *builder) edge(path string, of [2]*edgeSpec, c *cut) {
	lower, upper := edgeSpec{}, edgeSpec{}
	if of[0] != nil {
		lower = *of[0]
	}
	if of[1] != nil {
		upper = *of[1]
	}
	switch {
	case lower.Below != nil && upper.From != nil:
		b.fault(path, "say it once, with below of the lower band or from of the upper one", "where two bands meet is said twice")
		return
	case lower.Below != nil:
		*c = cut{*lower.Below, *lower.Below, *lower.Below}
		if lower.LeavesAt != nil {
			c.up = *lower.LeavesAt
		}
	case upper.From != nil:
		*c = cut{*upper.From, *upper.From, *upper.From}
		if upper.LeavesBelow != nil {
			c.down = *upper.LeavesBelow
		}
	}
	if lower.LeavesAt != nil && lower.Below == nil || upper.LeavesBelow != nil && upper.From == nil {
		b.fault(path, "leaves_at stands beside below, leaves_below beside from", "a band says where it is left, but not where it is entered")
	}
	if !(c.down <= c.up) {
		b.fault(path, "a band is left further away than where it is entered, as in red: {below: 50, leaves_at: 55}", "a band would be left before it is entered: %s and %s", decimal(c.down), decimal(c.up))
	}
}

// limits checks how much must be known, and how often a band must be read.
func (b *builder) limits(path string, s scorecardSpec, card *scorecard) {
	card.confirm = int16(max(s.Confirm, 1))
	if s.Confirm < 0 || s.Confirm > 90 {
		b.fault(path+".confirm", "2 asks for two days in a row", "confirm must be from 1 to 90 readings")
	}
	card.sufficiency, card.redistribute = 0.7, 0.2
	if s.Sufficiency != nil {
		card.sufficiency = *s.Sufficiency
	}
	if !(card.sufficiency > 0 && card.sufficiency <= 1) {
		b.fault(path+".sufficiency", "0.7 asks that 70 % of the weight is known", "sufficiency must be above 0 and at most 1")
	}
	if s.Redistribute != nil {
		card.redistribute = *s.Redistribute
	}
	if !(card.redistribute >= 0 && card.redistribute <= 1) {
		b.fault(path+".redistribute_up_to", "0.2 allows that 20 % of the weight is missing", "redistribute_up_to must be from 0 to 1")
	}
	switch s.Undelivered {
	case "", "excluded":
		card.excludeAbsent = true
	case "missing":
	default:
		b.fault(path+".undelivered", "excluded asks only for what is connected, missing counts the rest as not known", "undelivered must be missing or excluded, not %q", s.Undelivered)
	}
}

func (b *builder) groups(path string, specs []groupSpec, card *scorecard) {
	total := 0.0
	var keys, groupKeys []string
	if len(specs) > mostGroups {
		b.fault(path+".groups", "put what belongs together into one group", "a scorecard has at most %d groups", mostGroups)
		specs = specs[:mostGroups]
	}
	for i, g := range specs {
		at := fmt.Sprintf("%s.groups[%d]", path, i)
		b.key(at+".key", g.Key)
		if slices.Contains(groupKeys, g.Key) {
			b.fault(at+".key", "give each group its own key", "group %q stands twice", g.Key)
		}
		groupKeys = append(groupKeys, g.Key)
		b.weight(at+".weight", g.Weight)
		total += g.Weight
		out := group{key: g.Key, title: g.Title, weight: g.Weight}
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

// ceiling compiles a cap.
func (b *builder) ceiling(path string, s capSpec) ceiling {
	b.key(path+".key", s.Key)
	if !isWorth(s.Max) {
		b.fault(path+".max", "a cap is a score", "max must be from 0 to 100")
	}
	c := ceiling{key: s.Key, max: s.Max, when: b.rule(path+".when", s.When), reason: b.reason(path+".reason", s.Reason, false), until: never}
	if c.when != nil {
		c.rests = setOf(c.when.kinds)
	}
	if s.Until != "" {
		at, err := time.Parse(time.DateOnly, s.Until)
		if err != nil {
			b.fault(path+".until", "write a date as 2026-12-31, and days after the event with after: and for:", "%q is not a date", s.Until)
		}
		c.until = at.UnixMicro()
	}
	if (s.After == "") != (s.For == "") {
		b.fault(path, "after: names the event that the cap follows, for: how long, as in 30d", "after and for belong together")
		return c
	}
	if s.For == "" {
		return c
	}
	dwell, err := parseDwell(s.For)
	c.days = int(dwell / day)
	if err != nil || c.days < 1 {
		b.fault(path+".for", "write days, as in 30d", "%q is not a number of days", s.For)
		return c
	}
	c.lapse = b.rule(path+".after", fmt.Sprintf("days_since(%q) < %d", s.After, c.days))
	if c.lapse != nil && len(c.lapse.reads) > 0 {
		c.cause = c.lapse.reads[0].pattern
		c.rests |= setOf(c.lapse.kinds)
	}
	return c
}

// table compiles the table by which bands of groups come to a verdict.
func (b *builder) table(path string, specs []tableSpec, card *scorecard) {
	if len(specs) > 0 && card.method != sideBySide {
		b.fault(path+".table", "set method: side_by_side", "only side_by_side has a table")
	}
	for i, s := range specs {
		at := fmt.Sprintf("%s.table[%d]", path, i)
		b.key(at+".verdict", s.Verdict)
		row := tableRow{verdict: s.Verdict, band: bandOf(s.Band), reason: s.Reason}
		if row.band == noBand {
			b.fault(at+".band", "the bands are red, yellow and green", "%q is not a band", s.Band)
		}
		for _, g := range card.groups {
			set := uint8(0)
			for _, name := range s.When[g.key] {
				if bandOf(name) == noBand && name != bandUnknown {
					b.fault(at+".when", "the bands are red, yellow, green and unknown", "%q is not a band", name)
				}
				set |= 1 << bandOf(name)
			}
			if set == 0 {
				set = 0xf // any
			}
			row.when = append(row.when, set)
		}
		for name := range s.When {
			if !slices.ContainsFunc(card.groups, func(g group) bool { return g.key == name }) {
				b.fault(at+".when", "name groups of this scorecard by their keys", "group %q is unknown", name)
			}
		}
		card.table = append(card.table, row)
	}
}
