package lifecycle

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
)

// at100 is a frame a hundred days into a small history.
func at100(t *testing.T) []canon.Event {
	return readEvents(t, `
2024-01-01 subscription.started s1 EUR5000
2024-01-01 invoice.issued i1 EUR5000
2024-02-01 invoice.paid i1 EUR5000
2024-03-01 invoice.issued i2 EUR7000
2024-03-11 invoice.overdue i2 EUR7000
2024-03-20 invoice.paid i3 USD6000
2024-04-01 survey.nps n1 value=7
2024-04-08 usage.recorded u1 value=4
2024-04-10T12:00 usage.recorded u2 value=6
2024-04-10 touch.call c1 direction=in
2024-04-10 touch.email c2 direction=out
2024-04-10 ticket.opened t1 priority=urgent
2024-04-10 ticket.opened t2 priority=urgent
2024-04-10T01:00 ticket.deleted t2
2024-04-10 deal.created d1
2024-04-10 deal.created d2
2024-04-10T02:00 deal.lost d2`)
}

func evaluate(t *testing.T, events []canon.Event, source string) string {
	t.Helper()
	c := newCompiler()
	x, err := c.measure(source)
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	now := time.Date(2024, 4, 10, 12, 0, 0, 0, time.UTC).UnixMicro()
	f := &frame{ledger: newLedger(c.patterns, events, now), state: newState(), t: now, clock: now, stage: "retention", since: now - 3*day, cycleSince: always, cycle: 1}
	for _, e := range f.ledger.entries {
		f.state.apply(e)
	}
	if x.truth != nil {
		return map[tri]string{yes: "yes", no: "no", unknown: "unknown"}[x.truth.truth(f)]
	}
	v, ok := x.number.number(f)
	if !ok {
		return "unknown"
	}
	return decimal(v)
}

type wanted struct{ source, want string }

func expect(t *testing.T, events []canon.Event, list []wanted) {
	t.Helper()
	for _, c := range list {
		if got := evaluate(t, events, c.source); got != c.want {
			t.Errorf("%s is %s, want %s", c.source, got, c.want)
		}
	}
}

// Unknown is neither true nor false.
func TestUnknown(t *testing.T) {
	expect(t, at100(t), []wanted{
		{`days_since("deal.won") >= 30`, "unknown"},
		{`days_since("deal.won") < 30`, "unknown"},
		{`not (days_since("deal.won") < 30)`, "unknown"},
		{`days_since("deal.won") < 30 and false`, "no"},
		{`days_since("deal.won") < 30 and true`, "unknown"},
		{`days_since("deal.won") < 30 or true`, "yes"},
		{`days_since("deal.won") < 30 or false`, "unknown"},
		{`true or days_since("deal.won") < 30`, "yes"},
		{`(days_since("deal.won") ?? 99) >= 30`, "yes"},
		{`known(days_since("deal.won"))`, "no"},
		{`known(days_since("usage.*"))`, "yes"},
		{`last_value("survey.csat") + 1`, "unknown"},
		{`ratio(1, 0)`, "unknown"},
		{`3 / 0`, "unknown"},
		{`ratio(deals_lost(), open_deals())`, "1"},
	})
}

// The window of 2 days ends exactly at the first use.
func TestCounts(t *testing.T) {
	expect(t, at100(t), []wanted{
		{`count("usage.*")`, "2"},
		{`count("usage.*", 2)`, "1"},
		{`count("usage.*", 3)`, "2"},
		{`exists("usage.recorded", 1)`, "yes"},
		{`exists("deal.won")`, "no"},
		{`count("touch.*:in")`, "1"},
		{`count("touch.*:in|touch.*:out")`, "2"},
		{`count("touch.*|usage.*")`, "4"},
		{`count("*")`, "17"},
		{`active_days("usage.*", 30)`, "2"},
		{`days_since("usage.*")`, "0"},
		{`days_since("survey.nps")`, "9"},
		{`last_value("survey.nps")`, "7"},
		{`last_value("survey.nps", 9)`, "unknown"},
		{`avg_value("usage.*", 30)`, "5"},
		{`count_in_stage("usage.*")`, "2"},
		{`count_in_cycle("invoice.paid")`, "2"},
	})
}

func TestMoneyStateAndTrend(t *testing.T) {
	expect(t, at100(t), []wanted{
		// Money is counted in minor units, one currency at a time.
		{`sum("invoice.paid")`, "6000"},
		{`sum("invoice.paid", 30)`, "6000"},
		{`sum("invoice.issued")`, "12000"},
		{`sum("survey.*")`, "0"},
		{`mrr()`, "5000"},
		// State.
		{`active_subscriptions()`, "1"},
		{`overdue_invoices()`, "1"},
		{`overdue_days()`, "30"},
		{`open_tickets()`, "1"},
		{`open_urgent_tickets()`, "1"},
		{`open_deals()`, "1"},
		{`tenure_days()`, "unknown"},
		{`days_in_stage()`, "3"},
		{`stage() == "retention"`, "yes"},
		{`stage() != "retention"`, "no"},
		{`-(1 + 2) * 3 - 4 / 2`, "-11"},
		// A trend is unknown until the series is as old as both windows.
		{`trend("usage.*", 1, 1)`, "unknown"},
		{`trend("invoice.*", 30, 60)`, "0.67"},
		{`trend("invoice.*", 30, 90)`, "unknown"},
	})
}

// Without any event only counts are known.
func TestExpressionsOfNothing(t *testing.T) {
	expect(t, nil, []wanted{
		{`mrr()`, "unknown"}, {`overdue_days()`, "unknown"}, {`days_since("*")`, "unknown"}, {`trend("usage.*", 30, 90)`, "unknown"},
		{`avg_value("survey.*")`, "unknown"}, {`count("*")`, "0"}, {`overdue_invoices()`, "0"}, {`had_subscription()`, "no"},
	})
}

func TestState(t *testing.T) {
	for _, c := range []struct{ name, events, source, want string }{
		{"an ended trial was no contract", "2024-01-01 subscription.trial_started s\n2024-02-01 subscription.ended s", `had_subscription() or trials() > 0`, "no"},
		{"nor one that ran out first", "2024-01-01 subscription.trial_started s\n2024-02-01 subscription.trial_ended s\n2024-02-01 subscription.ended s", `had_subscription() or trials() > 0`, "no"},
		{"a trial turned into a contract", "2024-01-01 subscription.trial_started s\n2024-02-01 subscription.trial_ended s\n2024-02-01 subscription.started s", `trials() == 0 and active_subscriptions() == 1`, "yes"},
		{"a contract that is paid up again", "2024-01-01 subscription.started s EUR900\n2024-02-01 subscription.past_due s\n2024-02-03 subscription.resumed s", `past_due_subscriptions() == 0 and mrr() == 900`, "yes"},
		{"some payment does not mend", "2024-01-01 subscription.started s EUR900\n2024-02-01 subscription.past_due s\n2024-02-03 invoice.paid i", `past_due_subscriptions()`, "1"},
		{"unpaid", "2024-01-01 subscription.started s EUR900\n2024-02-01 subscription.past_due s", `past_due_subscriptions() == 1 and mrr() == 900`, "yes"},
		{"a paused contract binds", "2024-01-01 subscription.started s EUR900\n2024-02-01 subscription.paused s", `active_subscriptions() == 1 and mrr() == 0`, "yes"},
		{"a resumed one pays", "2024-01-01 subscription.started s EUR900\n2024-02-01 subscription.paused s\n2024-02-03 subscription.resumed s", `mrr()`, "900"},
		{"a revoked notice", "2024-01-01 subscription.started s\n2024-02-01 subscription.cancel_scheduled s\n2024-02-03 subscription.cancel_revoked s", `subscriptions_ending()`, "0"},
		{"a deleted contract", "2024-01-01 subscription.started s EUR900\n2024-02-01 subscription.deleted s", `active_subscriptions() + mrr()`, "0"},
		{"the largest currency", "2024-01-01 subscription.started s EUR900\n2024-01-01 subscription.started r USD1000", `mrr()`, "1000"},
		{"a changed price", "2024-01-01 subscription.started s EUR900\n2024-02-01 subscription.changed s EUR700 direction=down", `mrr()`, "700"},
		{"end and beginning in one moment", "2024-01-01 subscription.ended s EUR900\n2024-01-01 subscription.started s EUR900", `active_subscriptions()`, "0"},
		{"paid in the end", "2024-01-01 invoice.overdue i\n2024-02-01 invoice.paid i", `overdue_days()`, "0"},
		{"opened again", "2024-04-01 invoice.overdue i\n2024-04-02 invoice.paid i\n2024-04-05 invoice.reopened i", `overdue_days()`, "9"},
		{"written off", "2024-01-01 invoice.overdue i\n2024-02-01 invoice.uncollectible i", `overdue_invoices()`, "0"},
		{"deleted", "2024-01-01 invoice.overdue i\n2024-02-01 invoice.deleted i", `overdue_invoices()`, "0"},
		{"restored", "2024-01-01 invoice.overdue i\n2024-02-01 invoice.deleted i\n2024-02-02 invoice.restored i", `overdue_invoices()`, "1"},
		{"the oldest counts", "2024-03-01 invoice.overdue i\n2024-04-01 invoice.overdue j\n2024-04-02 invoice.paid i", `overdue_days()`, "9"},
		{"escalated is urgent", "2024-01-01 ticket.opened t priority=low\n2024-02-01 ticket.escalated t", `open_urgent_tickets()`, "1"},
		{"solved", "2024-01-01 ticket.opened t priority=urgent\n2024-02-01 ticket.solved t", `open_tickets() + open_urgent_tickets()`, "0"},
		{"reopened", "2024-01-01 ticket.opened t\n2024-02-01 ticket.solved t\n2024-02-02 ticket.reopened t", `open_tickets()`, "1"},
		{"a deal reopened", "2024-01-01 deal.created d\n2024-02-01 deal.won d\n2024-02-02 deal.reopened d", `open_deals() == 1 and deals_won() == 0`, "yes"},
		{"a deal won on the day it came", "2024-01-01 deal.won d\n2024-01-01 deal.created d", `open_deals() == 0 and deals_won() == 1`, "yes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := evaluate(t, readEvents(t, c.events), c.source); got != c.want {
				t.Errorf("%s is %s, want %s", c.source, got, c.want)
			}
		})
	}
}

// Kleene's laws hold for any pair of truth values.
func TestLogic(t *testing.T) {
	values := map[string]tri{`true`: yes, `false`: no, `days_since("deal.won") > 1`: unknown}
	rapid.Check(t, func(r *rapid.T) {
		keys := []string{`true`, `false`, `days_since("deal.won") > 1`}
		a, b := rapid.SampledFrom(keys).Draw(r, "a"), rapid.SampledFrom(keys).Draw(r, "b")
		name := map[tri]string{yes: "yes", no: "no", unknown: "unknown"}
		for source, want := range map[string]tri{
			"(" + a + ") and (" + b + ")":            min(values[a], values[b]),
			"(" + a + ") or (" + b + ")":             max(values[a], values[b]),
			"not (" + a + ")":                        yes - values[a],
			"not ((" + a + ") and (" + b + "))":      yes - min(values[a], values[b]),
			"(not (" + a + ")) or (not (" + b + "))": max(yes-values[a], yes-values[b]),
		} {
			if got := evaluate(t, nil, source); got != name[want] {
				r.Fatalf("%s is %s, want %s", source, got, name[want])
			}
		}
	})
}
