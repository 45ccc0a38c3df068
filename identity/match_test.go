package identity

import (
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

func person(at string, b canon.Contact) Node {
	return NewNode(canon.Entity{Kind: canon.KindContact, Ref: ref(at), Body: &b}, time.Time{})
}

func firm(at string, b canon.Company) Node {
	return NewNode(canon.Entity{Kind: canon.KindCompany, Ref: ref(at), Body: &b}, time.Time{})
}

func pack(t *testing.T, name string) *Rules {
	t.Helper()
	r, ok := Pack(name)
	if !ok {
		t.Fatalf("no pack %s", name)
	}
	return &r
}

// fate is what becomes of a pair.
func fate(r *Rules, a, b Node) string {
	c, ok := r.Match(a, b)
	switch {
	case !ok:
		return "apart"
	case r.Matching.Auto > 0 && c.Score >= r.Matching.Auto:
		return "linked"
	}
	return "proposed"
}

func TestPersonsMatch(t *testing.T) {
	r := pack(t, "person")
	r.Matching.Auto = 0.9999
	ana := canon.Contact{FirstName: "Ana", LastName: "Limaverde", BirthDate: "1980-03-12", Emails: []string{"ana.limaverde@web.de"}, Phone: "+49 151 23456789",
		Street: "Hauptstraße 12", City: "Köln", PostalCode: "50667", Country: "DE"}
	son := ana
	son.BirthDate, son.Emails, son.Phone = "2009-07-30", nil, ""
	for _, c := range []struct {
		name string
		b    canon.Contact
		want string
	}{
		{"the same", ana, "linked"},
		{"name and day of birth", canon.Contact{FirstName: "ANA", LastName: "Limaverde", BirthDate: "12.3.1980"}, "linked"},
		{"two slips and a day of birth", canon.Contact{FirstName: "Anna", LastName: "Limavrede", BirthDate: "1980-03-12"}, "proposed"},
		{"swapped names", canon.Contact{FirstName: "Limaverde", LastName: "Ana", BirthDate: "1980-03-12", City: "Koeln"}, "proposed"},
		{"a name in one field", canon.Contact{Name: "Limaverde, Ana", Emails: []string{"ANA.LIMAVERDE@web.de"}}, "linked"},
		{"a name alone", canon.Contact{FirstName: "Ana", LastName: "Limaverde"}, "apart"},
		{"name and address", canon.Contact{Name: "Ana Limaverde", Street: "12 Hauptstr.", PostalCode: "50667", City: "Koln"}, "proposed"},
		{"phone and surname", canon.Contact{LastName: "Limaverde", Phone: "0049 (0)151 234 567 89"}, "proposed"},
		{"married", canon.Contact{FirstName: "Ana", LastName: "Limaverde-Schmitt", BirthDate: "1980-03-12", Emails: []string{"ana.limaverde@web.de"}}, "linked"},
		{"another first name under one roof", canon.Contact{FirstName: "Bruno", LastName: "Limaverde", BirthDate: "1978-11-02", Street: "Hauptstraße 12", City: "Köln", PostalCode: "50667", Phone: "+49 151 23456789"}, "apart"},
		{"a twin", canon.Contact{FirstName: "Bruna", LastName: "Limaverde", BirthDate: "1980-03-12", Street: "Hauptstraße 12", City: "Köln", PostalCode: "50667"}, "apart"},
		{"named after the mother", son, "apart"},
		{"a shared mailbox", canon.Contact{FirstName: "Rüdiger", LastName: "Limaverde", Emails: []string{"ana.limaverde@web.de"}}, "apart"},
		{"a namesake elsewhere", canon.Contact{FirstName: "Ana", LastName: "Limaverde", BirthDate: "1961-08-30", City: "Hamburg", PostalCode: "20095"}, "apart"},
		{"a stranger", canon.Contact{FirstName: "Piotr", LastName: "Zielinski", BirthDate: "1980-03-12", City: "Köln"}, "apart"},
		{"a role's mailbox", canon.Contact{Emails: []string{"info@web.de"}}, "apart"},
	} {
		a, b := person("crm/people/1", ana), person("shop/people/1", c.b)
		if got := fate(r, a, b); got != c.want {
			cand, _ := r.Explain(a, b)
			t.Errorf("%s: %s, want %s (%v)", c.name, got, c.want, cand)
		}
	}
}

func TestNicknamesAndCommonNames(t *testing.T) {
	r := pack(t, "person")
	a := person("crm/people/1", canon.Contact{FirstName: "Robert", LastName: "Oakenhurst", City: "Hull", Phone: "07700900123"})
	if got := fate(r, a, person("shop/people/1", canon.Contact{FirstName: "Bob", LastName: "Oakenhurst", Phone: "07700 900123"})); got != "proposed" {
		t.Errorf("Bob and Robert by phone: %s", got)
	}
	rare, _ := r.Explain(a, person("shop/people/1", canon.Contact{FirstName: "Robert", LastName: "Oakenhurst", City: "Hull"}))
	smith := person("crm/people/1", canon.Contact{FirstName: "Robert", LastName: "Smith", City: "Hull"})
	common, _ := r.Explain(smith, person("shop/people/1", canon.Contact{FirstName: "Robert", LastName: "Smith", City: "Hull"}))
	if rare.Score <= common.Score {
		t.Errorf("a rare surname says %v, a common one %v", rare.Score, common.Score)
	}
}

func TestRanks(t *testing.T) {
	r := pack(t, "company")
	for _, c := range []struct {
		name string
		a, b Node
		want int
	}{
		{"unverified address", person("crm/people/1", canon.Contact{Name: "Ana Lima", Emails: []string{"ana@acme.de"}}), person("pay/people/1", canon.Contact{Emails: []string{"ANA@acme.de"}, LastName: "Lima"}), 5},
		{"phone and surname", person("crm/people/1", canon.Contact{Name: "Ana Limaverde", Phone: "+49 30 1234567"}), person("pay/people/1", canon.Contact{LastName: "Limaverde", Phone: "+49301234567"}), 7},
		{"name and country", firm("crm/firms/1", canon.Company{Name: "Acme Logistik GmbH", Country: "DE"}), firm("pay/firms/1", canon.Company{Name: "ACME Logistik", Country: "Germany"}), 8},
		{"alike", firm("crm/firms/1", canon.Company{Name: "Acme Logistik GmbH", City: "Berlin", Phone: "+49 30 1234567"}), firm("pay/firms/1", canon.Company{Name: "Acme Logistk", City: "Berlin", Phone: "+49 30 1234567"}), 9},
	} {
		cand, ok := r.Match(c.a, c.b)
		if !ok || cand.Rank != c.want {
			t.Errorf("%s: rank %d (%v), want %d", c.name, cand.Rank, ok, c.want)
		}
	}
}

func TestCompaniesMatch(t *testing.T) {
	r := pack(t, "company")
	acme := canon.Company{Name: "Acme Logistik GmbH", City: "Berlin", Country: "DE", Street: "Lindenstr. 7", PostalCode: "10969", Phone: "+49 30 1234567", VATID: "DE123456789"}
	for _, c := range []struct {
		name string
		b    canon.Company
		want string
	}{
		{"another form and case", canon.Company{Name: "ACME LOGISTIK Gesellschaft mbH", Country: "Germany", City: "Berlin"}, "proposed"},
		{"a slip and a phone", canon.Company{Name: "Acme Logistk", Phone: "030 1234567", Country: "DE"}, "proposed"},
		{"VAT id alone", canon.Company{Name: "AL Spedition", VATID: "DE 123 456 789"}, "proposed"},
		{"a name alone, of two words", canon.Company{Name: "Acme Logistik"}, "proposed"},
		{"the sister abroad", canon.Company{Name: "Acme Logistik SAS", Country: "France", City: "Lyon"}, "apart"},
		{"another VAT id", canon.Company{Name: "Acme Logistik", Country: "DE", VATID: "DE987654321"}, "apart"},
		{"a neighbour", canon.Company{Name: "Bäckerei Schmidt", Street: "Lindenstraße 7", PostalCode: "10969", City: "Berlin", Country: "DE"}, "apart"},
		{"a numbered sister", canon.Company{Name: "Acme Logistik 2 GmbH", City: "Berlin", Country: "DE"}, "proposed"},
	} {
		a, b := firm("crm/firms/1", acme), firm("pay/firms/1", c.b)
		if got := fate(r, a, b); got != c.want {
			cand, _ := r.Explain(a, b)
			t.Errorf("%s: %s, want %s (%v)", c.name, got, c.want, cand)
		}
	}
	a := firm("crm/firms/1", canon.Company{Name: "Prime Fund 1", Country: "US", City: "Boston"})
	if got := fate(r, a, firm("pay/firms/1", canon.Company{Name: "Prime Fund 2", Country: "US", City: "Boston"})); got != "apart" {
		t.Errorf("two numbered funds: %s", got)
	}
}

func TestWhySaysForAndAgainst(t *testing.T) {
	r := pack(t, "person")
	c, ok := r.Match(person("crm/people/1", canon.Contact{Name: "Ana Limaverde", BirthDate: "1980-03-12", City: "Hull"}),
		person("shop/people/2", canon.Contact{Name: "Ana Limaverde", BirthDate: "1980-03-12", City: "Leeds"}))
	if !ok || c.ID != canon.CandidateID(c.A, c.B) || c.A > c.B {
		t.Fatalf("candidate %+v", c)
	}
	why := strings.Join(c.Why, "\n")
	for _, part := range []string{"same day of birth", "same surname limaverde", "against: other town (hull, leeds)"} {
		if !strings.Contains(why, part) {
			t.Errorf("%q is not among\n%s", part, why)
		}
	}
}

func TestBlocksOutliveASlip(t *testing.T) {
	r := pack(t, "person")
	whole := canon.Contact{FirstName: "Robert", LastName: "Oakenhurst", BirthDate: "1980-03-12", Emails: []string{"r.oak@web.de"}, Phone: "+44 20 79460000", Street: "7 Mill Lane", City: "Hull", PostalCode: "HU1 2AB"}
	slips := map[string]canon.Contact{}
	for name, slip := range map[string]func(*canon.Contact){
		"given name": func(c *canon.Contact) { c.FirstName = "Bob" }, "surname": func(c *canon.Contact) { c.LastName = "Akenhurst" },
		"day of birth": func(c *canon.Contact) { c.BirthDate = "1980-12-03" }, "no address": func(c *canon.Contact) { c.Street, c.City, c.PostalCode = "", "", "" },
	} {
		// What is left is the name and one thing more, as one system holds it.
		c := canon.Contact{FirstName: whole.FirstName, LastName: whole.LastName, BirthDate: whole.BirthDate, PostalCode: whole.PostalCode}
		slip(&c)
		slips[name] = c
	}
	have := map[string]bool{}
	for _, key := range r.Blocks(person("crm/people/1", whole)) {
		have[key] = true
	}
	if len(have) > maxBlocks {
		t.Errorf("%d blocks", len(have))
	}
	for name, c := range slips {
		found := false
		for _, key := range r.Blocks(person("shop/people/1", c)) {
			found = found || have[key]
		}
		if !found {
			t.Errorf("a slip in the %s loses the pair", name)
		}
	}
}

func TestPacksBlockByWhatTheyPropose(t *testing.T) {
	full := person("crm/people/1", canon.Contact{Name: "Ana Lima", BirthDate: "1980-03-12", Emails: []string{"ana@acme.de"}, Phone: "+49 30 1234567"})
	if n := len(pack(t, "company").Blocks(full)); n != 2 {
		t.Errorf("the company pack has %d blocks of a person, want the address and the phone", n)
	}
	silent := Rules{}
	if keys := silent.Blocks(full); keys != nil {
		t.Errorf("rules that propose nothing have blocks: %v", keys)
	}
	gone := full
	gone.Deleted = true
	if keys := pack(t, "person").Blocks(gone); len(keys) != 0 {
		t.Errorf("a deleted person has blocks: %v", keys)
	}
}
