package lifecycle

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// sheet is a scorecard while it is filled in: one row per measure, in the order of the file.
type sheet struct {
	facts *Facts
	rows  []canon.Contribution
	marks []mark
	caps  []canon.Cap
}

// mark is what a row's weight will be made of.
type mark struct {
	of    *group
	class int8
	known bool
	// weight is the measure's within its group.
	weight float64
}

// newSheet is an empty one for a card.
func newSheet(c *scorecard, facts *Facts) *sheet {
	n := 0
	for i := range c.groups {
		n += len(c.groups[i].measures)
	}
	return &sheet{facts: facts, rows: make([]canon.Contribution, 0, n), marks: make([]mark, 0, n)}
}

// note fills in a row but for its weight.
func (s *sheet) note(w *weigher, g *group, m *measure, j judged) {
	row := canon.Contribution{Measure: m.key, Title: m.title, Group: g.title, Unit: m.unit, NewestAt: momentOf(j.newest)}
	if m.window > 0 {
		row.Window = strconv.Itoa(m.window) + "d"
	}
	if j.standing == told || j.standing == assumed {
		s.tell(w.frame, m, &j, &row)
	} else {
		row.NA = s.absent(m, &j)
		row.Reason = row.NA
		row.Stale = j.standing == outdated
	}
	mk := mark{of: g, known: j.known(), class: m.class(&j), weight: m.weight}
	if j.halved {
		mk.weight /= 2
		row.Stale = true
	}
	row.Band = className(mk.class)
	s.rows, s.marks = append(s.rows, row), append(s.marks, mk)
}

// tell fills in the row of a measure that has a worth.
func (s *sheet) tell(f *frame, m *measure, j *judged, row *canon.Contribution) {
	row.Curve = j.worth
	if !j.valued {
		row.Reason = fmt.Sprintf("%s: nothing yet, which counts as %s", m.title, decimal(j.worth))
		return
	}
	v := j.value
	row.Value = &v
	row.Reason = m.reason.say(f, m.shown(f, v))
	if v == 0 && m.zero != nil {
		row.Reason = m.zero.say(f, m.shown(f, v))
	}
	if j.halved {
		row.Reason += fmt.Sprintf(" (told more than %d days ago, so it weighs half)", m.maxAge)
	}
	if m.ofSources() {
		return
	}
	var cited citation
	m.cite(f, &cited)
	row.Evidence = cited.ids(f.ledger)
}

// shown prints the measure's value for people.
func (m *measure) shown(f *frame, v float64) string {
	switch {
	case m.ofSources():
		return decimal(v)
	case m.value.truth == nil:
		return figureOf(f, m.value.number)
	case v != 0:
		return "yes"
	}
	return "no"
}

func (m *measure) cite(f *frame, c *citation) {
	if m.value.truth != nil {
		m.value.truth.cite(f, c)
		return
	}
	m.value.number.cite(f, c)
}

// absent says why a measure has no worth.
func (s *sheet) absent(m *measure, j *judged) string {
	switch j.standing {
	case undelivered, distrusted:
		needs := m.needs
		if m.onlyIf != nil {
			needs = union(append([]canon.Kind(nil), needs...), m.onlyIf.kinds)
		}
		note := distrust(needs, s.facts.Sources)
		if note == "" {
			note = "its source was not fresh on that day"
		}
		return strings.ToUpper(note[:1]) + note[1:]
	case inapplicable:
		if m.only != "" && m.onlyIf == nil {
			return "Only for " + plural(canon.Kind(m.only)) // "person" gives persons
		}
		return "Does not apply to this customer"
	case outdated:
		return fmt.Sprintf("Told more than %d days ago, which is too old", m.maxAge)
	}
	return "Nothing has happened yet that would tell"
}

// capped notes a cap that is in force.
func (s *sheet) capped(f *frame, c *ceiling) {
	out := canon.Cap{Name: c.key, Max: c.max, Reason: c.reason.say(f, "")}
	until := c.until
	if c.lapse != nil {
		series := &f.ledger.series[c.cause]
		if n := series.upto(f.t); n > 0 {
			until = min(until, floorDay(series.at[n-1])+int64(c.days)*day)
		}
	}
	out.Until = momentOf(until)
	s.caps = append(s.caps, out)
}

// finish makes the score of the sheet, the reading and the band with its memory.
func (s *sheet) finish(w *weigher, out *canon.Score, r reading, l latch) {
	c := w.card
	out.Version, out.Card, out.Method = c.name+"@"+c.version, c.key, c.method.String()
	if w.all > 0 {
		out.Coverage = w.knownSum / w.all
	}
	out.Groups = s.groups(c)
	for i := range s.rows {
		if at := s.rows[i].NewestAt; !at.IsZero() && s.rows[i].Value != nil && (out.Oldest.IsZero() || at.Before(out.Oldest)) {
			out.Oldest = at
		}
	}
	if r.known != insufficient {
		out.Band = bandName(l.band)
		out.Held = r.low != r.high && (r.known == heldBack || c.bandOf(r.value) != l.band)
	}
	if out.Band != bandUnknown {
		out.BandSince = momentOf(l.since)
	}
	if w.row != nil {
		out.Verdict, out.VerdictReason = w.row.verdict, w.row.reason
	}
	if c.method != sideBySide && w.knownSum > 0 {
		raw := r.raw
		out.Raw = &raw
	}
	if r.known == sufficient {
		out.Caps = s.caps
		if c.method != sideBySide {
			v := r.value
			out.Value = &v
		}
		s.weigh(c, r)
	}
	out.Contributions = s.rows
}

// weigh gives each row its share of the whole.
func (s *sheet) weigh(c *scorecard, r reading) {
	share := s.shares(c)
	if c.method == allOrNone || c.method == gradedAllOrNone {
		share = s.decisive(c, r.raw)
	}
	for i := range s.rows {
		row := &s.rows[i]
		row.Weight = share[i]
		row.Points = row.Weight * row.Curve
		row.PointsLost = row.Weight * (100 - row.Curve)
	}
}

// shares are those of a weighted card: missing measures give their weight to the others of their group first, a group
// without any known measure gives its weight to the other groups.
func (s *sheet) shares(c *scorecard) []float64 {
	known, groups := map[*group]float64{}, 0.0
	for _, m := range s.marks {
		if m.known {
			known[m.of] += m.weight
		}
	}
	for i := range c.groups {
		if known[&c.groups[i]] > 0 {
			groups += c.groups[i].weight
		}
	}
	out := make([]float64, len(s.marks))
	for i, m := range s.marks {
		if m.known {
			out[i] = m.of.weight / groups * m.weight / known[m.of]
		}
	}
	return out
}

// decisive divides the whole among the measures that decided, equally: all where all are good, else the worst ones. What
// they are worth is then what their class is worth.
func (s *sheet) decisive(c *scorecard, worth float64) []float64 {
	n := 0.0
	decides := make([]bool, len(s.marks))
	for i, m := range s.marks {
		decides[i] = m.known && c.classWorth(m.class) == worth
		if decides[i] {
			n++
		}
	}
	out := make([]float64, len(s.marks))
	for i := range out {
		if decides[i] {
			out[i], s.rows[i].Curve = 1/n, worth
		}
	}
	return out
}

// groups says what each group came to.
func (s *sheet) groups(c *scorecard) []canon.GroupScore {
	out := make([]canon.GroupScore, 0, len(c.groups))
	for i := range c.groups {
		g := &c.groups[i]
		known, worth := 0.0, 0.0
		for k, m := range s.marks {
			if m.of == g && m.known {
				known += m.weight
				worth += m.weight * s.rows[k].Curve
			}
		}
		one := canon.GroupScore{Group: g.title, Band: bandUnknown, Weight: g.weight / 100}
		if known > 0 {
			v := tidy(worth / known)
			one.Value, one.Band = &v, bandName(c.plain(v))
		}
		out = append(out, one)
	}
	return out
}
