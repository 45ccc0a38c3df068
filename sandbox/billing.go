package sandbox

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// stripeVersion is the API version whose shapes the objects have.
const stripeVersion = "2026-08-26.dahlia"

// eventDays is how long the vendor keeps events ("going back up to 30 days", reference of GET /v1/events).
const eventDays = 30

type stripeObject struct {
	id      string
	created int64
	seq     int64
	deleted bool
	overdue bool // the calendar has noticed
	issued  int  // invoices of a customer so far
	doc     doc
	// shown is when lists begin to hold it, for events that the vendor tells late.
	shown time.Time
}

// stripeTable keeps its rows oldest first; lists answer newest first.
type stripeTable struct {
	rows []*stripeObject
	byID map[string]*stripeObject
}

func newStripeTable() *stripeTable { return &stripeTable{byID: map[string]*stripeObject{}} }

func (t *stripeTable) sort() {
	slices.SortStableFunc(t.rows, func(a, b *stripeObject) int {
		return cmp.Or(cmp.Compare(a.created, b.created), cmp.Compare(a.seq, b.seq))
	})
}

// stripeID derives ids such as cus_3f2a…: opaque, unordered, the same for every run of a seed.
func (w *World) stripeID(prefix string) string {
	w.stripeSeq++
	id := canon.ID(prefix, strconv.FormatInt(w.opts.Seed, 10), strconv.FormatInt(w.stripeSeq, 10))
	return id[:len(prefix)+1+16]
}

func (w *World) addStripe(t *stripeTable, prefix string, at time.Time, d doc) *stripeObject {
	o := &stripeObject{id: w.stripeID(prefix), created: at.Unix(), doc: d}
	o.seq = w.stripeSeq
	d["id"], d["created"], d["livemode"] = o.id, o.created, false
	t.rows = append(t.rows, o)
	t.byID[o.id] = o
	return o
}

// event records what happened to an object, with the object as it then was.
func (w *World) event(kind string, at time.Time, o *stripeObject) {
	if at.Before(w.now.AddDate(0, 0, -eventDays)) || at.After(w.now) {
		return
	}
	raw, err := json.Marshal(o.doc)
	if err != nil {
		return
	}
	w.addStripe(w.events, "evt", at, doc{
		"object": "event", "api_version": stripeVersion, "type": kind, "pending_webhooks": 0,
		"data": doc{"object": json.RawMessage(raw)}, "request": doc{"id": nil, "idempotency_key": nil},
	})
}

func (w *World) addCustomer(a *account, at time.Time, email, hubspotID string) *stripeObject {
	meta := doc{}
	if hubspotID != "" {
		meta["hubspot_company_id"] = hubspotID
	}
	var mail any
	if email != "" {
		mail = email
	}
	c := w.addStripe(w.customers, "cus", at, doc{
		"object": "customer", "name": a.name, "email": mail, "description": nil, "phone": nil, "metadata": meta,
		"address": doc{"city": a.place.city, "country": a.place.iso, "line1": nil, "line2": nil, "postal_code": nil, "state": nil},
		"balance": 0, "currency": a.place.currency, "default_source": nil, "delinquent": false, "discount": nil,
		"invoice_settings":  doc{"custom_fields": nil, "default_payment_method": nil, "footer": nil, "rendering_options": nil},
		"preferred_locales": []string{}, "shipping": nil, "tax_exempt": "none", "test_clock": nil,
	})
	c.doc["invoice_prefix"] = strings.ToUpper(c.id[len(c.id)-7:])
	w.event("customer.created", at, c)
	return c
}

type plan struct {
	name    string
	monthly int64 // minor units of EUR or USD per seat
}

func plans() []plan { return []plan{{"Starter", 1900}, {"Team", 4900}, {"Business", 9900}} }

// unitPrice is the price of one seat for one period, in the currency's minor units.
func unitPrice(p plan, currency, interval string) int64 {
	v := p.monthly
	if canon.Exponent(currency) == 0 {
		v = v * 150 / 100
	}
	if interval == "year" {
		v *= 10
	}
	return v
}

func (w *World) addSubscription(a *account, at time.Time) *stripeObject {
	unit := unitPrice(a.plan, a.place.currency, a.interval)
	end := at.AddDate(0, 1, 0)
	if a.interval == "year" {
		end = at.AddDate(1, 0, 0)
	}
	collection, days := "charge_automatically", any(nil)
	if a.onAccount {
		collection, days = "send_invoice", 30
	}
	s := w.addStripe(w.subscriptions, "sub", at, doc{
		"object": "subscription", "application": nil, "application_fee_percent": nil,
		"automatic_tax": doc{"enabled": false, "liability": nil, "disabled_reason": nil}, "billing_cycle_anchor": at.Unix(),
		"billing_cycle_anchor_config": nil, "billing_mode": doc{"type": "classic"}, "billing_schedules": []any{}, "billing_thresholds": nil,
		"cancel_at": nil, "cancel_at_period_end": false, "canceled_at": nil,
		"cancellation_details": doc{"comment": nil, "feedback": nil, "reason": nil}, "collection_method": collection, "currency": a.place.currency,
		"customer": a.customer.id, "customer_account": nil, "days_until_due": days, "default_payment_method": nil, "default_source": nil,
		"default_tax_rates": []any{}, "description": nil, "discounts": []any{}, "ended_at": nil,
		"invoice_settings": doc{"account_tax_ids": nil, "issuer": doc{"type": "self"}}, "latest_invoice": nil, "metadata": doc{},
		"next_pending_invoice_item_invoice": nil, "on_behalf_of": nil, "pause_collection": nil,
		"payment_settings":              doc{"payment_method_options": nil, "payment_method_types": nil, "save_default_payment_method": "off"},
		"pending_invoice_item_interval": nil, "pending_setup_intent": nil, "pending_update": nil, "schedule": nil, "start_date": at.Unix(),
		"status": "active", "test_clock": nil, "transfer_data": nil, "trial_end": nil, "trial_settings": nil, "trial_start": nil,
	})
	item := doc{
		"object": "subscription_item", "id": w.stripeID("si"), "created": at.Unix(), "discounts": []any{}, "metadata": doc{},
		"billing_thresholds": nil, "quantity": int64(a.seats), "subscription": s.id, "tax_rates": []any{},
		"current_period_start": at.Unix(), "current_period_end": end.Unix(), "price": w.price(a, unit), "plan": w.oldPlan(a, unit),
	}
	s.doc["items"] = doc{"object": "list", "data": []doc{item}, "has_more": false, "url": "/v1/subscription_items?subscription=" + s.id}
	w.event("customer.subscription.created", at, s)
	return s
}

// priceKey names the price that all subscriptions of a plan, currency and interval share.
func priceKey(a *account, prefix string) string {
	return canon.ID(prefix, a.plan.name, a.place.currency, a.interval)[:len(prefix)+15]
}

func (w *World) price(a *account, unit int64) doc {
	return doc{
		"object": "price", "id": priceKey(a, "price"), "active": true, "billing_scheme": "per_unit", "created": w.begin.Unix(), "currency": a.place.currency,
		"custom_unit_amount": nil, "livemode": false, "lookup_key": nil, "metadata": doc{}, "nickname": a.plan.name, "product": canon.ID("prod", a.plan.name)[:19],
		"recurring":    doc{"interval": a.interval, "interval_count": 1, "meter": nil, "trial_period_days": nil, "usage_type": "licensed"},
		"tax_behavior": "unspecified", "tiers_mode": nil, "transform_quantity": nil, "type": "recurring", "unit_amount": unit,
		"unit_amount_decimal": strconv.FormatInt(unit, 10),
	}
}

// oldPlan is the legacy twin of the price that the vendor still delivers with every item.
func (w *World) oldPlan(a *account, unit int64) doc {
	return doc{
		"object": "plan", "id": priceKey(a, "price"), "active": true, "amount": unit, "amount_decimal": strconv.FormatInt(unit, 10), "billing_scheme": "per_unit",
		"created": w.begin.Unix(), "currency": a.place.currency, "interval": a.interval, "interval_count": 1, "livemode": false, "metadata": doc{}, "meter": nil,
		"nickname": a.plan.name, "product": canon.ID("prod", a.plan.name)[:19], "tiers_mode": nil, "transform_usage": nil, "trial_period_days": nil, "usage_type": "licensed",
	}
}

// item is the subscription's only item.
func (o *stripeObject) item() doc { return as[[]doc](as[doc](o.doc["items"])["data"])[0] }

// as returns v as a T, which the world itself put there, and a T's zero value for anything else.
func as[T any](v any) T {
	t, ok := v.(T)
	if !ok {
		var zero T
		return zero
	}
	return t
}

func (o *stripeObject) periodEnd() time.Time {
	return time.Unix(as[int64](o.item()["current_period_end"]), 0).UTC()
}

// seatsNow is the item's quantity.
func (o *stripeObject) seatsNow() int64 { return as[int64](o.item()["quantity"]) }

// bill issues an open invoice for the current period. due is zero where the card is charged.
func (w *World) bill(a *account, at, due time.Time) *stripeObject {
	s := a.sub
	item := s.item()
	qty := s.seatsNow()
	total := qty * as[int64](as[doc](item["price"])["unit_amount"])
	c := a.customer.doc
	a.customer.issued++
	n := a.customer.issued
	reason, dueAt := "subscription_cycle", any(nil)
	if n == 1 {
		reason = "subscription_create"
	}
	if !due.IsZero() {
		dueAt = due.Unix()
	}
	d := invoiceConstants()
	maps.Copy(d, doc{
		"amount_due": total, "amount_remaining": total, "billing_reason": reason, "collection_method": s.doc["collection_method"],
		"currency": a.place.currency, "customer": a.customer.id, "customer_address": c["address"], "customer_email": c["email"], "customer_name": a.name,
		"due_date": dueAt, "effective_at": at.Unix(), "number": fmt.Sprintf("%s-%04d", c["invoice_prefix"], n),
		"parent":     doc{"type": "subscription_details", "quote_details": nil, "subscription_details": doc{"metadata": doc{}, "subscription": s.id}},
		"period_end": item["current_period_end"], "period_start": item["current_period_start"], "status": "open",
		"status_transitions": doc{"finalized_at": at.Unix(), "marked_uncollectible_at": nil, "paid_at": nil, "voided_at": nil},
		"subtotal":           total, "subtotal_excluding_tax": total, "total": total, "total_excluding_tax": total, "webhooks_delivered_at": at.Unix(),
	})
	inv := w.addStripe(w.invoices, "in", at, d)
	inv.doc["lines"] = doc{"object": "list", "has_more": false, "url": "/v1/invoices/" + inv.id + "/lines", "data": []doc{w.line(a, inv, qty, total)}}
	s.doc["latest_invoice"] = inv.id
	a.invoices = append(a.invoices, inv)
	w.event("invoice.finalized", at, inv)
	w.event("customer.subscription.updated", at, s)
	return inv
}

// invoiceConstants are the fields in which all invoices agree.
func invoiceConstants() doc {
	d := doc{
		"object": "invoice", "account_country": "DE", "account_name": "Sandbox", "amount_overpaid": 0, "amount_paid": int64(0), "amount_paid_off_stripe": 0,
		"amount_shipping": 0, "attempt_count": 0, "attempted": false, "auto_advance": true, "customer_tax_exempt": "none", "ending_balance": 0,
		"automatic_tax": doc{"enabled": false, "liability": nil, "status": nil, "disabled_reason": nil, "provider": nil}, "issuer": doc{"type": "self"},
		"metadata": doc{}, "payment_settings": doc{"default_mandate": nil, "payment_method_options": nil, "payment_method_types": nil},
		"post_payment_credit_notes_amount": 0, "pre_payment_credit_notes_amount": 0, "starting_balance": 0,
	}
	for name := range strings.FieldsSeq("account_tax_ids application automatically_finalizes_at custom_fields customer_account customer_phone customer_shipping " +
		"default_payment_method default_source description footer from_invoice hosted_invoice_url invoice_pdf last_finalization_error latest_revision " +
		"next_payment_attempt on_behalf_of receipt_number rendering shipping_cost shipping_details statement_descriptor test_clock") {
		d[name] = nil
	}
	for name := range strings.FieldsSeq("customer_tax_ids default_tax_rates discounts total_discount_amounts total_pretax_credit_amounts total_taxes") {
		d[name] = []any{}
	}
	return d
}

func (w *World) line(a *account, inv *stripeObject, qty, total int64) doc {
	item := a.sub.item()
	return doc{
		"object": "line_item", "id": w.stripeID("il"), "amount": total, "currency": a.place.currency, "description": fmt.Sprintf("%d × %s", qty, a.plan.name),
		"discount_amounts": []any{}, "discountable": true, "discounts": []any{}, "invoice": inv.id, "livemode": false, "metadata": doc{},
		"parent": doc{"type": "subscription_item_details", "invoice_item_details": nil, "subscription_item_details": doc{
			"invoice_item": nil, "proration": false, "proration_details": nil, "subscription": a.sub.id, "subscription_item": item["id"]}},
		"period": doc{"start": item["current_period_start"], "end": item["current_period_end"]}, "pretax_credit_amounts": []any{},
		"pricing": doc{"type": "price_details", "unit_amount_decimal": as[doc](item["price"])["unit_amount_decimal"],
			"price_details": doc{"price": as[doc](item["price"])["id"], "product": as[doc](item["price"])["product"]}},
		"quantity": qty, "quantity_decimal": strconv.FormatInt(qty, 10), "subscription": a.sub.id, "subtotal": total, "taxes": []any{},
	}
}

// pay, void and writeOff end an open invoice.
func (w *World) pay(inv *stripeObject, at time.Time) {
	inv.doc["status"], inv.doc["amount_paid"], inv.doc["amount_remaining"] = "paid", inv.doc["amount_due"], int64(0)
	inv.doc["attempted"], inv.doc["attempt_count"], inv.doc["auto_advance"] = true, 1, false
	as[doc](inv.doc["status_transitions"])["paid_at"] = at.Unix()
	w.event("invoice.paid", at, inv)
}

func (w *World) void(inv *stripeObject, at time.Time) {
	inv.doc["status"], inv.doc["auto_advance"] = "void", false
	as[doc](inv.doc["status_transitions"])["voided_at"] = at.Unix()
	w.event("invoice.voided", at, inv)
}

func (w *World) writeOff(inv *stripeObject, at time.Time) {
	inv.doc["status"], inv.doc["auto_advance"] = "uncollectible", false
	as[doc](inv.doc["status_transitions"])["marked_uncollectible_at"] = at.Unix()
	w.event("invoice.marked_uncollectible", at, inv)
}

func (w *World) resize(a *account, seats int, at time.Time) {
	a.seats = seats
	a.sub.item()["quantity"] = int64(seats)
	w.event("customer.subscription.updated", at, a.sub)
}

// cancelAtEnd gives notice: the subscription runs until its period ends.
func (w *World) cancelAtEnd(a *account, at time.Time, feedback string) {
	s := a.sub.doc
	s["cancel_at_period_end"], s["canceled_at"], s["cancel_at"] = true, at.Unix(), a.sub.item()["current_period_end"]
	s["cancellation_details"] = doc{"comment": nil, "feedback": feedback, "reason": "cancellation_requested"}
	w.event("customer.subscription.updated", at, a.sub)
}

func (w *World) endSubscription(a *account, at time.Time) {
	a.sub.doc["status"], a.sub.doc["ended_at"] = "canceled", at.Unix()
	a.ended = true
	w.event("customer.subscription.deleted", at, a.sub)
}

// renew moves the subscription into its next period and bills it at a moment.
func (w *World) renew(a *account, at time.Time) *stripeObject {
	start := a.sub.periodEnd()
	end := start.AddDate(0, 1, 0)
	if a.interval == "year" {
		end = start.AddDate(1, 0, 0)
	}
	a.sub.item()["current_period_start"], a.sub.item()["current_period_end"] = start.Unix(), end.Unix()
	return w.bill(a, at, a.dueAt(at))
}
