package timeline

import (
	"math"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

func dealFacts(s State, b *canon.Deal) []fact {
	data := map[string]any{}
	put(data, "pipeline", b.Pipeline)
	put(data, "stage", b.Stage)
	fs := created(s, data)
	fs[0].amount = copied(b.Amount)
	who := words(s.Entity)
	switch b.Status {
	case "won":
		fs = append(fs, fact{typ: "deal.won", key: "deal.won", at: b.ClosedAt, amount: copied(b.Amount), summary: who + over(b.Amount) + " was won."})
	case "lost":
		lost := fact{typ: "deal.lost", key: "deal.lost", at: b.ClosedAt, amount: copied(b.Amount), data: map[string]any{}}
		put(lost.data, "reason", b.LostReason)
		lost.summary = because(who+over(b.Amount)+" was lost", b.LostReason)
		fs = append(fs, lost)
	}
	return fs
}

func dealChanges(old, b *canon.Deal) []fact {
	who := words(canon.Entity{Body: b})
	fs := ownerChange(old.Owner, b.Owner, who)
	if old.Stage != b.Stage || old.Pipeline != b.Pipeline {
		data := map[string]any{}
		put(data, "from", old.Stage)
		put(data, "to", b.Stage)
		summary := who + " moved from " + orNone(old.Stage) + " to " + orNone(b.Stage) + "."
		if old.Pipeline != b.Pipeline {
			put(data, "pipeline_from", old.Pipeline)
			put(data, "pipeline", b.Pipeline)
			summary = who + " moved from " + orNone(old.Stage) + " of pipeline " + orNone(old.Pipeline) + " to " + orNone(b.Stage) + " of pipeline " + orNone(b.Pipeline) + "."
		}
		fs = append(fs, fact{typ: "deal.stage_changed", data: data, summary: summary})
	}
	if !sameMoney(old.Amount, b.Amount) {
		fs = append(fs, amountChange("deal", who, old.Amount, b.Amount))
	}
	if !old.ExpectedAt.Equal(b.ExpectedAt) && b.Status == "open" && !b.ExpectedAt.IsZero() {
		fs = append(fs, closeDateChange(who, old.ExpectedAt, b.ExpectedAt))
	}
	if old.Status != "open" && b.Status == "open" {
		fs = append(fs, fact{typ: "deal.reopened", amount: copied(b.Amount), summary: who + " was opened again."})
	}
	return fs
}

// amountChange tells of another amount, with both in minor units.
func amountChange(family, who string, old, b *canon.Money) fact {
	data := map[string]any{}
	from, to := "no amount", "no amount"
	if old != nil {
		data["from"], from = float64(old.Minor), money(*old)
	}
	if b != nil {
		data["to"], to = float64(b.Minor), money(*b)
	}
	return fact{typ: family + ".amount_changed", amount: copied(b), data: data, summary: who + " went from " + from + " to " + to + "."}
}

// closeDateChange tells that a deal is expected to close on another day.
func closeDateChange(who string, old, b time.Time) fact {
	data := map[string]any{"to": micro(b).Format(time.RFC3339)}
	f := fact{typ: "deal.close_date_changed", data: data, summary: who + " is expected to close on " + b.UTC().Format("2 January 2006") + "."}
	if old.IsZero() {
		return f
	}
	data["from"], data["direction"] = micro(old).Format(time.RFC3339), "earlier"
	verb := " was brought forward from "
	if b.After(old) {
		data["direction"], verb = "later", " slipped from "
	}
	days := math.Round(b.Sub(old).Hours() / 24)
	f.value = number(days)
	f.summary = who + verb + old.UTC().Format("2 January 2006") + " to " + b.UTC().Format("2 January 2006") + "."
	return f
}

// quoteChanges tells of another amount. What became of the quote are facts of their own.
func quoteChanges(old, b *canon.Quote) []fact {
	if old.Status == "draft" || b.Status == "draft" || sameMoney(old.Amount, b.Amount) {
		return nil
	}
	return []fact{amountChange("quote", named("Quote", "A quote", b.Number), old.Amount, b.Amount)}
}

func sameMoney(a, b *canon.Money) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

func quoteFacts(b *canon.Quote) []fact {
	who := words(canon.Entity{Body: b})
	told := func(what string) fact {
		return fact{typ: "quote." + what, key: "quote." + what, amount: copied(b.Amount), summary: who + " was " + what + "."}
	}
	var fs []fact
	if b.Status == "sent" || b.Status != "draft" && !b.SentAt.IsZero() {
		sent := told("sent")
		sent.at = b.SentAt
		fs = append(fs, sent)
	}
	expiry := told("expired")
	expiry.summary = who + " expired."
	if !b.ExpiresAt.IsZero() {
		expiry.at = b.ExpiresAt
		expiry.key += stamp(b.ExpiresAt)
	}
	switch b.Status {
	case "sent", "approved":
		if b.Status == "approved" {
			fs = append(fs, told("approved"))
		}
		expiry.planned = true
		fs = append(fs, expiry)
	case "accepted":
		accepted := told("accepted")
		accepted.at = b.AcceptedAt
		fs = append(fs, accepted)
		if !b.ExpiresAt.IsZero() && b.AcceptedAt.After(b.ExpiresAt) {
			expiry.planned = true
			fs = append(fs, expiry)
		}
	case "rejected":
		fs = append(fs, told("rejected"))
	case "expired":
		fs = append(fs, expiry)
	}
	return fs
}
