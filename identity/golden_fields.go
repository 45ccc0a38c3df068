package identity

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// column is one field of a golden record. A value of "" is none. Where two columns have one name, the second
// speaks only where nobody has a value for the first.
type column struct {
	name string
	get  func(m *minting, e *canon.Entity) string
	// sources are categories of systems, the surest first, and only leaves out all others: Hub's own policy.
	sources []string
	only    bool
	// follows names the field whose record speaks first, so that what belongs together comes from one record.
	follows string
}

// The kinds of systems, as they are trusted: what is agreed on with a customer where it is sold, what is written on
// bills where they are made.
var (
	salesFirst = []string{"crm", "support", "billing"}
	billsFirst = []string{"billing", "crm", "support"}
)

var companyColumns = []column{
	{name: "name", get: ofCompany(func(b *canon.Company) string { return b.Name })},
	{name: "legal_name", get: ofCompany(func(b *canon.Company) string { return b.Name }), sources: []string{"billing"}, only: true},
	{name: "domain", get: func(m *minting, e *canon.Entity) string { return m.rules.declaredDomain(e) }},
	{name: "domain", get: func(m *minting, e *canon.Entity) string { return m.rules.mailboxDomain(e) }},
	{name: "email", get: ofCompany(func(b *canon.Company) string { return firstMail(b.Email) }), sources: billsFirst},
	{name: "phone", get: ofCompany(func(b *canon.Company) string { return b.Phone }), sources: salesFirst},
	{name: "vat_id", get: ofCompany(func(b *canon.Company) string { return b.VATID }), sources: billsFirst},
	{name: "registration_id", get: ofCompany(func(b *canon.Company) string { return b.RegistrationID }), sources: billsFirst},
	{name: "industry", get: ofCompany(func(b *canon.Company) string { return b.Industry }), sources: salesFirst},
	{name: "street", get: ofCompany(func(b *canon.Company) string { return b.Street })},
	{name: "postal_code", get: ofCompany(func(b *canon.Company) string { return b.PostalCode }), follows: "street"},
	{name: "city", get: ofCompany(func(b *canon.Company) string { return b.City }), follows: "street"},
	{name: "region", get: ofCompany(func(b *canon.Company) string { return b.Region }), follows: "street"},
	{name: "country", get: ofCompany(func(b *canon.Company) string { return b.Country }), follows: "street"},
	{name: "employees", get: ofCompany(func(b *canon.Company) string { return count(b.Employees) }), sources: salesFirst},
	{name: "seats", get: ofCompany(func(b *canon.Company) string { return count(b.Seats) }), sources: billsFirst},
	{name: "plan", get: ofCompany(func(b *canon.Company) string { return b.Plan }), sources: billsFirst},
	{name: "owner", get: ofCompany(func(b *canon.Company) string { return b.Owner }), sources: salesFirst},
	{name: "lifecycle_stage", get: ofCompany(func(b *canon.Company) string { return b.LifecycleStage }), sources: salesFirst},
	{name: "source", get: ofCompany(func(b *canon.Company) string { return b.Source }), sources: salesFirst},
	{name: "parent", get: (*minting).parent, sources: salesFirst},
}

var personColumns = []column{
	{name: "name", get: ofPerson(fullName)},
	{name: "first_name", get: ofPerson(func(b *canon.Contact) string { return b.FirstName }), follows: "name"},
	{name: "last_name", get: ofPerson(func(b *canon.Contact) string { return b.LastName }), follows: "name"},
	{name: "email", get: ofPerson(func(b *canon.Contact) string { return firstMail(b.Emails...) }), sources: salesFirst},
	{name: "email_verified", get: (*minting).verified},
	{name: "phone", get: ofPerson(func(b *canon.Contact) string { return b.Phone }), sources: salesFirst},
	{name: "title", get: ofPerson(func(b *canon.Contact) string { return b.Title }), sources: salesFirst},
	{name: "street", get: ofPerson(func(b *canon.Contact) string { return b.Street })},
	{name: "postal_code", get: ofPerson(func(b *canon.Contact) string { return b.PostalCode }), follows: "street"},
	{name: "city", get: ofPerson(func(b *canon.Contact) string { return b.City }), follows: "street"},
	{name: "region", get: ofPerson(func(b *canon.Contact) string { return b.Region }), follows: "street"},
	{name: "country", get: ofPerson(func(b *canon.Contact) string { return b.Country }), follows: "street"},
	{name: "birth_date", get: ofPerson(func(b *canon.Contact) string { return b.BirthDate })},
	{name: "national_id", get: ofPerson(func(b *canon.Contact) string { return b.NationalID })},
	{name: "owner", get: ofPerson(func(b *canon.Contact) string { return b.Owner }), sources: salesFirst},
	{name: "lifecycle_stage", get: ofPerson(func(b *canon.Contact) string { return b.LifecycleStage }), sources: salesFirst},
	{name: "source", get: ofPerson(func(b *canon.Contact) string { return b.Source }), sources: salesFirst},
}

// The fields of what a person wants. They go by no policy but their own.
const (
	fieldOptedOut     = "opted_out"
	fieldDoNotContact = "do_not_contact"
	fieldConsentAt    = "consent_at"
)

func ofCompany(get func(*canon.Company) string) func(*minting, *canon.Entity) string {
	return func(_ *minting, e *canon.Entity) string {
		if b, ok := e.Body.(*canon.Company); ok && b != nil {
			return get(b)
		}
		return ""
	}
}

func ofPerson(get func(*canon.Contact) string) func(*minting, *canon.Entity) string {
	return func(_ *minting, e *canon.Entity) string {
		if b, ok := e.Body.(*canon.Contact); ok && b != nil {
			return get(b)
		}
		return ""
	}
}

// GoldenFields returns the names of the fields of a company's or a person's golden record, in their order, without
// those that an operator adds.
func GoldenFields(kind canon.Kind) []string {
	columns, more := companyColumns, []string(nil)
	if kind == canon.KindContact {
		columns, more = personColumns, []string{fieldOptedOut, fieldDoNotContact, fieldConsentAt}
	}
	var names []string
	for _, c := range columns {
		if !slices.Contains(names, c.name) {
			names = append(names, c.name)
		}
	}
	return append(names, more...)
}

// declaredDomain returns the first corporate domain that the company declares.
func (r *Rules) declaredDomain(e *canon.Entity) string {
	if b, ok := e.Body.(*canon.Company); ok && b != nil {
		for _, d := range b.Domains {
			if domain := r.corporate(d); domain != "" {
				return domain
			}
		}
	}
	return ""
}

// mailboxDomain returns the corporate domain of the company's mailbox.
func (r *Rules) mailboxDomain(e *canon.Entity) string {
	if b, ok := e.Body.(*canon.Company); ok && b != nil {
		if m, ok := parseMail(b.Email); ok && !m.placeholder {
			return r.corporate(m.domain)
		}
	}
	return ""
}

// parent returns the record of the company's parent, where that is not among the members themselves.
func (m *minting) parent(e *canon.Entity) string {
	b, ok := e.Body.(*canon.Company)
	if !ok || b == nil || b.Parent.IsZero() {
		return ""
	}
	for _, member := range m.all {
		if RefKey(canon.KindCompany, member.Entity.Ref) == RefKey(canon.KindCompany, b.Parent) {
			return ""
		}
	}
	return b.Parent.String()
}

// verified says whether the record vouches for the address that the golden record has.
func (m *minting) verified(e *canon.Entity) string {
	b, ok := e.Body.(*canon.Contact)
	if !ok || b == nil || !b.EmailVerified {
		return ""
	}
	won := EmailKey(m.value("email"))
	if won == "" || !slices.ContainsFunc(b.Emails, func(address string) bool { return EmailKey(address) == won }) {
		return ""
	}
	return "true"
}

func fullName(b *canon.Contact) string {
	if !blank(b.Name) {
		return b.Name
	}
	var parts []string
	for _, part := range []string{b.FirstName, b.LastName} {
		if !blank(part) {
			parts = append(parts, strings.TrimSpace(part))
		}
	}
	return strings.Join(parts, " ")
}

// firstMail returns the first address that can be one, as the source wrote it.
func firstMail(addresses ...string) string {
	for _, address := range addresses {
		if m, ok := parseMail(address); ok && !m.placeholder {
			return address
		}
	}
	return ""
}

func count(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// consent adds what a person does not want: true where anybody has noted it, also a record that is gone, so that no
// source weakens what another one tells. When it was said comes from those that say it, else from whoever spoke last.
func (m *minting) consent(kind canon.Kind) {
	if kind != canon.KindContact {
		return
	}
	var against []*canon.StoredEntity
	for _, flag := range []struct {
		name string
		is   func(*canon.Contact) bool
	}{
		{fieldOptedOut, func(b *canon.Contact) bool { return b.OptedOut }},
		{fieldDoNotContact, func(b *canon.Contact) bool { return b.DoNotContact }},
	} {
		if pin, ok := m.pins[flag.name]; ok && pin.Value == "true" {
			m.add(pinned(pin))
		}
		for _, e := range m.all {
			if b, ok := e.Entity.Body.(*canon.Contact); ok && b != nil && flag.is(b) {
				against = append(against, e)
				if _, there := m.at[flag.name]; !there {
					m.add(fieldOf(flag.name, offer{from: e, value: "true"}, ruleAny, PolicyAny))
				}
			}
		}
	}
	if len(against) == 0 {
		against = m.speakers
	}
	var won *canon.StoredEntity
	var at time.Time
	for _, e := range against {
		if b, ok := e.Entity.Body.(*canon.Contact); ok && b != nil && b.ConsentAt.After(at) {
			won, at = e, b.ConsentAt
		}
	}
	if won != nil {
		m.add(fieldOf(fieldConsentAt, offer{from: won, value: at.UTC().Format(time.RFC3339)}, ruleLatest, PolicyRecent))
	}
}

// custom adds the fields that only the operator knows of, by name.
func (m *minting) custom(kind canon.Kind) {
	known := GoldenFields(kind)
	for _, name := range slices.Sorted(maps.Keys(m.rules.Survivorship.Fields)) {
		if _, there := m.at[name]; there || m.rules.Survivorship.Fields[name].Custom == nil || slices.Contains(known, name) {
			continue
		}
		m.mint(&column{name: name, get: func(*minting, *canon.Entity) string { return "" }})
	}
}

// custom returns what a record's custom field holds that the policy names for its connection.
func (s *Survivorship) custom(p Survival, e *canon.Entity) string {
	for _, name := range s.names(e.Ref.Connection) {
		if field, ok := p.Custom[name]; ok && name != "" {
			return written(e.Custom[field])
		}
	}
	return ""
}

// written is a custom field's value as a text.
func written(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []any:
		var parts []string
		for _, item := range v {
			if part := written(item); part != "" {
				parts = append(parts, part)
			}
		}
		return strings.Join(parts, "; ")
	case map[string]any:
		b, err := json.Marshal(v)
		if err != nil {
			return ""
		}
		return string(b)
	}
	return fmt.Sprint(v)
}
