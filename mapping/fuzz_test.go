package mapping_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/mapping"
)

// seeds returns the files of the golden archives whose names end in suffix.
func seeds(t testing.TB, suffix string) [][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/apply/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var out [][]byte
	for _, name := range files {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range a.Files {
			if ok, _ := filepath.Match("*"+suffix, f.Name); ok {
				out = append(out, f.Data)
			}
		}
	}
	return out
}

// everything is a mapping with the vendors' rules and those of the golden files.
func everything(t testing.TB) []*mapping.Map {
	t.Helper()
	maps := []*mapping.Map{vendorMap(t, "hubspot"), vendorMap(t, "stripe"), vendorMap(t, "zendesk")}
	for _, src := range seeds(t, "mapping.yaml") {
		maps = append(maps, mustParse(t, "mapping.yaml", src))
	}
	return maps
}

// FuzzApply holds what Apply promises for any bytes: it returns, twice the same, entities that are valid in
// JSON and point to their record, and dead letters that can be stored.
func FuzzApply(f *testing.F) {
	for _, src := range seeds(f, ".record.json") {
		var rec canon.Record
		if err := json.Unmarshal(src, &rec); err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(rec.Raw), rec.Stream, rec.Deleted)
	}
	f.Add([]byte(`{"id":1e999,"created":1e999,"total":"1e40","items":{"data":[[],{},1]}}`), "subscriptions", false)
	f.Add([]byte("{\"name\":\"\\ud800\\u0000\xff\"}"), "customers", false)
	maps := everything(f)
	f.Fuzz(func(t *testing.T, raw []byte, stream string, deleted bool) {
		rec := canon.Record{Ref: canon.Ref{Connection: "c", Stream: stream, ID: "1"}, Raw: raw, Deleted: deleted}
		for _, m := range maps {
			holdApply(t, m, rec)
		}
	})
}

func holdApply(t *testing.T, m *mapping.Map, rec canon.Record) {
	t.Helper()
	entities, letters := m.Apply(rec)
	again, lettersAgain := m.Apply(rec)
	if diff := cmp.Diff(entities, again) + cmp.Diff(letters, lettersAgain); diff != "" {
		t.Fatalf("two applications differ:\n%s", diff)
	}
	seen := map[string]bool{}
	for _, e := range entities {
		if e.Ref != rec.Ref || seen[e.Key()] || rec.Deleted && !e.Deleted {
			t.Fatalf("entity %s of record %s is not of the record, is there twice or lives on", e.Key(), rec.Ref)
		}
		seen[e.Key()] = true
	}
	checkRoundTrip(t, entities)
	for _, l := range letters {
		if _, err := json.Marshal(l); err != nil || l.Code == "" || l.Reason == "" || l.Hint == "" || l.ID == "" {
			t.Fatalf("dead letter %+v: %v", l, err)
		}
	}
	m.Explain(rec)
}

// FuzzParse holds that any text either is a mapping that can be applied, or gets a complaint with a place.
func FuzzParse(f *testing.F) {
	for _, src := range seeds(f, "mapping.yaml") {
		f.Add(src)
	}
	bad, err := filepath.Glob("testdata/bad/*.bad.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range bad {
		src, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		m, err := mapping.Parse("fuzz.yaml", src, mapping.Options{})
		if err != nil {
			if canon.CodeOf(err) != "mapping.invalid" {
				t.Fatalf("code %s of %v", canon.CodeOf(err), err)
			}
			return
		}
		for _, stream := range m.Streams() {
			m.Apply(canon.Record{Ref: canon.Ref{Connection: "c", Stream: stream, ID: "1"}, Raw: []byte(`{"a":[{"b":"1"}],"id":1}`)})
		}
	})
}

// TestApplyToAnyJSON draws JSON objects with the names that the mappings read.
func TestApplyToAnyJSON(t *testing.T) {
	maps := everything(t)
	names := rapid.SampledFrom([]string{"id", "properties", "items", "data", "price", "name", "status", "customer", "email", "total",
		"currency", "created", "createdate", "amount", "metadata", "associations", "companies", "organization_id", "tags", "domain", "discounts", "coupon"})
	scalar := rapid.OneOf(
		rapid.SampledFrom([]any{nil, true, false, "", "open", "active", "eur", "2024-01-01", "1e40", map[string]any{}, []any{}}),
		rapid.Map(rapid.Int64(), func(n int64) any { return n }),
		rapid.Map(rapid.Float64Range(-1e300, 1e300), func(n float64) any { return n }),
		rapid.Map(rapid.String(), func(s string) any { return s }),
	)
	var value func(depth int) *rapid.Generator[any]
	value = func(depth int) *rapid.Generator[any] {
		if depth == 0 {
			return scalar
		}
		return rapid.OneOf(scalar,
			rapid.Map(rapid.MapOfN(names, value(depth-1), 0, 6), func(m map[string]any) any { return m }),
			rapid.Map(rapid.SliceOfN(value(depth-1), 0, 3), func(l []any) any { return l }))
	}
	object := rapid.MapOfN(names, value(3), 0, 8)
	rapid.Check(t, func(rt *rapid.T) {
		raw, err := json.Marshal(object.Draw(rt, "record"))
		if err != nil {
			rt.Fatal(err)
		}
		m := rapid.SampledFrom(maps).Draw(rt, "map")
		for _, stream := range m.Streams() {
			holdApply(t, m, canon.Record{
				Ref: canon.Ref{Connection: "c", Stream: stream, ID: "1"}, Raw: raw, Deleted: rapid.Bool().Draw(rt, "deleted"),
			})
		}
	})
}
