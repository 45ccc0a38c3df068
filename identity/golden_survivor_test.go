package identity

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
)

// kept is an entity as the store hands it in, of a version that is the time at.
func kept(e canon.Entity, at time.Time) canon.StoredEntity {
	return canon.StoredEntity{Entity: e, Version: at.UnixMicro(), At: at}
}

// values are the fields of a golden record by name.
func values(g Gold) map[string]string {
	out := map[string]string{}
	for _, f := range g.Fields {
		out[f.Name] = f.Value
	}
	return out
}

func fieldNamed(t *testing.T, g Gold, name string) canon.Field {
	t.Helper()
	for _, f := range g.Fields {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("no field %s in %+v", name, g.Fields)
	return canon.Field{}
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

	var members []canon.StoredEntity
	for _, e := range []canon.Entity{person, desk, gone, newer, merged, crm, books} {
		members = append(members, kept(e, day(9)))
	}
	got := rules.Golden(members, nil, day(20))
	if got.Name != "Acme Ltd" || got.Domain != "acme.com" || !got.NextAt.IsZero() {
		t.Errorf("name %q, domain %q, next %v", got.Name, got.Domain, got.NextAt)
	}
	want := []canon.Field{
		{Name: "name", Value: "Acme Ltd", Source: books.Ref, Rule: ruleSource},
		{Name: "domain", Value: "acme.com", Source: crm.Ref, Rule: ruleOnly},
		{Name: "email", Value: "ap@acme.co.uk", Source: books.Ref, Rule: ruleOnly},
		{Name: "phone", Value: "2", Source: newer.Ref, Rule: ruleCreated},
		{Name: "vat_id", Value: "GB1", Source: books.Ref, Rule: ruleOnly},
		{Name: "city", Value: "York", Source: newer.Ref, Rule: ruleCreated},
		{Name: "country", Value: "GB", Source: crm.Ref, Rule: ruleOnly},
		{Name: "employees", Value: "40", Source: crm.Ref, Rule: ruleOnly},
		{Name: "owner", Value: "7", Source: crm.Ref, Rule: ruleOnly},
	}
	for i := range want {
		want[i].Policy, want[i].ModifiedAt = PolicySource, day(9)
	}
	if diff := cmp.Diff(want, got.Fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

func TestGoldenOfPersonsAndOfNothing(t *testing.T) {
	person := canon.Entity{Kind: canon.KindContact, Ref: ref("crm/contacts/1"), Body: &canon.Contact{FirstName: " Ana ", LastName: "Lima", Emails: []string{"none", "Ana@acme.com"},
		EmailVerified: true, Title: "CFO", BirthDate: "1980-02-01", NationalID: "77"}}
	got := billing.Golden([]canon.StoredEntity{{Entity: person, Version: 7, At: day(3)}}, nil, day(4))
	want := map[string]string{"name": "Ana Lima", "first_name": "Ana", "last_name": "Lima", "email": "Ana@acme.com", "email_verified": "true", "title": "CFO",
		"birth_date": "1980-02-01", "national_id": "77"}
	if diff := cmp.Diff(want, values(got)); diff != "" || got.Name != "Ana Lima" || got.Domain != "" {
		t.Errorf("name %q, domain %q, fields (-want +got):\n%s", got.Name, got.Domain, diff)
	}
	for _, f := range got.Fields {
		// A version that is a number tells no time: what is known is when it was seen.
		if !f.ModifiedAt.IsZero() || !f.ObservedAt.Equal(day(3)) || f.Source != person.Ref {
			t.Errorf("%s: modified %v, observed %v, source %v", f.Name, f.ModifiedAt, f.ObservedAt, f.Source)
		}
	}
	for want, member := range map[string]canon.Entity{
		"crm/companies/1":     {Kind: canon.KindCompany, Ref: ref("crm/companies/1"), Deleted: true},
		"acme.com":            company("crm/companies/1", canon.Company{Email: "ap@acme.com"}),
		"bo@acme.com":         contact("crm/contacts/1", false, "bo@acme.com"),
		"stripe/customers/77": company("stripe/customers/77", canon.Company{Name: "N/A"}),
	} {
		if got := billing.Golden([]canon.StoredEntity{kept(member, day(1))}, nil, day(4)); got.Name != want {
			t.Errorf("name %q, want %q", got.Name, want)
		}
	}
	if diff := cmp.Diff(Gold{}, billing.Golden(nil, nil, day(4))); diff != "" {
		t.Errorf("of nobody: %s", diff)
	}
}

// systems are those of a usual house.
var systems = map[string]System{"crm": {"hubspot", "crm"}, "books": {"xero", "billing"}, "stripe": {"stripe", "billing"}, "desk": {"zendesk", "support"}}

// TestDefaultsGoByTheKindOfSystem: what stands on bills comes from billing, what sales knows from the CRM, whatever the
// order of sources.
func TestDefaultsGoByTheKindOfSystem(t *testing.T) {
	for _, order := range [][]string{{"crm", "desk", "stripe", "books"}, {"stripe", "books", "desk", "crm"}} {
		rules := Rules{SourceOrder: order, Survivorship: Survivorship{Systems: systems}}
		all := func(at string) canon.Company {
			return canon.Company{Name: at, VATID: at, RegistrationID: at, Phone: at, Industry: at, Plan: at, Owner: at, LifecycleStage: at, Email: "ap@the-" + at + ".com"}
		}
		got := values(rules.Golden([]canon.StoredEntity{
			kept(company("desk/orgs/1", all("desk")), day(1)), kept(company("stripe/customers/1", all("stripe")), day(2)), kept(company("crm/companies/1", all("crm")), day(3)),
		}, nil, day(4)))
		want := map[string]string{"name": order[0], "legal_name": "stripe", "vat_id": "stripe", "registration_id": "stripe", "email": "ap@the-stripe.com", "plan": "stripe",
			"domain": "the-" + order[0] + ".com", "phone": "crm", "industry": "crm", "owner": "crm", "lifecycle_stage": "crm"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", order, diff)
		}
	}
}

func TestPolicies(t *testing.T) {
	members := []canon.StoredEntity{
		kept(company("crm/companies/1", canon.Company{Name: "Acme", City: "Paris", Industry: "steel"}), day(1)),
		kept(company("desk/orgs/1", canon.Company{Name: "ACME  Ltd", City: "London", Industry: "Iron"}), day(5)),
		kept(company("books/customers/1", canon.Company{Name: "acme ltd", City: "n/a", Industry: "iron"}), day(7)),
		kept(company("stripe/customers/1", canon.Company{Name: "Acme Limited (old)", City: "Lyon", Industry: " "}), day(3)),
	}
	for _, c := range []struct {
		field        string
		s            Survival
		value, rule  string
		from, policy string
	}{
		{"name", Survival{}, "Acme", ruleSource, "crm", PolicySource},
		{"name", Survival{Policy: PolicyRecent}, "acme ltd", ruleModified, "books", PolicyRecent},
		{"name", Survival{Policy: PolicyFrequent}, "ACME  Ltd", "2 of 4", "desk", PolicyFrequent},
		{"name", Survival{Policy: PolicyLongest}, "Acme Limited (old)", ruleLongest, "stripe", PolicyLongest},
		{"name", Survival{Sources: []string{"billing"}}, "acme ltd", ruleSource, "books", PolicySource},
		{"name", Survival{Sources: []string{"stripe", "xero"}}, "Acme Limited (old)", rulePriority, "stripe", PolicySource},
		{"name", Survival{Policy: PolicyRecent, Sources: []string{"crm", "zendesk"}, Only: true}, "ACME  Ltd", ruleModified, "desk", PolicyRecent},
		// A blank of the surest source beats no value of another one.
		{"city", Survival{Sources: []string{"books"}}, "Paris", ruleSource, "crm", PolicySource},
		{"industry", Survival{Policy: PolicyFrequent}, "Iron", "2 of 3", "desk", PolicyFrequent},
		// A connection's own name goes before its connector's and its category.
		{"name", Survival{Sources: []string{"billing", "crm", "books"}}, "Acme Limited (old)", rulePriority, "stripe", PolicySource},
	} {
		rules := Rules{SourceOrder: []string{"crm", "desk", "books", "stripe"}, Survivorship: Survivorship{Systems: systems, Fields: map[string]Survival{c.field: c.s}}}
		f := fieldNamed(t, rules.Golden(members, nil, day(9)), c.field)
		if f.Value != c.value || f.Rule != c.rule || f.Source.Connection != c.from || f.Policy != c.policy {
			t.Errorf("%s by %+v: %q of %s by %s (%s), want %q of %s by %s (%s)", c.field, c.s, f.Value, f.Source.Connection, f.Policy, f.Rule, c.value, c.from, c.policy, c.rule)
		}
	}
	rules := Rules{Survivorship: Survivorship{Systems: systems, Fields: map[string]Survival{"name": {Sources: []string{"sql"}, Only: true}}}}
	if got := values(rules.Golden(members, nil, day(9))); got["name"] != "" {
		t.Errorf("a source that was left out names the customer %q", got["name"])
	}
}

// TestAddressesAreNotMixed: the parts of an address come from one record where it has them.
func TestAddressesAreNotMixed(t *testing.T) {
	rules := Rules{SourceOrder: []string{"crm", "books"}}
	got := values(rules.Golden([]canon.StoredEntity{
		kept(company("crm/companies/1", canon.Company{City: "Paris", Country: "FR"}), day(1)),
		kept(company("books/customers/1", canon.Company{Street: "1 High St", City: "York", PostalCode: "YO1"}), day(1)),
	}, nil, day(2)))
	want := map[string]string{"street": "1 High St", "city": "York", "postal_code": "YO1", "country": "FR"}
	delete(got, "name")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCustomFields(t *testing.T) {
	crm := company("crm/companies/1", canon.Company{Industry: "steel"})
	crm.Custom = map[string]any{"segment__c": "Enterprise", "tier": 2.0, "tags": []any{"a", "", "b"}, "sector": "Metals", "none": nil}
	desk := company("desk/orgs/1", canon.Company{Industry: "iron"})
	desk.Custom = map[string]any{"tier": 3.5, "vip": true, "segment__c": "-"}
	rules := Rules{SourceOrder: []string{"desk", "crm"}, Survivorship: Survivorship{Systems: systems, Fields: map[string]Survival{
		"segment":  {Custom: map[string]string{"hubspot": "segment__c", "zendesk": "segment__c"}},
		"tier":     {Policy: PolicyRecent, Custom: map[string]string{"crm": "tier", "desk": "tier"}},
		"vip":      {Custom: map[string]string{"desk": "vip"}},
		"tags":     {Custom: map[string]string{"crm": "tags"}},
		"none":     {Custom: map[string]string{"crm": "none"}},
		"industry": {Sources: []string{"crm"}, Custom: map[string]string{"crm": "sector"}},
	}}}
	got := rules.Golden([]canon.StoredEntity{kept(crm, day(5)), kept(desk, day(2))}, nil, day(9))
	want := map[string]string{"segment": "Enterprise", "tier": "2", "vip": "true", "tags": "a; b", "industry": "Metals"}
	if diff := cmp.Diff(want, values(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var names []string
	for _, f := range got.Fields {
		names = append(names, f.Name)
	}
	if diff := cmp.Diff([]string{"industry", "segment", "tags", "tier", "vip"}, names); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

// TestParent: a parent is told where it is another customer than this one.
func TestParent(t *testing.T) {
	child := company("crm/companies/2", canon.Company{Name: "Acme UK", Parent: ref("crm/companies/1")})
	parent := company("crm/companies/1", canon.Company{Name: "Acme"})
	var rules Rules
	if got := values(rules.Golden([]canon.StoredEntity{kept(child, day(1))}, nil, day(2)))["parent"]; got != "crm/companies/1" {
		t.Errorf("parent %q", got)
	}
	if got := values(rules.Golden([]canon.StoredEntity{kept(child, day(1)), kept(parent, day(1))}, nil, day(2)))["parent"]; got != "" {
		t.Errorf("a customer is its own parent: %q", got)
	}
}

func pinOf(field, value string, at, expires time.Time) canon.Decision {
	return canon.Decision{Kind: canon.DecidePin, A: "crm/companies/1#company", Field: field, Value: value, Author: "mia", Reason: "as they said", At: at, ExpiresAt: expires}.WithID()
}

func TestPins(t *testing.T) {
	var rules Rules
	members := []canon.StoredEntity{kept(company("crm/companies/1", canon.Company{Name: "Acme", Domains: []string{"acme.com"}}), day(1))}
	for _, c := range []struct {
		name   string
		pins   []canon.Decision
		now    time.Time
		value  string
		nextAt time.Time
	}{
		{"none", nil, day(3), "Acme", time.Time{}},
		{"one", []canon.Decision{pinOf("name", "ACME Group", day(2), time.Time{})}, day(3), "ACME Group", time.Time{}},
		{"the last of two", []canon.Decision{pinOf("name", "B", day(3), time.Time{}), pinOf("name", "A", day(2), time.Time{})}, day(4), "B", time.Time{}},
		{"one before it expires", []canon.Decision{pinOf("name", "B", day(2), day(5))}, day(5).Add(-1), "B", day(5)},
		{"one that expires now", []canon.Decision{pinOf("name", "B", day(2), day(5))}, day(5), "Acme", time.Time{}},
		{"one that comes back", []canon.Decision{pinOf("name", "B", day(3), day(5)), pinOf("name", "A", day(2), day(8))}, day(6), "A", day(8)},
		{"a blank", []canon.Decision{pinOf("name", " n/a ", day(2), day(5))}, day(3), "Acme", time.Time{}},
		{"another decision", []canon.Decision{{Kind: canon.DecideDetach, A: "crm/companies/1#company", Field: "name", Value: "B"}}, day(3), "Acme", time.Time{}},
		{"one about a person", []canon.Decision{{Kind: canon.DecidePin, A: "crm/contacts/1#contact", Field: "name", Value: "Ana"}}, day(3), "Acme", time.Time{}},
		{"one about an unknown field", []canon.Decision{pinOf("colour", "red", day(2), time.Time{})}, day(3), "Acme", time.Time{}},
	} {
		got := rules.Golden(members, c.pins, c.now)
		if got.Name != c.value || values(got)["name"] != c.value || !got.NextAt.Equal(c.nextAt) || values(got)["colour"] != "" {
			t.Errorf("%s: %q, fields %v, next %v, want %q and %v", c.name, got.Name, values(got), got.NextAt, c.value, c.nextAt)
		}
	}
	f := fieldNamed(t, rules.Golden(members, []canon.Decision{pinOf("domain", "acme.org", day(2), day(5))}, day(3)), "domain")
	want := canon.Field{Name: "domain", Value: "acme.org", Source: ref("crm/companies/1"), Rule: "pinned by mia", Policy: PolicyPinned, ObservedAt: day(2), ModifiedAt: day(2),
		Author: "mia", Reason: "as they said", ExpiresAt: day(5)}
	if diff := cmp.Diff(want, f); diff != "" {
		t.Errorf("provenance (-want +got):\n%s", diff)
	}
}

func TestPinnable(t *testing.T) {
	rules := Rules{Survivorship: Survivorship{Fields: map[string]Survival{"segment": {Custom: map[string]string{"crm": "s"}}}}}
	for _, c := range []struct {
		kind         canon.Kind
		field, value string
		ok           bool
	}{
		{canon.KindCompany, "name", "Acme", true}, {canon.KindCompany, "segment", "SMB", true}, {canon.KindCompany, "title", "CFO", false},
		{canon.KindContact, "title", "CFO", true}, {canon.KindContact, "do_not_contact", "true", true}, {canon.KindContact, "do_not_contact", "false", false},
		{canon.KindContact, "opted_out", "no", false}, {canon.KindContact, "consent_at", "2026-01-01", false}, {canon.KindCompany, "parent", "x", false},
		{canon.KindCompany, "name", " - ", false}, {canon.KindCompany, "colour", "red", false},
		{canon.KindCompany, "employees", "many", false}, {canon.KindCompany, "employees", "-3", false}, {canon.KindCompany, "seats", "40", true},
		{canon.KindCompany, "domain", "not a domain", false}, {canon.KindCompany, "domain", "acme.org", true},
	} {
		if err := rules.Pinnable(c.kind, c.field, c.value); (err == nil) != c.ok {
			t.Errorf("%s %s = %q: %v", c.kind, c.field, c.value, err)
		}
	}
}

// TestConsentIsNeverWeakened: who does not want to be reached is not reached, whatever other sources and orders say.
func TestConsentIsNeverWeakened(t *testing.T) {
	person := func(at string, b canon.Contact) canon.StoredEntity {
		return kept(canon.Entity{Kind: canon.KindContact, Ref: ref(at), Body: &b}, day(1))
	}
	rules := Rules{SourceOrder: []string{"crm", "desk", "mail"}, Survivorship: Survivorship{Fields: map[string]Survival{
		"opted_out": {Policy: PolicySource, Sources: []string{"crm"}, Only: true}, "do_not_contact": {Policy: PolicyFrequent}}}}
	crm := person("crm/contacts/1", canon.Contact{Name: "Ana", ConsentAt: day(9)})
	desk := person("desk/users/1", canon.Contact{Name: "Ana", OptedOut: true, ConsentAt: day(4)})
	mail := person("mail/people/1", canon.Contact{Name: "Ana", DoNotContact: true, ConsentAt: day(5)})
	gone := mail
	gone.Entity.Deleted = true
	for _, c := range []struct {
		name    string
		members []canon.StoredEntity
		want    map[string]string
	}{
		{"nobody", []canon.StoredEntity{crm}, map[string]string{"consent_at": "2026-01-09T00:00:00Z"}},
		{"one of two", []canon.StoredEntity{crm, desk}, map[string]string{"opted_out": "true", "consent_at": "2026-01-04T00:00:00Z"}},
		{"both", []canon.StoredEntity{crm, desk, mail}, map[string]string{"opted_out": "true", "do_not_contact": "true", "consent_at": "2026-01-05T00:00:00Z"}},
		{"one that is gone", []canon.StoredEntity{crm, gone}, map[string]string{"do_not_contact": "true", "consent_at": "2026-01-05T00:00:00Z"}},
	} {
		got := values(rules.Golden(c.members, []canon.Decision{
			{Kind: canon.DecidePin, A: "crm/contacts/1#contact", Field: "opted_out", Value: "false"},
		}, day(20)))
		delete(got, "name")
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	pin := canon.Decision{Kind: canon.DecidePin, A: "crm/contacts/1#contact", Field: "do_not_contact", Value: "true", Author: "mia"}
	if f := fieldNamed(t, rules.Golden([]canon.StoredEntity{crm}, []canon.Decision{pin}, day(20)), "do_not_contact"); f.Value != "true" || f.Policy != PolicyPinned {
		t.Errorf("a pinned wish: %+v", f)
	}
}
