package main

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
	playing "github.com/lifecyclehub/hub/lifecycle/play"
	"github.com/lifecyclehub/hub/store"
)

// planPlays finds out which plays would come at once because of the other policy.
type planPlays struct {
	w     *planner
	modes map[string]string
	of    map[string]*planPlay
	// came counts, per play and day, who comes to it, as the guard against a flood does.
	came      map[planDay]int64
	customers int64
	err       error
}

type planDay struct {
	play string
	day  int64
}

func newPlanPlays(ctx context.Context, w *planner) (*planPlays, error) {
	all, err := w.db.PlayModes(ctx)
	if err != nil {
		return nil, err
	}
	p := &planPlays{w: w, modes: map[string]string{}, of: map[string]*planPlay{}, came: map[planDay]int64{}}
	for key, m := range all {
		p.modes[key] = m.Mode
	}
	return p, p.in(ctx, func(tx *store.Tx) (err error) {
		p.customers, err = tx.LiveCustomers(ctx)
		return err
	})
}

func (p *planPlays) in(ctx context.Context, fn func(*store.Tx) error) error {
	return p.w.db.InTx(ctx, time.Now(), fn)
}

// take takes a customer's plays to where they would stand, and returns the plays that come and would not come otherwise.
func (p *planPlays) take(ctx context.Context, x *planned, stored canon.PlayState) ([]string, error) {
	if p.w.terms.quiet {
		return nil, nil
	}
	prev, err := playing.Decode(stored.Doc)
	if err != nil {
		// A damaged one is made anew from where the customer stood, and fires nothing.
		prev = playing.State{}
	}
	without := map[string]bool{}
	nobody := func(string, time.Time) bool { return false }
	if p.w.from != nil {
		for _, f := range p.walk(p.w.from, x, prev, &x.now, nobody) {
			without[f.ID] = true
		}
	}
	// The state belongs to the walk that it is handed to.
	if prev, err = playing.Decode(stored.Doc); err != nil {
		prev = playing.State{}
	}
	var keys []string
	for _, f := range p.walk(p.w.to.policy, x, prev, &x.then, func(key string, at time.Time) bool { return p.held(ctx, key, at) }) {
		if without[f.ID] {
			continue
		}
		one := p.of[f.Play]
		if one == nil {
			one = &planPlay{Play: f.Play, Mode: f.Mode}
			p.of[f.Play] = one
		}
		switch {
		case f.Suppressed != "":
			one.HeldBack++
			continue
		case f.Holdout:
			one.Holdout++
		case f.Told():
			one.Told++
		}
		one.Fires++
		keys = append(keys, f.Play)
	}
	return keys, p.err
}

// walk takes plays from the assessment in the store to another one.
func (p *planPlays) walk(policy *lifecycle.Policy, x *planned, prev playing.State, after *canon.Assessment, fleet func(string, time.Time) bool) []canon.Firing {
	m := playing.Moment{Before: x.history.Assessment, After: after, Fields: x.facts.Fields, Modes: p.modes, Fleet: fleet}
	if m.Before != nil && m.Before.Policy == "" {
		m.Before = nil
	}
	for _, e := range x.facts.Events {
		if !strings.HasPrefix(e.Type, "milestone.") && (m.FirstSeen.IsZero() || e.OccurredAt.Before(m.FirstSeen)) {
			m.FirstSeen = e.OccurredAt
		}
		if m.Before != nil && !e.RecordedAt.After(m.Before.RecordedAt.Truncate(time.Microsecond)) {
			m.Past = append(m.Past, e)
		} else {
			m.Events = append(m.Events, e)
		}
	}
	facts := x.facts
	facts.Events = m.Past
	_, out, _ := playing.Walk(policy, prev, m, func(at time.Time) canon.Assessment {
		a := policy.Assess(facts, at).Assessment
		a.Customer = x.history.Profile.ID
		return a
	})
	return out
}

// held says whether one more customer is too many for a play on a day.
func (p *planPlays) held(ctx context.Context, key string, at time.Time) bool {
	from := at.UTC().Truncate(24 * time.Hour)
	d := planDay{key, from.Unix()}
	if _, known := p.came[d]; !known {
		err := p.in(ctx, func(tx *store.Tx) error {
			came, _, err := tx.CameOn(ctx, key, from, from.Add(24*time.Hour))
			p.came[d] = came
			return err
		})
		if p.err == nil {
			p.err = err
		}
	}
	p.came[d]++
	rules := p.w.to.policy.PlayRules()
	return rules.FleetShare > 0 && p.came[d] >= int64(rules.FleetLeast) && float64(p.came[d]) > rules.FleetShare*float64(max(p.customers, 1))
}

func (p *planPlays) tell() []planPlay {
	out := []planPlay{}
	for _, key := range slices.Sorted(maps.Keys(p.of)) {
		out = append(out, *p.of[key])
	}
	return out
}
