package play

import (
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
)

const (
	// grace is how late the clock may tick for the present assessment to stand for that of the moment that was due.
	grace = time.Hour
	// mostMoments bounds how many moments that were missed are made up for.
	mostMoments = 400
)

// Walk is Step over the moments between the assessment before and the one now at which the answer changed with time alone,
// so that it does not matter when the clock ticked. Look assesses the customer at a moment by what was known before m's
// events; it is asked only where the clock came late, or an event before it.
func Walk(p *lifecycle.Policy, prev State, m Moment, look func(time.Time) canon.Assessment) (State, []canon.Firing, time.Time) {
	if m.Before == nil || m.Quiet {
		return Step(p, prev, m)
	}
	now, after, events := m.After.At, m.After, m.Events
	state, out := prev, []canon.Firing(nil)
	step := func(at time.Time, a *canon.Assessment) (next time.Time) {
		var fs []canon.Firing
		m.At, m.After = at, a
		state, fs, next = Step(p, state, m)
		out = append(out, fs...)
		m.Before, m.Past = a, nil
		return next
	}
	m.Events = nil
	due := m.Before.NextAt
	switch {
	case due.IsZero() || !due.Before(now):
	case len(events) == 0 && now.Sub(due) <= grace:
		step(due, after)
	default:
		for n := 0; !due.IsZero() && due.Before(now) && n < mostMoments; n++ {
			a := look(due)
			a.At = due
			step(due, &a)
			due = a.NextAt
		}
	}
	m.Events = events
	next := step(now, after)
	return state, out, next
}
