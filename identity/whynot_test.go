package identity

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
)

func TestWhyNot(t *testing.T) {
	acme := canon.Company{Domains: []string{"acme.com"}}
	world := nodes(
		company("crm/companies/1", acme), company("desk/orgs/1", acme), company("stripe/customers/1", canon.Company{}, "desk/orgs/1"),
		company("crm/companies/2", canon.Company{Domains: []string{"gmail.com", "shop.com"}}), company("desk/orgs/2", canon.Company{Domains: []string{"gmail.com"}, Email: "joe@books4you.com"}),
		company("crm/companies/3", canon.Company{Domains: []string{"shop.com"}, Email: "ap@books4you.com"}), company("desk/orgs/3", canon.Company{Domains: []string{"shop.com"}}),
		company("erp/firms/1", canon.Company{Domains: []string{"acme.com"}, VATID: "DE123456789"}), company("erp2/firms/1", canon.Company{Domains: []string{"acme.com"}, VATID: "DE123456788"}),
	)
	unlink := decide(canon.DecideUnlink, "crm/companies/2#company", "erp/firms/1#company")
	d, _ := InForce([]canon.Decision{unlink}, day(2))
	ask := func(a, b string) Answer {
		return billing.WhyNot(a+"#company", b+"#company", world, Known{Decisions: d})
	}
	for _, c := range []struct {
		a, b string
		want Answer
	}{
		{"stripe/customers/1", "crm/companies/1", Answer{A: "crm/companies/1#company", B: "stripe/customers/1#company", Same: true,
			Path: []canon.Edge{
				{A: "crm/companies/1#company", B: "desk/orgs/1#company", Rank: 6, Key: "domain acme.com"},
				{A: "desk/orgs/1#company", B: "stripe/customers/1#company", Rank: 2, Key: "company desk/orgs/1"},
			}, Would: []string{"A decision that they are not the same, or one that detaches either of them."}}},
		{"crm/companies/2", "desk/orgs/2", Answer{A: "crm/companies/2#company", B: "desk/orgs/2#company",
			Decisions: []canon.Decision{unlink},
			Contested: []canon.Contested{{Key: "domain shop.com", Reason: "Several records of crm/companies claim it, so it links none.", Refs: []canon.Ref{ref("crm/companies/2"), ref("crm/companies/3"), ref("desk/orgs/3")}}},
			Ignored:   []string{"domain gmail.com: anybody can have a mailbox there"},
			Would:     howCompanies()}},
		{"crm/companies/2", "desk/orgs/3", Answer{A: "crm/companies/2#company", B: "desk/orgs/3#company",
			Decisions: []canon.Decision{unlink},
			Against:   []canon.Edge{{A: "crm/companies/2#company", B: "desk/orgs/3#company", Rank: 6, Key: "domain shop.com", Rejected: "Several records of crm/companies claim it, so it links none."}},
			Contested: []canon.Contested{{Key: "domain shop.com", Reason: "Several records of crm/companies claim it, so it links none.", Refs: []canon.Ref{ref("crm/companies/2"), ref("crm/companies/3"), ref("desk/orgs/3")}}},
			Would:     howCompanies()}},
		{"crm/companies/2", "crm/companies/1", Answer{A: "crm/companies/1#company", B: "crm/companies/2#company", Decisions: []canon.Decision{unlink},
			Contested: []canon.Contested{{Key: "domain shop.com", Reason: "Several records of crm/companies claim it, so it links none.", Refs: []canon.Ref{ref("crm/companies/2"), ref("crm/companies/3"), ref("desk/orgs/3")}}},
			Would:     []string{"A decision that links them.", "crm/companies holds one record per customer: merge the two there, or let identity.single say false for it."}}},
		{"crm/companies/2", "erp/firms/1", Answer{A: "crm/companies/2#company", B: "erp/firms/1#company", Decisions: []canon.Decision{unlink},
			Contested: []canon.Contested{{Key: "domain shop.com", Reason: "Several records of crm/companies claim it, so it links none.", Refs: []canon.Ref{ref("crm/companies/2"), ref("crm/companies/3"), ref("desk/orgs/3")}}},
			Would:     []string{"Decision " + unlink.ID + " keeps them apart: revoke it."}}},
		{"crm/companies/1", "crm/companies/404", Answer{A: "crm/companies/1#company", B: "crm/companies/404#company",
			Would: []string{"There is no company or contact crm/companies/404#company: check the reference, or wait until its record has been read."}}},
	} {
		if diff := cmp.Diff(c.want, ask(c.a, c.b)); diff != "" {
			t.Errorf("%s and %s (-want +got):\n%s", c.a, c.b, diff)
		}
	}
	if got := ask("erp/firms/1", "erp2/firms/1"); got.Same || len(got.Against) == 0 || got.Against[0].Rejected != "One customer would have 2 identifiers of the kind vat, more than the 1 that the rules allow." {
		t.Errorf("two VAT ids: %+v", got)
	}
}

func howCompanies() []string {
	return []string{
		"A decision that links them.", "A reference from the one record to the other, in a field that the mapping reads as same_as.",
		"The same VAT id, or the same register number and country, on both.",
		"A corporate domain that one of them declares and the other declares or has its mailbox at, and that nobody else of their sources claims.",
	}
}

func TestWhyNotOfPersons(t *testing.T) {
	world := nodes(
		employed(contact("crm/contacts/1", true, "billing@acme.com", "ana@mailinator.com"), "crm/companies/1"), contact("desk/users/1", true, "billing@acme.com", "ana@mailinator.com"),
		company("crm/companies/1", canon.Company{}),
	)
	got := billing.WhyNot("desk/users/1#contact", "crm/contacts/1#contact", world[:2], Known{})
	want := []string{"email ana@mailinator.com: it hands out throw-away mailboxes", "email billing@acme.com: it is a role's mailbox, not a person's"}
	if diff := cmp.Diff(want, got.Ignored); diff != "" || got.Same {
		t.Errorf("ignored (-want +got):\n%s", diff)
	}
	got = billing.WhyNot("crm/contacts/1#contact", "crm/companies/1#company", world, Known{})
	if !got.Same || len(got.Path) != 1 || got.Path[0].Key != "company crm/companies/1" {
		t.Errorf("a contact and its company: %+v", got)
	}
	d, _ := InForce([]canon.Decision{decide(canon.DecideUnlink, "crm/contacts/1#contact", "crm/companies/1#company")}, day(2))
	if got = billing.WhyNot("crm/contacts/1#contact", "crm/companies/1#company", world, Known{Decisions: d}); got.Same || len(got.Against) != 1 {
		t.Errorf("a contact and a company that a decision keeps apart: %+v", got)
	}
}
