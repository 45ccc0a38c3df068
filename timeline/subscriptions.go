package timeline

import (
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// running tells the states in which a contract is in force and has started to be paid for.
func running(status string) bool {
	return status == "active" || status == "past_due" || status == "unpaid" || status == "paused"
}

// alive tells the states in which a contract can still be called off.
func alive(status string) bool {
	return running(status) || status == "trialing" || status == "scheduled"
}

// inTrial reports whether the snapshot remembers a trial.
func inTrial(b *canon.Subscription) bool {
	return !b.TrialEndsAt.IsZero() && !b.StartedAt.IsZero() && b.StartedAt.Before(b.TrialEndsAt)
}

func subscriptionFacts(before *canon.Subscription, s State, b *canon.Subscription) []fact {
	if b.Status == "incomplete" {
		return nil
	}
	who := words(s.Entity)
	fs := trialFacts(s, b, who)
	if f, ok := started(before, s, b); ok {
		fs = append(fs, f)
	}
	switch b.Status {
	case "past_due", "unpaid":
		fs = append(fs, fact{typ: "subscription.past_due", key: "past_due", amount: copied(b.MRR), summary: who + " fell behind with its payments."})
	case "paused":
		fs = append(fs, fact{typ: "subscription.paused", key: "paused", amount: copied(b.MRR), summary: who + " was paused."})
	}
	if f, ok := notice(before, b, who); ok {
		fs = append(fs, f)
	}
	if f, ok := ended(before, b, who); ok {
		fs = append(fs, f)
	}
	return fs
}

func trialFacts(s State, b *canon.Subscription, who string) []fact {
	trialing := b.Status == "trialing"
	if !trialing && (!inTrial(b) || b.Status == "scheduled") {
		return nil
	}
	fs := []fact{{typ: "subscription.trial_started", key: "trial_started", at: first(b.StartedAt, s.Entity.CreatedAt), summary: who + " began with a trial."}}
	if brokenOff := !b.EndedAt.IsZero() && b.EndedAt.Before(b.TrialEndsAt); !b.TrialEndsAt.IsZero() && !brokenOff {
		fs = append(fs, fact{typ: "subscription.trial_ended", key: "trial_ended", at: b.TrialEndsAt, planned: trialing, summary: "The trial of " + lower(who) + " ended."})
	}
	return fs
}

// started tells when the paid contract began: when its trial was over, or when it was concluded.
func started(before *canon.Subscription, s State, b *canon.Subscription) (fact, bool) {
	f := fact{typ: "subscription.started", key: "started", at: first(b.StartedAt, s.Entity.CreatedAt), amount: copied(b.MRR), summary: words(s.Entity) + worth(b.MRR) + " started."}
	switch {
	case b.Status == "trialing" || before != nil && before.Status == "ended":
		// A contract that starts again is told as a change.
		return f, false
	case b.Status == "scheduled":
		f.at, f.planned = b.StartedAt, true
		return f, !b.StartedAt.IsZero()
	case b.Status == "ended":
		if before != nil && before.Status == "trialing" || !b.TrialEndsAt.IsZero() && by(b.EndedAt, b.TrialEndsAt) {
			return f, false
		}
	}
	converted := before != nil && before.Status == "trialing"
	if converted || inTrial(b) {
		f.at = b.TrialEndsAt
		f.data = map[string]any{"trial": true}
		f.summary = words(s.Entity) + worth(b.MRR) + " started after its trial."
	}
	return f, true
}

// notice tells that the contract's end is set.
func notice(before, b *canon.Subscription, who string) (fact, bool) {
	if !hasNotice(b) {
		// An end that was announced is history worth telling only where nothing is known of before.
		if before != nil || b.Status != "ended" || !b.CancelRequestedAt.Before(b.EndedAt) || b.CancelRequestedAt.IsZero() {
			return fact{}, false
		}
	}
	end := first(b.EndsAt, b.EndedAt)
	f := fact{typ: "subscription.cancel_scheduled", key: "cancel_scheduled", at: b.CancelRequestedAt, amount: copied(b.MRR)}
	if end.IsZero() {
		f.summary = who + " was called off."
		return f, true
	}
	f.key += stamp(end)
	f.data = map[string]any{"ends_at": micro(end).Format(time.RFC3339)}
	f.summary = who + " is to end on " + end.UTC().Format("2 January 2006") + "."
	if before != nil && hasNotice(before) && before.CancelRequestedAt.Equal(b.CancelRequestedAt) {
		// The same notice with another end: the change has no date of its own.
		f.at = time.Time{}
	}
	return f, true
}

func hasNotice(b *canon.Subscription) bool {
	return alive(b.Status) && (!b.EndsAt.IsZero() || !b.CancelRequestedAt.IsZero())
}

func ended(before, b *canon.Subscription, who string) (fact, bool) {
	f := fact{typ: "subscription.ended", key: "ended", amount: copied(b.MRR), data: map[string]any{}}
	if before != nil && before.Status != "ended" && before.MRR != nil {
		// What was lost is what was paid before; many vendors set an ended contract to nothing.
		f.amount = copied(before.MRR)
	}
	put(f.data, "reason", b.EndReason)
	f.summary = because(who+worth(f.amount)+" ended", b.EndReason)
	switch {
	case b.Status == "ended":
		f.at = first(b.EndedAt, b.EndsAt)
		return f, true
	case alive(b.Status) && !b.EndsAt.IsZero():
		f.at, f.planned = b.EndsAt, true
		return f, true
	}
	return f, false
}

// subscriptionRefutes reports whether the newer snapshot knows better than the older one's plan. A start and
// an end it tells itself; the end of a trial it may have forgotten.
func subscriptionRefutes(b *canon.Subscription, f fact) bool {
	if f.key != "trial_ended" {
		return true
	}
	moved := !b.TrialEndsAt.IsZero() && !b.TrialEndsAt.Equal(f.at)
	return moved || !b.EndedAt.IsZero() && b.EndedAt.Before(f.at)
}

func subscriptionChanges(old, b *canon.Subscription, at time.Time) []fact {
	who := words(canon.Entity{Body: b})
	var fs []fact
	if old.Status == "ended" && running(b.Status) {
		fs = append(fs, fact{
			typ: "subscription.started", amount: copied(b.MRR), data: map[string]any{"reactivated": true},
			summary: who + worth(b.MRR) + " started again.",
		})
	}
	if old.Status == "paused" && (b.Status == "trialing" || running(b.Status) && b.Status != "paused") {
		fs = append(fs, fact{typ: "subscription.resumed", amount: copied(b.MRR), summary: who + " was resumed."})
	}
	if (old.Status == "past_due" || old.Status == "unpaid") && b.Status == "active" {
		fs = append(fs, fact{typ: "subscription.resumed", amount: copied(b.MRR), summary: who + " is paid up again."})
	}
	if hasNotice(old) && alive(b.Status) && !hasNotice(b) {
		fs = append(fs, fact{typ: "subscription.cancel_revoked", amount: copied(b.MRR), summary: who + " goes on: its cancellation was taken back."})
	}
	if f, ok := renewed(old, b, at); ok {
		fs = append(fs, f)
	}
	if f, ok := contractChange(old, b); ok {
		fs = append(fs, f)
		if p, ok := priceChange(old, b); ok {
			fs = append(fs, p)
		}
	}
	return fs
}

// renewed tells that a period ended and the next one began.
func renewed(old, b *canon.Subscription, at time.Time) (fact, bool) {
	const slack = 24 * time.Hour
	if old.Status != "active" || b.Status != "active" || old.RenewsAt.IsZero() || b.RenewsAt.Sub(old.RenewsAt) <= slack {
		return fact{}, false
	}
	if old.RenewsAt.After(at) && old.Interval != b.Interval {
		// Another billing interval moves the period's end; nothing was renewed.
		return fact{}, false
	}
	return fact{
		typ: "subscription.renewed", at: old.RenewsAt, amount: copied(b.MRR),
		data:    map[string]any{"renews_at": micro(b.RenewsAt).Format(time.RFC3339)},
		summary: words(canon.Entity{Body: b}) + worth(b.MRR) + " was renewed until " + b.RenewsAt.UTC().Format("2 January 2006") + ".",
	}, true
}

// contractChange tells of another plan, quantity or price. Starts, ends and pauses have events of their own.
func contractChange(old, b *canon.Subscription) (fact, bool) {
	comparable := old.Status == b.Status || running(old.Status) && running(b.Status) && old.Status != "paused" && b.Status != "paused"
	if !comparable || !alive(b.Status) {
		return fact{}, false
	}
	counted := old.Quantity != b.Quantity && finite(old.Quantity) && finite(b.Quantity)
	if old.Plan == b.Plan && !counted && old.Interval == b.Interval && sameMoney(old.MRR, b.MRR) {
		return fact{}, false
	}
	f := fact{typ: "subscription.changed", amount: copied(b.MRR), data: map[string]any{"direction": direction(old.MRR, b.MRR)}}
	put(f.data, "plan_before", old.Plan)
	put(f.data, "plan", b.Plan)
	if counted {
		f.data["quantity_before"], f.data["quantity"] = old.Quantity, b.Quantity
	}
	if old.MRR != nil {
		f.data["mrr_before"] = float64(old.MRR.Minor)
	}
	if moved := map[string]string{"up": "expansion", "down": "contraction"}[direction(old.MRR, b.MRR)]; moved != "" {
		f.data["movement"], f.data["mrr_delta"] = moved, float64(b.MRR.Minor-old.MRR.Minor)
	}
	f.summary = words(canon.Entity{Body: b}) + " changed"
	if old.Plan != b.Plan {
		f.summary += " from plan " + orNone(old.Plan) + " to " + orNone(b.Plan)
	}
	if old.MRR != nil && b.MRR != nil && *old.MRR != *b.MRR {
		f.summary += ", from " + money(*old.MRR) + " to " + money(*b.MRR) + " a month"
	}
	f.summary += "."
	return f, true
}

// priceChange tells that the same plan in the same quantity costs something else.
func priceChange(old, b *canon.Subscription) (fact, bool) {
	way := direction(old.MRR, b.MRR)
	if way == "same" || old.Plan != b.Plan || old.Quantity != b.Quantity || old.Interval != b.Interval {
		return fact{}, false
	}
	return fact{
		typ: "subscription.price_changed", amount: copied(b.MRR),
		data:    map[string]any{"direction": way, "from": float64(old.MRR.Minor), "to": float64(b.MRR.Minor), "mrr_delta": float64(b.MRR.Minor - old.MRR.Minor)},
		summary: "The price of " + lower(words(canon.Entity{Body: b})) + " went from " + money(*old.MRR) + " to " + money(*b.MRR) + " a month.",
	}, true
}

// direction compares recurring revenue. Amounts that are unknown or in other currencies do not compare.
func direction(old, now *canon.Money) string {
	switch {
	case old == nil || now == nil || old.Currency != now.Currency || old.Minor == now.Minor:
		return "same"
	case old.Minor < now.Minor:
		return "up"
	}
	return "down"
}

func worth(mrr *canon.Money) string {
	if mrr == nil || mrr.Minor == 0 {
		return ""
	}
	return " over " + money(*mrr) + " a month"
}

// lower makes the beginning of a sentence fit for its middle.
func lower(who string) string { return string(who[0]|0x20) + who[1:] }
