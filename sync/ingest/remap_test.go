package ingest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/sync/ingest"
)

// TestRemapIsAFreshHub: every version mapped again by another mapping gives what a fresh hub makes of the same records
// by it: with more fields, without a kind or a stream, and back again.
func TestRemapIsAFreshHub(t *testing.T) {
	recs := []canon.Record{firm("1", 1), firm("2", 2), firm("2", 5), firm("3", 3), merged("firms", "3", 7, "1"), deal("a", "1", 2), deal("b", "3", 3), deal("b", "2", 4),
		rec("people", "p", 2, `{"name":"Ann","firm":"2","email":"ann@acme.com"}`), rec("people", "q", 2, `{"name":"Bo","email":"bo@acme.com"}`),
		rec("deals", "c", 1, `{"name":"C","status":"open","person":"q"}`), rec("deals", "c", 6, `{"name":"C","status":"won","person":"q"}`)}
	maps := map[string]string{
		"as before":        salesYAML,
		"another name":     strings.Replace(salesYAML, "fields: {name: name, domains: domain}", "fields: {name: rev}", 1),
		"no companies":     strings.Replace(salesYAML, "kind: company\n        created_at: created\n        fields: {name: name, domains: domain}", "kind: activity\n        fields: {type: {const: note}, at: created}", 1),
		"no people":        strings.Replace(salesYAML, "people:\n    rules:\n      - kind: contact\n        created_at: created\n        owners: {kind: company, stream: firms, id: firm}\n        fields: {name: name, emails: email}", "people: {rules: []}", 1),
		"deals of nobody":  strings.Replace(salesYAML, "{kind: company, stream: firms, id: firm}\n          - {kind: contact, stream: people, id: person}", "{kind: contact, stream: people, id: nobody}", 1),
		"a stream is gone": salesYAML[:strings.Index(salesYAML, "  deals:")],
	}
	for name, to := range maps {
		t.Run(name, func(t *testing.T) {
			if to == salesYAML && name != "as before" {
				t.Fatal("the mapping was not edited")
			}
			h, fresh := newHub(t, salesYAML), newHub(t, to)
			for _, r := range recs {
				h.take(h.page(r.Stream, r))
				fresh.take(fresh.page(r.Stream, r))
			}
			before, want := h.state(), fresh.state()
			h.use(to)
			h.remap()
			if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(h.state(), "\n")); diff != "" {
				t.Errorf("(-fresh +mapped again):\n%s", diff)
			}
			h.use(salesYAML)
			h.remap()
			if diff := cmp.Diff(strings.Split(before, "\n"), strings.Split(h.state(), "\n")); diff != "" {
				t.Errorf("and back (-before +after):\n%s", diff)
			}
			if res := h.remap(); res.Entities+res.Events+res.Superseded > 0 {
				t.Errorf("once more changed something: %+v", res)
			}
		})
	}
}

// remap maps everything again, two records at a time.
func (h *hub) remap() ingest.Result {
	h.tb.Helper()
	var sum ingest.Result
	for _, stream := range []string{"firms", "people", "deals"} {
		for after := int64(0); ; {
			last, res, err := h.pipe.RemapStretch(h.tb.Context(), ingest.Stretch{Connection: "crm", Stream: stream, After: after, Limit: 2, Mark: "mark",
				Note: func(row int64) string { return fmt.Sprint(stream, row) }})
			if err != nil {
				h.tb.Fatal(err)
			}
			if last == 0 {
				break
			}
			sum.Entities, sum.Events, sum.Superseded = sum.Entities+res.Entities, sum.Events+res.Events, sum.Superseded+res.Superseded
			if note, err := h.db.Meta(h.tb.Context(), "mark"); err != nil || note != fmt.Sprint(stream, last) {
				h.tb.Errorf("noted %q, %v", note, err)
			}
			after = last
		}
	}
	return sum
}
