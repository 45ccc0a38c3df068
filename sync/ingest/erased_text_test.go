package ingest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/identity"
)

// known recognises one person.
func known(tb testing.TB) *Marked {
	tb.Helper()
	s := Subject{Emails: []string{identity.EmailKey("philippa.fairweather@umbrella.example")}, Phones: []string{"055598173"},
		Names: []string{"philippa fairweather", "fairweather philippa"}, parts: []string{"philippa", "fairweather"},
		Scope: canon.Scope{Refs: []canon.Ref{{Connection: "crm", Stream: "people", ID: "9"}}}}
	s.Phones = []string{phoneKeys("+49 30 5559 8173")[0]}
	key := []byte("0123456789abcdef0123456789abcdef")
	return NewMarked(key, s.Marks(key, "era_1"))
}

func TestWhatIsRecognised(t *testing.T) {
	k := known(t)
	for text, want := range map[string]bool{
		"philippa.fairweather@umbrella.example":                        true,
		"To: <Philippa.Fairweather@Umbrella.Example>, others":          true,
		"mailto:philippa.fairweather@umbrella.example?subject=x":       true,
		"philippa.fairweather+news@umbrella.example":                   true,
		"https://x.example/?e=philippa.fairweather%40umbrella.example": true,
		"write to philippa.fairweather@umbrella.example.":              true,
		"'philippa.fairweather@umbrella.example'":                      true,
		"fairweather@umbrella.example":                                 false,
		"+49 30 5559 8173":                                             true,
		"+49 (30) 5559-8173":                                           true,
		"030/55598173":                                                 true,
		"tel:+493055598173":                                            true,
		"0049 30 55 59 81 73":                                          true,
		"call 030 55598173 or 112":                                     true,
		"+49\u00a030\u00a055598173":                                    true,
		"+49 30 5559 8174":                                             false,
		"2026-01-02 03:04:05":                                          false,
		"Philippa Fairweather":                                         true,
		"FAIRWEATHER, Philippa":                                        true,
		"met Philippa\tFairweather today":                              true,
		"Philíppa Fairweather":                                         true,
		"Philippa":                                                     false,
		"mail=philippa.fairweather%40umbrella.example&off=100%":        true,
		"Fairweather":                                                  false,
		"Philippa Fairweathers":                                        false,
		"Philippa M. Fairweather":                                      false,
		"":                                                             false,
		"@":                                                            false,
		"a@":                                                           false,
	} {
		if got := k.names(text, hears{}); got != want {
			t.Errorf("%q is recognised: %t", text, got)
		}
	}
	for _, other := range []string{"x.philippa.fairweather@umbrella.example", "philippa.fairweather@umbrella.example.org"} {
		if k.namesMail(other) {
			t.Errorf("%s is taken for hers", other)
		}
	}
}

func TestWhatIsRedacted(t *testing.T) {
	k := known(t)
	for in, want := range map[string]string{
		`{"a":"philippa.fairweather@umbrella.example", "b": [1, "x"]}`:                          `{"a":"[erased]", "b": [1, "x"]}`,
		`{"a":"\u0070hilippa.fairweather\u0040umbrella.example"}`:                               `{"a":"[erased]"}`,
		`{"philippa.fairweather@umbrella.example":1}`:                                           `{"[erased]":1}`,
		`{"phone":-493055598173,"n":-1}`:                                                        `{"phone":null,"n":-1}`,
		"\n {\"phone\":493055598173}":                                                           "\n {\"phone\":null}",
		`{"phone":493055598173,"n":5559,"id":4930555981731234567}`:                              `{"phone":null,"n":5559,"id":4930555981731234567}`,
		`{"first":"Philippa","last":"Fairweather","m":"philippa.fairweather@umbrella.example"}`: `{"first":"[erased]","last":"[erased]","m":"[erased]"}`,
		`{"first":"Philippa","last":"Other","m":"philippa@other.example"}`:                      `{"first":"Philippa","last":"Other","m":"philippa@other.example"}`,
		`{"in":"{\"m\":\"philippa.fairweather@umbrella.example\"}"}`:                            `{"in":"[erased]"}`,
		`not json: Philippa Fairweather`:                                                        `[erased]`,
		`["no", "body"]`:                                                                        `["no", "body"]`,
	} {
		if got, _ := k.Redact(in); got != want {
			t.Errorf("%s\nbecame %s\nwant   %s", in, got, want)
		}
	}
	same := `{"name":"Philippa Fairweather","m":"other@umbrella.example"}`
	if got, _ := k.redact(same, true); got != same {
		t.Errorf("a namesake became %s", got)
	}
}

// TestRedactedStaysJSON: whatever is redacted is JSON as before, names nobody, and is not redacted twice; what names
// nobody stays byte for byte.
func TestRedactedStaysJSON(t *testing.T) {
	k := known(t)
	words := rapid.SampledFrom([]string{"philippa.fairweather@umbrella.example", "Philippa Fairweather", "030 55598173", "Philippa", "deal", "a\"b\\", "ü", "12", "x@y.example", "\u2028"})
	rapid.Check(t, func(rt *rapid.T) {
		doc := map[string]any{}
		for range rapid.IntRange(0, 6).Draw(rt, "members") {
			name := strings.Join(rapid.SliceOfN(words, 1, 2).Draw(rt, "name"), " ")
			var v any = strings.Join(rapid.SliceOfN(words, 0, 4).Draw(rt, "words"), rapid.SampledFrom([]string{" ", ", ", "\n"}).Draw(rt, "between"))
			switch rapid.IntRange(0, 3).Draw(rt, "shape") {
			case 0:
				v = []any{v, 493055598173, true}
			case 1:
				v = map[string]any{"in": v}
			}
			doc[name] = v
		}
		b, err := json.Marshal(doc)
		if err != nil {
			rt.Fatal(err)
		}
		out, hit := k.Redact(string(b))
		if !json.Valid([]byte(out)) {
			rt.Fatalf("%s became %s", b, out)
		}
		if !hit && out != string(b) {
			rt.Fatalf("%s names nobody and became %s", b, out)
		}
		if again, more := k.Redact(out); more || again != out {
			rt.Fatalf("%s still names somebody", out)
		}
		if k.Mentions([]byte(out)) || k.Mentions(b) != hit {
			rt.Fatalf("%s: hit %t", b, hit)
		}
	})
}

func FuzzRedact(f *testing.F) {
	for _, s := range []string{`{"a":"philippa.fairweather@umbrella.example"}`, `{"a":`, `"\ud800"`, "+49 30 5559 8173", "@@", "%40", "\xff@\xfe"} {
		f.Add(s)
	}
	k := known(f)
	f.Fuzz(func(t *testing.T, s string) {
		out, hit := k.Redact(s)
		if json.Valid([]byte(s)) && !json.Valid([]byte(out)) && out != Erased {
			t.Errorf("%q became %q", s, out)
		}
		if !hit && out != s {
			t.Errorf("%q changed", s)
		}
	})
}

func TestWhoIsErased(t *testing.T) {
	k := known(t)
	contact := func(name, mail, phone string) canon.Entity {
		b := &canon.Contact{Name: name, Phone: phone}
		if mail != "" {
			b.Emails = []string{mail}
		}
		return canon.Entity{Kind: canon.KindContact, Body: b}
	}
	const hers, herMail, herPhone = "Philippa Fairweather", "philippa.fairweather@umbrella.example", "+49 30 55598173"
	ticket := func(owners ...canon.Owner) canon.Entity {
		return canon.Entity{Kind: canon.KindTicket, Owners: owners, Body: &canon.Ticket{}}
	}
	her := canon.Owner{Kind: canon.KindContact, Ref: canon.Ref{Connection: "crm", Stream: "people", ID: "9"}}
	other := canon.Owner{Kind: canon.KindContact, Ref: canon.Ref{Connection: "crm", Stream: "people", ID: "10"}}
	firm := canon.Owner{Kind: canon.KindCompany, Ref: canon.Ref{Connection: "crm", Stream: "firms", ID: "1"}}
	for what, c := range map[string]struct {
		id             string
		es             []canon.Entity
		drop, namesake bool
	}{
		"her record":                     {"9", nil, true, false},
		"her address":                    {"1", []canon.Entity{contact("P. F.", herMail, "")}, true, false},
		"her number, no more":            {"1", []canon.Entity{contact("", "", herPhone)}, true, false},
		"her number and name":            {"1", []canon.Entity{contact(hers, "new@umbrella.example", herPhone)}, true, false},
		"who has her number now":         {"1", []canon.Entity{contact("Otto Normal", "otto@umbrella.example", herPhone)}, false, false},
		"a namesake":                     {"1", []canon.Entity{contact(hers, "pf@elsewhere.example", "")}, false, true},
		"a namesake by number":           {"1", []canon.Entity{contact(hers, "", "+49 30 1112223")}, false, true},
		"her name and nothing more":      {"1", []canon.Entity{contact(hers, "", "")}, false, false},
		"somebody else":                  {"1", []canon.Entity{contact("Otto Normal", "otto@umbrella.example", "")}, false, false},
		"a company with her address":     {"1", []canon.Entity{contact(hers, herMail, ""), {Kind: canon.KindCompany, Body: &canon.Company{Email: herMail}}}, false, false},
		"her ticket":                     {"1", []canon.Entity{ticket(firm, her)}, true, false},
		"her ticket by mail":             {"1", []canon.Entity{ticket(canon.Owner{Kind: canon.KindContact, Email: herMail})}, true, false},
		"another's ticket":               {"1", []canon.Entity{ticket(firm, other)}, false, false},
		"a ticket of both":               {"1", []canon.Entity{ticket(her, other)}, false, false},
		"a deal of the company with her": {"1", []canon.Entity{{Kind: canon.KindDeal, Owners: []canon.Owner{firm, her}, Body: &canon.Deal{}}}, false, false},
		"a record named by her address":  {herMail, nil, true, false},
		"her record with her use": {"1", []canon.Entity{contact(hers, herMail, ""),
			{Kind: canon.KindUsage, Owners: []canon.Owner{{Kind: canon.KindContact, Ref: canon.Ref{Connection: "crm", Stream: "people", ID: "1"}}, firm}, Body: &canon.Usage{}}}, true, false},
	} {
		drop, namesake := k.judge(canon.Ref{Connection: "crm", Stream: "people", ID: c.id}, c.es)
		if drop != c.drop || namesake != c.namesake {
			t.Errorf("%s: dropped %t, namesake %t", what, drop, namesake)
		}
	}
	var none *Marked
	if !none.empty() || !(&Marked{}).empty() || k.empty() {
		t.Error("empty")
	}
}

func BenchmarkRedact(b *testing.B) {
	k := known(b)
	doc := map[string]any{}
	for i := range 60 {
		doc[fmt.Sprintf("property_%d", i)] = fmt.Sprintf("Some text of a property, number %d at 2026-01-0%dT00:00:00Z", i, i%9+1)
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		k.Redact(string(raw))
	}
}
