package report

import (
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// deal is a sale with its turns.
type deal struct {
	created time.Time
	amount  *canon.Money
	turns   []dealTurn
	slips   int
	deleted bool
}

type dealTurn struct {
	at     time.Time
	status string // open, won, lost
}

// status is the deal's before a moment, with when it came to be so; "" before it was.
func (d *deal) status(t time.Time) (status string, since time.Time) {
	for _, x := range d.turns {
		if !x.at.Before(t) {
			break
		}
		status, since = x.status, x.at
	}
	return status, since
}

// invoice is a bill with what became of it.
type invoice struct {
	issued, paid, overdue, over time.Time
	total                       canon.Money
	credit, deleted             bool
}

// ticket is a case at support.
type ticket struct {
	opened, replied, solved time.Time
	solves, reopens         int
	escalated, deleted      bool
	// solvedFirst is when it was solved for the first time.
	solvedFirst time.Time
}

// reader reads a customer's events in order of time.
type reader struct {
	story    *story
	deals    map[string]*deal
	invoices map[string]*invoice
	tickets  map[string]*ticket
	subs     map[string]*subscription
	money    []totals
}

func (r *reader) read(e *canon.Event) {
	family, what, _ := strings.Cut(e.Type, ".")
	switch family {
	case "stage":
		r.story.moved(e)
	case "score":
		r.story.felt(e)
	case "deal":
		r.deal(e, what)
	case "invoice":
		r.invoice(e, what)
	case "credit":
		if what == "issued" && e.Amount != nil {
			r.story.invoices = append(r.story.invoices, &invoice{issued: e.OccurredAt, paid: e.OccurredAt, total: *e.Amount, credit: true})
			r.invoices[key(e)] = r.story.invoices[len(r.story.invoices)-1]
		} else if v := r.invoices[key(e)]; v != nil && what == "voided" {
			v.deleted = true
		}
	case "ticket":
		r.ticket(e, what)
	case "subscription":
		r.subscription(e, what)
	}
}

func (r *reader) deal(e *canon.Event, what string) {
	d := r.deals[key(e)]
	if d == nil {
		d = &deal{created: e.OccurredAt}
		r.deals[key(e)] = d
		r.story.deals = append(r.story.deals, d)
	}
	status := ""
	switch what {
	case "created":
		if len(d.turns) == 0 {
			status = "open"
		}
		d.deleted = false
	case "won", "lost":
		status = what
	case "reopened":
		status = "open"
	case "stage_changed", "amount_changed":
		if len(d.turns) == 0 {
			status = "open"
		}
	case "close_date_changed":
		if text(e, "direction") == "later" {
			d.slips++
		}
	case "deleted", "restored":
		d.deleted = what == "deleted"
	}
	if status != "" {
		d.turns = append(d.turns, dealTurn{e.OccurredAt, status})
	}
	if e.Amount != nil {
		m := *e.Amount
		d.amount = &m
	}
}

func (r *reader) invoice(e *canon.Event, what string) {
	v := r.invoices[key(e)]
	if v == nil {
		v = &invoice{}
		r.invoices[key(e)] = v
		r.story.invoices = append(r.story.invoices, v)
	}
	switch what {
	case "issued":
		v.issued = e.OccurredAt
	case "paid":
		v.paid, v.over = e.OccurredAt, e.OccurredAt
	case "overdue":
		if v.overdue.IsZero() {
			v.overdue = e.OccurredAt
		}
	case "voided", "uncollectible":
		v.over = e.OccurredAt
		if what == "voided" {
			v.deleted = true
		}
	case "reopened":
		v.paid, v.over, v.deleted = time.Time{}, time.Time{}, false
	case "deleted", "restored":
		v.deleted = what == "deleted"
	}
	if e.Amount != nil && (what == "issued" || what == "paid" || what == "amount_changed") {
		v.total = *e.Amount
	}
}

func (r *reader) ticket(e *canon.Event, what string) {
	t := r.tickets[key(e)]
	if t == nil {
		t = &ticket{}
		r.tickets[key(e)] = t
		r.story.tickets = append(r.story.tickets, t)
	}
	switch what {
	case "opened":
		t.opened, t.deleted = e.OccurredAt, false
	case "replied":
		if t.replied.IsZero() {
			t.replied = e.OccurredAt
		}
	case "escalated":
		t.escalated = true
	case "solved":
		t.solved = e.OccurredAt
		t.solves++
		if t.solvedFirst.IsZero() {
			t.solvedFirst = e.OccurredAt
		}
	case "reopened":
		t.reopens++
		t.solved = time.Time{}
	case "deleted", "restored":
		t.deleted = what == "deleted"
	}
}
