package sandbox

import (
	"fmt"
	"maps"
	"time"
)

// salesforceLate is the longest that a transaction here takes from stamping its records to their commit. Salesforce
// ends transactions after ten minutes.
const salesforceLate = 9 * time.Minute

func (h *Hostile) salesforceActs() []func(dice) string {
	w := h.world
	return []func(dice) string{h.sfEditLate, h.sfEditLate, w.sfMoveDeal, w.sfAddRole, w.sfDelete, w.sfMerge, h.sfMergeAccounts, w.sfRestore, h.sfPurge, w.sfBulkUpdate,
		w.sfOpenCase, w.sfConvert, h.sfDropRole, h.sfDeleteAccount}
}

// sfEditLate changes a record, which is mostly seen later.
func (h *Hostile) sfEditLate(d dice) string {
	stream := pick(d, []string{"accounts", "contacts", "leads", "opportunities", "cases", "tasks", "quotes", "events", "users"})
	it := h.world.someSalesforce(d, stream)
	if it == nil {
		return ""
	}
	field := map[string]string{"accounts": "Phone", "contacts": "Title", "leads": "Title", "opportunities": "Name", "cases": "Subject", "quotes": "Name", "users": "Title"}[stream]
	if field == "" {
		field = "Subject"
	}
	h.world.sfEdit(stream, it.id, doc{field: fmt.Sprintf("edited %d", d.IntN(1e9))}, h.late(salesforceLate))
	return fmt.Sprintf("%s of %s was edited.", it.id, stream)
}

// sfPurge deletes a record for good, which only the hourly log of deletions tells.
func (h *Hostile) sfPurge(d dice) string {
	if h.brief {
		return ""
	}
	return h.world.sfPurge(d)
}

func (h *Hostile) sfMergeAccounts(d dice) string {
	s := h.world.shelf(VendorSalesforce, "accounts")
	a, b := h.world.someSalesforce(d, "accounts"), h.world.someSalesforce(d, "accounts")
	if a == nil || b == nil || a.id == b.id {
		return ""
	}
	h.sfShow(s.byID[a.id], s.byID[b.id])
	s.merge(s.byID[a.id], s.byID[b.id], h.world.now)
	h.merged("accounts", a.id, b.id)
	return fmt.Sprintf("account %s became part of %s.", a.id, b.id)
}

// sfShow ends what is still hidden of records, as two transactions cannot change one record at a time.
func (h *Hostile) sfShow(items ...*item) {
	for _, it := range items {
		it.shown, it.before = time.Time{}, nil
	}
}

// sfDropRole takes a contact off an opportunity, which itself stays as it is.
func (h *Hostile) sfDropRole(d dice) string {
	it := h.world.someSalesforce(d, "roles")
	if it == nil {
		return ""
	}
	s := h.world.shelf(VendorSalesforce, "roles")
	h.sfShow(s.byID[it.id])
	s.remove(s.byID[it.id], h.world.now)
	return "A contact was taken off an opportunity."
}

func (h *Hostile) sfDeleteAccount(d dice) string {
	it := h.world.someSalesforce(d, "accounts")
	if it == nil {
		return ""
	}
	s := h.world.shelf(VendorSalesforce, "accounts")
	h.sfShow(s.byID[it.id])
	s.remove(s.byID[it.id], h.world.now)
	return fmt.Sprintf("account %s was deleted.", it.id)
}

// salesforceTruth returns the live records of a stream as REST tells them, opportunities with their roles and
// stages.
func (w *World) salesforceTruth(t *sfType) map[string]any {
	out := map[string]any{}
	for _, it := range live(w.shelf(VendorSalesforce, t.stream).list(w.now)) {
		d := doc{}
		for i := range t.fields {
			f := &t.fields[i]
			if f.kind != "address" && !f.calc && f.length <= 4099 {
				d[f.name] = t.value(f, it)
			}
		}
		out[it.id] = d
	}
	if t.stream != "opportunities" {
		return out
	}
	for _, d := range out {
		maps.Copy(as[doc](d), doc{"OpportunityContactRoles": []any{}, "OpportunityHistories": []any{}})
	}
	for member, stream := range map[string]string{"OpportunityContactRoles": "roles", "OpportunityHistories": "histories"} {
		rows := live(w.shelf(VendorSalesforce, stream).list(w.now))
		for _, it := range byIDOrder(rows) {
			if parent, ok := out[as[string](it.doc["OpportunityId"])].(doc); ok {
				parent[member] = append(as[[]any](parent[member]), it.id)
			}
		}
	}
	return out
}
