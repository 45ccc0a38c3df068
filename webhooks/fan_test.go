package webhooks

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
)

func TestFanBody(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 500, time.FixedZone("CET", 3600))
	c := canon.Change{
		ID: "ch_1", Type: "stage.changed", Customer: "cus_1", Sequence: 7, OccurredAt: at, RecordedAt: at.Add(time.Second).UTC(),
		Data: json.RawMessage(`{"event":{"from":"reach","to":"R&D <x>","n":12345678901234567890},"customer":"spoofed"}`),
	}
	got := Fan([]Endpoint{endpoint("crm")}, []canon.Change{c})
	id := canon.DeliveryID("ch_1", "crm")
	want := []canon.Delivery{{
		ID: id, Endpoint: "crm", Change: "ch_1", Type: "stage.changed", Customer: "cus_1", State: "pending",
		NextAt: c.RecordedAt, CreatedAt: c.RecordedAt,
		Body: json.RawMessage(`{"id":"` + id + `","type":"stage.changed","timestamp":"2026-03-01T11:00:00.0000005Z","data":{"backfill":false,"change":"ch_1","customer":"cus_1","event":{"from":"reach","to":"R&D <x>","n":12345678901234567890},"sequence":7}}`),
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFanOddData(t *testing.T) {
	for data, want := range map[string]string{``: `"data":{"backfill"`, `[1]`: `"value":[1]`, `{"a"`: `"data":{"backfill"`, `null`: `"data":{"backfill"`} {
		got := Fan([]Endpoint{endpoint("crm")}, []canon.Change{{ID: "c", Type: "x", Data: json.RawMessage(data)}})
		if len(got) != 1 || !json.Valid(got[0].Body) || !strings.Contains(string(got[0].Body), want) {
			t.Errorf("data %q gives %s", data, got[0].Body)
		}
	}
}

func TestFanChooses(t *testing.T) {
	named := func(name string, set func(*Endpoint)) Endpoint { e := endpoint(name); set(&e); return e }
	endpoints := []Endpoint{
		named("default", func(e *Endpoint) { e.Types = nil }),
		named("invoices", func(e *Endpoint) { e.Types = []string{"invoice.*"} }),
		named("all", func(e *Endpoint) { e.Backfill = BackfillAll }),
		named("current", func(e *Endpoint) { e.Backfill = BackfillCurrent }),
		named("off", func(e *Endpoint) { e.Disabled = true }),
	}
	for _, tt := range []struct {
		change canon.Change
		want   string
	}{
		{canon.Change{Type: "stage.changed"}, "default all current off"},
		{canon.Change{Type: "invoice.paid"}, "invoices all current off"},
		{canon.Change{Type: "invoice"}, "all current off"},
		{canon.Change{Type: "invoices.paid"}, "all current off"},
		{canon.Change{Type: "stage.changed", Backfill: true}, "all"},
		{canon.Change{Type: "stage.changed", Backfill: true, Current: true}, "all current"},
		{canon.Change{Type: "invoice.paid", Backfill: true}, "all"},
	} {
		tt.change.ID = "ch"
		var names []string
		for _, d := range Fan(endpoints, []canon.Change{tt.change}) {
			names = append(names, d.Endpoint)
			if off := d.Endpoint == "off"; off != (d.State == canon.DeliverySkipped) || off != (d.Reason != "") {
				t.Errorf("%s is %s: %q", d.Endpoint, d.State, d.Reason)
			}
		}
		if got := strings.Join(names, " "); got != tt.want {
			t.Errorf("%s backfill=%v current=%v goes to %q, want %q", tt.change.Type, tt.change.Backfill, tt.change.Current, got, tt.want)
		}
	}
}

// TestFanIsPure: the same changes, cut into pages anyhow, give the same deliveries.
func TestFanIsPure(t *testing.T) {
	endpoints := []Endpoint{endpoint("a"), endpoint("b")}
	rapid.Check(t, func(rt *rapid.T) {
		var changes []canon.Change
		for i, typ := range rapid.SliceOf(rapid.SampledFrom([]string{"stage.changed", "invoice.paid"})).Draw(rt, "types") {
			changes = append(changes, canon.Change{ID: canon.ID("ch", typ, string(rune('a'+i))), Type: typ, Data: json.RawMessage(`{}`)})
		}
		cut := rapid.IntRange(0, len(changes)).Draw(rt, "cut")
		whole := Fan(endpoints, changes)
		parts := slices.Concat(Fan(endpoints, changes[:cut]), Fan(endpoints, changes[cut:]))
		if diff := cmp.Diff(whole, parts); diff != "" {
			rt.Fatal(diff)
		}
		ids := map[string]bool{}
		for _, d := range whole {
			ids[d.ID] = true
		}
		if len(ids) != 2*len(changes) {
			rt.Fatalf("%d ids for %d changes", len(ids), len(changes))
		}
	})
}
