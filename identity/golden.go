package identity

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// The rules by which a value of a golden record won.
const (
	ruleOnly   = "only source"
	ruleSource = "source order"
	ruleRecent = "most recent"
	ruleRef    = "first by reference"
)

// Golden returns what a customer is called, its corporate domain and its golden record. Where the members hold
// a company, the companies speak; otherwise the contacts. Each field comes from the surest source that has a
// value, then from the most recently created record. Deleted records and those that their source merged into
// another member speak only where nobody else is left; placeholders never do.
//
// name is never empty where there are members: it falls back on domain, address and reference.
func (r *Rules) Golden(members []canon.Entity) (name, domain string, fields []canon.Field) {
	speakers := r.speakers(members, canon.KindCompany)
	table := companyTable(r)
	if len(speakers) == 0 {
		speakers, table = r.speakers(members, canon.KindContact), personTable()
	}
	if len(speakers) == 0 {
		return "", "", nil
	}
	value := func(name string) string {
		for _, f := range fields {
			if f.Name == name {
				return f.Value
			}
		}
		return ""
	}
	for _, column := range table {
		if value(column.name) != "" {
			continue
		}
		if f, ok := r.survivor(column, speakers); ok {
			fields = append(fields, f)
		}
	}
	domain = value("domain")
	return cmp.Or(value("name"), domain, value("email"), speakers[0].Ref.String()), domain, fields
}

// speakers returns the members of the kind whose word counts, the surest first.
func (r *Rules) speakers(members []canon.Entity, kind canon.Kind) []canon.Entity {
	ofKind := slices.DeleteFunc(r.ranked(members), func(e canon.Entity) bool { return e.Kind != kind })
	absorbed := map[canon.Ref]bool{}
	for _, e := range ofKind {
		for _, id := range e.Absorbed {
			if !e.Deleted {
				absorbed[canon.Ref{Connection: e.Ref.Connection, Stream: e.Ref.Stream, ID: id}] = true
			}
		}
	}
	living := slices.DeleteFunc(slices.Clone(ofKind), func(e canon.Entity) bool { return e.Deleted || absorbed[e.Ref] })
	if len(living) > 0 {
		return living
	}
	return ofKind
}

// ranked returns the members by source order, then the most recently created, then ref; deleted ones last.
func (r *Rules) ranked(members []canon.Entity) []canon.Entity {
	out := slices.Clone(members)
	slices.SortFunc(out, func(a, b canon.Entity) int {
		if a.Deleted != b.Deleted {
			if a.Deleted {
				return 1
			}
			return -1
		}
		return cmp.Or(
			r.rank(a.Ref.Connection)-r.rank(b.Ref.Connection),
			b.CreatedAt.Compare(a.CreatedAt),
			a.Ref.Compare(b.Ref),
			strings.Compare(a.Key(), b.Key()),
		)
	})
	return out
}

// column is one field of a golden record. A value of "" is none. Where two columns have one name, the second
// speaks only where nobody has a value for the first.
type column struct {
	name string
	get  func(e canon.Entity) string
}

// survivor returns the value of the first speaker that has one, and why nobody else's was taken.
func (r *Rules) survivor(c column, speakers []canon.Entity) (canon.Field, bool) {
	var having []canon.Entity
	for _, e := range speakers {
		if !blank(c.get(e)) {
			having = append(having, e)
		}
	}
	if len(having) == 0 {
		return canon.Field{}, false
	}
	won := having[0]
	f := canon.Field{Name: c.name, Value: strings.TrimSpace(c.get(won)), Source: won.Ref, Rule: ruleOnly}
	if len(having) > 1 {
		second := having[1]
		switch {
		case r.rank(won.Ref.Connection) != r.rank(second.Ref.Connection):
			f.Rule = ruleSource
		case !won.CreatedAt.Equal(second.CreatedAt):
			f.Rule = ruleRecent
		default:
			f.Rule = ruleRef
		}
	}
	return f, true
}

func companyTable(r *Rules) []column {
	of := func(name string, get func(b *canon.Company) string) column {
		return column{name, func(e canon.Entity) string {
			if b, ok := e.Body.(*canon.Company); ok {
				return get(b)
			}
			return ""
		}}
	}
	return []column{
		of("name", func(b *canon.Company) string { return b.Name }),
		of("domain", func(b *canon.Company) string { return r.domainOf(b, holdStrong) }),
		of("domain", func(b *canon.Company) string { return r.domainOf(b, holdWeak) }),
		of("industry", func(b *canon.Company) string { return b.Industry }),
		of("city", func(b *canon.Company) string { return b.City }),
		of("country", func(b *canon.Company) string { return b.Country }),
		of("employees", func(b *canon.Company) string { return count(b.Employees) }),
		of("seats", func(b *canon.Company) string { return count(b.Seats) }),
		of("plan", func(b *canon.Company) string { return b.Plan }),
		of("owner", func(b *canon.Company) string { return b.Owner }),
		of("phone", func(b *canon.Company) string { return b.Phone }),
		of("vat_id", func(b *canon.Company) string { return b.VATID }),
		of("lifecycle_stage", func(b *canon.Company) string { return b.LifecycleStage }),
		of("source", func(b *canon.Company) string { return b.Source }),
	}
}

func personTable() []column {
	of := func(name string, get func(b *canon.Contact) string) column {
		return column{name, func(e canon.Entity) string {
			if b, ok := e.Body.(*canon.Contact); ok {
				return get(b)
			}
			return ""
		}}
	}
	return []column{
		of("name", fullName),
		of("email", primaryMail),
		of("phone", func(b *canon.Contact) string { return b.Phone }),
		of("title", func(b *canon.Contact) string { return b.Title }),
		of("country", func(b *canon.Contact) string { return b.Country }),
		of("owner", func(b *canon.Contact) string { return b.Owner }),
		of("lifecycle_stage", func(b *canon.Contact) string { return b.LifecycleStage }),
		of("source", func(b *canon.Contact) string { return b.Source }),
	}
}

// domainOf returns the first corporate domain that the company declares, or that of its mailbox.
func (r *Rules) domainOf(b *canon.Company, how hold) string {
	for _, c := range r.companyClues(b) {
		if c.hold == how {
			return strings.TrimPrefix(c.key, "dom:")
		}
	}
	return ""
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

// primaryMail returns the first address that can be one, as the source wrote it.
func primaryMail(b *canon.Contact) string {
	for _, address := range b.Emails {
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
