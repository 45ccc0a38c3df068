package identity

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
)

// lived returns the node of an entity that was created and last changed on days of January 2026.
func lived(e canon.Entity, from, to int) Node {
	e.CreatedAt = day(from)
	return NewNode(e, day(to))
}

func TestRecycledMailbox(t *testing.T) { // T15
	years := func(n int) time.Time { return day(1).AddDate(n, 0, 0) }
	person := func(at string, from, to time.Time) Node {
		e := contact(at, true, "ana@acme.com")
		e.CreatedAt = from
		return NewNode(e, to)
	}
	old, overlapping, unknown := person("crm/contacts/1", years(-9), years(-5)), person("desk/users/1", years(-6), years(0)), person("erp/users/1", time.Time{}, time.Time{})
	late := person("books/contacts/1", years(-1), years(0))
	for name, c := range map[string]struct {
		rules Rules
		nodes []Node
		want  string
	}{
		"long apart":              {Rules{}, []Node{old, late}, "books/contacts/1 | crm/contacts/1"},
		"a third lived with both": {Rules{}, []Node{old, late, overlapping}, "books/contacts/1 crm/contacts/1 desk/users/1"},
		"no times":                {Rules{}, []Node{old, unknown}, "crm/contacts/1 erp/users/1"},
		"a longer guard":          {Rules{StaleAfter: 10 * 365 * 24 * time.Hour}, []Node{old, late}, "books/contacts/1 crm/contacts/1"},
		"no guard":                {Rules{StaleAfter: -1}, []Node{old, late}, "books/contacts/1 crm/contacts/1"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := groups(c.rules.Cluster(c.nodes, Known{})); got != c.want {
				t.Errorf("clusters\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestJobChangeKeepsThePerson(t *testing.T) { // T15
	before := employed(contact("crm/contacts/1", true, "ana@acme.com"), "crm/companies/1")
	after := employed(contact("crm/contacts/1", true, "ana@beta.com", "ana@acme.com"), "crm/companies/2")
	desk := contact("desk/users/1", true, "ana@acme.com")
	for _, crm := range []canon.Entity{before, after} {
		clusters := billing.Cluster(nodes(crm, desk), Known{})
		if got := groups(clusters); got != "crm/contacts/1 desk/users/1" || clusters[0].ID != (Node{Ref: ref("crm/contacts/1"), Kind: canon.KindContact}).ID() {
			t.Errorf("clusters %s, id %s", got, clusters[0].ID)
		}
	}
	if keys := billing.PersonKeys([]canon.Entity{after, desk}, nil); keys[0] != "ref:company:crm/companies/2" {
		t.Errorf("the person is found by %v, want the new company first", keys)
	}
}

func TestEmailChangeKeepsThePerson(t *testing.T) { // T17
	before := billing.Cluster(nodes(contact("crm/contacts/1", true, "ana@acme.com")), Known{})
	after := billing.Cluster(nodes(contact("crm/contacts/1", true, "ana@beta.com")), Known{})
	if before[0].ID != after[0].ID || before[0].ID != (Node{Ref: ref("crm/contacts/1"), Kind: canon.KindContact}).ID() {
		t.Errorf("the person went from %s to %s", before[0].ID, after[0].ID)
	}
}

func TestMegaCluster(t *testing.T) { // T19
	rules := Rules{GenericLimit: 10, Single: map[string]bool{"stripe/customers": false}}
	entities := []canon.Entity{company("crm/companies/1", canon.Company{Domains: []string{"acme.com"}})}
	for i := range 9 {
		entities = append(entities, company(fmt.Sprintf("stripe/customers/%d", i), canon.Company{Email: "ap@acme.com"}))
	}
	if got := rules.Cluster(nodes(entities...), Known{}); len(got) != 1 {
		t.Errorf("ten holders: %d clusters, want 1", len(got))
	}
	entities = append(entities, company("stripe/customers/one-more", canon.Company{Email: "ap@acme.com"}))
	got := rules.Cluster(nodes(entities...), Known{})
	if len(got) != 11 {
		t.Errorf("eleven holders: %d clusters, want 11", len(got))
	}
	if diff := cmp.Diff([]string{"domain acme.com"}, contestedKeys(got)); diff != "" {
		t.Errorf("contested (-want +got):\n%s", diff)
	}
}

func TestMostMembers(t *testing.T) { // T19
	rules := Rules{MaxMembers: 3, Single: map[string]bool{"stripe/customers": false}}
	entities := []canon.Entity{company("crm/companies/1", canon.Company{Domains: []string{"acme.com"}})}
	for i := range 4 {
		entities = append(entities, company(fmt.Sprintf("stripe/customers/%d", i), canon.Company{Email: "ap@acme.com"}))
	}
	// A stored reference is surer than a domain, so that the record which has one is not left out.
	entities = append(entities, company("stripe/customers/9", canon.Company{}, "crm/companies/1"))
	clusters := rules.Cluster(nodes(entities...), Known{})
	if got, want := groups(clusters), "crm/companies/1 stripe/customers/0 stripe/customers/9 | stripe/customers/1 | stripe/customers/2 | stripe/customers/3"; got != want {
		t.Errorf("clusters\n got %s\nwant %s", got, want)
	}
	want := canon.Edge{A: "crm/companies/1#company", B: "stripe/customers/2#company", Rank: 6, Key: "domain acme.com", Rejected: "The link would make one customer of more than 3 records."}
	if !slices.ContainsFunc(clusters, func(c Cluster) bool { return slices.Contains(c.Edges, want) }) {
		t.Errorf("no cluster says why the others were left out: %+v", clusters)
	}
}

func TestLimitsOfIdentifiers(t *testing.T) {
	person := func(at string, from int, emails ...string) Node { return lived(contact(at, true, emails...), from, 28) }
	firm := func(at string, b canon.Company) Node { return lived(company(at, b), 1, 28) }
	two := map[string]Limit{LimitMail: {Max: 2}}
	twoADay := map[string]Limit{LimitMail: {Max: 2, Window: 24 * time.Hour}}
	chain := func(second, third int) []Node {
		return []Node{person("a/p/1", 1, "ana@a.com", "ana@b.com"), person("b/p/1", second, "ana@b.com"), person("c/p/1", third, "ana@b.com", "ana@c.com")}
	}
	undated := NewNode(contact("c/p/1", true, "ana@b.com", "ana@c.com"), time.Time{})
	undated.CreatedAt = time.Time{}
	for name, c := range map[string]struct {
		limits map[string]Limit
		nodes  []Node
		want   string
	}{
		"too many addresses in all":       {two, chain(2, 3), "a/p/1 b/p/1 | c/p/1"},
		"as many as the rules allow":      {map[string]Limit{LimitMail: {Max: 3}}, chain(2, 3), "a/p/1 b/p/1 c/p/1"},
		"not within one window":           {twoADay, chain(2, 3), "a/p/1 b/p/1 c/p/1"},
		"too many within one window":      {twoADay, chain(1, 2), "a/p/1 b/p/1 | c/p/1"},
		"a record without times counts":   {twoADay, append(chain(1, 2)[:2], undated), "a/p/1 b/p/1 | c/p/1"},
		"a record that breaks them alone": {map[string]Limit{LimitMail: {Max: 1}}, chain(2, 3)[:2], "a/p/1 b/p/1"},
		"two VAT ids":                     {nil, []Node{firm("a/f/1", canon.Company{Domains: []string{"a.com"}, VATID: "DE123456789"}), firm("b/f/1", canon.Company{Domains: []string{"a.com"}, VATID: "ATU12345678"})}, "a/f/1 | b/f/1"},
		"two VAT ids by reference":        {nil, []Node{firm("a/f/1", canon.Company{VATID: "DE123456789"}), lived(company("b/f/1", canon.Company{VATID: "ATU12345678"}, "a/f/1"), 1, 1)}, "a/f/1 b/f/1"},
		"two VAT ids that may be":         {map[string]Limit{LimitVAT: {Max: 2}}, []Node{firm("a/f/1", canon.Company{Domains: []string{"a.com"}, VATID: "DE123456789"}), firm("b/f/1", canon.Company{Domains: []string{"a.com"}, VATID: "ATU12345678"})}, "a/f/1 b/f/1"},
		"one domain for a company":        {map[string]Limit{LimitDomain: {Max: 1}}, []Node{firm("a/f/1", canon.Company{Domains: []string{"a.com"}}), firm("b/f/1", canon.Company{Domains: []string{"a.com", "b.com"}}), firm("c/f/1", canon.Company{Domains: []string{"b.com", "c.com"}})}, "a/f/1 b/f/1 | c/f/1"},
	} {
		t.Run(name, func(t *testing.T) {
			rules := Rules{Limits: c.limits}
			if got := groups(rules.Cluster(c.nodes, Known{})); got != c.want {
				t.Errorf("clusters\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestErasedOrDeletedLeavesNoEvidence(t *testing.T) { // T18
	gone := contact("crm/contacts/1", true, "ana@acme.com")
	gone.Deleted = true
	gone.SameAs = []canon.Ref{ref("desk/users/9")}
	firm := company("crm/companies/1", canon.Company{Domains: []string{"acme.com"}, VATID: "DE123456789", RegistrationID: "HRB 1234", Country: "DE"})
	firm.Deleted = true
	want := []string{"ref:contact:crm/contacts/1", "ref:contact:desk/users/9", "ref:company:crm/companies/1"}
	got := slices.Concat(billing.Evidence(NewNode(gone, day(1))), billing.Evidence(NewNode(firm, day(1))))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("evidence of deleted records (-want +got):\n%s", diff)
	}
	if anchors := billing.Anchors(NewNode(firm, day(1))); len(anchors) > 0 {
		t.Errorf("a deleted company still anchors %v", anchors)
	}
}
