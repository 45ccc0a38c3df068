package main

import (
	"context"
	"fmt"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
	"github.com/lifecyclehub/hub/store"
)

// populate makes up the customers: companies that were won, pay monthly, use the product and sometimes ask for help.
func (b *assessBench) populate(ctx context.Context, o assessOptions) (events int, err error) {
	const atOnce = 500
	for done := 0; done < o.customers; done += atOnce {
		n := min(atOnce, o.customers-done)
		err := b.db.InTx(ctx, b.now, func(tx *store.Tx) error {
			profiles, entities := make([]canon.Profile, n), make([]*canon.StoredEntity, n)
			for i := range n {
				name := fmt.Sprintf("Company %d", done+i)
				ref := canon.Ref{Connection: "x", Stream: string(canon.KindCompany), ID: fmt.Sprint(done + i)}
				id := canon.ID("cus", ref.String())
				profiles[i] = canon.Profile{ID: id, Type: "company", Name: name}
				entities[i] = &canon.StoredEntity{Record: int64(done + i + 1), Customer: id, Why: "source", Node: id, Cluster: id, Hash: fmt.Sprint(i),
					Entity: canon.Entity{Kind: canon.KindCompany, Ref: ref, Body: &canon.Company{Name: name}}}
			}
			if err := tx.EnsureCustomers(ctx, profiles); err != nil {
				return err
			}
			if err := tx.PutEntities(ctx, entities); err != nil {
				return err
			}
			var all []canon.StoredEvent
			for _, e := range entities {
				for _, ev := range b.life(e.Customer) {
					all = append(all, canon.StoredEvent{Event: ev, Entity: e.Row, Revision: 1})
				}
			}
			events += len(all)
			return tx.AddEvents(ctx, all)
		})
		if err != nil {
			return events, err
		}
	}
	o.told("%d customers with %d events made up, %.0f MiB at most so far", o.customers, events, peakMiB())
	return events, nil
}

// life makes up a customer's events.
func (b *assessBench) life(customer string) []canon.Event {
	var out []canon.Event
	add := func(daysAgo int, typ, thing string, kind canon.Kind, minor int64) {
		one := 1.0
		e := canon.Event{Type: typ, Customer: customer, Kind: kind, Ref: canon.Ref{Connection: "x", Stream: string(kind), ID: customer + thing},
			OccurredAt: b.now.Add(-time.Duration(daysAgo)*24*time.Hour - time.Duration(b.rand.IntN(86400))*time.Second), Value: &one, Summary: "Something happened: " + typ}
		if minor > 0 {
			e.Amount = &canon.Money{Minor: minor, Currency: "EUR"}
		}
		if kind == canon.KindUsage {
			e.Data = map[string]any{"feature": fmt.Sprint("feature", b.rand.IntN(5))}
		}
		e.ID = canon.ID("ev", customer, fmt.Sprint(len(out)))
		out = append(out, e)
	}
	age := 120 + b.rand.IntN(500)
	add(age, "company.created", "", canon.KindCompany, 0)
	add(age-10, "deal.created", "d", canon.KindDeal, 120_000)
	add(age-20, "deal.won", "d", canon.KindDeal, 120_000)
	add(age-21, "subscription.started", "s", canon.KindSubscription, 10_000)
	for m := range 2 + b.rand.IntN(3) {
		add(90-30*m/2, "invoice.issued", fmt.Sprint("i", m), canon.KindInvoice, 10_000)
		if b.rand.IntN(10) > 0 {
			add(85-30*m/2, "invoice.paid", fmt.Sprint("i", m), canon.KindInvoice, 10_000)
		} else {
			add(80-30*m/2, "invoice.overdue", fmt.Sprint("i", m), canon.KindInvoice, 10_000)
		}
	}
	silent := b.rand.IntN(60)
	for u := range 5 + b.rand.IntN(10) {
		add(silent+3*u, "usage.recorded", fmt.Sprint("u", u), canon.KindUsage, 0)
	}
	if b.rand.IntN(3) == 0 {
		add(40, "ticket.opened", "t", canon.KindTicket, 0)
		add(38, "ticket.solved", "t", canon.KindTicket, 0)
	}
	return out
}

// oneEventMore tells what the assessment of a customer with 1,000 events costs after one new event, with the book read and
// written, and how large the book is.
func oneEventMore() (micros float64, size int, err error) {
	p, now := lifecycle.Default(), time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	facts := lifecycle.Facts{Customer: "cus", Type: "company", Sources: canon.Sources{}, Since: now.AddDate(-1, 0, 0)}
	for _, k := range canon.Kinds() {
		facts.Sources[k] = true
	}
	var events []canon.Event
	add := func(hoursAgo int, typ, thing string, kind canon.Kind) {
		one := 1.0
		events = append(events, canon.Event{ID: canon.ID("ev", fmt.Sprint(len(events))), Type: typ, Kind: kind, Ref: canon.Ref{Connection: "x", Stream: string(kind), ID: thing},
			OccurredAt: now.Add(-time.Duration(hoursAgo) * time.Hour), Value: &one, Amount: &canon.Money{Minor: 10_000, Currency: "EUR"}, Summary: "Something happened: " + typ,
			Data: map[string]any{"feature": fmt.Sprint("feature", len(events)%7)}})
	}
	add(24*900, "company.created", "c", canon.KindCompany)
	add(24*890, "deal.created", "d", canon.KindDeal)
	add(24*880, "deal.won", "d", canon.KindDeal)
	add(24*879, "subscription.started", "s", canon.KindSubscription)
	for m := range 29 {
		add(24*(878-30*m), "invoice.issued", fmt.Sprint("i", m), canon.KindInvoice)
		add(24*(874-30*m), "invoice.paid", fmt.Sprint("i", m), canon.KindInvoice)
	}
	for t := range 40 {
		add(24*(850-20*t), "ticket.opened", fmt.Sprint("t", t), canon.KindTicket)
		add(24*(849-20*t), "ticket.solved", fmt.Sprint("t", t), canon.KindTicket)
	}
	for len(events) < 1000 {
		add(24*860-(len(events)-142)*24, "usage.recorded", fmt.Sprint("u", len(events)), canon.KindUsage)
	}
	book := p.Open(facts)
	book.Add(events)
	book.Assess(facts, now.Add(-25*time.Hour))
	doc, err := book.MarshalBinary()
	if err != nil {
		return 0, 0, err
	}
	last := events[len(events)-1]
	last.ID, last.OccurredAt = "new", now.Add(-time.Hour)
	const times = 5000
	cpu := cpuTime()
	for range times {
		b, err := p.Book(doc)
		if err != nil {
			return 0, 0, err
		}
		if !b.Fits(facts, now) || !b.Add([]canon.Event{last}) {
			return 0, 0, canon.Errorf("bench.book", "the book does not take the event")
		}
		b.Assess(facts, now)
		out, err := b.MarshalBinary()
		if err != nil {
			return 0, 0, err
		}
		size = len(out)
	}
	return float64((cpuTime() - cpu).Microseconds()) / times, size, nil
}
