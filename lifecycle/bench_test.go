package lifecycle

import (
	"fmt"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// customerOf is a customer of three years with the given number of records of use on top of deals, a
// subscription, monthly invoices and some tickets.
func customerOf(usage int) Facts {
	f := Facts{Customer: "cus_1", Type: "company", Sources: allFresh()}
	add := func(days float64, typ, ref string, minor int64) {
		v := 1.0
		e := canon.Event{
			ID: canon.ID("ev", fmt.Sprint(len(f.Events))), Type: typ, Ref: canon.Ref{Connection: "x", Stream: "s", ID: ref},
			OccurredAt: epoch.Add(time.Duration(days * 24 * float64(time.Hour))), Value: &v, Summary: typ,
		}
		if minor > 0 {
			e.Amount = &canon.Money{Minor: minor, Currency: "EUR"}
		}
		f.Events = append(f.Events, e)
	}
	add(0, "company.created", "c", 0)
	add(1, "touch.form", "f", 0)
	add(2, "deal.created", "d", 5000)
	add(20, "deal.won", "d", 5000)
	add(21, "subscription.started", "s", 5000)
	for m := range 30 {
		ref := fmt.Sprint("i", m)
		add(float64(22+30*m), "invoice.issued", ref, 5000)
		add(float64(25+30*m), "invoice.paid", ref, 5000)
	}
	for k := range 10 {
		add(float64(40+60*k), "ticket.opened", fmt.Sprint("t", k), 0)
		add(float64(42+60*k), "ticket.solved", fmt.Sprint("t", k), 0)
	}
	for u := range usage {
		add(22+float64(u)*900/float64(usage), "usage.recorded", fmt.Sprint("u", u), 0)
	}
	return f
}

func BenchmarkAssess(b *testing.B) {
	p, now := Default(), epoch.AddDate(0, 0, 930)
	for _, usage := range []int{15, 2000} {
		f := customerOf(usage)
		b.Run(fmt.Sprintf("%d events", len(f.Events)), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Assess(f, now)
			}
		})
	}
}
