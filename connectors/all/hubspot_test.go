package all_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
)

// hubSpot is a HubSpot that keeps what is written to companies, in front of a recorded exchange that
// answers everything else.
type hubSpot struct {
	recorded http.Handler

	mu         sync.Mutex
	groups     []string
	properties []string
	records    map[string]map[string]string
}

func newHubSpot(recorded http.Handler) *hubSpot {
	h := &hubSpot{recorded: recorded, records: map[string]map[string]string{}}
	for i := range 250 {
		h.records[fmt.Sprint(1000+i)] = map[string]string{}
	}
	return h
}

func hubSpotPush() *connectortest.PushOptions {
	o := &connectortest.PushOptions{
		Stream: "companies",
		Fields: []connectors.FieldSpec{
			{Name: "hub_lifecycle_stage", Label: "Lifecycle stage", Type: "enum", Options: []string{"trial", "customer"}},
			{Name: "hub_health_score", Label: "Health", Type: "number"},
			{Name: "hub_lifecycle_entered_at", Label: "In stage since", Type: "datetime"},
			{Name: "hub_health_reasons", Label: "Reasons", Type: "text"},
		},
		Bad: connectors.Write{Ref: canon.Ref{Connection: "laws", Stream: "companies", ID: "1001"}, Fields: map[string]string{"hub_lifecycle_stage": "no such stage"}},
	}
	for _, id := range []string{"1002", "1003", "1004", "1005"} {
		o.Good = append(o.Good, connectors.Write{
			Ref:    canon.Ref{Connection: "laws", Stream: "companies", ID: id},
			Fields: map[string]string{"hub_lifecycle_stage": "customer", "hub_health_score": "8" + id[3:]},
		})
	}
	return o
}

func (h *hubSpot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch r.Method + " " + r.URL.Path {
	case "GET /crm/v3/properties/companies":
		if r.URL.Query().Has("archived") {
			break
		}
		answer(w, 200, map[string]any{"results": named(h.properties)})
		return
	case "GET /crm/v3/properties/companies/groups":
		answer(w, 200, map[string]any{"results": named(h.groups)})
		return
	case "POST /crm/v3/properties/companies/groups":
		h.create(w, r, &h.groups)
		return
	case "POST /crm/v3/properties/companies":
		h.create(w, r, &h.properties)
		return
	case "POST /crm/v3/objects/companies/batch/read":
		h.read(w, r)
		return
	case "POST /crm/v3/objects/companies/batch/update":
		h.update(w, r)
		return
	}
	h.recorded.ServeHTTP(w, r)
}

func named(names []string) []map[string]string {
	out := []map[string]string{}
	for _, n := range names {
		out = append(out, map[string]string{"name": n})
	}
	return out
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		panic(err)
	}
}

func refuse(w http.ResponseWriter, status int, message string) {
	answer(w, status, map[string]any{"status": "error", "message": message, "category": "VALIDATION_ERROR", "correlationId": "c0ffee"})
}

func (h *hubSpot) create(w http.ResponseWriter, r *http.Request, into *[]string) {
	var in struct{ Name, Label, GroupName string }
	if json.NewDecoder(r.Body).Decode(&in) != nil || in.Name == "" || in.Label == "" {
		refuse(w, 400, "name and label are required")
		return
	}
	if slices.Contains(*into, in.Name) {
		refuse(w, 409, in.Name+" exists")
		return
	}
	if in.GroupName != "" && !slices.Contains(h.groups, in.GroupName) {
		refuse(w, 400, "no group "+in.GroupName)
		return
	}
	*into = append(*into, in.Name)
	answer(w, 201, in)
}

type batch struct {
	Inputs []struct {
		ID         string
		Properties map[string]string
	}
	Properties []string
}

func (h *hubSpot) read(w http.ResponseWriter, r *http.Request) {
	var in batch
	if json.NewDecoder(r.Body).Decode(&in) != nil || len(in.Inputs) > 100 {
		refuse(w, 400, "bad input")
		return
	}
	results, missing := []any{}, []string{}
	for _, i := range in.Inputs {
		rec, ok := h.records[i.ID]
		if !ok {
			missing = append(missing, i.ID)
			continue
		}
		values := map[string]any{}
		for _, p := range in.Properties {
			values[p] = nil
			if v, ok := rec[p]; ok {
				values[p] = v
			}
		}
		results = append(results, map[string]any{"id": i.ID, "properties": values})
	}
	partial(w, results, missing)
}

// update refuses the whole batch for one bad value, and tells missing records one by one, as HubSpot does.
func (h *hubSpot) update(w http.ResponseWriter, r *http.Request) {
	var in batch
	if json.NewDecoder(r.Body).Decode(&in) != nil || len(in.Inputs) > 100 {
		refuse(w, 400, "bad input")
		return
	}
	ids := map[string]bool{}
	for _, i := range in.Inputs {
		if ids[i.ID] {
			refuse(w, 400, "Duplicate IDs found in batch input")
			return
		}
		ids[i.ID] = true
		for p, v := range i.Properties {
			if !slices.Contains(h.properties, p) || strings.HasPrefix(v, "no such") {
				refuse(w, 400, "Property values were not valid: "+p)
				return
			}
		}
	}
	results, missing := []any{}, []string{}
	for _, i := range in.Inputs {
		if h.records[i.ID] == nil {
			missing = append(missing, i.ID)
			continue
		}
		for p, v := range i.Properties {
			h.records[i.ID][p] = v
		}
		results = append(results, map[string]any{"id": i.ID, "properties": h.records[i.ID]})
	}
	partial(w, results, missing)
}

func partial(w http.ResponseWriter, results []any, missing []string) {
	if len(missing) == 0 {
		answer(w, 200, map[string]any{"status": "COMPLETE", "results": results})
		return
	}
	answer(w, 207, map[string]any{"status": "COMPLETE", "results": results, "numErrors": 1, "errors": []any{map[string]any{
		"status": "error", "category": "OBJECT_NOT_FOUND", "message": "Could not get some objects", "context": map[string]any{"ids": missing},
	}}})
}
