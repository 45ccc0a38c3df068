package sandbox

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// cbWrite enters what the accounts hold into the Chargebee site.
func cbWrite(b *books) {
	for i, a := range b.world.payers() {
		id := b.bookID("customer", a.customer.id)[:16]
		born := time.Unix(a.customer.created, 0).UTC()
		b.enter(b.cbCustomer(a, id, born))
		b.enter(b.cbSubscription(a, id))
		for _, d := range b.world.demands(a) {
			b.enter(b.cbInvoice(a, id, d))
			if d.status == "uncollectible" {
				b.enter(b.cbCreditNote(id, d, doc{"type": "adjustment", "reason_code": "write_off", "status": "adjusted", "amount_allocated": d.total, "amount_available": int64(0)}))
			}
		}
		if i%6 == 2 {
			b.enter(b.cbQuote(a, id, born))
		}
	}
	b.cbDirt()
}

// cbDirt is a customer entered by mistake and deleted since.
func (b *books) cbDirt() {
	s, id := b.list("customers"), b.bookID("mistake")[:16]
	if s.byID[id] != nil {
		return
	}
	at := b.world.now.Add(-50 * day)
	s.put(id, at, doc{"id": id, "object": "customer", "first_name": "Test", "email": "test@" + b.world.accounts[0].domain, "auto_collection": "on",
		"net_term_days": 0, "allow_direct_debit": false, "promotional_credits": 0, "refundable_credits": 0, "excess_payments": 0, "unbilled_charges": 0})
	s.remove(s.byID[id], b.world.now.Add(-20*day))
}

func (b *books) cbCustomer(a *account, id string, born time.Time) entry {
	currency := strings.ToUpper(a.place.currency)
	collection, days := "on", 0
	if a.onAccount {
		collection, days = "off", 30
	}
	facts := doc{
		"id": id, "object": "customer", "company": a.name, "auto_collection": collection, "net_term_days": days, "preferred_currency_code": currency,
		"allow_direct_debit": false, "taxability": "taxable", "channel": "web", "pii_cleared": "active", "card_status": "no_card",
		"promotional_credits": 0, "refundable_credits": 0, "excess_payments": 0, "unbilled_charges": 0,
		"billing_address": doc{"company": a.name, "city": a.place.city, "country": a.place.iso, "validation_status": "not_validated", "object": "billing_address"},
		"cf_plan":         a.plan.name,
	}
	first := doc{"meta_data": doc{}, "locale": "en"}
	if mail := as[string](a.customer.doc["email"]); mail != "" {
		facts["email"] = mail
	}
	if crm := a.crmID(); crm != "" {
		facts["cf_hubspot_company_id"] = crm
	}
	if len(a.people) > 0 {
		p := a.people[0].props
		first["first_name"], first["last_name"] = p["firstname"], p["lastname"]
		first["contacts"] = []doc{{"id": "contact_" + id, "first_name": p["firstname"], "last_name": p["lastname"], "email": p["email"],
			"enabled": true, "send_account_email": false, "send_billing_email": true, "object": "contact"}}
	}
	return entry{stream: "customers", id: id, created: born, updated: born, facts: facts, first: first}
}

func (b *books) cbSubscription(a *account, customer string) entry {
	s, item := a.sub.doc, a.sub.item()
	currency := strings.ToUpper(a.place.currency)
	id := b.bookID("subscription", a.sub.id)[:16]
	unit := as[int64](as[doc](item["price"])["unit_amount"])
	quantity := a.sub.seatsNow()
	mrr := unit * quantity
	if a.interval == "year" {
		mrr /= 12
	}
	start, end := as[int64](item["current_period_start"]), as[int64](item["current_period_end"])
	facts := doc{
		"id": id, "object": "subscription", "customer_id": customer, "currency_code": currency, "billing_period": 1, "billing_period_unit": a.interval,
		"status": "active", "start_date": as[int64](s["start_date"]), "started_at": as[int64](s["start_date"]), "activated_at": as[int64](s["start_date"]),
		"current_term_start": start, "current_term_end": end, "next_billing_at": end, "mrr": mrr, "has_scheduled_changes": false,
		"has_scheduled_advance_invoices": false, "decommissioned": false, "channel": "web",
		"subscription_items": []doc{{"item_price_id": a.plan.name + "-" + currency + "-" + a.interval, "item_type": "plan", "quantity": quantity,
			"unit_price": unit, "amount": unit * quantity, "free_quantity": 0, "object": "subscription_item"}},
		"cancelled_at": nil, "cancel_schedule_created_at": nil, "cancel_reason_code": nil,
	}
	updated := time.Unix(start, 0).UTC()
	if n, ok := s["canceled_at"].(int64); ok {
		reason := as[doc](s["cancellation_details"])["feedback"]
		facts["status"], facts["cancelled_at"], facts["cancel_schedule_created_at"], facts["cancel_reason_code"] = "non_renewing", end, n, reason
		facts["next_billing_at"] = nil
		updated = later(updated, time.Unix(n, 0).UTC())
	}
	if n, ok := s["ended_at"].(int64); ok {
		facts["status"], facts["cancelled_at"], facts["mrr"] = "cancelled", n, int64(0)
		facts["next_billing_at"], facts["cancel_schedule_created_at"] = nil, nil
		updated = later(updated, time.Unix(n, 0).UTC())
	}
	due, owed, since := 0, int64(0), any(nil)
	for _, d := range b.world.demands(a) {
		if at := d.overdueAt(b.world.now); !at.IsZero() {
			due, owed = due+1, owed+d.total
			if since == nil {
				since = d.due.Unix()
			}
			updated = later(updated, at)
		}
	}
	facts["due_invoices_count"], facts["total_dues"], facts["due_since"] = due, owed, since
	born := time.Unix(a.sub.created, 0).UTC()
	return entry{stream: "subscriptions", id: id, created: born, updated: clampTime(updated, b.world.now), facts: facts, first: doc{"meta_data": doc{}}}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func (b *books) cbInvoice(a *account, customer string, d demand) entry {
	item := a.sub.item()
	unit := as[int64](as[doc](item["price"])["unit_amount"])
	status, dunning := "payment_due", any(nil)
	paid, writtenOff := int64(0), int64(0)
	switch {
	case d.status == "paid":
		status, paid = "paid", d.total
	case d.status == "uncollectible":
		status, writtenOff = "paid", d.total
	case d.status == "void":
		status = "voided"
	case !d.due.IsZero() && d.overdueAt(b.world.now).IsZero():
		status = "posted"
	default:
		dunning = "in_progress"
	}
	due := d.due
	if due.IsZero() {
		due = d.issued
	}
	facts := doc{
		"id": d.number, "object": "invoice", "customer_id": customer, "subscription_id": b.bookID("subscription", a.sub.id)[:16], "recurring": true,
		"status": status, "price_type": "tax_exclusive", "date": d.issued.Unix(), "due_date": due.Unix(), "net_term_days": int(due.Sub(d.issued) / day),
		"currency_code": d.currency, "total": d.total, "sub_total": d.total, "tax": int64(0), "amount_paid": paid, "amount_due": d.owed(),
		"amount_adjusted": int64(0), "write_off_amount": writtenOff, "credits_applied": int64(0), "first_invoice": d.doc["billing_reason"] == "subscription_create",
		"term_finalized": true, "is_gifted": false, "has_advance_charges": false, "channel": "web", "generated_at": d.issued.Unix(), "dunning_status": dunning,
		"line_items": []doc{{"id": "li_" + d.number, "date_from": d.issued.Unix(), "date_to": d.issued.AddDate(0, 1, 0).Unix(), "unit_amount": unit,
			"quantity": d.quantity, "amount": d.total, "pricing_model": "per_unit", "is_taxed": false, "tax_amount": 0, "description": a.plan.name,
			"entity_type": "plan_item_price", "entity_id": a.plan.name + "-" + d.currency + "-" + a.interval, "object": "line_item"}},
	}
	if !d.ended.IsZero() && status == "voided" {
		facts["voided_at"] = d.ended.Unix()
	} else if !d.ended.IsZero() {
		facts["paid_at"] = d.ended.Unix()
	}
	return entry{stream: "invoices", id: d.number, created: d.issued, updated: d.updated, facts: facts}
}

func (b *books) cbCreditNote(customer string, d demand, more doc) entry {
	id := "CN-" + d.number
	facts := doc{
		"id": id, "object": "credit_note", "customer_id": customer, "reference_invoice_id": d.number, "date": d.ended.Unix(), "price_type": "tax_exclusive",
		"currency_code": d.currency, "total": d.total, "sub_total": d.total, "amount_refunded": int64(0), "generated_at": d.ended.Unix(), "channel": "web",
	}
	for k, v := range more {
		facts[k] = v
	}
	return entry{stream: "credit_notes", id: id, created: d.ended, updated: d.ended, facts: facts}
}

// cbQuote is an offer of more seats.
func (b *books) cbQuote(a *account, customer string, born time.Time) entry {
	at := clampTime(born.Add(75*day), b.world.now.Add(-day))
	total := unitPrice(a.plan, a.place.currency, a.interval) * int64(max(1, a.seats/4))
	status := "open"
	if a.n%3 == 0 {
		status = "accepted"
	}
	id := "Q" + strconv.Itoa(1000+a.n)
	return entry{stream: "quotes", id: id, created: at, updated: at, first: doc{
		"id": id, "object": "quote", "name": a.name + ", more seats", "customer_id": customer, "status": status, "operation_type": "change_subscription",
		"price_type": "tax_exclusive", "valid_till": at.Add(30 * day).Unix(), "date": at.Unix(), "sub_total": total, "total": total, "total_payable": total,
		"amount_due": total, "amount_paid": 0, "credits_applied": 0, "version": 1, "currency_code": strings.ToUpper(a.place.currency),
	}}
}

// cbStir is what the people at the billing desk do between two readings.
func cbStir(b *books, n int, d dice) {
	customers := b.living("customers")
	c := pick(d, customers)
	switch n % 5 {
	case 0:
		b.change(b.list("customers"), c, doc{"phone": fmt.Sprintf("+49 30 5551%04d", n), "cf_segment": pick(d, []string{"core", "growth", "at risk"})})
	case 1:
		if open := b.living("quotes"); len(open) > 0 {
			b.change(b.list("quotes"), pick(d, open), doc{"status": pick(d, []string{"accepted", "declined", "expired"})})
		}
	case 2: // somebody signs up and never buys
		id := b.bookID("visitor", strconv.Itoa(n))[:16]
		b.list("customers").put(id, b.world.now, doc{"id": id, "object": "customer", "first_name": "Visitor", "email": fmt.Sprintf("visitor%d@example.com", n),
			"auto_collection": "on", "net_term_days": 0, "allow_direct_debit": false, "promotional_credits": 0, "refundable_credits": 0, "excess_payments": 0, "unbilled_charges": 0})
	case 3: // two records of a customer become one: the vendor deletes the other
		for _, other := range customers {
			if strings.HasPrefix(fmt.Sprint(other.doc["email"]), "visitor") && other != c {
				b.list("customers").merge(other, c, b.world.now)
				return
			}
		}
	case 4:
		if notes := b.living("credit_notes"); len(notes) > 0 {
			b.list("credit_notes").remove(pick(d, notes), b.world.now)
		}
	}
}
