package report

import (
	"slices"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// swap is the time within which changes of a customer's contracts are one change: one plan exchanged for another.
const swap = time.Hour

// subscription is a contract as far as it has been read.
type subscription struct {
	status  string // "", trial, active, paused, ended
	mrr     *canon.Money
	deleted bool
	renews  time.Time
	ends    time.Time
	since   time.Time
}

// contracts are what is told of a customer's contracts beside money.
type contracts struct {
	// first is when the first paid one began, by any of them.
	first time.Time
	ends  []ending
	// subs are their last states.
	subs []*subscription
	// lapses are late payments, recovered where until is not zero.
	lapses []lapse
	// renewals are the moments of renewals, upsells and crosses those of expansions of one and of further contracts.
	renewals, upsells, crosses []time.Time
	notices                    []time.Time
}

// ending is a contract's end with the reason that was told.
type ending struct {
	at     time.Time
	reason string
	amount *canon.Money
}

type lapse struct {
	from, to time.Time
	amount   *canon.Money
	lost     bool
	key      string
}

// purse is the recurring revenue in one currency.
type purse struct {
	currency string
	marks    []mark
}

// mark is a moment from which an amount holds, and what rests beside it.
type mark struct {
	at          time.Time
	mrr, paused int64
}

// at is the recurring revenue before a moment.
func (p *purse) at(t time.Time) int64 {
	v := int64(0)
	for i := range p.marks {
		if !p.marks[i].at.Before(t) {
			break
		}
		v = p.marks[i].mrr
	}
	return v
}

// totals are the sums of a customer's contracts from a moment on.
type totals struct {
	at     time.Time
	active bool
	money  []amounts
}

type amounts struct {
	currency    string
	mrr, paused int64
}

func (r *reader) subscription(e *canon.Event, what string) {
	k := key(e)
	b := r.subs[k]
	if b == nil {
		b = &subscription{}
		r.subs[k] = b
		r.story.contract.subs = append(r.story.contract.subs, b)
	}
	c := &r.story.contract
	switch what {
	case "started":
		if !r.running() {
			c.first = earliest(c.first, e.OccurredAt)
		} else if b.status == "" || b.status == "trial" {
			c.crosses = append(c.crosses, e.OccurredAt)
		}
		b.since = e.OccurredAt
	case "changed":
		if text(e, "movement") == "expansion" {
			c.upsells = append(c.upsells, e.OccurredAt)
		}
	case "renewed":
		c.renewals = append(c.renewals, e.OccurredAt)
		b.renews = moment(text(e, "renews_at"))
	case "cancel_scheduled":
		c.notices = append(c.notices, e.OccurredAt)
		b.ends = moment(text(e, "ends_at"))
	case "cancel_revoked":
		b.ends = time.Time{}
	case "past_due":
		c.lapses = append(c.lapses, lapse{from: e.OccurredAt, amount: b.mrr, key: k})
	case "ended":
		if b.status != "trial" && b.status != "" || e.Amount != nil && e.Amount.Minor > 0 {
			c.ends = append(c.ends, ending{e.OccurredAt, text(e, "reason"), e.Amount})
		}
	}
	r.settle(e, what, k)
	b.apply(what, e.Amount)
	r.money = append(r.money, r.total(e.OccurredAt))
}

// settle closes late payments.
func (r *reader) settle(e *canon.Event, what, k string) {
	if what != "resumed" && what != "renewed" && what != "ended" {
		return
	}
	lapses := r.story.contract.lapses
	for i := range lapses {
		if l := &lapses[i]; l.key == k && l.to.IsZero() {
			l.to, l.lost = e.OccurredAt, what == "ended"
		}
	}
}

// running says whether any contract is in force.
func (r *reader) running() bool {
	for _, b := range r.story.contract.subs {
		if b.runs() {
			return true
		}
	}
	return false
}

// runs says whether the contract is a paid one in force; a resting one still binds.
func (b *subscription) runs() bool {
	return !b.deleted && (b.status == "active" || b.status == "paused") && (b.mrr == nil || b.mrr.Minor > 0)
}

func (b *subscription) apply(what string, amount *canon.Money) {
	switch what {
	case "trial_started":
		b.status, b.deleted = "trial", false
	case "started":
		b.status, b.deleted = "active", false
	case "resumed":
		b.status = "active"
	case "renewed", "changed", "past_due":
		// A late payment is owed all the same.
		if b.status == "" {
			b.status = "active"
		}
	case "paused":
		b.status = "paused"
	case "ended":
		b.status = "ended"
		return
	case "deleted", "restored":
		b.deleted = what == "deleted"
		return
	}
	if amount != nil && what != "cancel_scheduled" && what != "cancel_revoked" && what != "price_changed" {
		m := *amount
		b.mrr = &m
	}
}

// total sums the contracts up.
func (r *reader) total(at time.Time) totals {
	t := totals{at: at}
	for _, b := range r.story.contract.subs {
		if !b.runs() {
			continue
		}
		t.active = true
		if b.mrr == nil {
			continue
		}
		i := slices.IndexFunc(t.money, func(a amounts) bool { return a.currency == b.mrr.Currency })
		if i < 0 {
			i = len(t.money)
			t.money = append(t.money, amounts{currency: b.mrr.Currency})
		}
		if b.status == "paused" {
			t.money[i].paused += b.mrr.Minor
		} else {
			t.money[i].mrr += b.mrr.Minor
		}
	}
	return t
}

// close takes changes that belong together as one, and writes them down per currency.
func (r *reader) close() {
	s := r.story
	for i := 0; i < len(r.money); {
		first := r.money[i].at
		last := r.money[i]
		for i < len(r.money) && r.money[i].at.Sub(first) < swap {
			last = r.money[i]
			i++
		}
		if on := len(s.active) > 0 && s.active[len(s.active)-1].on; on != last.active {
			s.active = append(s.active, turn{first, last.active})
		}
		for _, a := range last.money {
			if !slices.ContainsFunc(s.purses, func(p purse) bool { return p.currency == a.currency }) {
				s.purses = append(s.purses, purse{currency: a.currency})
			}
		}
		for j := range s.purses {
			s.purses[j].note(first, last.money)
		}
	}
}

func (p *purse) note(at time.Time, sums []amounts) {
	m := mark{at: at}
	for _, a := range sums {
		if a.currency == p.currency {
			m.mrr, m.paused = a.mrr, a.paused
		}
	}
	was := mark{}
	if n := len(p.marks); n > 0 {
		was = p.marks[n-1]
	}
	if was.mrr != m.mrr || was.paused != m.paused {
		p.marks = append(p.marks, m)
	}
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// moment reads a date of an event's data, zero where it is none.
func moment(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// movements of recurring revenue.
const (
	moveNew = iota
	moveReactivation
	moveExpansion
	moveContraction
	moveChurn
	moves
)

var moveNames = [moves]string{"new", "reactivation", "expansion", "contraction", "churn"}

// movement is one change of a customer's recurring revenue in one currency; its amount is never negative.
type movement struct {
	at     time.Time
	kind   int
	amount int64
}

// movements tells every change in order of time. What falls to nothing while a contract rests is contraction, and what
// comes back from there expansion: nobody left.
func (p *purse) movements() []movement {
	var out []movement
	paid, rested := false, false
	was := int64(0)
	for _, m := range p.marks {
		d := m.mrr - was
		switch {
		case d > 0 && was > 0, d > 0 && rested:
			out = append(out, movement{m.at, moveExpansion, d})
		case d > 0 && !paid:
			out = append(out, movement{m.at, moveNew, d})
		case d > 0:
			out = append(out, movement{m.at, moveReactivation, d})
		case d < 0 && m.mrr == 0 && m.paused == 0:
			out = append(out, movement{m.at, moveChurn, -d})
		case d < 0:
			out = append(out, movement{m.at, moveContraction, -d})
		}
		paid = paid || m.mrr > 0
		rested = m.mrr == 0 && m.paused > 0 && paid
		was = m.mrr
	}
	return out
}
