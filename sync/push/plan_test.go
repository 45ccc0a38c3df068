package push

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/mapping"
)

func TestPlan(t *testing.T) {
	known := func(state, wanted, acked string, has bool) map[canon.Ref]map[string]canon.PushedField {
		return map[canon.Ref]map[string]canon.PushedField{ref("1"): {
			"hub_stage":  {State: state, Wanted: wanted, Acked: acked, HasAcked: has},
			"hub_health": {State: canon.PushVerified, Acked: "87.0", HasAcked: true},
		}}
	}
	for _, tt := range []struct {
		name  string
		known map[canon.Ref]map[string]canon.PushedField
		want  string
		plan  map[string]string
	}{
		{"never pushed", nil, "a", map[string]string{"hub_stage": "a", "hub_health": "87"}},
		{"unchanged", known("verified", "a", "a", true), "a", nil},
		{"changed", known("verified", "a", "a", true), "b", map[string]string{"hub_stage": "b"}},
		{"nothing known, nothing pushed", known("", "", "", false), "", nil},
		{"nothing known any more", known("verified", "a", "a", true), "", map[string]string{"hub_stage": ""}},
		{"emptied already", known("verified", "", "", true), "", nil},
		{"failed", known("failed", "b", "a", true), "b", map[string]string{"hub_stage": "b"}},
		{"conflict", known("conflict", "b", "a", true), "b", map[string]string{"hub_stage": "b"}},
		{"conflict, wish taken back", known("conflict", "b", "a", true), "a", map[string]string{"hub_stage": "a"}},
		{"sent, wish taken back", known("sent", "b", "a", true), "a", map[string]string{"hub_stage": "a"}},
		{"sent, nothing known any more", known("sent", "b", "", false), "", map[string]string{"hub_stage": ""}},
	} {
		got := Plan(target(nil), wish(tt.want, "87", "1"), tt.known)
		var want []connectors.Write
		if tt.plan != nil {
			want = []connectors.Write{{Ref: ref("1"), Fields: tt.plan}}
		}
		if diff := cmp.Diff(want, got, cmp.Transformer("empty", func(w []connectors.Write) []connectors.Write { return slices.Clip(append([]connectors.Write{}, w...)) })); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

func TestPlanOfOddWishes(t *testing.T) {
	elsewhere := Desired{Ref: canon.Ref{Connection: "crm", Stream: "contacts", ID: "1"}, Values: map[string]string{ValueStage: "x"}}
	nowhere := Desired{Ref: canon.Ref{Connection: "crm", Stream: "companies"}, Values: map[string]string{ValueStage: "x"}}
	partial := Desired{Ref: ref("3"), Values: map[string]string{ValueHealth: "1"}}
	want := slices.Concat(wish("a", "1", "2", "1"), []Desired{elsewhere, nowhere, partial}, wish("b", "2", "2"))
	got := Plan(target(nil), want, nil)
	expected := []connectors.Write{
		{Ref: ref("2"), Fields: map[string]string{"hub_stage": "b", "hub_health": "2"}},
		{Ref: ref("1"), Fields: map[string]string{"hub_stage": "a", "hub_health": "1"}},
		{Ref: ref("3"), Fields: map[string]string{"hub_health": "1"}},
	}
	if diff := cmp.Diff(expected, got); diff != "" {
		t.Error(diff)
	}
}

func TestSame(t *testing.T) {
	for _, tt := range []struct {
		typ, a, b string
		want      bool
	}{
		{"number", "87", "87.0", true}, {"number", "1234.50", "1234.5", true}, {"number", "87", "88", false},
		{"number", "", "0", false}, {"number", "x", "87", false}, {"number", "NaN", "nan", false},
		{"text", "87", "87.0", false}, {"text", " a\r\nb ", "a\nb", true}, {"text", "A", "a", false}, {"", "", " ", true},
		{"datetime", "2026-03-01T12:00:00Z", "2026-03-01T13:00:00+01:00", true},
		{"datetime", "2026-03-01T12:00:00Z", "2026-03-01T12:00:00.000+0000", true},
		{"datetime", "2026-03-01T12:00:00Z", "2026-03-01 12:00:00", true},
		{"datetime", "2026-03-01T12:00:00Z", "1772366400000", true},
		{"datetime", "2026-03-01T12:00:00Z", "2026-03-01T12:00:01Z", false},
		{"datetime", "2026-03-01T00:00:00Z", "2026-03-01", true},
		{"datetime", "2026-03-01T12:00:00Z", "99999999999999999999999", false},
		{"enum", "green", "green", true},
	} {
		if got := same(tt.typ, tt.a, tt.b); got != tt.want || same(tt.typ, tt.b, tt.a) != tt.want {
			t.Errorf("same(%s, %q, %q) = %v", tt.typ, tt.a, tt.b, got)
		}
	}
}

func FuzzSame(f *testing.F) {
	f.Add("number", "1e400", "0x1p-2")
	f.Add("datetime", "1772366400000", "2026-03-01T12:00:00Z")
	f.Fuzz(func(t *testing.T, typ, a, b string) {
		if !same(typ, a, a) || same(typ, a, b) != same(typ, b, a) {
			t.Errorf("same(%q, %q, %q) is neither reflexive nor symmetric", typ, a, b)
		}
	})
}

func TestValues(t *testing.T) {
	health := 69.6
	a := canon.Assessment{
		Customer: "cus_1", At: noon, Policy: "default@1.0.0", Stage: "retention", StageLabel: "Retention", Cycle: 2,
		StageSince: time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("CET", 3600)), StageReason: "Activation is\ncomplete.",
		Flags: []string{"in_renewal_window", "at_risk"}, MRR: &canon.Money{Minor: 123450, Currency: "EUR"},
		Health: canon.Score{Value: &health, Band: "yellow", Coverage: 0.849, Contributions: []canon.Contribution{
			{Measure: "a", PointsLost: 5, Reason: "Two invoices are overdue."},
			{Measure: "b", PointsLost: 12, Reason: "No login\nfor 31 days."},
			{Measure: "c", PointsLost: 0, Reason: "All is well."},
			{Measure: "d", PointsLost: 5, Title: "Support load"},
			{Measure: "e", PointsLost: 90, NA: "no source", Reason: "Unknown."},
			{Measure: "f", PointsLost: 1, Reason: "Too little to tell."},
		}},
	}
	want := map[string]string{
		"stage": "retention", "stage_label": "Retention", "stage_since": "2026-01-02T02:04:05Z", "stage_reason": "Activation is complete.",
		"health": "70", "health_band": "yellow", "health_reasons": "No login for 31 days; Two invoices are overdue; Support load",
		"health_coverage": "0.85", "policy": "default@1.0.0", "assessed_at": "2026-03-01T12:00:00Z", "mrr": "1234.50", "mrr_currency": "EUR",
		"flags": "at_risk;in_renewal_window", "cycle": "2", "customer": "cus_1",
	}
	if diff := cmp.Diff(want, Values(a)); diff != "" {
		t.Error(diff)
	}
	a.Health.Contributions[0] = canon.Contribution{PointsLost: 99, Reason: strings.Repeat("ä", 600)}
	if got := Values(a)[ValueHealthReasons]; utf8.RuneCountInString(got) != 500 || !utf8.ValidString(got) {
		t.Errorf("reasons of %d characters", utf8.RuneCountInString(got))
	}
	empty := Values(canon.Assessment{})
	for _, name := range []string{"stage", "stage_since", "health", "mrr", "flags", "health_reasons"} {
		if empty[name] != "" {
			t.Errorf("%s of nothing is %q", name, empty[name])
		}
	}
}

// TestValuesAreThoseOfTheMapping holds the names that a mapping file may use to those that are computed.
func TestValuesAreThoseOfTheMapping(t *testing.T) {
	if diff := cmp.Diff(mapping.PushValues(), slices.Sorted(slices.Values(ValueNames()))); diff != "" {
		t.Error(diff)
	}
	computed := Values(canon.Assessment{})
	for _, name := range ValueNames() {
		if _, ok := computed[name]; !ok || len(computed) != len(ValueNames()) {
			t.Errorf("%s is not computed", name)
		}
	}
}
