package evidence

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// The states of drift.
const (
	DriftCalm  = "calm"
	DriftLook  = "look"
	DriftMoved = "drift"
)

// Drift is how far the score and its measures moved between two stretches of time.
type Drift struct {
	ID     string  `json:"definition"`
	Policy string  `json:"policy"`
	Score  string  `json:"score"`
	Before Stretch `json:"before"`
	Now    Stretch `json:"now"`
	Whole  Shift   `json:"score_shift"`
	Bands  Shift   `json:"band_shift"`
	Shifts []Shift `json:"measures"`
	State  string  `json:"state"`
	Reason string  `json:"reason"`
}

// Stretch is a stretch of time with its rows.
type Stretch struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	N    int       `json:"n"`
}

// Shift is how far one distribution moved.
type Shift struct {
	Key   string `json:"key"`
	Title string `json:"title"`
	// PSI is the population stability index; the unknown is a bin of its own.
	PSI     Figure `json:"psi"`
	Median0 Number `json:"median_before"`
	Median1 Number `json:"median_now"`
	Known0  Number `json:"known_before"`
	Known1  Number `json:"known_now"`
	State   string `json:"state"`
}

func stateOf(psi float64) string {
	switch {
	case math.IsNaN(psi), psi < 0.1:
		return DriftCalm
	case psi <= 0.25:
		return DriftLook
	}
	return DriftMoved
}

// fewestDrift is how many rows each stretch needs: with fewer, chance alone moves the index.
const fewestDrift = 100

// Drift compares the rows from cut on with those before it. A zero cut is the last three months of the rows.
func (s *Study) Drift(cut time.Time) *Drift {
	s.sort()
	d := &Drift{ID: "drift.psi.v1", Policy: s.o.Policy.Name(), Score: s.o.Score, Shifts: []Shift{}}
	if len(s.rows) == 0 {
		d.State, d.Reason = DriftCalm, "there are no rows to compare"
		return d
	}
	if cut.IsZero() {
		cut = s.rows[len(s.rows)-1].At.AddDate(0, -foldMoments+1, 0)
	}
	at, _ := slices.BinarySearchFunc(s.rows, cut, func(m sample, t time.Time) int { return m.At.Compare(t) })
	before, now := s.rows[:at], s.rows[at:]
	d.Before, d.Now = stretchOf(before), stretchOf(now)
	score := func(m *sample) float64 { return m.Score }
	d.Whole = shiftOf(Feature{Key: s.o.Score, Title: s.o.Score}, before, now, score)
	var counts [2][]float64
	for k, rows := range [2][]sample{before, now} {
		for _, b := range bandsOf(rows, func(m *sample) string { return m.Band }) {
			counts[k] = append(counts[k], float64(b.N))
		}
	}
	psi := PSICounts(counts[0], counts[1])
	nan := Number(math.NaN())
	d.Bands = Shift{Key: "bands", Title: "bands", PSI: point("psi.v1", "PSI", psi, len(s.rows)), Median0: nan, Median1: nan, Known0: nan, Known1: nan, State: stateOf(psi)}
	for j, f := range s.schema.features {
		if f.Group == GroupMeasure || f.Group == GroupMetric {
			d.Shifts = append(d.Shifts, shiftOf(f, before, now, func(m *sample) float64 { return m.X[j] }))
		}
	}
	slices.SortStableFunc(d.Shifts, func(a, b Shift) int { return -compareKnown(a.PSI.Value.Value, b.PSI.Value.Value) })
	d.conclude()
	return d
}

func (d *Drift) conclude() {
	if min(d.Before.N, d.Now.N) < fewestDrift {
		d.State, d.Reason = DriftCalm, fmt.Sprintf("fewer than %d rows on one side: too few to tell drift from chance", fewestDrift)
		return
	}
	d.State = d.Whole.State
	moved := 0
	for _, m := range d.Shifts {
		if m.State == DriftMoved {
			moved++
		}
	}
	switch {
	case d.State == DriftMoved:
		d.Reason = "the score moved: look at the measures below, and run hub backtest again"
	case d.State == DriftLook:
		d.Reason = "the score moved somewhat"
	case moved > 0:
		d.State = DriftLook
		d.Reason = fmt.Sprintf("the score is calm, but %d measures moved", moved)
	default:
		d.Reason = "neither the score nor a measure moved"
	}
}

func stretchOf(rows []sample) Stretch {
	if len(rows) == 0 {
		return Stretch{}
	}
	return Stretch{rows[0].At, rows[len(rows)-1].At, len(rows)}
}

func shiftOf(f Feature, before, now []sample, of func(*sample) float64) Shift {
	a, b := columnsOf(before, of).risk, columnsOf(now, of).risk
	psi := PSI(a, b, 10)
	if len(known(a)) == 0 && len(known(b)) == 0 {
		psi = math.NaN()
	}
	return Shift{
		Key: f.Key, Title: cmp.Or(f.Title, f.Key), PSI: point("psi.v1", "PSI", psi, len(a)+len(b)), Median0: Number(Median(a)), Median1: Number(Median(b)),
		Known0: Number(ratio(float64(len(known(a))), float64(len(a)))), Known1: Number(ratio(float64(len(known(b))), float64(len(b)))), State: stateOf(psi),
	}
}
