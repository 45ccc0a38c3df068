package identity

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
)

func day(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }

func ref(s string) canon.Ref {
	r, err := canon.ParseRef(s)
	if err != nil {
		panic(err)
	}
	return r
}

func company(at string, b canon.Company, sameAs ...string) canon.Entity {
	e := canon.Entity{Kind: canon.KindCompany, Ref: ref(at), CreatedAt: day(1), Body: &b}
	for _, s := range sameAs {
		e.SameAs = append(e.SameAs, ref(s))
	}
	return e
}

func contact(at string, verified bool, emails ...string) canon.Entity {
	return canon.Entity{Kind: canon.KindContact, Ref: ref(at), CreatedAt: day(1), Body: &canon.Contact{Emails: emails, EmailVerified: verified}}
}

func named(e canon.Entity, name string) canon.Entity {
	b := *e.Body.(*canon.Contact)
	b.Name = name
	e.Body = &b
	return e
}

func employed(e canon.Entity, at string) canon.Entity {
	e.Owners = append(slices.Clone(e.Owners), canon.Owner{Kind: canon.KindCompany, Ref: ref(at)})
	return e
}

func nodes(entities ...canon.Entity) []Node {
	var out []Node
	for _, e := range entities {
		out = append(out, NewNode(e, time.Time{}))
	}
	return out
}

// groups writes clusters as their members' refs, "a b | c".
func groups(clusters []Cluster) string {
	var out []string
	for _, c := range clusters {
		var refs []string
		for _, m := range c.Members {
			key, _, _ := strings.Cut(m.Key, "#")
			refs = append(refs, key)
		}
		slices.Sort(refs)
		out = append(out, strings.Join(refs, " "))
	}
	slices.Sort(out)
	return strings.Join(out, " | ")
}

func contestedKeys(clusters []Cluster) []string {
	var out []string
	for _, c := range clusters {
		for _, con := range c.Contested {
			out = append(out, con.Key)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

var billing = Rules{Single: map[string]bool{"stripe/customers": false}, Own: []string{"our.co.uk"}, Agencies: []string{"books4you.com"}, GroupVATs: []string{"GB999999973"}}

type trap struct {
	name      string
	entities  []canon.Entity
	want      string
	contested []string
}

func TestTraps(t *testing.T) {
	for _, c := range slices.Concat(sharedTraps(), companyTraps(), sourceTraps(), otherTraps()) {
		t.Run(c.name, func(t *testing.T) {
			var clusters []Cluster
			for _, kind := range []canon.Kind{canon.KindCompany, canon.KindContact} {
				of := slices.DeleteFunc(nodes(c.entities...), func(n Node) bool { return n.Kind != kind })
				clusters = append(clusters, billing.Cluster(of, Known{})...)
			}
			if got := groups(clusters); got != c.want {
				t.Errorf("clusters\n got %s\nwant %s", got, c.want)
			}
			if diff := cmp.Diff(c.contested, contestedKeys(clusters)); diff != "" {
				t.Errorf("contested (-want +got):\n%s", diff)
			}
		})
	}
}

func sharedTraps() []trap {
	return []trap{
		{"T1 free mail is no company", []canon.Entity{
			company("crm/companies/1", canon.Company{Domains: []string{"gmail.com"}}),
			company("desk/orgs/1", canon.Company{Domains: []string{"gmail.com"}, Email: "joe@gmail.com"}),
			company("stripe/customers/1", canon.Company{Email: "joe@web.de"}),
			company("books/customers/1", canon.Company{Domains: []string{"web.de"}}),
		}, "books/customers/1 | crm/companies/1 | desk/orgs/1 | stripe/customers/1", nil},
		{"T2 a role's mailbox is nobody's", []canon.Entity{
			contact("crm/contacts/1", true, "billing@acme.com"), contact("desk/users/1", true, "Billing@acme.com"),
			contact("crm/contacts/2", true, "sales-uk@acme.com"), contact("desk/users/2", true, "sales-uk@acme.com"),
		}, "crm/contacts/1 | crm/contacts/2 | desk/users/1 | desk/users/2", nil},
		{"T2 a role's mailbox tells of the company", []canon.Entity{
			company("crm/companies/1", canon.Company{Domains: []string{"acme.com"}}), company("stripe/customers/1", canon.Company{Email: "billing@acme.com"}),
		}, "crm/companies/1 stripe/customers/1", nil},
		{"T3 tags and dots", []canon.Entity{
			contact("crm/contacts/1", true, "ana.lima+news@gmail.com"), contact("desk/users/1", true, "analima@googlemail.com"),
			contact("crm/contacts/2", true, "bo.li+x@acme.com"), contact("desk/users/2", true, "bo.li@acme.com"), contact("desk/users/3", true, "boli@acme.com"),
		}, "crm/contacts/1 desk/users/1 | crm/contacts/2 desk/users/2 | desk/users/3", nil},
		{"T4 an agency's domain on many customers", []canon.Entity{
			company("crm/companies/1", canon.Company{Domains: []string{"agency.com", "acme.com"}}),
			company("crm/companies/2", canon.Company{Domains: []string{"agency.com", "beta.com"}}),
			company("desk/orgs/1", canon.Company{Domains: []string{"agency.com"}}),
		}, "crm/companies/1 | crm/companies/2 | desk/orgs/1", []string{"domain agency.com"}},
		{"T5 hosts and public suffixes", []canon.Entity{
			company("crm/companies/1", canon.Company{Domains: []string{"facebook.com/acme", "co.uk", "github.io"}}),
			company("desk/orgs/1", canon.Company{Domains: []string{"https://www.facebook.com/beta", "co.uk", "github.io"}}),
			company("crm/companies/2", canon.Company{Domains: []string{"acme.myshopify.com"}}),
			company("desk/orgs/2", canon.Company{Domains: []string{"beta.myshopify.com"}}),
			company("crm/companies/3", canon.Company{Domains: []string{"www.acme.co.uk"}}),
			company("desk/orgs/3", canon.Company{Domains: []string{"shop.acme.co.uk"}}),
		}, "crm/companies/1 | crm/companies/2 | crm/companies/3 desk/orgs/3 | desk/orgs/1 | desk/orgs/2", nil},
	}
}

func companyTraps() []trap {
	parent := canon.Company{Name: "Acme", Domains: []string{"acme.com"}, VATID: "DE123456789"}
	daughter := canon.Company{Name: "Acme France", Domains: []string{"acme.com"}, VATID: "FR 12 345678901", Parent: ref("crm/companies/1")}
	return []trap{
		{"T4 an agency's mailbox on every bill", []canon.Entity{
			company("crm/companies/1", canon.Company{Domains: []string{"acme.com"}}), company("crm/companies/2", canon.Company{Domains: []string{"beta.com"}}),
			company("stripe/customers/1", canon.Company{Email: "joe@books4you.com"}), company("stripe/customers/2", canon.Company{Email: "joe@books4you.com"}),
			company("crm/companies/3", canon.Company{Domains: []string{"books4you.com"}}),
		}, "crm/companies/1 | crm/companies/2 | crm/companies/3 | stripe/customers/1 | stripe/customers/2", nil},
		{"T6 subsidiaries with the domain of the group", []canon.Entity{
			company("crm/companies/1", parent), company("books/customers/1", daughter),
		}, "books/customers/1 | crm/companies/1", nil},
		{"T6 several domains of one company", []canon.Entity{
			company("crm/companies/1", canon.Company{Domains: []string{"acme.com", "acme.de"}}),
			company("desk/orgs/1", canon.Company{Domains: []string{"acme.de"}}), company("stripe/customers/1", canon.Company{Email: "ap@acme.com"}),
		}, "crm/companies/1 desk/orgs/1 stripe/customers/1", nil},
		{"T7 an acquired company keeps its own records", []canon.Entity{
			company("crm/companies/1", canon.Company{Domains: []string{"acme.com", "buyer.com"}}), company("crm/companies/2", canon.Company{Domains: []string{"buyer.com"}}),
			company("desk/orgs/1", canon.Company{Domains: []string{"acme.com"}}), company("desk/orgs/2", canon.Company{}, "crm/companies/2"),
		}, "crm/companies/1 desk/orgs/1 | crm/companies/2 desk/orgs/2", []string{"domain buyer.com"}},
		{"T8 the business's own people", []canon.Entity{
			company("crm/companies/1", canon.Company{Domains: []string{"acme.com"}}), company("desk/orgs/1", canon.Company{Domains: []string{"our.co.uk"}}),
			company("stripe/customers/1", canon.Company{Email: "sales@our.co.uk"}),
			contact("crm/contacts/1", true, "joe@our.co.uk"), contact("desk/users/1", true, "joe@support.our.co.uk"), contact("desk/users/2", true, "joe@our.co.uk"),
		}, "crm/companies/1 | crm/contacts/1 | desk/orgs/1 | desk/users/1 | desk/users/2 | stripe/customers/1", nil},
		{"T9 throw-away mailboxes are anybody's", []canon.Entity{
			contact("crm/contacts/1", true, "joe@mailinator.com"), contact("desk/users/1", true, "joe@mailinator.com"),
			company("crm/companies/1", canon.Company{Domains: []string{"mailinator.com"}}), company("stripe/customers/1", canon.Company{Email: "joe@mailinator.com"}),
		}, "crm/companies/1 | crm/contacts/1 | desk/users/1 | stripe/customers/1", nil},
		{"rank 3 the same VAT id", []canon.Entity{
			company("crm/companies/1", canon.Company{VATID: "DE 123 456 789", Domains: []string{"acme.com"}}), company("books/customers/1", canon.Company{VATID: "123456789", Country: "Germany"}),
			company("books/customers/2", canon.Company{VATID: "123456789", Country: "Poland"}), company("desk/orgs/1", canon.Company{VATID: "000000000", Country: "DE"}),
			company("erp/customers/1", canon.Company{VATID: "none", Country: "DE"}), company("erp/customers/2", canon.Company{VATID: "none", Country: "DE"}),
		}, "books/customers/1 crm/companies/1 | books/customers/2 | desk/orgs/1 | erp/customers/1 | erp/customers/2", nil},
		{"rank 3 the same number in one country's register", []canon.Entity{
			company("crm/companies/1", canon.Company{RegistrationID: "SC 123456", Country: "GB"}), company("books/customers/1", canon.Company{RegistrationID: "sc123456", Country: "United Kingdom"}),
			company("desk/orgs/1", canon.Company{RegistrationID: "SC123456", Country: "FR"}), company("erp/customers/1", canon.Company{RegistrationID: "SC123456"}),
		}, "books/customers/1 crm/companies/1 | desk/orgs/1 | erp/customers/1", nil},
		{"rank 3 a VAT id that two records of one source claim", []canon.Entity{
			company("crm/companies/1", canon.Company{VATID: "DE123456789"}), company("crm/companies/2", canon.Company{VATID: "DE123456789"}), company("books/customers/1", canon.Company{VATID: "DE123456789"}),
		}, "books/customers/1 | crm/companies/1 | crm/companies/2", []string{"VAT id DE123456789"}},
		{"rank 3 a VAT id that a group shares", []canon.Entity{
			company("crm/companies/1", canon.Company{VATID: "GB999999973"}), company("books/customers/1", canon.Company{VATID: "GB 999 9999 73"}),
		}, "books/customers/1 | crm/companies/1", nil},
	}
}

func sourceTraps() []trap {
	merged := company("crm/companies/2", canon.Company{Name: "Acme"})
	merged.Absorbed = []string{"1"}
	acme := canon.Company{Domains: []string{"acme.com"}}
	return []trap{
		{"T9 test data", []canon.Entity{
			contact("crm/contacts/1", true, "test@acme.com"), contact("desk/users/1", true, "test@acme.com"),
			contact("crm/contacts/2", true, "ana@example.com"), contact("desk/users/2", true, "ana@example.com"),
			contact("crm/contacts/3", true, "ana+staging@acme.com"), contact("desk/users/3", true, "ana@acme.com"),
		}, "crm/contacts/1 | crm/contacts/2 | crm/contacts/3 | desk/users/1 | desk/users/2 | desk/users/3", nil},
		{"T10 placeholders", []canon.Entity{
			contact("crm/contacts/1", true, "unknown@acme.com", "none", "n/a", "0000@acme.com"),
			contact("desk/users/1", true, "unknown@acme.com", "none", "n/a", "0000@acme.com"),
			company("crm/companies/1", canon.Company{Domains: []string{"none", "n/a", "example.com", "10.0.0.1", "acme.local"}}),
			company("desk/orgs/1", canon.Company{Domains: []string{"none", "n/a", "example.com", "10.0.0.1", "acme.local"}}),
		}, "crm/companies/1 | crm/contacts/1 | desk/orgs/1 | desk/users/1", nil},
		{"T11 several billing customers of one company", []canon.Entity{
			company("crm/companies/1", acme),
			company("stripe/customers/1", canon.Company{Email: "ap@acme.com"}),
			company("stripe/customers/2", canon.Company{Email: "ap@acme.com"}),
			company("stripe/customers/3", canon.Company{Email: "joe@gmail.com"}, "crm/companies/1"),
			contact("stripe/guests/1", false, "ana@acme.com"), contact("crm/contacts/1", true, "ana@acme.com"),
		}, "crm/companies/1 stripe/customers/1 stripe/customers/2 stripe/customers/3 | crm/contacts/1 | stripe/guests/1", nil},
		{"T11 mailboxes alone link no companies", []canon.Entity{
			company("stripe/customers/1", canon.Company{Email: "ap@acme.com"}), company("stripe/customers/2", canon.Company{Email: "cfo@acme.com"}),
			company("books/customers/1", canon.Company{Email: "ap@acme.com"}),
		}, "books/customers/1 | stripe/customers/1 | stripe/customers/2", nil},
		{"T13 merged at the source", []canon.Entity{
			company("crm/companies/1", acme), merged, company("desk/orgs/1", canon.Company{}, "crm/companies/1"),
		}, "crm/companies/1 crm/companies/2 desk/orgs/1", nil},
		{"T13 secondary addresses", []canon.Entity{
			contact("crm/contacts/1", true, "ana@acme.com", "ana@home.example.dev"), contact("desk/users/1", true, "ana@home.example.dev"),
		}, "crm/contacts/1 desk/users/1", nil},
	}
}

func otherTraps() []trap {
	deleted := contact("crm/contacts/1", true, "ana@acme.com")
	deleted.Deleted = true
	return []trap{
		{"T14 the two forms of a Salesforce id", []canon.Entity{
			company("sf/Account/0015000000Gv7qJAAR", canon.Company{}), company("stripe/customers/1", canon.Company{}, "sf/Account/0015000000Gv7qJ"),
			company("erp/accounts/001234567890123", canon.Company{}), company("stripe/customers/2", canon.Company{}, "erp/accounts/001234567890123AAA"),
		}, "erp/accounts/001234567890123 | sf/Account/0015000000Gv7qJAAR stripe/customers/1 | stripe/customers/2", nil},
		{"T16 unicode", []canon.Entity{
			contact("crm/contacts/1", true, " ANA@Bücher.de"), contact("desk/users/1", true, "ana@xn--bcher-kva.de "),
			contact("crm/contacts/2", true, "ｂｏ@acme.com"), contact("desk/users/2", true, "bo@acme.com"),
			company("crm/companies/1", canon.Company{Domains: []string{"BÜCHER.de."}}), company("desk/orgs/1", canon.Company{Domains: []string{"http://www.xn--bcher-kva.de:443/x?y"}}),
		}, "crm/companies/1 desk/orgs/1 | crm/contacts/1 desk/users/1 | crm/contacts/2 desk/users/2", nil},
		{"T18 a deleted person does not come back", []canon.Entity{
			deleted, contact("desk/users/1", true, "ana@acme.com"),
		}, "crm/contacts/1 | desk/users/1", nil},
		{"T12 an address that nobody vouches for", []canon.Entity{
			contact("desk/users/1", false, "ana@acme.com"), contact("crm/contacts/1", true, "ana@acme.com"),
		}, "crm/contacts/1 | desk/users/1", nil},
		{"rank 5 the name says the same", []canon.Entity{
			named(contact("stripe/guests/1", false, "ana@gmail.com"), "Lima, Ana"), named(contact("crm/contacts/1", true, "ana@gmail.com"), "Ana  LIMA"),
			named(contact("books/contacts/1", false, "ana@gmail.com"), "Bo Li"), named(contact("desk/users/1", false, "ana@gmail.com"), ""),
		}, "books/contacts/1 | crm/contacts/1 stripe/guests/1 | desk/users/1", nil},
		{"rank 5 the company's record says the same", []canon.Entity{
			employed(contact("desk/users/1", false, "ana@acme.com"), "crm/companies/1"), employed(contact("crm/contacts/1", true, "ana@acme.com"), "crm/companies/1"),
			employed(contact("desk/users/2", false, "bo@gmail.com"), "crm/companies/1"), employed(contact("crm/contacts/2", true, "bo@gmail.com"), "crm/companies/1"),
		}, "crm/contacts/1 desk/users/1 | crm/contacts/2 | desk/users/2", nil},
		{"rank 5 two that the name fits", []canon.Entity{
			named(contact("stripe/guests/1", false, "ana@acme.com"), "Ana Lima"), named(contact("crm/contacts/1", true, "ana@acme.com"), "Ana Lima"),
			named(contact("crm/contacts/2", true, "ana@acme.com"), "Ana Lima"),
		}, "crm/contacts/1 | crm/contacts/2 | stripe/guests/1", []string{"email ana@acme.com", "email ana@acme.com (not verified)"}},
		{"one address, two people of one source", []canon.Entity{
			contact("crm/contacts/1", true, "ana@acme.com"), contact("crm/contacts/2", true, "ana@acme.com"), contact("desk/users/1", true, "ana@acme.com"),
		}, "crm/contacts/1 | crm/contacts/2 | desk/users/1", []string{"email ana@acme.com"}},
		{"two records of a single source never meet", []canon.Entity{
			company("crm/companies/1", canon.Company{}), company("desk/orgs/1", canon.Company{}, "crm/companies/1"), company("desk/orgs/2", canon.Company{}, "crm/companies/1"),
		}, "crm/companies/1 desk/orgs/1 | desk/orgs/2", nil},
	}
}

func TestRejectedLinkSaysWhy(t *testing.T) {
	clusters := billing.Cluster(nodes(
		company("crm/companies/1", canon.Company{}), company("desk/orgs/1", canon.Company{}, "crm/companies/1"), company("desk/orgs/2", canon.Company{}, "crm/companies/1"),
	), Known{})
	want := canon.Edge{A: "crm/companies/1#company", B: "desk/orgs/2#company", Rank: 2, Key: "company crm/companies/1", Rejected: "The link would put two records of desk/orgs into one customer."}
	for _, c := range clusters {
		if !slices.Contains(c.Edges, want) {
			t.Errorf("edges %+v, want %+v among them", c.Edges, want)
		}
	}
}

func TestBillingContactIsNotItsCompany(t *testing.T) {
	firm := NewNode(company("stripe/customers/1", canon.Company{}), day(1))
	person := NewNode(contact("stripe/customers/1", false), day(1))
	part := contact("stripe/customers/1", false)
	part.Part = "shipping"
	other := NewNode(part, day(1))
	ids := []string{firm.ID(), person.ID(), other.ID()}
	keys := slices.Concat(billing.Evidence(firm), billing.Evidence(person), billing.Evidence(other))
	want := []string{"ref:company:stripe/customers/1", "ref:contact:stripe/customers/1", "ref:contact:stripe/customers/1#shipping"}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("self keys (-want +got):\n%s", diff)
	}
	slices.Sort(ids)
	if len(slices.Compact(ids)) != 3 {
		t.Error("ids collide")
	}
}

func TestMembersSayWhy(t *testing.T) {
	late := company("desk/orgs/1", canon.Company{}, "crm/companies/1")
	late.CreatedAt = day(9)
	pay := company("stripe/customers/1", canon.Company{Email: "ap@acme.com"})
	pay.CreatedAt = time.Time{}
	got := billing.Cluster(nodes(pay, late, company("crm/companies/1", canon.Company{Domains: []string{"acme.com"}})), Known{})
	want := []Cluster{{
		ID: Node{Ref: ref("crm/companies/1"), Kind: canon.KindCompany}.ID(),
		Members: []Member{
			{"crm/companies/1#company", "source", 1},
			{"desk/orgs/1#company", "same_as crm/companies/1", 2},
			{"stripe/customers/1#company", "domain acme.com", 6},
		},
		Edges: []canon.Edge{
			{A: "crm/companies/1#company", B: "desk/orgs/1#company", Rank: 2, Key: "company crm/companies/1"},
			{A: "crm/companies/1#company", B: "stripe/customers/1#company", Rank: 6, Key: "domain acme.com"},
		},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("cluster (-want +got):\n%s", diff)
	}
}
