package lifecycle

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// score evaluates the scorecard and tells when it may next change with time alone: a UTC midnight.
func (p *Policy) score(f *frame, sources canon.Sources, stage int) (canon.Score, int64) {
	card := p.card
	s := canon.Score{Name: card.name, Band: "unknown"}
	if !slices.Contains(card.appliesTo, stage) {
		s.Contributions = card.silent(p.notScored(stage))
		return s, never
	}
	sheet := &sheet{card: card, frame: f, sources: sources, next: never}
	sheet.fill()
	s.Contributions, s.Coverage = sheet.rows, sheet.coverage()
	if s.Coverage < card.sufficiency-1e-9 || s.Coverage == 0 {
		return s, sheet.next
	}
	value := sheet.weigh()
	capped := value
	for i := range card.caps {
		c := &card.caps[i]
		sheet.watch(c.when, true)
		if c.max < value && c.when.truth.truth(f) == yes {
			capped = min(capped, c.max)
			s.Caps = append(s.Caps, canon.Cap{Name: c.key, Max: c.max, Reason: c.reason.say(f, "")})
		}
	}
	s.Value, s.Band = &capped, card.band(capped)
	return s, sheet.next
}

// notScored says why a customer in the stage has no score.
func (p *Policy) notScored(stage int) string {
	var labels []string
	for _, i := range p.card.appliesTo {
		labels = append(labels, p.stages[i].Label)
	}
	at := "while nothing is known of the customer"
	if stage < len(p.stages) {
		at = "in stage " + p.stages[stage].Label
	}
	return fmt.Sprintf("Not scored %s, only in %s", at, strings.Join(labels, ", "))
}

// silent is a row per measure with one reason for all.
func (c *scorecard) silent(why string) []canon.Contribution {
	var rows []canon.Contribution
	for _, g := range c.groups {
		for _, m := range g.measures {
			rows = append(rows, canon.Contribution{Measure: m.key, Title: m.title, Group: g.title, Unit: m.unit, NA: why, Reason: why})
		}
	}
	return rows
}

func (c *scorecard) band(v float64) string {
	switch {
	case v >= c.green:
		return "green"
	case v >= c.yellow:
		return "yellow"
	}
	return "red"
}

// sheet is a scorecard while it is filled in: one row per measure, in the order of the file.
type sheet struct {
	card    *scorecard
	frame   *frame
	sources canon.Sources
	rows    []canon.Contribution
	// base is each row's weight, 0 to 1, before missing ones are left out; 0 for those that do not apply.
	base  []float64
	known []bool
	next  int64
}

func (s *sheet) fill() {
	for _, g := range s.card.groups {
		for i := range g.measures {
			m := &g.measures[i]
			row := canon.Contribution{Measure: m.key, Title: m.title, Group: g.title, Unit: m.unit}
			applies := s.measure(m, &row)
			weight := 0.0
			if applies {
				weight = g.weight * m.weight / 1e4
			}
			if row.NA != "" {
				row.Reason = row.NA
			}
			s.rows = append(s.rows, row)
			s.base = append(s.base, weight)
			s.known = append(s.known, row.NA == "")
		}
	}
}

// measure fills in a row but for its weight, and says whether the measure applies to the customer at all.
func (s *sheet) measure(m *measure, row *canon.Contribution) (applies bool) {
	if m.only != "" && m.only != s.frame.customerType {
		row.NA = "Only for " + plural(canon.Kind(m.only)) // "person" gives persons
		return false
	}
	if note := distrust(m.needs, s.sources); note != "" {
		row.NA = strings.ToUpper(note[:1]) + note[1:]
		return !s.card.excludeAbsent || !s.absent(m.needs)
	}
	v, shown, ok := m.evaluate(s.frame)
	if !ok {
		s.watch(m.value, true)
		s.missing(m, row)
		return true
	}
	row.Value, row.Curve = &v, m.curve.worth(v)
	row.Reason = m.reason.say(s.frame, shown)
	if v == 0 && m.zero != nil {
		row.Reason = m.zero.say(s.frame, shown)
	}
	var cited citation
	m.cite(s.frame, &cited)
	row.Evidence = cited.ids(s.frame.ledger)
	s.watch(m.value, m.settled(s.frame, v))
	return true
}

// absent says whether one of the kinds is delivered by nobody.
func (s *sheet) absent(kinds []canon.Kind) bool {
	return slices.ContainsFunc(kinds, func(k canon.Kind) bool { _, ok := s.sources[k]; return !ok })
}

// missing fills in the row of a measure whose source is fresh but tells nothing.
func (s *sheet) missing(m *measure, row *canon.Contribution) {
	switch m.missing {
	case "zero":
		row.Reason = m.title + ": nothing yet, which counts as 0"
	case "neutral":
		row.Curve = 50
		row.Reason = m.title + ": nothing yet, which counts as 50"
	default:
		row.NA = "Nothing has happened yet that would tell"
	}
}

func (m *measure) evaluate(f *frame) (v float64, shown string, ok bool) {
	if m.value.truth != nil {
		switch m.value.truth.truth(f) {
		case yes:
			return 1, "yes", true
		case no:
			return 0, "no", true
		}
		return 0, "", false
	}
	v, ok = m.value.number.number(f)
	if !ok || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, "", false
	}
	return v, figureOf(f, m.value.number), true
}

// settled says whether the value will be worth the same for as long as no event comes in. That is only
// told of an age on its own, which can but grow.
func (m *measure) settled(f *frame, v float64) bool {
	inv, ok := m.value.number.(*invocation)
	if !ok {
		return false
	}
	return m.curve.settled(v) || inv.fn.resting != nil && inv.fn.resting(f)
}

func (m *measure) cite(f *frame, c *citation) {
	if m.value.truth != nil {
		m.value.truth.cite(f, c)
		return
	}
	m.value.number.cite(f, c)
}

// coverage is the known share of the weight that applies.
func (s *sheet) coverage() float64 {
	known, all := 0.0, 0.0
	for i, w := range s.base {
		all += w
		if s.known[i] {
			known += w
		}
	}
	if all == 0 {
		return 0
	}
	return known / all
}

// weigh gives each row its effective weight and returns the score. Missing measures give their weight to
// the others of their group first; a group without any known measure gives its weight to the other groups.
func (s *sheet) weigh() float64 {
	first, groups := 0, 0.0
	for _, g := range s.card.groups {
		if s.knownIn(first, first+len(g.measures)) > 0 {
			groups += g.weight
		}
		first += len(g.measures)
	}
	first = 0
	value := 0.0
	for _, g := range s.card.groups {
		last := first + len(g.measures)
		known := s.knownIn(first, last)
		for i := first; i < last; i++ {
			row := &s.rows[i]
			if !s.known[i] || s.base[i] == 0 {
				continue
			}
			row.Weight = g.weight / groups * s.base[i] / known
			row.Points = row.Weight * row.Curve
			row.PointsLost = row.Weight * (100 - row.Curve)
			value += row.Points
		}
		first = last
	}
	return min(max(value, 0), 100)
}

// knownIn adds up the known weights of rows [from, to).
func (s *sheet) knownIn(from, to int) float64 {
	sum := 0.0
	for i := from; i < to; i++ {
		if s.known[i] {
			sum += s.base[i]
		}
	}
	return sum
}

// watch notes the first midnight at which the expression may change. A settled age does not: every later
// age has the same worth.
func (s *sheet) watch(x *expression, settled bool) {
	f := s.frame
	midnight := floorDay(f.t) + day
	if x.ages && !settled {
		s.next = min(s.next, midnight)
	}
	for _, r := range x.reads {
		at := f.ledger.series[r.pattern].at
		for _, d := range r.days {
			if d == 0 {
				continue
			}
			// An event of day D stops to count at the beginning of day D + d.
			offset := int64(d) * day
			if i := after(at, midnight-offset-1); i < len(at) {
				s.next = min(s.next, floorDay(at[i])+offset)
			}
		}
	}
	for _, d := range x.stageDays {
		s.age(f.since, d)
	}
	for _, d := range x.tenureDays {
		s.age(f.tenureSince, d)
	}
}

// age notes the midnight at which something that began at a moment is d days old, where it lies ahead.
func (s *sheet) age(from int64, d int) {
	if t := floorDay(from) + int64(d)*day; t > s.frame.t {
		s.next = min(s.next, t)
	}
}
