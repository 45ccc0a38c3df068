package evidence

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
)

// PlayMoment is a moment of one customer as plays see it.
type PlayMoment struct {
	// Before is the assessment of the moment before, nil at the first; After that of this one.
	Before, After *canon.Assessment
	// Events were told since the moment before, Past before the first.
	Events, Past []canon.Event
	FirstSeen    time.Time
}

// Plays begins a customer's plays under a policy: what it returns is called with one moment after the other, and tells what
// fired and what was held back, and when time alone brings something next, zero for never.
type Plays func(p *lifecycle.Policy) func(PlayMoment) ([]canon.Firing, time.Time)

// playLives is about how many customers are taken through their plays, drawn by lot.
const playLives = 300

// PlayRecord is what a play would have done.
type PlayRecord struct {
	Play  string `json:"play"`
	Title string `json:"title"`
	// Before and After are what fired under the policy in force and under the one on trial.
	Before PlayCount `json:"from"`
	After  PlayCount `json:"to"`
}

// PlayCount counts firings.
type PlayCount struct {
	Fired      int    `json:"fired"`
	Customers  int    `json:"customers"`
	Rate       Number `json:"per_100_months"`
	Suppressed int    `json:"suppressed"`
	// Guards counts what was held back, by guard.
	Guards map[string]int `json:"guards,omitempty"`
	// Right is the share of firings after which the outcome was decided within gap and horizon, of those that can be told.
	Right Interval `json:"right"`
	told  float64
	hits  float64
	of    map[string]bool
}

// PlayTrial replays plays under both policies.
type PlayTrial struct {
	o       Options
	survey  *Survey
	plays   Plays
	records map[string]*PlayRecord
	months  float64
}

// NewPlayTrial begins a trial of the plays of Options.Previous and Options.Policy.
func NewPlayTrial(o Options, v *Survey, plays Plays) *PlayTrial {
	return &PlayTrial{o: o, survey: v, plays: plays, records: map[string]*PlayRecord{}}
}

// firing is a firing with what came after it.
type firing struct {
	canon.Firing
	right, told bool
}

// Add replays a batch of histories.
func (t *PlayTrial) Add(batch []canon.History) {
	type pair struct {
		sides  [2][]firing
		months float64
	}
	for _, p := range inParallel(batch, func(h *canon.History) (out pair) {
		if bucket("plays "+h.Profile.ID, uint64(max(1, t.survey.Customers))) >= playLives {
			return out
		}
		s := newSubject(&t.o, h, nil)
		if len(s.final) == 0 {
			return out
		}
		s.walk()
		from := s.final[0].OccurredAt
		if t.o.From.After(from) {
			from = t.o.From
		}
		out.months = max(0, daysIn(t.o.End.Sub(from))/30.44)
		for side, policy := range [2]*lifecycle.Policy{t.o.Previous, t.o.Policy} {
			out.sides[side] = t.replay(s, policy, from)
		}
		return out
	}) {
		t.months += p.months
		for side, fs := range p.sides {
			for i := range fs {
				t.count(side, &fs[i])
			}
		}
	}
}

// replay takes one customer from day to day: those at whose midnight something is new, the assessment may have changed with
// time alone, or a play waits for its moment.
func (t *PlayTrial) replay(s *subject, p *lifecycle.Policy, from time.Time) []firing {
	step, ahead := t.plays(p), newForward(p, s.told)
	var out []firing
	var before *canon.Assessment
	for at := ceilDay(from); !at.After(t.o.End); {
		a, fresh := ahead.assess(lifecycle.Facts{Customer: s.id, Type: s.typ, Sources: t.survey.began(at)}, at)
		m := PlayMoment{Before: before, After: &a, Events: fresh, FirstSeen: s.final[0].OccurredAt}
		if before == nil {
			m.Past, m.Events = partAt(fresh, from)
		}
		fired, due := step(m)
		for _, f := range fired {
			one := firing{Firing: f}
			one.right, one.told = t.right(s, f.At)
			out = append(out, one)
		}
		before = &a
		next := soonest(a.NextAt, due, ahead.news(), t.survey.begins(at))
		if next.IsZero() {
			break
		}
		at = later(at.Add(24*time.Hour), ceilDay(next))
	}
	return out
}

// partAt parts events into those before a moment and those from then on.
func partAt(events []canon.Event, at time.Time) (before, after []canon.Event) {
	for _, e := range events {
		if e.OccurredAt.Before(at) {
			before = append(before, e)
		} else {
			after = append(after, e)
		}
	}
	return before, after
}

// soonest is the first of the moments that are set, zero where none is.
func soonest(ts ...time.Time) (out time.Time) {
	for _, t := range ts {
		if !t.IsZero() && (out.IsZero() || t.Before(out)) {
			out = t
		}
	}
	return out
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// ceilDay is the first midnight in UTC that is not before t.
func ceilDay(t time.Time) time.Time {
	if day := floorDay(t); day.Before(t) {
		return day.AddDate(0, 0, 1)
	}
	return floorDay(t)
}

// right says whether the outcome was decided soon after a moment, and whether that can be told: observation must have gone on
// for as long, or only outcomes would be counted of those near its end.
func (t *PlayTrial) right(s *subject, at time.Time) (right, told bool) {
	until := at.AddDate(0, 0, t.o.reach())
	if t.o.Label.momentless() {
		st, _ := t.o.Label.outcome(s, scope{at, at, until}, t.o.End)
		return st == positive, st == positive || st == negative
	}
	if until.After(t.o.End) {
		return false, false
	}
	for _, d := range s.decisions(&t.o.Label) {
		if d.decided.After(at) && !d.decided.After(until) {
			return true, true
		}
	}
	return false, true
}

func (t *PlayTrial) count(side int, f *firing) {
	r := t.records[f.Play]
	if r == nil {
		r = &PlayRecord{Play: f.Play, Title: cmp.Or(f.Title, f.Play)}
		t.records[f.Play] = r
	}
	c := &r.Before
	if side == 1 {
		c = &r.After
	}
	if c.of == nil {
		c.of, c.Guards = map[string]bool{}, map[string]int{}
	}
	if f.Suppressed != "" {
		c.Suppressed++
		c.Guards[f.Suppressed]++
		return
	}
	c.Fired++
	c.of[f.Customer] = true
	if f.told {
		c.told++
		c.hits += outcome(f.right)
	}
}

// Records returns what every play would have done, the one that fired most first.
func (t *PlayTrial) Records() []PlayRecord {
	out := []PlayRecord{}
	for _, k := range slices.Sorted(maps.Keys(t.records)) {
		r := t.records[k]
		for _, c := range []*PlayCount{&r.Before, &r.After} {
			c.Customers, c.Rate, c.Right = len(c.of), Number(100*ratio(float64(c.Fired), t.months)), Wilson(c.hits, c.told, Z95)
		}
		out = append(out, *r)
	}
	slices.SortStableFunc(out, func(a, b PlayRecord) int {
		return cmp.Compare(b.Before.Fired+b.After.Fired, a.Before.Fired+a.After.Fired)
	})
	return out
}
