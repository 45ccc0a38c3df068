package lifecycle

import (
	"fmt"
	"time"

	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
)

// epoch is a Monday at midnight from which generated histories begin.
var epoch = time.Date(2023, 1, 2, 0, 0, 0, 0, time.UTC)

const sixHours = 6 * time.Hour

// kindsOf are the types that a generated history is made of, a type twice where it shall be frequent.
var typesOf = []string{
	"company.created", "contact.created", "deal.created", "deal.created", "deal.won", "deal.lost", "deal.reopened", "deal.deleted", "deal.restored",
	"quote.sent", "invoice.issued", "invoice.overdue", "invoice.overdue", "invoice.paid", "invoice.paid", "invoice.voided", "invoice.deleted",
	"subscription.trial_started", "subscription.trial_ended", "subscription.started", "subscription.started", "subscription.changed", "subscription.past_due", "subscription.paused",
	"subscription.resumed", "subscription.cancel_scheduled", "subscription.cancel_revoked", "subscription.ended", "subscription.ended", "subscription.renewed", "subscription.deleted",
	"ticket.opened", "ticket.escalated", "ticket.solved", "ticket.reopened", "ticket.rated", "ticket.deleted",
	"usage.recorded", "usage.recorded", "usage.recorded", "survey.nps", "survey.csat", "touch.email", "touch.form", "stage.changed", "score.changed",
}

// genHistory draws a history on a grid of six hours, over up to a thousand days.
func genHistory(t *rapid.T) []canon.Event {
	n := rapid.IntRange(0, 60).Draw(t, "events")
	events := make([]canon.Event, n)
	for i := range events {
		typ := rapid.SampledFrom(typesOf).Draw(t, "type")
		ref := canon.Ref{Connection: "x", Stream: "s", ID: fmt.Sprint(rapid.IntRange(1, 2).Draw(t, "ref"))}
		e := canon.Event{
			ID: fmt.Sprintf("e%03d", i), Type: typ, Ref: ref, Summary: typ + " happened.",
			OccurredAt: epoch.Add(time.Duration(rapid.IntRange(0, 4000).Draw(t, "at")) * sixHours),
			Data:       map[string]any{"direction": rapid.SampledFrom([]string{"in", "out", "up", "down"}).Draw(t, "direction")},
		}
		if rapid.Bool().Draw(t, "has value") {
			v := float64(rapid.IntRange(0, 10).Draw(t, "value"))
			e.Value = &v
		}
		if rapid.IntRange(0, 3).Draw(t, "has amount") > 0 {
			e.Amount = &canon.Money{Minor: int64(rapid.IntRange(0, 3).Draw(t, "amount")) * 1000, Currency: rapid.SampledFrom([]string{"EUR", "EUR", "USD"}).Draw(t, "currency")}
		}
		if rapid.Bool().Draw(t, "urgent") {
			e.Data["priority"] = "urgent"
		}
		events[i] = e
	}
	return events
}

func genSources(t *rapid.T) canon.Sources {
	out := canon.Sources{}
	for _, k := range canon.Kinds() {
		switch rapid.IntRange(0, 5).Draw(t, "source") {
		case 0:
		case 1:
			out[k] = false
		default:
			out[k] = true
		}
	}
	return out
}

func genFacts(t *rapid.T) Facts {
	return Facts{
		Customer: "cus_1", Type: rapid.SampledFrom([]string{"company", "person"}).Draw(t, "customer type"),
		Events: genHistory(t), Sources: genSources(t), Fields: genFields(t), Cohorts: map[string][]float64{"days": quantiles()},
	}
}

// genNow draws a moment on the grid.
func genNow(t *rapid.T, label string) time.Time {
	return epoch.Add(time.Duration(rapid.IntRange(0, 4400).Draw(t, label)) * sixHours)
}

// genNear draws a moment on the grid in the four months after one of the events.
func genNear(t *rapid.T, events []canon.Event) time.Time {
	if len(events) == 0 {
		return genNow(t, "now")
	}
	after := time.Duration(rapid.IntRange(0, 500).Draw(t, "after"))
	return events[rapid.IntRange(0, len(events)-1).Draw(t, "near")].OccurredAt.Add(after * sixHours)
}

func allFresh() canon.Sources {
	out := canon.Sources{}
	for _, k := range canon.Kinds() {
		out[k] = true
	}
	return out
}

// genFields draws what the golden record says.
func genFields(t *rapid.T) map[string]string {
	return map[string]string{
		"plan":  rapid.SampledFrom([]string{"", "pro", "max"}).Draw(t, "plan"),
		"seats": rapid.SampledFrom([]string{"", "3", "12", "many"}).Draw(t, "seats"),
	}
}

// quantiles are 101 ascending numbers, some of them equal.
func quantiles() []float64 {
	out := make([]float64, 101)
	for i := range out {
		out[i] = float64(i / 7)
	}
	return out
}
