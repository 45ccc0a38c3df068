package identity

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
)

func decide(kind, a, b string) canon.Decision {
	d := canon.Decision{Kind: kind, A: a, B: b, Author: "ana", At: day(1)}
	if kind == canon.DecideGeneric {
		d.A, d.Key = "", a
	}
	return d.WithID()
}

func revoke(d canon.Decision) canon.Decision {
	return canon.Decision{Kind: canon.DecideRevoke, Revokes: d.ID, Author: "ana", At: day(2)}.WithID()
}

func firms(ids ...string) []string {
	for i, id := range ids {
		ids[i] = id + "#company"
	}
	return ids
}

// TestDecisions holds what decisions do against a company with a domain that three systems know, a fourth record that
// nothing links, and a second record of the CRM.
func TestDecisions(t *testing.T) {
	acme := canon.Company{Domains: []string{"acme.com"}}
	world := nodes(
		company("crm/companies/1", acme), company("desk/orgs/1", acme), company("stripe/customers/1", canon.Company{Email: "ap@acme.com"}),
		company("erp/firms/1", canon.Company{}), company("crm/companies/2", canon.Company{Domains: []string{"beta.com"}}),
		company("books/customers/1", canon.Company{}, "crm/companies/1"),
	)
	whole := "books/customers/1 crm/companies/1 desk/orgs/1 stripe/customers/1"
	link := decide(canon.DecideLink, "crm/companies/1#company", "erp/firms/1#company")
	second := decide(canon.DecideLink, "crm/companies/1#company", "crm/companies/2#company")
	unlink := decide(canon.DecideUnlink, "desk/orgs/1#company", "crm/companies/1#company")
	long := unlink
	long.ExpiresAt = day(9)
	long = long.WithID()
	undo := revoke(link)
	for name, c := range map[string]struct {
		log  []canon.Decision
		want string
	}{
		"none":               {nil, whole + " | crm/companies/2 | erp/firms/1"},
		"link":               {[]canon.Decision{link}, "books/customers/1 crm/companies/1 desk/orgs/1 erp/firms/1 stripe/customers/1 | crm/companies/2"},
		"link of one source": {[]canon.Decision{second}, "books/customers/1 crm/companies/1 crm/companies/2 desk/orgs/1 stripe/customers/1 | erp/firms/1"},
		"link revoked":       {[]canon.Decision{undo, link}, whole + " | crm/companies/2 | erp/firms/1"},
		"revocation revoked": {[]canon.Decision{link, undo, revoke(undo)}, "books/customers/1 crm/companies/1 desk/orgs/1 erp/firms/1 stripe/customers/1 | crm/companies/2"},
		"chain":              {[]canon.Decision{link, decide(canon.DecideLink, "erp/firms/1#company", "crm/companies/2#company")}, "books/customers/1 crm/companies/1 crm/companies/2 desk/orgs/1 erp/firms/1 stripe/customers/1"},
		"chain, one revoked": {[]canon.Decision{link, decide(canon.DecideLink, "erp/firms/1#company", "crm/companies/2#company"), undo}, whole + " | crm/companies/2 erp/firms/1"},
		"unlink":             {[]canon.Decision{unlink}, "books/customers/1 crm/companies/1 stripe/customers/1 | crm/companies/2 | desk/orgs/1 | erp/firms/1"},
		"unlink expired":     {[]canon.Decision{long}, whole + " | crm/companies/2 | erp/firms/1"},
		"unlink beats link":  {[]canon.Decision{unlink, decide(canon.DecideLink, "desk/orgs/1#company", "crm/companies/1#company")}, "books/customers/1 crm/companies/1 stripe/customers/1 | crm/companies/2 | desk/orgs/1 | erp/firms/1"},
		"unlink in a chain":  {[]canon.Decision{link, decide(canon.DecideUnlink, "erp/firms/1#company", "books/customers/1#company")}, "books/customers/1 | crm/companies/1 desk/orgs/1 erp/firms/1 stripe/customers/1 | crm/companies/2"},
		"detach":             {[]canon.Decision{decide(canon.DecideDetach, "crm/companies/1#company", "")}, "books/customers/1 | crm/companies/1 | crm/companies/2 | desk/orgs/1 stripe/customers/1 | erp/firms/1"},
		"detach and link":    {[]canon.Decision{decide(canon.DecideDetach, "crm/companies/1#company", ""), link}, "books/customers/1 | crm/companies/1 erp/firms/1 | crm/companies/2 | desk/orgs/1 stripe/customers/1"},
		"generic":            {[]canon.Decision{decide(canon.DecideGeneric, "dom:acme.com", "")}, "books/customers/1 crm/companies/1 | crm/companies/2 | desk/orgs/1 | erp/firms/1 | stripe/customers/1"},
		"of nobody known":    {[]canon.Decision{decide(canon.DecideLink, "crm/companies/1#company", "crm/companies/404#company"), decide(canon.DecideUnlink, "", "x"), {Kind: "else"}}, whole + " | crm/companies/2 | erp/firms/1"},
	} {
		t.Run(name, func(t *testing.T) {
			d, _ := InForce(c.log, day(10))
			clusters := billing.Cluster(world, Known{Decisions: d})
			if got := groups(clusters); got != c.want {
				t.Errorf("clusters\n got %s\nwant %s", got, c.want)
			}
			d, _ = InForce(append(slices.Clone(c.log), c.log...), day(10))
			slices.Reverse(c.log)
			e, _ := InForce(c.log, day(10))
			if diff := cmp.Diff(billing.Cluster(world, Known{Decisions: d}), billing.Cluster(world, Known{Decisions: e})); diff != "" {
				t.Errorf("decisions doubled and reversed:\n%s", diff)
			}
		})
	}
}

// TestALinkIsOfWholeCustomers: two customers that a decision joins stay whole, also where a third system, which holds
// one record of a customer, knows both.
func TestALinkIsOfWholeCustomers(t *testing.T) {
	acme, beta := canon.Company{Domains: []string{"acme.com"}}, canon.Company{Domains: []string{"beta.com"}}
	world := nodes(company("crm/companies/1", acme), company("desk/orgs/1", acme), company("erp/firms/1", beta), company("desk/orgs/2", beta))
	link := decide(canon.DecideLink, "crm/companies/1#company", "erp/firms/1#company")
	unlink := decide(canon.DecideUnlink, "desk/orgs/2#company", "crm/companies/1#company")
	for name, c := range map[string]struct {
		log  []canon.Decision
		want string
	}{
		"none":                 {nil, "crm/companies/1 desk/orgs/1 | desk/orgs/2 erp/firms/1"},
		"link":                 {[]canon.Decision{link}, "crm/companies/1 desk/orgs/1 desk/orgs/2 erp/firms/1"},
		"but for one":          {[]canon.Decision{link, unlink}, "crm/companies/1 desk/orgs/1 erp/firms/1 | desk/orgs/2"},
		"link that was undone": {[]canon.Decision{link, revoke(link)}, "crm/companies/1 desk/orgs/1 | desk/orgs/2 erp/firms/1"},
	} {
		d, _ := InForce(c.log, day(10))
		clusters := billing.Cluster(world, Known{Decisions: d})
		if got := groups(clusters); got != c.want {
			t.Errorf("%s: clusters\n got %s\nwant %s", name, got, c.want)
		}
		for _, cl := range clusters {
			for _, m := range cl.Members {
				if m.Key == "desk/orgs/2#company" && m.Rank == 0 {
					t.Errorf("%s: %s is there because of %q", name, m.Key, m.Why)
				}
			}
		}
	}
}

// TestDecisionSettlesAContest: of two records of one source that claim a domain, the one that a decision keeps apart
// from the newcomer, or detaches, claims it no more.
func TestDecisionSettlesAContest(t *testing.T) {
	acme := canon.Company{Domains: []string{"acme.com"}}
	world := nodes(company("crm/companies/1", acme), company("crm/companies/2", acme), company("desk/orgs/1", acme))
	for name, decision := range map[string]canon.Decision{
		"unlink": decide(canon.DecideUnlink, "crm/companies/2#company", "desk/orgs/1#company"),
		"detach": decide(canon.DecideDetach, "crm/companies/2#company", ""),
	} {
		d, _ := InForce([]canon.Decision{decision}, day(2))
		if got, want := groups(billing.Cluster(world, Known{Decisions: d})), "crm/companies/1 desk/orgs/1 | crm/companies/2"; got != want {
			t.Errorf("%s: clusters\n got %s\nwant %s", name, got, want)
		}
	}
	clusters := billing.Cluster(world, Known{})
	want := []canon.Edge{
		{A: "crm/companies/1#company", B: "desk/orgs/1#company", Rank: 6, Key: "domain acme.com", Rejected: "Several records of crm/companies claim it, so it links none."},
		{A: "crm/companies/2#company", B: "desk/orgs/1#company", Rank: 6, Key: "domain acme.com", Rejected: "Several records of crm/companies claim it, so it links none."},
	}
	for _, c := range clusters {
		if c.Members[0].Key == "desk/orgs/1#company" && !cmp.Equal(want, c.Edges) {
			t.Errorf("the newcomer's edges (-want +got):\n%s", cmp.Diff(want, c.Edges))
		}
	}
}

func TestInForce(t *testing.T) {
	a, b := decide(canon.DecideLink, "x/y/1#company", "x/y/2#company"), decide(canon.DecideUnlink, "x/y/2#company", "x/y/3#company")
	a.ExpiresAt, b.ExpiresAt = day(20), day(5)
	a, b = a.WithID(), b.WithID()
	undo := revoke(a)
	undo.ExpiresAt = day(12)
	undo = undo.WithID()
	for name, c := range map[string]struct {
		log  []canon.Decision
		now  time.Time
		want []string
		next time.Time
	}{
		"nothing":                {nil, day(1), nil, time.Time{}},
		"both":                   {[]canon.Decision{a, b}, day(4), firms("x/y/1", "x/y/2", "x/y/3"), day(5)},
		"one expired":            {[]canon.Decision{a, b}, day(5), firms("x/y/1", "x/y/2"), day(20)},
		"all expired":            {[]canon.Decision{a, b}, day(20), nil, time.Time{}},
		"revoked for a while":    {[]canon.Decision{a, undo}, day(10), nil, day(12)},
		"the revocation expired": {[]canon.Decision{a, undo}, day(12), firms("x/y/1", "x/y/2"), day(20)},
	} {
		d, next := InForce(c.log, c.now)
		if diff := cmp.Diff(c.want, d.Named()); diff != "" || !next.Equal(c.next) {
			t.Errorf("%s: next %s, want %s; named (-want +got):\n%s", name, next, c.next, diff)
		}
	}
}

// TestStandings: why a decision does not hold, also in a log that goes in a circle.
func TestStandings(t *testing.T) {
	link := decide(canon.DecideLink, "x/y/1#company", "x/y/2#company")
	undo := revoke(link)
	redo := revoke(undo)
	redo.ExpiresAt = day(12)
	redo = redo.WithID()
	holds := Standing{InForce: true}
	for name, c := range map[string]struct {
		now  time.Time
		want map[string]Standing
	}{
		"while it is taken back that it was taken back": {day(10), map[string]Standing{link.ID: holds, undo.ID: {RevokedBy: redo.ID}, redo.ID: holds}},
		"after that": {day(12), map[string]Standing{link.ID: {RevokedBy: undo.ID}, undo.ID: holds, redo.ID: {Expired: true}}},
	} {
		if diff := cmp.Diff(c.want, Standings([]canon.Decision{link, undo, redo}, c.now)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	circle := []canon.Decision{{ID: "a", Kind: canon.DecideRevoke, Revokes: "b"}, {ID: "b", Kind: canon.DecideRevoke, Revokes: "a"}}
	if got := Standings(circle, day(1)); len(got) != 2 || got["a"].InForce == got["b"].InForce {
		t.Errorf("in a circle: %+v", got)
	}
}

func TestTouched(t *testing.T) {
	link, generic := decide(canon.DecideLink, "x/y/1#company", "x/y/2#company"), decide(canon.DecideGeneric, "dom:acme.com", "")
	pin := canon.Decision{Kind: canon.DecidePin, A: "x/y/7#company", Field: "name", Value: "Acme", At: day(1)}.WithID()
	before, _ := InForce([]canon.Decision{link, pin}, day(2))
	after, _ := InForce([]canon.Decision{generic, pin}, day(2))
	entities, keys := Touched(before, after)
	if diff := cmp.Diff(firms("x/y/1", "x/y/2"), entities); diff != "" {
		t.Errorf("entities (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"dom:acme.com"}, keys); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if entities, keys = Touched(nil, before); len(entities) != 3 || len(keys) != 0 {
		t.Errorf("of the first decisions %v and %v are touched", entities, keys)
	}
	if pins := after.Pins(firms("x/y/7", "x/y/8")); len(pins) != 1 || pins[0].ID != pin.ID {
		t.Errorf("pins %v", pins)
	}
	if about := after.About([]string{"dom:acme.com"}); len(about) != 1 || about[0].ID != generic.ID {
		t.Errorf("about the key: %v", about)
	}
}

// TestTheLastWordOnAnEmployerCounts: of two companies that decisions link a person with, it belongs to the later one's.
func TestTheLastWordOnAnEmployerCounts(t *testing.T) {
	ana := contact("crm/contacts/1", true)
	for _, later := range []string{"crm/companies/1", "crm/companies/2", "crm/companies/3"} {
		var log []canon.Decision
		for _, firm := range []string{"crm/companies/1", "crm/companies/2", "crm/companies/3"} {
			d := canon.Decision{Kind: canon.DecideLink, A: "crm/contacts/1#contact", B: firm + "#company", At: day(1)}
			if firm == later {
				d.At = day(2)
			}
			log = append(log, d.WithID())
		}
		d, _ := InForce(log, day(3))
		if keys := billing.PersonKeys([]canon.Entity{ana}, d); len(keys) == 0 || keys[0] != "ref:company:"+later {
			t.Errorf("linked with %s last, found by %v", later, keys)
		}
	}
}

// TestDecisionsAboutWhereAContactWorks: a decision beats what the contact's records name, in both directions.
func TestDecisionsAboutWhereAContactWorks(t *testing.T) {
	ana := employed(contact("crm/contacts/1", true, "ana@acme.com"), "crm/companies/1")
	found := map[string]string{"ref:company:crm/companies/1": "cus_1", "ref:company:crm/companies/2": "cus_2", "dom:acme.com": "cus_1"}
	for name, c := range map[string]struct {
		decision canon.Decision
		customer string
	}{
		"none":    {canon.Decision{}, "cus_1"},
		"link":    {decide(canon.DecideLink, "crm/contacts/1#contact", "crm/companies/2#company"), "cus_2"},
		"unlink":  {decide(canon.DecideUnlink, "crm/contacts/1#contact", "crm/companies/1#company"), ""},
		"detach":  {decide(canon.DecideDetach, "crm/contacts/1#contact", ""), ""},
		"generic": {decide(canon.DecideGeneric, "ref:company:crm/companies/1", ""), "cus_1"},
	} {
		d, _ := InForce([]canon.Decision{c.decision}, day(2))
		customer, why := Pick(billing.PersonKeys([]canon.Entity{ana}, d), found, d.Barred([]string{"crm/contacts/1#contact"})...)
		if customer != c.customer {
			t.Errorf("%s: the contact is found at %q (%s), want %q", name, customer, why, c.customer)
		}
	}
}

func TestGrainPerson(t *testing.T) {
	rules := Rules{Grain: GrainPerson}
	ana := employed(contact("crm/contacts/1", true, "ana@acme.com"), "crm/companies/1")
	if keys := rules.OwnerKeys(ana); keys != nil {
		t.Errorf("a person is found by %v, want nothing", keys)
	}
	deal := canon.Entity{Kind: canon.KindDeal, Ref: ref("crm/deals/1"), Owners: []canon.Owner{
		{Kind: canon.KindCompany, Ref: ref("crm/companies/1")}, {Kind: canon.KindContact, Ref: ref("crm/contacts/1")}, {Kind: canon.KindContact, Email: "bo@acme.com"},
	}}
	want := []string{"ref:contact:crm/contacts/1", "mail:bo@acme.com", "ref:company:crm/companies/1", "dom:acme.com"}
	if diff := cmp.Diff(want, rules.OwnerKeys(deal)); diff != "" {
		t.Errorf("a deal's keys (-want +got):\n%s", diff)
	}
	d, _ := InForce([]canon.Decision{decide(canon.DecideLink, "crm/contacts/1#contact", "crm/companies/1#company")}, day(2))
	if diff := cmp.Diff([]string{"ref:company:crm/companies/1"}, rules.PersonKeys([]canon.Entity{ana}, d)); diff != "" {
		t.Errorf("keys of a person that a decision links with a company (-want +got):\n%s", diff)
	}
}
