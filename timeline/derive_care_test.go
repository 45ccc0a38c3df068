package timeline

import (
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// contract returns a running subscription as the change leaves it.
func contract(n int, set func(*canon.Subscription)) State {
	b := &canon.Subscription{Plan: "pro", Status: "active", MRR: eur(100), StartedAt: day(1), RenewsAt: day(30)}
	set(b)
	return state(n, b)
}

func trialHistories() []history {
	trial := func(s string) func(*canon.Subscription) {
		return func(b *canon.Subscription) { b.Status, b.TrialEndsAt = s, day(8) }
	}
	return []history{
		{"trial becomes paid", []State{contract(1, trial("trialing")), contract(9, trial("active"))}, 0, `
			1 subscription.trial_started
			8 subscription.trial_ended
			8 subscription.started 1.00 EUR trial:true`},
		{"trial becomes paid, first state", []State{contract(9, trial("active"))}, 0, `
			1 subscription.trial_started
			8 subscription.trial_ended
			8 subscription.started 1.00 EUR trial:true`},
		{"trial ends unpaid", []State{contract(1, trial("trialing")), contract(9, func(b *canon.Subscription) {
			b.Status, b.TrialEndsAt, b.EndedAt, b.EndReason = "ended", day(8), day(8), "no card"
		})}, 0, `
			1 subscription.trial_started
			8 subscription.trial_ended
			8 subscription.ended 1.00 EUR reason:no card`},
		{"trial extended", []State{contract(1, trial("trialing")), contract(9, func(b *canon.Subscription) {
			b.Status, b.TrialEndsAt = "trialing", day(20)
		})}, 10, `
			1 subscription.trial_started`},
	}
}

func contractHistories() []history {
	status := func(s string) func(*canon.Subscription) { return func(b *canon.Subscription) { b.Status = s } }
	ends := func(at time.Time) func(*canon.Subscription) { return func(b *canon.Subscription) { b.EndsAt = at } }
	const began = `
		1 subscription.started 1.00 EUR`
	return []history{
		{"plan up and down", []State{
			contract(2, func(*canon.Subscription) {}),
			contract(3, func(b *canon.Subscription) { b.Plan, b.MRR = "max", eur(300) }),
			contract(4, func(b *canon.Subscription) { b.Plan, b.MRR, b.Quantity = "max", eur(200), 2 }),
		}, 0, began + `
			3 subscription.changed 3.00 EUR direction:up movement:expansion mrr_before:100 mrr_delta:200 plan:max plan_before:pro
			4 subscription.changed 2.00 EUR direction:down movement:contraction mrr_before:300 mrr_delta:-100 plan:max plan_before:max quantity:2 quantity_before:0`},
		{"dearer", []State{
			contract(2, func(*canon.Subscription) {}),
			contract(3, func(b *canon.Subscription) { b.MRR = eur(130) }),
		}, 0, began + `
			3 subscription.changed 1.30 EUR direction:up movement:expansion mrr_before:100 mrr_delta:30 plan:pro plan_before:pro
			3 subscription.price_changed 1.30 EUR direction:up from:100 mrr_delta:30 to:130`},
		{"past due, paused, resumed", []State{
			contract(2, status("active")), contract(3, status("past_due")), contract(4, status("unpaid")), contract(5, status("paused")), contract(6, status("active")),
		}, 0, began + `
			3 subscription.past_due 1.00 EUR
			5 subscription.paused 1.00 EUR
			6 subscription.resumed 1.00 EUR`},
		{"cancelled and taken back", []State{contract(2, status("active")), contract(3, ends(day(20))), contract(4, status("active"))}, 0, began + `
			3 subscription.cancel_scheduled 1.00 EUR ends_at:2026-01-20T12:00:00Z
			4 subscription.cancel_revoked 1.00 EUR`},
		{"scheduled end passes, vendor is silent", []State{contract(3, ends(day(20)))}, 21, began + `
			3 subscription.cancel_scheduled 1.00 EUR ends_at:2026-01-20T12:00:00Z
			20 subscription.ended 1.00 EUR`},
		{"scheduled end passes, vendor confirms another moment", []State{contract(3, ends(day(20))), contract(22, func(b *canon.Subscription) {
			b.Status, b.EndsAt, b.EndedAt, b.MRR = "ended", day(20), day(21), nil
		})}, 0, began + `
			3 subscription.cancel_scheduled 1.00 EUR ends_at:2026-01-20T12:00:00Z
			21 subscription.ended 1.00 EUR`},
		{"renewed", []State{contract(2, func(b *canon.Subscription) { b.RenewsAt = day(10) }), contract(11, func(b *canon.Subscription) { b.RenewsAt = day(20) })}, 0, began + `
			10 subscription.renewed 1.00 EUR renews_at:2026-01-20T12:00:00Z`},
		{"ended and started again", []State{
			contract(3, func(b *canon.Subscription) { b.Status, b.EndedAt, b.CancelRequestedAt = "ended", day(3), day(2) }), contract(5, status("active")),
		}, 0, began + `
			2 subscription.cancel_scheduled 1.00 EUR ends_at:2026-01-03T12:00:00Z
			3 subscription.ended 1.00 EUR
			5 subscription.started 1.00 EUR reactivated:true`},
		{"starts later", []State{contract(2, func(b *canon.Subscription) { b.Status, b.StartedAt = "scheduled", day(5) })}, 6, `
			5 subscription.started 1.00 EUR`},
	}
}

func careHistories() []history {
	ticket := func(n int, set func(*canon.Ticket)) State {
		b := &canon.Ticket{Subject: "Help", Status: "open", Priority: "high", OpenedAt: day(1)}
		set(b)
		return state(n, b)
	}
	return []history{
		{"ticket", []State{
			ticket(1, func(*canon.Ticket) {}),
			ticket(3, func(b *canon.Ticket) { b.FirstReplyAt, b.Replies = day(2), 1 }),
			ticket(4, func(b *canon.Ticket) { b.FirstReplyAt, b.Replies, b.Escalated = day(2), 3, true }),
			ticket(6, func(b *canon.Ticket) {
				b.FirstReplyAt, b.Replies, b.Status, b.SolvedAt, b.Rating = day(2), 3, "solved", day(5), "bad"
			}),
			ticket(7, func(b *canon.Ticket) {
				b.FirstReplyAt, b.Replies, b.Status, b.Rating, b.Reopens = day(2), 3, "open", "bad", 1
			}),
			ticket(8, func(b *canon.Ticket) {
				b.FirstReplyAt, b.Replies, b.Status, b.Rating, b.Reopens = day(2), 3, "closed", "good", 1
			}),
		}, 0, `
			1 ticket.opened priority:high
			2 ticket.replied =1 first:true
			4 ticket.replied =2
			4 ticket.escalated
			5 ticket.solved
			6 ticket.rated =0 rating:bad
			7 ticket.reopened
			8 ticket.solved
			8 ticket.rated =1 rating:good`},
		{"ticket reopened between two states", []State{
			ticket(3, func(b *canon.Ticket) { b.Status, b.SolvedAt = "solved", day(2) }),
			ticket(9, func(b *canon.Ticket) { b.Status, b.SolvedAt, b.Reopens = "solved", day(8), 1 }),
		}, 0, `
			1 ticket.opened priority:high
			2 ticket.solved
			7 ticket.reopened
			8 ticket.solved`},
		{"ticket made urgent, passed on, calmed down", []State{
			ticket(2, func(b *canon.Ticket) { b.Priority, b.Assignee, b.Escalated = "", "", true }),
			ticket(3, func(b *canon.Ticket) { b.Priority, b.Assignee = "normal", "7" }),
			ticket(4, func(b *canon.Ticket) { b.Priority, b.Assignee = "urgent", "8" }),
			ticket(5, func(b *canon.Ticket) { b.Priority, b.Assignee = "low", "8" }),
		}, 0, `
			1 ticket.opened
			2 ticket.escalated
			3 ticket.priority_changed to:normal
			3 ticket.reassigned to:7
			3 ticket.deescalated
			4 ticket.priority_changed direction:up from:normal to:urgent
			4 ticket.reassigned from:7 to:8
			5 ticket.priority_changed direction:down from:urgent to:low`},
		{"a mailing and an answer", []State{
			state(2, &canon.Activity{Type: "email", Direction: "out", By: "auto", At: day(1)}),
		}, 0, `1 touch.email by:auto direction:out`},
		{"usage corrected", []State{
			state(2, &canon.Usage{Feature: "api", Quantity: 5, At: day(1)}),
			state(3, &canon.Usage{Feature: "api", Quantity: 9, At: day(1)}),
		}, 0, `
			1 usage.recorded =5 feature:api
			1 usage.recorded =4 corrected:true feature:api from:5 to:9`},
		{"survey answered twice", []State{
			state(2, &canon.Survey{Type: "nps", Score: 9, At: day(1)}),
			state(3, &canon.Survey{Type: "nps", Score: 3, At: day(1)}),
		}, 0, `
			1 survey.nps =9
			3 survey.nps =3`},
		{"meeting ahead", []State{state(2, &canon.Activity{Type: "meeting", Direction: "out", At: day(5)})}, 4, ``},
		{"meeting moved", []State{
			state(2, &canon.Activity{Type: "meeting", Direction: "out", At: day(5)}),
			state(4, &canon.Activity{Type: "meeting", Direction: "out", At: day(7)}),
		}, 0, `7 touch.meeting direction:out`},
	}
}

func TestSummaries(t *testing.T) {
	for _, c := range []struct {
		before *State
		after  State
		typ    string
		want   string
	}{
		{nil, state(20, &canon.Invoice{Number: "2026-0042", Status: "open", Total: *eur(120000), DueAt: day(10)}), "invoice.overdue", "Invoice 2026-0042 over 1,200.00 EUR fell overdue."},
		{new(state(1, &canon.Deal{Name: "Renewal 2027", Stage: "negotiation"})), state(2, &canon.Deal{Name: "Renewal 2027", Stage: "contract sent"}), "deal.stage_changed", "Deal 'Renewal 2027' moved from negotiation to contract sent."},
		{nil, state(1, &canon.Contact{Name: "ana@acme.com"}), "contact.created", "A contact was created."},
		{nil, state(1, &canon.Ticket{Subject: "mail from\n<bo@x.org>: down", Status: "open"}), "ticket.opened", "Ticket 'mail from : down' was opened."},
		{nil, state(1, &canon.Deal{Status: "lost", LostReason: "too dear."}), "deal.lost", "A deal was lost (too dear)."},
		{nil, state(1, &canon.Subscription{Plan: "pro", Status: "active", MRR: eur(123456789)}), "subscription.started", "Subscription 'pro' over 1,234,567.89 EUR a month started."},
	} {
		got := ""
		for _, e := range Derive(c.before, c.after) {
			if e.Type == c.typ {
				got = e.Summary
			}
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.typ, got, c.want)
		}
	}
}

func TestMoneyInWords(t *testing.T) {
	for m, want := range map[canon.Money]string{
		{Minor: -123456, Currency: "EUR"}: "-1,234.56 EUR",
		{Minor: 1234567, Currency: "JPY"}: "1,234,567 JPY",
		{Minor: 999, Currency: "USD"}:     "9.99 USD",
		{Minor: -100000, Currency: "USD"}: "-1,000.00 USD",
	} {
		if got := money(m); got != want {
			t.Errorf("money(%v) = %q, want %q", m, got, want)
		}
	}
}
