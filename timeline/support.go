package timeline

import (
	"slices"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

func ticketFacts(before *canon.Ticket, s State, b *canon.Ticket) []fact {
	who := words(s.Entity)
	opened := fact{typ: "ticket.opened", key: "opened", at: first(b.OpenedAt, s.Entity.CreatedAt), summary: who + " was opened.", data: map[string]any{}}
	put(opened.data, "priority", b.Priority)
	fs := []fact{opened}
	if !b.FirstReplyAt.IsZero() {
		fs = append(fs, fact{typ: "ticket.replied", key: "first_reply", at: b.FirstReplyAt, value: number(1), data: map[string]any{"first": true}, summary: who + " got its first reply."})
	}
	if b.Escalated {
		fs = append(fs, fact{typ: "ticket.escalated", key: "escalated", summary: who + " was escalated."})
	}
	if closed(b) {
		fs = append(fs, fact{typ: "ticket.solved", key: "solved" + cycle(before, b), at: b.SolvedAt, summary: who + " was solved."})
	}
	if b.Rating != "" {
		fs = append(fs, rated(before, b, who))
	}
	return fs
}

func closed(b *canon.Ticket) bool { return b.Status == "solved" || b.Status == "closed" }

// cycle tells solving a ticket again from having solved it: only where before is known to be solved fewer
// reopenings ago.
func cycle(before, b *canon.Ticket) string {
	if before != nil && closed(before) && b.Reopens > before.Reopens {
		return " again"
	}
	return ""
}

func rated(before, b *canon.Ticket, who string) fact {
	f := fact{typ: "ticket.rated", key: "rated " + b.Rating, at: b.RatedAt, value: number(0), data: map[string]any{"rating": b.Rating}}
	if b.Rating == "good" {
		f.value = number(1)
	}
	if before != nil && before.Rating != "" && before.RatedAt.Equal(b.RatedAt) {
		// Another verdict under the old date: when it changed is not known.
		f.at = time.Time{}
	}
	f.summary = who + " was rated " + b.Rating + "."
	return f
}

func ticketChanges(old, b *canon.Ticket, at time.Time) []fact {
	who := words(canon.Entity{Body: b})
	var fs []fact
	replies := b.Replies - old.Replies
	if old.FirstReplyAt.IsZero() && !b.FirstReplyAt.IsZero() {
		replies--
	}
	if replies > 0 {
		fs = append(fs, fact{typ: "ticket.replied", value: number(float64(replies)), summary: who + " got a reply."})
	}
	if old.Priority != b.Priority && b.Priority != "" {
		data := fromTo(old.Priority, b.Priority)
		if old.Priority != "" {
			data["direction"] = upDown(float64(urgency(b.Priority) - urgency(old.Priority)))
		}
		fs = append(fs, fact{typ: "ticket.priority_changed", data: data, summary: who + " went from priority " + orNone(old.Priority) + " to " + orNone(b.Priority) + "."})
	}
	if old.Assignee != b.Assignee {
		fs = append(fs, fact{typ: "ticket.reassigned", data: fromTo(old.Assignee, b.Assignee), summary: who + " passed from " + orNone(old.Assignee) + " to " + orNone(b.Assignee) + "."})
	}
	if old.Escalated && !b.Escalated && !closed(b) {
		fs = append(fs, fact{typ: "ticket.deescalated", summary: who + " is no longer escalated."})
	}
	switch {
	case closed(old) && !closed(b), !closed(b) && b.Reopens > old.Reopens:
		fs = append(fs, fact{typ: "ticket.reopened", summary: who + " was opened again."})
	case closed(b) && b.Reopens > old.Reopens:
		fs = append(fs, reopenedBetween(b, at, who))
	}
	return fs
}

// urgency orders the priorities.
func urgency(priority string) int {
	return slices.Index([]string{"low", "normal", "high", "urgent"}, priority)
}

// reopenedBetween tells of a reopening that no state showed. It came before the ticket was solved again; that
// is all that is known of its time.
func reopenedBetween(b *canon.Ticket, at time.Time, who string) fact {
	solved := at
	if by(b.SolvedAt, at) {
		solved = b.SolvedAt
	}
	return fact{typ: "ticket.reopened", at: solved.Add(-time.Microsecond), versioned: true, summary: who + " was opened again."}
}
