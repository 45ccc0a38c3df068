package identity

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
)

func TestOwnerKeys(t *testing.T) {
	person := contact("crm/contacts/1", true, "ana@acme.com", "ana@gmail.com", "billing@beta.com", "test@gamma.com")
	person.Owners = []canon.Owner{{Kind: canon.KindCompany, Ref: ref("crm/companies/2")}, {Kind: canon.KindCompany, Ref: ref("crm/companies/1")}}
	unsure := contact("stripe/customers/1", false, "ana@acme.com")
	unsure.Owners = []canon.Owner{{Kind: canon.KindCompany, Ref: ref("stripe/customers/1")}}
	deal := canon.Entity{Kind: canon.KindDeal, Ref: ref("crm/deals/1"), Body: &canon.Deal{}, Owners: []canon.Owner{
		{Kind: canon.KindContact, Email: "Bo+x@Acme.com"},
		{Kind: canon.KindContact, Ref: ref("crm/contacts/1")},
		{Kind: canon.KindCompany, Ref: ref("crm/companies/1")},
		{Kind: canon.KindContact, Email: "info@beta.com"},
		{Kind: canon.KindContact, Email: "n/a"},
	}}
	for _, c := range []struct {
		name   string
		entity canon.Entity
		want   []string
	}{
		{"contact", person, []string{"ref:company:crm/companies/2", "ref:company:crm/companies/1", "mail:ana@acme.com", "mail:ana@gmail.com", "dom:acme.com", "dom:beta.com"}},
		{"unverified contact", unsure, []string{"ref:company:stripe/customers/1"}},
		{"deal", deal, []string{"ref:company:crm/companies/1", "ref:contact:crm/contacts/1", "mail:bo@acme.com", "dom:acme.com", "dom:beta.com"}},
		{"company", company("crm/companies/1", canon.Company{Domains: []string{"acme.com"}}), nil},
	} {
		if diff := cmp.Diff(c.want, billing.OwnerKeys(c.entity)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestPersonKeysGoBySource(t *testing.T) {
	rules := Rules{SourceOrder: []string{"crm"}}
	desk := contact("desk/users/1", true, "ana@acme.com")
	desk.Owners = []canon.Owner{{Kind: canon.KindCompany, Ref: ref("desk/orgs/1")}}
	crm := contact("crm/contacts/1", true, "ana@acme.com")
	crm.Owners = []canon.Owner{{Kind: canon.KindCompany, Ref: ref("crm/companies/1")}}
	want := []string{"ref:company:crm/companies/1", "ref:company:desk/orgs/1", "mail:ana@acme.com", "dom:acme.com"}
	if diff := cmp.Diff(want, rules.PersonKeys([]canon.Entity{desk, crm})); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

func TestPick(t *testing.T) {
	keys := []string{"ref:company:crm/companies/1", "mail:ana@acme.com", "dom:acme.com"}
	for _, c := range []struct {
		found         map[string]string
		customer, why string
	}{
		{nil, "", ""},
		{map[string]string{"dom:acme.com": "c1"}, "c1", "domain acme.com"},
		{map[string]string{"dom:acme.com": "c1", "mail:ana@acme.com": "c2"}, "c2", "email ana@acme.com"},
		{map[string]string{"ref:company:crm/companies/1": "c3", "mail:ana@acme.com": "c2"}, "c3", "company crm/companies/1"},
	} {
		if customer, why := Pick(keys, c.found); customer != c.customer || why != c.why {
			t.Errorf("Pick of %v: %q, %q", c.found, customer, why)
		}
	}
}

func TestAnchors(t *testing.T) {
	n := NewNode(company("crm/companies/1", canon.Company{Domains: []string{"acme.com", "gmail.com"}, Email: "ap@beta.com"}))
	if diff := cmp.Diff([]string{"dom:acme.com"}, billing.Anchors(n)); diff != "" {
		t.Errorf("anchors (-want +got):\n%s", diff)
	}
}

func TestGolden(t *testing.T) {
	rules := Rules{SourceOrder: []string{"books", "crm"}}
	books := company("books/customers/1", canon.Company{Name: "Acme Ltd", Email: "ap@acme.co.uk", Country: "n/a", VATID: "GB1"})
	crm := company("crm/companies/2", canon.Company{Name: "Acme", Domains: []string{"gmail.com", "www.acme.com"}, Country: "GB", Employees: 40, Owner: "7"})
	desk := company("desk/orgs/1", canon.Company{Name: "ACME old", City: "Leeds", Phone: "1"})
	newer := company("desk/orgs/0", canon.Company{City: "York", Phone: "2"})
	newer.CreatedAt = day(5)
	gone := company("books/customers/0", canon.Company{Name: "Gone", Industry: "Steel"})
	gone.Deleted = true
	merged := company("crm/companies/1", canon.Company{Name: "Doublet", Industry: "Iron"})
	crm.Absorbed = []string{"1"}
	person := canon.Entity{Kind: canon.KindContact, Ref: ref("crm/contacts/1"), Body: &canon.Contact{Name: "Ana"}}

	name, domain, fields := rules.Golden([]canon.Entity{person, desk, gone, newer, merged, crm, books})
	if name != "Acme Ltd" || domain != "acme.com" {
		t.Errorf("name %q, domain %q", name, domain)
	}
	want := []canon.Field{
		{Name: "name", Value: "Acme Ltd", Source: books.Ref, Rule: ruleSource},
		{Name: "domain", Value: "acme.com", Source: crm.Ref, Rule: ruleOnly},
		{Name: "city", Value: "York", Source: newer.Ref, Rule: ruleRecent},
		{Name: "country", Value: "GB", Source: crm.Ref, Rule: ruleOnly},
		{Name: "employees", Value: "40", Source: crm.Ref, Rule: ruleOnly},
		{Name: "owner", Value: "7", Source: crm.Ref, Rule: ruleOnly},
		{Name: "phone", Value: "2", Source: newer.Ref, Rule: ruleRecent},
		{Name: "vat_id", Value: "GB1", Source: books.Ref, Rule: ruleOnly},
	}
	if diff := cmp.Diff(want, fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

func TestGoldenOfPersonsAndOfNothing(t *testing.T) {
	person := canon.Entity{Kind: canon.KindContact, Ref: ref("crm/contacts/1"), Body: &canon.Contact{FirstName: " Ana ", LastName: "Lima", Emails: []string{"none", "Ana@acme.com"}, Title: "CFO"}}
	name, domain, fields := billing.Golden([]canon.Entity{person})
	want := []canon.Field{
		{Name: "name", Value: "Ana Lima", Source: person.Ref, Rule: ruleOnly},
		{Name: "email", Value: "Ana@acme.com", Source: person.Ref, Rule: ruleOnly},
		{Name: "title", Value: "CFO", Source: person.Ref, Rule: ruleOnly},
	}
	if diff := cmp.Diff(want, fields); diff != "" || name != "Ana Lima" || domain != "" {
		t.Errorf("name %q, domain %q, fields (-want +got):\n%s", name, domain, diff)
	}
	for want, members := range map[string][]canon.Entity{
		"":                    nil,
		"crm/companies/1":     {{Kind: canon.KindCompany, Ref: ref("crm/companies/1"), Deleted: true}},
		"acme.com":            {company("crm/companies/1", canon.Company{Email: "ap@acme.com"})},
		"bo@acme.com":         {contact("crm/contacts/1", false, "bo@acme.com")},
		"stripe/customers/77": {company("stripe/customers/77", canon.Company{Name: "N/A"})},
	} {
		if name, _, _ := billing.Golden(members); name != want {
			t.Errorf("name %q, want %q", name, want)
		}
	}
}
