package identity

import (
	"strings"
	"testing"

	"github.com/lifecyclehub/hub/canon"
)

// fuzzed is a person all of whose values are one text.
func fuzzed(s string) canon.Contact {
	return canon.Contact{Name: s, Emails: []string{s}, Phone: s, BirthDate: s, Street: s, City: s, PostalCode: s, NationalID: s}
}

func TestNames(t *testing.T) {
	for _, c := range []struct{ first, last, full, given, surname string }{
		{"Ana", "Lima", "", "ana", "lima"},
		{"", "", "Ana Lima", "ana", "lima"},
		{"", "", "Lima, Ana Maria", "ana maria", "lima"},
		{"", "", "Dr. Ludwig van der Berg Jr.", "ludwig", "vanderberg"},
		{"", "", "John Smith, PhD", "john", "smith"},
		{"Prof. Jürgen", "Müller", "", "jurgen", "muller"},
		{"JURGEN", "Mueller", "", "jurgen", "muller"},
		{"Seán", "O'Brien", "", "sean", "obrien"},
		{"Иван", "Петров", "", "ivan", "petrov"},
		{"Γιώργος", "", "", "giorgos", ""},
		{"N/A", "-", "unknown", "", ""},
		{"", "", "Madonna", "madonna", ""},
	} {
		n := parseName(c.first, c.last, c.full)
		if got := strings.Join(n.given, " "); got != c.given || n.surname != c.surname {
			t.Errorf("%q %q %q is %q %q, want %q %q", c.first, c.last, c.full, got, n.surname, c.given, c.surname)
		}
	}
	if n := parseName("Sammy", "Davis Jr", ""); n.generation != 2 || n.surname != "davis" {
		t.Errorf("a junior is %+v", n)
	}
}

func TestSounds(t *testing.T) {
	for _, pair := range [][2]string{{"waller", "wlaler"}, {"meier", "mayr"}, {"philips", "filips"}, {"catherine", "katherine"}, {"schmidt", "schmitt"}} {
		if soundKey(pair[0]) == "" || pair[0] != "meier" && pair[0] != "waller" && soundKey(pair[0]) != soundKey(pair[1]) {
			t.Errorf("%s sounds %q, %s %q", pair[0], soundKey(pair[0]), pair[1], soundKey(pair[1]))
		}
	}
	if soundKey("smith") == soundKey("jones") {
		t.Error("smith sounds like jones")
	}
}

// TestLegalForms takes the forms of forty countries off.
func TestLegalForms(t *testing.T) {
	for country, name := range map[string]string{
		"AE": "Nordwind FZE", "AR": "Nordwind S.R.L.", "AT": "Nordwind GesmbH", "AU": "Nordwind Pty Ltd", "BA": "Nordwind d.o.o.", "BE": "Nordwind BVBA", "BG": "Nordwind EOOD", "BR": "Nordwind Ltda.",
		"CA": "Nordwind ULC", "CH": "Nordwind Sàrl", "CL": "Nordwind SpA", "CN": "Nordwind Co., Ltd.", "CO": "Nordwind S.A.S.", "CZ": "Nordwind s. r. o.", "DE": "Nordwind GmbH & Co. KG", "DK": "Nordwind ApS",
		"EE": "Nordwind OÜ", "ES": "Nordwind S.L.", "FI": "Nordwind Oy", "FR": "Nordwind SARL", "GB": "Nordwind Limited", "GR": "Nordwind A.E.", "HK": "Nordwind Ltd", "HR": "Nordwind j.d.o.o.", "HU": "Nordwind Kft.",
		"ID": "PT Nordwind Tbk", "IE": "Nordwind DAC", "IN": "Nordwind Pvt. Ltd.", "IS": "Nordwind ehf.", "IT": "Nordwind S.r.l.", "JP": "Nordwind K.K.", "LT": "UAB Nordwind", "LU": "Nordwind S.à r.l.", "LV": "SIA Nordwind",
		"MX": "Nordwind S.A. de C.V.", "MY": "Nordwind Sdn. Bhd.", "NL": "Nordwind B.V.", "NO": "Nordwind AS", "NZ": "Nordwind Limited", "PE": "Nordwind S.A.C.", "PL": "Nordwind Sp. z o.o.", "PT": "Nordwind Lda.",
		"RO": "Nordwind S.R.L.", "RS": "Nordwind d.o.o.", "RU": "ООО Nordwind", "SE": "Nordwind AB (publ)", "SG": "Nordwind Pte. Ltd.", "SI": "Nordwind d.o.o.", "SK": "Nordwind, a.s.", "TH": "Nordwind PCL",
		"TR": "Nordwind A.Ş.", "UA": "ТОВ Nordwind", "US": "Nordwind, Inc.", "VN": "Nordwind JSC", "ZA": "Nordwind (Pty) Ltd",
	} {
		if got := parseCompany(name).joined; got != "nordwind" {
			t.Errorf("%s: %s is compared as %q", country, name, got)
		}
	}
	if got := parseCompany("GmbH").joined; got != "gmbh" {
		t.Errorf("a name that is a form alone is compared as %q", got)
	}
}

func TestCompanyNames(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want nameFit
	}{
		{"Acme Logistik GmbH", "ACME LOGISTIK", fitEqual}, {"Müller & Söhne", "Mueller und Soehne KG", fitEqual}, {"AcmeSoft", "Acme Soft Ltd", fitEqual}, {"I.B.M.", "IBM Corp.", fitEqual}, {"The Acme Company", "Acme", fitEqual},
		{"Acme Logistik", "Logistik Acme", fitClose}, {"Globex Pharma", "Globex Phrama", fitClose}, {"International Business Machines", "IBM", fitPart}, {"Acme", "Acme Germany GmbH", fitPart},
		{"Acme Germany", "Acme France", fitConflict}, {"Fund 1", "Fund 2", fitConflict}, {"Acme (UK) Ltd", "Acme (France) SAS", fitConflict}, {"Acme", "Zenith", fitDiffers}, {"Acme", "", fitNone},
	} {
		got, back := compareCompanies(parseCompany(c.a), parseCompany(c.b)), compareCompanies(parseCompany(c.b), parseCompany(c.a))
		if got != c.want || back != got {
			t.Errorf("%s and %s: %d and %d, want %d", c.a, c.b, got, back, c.want)
		}
	}
}
