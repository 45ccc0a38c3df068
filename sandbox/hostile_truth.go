package sandbox

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Truth is what a correct reader holds of one record in the end.
type Truth struct {
	// JSON is the record's content, members sorted, nil where it is gone: of HubSpot the properties that have a
	// value, and the ids of its associates in order; of Salesforce the columns, opportunities with the ids of their
	// roles and stages; else the object.
	JSON json.RawMessage
	// Into is the id of the record that it became part of.
	Into string
	// Silent says that no feed of changes told what happened last: only a full list shows it.
	Silent bool
}

// Final returns the true state of a vendor's world: stream, id, what is to be held. Objects that are malformed so
// that they have no id are left out.
func (h *Hostile) Final() map[string]map[string]Truth {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.world.Final(h.vendor)
}

// Final is that of Hostile, for any of its vendors.
func (w *World) Final(vendor string) map[string]map[string]Truth {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[string]map[string]Truth{}
	for stream, records := range w.living(vendor) {
		out[stream] = map[string]Truth{}
		for id, v := range records {
			b, err := json.Marshal(v)
			if err != nil {
				b = []byte(fmt.Sprintf("%q", err.Error()))
			}
			out[stream][id] = Truth{JSON: b}
		}
	}
	for key, into := range w.fates[vendor] {
		stream, id, _ := strings.Cut(key, "/")
		if out[stream] == nil || out[stream][id].JSON != nil {
			continue
		}
		out[stream][id] = Truth{Into: into, Silent: into == silentFate}
		if into == silentFate {
			out[stream][id] = Truth{Silent: true}
		}
	}
	return out
}

func (w *World) living(vendor string) map[string]map[string]any {
	out := map[string]map[string]any{}
	switch vendor {
	case VendorHubSpot:
		for name, t := range w.crm {
			out[name] = w.hubspotTruth(t)
		}
	case VendorStripe:
		out["customers"], out["subscriptions"], out["invoices"] = stripeTruth(w.customers), stripeTruth(w.subscriptions), stripeTruth(w.invoices)
	case VendorZendesk:
		for name, t := range map[string]*zdTable{"organizations": w.orgs, "users": w.users, "tickets": w.tickets} {
			out[name] = map[string]any{}
			for _, o := range t.rows {
				if o.doc["id"] == nil || zdDead(o) {
					continue
				}
				d := maps.Clone(o.exportShape("metric_sets"))
				delete(d, "generated_timestamp")
				out[name][strconv.FormatInt(o.id, 10)] = d
			}
		}
	case VendorSalesforce:
		for _, t := range sfTypes() {
			if t.stream != "roles" && t.stream != "histories" {
				out[t.stream] = w.salesforceTruth(t)
			}
		}
	}
	return out
}

// hubspotTruth leaves out when a deal entered its stages, which nobody asks for.
func (w *World) hubspotTruth(t *hsTable) map[string]any {
	wanted := map[string][]string{"contacts": {"companies"}, "deals": {"companies", "contacts"}, "tickets": {"companies", "contacts"},
		"quotes": {"companies", "contacts", "deals"}}[t.name]
	out := map[string]any{}
	for _, o := range t.rows {
		if !o.archived.IsZero() {
			continue
		}
		props := map[string]string{}
		for k, v := range o.props {
			if v != "" && !strings.HasPrefix(k, "hs_v2_") {
				props[k] = v
			}
		}
		links := map[string][]string{}
		for _, to := range wanted {
			links[to] = append([]string{}, w.linked(o, w.crm[to])...)
			slices.Sort(links[to])
		}
		out[o.id] = doc{"id": o.id, "properties": props, "associations": links}
	}
	return out
}

// silentFate is the fate of a record that no feed tells of.
const silentFate = "\x00silent"

// merged notes what a record became part of, silent that no feed tells of its end.
func (h *Hostile) merged(stream, id, into string) { h.world.fate(h.vendor, stream+"/"+id, into) }
func (h *Hostile) silent(stream, id string)       { h.world.fate(h.vendor, stream+"/"+id, silentFate) }

func (w *World) fate(vendor, key, into string) {
	if w.fates[vendor] == nil {
		w.fates[vendor] = map[string]string{}
	}
	w.fates[vendor][key] = into
}
