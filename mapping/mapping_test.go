package mapping_test

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/mapping"
)

func TestPushStreams(t *testing.T) {
	got := vendorMap(t, "hubspot").PushStreams()
	var names []string
	for _, s := range got {
		for _, f := range s.Fields {
			names = append(names, s.Stream+"."+string(s.Kind)+"."+f.Name+" = "+f.Value+" "+f.Type)
			if f.Label == "" || f.Doc == "" || f.Type == "enum" && len(f.Options) == 0 {
				t.Errorf("%s.%s lacks a label, a sentence or options", s.Stream, f.Name)
			}
			if !slices.Contains(mapping.PushValues(), f.Value) {
				t.Errorf("%s.%s: value %q is not in PushValues", s.Stream, f.Name, f.Value)
			}
		}
	}
	want := []string{
		"companies.company.hub_lifecycle_stage = stage text",
		"companies.company.hub_lifecycle_entered_at = stage_since datetime",
		"companies.company.hub_health_score = health number",
		"companies.company.hub_health_band = health_band enum",
		"companies.company.hub_health_reasons = health_reasons text",
		"companies.company.hub_score_version = policy text",
		"contacts.contact.hub_lifecycle_stage = stage text",
		"contacts.contact.hub_health_band = health_band enum",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestStreamsAndKinds(t *testing.T) {
	m := vendorMap(t, "hubspot")
	if diff := cmp.Diff([]string{"companies", "contacts", "deals", "tickets", "quotes", "email_events", "forms", "form_submissions"}, m.Streams()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]canon.Kind{canon.KindContact, canon.KindUsage, canon.KindSurvey}, m.Kinds("contacts")); diff != "" {
		t.Error(diff)
	}
	if kinds := m.Kinds("nowhere"); kinds != nil {
		t.Errorf("Kinds of an unknown stream = %v", kinds)
	}
}

// TestSameAsWithoutConnector leaves out references to a connector that the installation lacks.
func TestSameAsWithoutConnector(t *testing.T) {
	src := []byte("streams: {a: {rules: [{kind: company, same_as: {connector: crm, stream: b, id: x}}]}}")
	rec := canon.Record{Ref: canon.Ref{Connection: "c", Stream: "a", ID: "1"}, Raw: []byte(`{"x":5}`)}
	for name, want := range map[string][]canon.Ref{"": nil, "crm-emea": {{Connection: "crm-emea", Stream: "b", ID: "5"}}} {
		m, err := mapping.Parse("m", src, mapping.Options{Connection: func(string) string { return name }})
		if err != nil {
			t.Fatal(err)
		}
		entities, letters := m.Apply(rec)
		if len(entities) != 1 || len(letters) != 0 {
			t.Fatalf("%d entities, %d dead letters", len(entities), len(letters))
		}
		if diff := cmp.Diff(want, entities[0].SameAs); diff != "" {
			t.Error(diff)
		}
	}
}

// TestDeadLetter holds what a dead letter takes over from its record.
func TestDeadLetter(t *testing.T) {
	m := vendorMap(t, "zendesk")
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	rec := canon.Record{
		Ref:     canon.Ref{Connection: "zd", Stream: "tickets", ID: "7"},
		Version: 1735689600000000, ObservedAt: at, Raw: []byte(`{"status":"odd"}`),
	}
	_, letters := m.Apply(rec)
	want := []canon.DeadLetter{canon.DeadLetter{
		Connection: "zd", Stream: "tickets", RecordID: "7", Code: "map.enum", Path: "status",
		Reason: `The ticket's status: the value "odd" is not in the enum of status.`, Hint: `add it to the enum, or a "*" for all others`,
		Version: rec.Version, Raw: rec.Raw,
		OccurredAt: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), RecordedAt: at.UTC(),
	}.WithID()}
	if diff := cmp.Diff(want, letters); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestApplyRefusesWhatItCannotRead(t *testing.T) {
	m := vendorMap(t, "stripe")
	big := `{"name":"` + strings.Repeat("x", 16<<20) + `"}`
	deep := strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000)
	for name, raw := range map[string]string{
		"empty": "", "null": "null", "list": "[]", "text": `"x"`, "cut off": `{"id":`, "two": "{} {}", "big": big, "deep": deep, "bytes": "{\xff\xfe}",
	} {
		rec := canon.Record{Ref: canon.Ref{Connection: "c", Stream: "customers", ID: "1"}, Raw: []byte(raw)}
		entities, letters := m.Apply(rec)
		if len(entities) != 0 || len(letters) != 1 || letters[0].Code != "map.invalid" {
			t.Errorf("%s: %d entities, dead letters %+v", name, len(entities), letters)
			continue
		}
		if _, err := json.Marshal(letters[0]); err != nil {
			t.Errorf("%s: the dead letter cannot be stored: %v", name, err)
		}
		// The same bytes of a deleted record are the tombstone of all that the record was.
		rec.Deleted = true
		entities, letters = m.Apply(rec)
		if len(entities) != 2 || len(letters) != 0 || !entities[0].Deleted || entities[0].Body != nil {
			t.Errorf("%s, deleted: %+v, dead letters %+v", name, entities, letters)
		}
	}
}

// TestCustomIsBounded keeps the same 200 fields whatever their order.
func TestCustomIsBounded(t *testing.T) {
	m := mustParse(t, "m", []byte("streams: {a: {rules: [{kind: company, custom: c}]}}"))
	custom := map[string]any{"long": strings.Repeat("ä", 5000), strings.Repeat("n", 300): 1}
	for i := range 500 {
		custom[string(rune('a'+i%26))+strings.Repeat("x", i/26)] = i
	}
	raw, err := json.Marshal(map[string]any{"c": custom})
	if err != nil {
		t.Fatal(err)
	}
	entities, _ := m.Apply(canon.Record{Ref: canon.Ref{Connection: "c", Stream: "a", ID: "1"}, Raw: raw})
	if len(entities) != 1 || len(entities[0].Custom) != 200 {
		t.Fatalf("%d entities, %d custom fields", len(entities), len(entities[0].Custom))
	}
	checkRoundTrip(t, entities)
}

// TestMapIsShared applies one map from many goroutines; the race detector watches.
func TestMapIsShared(t *testing.T) {
	m := vendorMap(t, "stripe")
	rec := canon.Record{Ref: canon.Ref{Connection: "c", Stream: "subscriptions", ID: "1"}, Raw: []byte(
		`{"status":"active","customer":"cus_1","items":{"data":[{"quantity":2,"price":{"unit_amount":1000,"currency":"eur","recurring":{"interval":"year"}}}]}}`)}
	want, _ := m.Apply(rec)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				got, _ := m.Apply(rec)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
	wg.Wait()
}

func TestSchema(t *testing.T) {
	src := mapping.Schema()
	var doc struct {
		Defs map[string]json.RawMessage `json:"$defs"`
	}
	if err := json.Unmarshal(src, &doc); err != nil {
		t.Fatal(err)
	}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if name, ok := v["$ref"].(string); ok && doc.Defs[strings.TrimPrefix(name, "#/$defs/")] == nil {
				t.Errorf("reference to nowhere: %s", name)
			}
			for _, child := range v {
				walk(child)
			}
		case []any:
			for _, child := range v {
				walk(child)
			}
		}
	}
	var v any
	if err := json.Unmarshal(src, &v); err != nil {
		t.Fatal(err)
	}
	walk(v)
	if string(src) != string(mapping.Schema()) {
		t.Error("two schemas differ")
	}
}
