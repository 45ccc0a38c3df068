package timeline

import (
	"time"

	"github.com/lifecyclehub/hub/canon"
)

func invoiceFacts(before *canon.Invoice, s State, b *canon.Invoice) []fact {
	if b.Status == "draft" {
		return nil
	}
	who := words(s.Entity)
	issuedAt := b.IssuedAt
	if before == nil {
		issuedAt = first(b.IssuedAt, s.Entity.CreatedAt)
	}
	if b.Credit {
		fs := []fact{{typ: "credit.issued", key: "issued", at: issuedAt, amount: copied(&b.Total), summary: who + " was issued."}}
		if b.Status == "void" {
			fs = append(fs, fact{typ: "credit.voided", key: "voided", at: b.VoidedAt, amount: copied(&b.Total), summary: who + " was voided."})
		}
		return fs
	}
	fs := []fact{{typ: "invoice.issued", key: "issued", at: issuedAt, amount: copied(&b.Total), summary: who + " was issued."}}
	if wasOverdue(before, s, b) {
		fs = append(fs, overdue(who, b))
	}
	switch b.Status {
	case "open":
		if f, ok := partlyPaid(before, who, b); ok {
			fs = append(fs, f)
		}
	case "paid":
		fs = append(fs, fact{typ: "invoice.paid", key: "paid", at: b.PaidAt, amount: copied(&b.Total), summary: who + " was paid."})
	case "void":
		fs = append(fs, fact{typ: "invoice.voided", key: "voided", at: b.VoidedAt, amount: copied(&b.Total), summary: who + " was voided."})
	case "uncollectible":
		fs = append(fs, fact{typ: "invoice.uncollectible", key: "uncollectible", amount: owed(b), summary: who + " was written off as uncollectible."})
	}
	return fs
}

// wasOverdue reports whether the snapshot says that the due date passes, or passed, without payment.
func wasOverdue(before *canon.Invoice, s State, b *canon.Invoice) bool {
	if b.DueAt.IsZero() {
		return false
	}
	switch b.Status {
	case "open":
		return b.Due == nil || b.Due.Minor > 0
	case "paid":
		return b.PaidAt.After(b.DueAt)
	case "void":
		return b.VoidedAt.After(b.DueAt)
	case "uncollectible":
		// Written off before the due date, it is no longer expected on that date.
		return !b.DueAt.After(s.At) && (before == nil || before.Status != "uncollectible")
	}
	return false
}

func overdue(who string, b *canon.Invoice) fact {
	return fact{
		typ: "invoice.overdue", key: "overdue" + stamp(b.DueAt),
		at: b.DueAt, planned: true, amount: owed(b), summary: who + " fell overdue.",
	}
}

// owed is what is still to be paid, or the total where nothing is known of it.
func owed(b *canon.Invoice) *canon.Money {
	if b.Due != nil && b.Due.Minor > 0 {
		return copied(b.Due)
	}
	return copied(&b.Total)
}

// invoiceRefutes reports whether the newer snapshot shows that the invoice did not fall overdue on the date
// that the older one planned.
func invoiceRefutes(b *canon.Invoice, f fact) bool {
	switch {
	case b.Credit || b.Status == "draft":
		return true
	case b.Status == "paid":
		return by(b.PaidAt, f.at)
	case b.Status == "void":
		return by(b.VoidedAt, f.at)
	}
	// Moved to an earlier date, it was overdue from then on.
	return !b.DueAt.IsZero() && b.DueAt.Before(f.at)
}

// partlyPaid tells that more has been paid, or credited, than before.
func partlyPaid(before *canon.Invoice, who string, b *canon.Invoice) (fact, bool) {
	if b.Due == nil || b.Due.Currency != b.Total.Currency || b.Due.Minor <= 0 || b.Due.Minor >= b.Total.Minor {
		return fact{}, false
	}
	sofar := canon.Money{Minor: b.Total.Minor - b.Due.Minor, Currency: b.Due.Currency}
	paid := sofar
	if before != nil && before.Status == "open" && before.Due != nil && before.Due.Currency == b.Due.Currency && before.Total.Currency == b.Due.Currency {
		paid.Minor -= max(0, before.Total.Minor-before.Due.Minor)
		if paid.Minor <= 0 {
			// A payment that was taken back is none.
			return fact{}, false
		}
	}
	return fact{
		typ: "invoice.partially_paid", key: "partially_paid " + sofar.String(), amount: &paid,
		data:    map[string]any{"due": float64(b.Due.Minor)},
		summary: who + " was paid in part: " + money(paid) + ", " + money(*b.Due) + " is left.",
	}, true
}

func invoiceChanges(old, b *canon.Invoice) []fact {
	if b.Credit || old.Credit || old.Status == "draft" || b.Status == "draft" {
		return nil
	}
	who := words(canon.Entity{Body: b})
	var fs []fact
	if b.Status == "open" && old.Status != "open" {
		fs = append(fs, fact{typ: "invoice.reopened", amount: owed(b), summary: who + " was opened again."})
	}
	if old.Total != b.Total {
		fs = append(fs, amountChange("invoice", named("Invoice", "An invoice", b.Number), &old.Total, &b.Total))
	}
	if b.Status == "open" && !old.DueAt.Equal(b.DueAt) && !old.DueAt.IsZero() && !b.DueAt.IsZero() {
		direction := "earlier"
		if b.DueAt.After(old.DueAt) {
			direction = "later"
		}
		fs = append(fs, fact{
			typ: "invoice.due_date_changed", amount: owed(b),
			data:    map[string]any{"from": micro(old.DueAt).Format(time.RFC3339), "to": micro(b.DueAt).Format(time.RFC3339), "direction": direction},
			summary: who + " is now due on " + b.DueAt.UTC().Format("2 January 2006") + ".",
		})
	}
	return fs
}
