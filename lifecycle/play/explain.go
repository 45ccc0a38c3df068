package play

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
)

// Answer is what the trigger or a guard of a play says about a customer at a moment.
type Answer struct {
	// Guard is trigger, mode, holdout or one of Guards.
	Guard string `json:"guard"`
	// Passes says that nothing is in the way there.
	Passes bool `json:"passes"`
	// Words is one sentence.
	Words string `json:"words"`
}

// Explain says why a play would or would not come for a customer if its moment were m, guard by guard, and whether all of
// them let it. Nothing is changed by asking.
func Explain(p *lifecycle.Policy, key string, prev State, m Moment) (answers []Answer, fires bool) {
	w, x := asked(p, prev, m)
	for _, pl := range w.plays {
		if pl.Key != key {
			continue
		}
		o := w.of(key)
		now := w.m.At.UnixMicro()
		answers = append(answers, w.trigger(pl, o, now))
		fires = answers[0].Passes
		mode := w.mode(pl)
		looked := mode != canon.PlayProposed && mode != canon.PlayDeprecated
		answers = append(answers, Answer{"mode", looked, fmt.Sprintf("The play is %s.", mode)})
		fires = fires && looked
		for _, c := range checks() {
			if c.guard == guardNotHeld {
				continue // the trigger says so
			}
			reason, _ := c.ask(w, pl, o, x, now)
			a := Answer{c.guard, reason == "", reason}
			if reason == "" {
				a.Words = "Nothing in the way."
			}
			answers = append(answers, a)
			fires = fires && a.Passes
		}
		held := pl.Holdout > 0 && drawn(w.rules.Seed, key, m.After.Customer, pl.Holdout)
		words := "The customer is not of the share that does not get it."
		if held {
			words = "The customer is of the share that does not get it."
		}
		answers = append(answers, Answer{"holdout", !held, words})
		return answers, fires && !held
	}
	return nil, false
}

// asked prepares a step for questions.
func asked(p *lifecycle.Policy, prev State, m Moment) (*walk, waiting) {
	if m.At.IsZero() {
		m.At = m.After.At
	}
	w := newWalk(p, prev, m)
	now := m.At.UnixMicro()
	w.view = w.viewOf(m.After, now)
	return w, waiting{Key: "on", Since: now, Due: now}
}

// trigger says how a trigger stands.
func (w *walk) trigger(p *lifecycle.Play, o *one, now int64) Answer {
	if len(o.Waiting) > 0 {
		x := slices.MinFunc(o.Waiting, func(a, b waiting) int { return cmp.Compare(a.Due, b.Due) })
		if x.Logged {
			return Answer{"trigger", true, fmt.Sprintf("Its moment came, it was held back, and it is tried again on %s, until %s at the latest.", dayOf(x.Due), dayOf(x.Until))}
		}
		return Answer{"trigger", x.Due <= now, fmt.Sprintf("%s: it comes on %s.", Words(p.Trigger), time.UnixMicro(x.Due).UTC().Format("2006-01-02 15:04"))}
	}
	switch p.Trigger.Kind {
	case lifecycle.TriggerEvent:
		return Answer{"trigger", false, fmt.Sprintf("It comes with an event: %s. None is waiting.", Words(p.Trigger))}
	case lifecycle.TriggerBefore:
		if o.Date == 0 {
			return Answer{"trigger", false, fmt.Sprintf("It comes %s. The date is not known.", Words(p.Trigger))}
		}
		return Answer{"trigger", false, fmt.Sprintf("It comes %s, which is %s. Nothing is left to come before that.", Words(p.Trigger), dayOf(o.Date))}
	}
	c := w.condition(p, o, now)
	last := ""
	if c.last != "" {
		last = " Now: " + c.last + "."
	}
	switch {
	case !c.known:
		return Answer{"trigger", false, fmt.Sprintf("%s: not known.", Words(p.Trigger))}
	case c.on && o.On && p.Trigger.Kind != lifecycle.TriggerLeaves:
		return Answer{"trigger", true, fmt.Sprintf("%s: so it is since %s; it comes when that begins anew.%s", Words(p.Trigger), dayOf(o.Since), last)}
	case c.on && p.Trigger.Kind != lifecycle.TriggerLeaves:
		return Answer{"trigger", true, fmt.Sprintf("%s: so it is.%s", Words(p.Trigger), last)}
	}
	return Answer{"trigger", false, fmt.Sprintf("%s: not so.%s", Words(p.Trigger), last)}
}

// Best returns the play of the highest precedence whose state holds for the customer and that no guard would hold back:
// the next best action. It is false where there is none.
func Best(p *lifecycle.Policy, prev State, m Moment) (lifecycle.Play, bool) {
	w, x := asked(p, prev, m)
	now := w.m.At.UnixMicro()
	w.m.Fleet = nil
	for _, pl := range w.plays {
		mode := w.mode(pl)
		if mode != canon.PlayLive && mode != canon.PlayShadow {
			continue
		}
		o := w.of(pl.Key)
		if !w.trigger(pl, o, now).Passes || pl.Holdout > 0 && drawn(w.rules.Seed, pl.Key, m.After.Customer, pl.Holdout) {
			continue
		}
		free := true
		for _, c := range checks() {
			if c.guard == guardNotHeld {
				continue
			}
			reason, _ := c.ask(w, pl, o, x, now)
			free = free && reason == ""
		}
		if free {
			return *pl, true
		}
	}
	return lifecycle.Play{}, false
}
