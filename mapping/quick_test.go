package mapping

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
)

// shipped are the mappings of all connectors.
func shipped(t *testing.T) []*Map {
	t.Helper()
	files, err := filepath.Glob("../connectors/*/mapping.yaml")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d mappings: %v", len(files), err)
	}
	var maps []*Map
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Parse(name, src, Options{Connection: func(connector string) string { return connector }})
		if err != nil {
			t.Fatal(err)
		}
		maps = append(maps, m)
	}
	return maps
}

// values are what a vendor may send anywhere.
func values() *rapid.Generator[any] {
	return rapid.SampledFrom([]any{
		nil, "", " ", true, false, "true", "no", 0, 1, -1, 7.5, "12", "1e40", json.Number("123456789012345678901234567890"),
		"open", "won", "active", "customer", "paid", "pending", "eur", "USD", " Trimmed ", "Ünï", "nul\x00", "bad\xff", "a;b; ;a", "a@b.example", "https://www.acme.example/x",
		"2024-05-01T10:00:00.5Z", "2024-05-01", "1700000000", 1700000000000, "yesterday", strings.Repeat("x", 330), strings.Repeat("ö", 600), strings.Repeat("long ", 3000),
		[]any{}, []any{"a", "b", "a"}, []any{1, nil, map[string]any{"id": "9"}}, map[string]any{}, map[string]any{"id": 5, "name": "n", "value": "v"},
	})
}

// put sets the value at a path, in which # is every element of a list.
func put(at map[string]any, path string, v any) {
	step, rest, more := strings.Cut(path, ".")
	if step == "*" {
		step = "own_field"
	}
	switch {
	case !more:
		at[step] = v
		return
	case rest == "#" || strings.HasPrefix(rest, "#."):
		list, _ := at[step].([]any)
		if list == nil {
			list = []any{map[string]any{}, map[string]any{"id": "2"}}
		}
		at[step] = list
		if inner, ok := strings.CutPrefix(rest, "#."); ok {
			for _, e := range list {
				if o, ok := e.(map[string]any); ok {
					put(o, inner, v)
				}
			}
		}
		return
	}
	o, _ := at[step].(map[string]any)
	if o == nil {
		o = map[string]any{}
		at[step] = o
	}
	put(o, rest, v)
}

// TestQuickAgrees holds the quick way against the one that Explain goes, step by step: the same entities and
// the same dead letters of any record.
func TestQuickAgrees(t *testing.T) {
	maps := shipped(t)
	quick := 0
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.SampledFrom(maps).Draw(t, "map")
		stream := rapid.SampledFrom(m.order).Draw(t, "stream")
		paths := m.Paths(stream)
		if len(paths) == 0 {
			return
		}
		doc := map[string]any{"id": "1", "own": map[string]any{"a": 1}}
		for range rapid.IntRange(1, 4).Draw(t, "records") {
			for _, p := range rapid.SliceOfN(rapid.SampledFrom(paths), 0, 12).Draw(t, "paths") {
				put(doc, p, values().Draw(t, p))
			}
			raw, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			rec := canon.Record{Ref: canon.Ref{Connection: "c", Stream: stream, ID: "1"}, Raw: raw, Sound: true, Deleted: rapid.IntRange(0, 9).Draw(t, "deleted") == 0}
			entities, letters := m.Apply(rec)
			slow := evaluation{m: m, rec: rec, trace: func(Row) {}}
			slow.run()
			if diff := cmp.Diff(slow.entities, entities) + cmp.Diff(slow.letters, letters); diff != "" {
				t.Fatalf("%s %s: (-step by step +quick)\n%s\n%s", m.name, stream, diff, raw)
			}
			quick += quickly(m, rec)
		}
	})
	if quick == 0 {
		t.Error("no entity went the quick way")
	}
}

// quickly counts the rules of a record's stream that go the quick way.
func quickly(m *Map, rec canon.Record) int {
	st, n := m.streams[rec.Stream], 0
	s, _ := st.picker.source(rec.Raw)
	defer st.picker.done(s)
	for i := range st.rules {
		if r := &st.rules[i]; r.each == nil {
			if _, ok := r.quick(s); ok {
				n++
			}
		}
	}
	return n
}

// TestLimitsAgree holds that what the limits pass the validator passes too, for bodies at and beyond the edges.
func TestLimitsAgree(t *testing.T) {
	m, err := Parse("m", []byte("streams: {a: {rules: []}}"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.SampledFrom(canon.Kinds()).Draw(t, "kind")
		limits := limitsOf(k)
		list, err := targets(k)
		if err != nil {
			t.Fatal(err)
		}
		text := rapid.OneOf(rapid.SampledFrom([]string{"", "a", "open", "email", "in", "active", "paid", "eur", "EUR", "ÄÖÜ"}),
			rapid.Custom(func(t *rapid.T) string {
				n := rapid.SampledFrom([]int{49, 50, 51, 100, 101, 320, 321, 500, 501, 1000, 1001, 2001}).Draw(t, "n")
				return strings.Repeat(rapid.SampledFrom([]string{"x", "ö"}).Draw(t, "char"), n)
			}))
		body, err := canon.NewBody(k)
		if err != nil {
			t.Fatal(err)
		}
		for i := range list {
			if v := drawn(t, &list[i], text); v != nil {
				list[i].set(reflect.ValueOf(body), v)
			}
		}
		if !limits.hold(reflect.ValueOf(body).UnsafePointer()) {
			return
		}
		if bad := m.violations(body); len(bad) > 0 {
			t.Fatalf("%s: %+v of %+v", k, bad, body)
		}
	})
}

// TestLimitsHold: a plain body of every kind but a survey passes at a glance.
func TestLimitsHold(t *testing.T) {
	for _, k := range canon.Kinds() {
		list, err := targets(k)
		if err != nil {
			t.Fatal(err)
		}
		body, err := canon.NewBody(k)
		if err != nil {
			t.Fatal(err)
		}
		for i := range list {
			var v any
			switch of := &list[i]; {
			case of.oneof != nil:
				v = of.oneof[0]
			case of.typ == typeString:
				v = "a text"
			case of.typ == typeList:
				v = []string{"one", "two"}
			case of.typ == typeTime:
				v = time.Unix(1, 0)
			case of.typ == typeMoney:
				v = canon.Money{Minor: 1, Currency: "EUR"}
			}
			if v != nil {
				list[i].set(reflect.ValueOf(body), v)
			}
		}
		limits := limitsOf(k)
		if got, want := limits.hold(reflect.ValueOf(body).UnsafePointer()), k != canon.KindSurvey; got != want {
			t.Errorf("%s: %t, want %t", k, got, want)
		}
	}
}

// drawn is a value for a field, nil for none.
func drawn(t *rapid.T, of *target, text *rapid.Generator[string]) any {
	if rapid.IntRange(0, 3).Draw(t, "none") == 0 {
		return nil
	}
	switch of.typ {
	case typeString:
		if of.oneof != nil && rapid.IntRange(0, 3).Draw(t, "any") > 0 {
			return rapid.SampledFrom(of.oneof).Draw(t, of.name)
		}
		return text.Draw(t, of.name)
	case typeList:
		return rapid.SliceOfN(text, 0, 3).Draw(t, of.name)
	case typeInt:
		return rapid.SampledFrom([]int64{-1, 0, 1, math.MaxInt64}).Draw(t, of.name)
	case typeFloat:
		return rapid.SampledFrom([]float64{-0.5, 0, 5, 10.5, math.NaN(), math.Inf(1)}).Draw(t, of.name)
	case typeBool:
		return true
	case typeTime:
		return time.Unix(rapid.SampledFrom([]int64{0, 1}).Draw(t, of.name), 0)
	case typeMoney:
		return canon.Money{Minor: 1, Currency: text.Draw(t, of.name)}
	}
	return nil
}
