package play

import (
	"cmp"
	"slices"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
)

// Moment is what a customer came to.
type Moment struct {
	// At is from when After holds; zero for After's own moment.
	At time.Time
	// Before is the assessment that held until then, nil where there was none.
	Before, After *canon.Assessment
	// Fields are those of the golden record, by name.
	Fields map[string]string
	// Events were told since the last moment, Past before: they fire nothing, but may tell a date.
	Events, Past []canon.Event
	// FirstSeen is the earliest moment known of the customer.
	FirstSeen time.Time
	// Modes are those that an operator set, by play.
	Modes map[string]string
	// Quiet says that what changed is history: nothing comes of it.
	Quiet bool
	// Fleet says whether so many customers come to a play on that day that it is held back; nil for never. It is asked
	// once for each time that nothing else holds the play back.
	Fleet func(play string, at time.Time) bool
}

// Step takes a customer's plays to the moment. It returns the new state, what fired or was held back, and when time alone
// will next bring something; zero for never. The same moments in the same order give the same, and a moment at which
// nothing changed changes nothing.
func Step(p *lifecycle.Policy, prev State, m Moment) (State, []canon.Firing, time.Time) {
	if m.At.IsZero() {
		m.At = m.After.At
	}
	w := newWalk(p, prev, m)
	now := m.At.UnixMicro()
	if w.state.Set != "" && now < w.state.At && !m.Quiet {
		// Time does not run backwards: what comes before was looked at.
		return prev, nil, w.next(now)
	}
	if w.begin() {
		if m.Before != nil {
			w.between(now)
		}
		w.view = w.viewOf(m.After, now)
		w.take(now)
		w.due(now)
	}
	w.state.At = max(w.state.At, now)
	w.state.prune(p, now)
	return w.state, w.out, w.next(now)
}

// walk is one step.
type walk struct {
	policy *lifecycle.Policy
	rules  *lifecycle.PlayRules
	plays  []*lifecycle.Play
	m      Moment
	state  State
	view   lifecycle.View
	out    []canon.Firing
}

func newWalk(p *lifecycle.Policy, prev State, m Moment) *walk {
	return &walk{policy: p, rules: p.Deck().Rules, plays: p.Deck().Plays, m: m, state: prev.clone()}
}

// viewOf returns an assessment as it was at the moment.
func (w *walk) viewOf(a *canon.Assessment, at int64) lifecycle.View {
	c := *a
	c.At = time.UnixMicro(at).UTC()
	return lifecycle.View{Assessment: &c, Fields: w.m.Fields}
}

// of returns what is kept of a play.
func (w *walk) of(key string) *one {
	o := w.state.Plays[key]
	if o == nil {
		o = &one{}
		w.state.Plays[key] = o
	}
	return o
}

func (w *walk) mode(p *lifecycle.Play) string {
	if m := w.m.Modes[p.Key]; m != "" {
		return m
	}
	return p.Mode
}

// begin puts plays that are new into the state in which the customer was before, and says whether to go on.
func (w *walk) begin() bool {
	set, now := w.policy.Deck().Set, w.m.At.UnixMicro()
	fresh, other := w.state.Set == "", w.state.Set != set
	w.state.Set = set
	late := w.m.At.Add(-w.rules.Late)
	switch {
	case w.m.Quiet || fresh && w.m.Before == nil && (w.m.FirstSeen.IsZero() || w.m.FirstSeen.Before(late)):
		w.view = w.viewOf(w.m.After, now)
		w.baseline(now, w.m.Quiet)
		return false
	case other && w.m.Before != nil:
		from := w.m.Before.At.UnixMicro()
		w.view = w.viewOf(w.m.Before, from)
		w.baseline(from, false)
	}
	if fresh {
		w.state.At = now
		if w.m.Before != nil {
			w.state.At = min(now, w.m.Before.At.UnixMicro())
		}
	}
	return true
}

// baseline takes every trigger into the state that the view shows, without anything coming of it. Unless all is quiet,
// plays that ask for it are left to come for those who are in their state already.
func (w *walk) baseline(at int64, quiet bool) {
	for _, p := range w.plays {
		o := w.state.Plays[p.Key]
		if o == nil {
			o = &one{}
		}
		c := w.condition(p, o, at)
		switch {
		case quiet:
			// What was on the way to its moment was so for reasons of the past.
			o.Waiting, o.On, o.Since = nil, c.known && c.on || !c.known && o.On, at
		case w.state.Plays[p.Key] == nil && c.known && c.on && !p.EnterNow:
			o.On, o.Since = true, at
		}
		if !o.On {
			o.Since = 0
		}
		if v, known := w.number(&p.Trigger); known && swings(&p.Trigger) {
			o.read(&p.Trigger, at, v)
		}
		past := w.m.Past
		if quiet {
			past = slices.Concat(past, w.m.Events)
		}
		w.learn(p, o, past, at)
		w.state.Plays[p.Key] = o
	}
}

// between brings the moments before now, by the assessment that held until then.
func (w *walk) between(now int64) {
	w.view = w.viewOf(w.m.Before, w.state.At)
	w.blackouts(now)
	for {
		at := w.earliest(now)
		if at >= now {
			return
		}
		w.view = w.viewOf(w.m.Before, at)
		w.due(at)
	}
}

// earliest returns when the first of what waits is due, and otherwise where there is none before it.
func (w *walk) earliest(otherwise int64) int64 {
	for _, o := range w.state.Plays {
		for _, x := range o.Waiting {
			otherwise = min(otherwise, x.Due)
		}
	}
	return otherwise
}

// blackouts notes which of them hold at the moment.
func (w *walk) blackouts(at int64) {
	for _, b := range w.rules.Blackouts {
		if b.When.Holds(w.view) {
			if w.state.Blackouts == nil {
				w.state.Blackouts = map[string]int64{}
			}
			w.state.Blackouts[b.Key] = at
		}
	}
}

// take takes in what is new at the moment.
func (w *walk) take(now int64) {
	w.blackouts(now)
	events := slices.Clone(w.m.Events)
	slices.SortFunc(events, func(a, b canon.Event) int {
		if c := a.OccurredAt.Compare(b.OccurredAt); c != 0 {
			return c
		}
		return cmp.Compare(a.ID, b.ID)
	})
	for _, p := range w.plays {
		if mode := w.mode(p); mode == canon.PlayProposed || mode == canon.PlayDeprecated {
			w.of(p.Key).Waiting = nil
		}
		switch p.Trigger.Kind {
		case lifecycle.TriggerEvent:
			w.happened(p, events, now)
		case lifecycle.TriggerBefore:
			w.learn(p, w.of(p.Key), events, now)
		default:
			w.move(p, now)
		}
	}
}

// due brings what is due by the moment, in the order of precedence.
func (w *walk) due(at int64) {
	for _, p := range w.plays {
		o := w.state.Plays[p.Key]
		if o == nil || len(o.Waiting) == 0 {
			continue
		}
		var left, ready []waiting
		for _, x := range o.Waiting {
			if x.Due <= at {
				ready = append(ready, x)
			} else {
				left = append(left, x)
			}
		}
		slices.SortStableFunc(ready, func(a, b waiting) int {
			return cmp.Or(cmp.Compare(a.Due, b.Due), cmp.Compare(a.Key, b.Key))
		})
		o.Waiting = left
		for _, x := range ready {
			w.attempt(p, o, x, at)
		}
	}
}

// next returns when time alone brings something; zero for never.
func (w *walk) next(now int64) time.Time {
	const never = int64(1) << 62
	at := w.earliest(never)
	for _, p := range w.plays {
		if o := w.state.Plays[p.Key]; o != nil && o.Date > now {
			at = min(at, o.Date)
		}
	}
	if w.view.Assessment != nil {
		for _, p := range w.plays {
			if t := p.Trigger.When.Next(w.view); !t.IsZero() {
				at = min(at, t.UnixMicro())
			}
		}
	}
	if at == never {
		return time.Time{}
	}
	return time.UnixMicro(max(at, now+1)).UTC()
}
