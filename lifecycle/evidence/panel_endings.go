package evidence

import (
	"math"
	"slices"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
)

// ending is a decision with what the score said before it.
type ending struct {
	customer string
	decision
	mrr float64
	// band and score are those of the day before the decision; since is when that band began, zero where it is not known.
	band  string
	score float64
	since time.Time
	// early is the band 60 days before the outcome came about, "" where the customer was none then.
	early string
	// everRed says that one of the rows before was red; firstRed begins the last unbroken run of red rows.
	everRed  bool
	firstRed time.Time
	x        []float64
}

// endings looks at every decision that a row was there to foresee: what was said on the day before it?
func (r *replay) endings() {
	if r.o.Label.momentless() || len(r.life.rows) == 0 {
		return
	}
	if len(r.decisions(&r.o.Label)) == 0 {
		r.control()
	}
	near, early := newForward(r.o.Policy, r.told), newForward(r.o.Policy, r.told)
	at := func(f *forward, t time.Time) canon.Assessment {
		a, _ := f.assess(lifecycle.Facts{Customer: r.id, Type: r.typ, Sources: r.survey.began(t)}, t)
		return a
	}
	for _, d := range r.decisions(&r.o.Label) {
		before := d.decided.AddDate(0, 0, -1)
		first := r.life.rows[0].At
		if before.Before(first) || d.decided.After(r.o.End) || !r.o.To.IsZero() && d.decided.After(r.o.To.AddDate(0, 0, r.o.reach())) {
			continue
		}
		a := at(near, before)
		if !r.active(&a) {
			continue
		}
		score := scoreNamed(&a, r.o.Score)
		e := ending{customer: r.id, decision: d, band: score.Band, score: math.NaN(), since: score.BandSince, x: r.schema.row(&a, r.known(before), before)}
		if score.Value != nil {
			e.score = *score.Value
		}
		if a.MRR != nil {
			e.mrr = major(a.MRR)
		}
		if t := d.came.AddDate(0, 0, -60); !t.Before(r.first) {
			was := at(early, t)
			if r.active(&was) {
				e.early = scoreNamed(&was, r.o.Score).Band
			}
		}
		r.redBefore(&e)
		r.life.ends = append(r.life.ends, e)
	}
}

// controlShare is how many customers without a decision are looked at for each with one.
const controlShare = 4

// control looks at a customer without a decision on a day before others decided, so that what the day itself brings is
// not taken for what the decision brings.
func (r *replay) control() {
	when := r.survey.when
	stayers := max(1, r.survey.Customers-r.survey.Leavers)
	if len(when) == 0 || bucket("control "+r.id, 1000) >= uint64(1000*controlShare*max(1, r.survey.Leavers)/stayers) {
		return
	}
	at := when[bucket("moment "+r.id, uint64(len(when)))].AddDate(0, 0, -1)
	if at.Before(r.life.rows[0].At) || at.After(r.o.End) {
		return
	}
	if a := r.assess(r.o.Policy, at, r.survey.began(at)); r.active(&a) {
		r.life.controls = append(r.life.controls, r.schema.row(&a, r.known(at), at))
	}
}

// momentOf is the last moment at or before t.
func (s *Study) momentOf(t time.Time) int {
	n, found := slices.BinarySearchFunc(s.moments, t, func(m snapshot, t time.Time) int { return m.at.Compare(t) })
	if found {
		return n
	}
	return max(0, n-1)
}

// redBefore looks for red rows before the decision.
func (r *replay) redBefore(e *ending) {
	for _, row := range r.life.rows {
		if !row.At.Before(e.decided) {
			break
		}
		if row.Band != bandRed {
			e.firstRed = time.Time{}
			continue
		}
		e.everRed = true
		if e.firstRed.IsZero() {
			e.firstRed = row.At
		}
	}
}
