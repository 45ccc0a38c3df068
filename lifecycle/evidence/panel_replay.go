package evidence

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
)

// replay is one customer's way through the moments.
type replay struct {
	*Study
	*subject
	life  *life
	first time.Time
	// band is that of the row at the moment last, "" where there was none.
	band string
	last time.Time
	// ahead goes from moment to moment by the policy, old by the previous one.
	ahead, old *forward
}

// aMonth is how far apart two looks may lie for the later one to be the month's after the earlier.
const aMonth = 31 * 24 * time.Hour

// look makes a row of a moment, where it is one.
func (r *replay) look(m snapshot) {
	events := r.known(m.at)
	if len(events) == 0 {
		return
	}
	facts := lifecycle.Facts{Customer: r.id, Type: r.typ, Sources: r.survey.began(m.at)}
	a, _ := r.ahead.assess(facts, m.at)
	if !r.active(&a) {
		r.life.left.Inactive++
		return
	}
	if m.at.Sub(r.since(&a)) < time.Duration(r.o.MinTenure)*24*time.Hour {
		r.life.left.Young++
		return
	}
	score := scoreNamed(&a, r.o.Score)
	before := r.passed(m.at, score.Band)
	st, d := r.o.Label.outcome(r.subject, m.scope, r.o.End)
	switch st {
	case censored:
		r.life.left.Censored++
	case inGap:
		r.life.left.InGap++
	case decided:
		r.life.left.Decided++
	case unfit:
		r.life.left.Inactive++
	default:
		out := r.sample(&a, score, events, m)
		if r.old != nil {
			out.previous, out.previousBand = r.before(facts, m.at)
		}
		out.before = before
		out.Label = st == positive
		if !d.decided.IsZero() && out.Label {
			out.lead = daysIn(d.decided.Sub(m.at))
		}
		r.keep(out, score, d)
	}
}

// active says whether the question arises for a customer: it is one, and of those who are asked to advance, not yet there.
func (r *replay) active(a *canon.Assessment) bool {
	switch r.o.Label.kind {
	case outcomeSilence:
		return true
	case outcomeEnter:
		return a.Stage != r.o.Label.stage && a.Stage != ""
	case outcomeAdvance:
		return a.Stage != ""
	}
	return r.stages[a.Stage]
}

// since is when the customer became one: entered the first customer's stage after the last exit, as far as is believed now.
func (r *replay) since(a *canon.Assessment) time.Time {
	began := r.first
	inside := false
	for _, e := range r.path {
		if e.OccurredAt.After(a.At) {
			break
		}
		to, _ := e.Data["to"].(string)
		if now := r.stages[to]; now != inside {
			inside = now
			if inside {
				began = e.OccurredAt
			}
		}
	}
	return began
}

// passed notes the way from the band of the moment before, which it returns.
func (r *replay) passed(at time.Time, band string) (before string) {
	if r.band != "" && at.Sub(r.last) <= aMonth {
		before = r.band
		r.life.moves.counts[[2]string{before, band}]++
		r.life.moves.months++
		if before != band {
			r.life.moves.flips++
			if band == bandRed {
				r.life.moves.alerts++
			}
		}
	}
	r.band, r.last = band, at
	return before
}

func (r *replay) sample(a *canon.Assessment, score *canon.Score, events []canon.Event, m snapshot) sample {
	out := sample{
		Row:      Row{Customer: r.id, At: m.at, X: r.schema.row(a, events, m.at), Score: math.NaN(), Band: score.Band, Segment: r.segment(a)},
		previous: math.NaN(), lead: math.NaN(), moment: r.momentOf(m.at), days: m.days, weights: make([]float32, len(r.schema.measures)),
	}
	if a.MRR != nil {
		out.MRR = major(a.MRR)
	}
	if score.Value != nil {
		out.Score = *score.Value
	}
	for j := range score.Contributions {
		c := &score.Contributions[j]
		if k := r.schema.measure(score.Name, c.Measure); k >= 0 {
			out.weights[k] = float32(c.Weight)
		}
	}
	return out
}

// before is what the previous policy said, NaN where it had no score.
func (r *replay) before(facts lifecycle.Facts, at time.Time) (float64, string) {
	old, _ := r.old.assess(facts, at)
	s := scoreNamed(&old, r.o.Score)
	if s.Value == nil {
		return math.NaN(), s.Band
	}
	return *s.Value, s.Band
}

func (s *schema) measure(card, key string) int {
	return slices.IndexFunc(s.measures, func(m measureColumns) bool { return m.card == card && m.key == key })
}

func (r *replay) segment(a *canon.Assessment) string {
	switch r.o.SegmentBy {
	case "stage":
		return a.Stage
	case "type":
		return r.typ
	}
	return cmp.Or(r.fields[r.o.SegmentBy], "–")
}

func (r *replay) keep(out sample, score *canon.Score, d decision) {
	l := r.life
	l.rows = append(l.rows, out)
	l.left.Rows++
	switch {
	case math.IsNaN(out.Score):
		l.left.Unscored++
	case out.Label && out.Band == bandGreen:
		l.greens = append(l.greens, suspectOf(&out, score, d))
	case !out.Label && out.Band == bandRed:
		l.reds = append(l.reds, suspectOf(&out, score, d))
	}
	if out.Label {
		l.left.Positives++
	}
}

// The bands that a card gives.
const (
	bandGreen   = "green"
	bandYellow  = "yellow"
	bandRed     = "red"
	bandUnknown = "unknown"
)

// bands lists them from good to bad.
func bands() []string { return []string{bandGreen, bandYellow, bandRed, bandUnknown} }

// scoreNamed returns the score of a name, an unknown one where there is none.
func scoreNamed(a *canon.Assessment, name string) *canon.Score {
	found := &canon.Score{Name: name, Band: bandUnknown}
	eachScore(a, func(s *canon.Score) {
		if s.Name == name {
			found = s
		}
	})
	return found
}
