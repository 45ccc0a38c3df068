package lifecycle

import (
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// state is what the events up to a moment add up to: which contracts run, what is owed, what is open.
type state struct {
	subscriptions map[canon.Ref]*subscription
	invoices      map[canon.Ref]*invoice
	tickets       map[canon.Ref]*ticket
	deals         map[canon.Ref]*deal

	running, trials, ending, pastDue int
	// hadSubscription says that a paid contract ran at some time in this cycle.
	hadSubscription bool
	// mrr sums running contracts per currency, in order of first sight.
	mrr []canon.Money

	// overdue holds the moments since when unpaid invoices are late, oldest first.
	overdue             []int64
	openTickets, urgent int
	openDeals           int
	won, lost           int
}

type subscription struct {
	status  string // "", trial, trial_ended, active, past_due, paused, ended
	notice  bool
	mrr     *canon.Money
	deleted bool
}

type invoice struct {
	overdueSince int64 // 0 while not late
	fellDue      int64 // when it was last late, should it be opened again
	deleted      bool
	settled      bool // paid, or given up
}

type ticket struct{ open, urgent, deleted bool }

type deal struct {
	status  string // open, won, lost
	deleted bool
}

func newState() *state {
	return &state{
		subscriptions: map[canon.Ref]*subscription{},
		invoices:      map[canon.Ref]*invoice{},
		tickets:       map[canon.Ref]*ticket{},
		deals:         map[canon.Ref]*deal{},
	}
}

// apply takes in one event. Events must come in order of time.
func (s *state) apply(e entry) {
	first, what, _ := strings.Cut(e.ev.Type, ".")
	switch first {
	case "subscription":
		sub := at(s.subscriptions, e.ev.Ref)
		s.weighSubscription(sub, -1)
		sub.apply(what, e.ev.Amount)
		s.weighSubscription(sub, 1)
	case "invoice":
		inv := at(s.invoices, e.ev.Ref)
		s.weighInvoice(inv, -1)
		inv.apply(what, e.at)
		s.weighInvoice(inv, 1)
	case "ticket":
		tick := at(s.tickets, e.ev.Ref)
		s.weighTicket(tick, -1)
		tick.apply(what, e.ev.Data)
		s.weighTicket(tick, 1)
	case "deal":
		d := at(s.deals, e.ev.Ref)
		s.weighDeal(d, -1)
		d.apply(what)
		s.weighDeal(d, 1)
	}
}

// at returns the thing that ref names, a new one where it is not known yet.
func at[T any](m map[canon.Ref]*T, ref canon.Ref) *T {
	v, ok := m[ref]
	if !ok {
		v = new(T)
		m[ref] = v
	}
	return v
}

func (b *subscription) apply(what string, amount *canon.Money) {
	switch what {
	case "trial_started":
		b.status, b.deleted = "trial", false
	case "started":
		b.status, b.deleted = "active", false
	case "resumed":
		b.status = "active"
	case "renewed":
		if b.status == "" || b.status == "past_due" {
			b.status = "active"
		}
	case "changed":
		if b.status == "" {
			b.status = "active"
		}
	case "trial_ended":
		if b.status == "trial" {
			b.status = "trial_ended"
		}
	case "past_due":
		b.status = "past_due"
	case "paused":
		b.status = "paused"
	case "cancel_scheduled":
		b.notice = true
	case "cancel_revoked":
		b.notice = false
	case "ended":
		b.notice = false
		if b.status == "trial" || b.status == "trial_ended" {
			b.status = "trial_ended"
			return
		}
		b.status = "ended"
		return
	case "deleted", "restored":
		b.deleted = what == "deleted"
		return
	}
	if amount != nil && (what == "started" || what == "changed" || what == "renewed" || what == "resumed") {
		b.mrr = amount
	}
}

// runs says whether the contract is a paid one that has not ended; a paused one still binds.
func (b *subscription) runs() bool {
	return !b.deleted && (b.status == "active" || b.status == "past_due" || b.status == "paused")
}

// weighSubscription adds (by 1) or takes back (by −1) what the contract adds to the sums.
func (s *state) weighSubscription(b *subscription, by int) {
	if !b.deleted && b.status == "trial" {
		s.trials += by
	}
	if !b.deleted && b.status == "ended" && by > 0 {
		s.hadSubscription = true
	}
	if !b.runs() {
		return
	}
	s.running += by
	s.hadSubscription = true
	if b.notice {
		s.ending += by
	}
	if b.status == "past_due" {
		s.pastDue += by
	}
	if b.mrr == nil {
		return
	}
	i := slices.IndexFunc(s.mrr, func(m canon.Money) bool { return m.Currency == b.mrr.Currency })
	if i < 0 {
		i = len(s.mrr)
		s.mrr = append(s.mrr, canon.Money{Currency: b.mrr.Currency})
	}
	if b.status != "paused" {
		s.mrr[i].Minor += int64(by) * b.mrr.Minor
	}
}

// recurring returns the MRR of the largest currency, nil where no contract ever told one.
func (s *state) recurring() *canon.Money {
	var best *canon.Money
	for i := range s.mrr {
		if best == nil || s.mrr[i].Minor > best.Minor {
			best = &s.mrr[i]
		}
	}
	if best == nil {
		return nil
	}
	m := *best
	return &m
}

func (v *invoice) apply(what string, at int64) {
	switch what {
	case "issued", "restored":
		v.deleted = false
	case "overdue":
		v.overdueSince, v.fellDue = at, at
	case "reopened":
		v.overdueSince, v.settled = v.fellDue, false
	case "paid", "voided", "uncollectible":
		v.overdueSince, v.settled = 0, true
	case "deleted":
		v.deleted = true
	}
}

func (s *state) weighInvoice(v *invoice, by int) {
	if v.deleted || v.overdueSince == 0 {
		return
	}
	i, found := slices.BinarySearch(s.overdue, v.overdueSince)
	switch {
	case by > 0:
		s.overdue = slices.Insert(s.overdue, i, v.overdueSince)
	case found:
		s.overdue = slices.Delete(s.overdue, i, i+1)
	}
}

func (t *ticket) apply(what string, data map[string]any) {
	switch what {
	case "opened":
		priority, _ := data["priority"].(string)
		t.open, t.deleted = true, false
		t.urgent = t.urgent || priority == "urgent"
	case "escalated":
		t.urgent = true
	case "reopened":
		t.open = true
	case "solved":
		t.open = false
	case "deleted", "restored":
		t.deleted = what == "deleted"
	}
}

func (s *state) weighTicket(t *ticket, by int) {
	if t.deleted || !t.open {
		return
	}
	s.openTickets += by
	if t.urgent {
		s.urgent += by
	}
}

func (d *deal) apply(what string) {
	switch what {
	case "created":
		d.deleted = false
		if d.status == "" {
			d.status = "open"
		}
	case "reopened":
		d.status = "open"
	case "won", "lost":
		d.status = what
	case "stage_changed", "amount_changed":
		if d.status == "" {
			d.status = "open"
		}
	case "deleted", "restored":
		d.deleted = what == "deleted"
	}
}

func (s *state) weighDeal(d *deal, by int) {
	if d.deleted {
		return
	}
	switch d.status {
	case "open":
		s.openDeals += by
	case "won":
		s.won += by
	case "lost":
		s.lost += by
	}
}

// newCycle forgets what belongs to the customer's earlier turn.
func (s *state) newCycle() { s.hadSubscription = s.running > 0 }
