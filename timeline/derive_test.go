package timeline

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
)

// day returns noon of the nth day of 2026.
func day(n int) time.Time { return time.Date(2026, 1, n, 12, 0, 0, 0, time.UTC) }

func eur(minor int64) *canon.Money { return &canon.Money{Minor: minor, Currency: "EUR"} }

// state returns the entity as seen on the day; the version follows from it.
func state(n int, body any) State {
	e := canon.Entity{Ref: canon.Ref{Connection: "acme", Stream: "things", ID: "1"}, Body: body}
	switch body.(type) {
	case *canon.Company:
		e.Kind = canon.KindCompany
	case *canon.Contact:
		e.Kind = canon.KindContact
	case *canon.Deal:
		e.Kind = canon.KindDeal
	case *canon.Quote:
		e.Kind = canon.KindQuote
	case *canon.Invoice:
		e.Kind = canon.KindInvoice
	case *canon.Subscription:
		e.Kind = canon.KindSubscription
	case *canon.Ticket:
		e.Kind = canon.KindTicket
	case *canon.Usage:
		e.Kind = canon.KindUsage
	case *canon.Survey:
		e.Kind = canon.KindSurvey
	case *canon.Activity:
		e.Kind = canon.KindActivity
	}
	return State{Entity: e, Version: day(n).UnixMicro(), At: day(n)}
}

// gone returns the deletion of what the state holds.
func gone(n int, s State) State {
	d := state(n, s.Entity.Body)
	d.Entity.Deleted = true
	return d
}

// goneFor is gone with what the record says of it.
func goneFor(n int, reason, into string, body any) State {
	d := gone(n, state(n, body))
	d.Entity.Reason, d.Entity.Into = reason, into
	return d
}

// working returns a contact of companies.
func working(n int, title string, companies ...string) State {
	s := state(n, &canon.Contact{Title: title})
	for _, id := range companies {
		s.Entity.Owners = append(s.Entity.Owners, canon.Owner{Kind: canon.KindCompany, Ref: canon.Ref{Connection: "crm", Stream: "companies", ID: id}})
	}
	return s
}

// lines writes events as "day type extras".
func lines(events []canon.Event) []string {
	var out []string
	for _, e := range events {
		line := fmt.Sprintf("%d %s", int(e.OccurredAt.Sub(day(0)).Hours()/24), e.Type)
		if e.Amount != nil {
			line += " " + e.Amount.String()
		}
		if e.Value != nil {
			line += fmt.Sprintf(" =%v", *e.Value)
		}
		var keys []string
		for k := range e.Data {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			line += fmt.Sprintf(" %s:%v", k, e.Data[k])
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}

func want(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	slices.Sort(out)
	return out
}

func TestHistory(t *testing.T) {
	for _, c := range histories() {
		t.Run(c.name, func(t *testing.T) {
			now := day(28)
			if c.now != 0 {
				now = day(c.now)
			}
			events, _ := History(c.states, now)
			if diff := cmp.Diff(want(c.want), lines(events)); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			for _, e := range events {
				if e.Summary == "" || !strings.HasSuffix(e.Summary, ".") {
					t.Errorf("%s: summary %q is no sentence", e.Type, e.Summary)
				}
			}
		})
	}
}

type history struct {
	name   string
	states []State
	now    int
	want   string
}

func histories() []history {
	return slices.Concat(saleHistories(), peopleHistories(), billHistories(), trialHistories(), contractHistories(), careHistories())
}

func saleHistories() []history {
	return []history{
		{"deal won", []State{
			state(1, &canon.Deal{Name: "Renewal", Amount: eur(100), Pipeline: "p", Stage: "new", Status: "open"}),
			state(3, &canon.Deal{Name: "Renewal", Amount: eur(200), Pipeline: "p", Stage: "offer", Status: "open", Owner: "7"}),
			state(6, &canon.Deal{Name: "Renewal", Amount: eur(200), Pipeline: "p", Stage: "done", Status: "won", ClosedAt: day(5), Owner: "7"}),
			state(8, &canon.Deal{Name: "Renewal", Amount: eur(200), Pipeline: "p", Stage: "offer", Status: "open", Owner: "7"}),
			state(9, &canon.Deal{Name: "Renewal", Amount: eur(200), Pipeline: "p", Stage: "offer", Status: "lost", LostReason: "price", Owner: "7"}),
		}, 0, `
			1 deal.created 1.00 EUR pipeline:p stage:new
			3 deal.stage_changed from:new to:offer
			3 deal.amount_changed 2.00 EUR from:100 to:200
			3 owner.changed to:7
			6 deal.stage_changed from:offer to:done
			5 deal.won 2.00 EUR
			8 deal.stage_changed from:done to:offer
			8 deal.reopened 2.00 EUR
			9 deal.lost 2.00 EUR reason:price`},
		{"deal slips, comes forward and closes", []State{
			state(1, &canon.Deal{Name: "Renewal", Status: "open"}),
			state(2, &canon.Deal{Name: "Renewal", Status: "open", ExpectedAt: day(10)}),
			state(3, &canon.Deal{Name: "Renewal", Status: "open", ExpectedAt: day(20)}),
			state(4, &canon.Deal{Name: "Renewal", Status: "open", ExpectedAt: day(15)}),
			state(5, &canon.Deal{Name: "Renewal", Status: "won", ExpectedAt: day(5)}),
		}, 0, `
			1 deal.created
			2 deal.close_date_changed to:2026-01-10T12:00:00Z
			3 deal.close_date_changed =10 direction:later from:2026-01-10T12:00:00Z to:2026-01-20T12:00:00Z
			4 deal.close_date_changed =-5 direction:earlier from:2026-01-20T12:00:00Z to:2026-01-15T12:00:00Z
			5 deal.won`},
		{"quote is made dearer", []State{
			state(1, &canon.Quote{Number: "Q1", Status: "draft", Amount: eur(1)}),
			state(2, &canon.Quote{Number: "Q1", Status: "sent", Amount: eur(2)}),
			state(3, &canon.Quote{Number: "Q1", Status: "sent", Amount: eur(3)}),
		}, 0, `
			2 quote.sent 0.02 EUR
			3 quote.amount_changed 0.03 EUR from:2 to:3`},
		{"deal won with a closing date in the future", []State{
			state(1, &canon.Deal{Status: "won", ClosedAt: day(20)}),
			state(21, &canon.Deal{Status: "won", ClosedAt: day(20), Stage: "x"}),
		}, 0, `
			1 deal.created
			1 deal.won
			21 deal.stage_changed to:x`},
		{"quote runs out and is accepted late", []State{
			state(1, &canon.Quote{Amount: eur(5), Status: "draft", ExpiresAt: day(9)}),
			state(3, &canon.Quote{Amount: eur(5), Status: "sent", SentAt: day(2), ExpiresAt: day(9)}),
			state(11, &canon.Quote{Amount: eur(5), Status: "accepted", SentAt: day(2), AcceptedAt: day(10), ExpiresAt: day(9)}),
		}, 0, `
			2 quote.sent 0.05 EUR
			9 quote.expired 0.05 EUR
			10 quote.accepted 0.05 EUR`},
		{"quote accepted in time", []State{
			state(3, &canon.Quote{Status: "sent", SentAt: day(2), ExpiresAt: day(9)}),
			state(11, &canon.Quote{Status: "accepted", SentAt: day(2), AcceptedAt: day(8), ExpiresAt: day(9)}),
		}, 0, `
			2 quote.sent
			8 quote.accepted`},
		{"quote expires by the clock and by status", []State{
			state(3, &canon.Quote{Status: "approved", ExpiresAt: day(9)}),
			state(11, &canon.Quote{Status: "expired", ExpiresAt: day(9)}),
			state(12, &canon.Quote{Status: "rejected", ExpiresAt: day(9)}),
		}, 0, `
			3 quote.approved
			9 quote.expired
			12 quote.rejected`},
	}
}

func peopleHistories() []history {
	return []history{
		{"deleted and restored", []State{
			state(1, &canon.Deal{Status: "won"}),
			gone(2, state(1, &canon.Deal{Status: "won"})),
			state(3, &canon.Deal{Status: "won"}),
		}, 0, `
			1 deal.created
			1 deal.won
			2 deal.deleted
			3 deal.restored`},
		{"tombstone first", []State{gone(2, state(1, &canon.Deal{Status: "won"}))}, 0, `2 deal.deleted`},
		{"company", []State{
			state(1, &canon.Company{Name: "Acme", Owner: "1", Domains: []string{}}),
			state(2, &canon.Company{Name: "Acme", Owner: "2", Seats: 5, Industry: "Steel"}),
			state(3, &canon.Company{Name: "Acme", Owner: "2", Seats: 5, Industry: "Steel"}),
		}, 0, `
			1 company.created
			2 company.changed fields:industry,seats
			2 owner.changed from:1 to:2`},
		{"company renamed, another plan, more seats, another parent, merged", []State{
			state(1, &canon.Company{Name: "Acme", Plan: "pro", Seats: 5}),
			state(2, &canon.Company{Name: "Acme Corp", Plan: "max", Seats: 8, Parent: canon.Ref{Connection: "crm", Stream: "companies", ID: "9"}}),
			goneFor(3, "merged", "7", &canon.Company{Name: "Acme Corp", Plan: "max", Seats: 8}),
		}, 0, `
			1 company.created
			2 company.changed fields:name,parent,plan,seats
			2 company.renamed from:Acme to:Acme Corp
			2 company.plan_changed from:pro to:max
			2 company.seats_changed =3 direction:up from:5 to:8
			2 company.parent_changed to:crm/companies/9
			3 company.deleted into:7 reason:merged
			3 company.merged into:7 reason:merged`},
		{"contact", []State{
			state(1, &canon.Contact{FirstName: "Ana", Emails: []string{"ana@acme.com"}}),
			state(2, &canon.Contact{FirstName: "Ana", LastName: "Silva", Emails: []string{"a@acme.com"}}),
		}, 0, `
			1 contact.created
			2 contact.changed fields:emails,last_name
			2 person.email_changed added:1 primary:true removed:1`},
		{"contact opts out, back in and out again", []State{
			state(1, &canon.Contact{Name: "Ana"}),
			state(3, &canon.Contact{Name: "Ana", OptedOut: true, ConsentAt: day(2)}),
			state(5, &canon.Contact{Name: "Ana", ConsentAt: day(4)}),
			state(6, &canon.Contact{Name: "Ana", OptedOut: true, ConsentAt: day(4)}),
		}, 0, `
			1 contact.created
			2 person.opted_out
			3 contact.changed fields:consent_at,opted_out
			4 person.opted_in
			5 contact.changed fields:consent_at,opted_out
			6 contact.changed fields:opted_out
			6 person.opted_out`},
		{"contact first seen as not to be contacted", []State{
			state(3, &canon.Contact{Name: "Ana", DoNotContact: true, OptedOut: true, ConsentAt: day(2)}),
			state(4, &canon.Contact{Name: "Ana"}),
			goneFor(5, "archived", "", &canon.Contact{Name: "Ana"}),
		}, 0, `
			3 contact.created
			2 person.opted_out
			2 person.do_not_contact
			4 contact.changed fields:consent_at,do_not_contact,opted_out
			4 person.opted_in
			4 person.contact_allowed
			5 contact.deleted reason:archived
			5 person.archived`},
		{"contact works elsewhere", []State{
			working(1, "", "1"), working(2, "", "1", "2"), working(3, "", "2", "1"), working(4, "", "2"), working(5, "CEO", "3"), working(6, "CFO"), goneFor(7, "merged", "4", &canon.Contact{}),
		}, 0, `
			1 contact.created
			5 contact.changed fields:title
			5 person.employer_changed from:crm/companies/2 to:crm/companies/3
			6 contact.changed fields:title
			6 person.title_changed
			6 person.employer_changed from:crm/companies/3
			7 contact.deleted into:4 reason:merged
			7 person.merged into:4 reason:merged`},
	}
}

// part returns an invoice of which some is still owed.
func part(n int, total, due int64) State {
	return state(n, &canon.Invoice{Number: "7", Status: "open", Total: *eur(total), Due: eur(due)})
}

func billHistories() []history {
	open := func(n int, due time.Time) State {
		return state(n, &canon.Invoice{Number: "7", Status: "open", Total: *eur(900), Due: eur(400), IssuedAt: day(1), DueAt: due})
	}
	paid := func(n int, at time.Time) State {
		return state(n, &canon.Invoice{Number: "7", Status: "paid", Total: *eur(900), Due: eur(0), IssuedAt: day(1), DueAt: day(10), PaidAt: at})
	}
	return []history{
		{"paid late, first state", []State{paid(20, day(15))}, 0, `
			1 invoice.issued 9.00 EUR
			10 invoice.overdue 9.00 EUR
			15 invoice.paid 9.00 EUR`},
		{"paid late", []State{open(2, day(10)), paid(20, day(15))}, 0, `
			1 invoice.issued 9.00 EUR
			2 invoice.partially_paid 5.00 EUR due:400
			10 invoice.overdue 4.00 EUR
			15 invoice.paid 9.00 EUR`},
		{"paid in time, told late", []State{open(2, day(10)), paid(20, day(9))}, 0, `
			1 invoice.issued 9.00 EUR
			2 invoice.partially_paid 5.00 EUR due:400
			9 invoice.paid 9.00 EUR`},
		{"overdue by the clock", []State{open(2, day(10))}, 11, `
			1 invoice.issued 9.00 EUR
			2 invoice.partially_paid 5.00 EUR due:400
			10 invoice.overdue 4.00 EUR`},
		{"not yet overdue", []State{open(2, day(10))}, 9, `
			1 invoice.issued 9.00 EUR
			2 invoice.partially_paid 5.00 EUR due:400`},
		{"due date moved after it passed", []State{open(2, day(10)), open(12, day(14))}, 0, `
			1 invoice.issued 9.00 EUR
			2 invoice.partially_paid 5.00 EUR due:400
			10 invoice.overdue 4.00 EUR
			12 invoice.due_date_changed 4.00 EUR direction:later from:2026-01-10T12:00:00Z to:2026-01-14T12:00:00Z
			14 invoice.overdue 4.00 EUR`},
		{"due date moved before it passed", []State{open(2, day(10)), open(8, day(14))}, 0, `
			1 invoice.issued 9.00 EUR
			2 invoice.partially_paid 5.00 EUR due:400
			8 invoice.due_date_changed 4.00 EUR direction:later from:2026-01-10T12:00:00Z to:2026-01-14T12:00:00Z
			14 invoice.overdue 4.00 EUR`},
		{"voided and written off and reopened", []State{
			state(1, &canon.Invoice{Status: "draft", Total: *eur(9)}),
			state(2, &canon.Invoice{Status: "open", Total: *eur(9)}),
			state(3, &canon.Invoice{Status: "uncollectible", Total: *eur(9)}),
			state(4, &canon.Invoice{Status: "open", Total: *eur(9)}),
			state(5, &canon.Invoice{Status: "void", Total: *eur(9)}),
		}, 0, `
			2 invoice.issued 0.09 EUR
			3 invoice.uncollectible 0.09 EUR
			4 invoice.reopened 0.09 EUR
			5 invoice.voided 0.09 EUR`},
		{"overdue and deleted", []State{open(2, day(10)), gone(12, open(2, day(10)))}, 0, `
			1 invoice.issued 9.00 EUR
			2 invoice.partially_paid 5.00 EUR due:400
			10 invoice.overdue 4.00 EUR
			12 invoice.deleted`},
		{"paid in two parts, one taken back, the total corrected", []State{
			part(2, 900, 900), part(3, 900, 600), part(4, 900, 700), part(5, 900, 200), part(6, 950, 250),
		}, 0, `
			2 invoice.issued 9.00 EUR
			3 invoice.partially_paid 3.00 EUR due:600
			5 invoice.partially_paid 5.00 EUR due:200
			6 invoice.amount_changed 9.50 EUR from:900 to:950`},
		{"credit note", []State{state(2, &canon.Invoice{Status: "open", Credit: true, Total: *eur(-5), IssuedAt: day(1), DueAt: day(3)})}, 0, `1 credit.issued -0.05 EUR`},
	}
}
