package evidence

import (
	"cmp"
	"slices"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
)

// forward assesses a customer at one moment after the other. As long as what is known only grows by what a book takes, it
// goes on from the moment before instead of from the beginning; the answers are those of Policy.Assess.
type forward struct {
	policy *lifecycle.Policy
	// told are all statements in the order in which they became known; next is the first that is not yet.
	told []believed
	next int
	// lost are those that were taken back later, in the order in which they were.
	lost []believed
	gone int
	book *lifecycle.Book
	at   time.Time
}

// known is when a statement became known: told of, and come about.
func (b *believed) known() time.Time {
	if b.ev.OccurredAt.After(b.from) {
		return b.ev.OccurredAt
	}
	return b.from
}

// newForward begins at the beginning. A moment before the last one begins again.
func newForward(p *lifecycle.Policy, told []believed) *forward {
	f := &forward{policy: p, told: slices.Clone(told)}
	slices.SortStableFunc(f.told, func(a, b believed) int {
		return cmp.Or(a.known().Compare(b.known()), a.ev.OccurredAt.Compare(b.ev.OccurredAt))
	})
	for _, b := range told {
		if !b.until.IsZero() && b.until.After(b.known()) {
			f.lost = append(f.lost, b)
		}
	}
	slices.SortFunc(f.lost, func(a, b believed) int { return a.until.Compare(b.until) })
	return f
}

// learn moves on to a moment, and returns what became known since the one before and is still believed, and whether
// something was taken back.
func (f *forward) learn(t time.Time) (fresh []canon.Event, withdrawn bool) {
	if t.Before(f.at) {
		f.next, f.gone, f.book = 0, 0, nil
	}
	for ; f.next < len(f.told) && !f.told[f.next].known().After(t); f.next++ {
		if b := &f.told[f.next]; b.until.IsZero() || b.until.After(t) {
			fresh = append(fresh, b.ev)
		}
	}
	for ; f.gone < len(f.lost) && !f.lost[f.gone].until.After(t); f.gone++ {
		withdrawn = withdrawn || !f.lost[f.gone].known().After(f.at)
	}
	f.at = t
	return fresh, withdrawn
}

// believed returns what was known at the moment that was reached.
func (f *forward) believed() []canon.Event {
	events := make([]canon.Event, 0, f.next)
	for i := range f.told[:f.next] {
		if b := &f.told[i]; b.until.IsZero() || b.until.After(f.at) {
			events = append(events, b.ev)
		}
	}
	return events
}

// assess answers for a moment, and returns what became known since the one before. The facts hold no events.
func (f *forward) assess(facts lifecycle.Facts, t time.Time) (canon.Assessment, []canon.Event) {
	fresh, withdrawn := f.learn(t)
	if f.book == nil || withdrawn || !f.book.Fits(facts, t) || !f.book.Add(fresh) {
		f.book = f.policy.Open(facts)
		// A book without anything folded takes every event.
		f.book.Add(f.believed())
	}
	return f.book.Assess(facts, t).Assessment, fresh
}

// news is when something is next told or taken back, zero for never.
func (f *forward) news() (next time.Time) {
	if f.next < len(f.told) {
		next = f.told[f.next].known()
	}
	if f.gone < len(f.lost) {
		next = soonest(next, f.lost[f.gone].until)
	}
	return next
}
