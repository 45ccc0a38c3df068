package lifecycle

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// Counter is the smallest change of one measure that would move a score into another band, everything else being as it
// is; or the cap that alone keeps it from there.
type Counter struct {
	Score string `json:"score"`
	// From and To are bands.
	From string `json:"from"`
	To   string `json:"to"`
	// Measure is "" where it is a cap; Value is what it is worth now, Needed what it would have to be.
	Measure string  `json:"measure,omitempty"`
	Title   string  `json:"title,omitempty"`
	Value   float64 `json:"value"`
	Needed  float64 `json:"needed"`
	Unit    string  `json:"unit,omitempty"`
	Cap     string  `json:"cap,omitempty"`
	// Reaches is what the score would be then, where it has a number.
	Reaches  float64 `json:"reaches"`
	Sentence string  `json:"sentence"`
}

// Counters says what would change the band of a score: the smallest change of a single measure that reaches the next
// better band, and the smallest one that reaches the next worse one, as far as there are such. The score must have been
// worked out by this policy; of one that was not, or that a human overrides, nothing is said. Cohorts are those of Facts.
func (p *Policy) Counters(s canon.Score, cohorts map[string][]float64) []Counter {
	card := p.cardOf(s)
	if card == nil || bandOf(s.Band) == noBand || s.Computed != nil || s.Held {
		return nil
	}
	q := &question{card: card, score: s, cohorts: cohorts}
	for i := range card.groups {
		for k := range card.groups[i].measures {
			q.measures = append(q.measures, &card.groups[i].measures[k])
			q.groups = append(q.groups, i)
		}
	}
	if len(q.measures) != len(s.Contributions) {
		return nil
	}
	var out []Counter
	for _, better := range []bool{true, false} {
		if c, ok := q.answer(better); ok {
			out = append(out, c)
		}
	}
	return out
}

// cardOf finds the scorecard by which a score was worked out.
func (p *Policy) cardOf(s canon.Score) *scorecard {
	for _, set := range p.scores {
		for _, c := range set.cards {
			if c.name == s.Name && c.key == s.Card && c.name+"@"+c.version == s.Version {
				return c
			}
		}
	}
	return nil
}

// question is a score of which one measure is changed.
type question struct {
	card     *scorecard
	score    canon.Score
	cohorts  map[string][]float64
	measures []*measure
	groups   []int
}

// answer looks for the smallest change into one direction.
func (q *question) answer(better bool) (best Counter, found bool) {
	least := math.Inf(1)
	for i, m := range q.measures {
		row := &q.score.Contributions[i]
		if row.Value == nil || row.NA != "" || m.ofSources() {
			continue
		}
		x, ok := q.nearest(i, better)
		if !ok {
			continue
		}
		// Changes of different measures are compared by how far they go along the measure's own curve.
		effort := math.Abs(q.worth(i, x) - q.worth(i, *row.Value))
		if !m.influenceable && better {
			effort += 1000
		}
		if effort < least-1e-9 {
			value, band := q.rescore(i, q.worth(i, x), "")
			least, found = effort, true
			best = Counter{
				Score: q.score.Name, From: q.score.Band, To: bandName(band), Measure: m.key, Title: m.title,
				Value: *row.Value, Needed: x, Unit: m.unit, Reaches: value,
			}
			best.Sentence = q.say(m, best)
		}
	}
	if !found && better {
		return q.uncapped()
	}
	return best, found
}

// uncapped looks for the cap that alone holds the score down.
func (q *question) uncapped() (Counter, bool) {
	for _, c := range q.score.Caps {
		value, band := q.rescore(-1, 0, c.Name)
		if band > bandOf(q.score.Band) {
			out := Counter{Score: q.score.Name, From: q.score.Band, To: bandName(band), Cap: c.Name, Reaches: value}
			out.Sentence = fmt.Sprintf("Without what holds it down, %s would be %s%s: %s", spokenLow(q.score.Name), out.To, q.figure(value), c.Reason)
			return out, true
		}
	}
	return Counter{}, false
}

func (q *question) worth(i int, x float64) float64 {
	c := &q.measures[i].curve
	return c.worth(x, q.cohorts[c.cohort])
}

// nearest returns the value of a measure that is the nearest to the present one among those that reach another band in
// the direction.
func (q *question) nearest(i int, better bool) (float64, bool) {
	m, now := q.measures[i], *q.score.Contributions[i].Value
	moves := func(x float64) bool {
		if m.atLeastZero() && x < 0 || !isFinite(x) {
			return false
		}
		_, band := q.rescore(i, q.worth(i, x), "")
		return better && band > bandOf(q.score.Band) || !better && band < bandOf(q.score.Band)
	}
	best, found := 0.0, false
	for _, worth := range q.wanted(i, better) {
		for _, at := range m.curve.values(worth, q.cohorts[m.curve.cohort]) {
			for _, x := range m.steps(at, now) {
				if moves(x) && (!found || math.Abs(x-now) < math.Abs(best-now)) {
					best, found = x, true
				}
			}
		}
	}
	if !found || m.whole() {
		return best, found
	}
	// A value that people can read, where it does as well.
	for _, factor := range []float64{100, 1e4} {
		x := math.Ceil(best*factor-1e-9) / factor
		if best < now {
			x = math.Floor(best*factor+1e-9) / factor
		}
		if moves(x) {
			return x, true
		}
	}
	return best, true
}

// wanted are the worths that the measure would have to have.
func (q *question) wanted(i int, better bool) []float64 {
	row, m := q.score.Contributions[i], q.measures[i]
	if q.card.method != weighted {
		return []float64{m.good, m.fair, m.good - 1e-6, m.fair - 1e-6, 0, 100, q.card.cuts[0].plain, q.card.cuts[1].plain, q.card.cuts[0].plain - 1e-6, q.card.cuts[1].plain - 1e-6}
	}
	if row.Weight <= 0 {
		return nil
	}
	band, target := bandOf(q.score.Band), 0.0
	switch {
	case better && band < greenBand:
		target = q.card.cuts[band-1].up
	case !better && band > redBand:
		target = q.card.cuts[band-2].down - 1e-6
	default:
		return nil
	}
	return []float64{row.Curve + (target-q.raw(-1, 0))/row.Weight}
}

// steps are the values around one that are worth trying: whole ones where the measure counts.
func (m *measure) steps(x, now float64) []float64 {
	if m.value != nil && m.value.truth != nil {
		return []float64{1 - now}
	}
	if !m.whole() {
		return []float64{x}
	}
	return []float64{math.Floor(x), math.Ceil(x), math.Floor(x) - 1, math.Ceil(x) + 1}
}

// raw is the score before caps with one measure's worth changed (−1 for none); for cards without a number it is a band.
func (q *question) raw(i int, worth float64) float64 {
	switch q.card.method {
	case weighted:
		value := 0.0
		for k, row := range q.score.Contributions {
			c := row.Curve
			if k == i {
				c = worth
			}
			value += row.Weight * c
		}
		return tidy(value)
	case sideBySide:
		return q.side(i, worth)
	}
	worst := good
	for k, row := range q.score.Contributions {
		class := int8(max(0, slices.Index([]string{"", "poor", "fair", "good"}, row.Band)))
		if k == i {
			class = q.measures[i].class(&judged{worth: worth})
		}
		if class != unclassed {
			worst = min(worst, class)
		}
	}
	return q.card.classWorth(worst)
}

// side looks the groups' bands up with one measure's worth changed.
func (q *question) side(i int, worth float64) float64 {
	bands := make([]int8, len(q.card.groups))
	worst := greenBand
	for g := range q.card.groups {
		weight, sum := 0.0, 0.0
		for k, row := range q.score.Contributions {
			if q.groups[k] != g {
				continue
			}
			c := row.Curve
			if k == i {
				c = worth
			}
			weight, sum = weight+row.Weight, sum+row.Weight*c
		}
		if weight > 0 {
			bands[g] = q.card.plain(tidy(sum / weight))
			worst = min(worst, bands[g])
		}
	}
	if row := q.card.lookup(bands); row != nil {
		worst = row.band
	}
	return float64(worst)
}

// rescore returns the score and its band with one measure's worth changed, and without one of the caps.
func (q *question) rescore(i int, worth float64, without string) (float64, int8) {
	value := q.raw(i, worth)
	for _, c := range q.score.Caps {
		if c.Name == without {
			continue
		}
		ceiling := c.Max
		if q.card.method == sideBySide {
			ceiling = float64(q.card.plain(c.Max))
		}
		value = min(value, ceiling)
	}
	return value, q.card.target(bandOf(q.score.Band), value, value)
}

// whole says whether the measure counts something.
func (m *measure) whole() bool {
	return m.integer || m.counted != "" || m.curve.kOfN != nil || m.value != nil && isWhole(m.value.number)
}

func isWhole(n number) bool {
	switch n := n.(type) {
	case *invocation:
		return n.fn.amount == nil && !slices.Contains([]string{"last_value", "avg_value", "trend", "number", "param"}, n.name)
	case arithmetic:
		return n.op != '/' && isWhole(n.left) && isWhole(n.right)
	case numberLiteral:
		return float64(n) == math.Trunc(float64(n))
	}
	return false
}

// atLeastZero says whether the measure cannot be negative.
func (m *measure) atLeastZero() bool {
	if m.counted != "" || m.value == nil {
		return true
	}
	_, ok := m.value.number.(*invocation)
	return ok
}

// ages says whether the measure is how long ago something was.
func (m *measure) ages() bool {
	inv, ok := m.value.number.(*invocation)
	return ok && inv.fn.age != ageless
}

// say puts a counter into words.
func (q *question) say(m *measure, c Counter) string {
	then := fmt.Sprintf("would make %s %s%s", spokenLow(c.Score), c.To, q.figure(c.Reaches))
	if q.card.confirm > 1 {
		then += fmt.Sprintf(" after %d days in a row", q.card.confirm)
	}
	by := math.Abs(c.Needed - c.Value)
	switch {
	case m.value.truth != nil:
		return fmt.Sprintf("%s: %s instead of %s %s", c.Title, yesOrNo(c.Needed), yesOrNo(c.Value), then)
	case m.counted != "" && by != 1:
		return fmt.Sprintf("%s %s %s %s", decimal(by), map[bool]string{true: "more", false: "fewer"}[c.Needed > c.Value], m.counted, then)
	case m.ages() && c.Needed > c.Value && m.curve.rises() < 0:
		days := "days"
		if by == 1 {
			days = "day"
		}
		return fmt.Sprintf("%s: %s more %s without a change %s", c.Title, decimal(by), days, then)
	}
	unit := ""
	if c.Unit != "" {
		unit = " " + c.Unit
	}
	return fmt.Sprintf("%s: %s instead of %s%s %s", c.Title, decimal(c.Needed), decimal(c.Value), unit, then)
}

// figure is a score in brackets, where there is a number.
func (q *question) figure(v float64) string {
	if q.card.method == sideBySide {
		return ""
	}
	for _, cut := range q.card.cuts {
		for _, border := range []float64{cut.down, cut.up, cut.plain} {
			if v < border && math.Round(v) >= border { // rounded, it would belong to the band above
				return fmt.Sprintf(" (%.1f)", math.Floor(v*10)/10)
			}
		}
	}
	return fmt.Sprintf(" (%.0f)", v)
}

func yesOrNo(v float64) string {
	if v != 0 {
		return "yes"
	}
	return "no"
}

func spokenLow(key string) string { return strings.ReplaceAll(key, "_", " ") }
