package mapping

import (
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
)

func TestParseTime(t *testing.T) {
	noon := "2024-01-31T12:00:00Z"
	tests := []struct{ in, mode, want string }{
		{"2024-01-31T12:00:00Z", timeAuto, noon},
		{"2024-01-31T13:00:00+01:00", timeAuto, noon},
		{"2024-01-31T13:00:00+0100", timeAuto, noon},
		{"2024-01-31T13:00:00.000+01:00", timeAuto, noon},
		{"2024-01-31T12:00:00.123456789Z", timeAuto, "2024-01-31T12:00:00.123456Z"},
		{"2024-01-31T12:00:00", timeAuto, noon},
		{"2024-01-31 12:00:00", timeAuto, noon},
		{"2024-01-31 12:00:00.5", timeAuto, "2024-01-31T12:00:00.5Z"},
		{"2024-01-31 12:00:00+00", timeAuto, noon},
		{"2024-01-31 12:00:00 +0000", timeAuto, noon},
		{"2024-01-31 12:00:00 UTC", timeAuto, noon},
		{"2024-01-31T12:00", timeAuto, noon},
		{"2024-01-31 3:15:52", timeAuto, "2024-01-31T03:15:52Z"},
		{"20240131T120000Z", timeAuto, noon},
		{"Wed, 31 Jan 2024 12:00:00 GMT", timeAuto, noon},
		{"2024-01-31", timeAuto, "2024-01-31T00:00:00Z"},
		{"2024/01/31", timeAuto, "2024-01-31T00:00:00Z"},
		{"20240131", timeAuto, "2024-01-31T00:00:00Z"},
		{"20240131", timeUnix, "1970-08-23T06:15:31Z"},
		{"1706702400", timeAuto, noon},
		{"1706702400.5", timeAuto, "2024-01-31T12:00:00.5Z"},
		{"1.7067024e9", timeAuto, noon},
		{"1706702400000", timeAuto, noon},
		{"1706702400000000", timeAuto, noon},
		{"1706702400000", timeUnixMS, noon},
		{"1706702400", timeUnix, noon},
		{"-86400", timeUnix, "1969-12-31T00:00:00Z"},
		{"/Date(1706702400000+0200)/", timeAuto, noon},
		{"/Date(1706702400000)/", timeAuto, noon},
		{"/Date(-86400000-0500)/", timeAuto, "1969-12-31T00:00:00Z"},
		{"2024-01-31T23:30:00-05:00", timeDate, "2024-02-01T00:00:00Z"},
		{"0000-00-00 00:00:00", timeAuto, ""},
		{"1899-12-31", timeAuto, ""},
		{"2201-01-01", timeAuto, ""},
		{"0001-01-01T00:00:00Z", timeAuto, ""},
		{"2024-02-30", timeAuto, ""},
		{"31.01.2024", timeAuto, ""},
		{"01/02/2024", timeAuto, ""},
		{"soon", timeAuto, ""},
		{"/Date()/", timeAuto, ""},
		{"1e40", timeAuto, ""},
		{"99999999999999999999999", timeUnix, ""},
		{"2024-01-31", timeUnix, ""},
		{"", timeAuto, ""},
		{strings.Repeat("9", 5000), timeAuto, ""},
	}
	for _, tt := range tests {
		got, problem := parseTime(tt.in, tt.mode)
		switch {
		case tt.want == "" && problem == "":
			t.Errorf("parseTime(%.40q, %s) = %v, want a fault", tt.in, tt.mode, got)
		case tt.want != "" && (problem != "" || got.Format(time.RFC3339Nano) != tt.want):
			t.Errorf("parseTime(%q, %s) = %v, %q, want %s", tt.in, tt.mode, got, problem, tt.want)
		}
	}
}

// TestTimeFormsAgree writes a moment in many forms and reads the same moment back.
func TestTimeFormsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// From 1973-03-03 on, auto can tell milliseconds from seconds.
		at := time.Unix(rapid.Int64Range(100_000_000, 7_000_000_000).Draw(t, "at"), 0).UTC()
		zone := time.FixedZone("", 900*rapid.IntRange(-48, 56).Draw(t, "zone"))
		forms := []string{
			at.Format(time.RFC3339), at.In(zone).Format(time.RFC3339), at.In(zone).Format("2006-01-02T15:04:05-0700"),
			at.Format("2006-01-02 15:04:05"), at.Format(time.RFC3339Nano), at.Format("2006-01-02T15:04:05.000Z"),
			big.NewInt(at.UnixMilli()).String(), "/Date(" + big.NewInt(at.UnixMilli()).String() + "+0000)/",
			at.Format("2006-01-02 15:04:05 UTC"),
		}
		if at.Unix() >= 1e9 {
			// Fewer digits could be a date.
			forms = append(forms, big.NewInt(at.Unix()).String())
		}
		for _, s := range forms {
			if got, problem := parseTime(s, timeAuto); problem != "" || !got.Equal(at) || got.Location() != time.UTC {
				t.Fatalf("parseTime(%q) = %v, %q, want %v", s, got, problem, at)
			}
		}
	})
}

func TestDecimal(t *testing.T) {
	for in, want := range map[string]string{
		"1": "1", "-1.50": "-3/2", "+2": "2", ".5": "1/2", "5.": "5", "1e3": "1000", "1E-2": "1/100", " 7 ": "7",
		"9007199254740993": "9007199254740993",
	} {
		if got, ok := decimal(in); !ok || got.RatString() != want {
			t.Errorf("decimal(%q) = %v, %v, want %s", in, got, ok, want)
		}
	}
	for _, in := range []string{"", " ", "1,5", "1.2.3", "1/3", "0x10", "1_000", "Inf", "NaN", "e5", "1e", "1e+-5", "--1", ".", "+", "1e999999999", "1e41", "€5", strings.Repeat("1", 65)} {
		if got, ok := decimal(in); ok {
			t.Errorf("decimal(%q) = %v, want none", in, got)
		}
	}
}

func TestRound(t *testing.T) {
	for in, want := range map[string]int64{"1/2": 1, "-1/2": -1, "3/2": 2, "-3/2": -2, "1/3": 0, "-2/3": -1, "0": 0, "7": 7, "2499/1000": 2} {
		r, _ := new(big.Rat).SetString(in)
		if got := round(r); got.Int64() != want {
			t.Errorf("round(%s) = %v, want %d", in, got, want)
		}
	}
}

// moneyOf maps one amount.
func moneyOf(raw, code string, major bool) (canon.Money, *fault) {
	m := money{amount: []path{{text: "a", name: "a", slot: -1}}, currency: currency{constant: code}, unit: unit{major: major}}
	out := m.eval(&source{root: gjson.Parse(`{"a":` + raw + `}`)})
	v, _ := out.value.(canon.Money)
	return v, out.fault
}

// TestMoneyIsExact prints amounts in the main unit and reads the same minor units back, for currencies of
// every number of decimals and amounts up to the largest.
func TestMoneyIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := canon.Money{
			Minor:    rapid.Int64().Draw(t, "minor"),
			Currency: rapid.SampledFrom([]string{"EUR", "JPY", "KWD", "CLF", "ISK"}).Draw(t, "currency"),
		}
		text, _, _ := strings.Cut(want.String(), " ")
		for _, raw := range []string{text, `"` + text + `"`, `" ` + text + ` "`} {
			if got, f := moneyOf(raw, want.Currency, true); f != nil || got != want {
				t.Fatalf("%s %s = %v, %v, want %v", raw, want.Currency, got, f, want)
			}
		}
		minor := big.NewInt(want.Minor).String()
		if got, f := moneyOf(minor, want.Currency, false); f != nil || got != want {
			t.Fatalf("%s minor = %v, %v, want %v", minor, got, f, want)
		}
	})
}

func TestMoneyOverflow(t *testing.T) {
	for _, raw := range []string{"9223372036854775808", `"1e30"`, "-9223372036854775809"} {
		if got, f := moneyOf(raw, "JPY", true); f == nil || f.code != codeMoney {
			t.Errorf("%s = %v, %v, want %s", raw, got, f, codeMoney)
		}
	}
}

func TestDomainOf(t *testing.T) {
	for in, want := range map[string]string{
		"acme.com": "acme.com", "https://www.Acme.com/about?x#y": "acme.com", "http://user:pw@acme.com:8080": "acme.com",
		"ann@acme.com": "acme.com", "acme.com.": "acme.com", "//acme.co.uk/x": "acme.co.uk", "www.acme.com": "acme.com", "bücher.example": "bücher.example",
		"localhost": "", "acme": "", "": "", "a..b": "", "two words.com": "", "www.": "", "https://": "", ".com": "",
	} {
		if got := domainOf(in); got != want {
			t.Errorf("domainOf(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestPickerAgreesWithGJSON holds the one pass over an object against gjson's own search for each path.
func TestPickerAgreesWithGJSON(t *testing.T) {
	names := rapid.SampledFrom([]string{"a", "b", "c", "id", "ünï", `q"`})
	var value func(depth int) *rapid.Generator[string]
	value = func(depth int) *rapid.Generator[string] {
		scalars := rapid.SampledFrom([]string{`1`, `-1.5e+3`, `"x"`, `null`, `true`, `false`, `[]`, `[{"a":1}]`, `{}`, `""`, `"a\"}\\"`, `"\u00e9\ud83d\ude00\u0000"`,
			`"` + strings.Repeat("long ", 20) + `"`, `"` + strings.Repeat(`esc\\aped \" `, 20) + `"`, `[["a]",{"b":"}"}]]`})
		if depth == 0 {
			return scalars
		}
		return rapid.Custom(func(t *rapid.T) string {
			if rapid.Bool().Draw(t, "scalar") {
				return scalars.Draw(t, "value")
			}
			var parts []string
			for range rapid.IntRange(0, 4).Draw(t, "keys") {
				key := strings.ReplaceAll(names.Draw(t, "key"), `"`, `\"`)
				parts = append(parts, `"`+key+`": `+value(depth-1).Draw(t, "child"))
			}
			return "{" + strings.Join(parts, ", ") + "}"
		})
	}
	paths := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "id", "ünï"}), 1, 4).Draw(t, "steps"), ".")
	}), 1, 8)
	rapid.Check(t, func(t *rapid.T) {
		root := gjson.Parse(value(4).Draw(t, "json"))
		p := newPicker()
		slots := map[string]int{}
		for _, text := range paths.Draw(t, "paths") {
			slots[text] = p.add(text)
		}
		kept := map[string]*custom{}
		for text, slot := range slots {
			if rapid.Bool().Draw(t, "keep") {
				kept[text] = &custom{from: []path{{text: text, name: text, slot: slot}}}
				p.collect(kept[text])
			}
		}
		whole := &custom{from: []path{{text: "@this", slot: -1}}}
		p.collect(whole)
		kept["@this"] = whole
		for _, earlier := range []string{`{"a":{"b":1},"c":2}`, root.Raw} {
			s, _ := p.source([]byte(earlier))
			p.done(s)
		}
		s, _ := p.source([]byte(root.Raw))
		for text, slot := range slots {
			want := root.Get(text)
			if got := s.slots[slot]; got.Raw != want.Raw || got.Type != want.Type {
				t.Fatalf("%s of %s: picked %q, gjson finds %q", text, root.Raw, got.Raw, want.Raw)
			}
		}
		for text, c := range kept {
			got, want := map[string]any{}, map[string]any{}
			c.collect(s, got)
			plainly := *c
			plainly.kept = -1
			plainly.collect(s, want)
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("%s of %s: kept %v, read alone %v", text, root.Raw, got, want)
			}
		}
	})
}

func TestCleanAndShorten(t *testing.T) {
	if got := clean("a\x00b\xff"); got != "ab\uFFFD" {
		t.Errorf("clean = %q", got)
	}
	if got := shorten(strings.Repeat("ä", 500)); len([]rune(got)) != 82 {
		t.Errorf("shorten keeps %d characters with its quotes, want 82", len([]rune(got)))
	}
}

func TestSectionsAreWhole(t *testing.T) {
	forms := schemaForms()
	for _, s := range language() {
		for _, k := range s.keys {
			_, isForm := forms[k.form]
			if !isForm && sectionKeys(k.form) == nil {
				t.Errorf("%s.%s has the unknown form %q", s.name, k.name, k.form)
			}
			if k.doc == "" {
				t.Errorf("%s.%s has no description", s.name, k.name)
			}
		}
	}
}

// TestEndOfText holds the jump over a text against a look at every byte, wherever quotes and backslashes stand.
func TestEndOfText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := []byte(strings.Repeat("x", rapid.IntRange(0, 90).Draw(t, "length")))
		for range rapid.IntRange(0, 4).Draw(t, "marks") {
			if len(b) > 0 {
				b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] = rapid.SampledFrom([]byte{'"', '\\', '!', '#', '[', ']', 0xdc, 0xa2}).Draw(t, "mark")
			}
		}
		from := rapid.IntRange(0, len(b)).Draw(t, "from")
		want, wantEscaped := len(b), false
		for i := from; i < len(b); i++ {
			if b[i] == '"' {
				want = i
				break
			}
			if b[i] == '\\' {
				wantEscaped = true
				i++
			}
		}
		if end, escaped := endOfText(b, from); end != want || escaped != wantEscaped {
			t.Fatalf("endOfText(%q, %d) = %d, %t, want %d, %t", b, from, end, escaped, want, wantEscaped)
		}
	})
}
