package rest

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/tidwall/gjson"
	"pgregory.net/rapid"
)

func TestParseTime(t *testing.T) {
	want := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct{ text, format string }{
		{"2026-03-01T12:00:00Z", ""}, {"2026-03-01T12:00:00.000Z", "rfc3339"}, {"2026-03-01T14:00:00+02:00", "auto"},
		{"2026-03-01T14:00:00+0200", ""}, {"2026-03-01T12:00:00", ""}, {"2026-03-01 12:00:00", ""}, {"2026-03-01 14:00:00+02:00", ""},
		{"1772366400", ""}, {"1772366400", "unix"}, {"1772366400000", ""}, {"1772366400000", "unix_ms"}, {"1772366400000000", ""},
		{"1772366400.0", ""}, {"1.7723664e9", "unix"}, {" 1772366400 ", ""},
	} {
		if got, ok := parseTime(c.text, c.format); !ok || !got.Equal(want) {
			t.Errorf("%q as %q gave %v, %t", c.text, c.format, got, ok)
		}
	}
	for _, text := range []string{"", "soon", "0000-01-01T00:00:00Z", "9999-12-31", "99999999999999999999", "NaN", "Inf", "-1e300", "2026-13-01", "99999999999999"} {
		if got, ok := parseTime(text, ""); ok {
			t.Errorf("%q gave %v", text, got)
		}
	}
	if got, ok := parseTime("2026-03-01T12:00:00.123456Z", ""); !ok || got.UnixMicro() != want.UnixMicro()+123456 {
		t.Errorf("microseconds gave %v, %t", got, ok)
	}
}

func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"2026-03-01T12:00:00Z", "1772366400", "1772366400000", "1e12", "-5", "0x10"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, format := range []string{"auto", "unix", "unix_ms", "rfc3339"} {
			if got, ok := parseTime(s, format); ok && (got.Year() < 1900 || got.Year() > 2200) {
				t.Fatalf("%q gave %v", s, got)
			}
		}
	})
}

func TestVersion(t *testing.T) {
	rec := gjson.Parse(`{"a":100,"b":{"c":300,"d":null},"list":[{"t":200},{"t":500},{}],"later":9000,"bad":"yesterday","seq":"7","big":99999999999999999999}`)
	start := time.Unix(1000, 0)
	for _, c := range []struct {
		rule Version
		want int64
	}{
		{Version{Path: "a", Format: "unix"}, 100e6},
		{Version{Max: []string{"a", "b.c", "b.d", "none"}, Format: "unix"}, 300e6},
		{Version{Max: []string{"a", "list.#.t"}, Format: "unix"}, 500e6},
		{Version{Max: []string{"a", "later"}, Format: "unix", Past: true}, 100e6},
		{Version{Path: "bad"}, 0},
		{Version{}, 0},
		{Version{Path: "seq", Format: "sequence"}, 7},
		{Version{Path: "big", Format: "sequence"}, 0},
	} {
		if got := c.rule.of(rec, start); got != c.want {
			t.Errorf("%+v gave %d, want %d", c.rule, got, c.want)
		}
	}
}

func TestCondition(t *testing.T) {
	rec := gjson.Parse(`{"gone":true,"text":"true","status":"deleted","active":false,"null":null,"labels":["x",null,"Primary"]}`)
	text, yes, no := func(s string) *string { return &s }, new(bool), new(bool)
	*yes = true
	for _, c := range []struct {
		rule *Condition
		want bool
	}{
		{nil, false},
		{&Condition{Path: "gone"}, true}, {&Condition{Path: "text"}, true}, {&Condition{Path: "status"}, false}, {&Condition{Path: "none"}, false},
		{&Condition{Path: "status", Equals: text("deleted")}, true}, {&Condition{Path: "active", Equals: text("false")}, true},
		{&Condition{Path: "labels", Equals: text("Primary")}, true}, {&Condition{Path: "labels", Equals: text("Other")}, false},
		{&Condition{Path: "status", Exists: yes}, true}, {&Condition{Path: "null", Exists: yes}, false}, {&Condition{Path: "null", Exists: no}, true},
	} {
		if got := c.rule.holds(rec); got != c.want {
			t.Errorf("%+v gave %t", c.rule, got)
		}
	}
}

// TestAddMembers: the bytes that the vendor sent stay; only the new member is added.
func TestAddMembers(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		obj := map[string]any{}
		for range rapid.IntRange(0, 4).Draw(r, "members") {
			obj[rapid.StringMatching(`[a-zA-Z."\\{}]{1,6}`).Draw(r, "key")] = rapid.OneOf(
				rapid.Map(rapid.StringMatching(`[ -~]{0,6}`), func(s string) any { return s }),
				rapid.Map(rapid.Float64Range(-math.MaxInt32, math.MaxInt32), func(f float64) any { return f })).Draw(r, "value")
		}
		raw, err := json.Marshal(obj)
		if err != nil {
			r.Fatal(err)
		}
		pad := rapid.SampledFrom([]string{"", " ", "\n"}).Draw(r, "pad")
		raw = append(raw, pad...)
		out, err := addMembers(raw, map[string]map[string][]json.RawMessage{"links": {"to": {json.RawMessage(`{"id":"1"}`)}}})
		if err != nil || !json.Valid(out) {
			r.Fatalf("%s became %s: %v", raw, out, err)
		}
		if string(out[:len(raw)-1-len(pad)]) != string(raw[:len(raw)-1-len(pad)]) {
			r.Fatalf("%s became %s", raw, out)
		}
		if got := gjson.GetBytes(out, "links.to.0.id").Str; got != "1" {
			r.Fatalf("%s became %s", raw, out)
		}
	})
	out, err := addMembers([]byte(`{"links":"old","a":1}`), map[string]map[string][]json.RawMessage{"links": {"to": {}}})
	if err != nil || string(out) != `{"a":1,"links":{"to":[]}}` {
		t.Errorf("a member that was there became %s, %v", out, err)
	}
}

// TestRawOf: the same object is the same bytes, whether a vendor indents it alone or in a list.
func TestRawOf(t *testing.T) {
	list := gjson.Parse("{\n  \"data\": [\n    {\n      \"id\": \"1\",\n      \"n\": 1.50\n    }\n  ]\n}\n").Get("data.0")
	alone := gjson.Parse("{\n  \"id\": \"1\",\n  \"n\": 1.50\n}\n")
	if a, b := string(flat(list)), string(flat(alone)); a != b || a != `{"id":"1","n":1.50}` {
		t.Errorf("got %s and %s", a, b)
	}
	if got := string(flat(gjson.Parse(`{"id": "1" ,"n":1e2}`))); got != `{"id": "1" ,"n":1e2}` {
		t.Errorf("what is not indented became %s", got)
	}
}
