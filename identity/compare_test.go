package identity

import (
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/adrg/strutil/metrics"
	"pgregory.net/rapid"
)

func TestWinkler(t *testing.T) {
	// The figures of Winkler's own papers.
	for _, c := range []struct {
		a, b string
		want float64
	}{
		{"martha", "marhta", 0.9611}, {"dwayne", "duane", 0.84}, {"dixon", "dicksonx", 0.8133}, {"jones", "johnson", 0.8324},
		{"", "", 1}, {"a", "", 0}, {"abc", "xyz", 0}, {"same", "same", 1},
	} {
		if got := winkler(c.a, c.b); math.Abs(got-c.want) > 0.0001 {
			t.Errorf("%s and %s: %.4f, want %.4f", c.a, c.b, got, c.want)
		}
	}
}

// TestEditsAgainstLevenshtein holds the distance against strutil's, which knows no swaps.
func TestEditsAgainstLevenshtein(t *testing.T) {
	oracle := metrics.NewLevenshtein()
	word := rapid.StringMatching(`[abcé]{0,12}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		plain := oracle.Distance(a, b)
		got := edits(a, b, 20)
		if got > plain || 2*got < plain || got != edits(b, a, 20) {
			t.Fatalf("%q and %q: %d, without swaps %d", a, b, got, plain)
		}
		if near := edits(a, b, 2); near != min(got, 3) {
			t.Fatalf("%q and %q: at most 2 gives %d, want %d", a, b, near, min(got, 3))
		}
		if w := winkler(a, b); w < 0 || w > 1 || w != winkler(b, a) {
			t.Fatalf("%q and %q: likeness %v and %v", a, b, w, winkler(b, a))
		}
	})
}

func TestSwapIsOneEdit(t *testing.T) {
	if got := edits("limaverde", "limavrede", 2); got != 1 {
		t.Errorf("a swap of neighbours is %d edits", got)
	}
	if got := edits(strings.Repeat("a", 500), strings.Repeat("b", 500), 3); got != 4 {
		t.Errorf("long values: %d", got)
	}
}

func TestBirths(t *testing.T) {
	want := birth{year: 1980, month: 3, day: 12}
	for _, s := range []string{"1980-03-12", "19800312", "12.3.1980", "12/03/1980", "12 Mar 1980", "March 12, 1980", "12th March 1980", "1980/3/12", "1980-03-12T00:00:00Z", "12.03.80", "1980 March 12"} {
		got := parseBirth(s)
		got.loose = false
		if got != want {
			t.Errorf("%s is read as %+v", s, got)
		}
	}
	for _, s := range []string{"", "n/a", "1900-01-01", "31.02.1980", "0000-00-00", "1980-13-40", "soon", "123456789012", "-5", "12"} {
		if got := parseBirth(s); got.known() {
			t.Errorf("%q is read as %+v", s, got)
		}
	}
	for _, c := range []struct {
		a, b string
		want birthFit
	}{
		{"1980-03-12", "12 Mar 1980", birthEqual}, {"3/12/1980", "12.3.1980", birthEqual}, {"1980-03-12", "1980-12-03", birthSlip}, {"1980-03-12", "1980-03-21", birthSlip},
		{"1980-03-12", "1908-03-12", birthSlip}, {"1980-03-12", "1990-03-12", birthSlip}, {"1980-03-12", "1980-03-25", birthParts}, {"1980-03-12", "1980", birthYear}, {"1980-03-12", "1980-07-25", birthYear},
		{"1980-03-12", "1983-07-25", birthDiffers}, {"1980-03-12", "2009-07-25", birthGeneration}, {"1980-03-12", "", birthNone},
	} {
		if got, back := compareBirths(parseBirth(c.a), parseBirth(c.b)), compareBirths(parseBirth(c.b), parseBirth(c.a)); got != c.want || back != got {
			t.Errorf("%s and %s: %d and %d, want %d", c.a, c.b, got, back, c.want)
		}
	}
}

func TestPhones(t *testing.T) {
	for _, c := range []struct{ number, region, want string }{
		{"+49 (0)30 123456-7", "", "+49301234567"}, {"030 1234567", "DE", "+49301234567"}, {"0049 30 1234567", "", "+49301234567"}, {"(617) 555-0123", "US", "+16175550123"},
		{"030 1234567", "", ""}, {"0000000000", "DE", ""}, {"123", "DE", ""}, {"n/a", "DE", ""}, {strings.Repeat("9", 100), "DE", ""},
	} {
		if got := PhoneKey(c.number, c.region); got != c.want {
			t.Errorf("%s in %q is %q, want %q", c.number, c.region, got, c.want)
		}
	}
	for _, c := range []struct {
		a, b string
		want level
	}{
		{"+49 30 1234567", "030/1234567", levelEqual}, {"+49 30 1234567", "+49 30 1234576", levelClose}, {"+49 30 1234567", "+33 1 98765432", levelDiffers}, {"+49 30 1234567", "", levelNone},
	} {
		if got := comparePhones(parsePhone(c.a, ""), parsePhone(c.b, "")); got != c.want {
			t.Errorf("%s and %s: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestStreets(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want level
	}{
		{"Hauptstraße 12", "12 Hauptstr.", levelEqual}, {"12 Maltby Circuit", "12 maltby cct", levelEqual}, {"12 Maltby Circuit", "12 Malbty Street", levelClose},
		{"12 Maltby Circuit", "Maltby Circuit", levelAlike}, {"12 Maltby Circuit", "Apt 4, 12 Maltby Circuit", levelEqual}, {"12 Maltby Circuit", "55 Rose Lane", levelDiffers}, {"", "55 Rose Lane", levelNone},
	} {
		if got := compareStreets(parsePlace(c.a, "", "", "", ""), parsePlace(c.b, "", "", "", "")); got != c.want {
			t.Errorf("%q and %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
	for name, code := range map[string]string{"Germany": "DE", "deutschland": "DE", "DEU": "DE", "de": "DE", "United Kingdom": "GB", "UK": "GB", "U.S.A.": "US", "Česko": "CZ", "": "", "n/a": ""} {
		if got := CountryKey(name); got != code {
			t.Errorf("%s is %q, want %q", name, got, code)
		}
	}
}

// FuzzForeignValues: whatever a source writes, it is read without harm and is like itself.
func FuzzForeignValues(f *testing.F) {
	for _, s := range []string{"Dr. Ana van der Berg, Jr.", "12.3.1980", "+49 30 123", "Apt 4, 12 Main St", "ACME (UK) Ltd & Co.", "\xff\xfe", "株式会社", strings.Repeat("a ", 300), "((((", "Ph.D.", "a, b, c", "&", "z o.o."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n := parseName("", "", s)
		if !utf8.ValidString(n.surname) || !utf8.ValidString(soundKey(n.surname)) {
			t.Fatalf("%q has the surname %q", s, n.surname)
		}
		c := parseCompany(s)
		if c.joined != "" && compareCompanies(c, c) != fitEqual {
			t.Fatalf("%q is not like itself", s)
		}
		parseBirth(s)
		parsePhone(s, "DE")
		p := parsePlace(s, s, s, s, s)
		if l := compareStreets(p, p); p.street != "" && l < levelAlike {
			t.Fatalf("%q is not like itself: %d", s, l)
		}
		for _, key := range (&Rules{Matching: MatchRules{Full: true, Propose: 0.5}}).Blocks(person("crm/people/1", fuzzed(s))) {
			if !utf8.ValidString(key) || len(key) > 130 {
				t.Fatalf("block %q", key)
			}
		}
	})
}
