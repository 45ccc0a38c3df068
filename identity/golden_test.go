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
	if diff := cmp.Diff(want, rules.PersonKeys([]canon.Entity{desk, crm}, nil)); diff != "" {
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
	n := NewNode(company("crm/companies/1", canon.Company{Domains: []string{"acme.com", "gmail.com"}, Email: "ap@beta.com"}), day(1))
	if diff := cmp.Diff([]string{"dom:acme.com"}, billing.Anchors(n)); diff != "" {
		t.Errorf("anchors (-want +got):\n%s", diff)
	}
}
