package sandbox

import (
	"fmt"
	"maps"
	"time"
)

// stripeLate is the longest that the list of events holds one back here. Stripe names no bound.
const stripeLate = 4 * time.Minute

func (h *Hostile) stripeActs() []func(dice) string {
	return []func(dice) string{h.stEdit, h.stEdit, h.stEdit, h.stCreate, h.stBulk, h.stDelete, h.stDraft, h.stDraftDeleted, h.stVoid, h.stNothing}
}

// stEvent tells what happened to an object, sometimes late, and sometimes twice.
func (h *Hostile) stEvent(kind string, o *stripeObject) {
	w := h.world
	before := len(w.events.rows)
	w.event(kind, w.now, o)
	if h.dice.chance(0.1) {
		w.event(kind, w.now, o)
	}
	for _, e := range w.events.rows[before:] {
		if late := h.late(stripeLate); late > 0 {
			e.shown = w.now.Add(late)
		}
		stream := map[string]string{"customer": "customers", "subscription": "subscriptions", "invoice": "invoices"}[as[string](o.doc["object"])]
		h.notices = append(h.notices, notice{stream: stream, id: o.id, body: maps.Clone(e.doc)})
	}
}

// stPick finds a live object.
func (h *Hostile) stPick(d dice, t *stripeTable, fits func(*stripeObject) bool) *stripeObject {
	for range 40 {
		if len(t.rows) == 0 {
			return nil
		}
		if o := pick(d, t.rows); !o.deleted && !h.world.malformed["stripe/invoices/"+o.id] && (fits == nil || fits(o)) {
			return o
		}
	}
	return nil
}

func (h *Hostile) stEdit(d dice) string {
	w := h.world
	t, kind := w.customers, "customer.updated"
	switch d.IntN(3) {
	case 0:
		t, kind = w.subscriptions, "customer.subscription.updated"
	case 1:
		t, kind = w.invoices, "invoice.updated"
	}
	o := h.stPick(d, t, nil)
	if o == nil {
		return ""
	}
	o.doc["description"] = fmt.Sprintf("edited %d", d.IntN(1e9))
	h.stEvent(kind, o)
	return o.id + " was edited."
}

func (h *Hostile) stCreate(d dice) string {
	w := h.world
	a := pick(d, w.accounts)
	b := &account{name: fmt.Sprintf("New customer %d", d.IntN(1e9)), place: a.place}
	before := len(w.events.rows)
	o := w.addCustomer(b, w.now, fmt.Sprintf("new%d@example.com", d.IntN(1e9)), "")
	w.events.rows = w.events.rows[:before] // told anew below, in the way of this server
	o.doc["metadata"] = doc{"disposable": "yes"}
	h.stEvent("customer.created", o)
	return o.id + " was created."
}

// stBulk changes many customers within one second, some of them twice.
func (h *Hostile) stBulk(d dice) string {
	n := 0
	for _, o := range h.world.customers.rows {
		if !o.deleted && d.chance(0.4) {
			for range d.between(1, 2) {
				o.doc["description"] = fmt.Sprintf("bulk %d", d.IntN(1e9))
				h.stEvent("customer.updated", o)
			}
			n++
		}
	}
	return fmt.Sprintf("%d customers were updated at once.", n)
}

// stDelete deletes a customer who has bought nothing.
func (h *Hostile) stDelete(d dice) string {
	o := h.stPick(d, h.world.customers, func(o *stripeObject) bool { return as[doc](o.doc["metadata"])["disposable"] == "yes" })
	if o == nil {
		return ""
	}
	h.stEvent("customer.deleted", o)
	o.deleted = true
	return o.id + " was deleted."
}

func (h *Hostile) stDraft(d dice) string {
	w := h.world
	from := h.stPick(d, w.invoices, nil)
	if from == nil {
		return ""
	}
	body := maps.Clone(from.doc)
	o := w.addStripe(w.invoices, "in", w.now, body)
	maps.Copy(o.doc, doc{"status": "draft", "number": nil, "effective_at": nil, "description": "draft",
		"status_transitions": doc{"finalized_at": nil, "marked_uncollectible_at": nil, "paid_at": nil, "voided_at": nil}})
	h.stEvent("invoice.created", o)
	return o.id + " was drafted."
}

// stDraftDeleted deletes a draft: reading it alone then gives 404.
func (h *Hostile) stDraftDeleted(d dice) string {
	o := h.stPick(d, h.world.invoices, func(o *stripeObject) bool { return o.doc["status"] == "draft" })
	if o == nil {
		return ""
	}
	h.stEvent("invoice.deleted", o)
	o.deleted = true
	return o.id + " was deleted."
}

func (h *Hostile) stVoid(d dice) string {
	w := h.world
	o := h.stPick(d, w.invoices, func(o *stripeObject) bool { return o.doc["status"] == "open" })
	if o == nil {
		return ""
	}
	before := len(w.events.rows)
	w.void(o, w.now)
	w.events.rows = w.events.rows[:before]
	h.stEvent("invoice.voided", o)
	return o.id + " was voided."
}

// stNothing tells of a change after which the object is as it was.
func (h *Hostile) stNothing(d dice) string {
	o := h.stPick(d, h.world.subscriptions, nil)
	if o == nil {
		return ""
	}
	h.stEvent("customer.subscription.updated", o)
	return o.id + " was touched."
}

// stripeTruth returns the live objects.
func stripeTruth(t *stripeTable) map[string]any {
	out := map[string]any{}
	for _, o := range t.rows {
		if !o.deleted {
			out[o.id] = o.doc
		}
	}
	return out
}
