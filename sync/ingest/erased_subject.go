package ingest

import (
	"context"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/identity"
)

// EntityReader hands out the entities that are held, in the order of their rows.
type EntityReader interface {
	EveryEntity(ctx context.Context, after int64, limit int) ([]canon.StoredEntity, error)
}

// The kinds of Subject.
const (
	SubjectPerson  = "person"
	SubjectCompany = "company"
)

// Subject is a person or company with all that is theirs.
type Subject struct {
	Kind  string
	Title string
	// Emails, Phones and Names are what they are known by and nobody else is; Shared what others are known by as
	// well, which is therefore left where others have it.
	Emails, Phones, Names, Shared []string
	// Scope is what belongs to nobody else.
	Scope canon.Scope
	// Affected are the customers that lose something.
	Affected []string
	// Kinds counts the entities of Scope.
	Kinds map[string]int64
	// owners are the records of whose belongings of every kind nobody else is an owner; parts the words of names.
	owners []canon.Ref
	parts  []string
}

// Marks returns by what the subject is recognised from now on.
func (s Subject) Marks(key []byte, erasure string) []canon.Mark {
	by := signer{key}
	var out []canon.Mark
	add := func(kind string, values ...string) {
		for _, v := range values {
			out = append(out, by.mark(erasure, kind, v))
		}
	}
	for _, r := range s.Scope.Refs {
		add(canon.MarkRef, r.String())
	}
	for _, r := range s.owners {
		add(canon.MarkOwner, r.String())
	}
	add(canon.MarkMail, s.Emails...)
	for _, p := range s.Phones {
		add(canon.MarkPhone, phoneKeys(p)...)
	}
	add(canon.MarkName, s.Names...)
	add(canon.MarkPart, s.parts...)
	return out
}

// Empty says that nothing is known of the subject by which it could be recognised.
func (s Subject) Empty() bool { return len(s.Scope.Refs)+len(s.Emails)+len(s.Phones)+len(s.Names) == 0 }

// party is what is remembered of a company or contact while a subject is looked for.
type party struct {
	row, record             int64
	ref                     canon.Ref
	kind                    canon.Kind
	cluster, customer, node string
	name, title             string
	emails, phones          []string
	companies               []canon.Ref
}

func newParty(e canon.StoredEntity) party {
	p := party{row: e.Row, record: e.Record, ref: e.Entity.Ref, kind: e.Entity.Kind, cluster: e.Cluster, customer: e.Customer, node: e.Node}
	switch b := e.Entity.Body.(type) {
	case *canon.Contact:
		p.title = contactName(b)
		p.name = nameKey(p.title)
		p.emails = emailKeys(b.Emails...)
		p.phones = phoneKeys(b.Phone)
	case *canon.Company:
		p.title, p.emails, p.phones = b.Name, emailKeys(b.Email), phoneKeys(b.Phone)
	}
	for _, o := range e.Entity.Owners {
		if o.Kind == canon.KindCompany && !o.Ref.IsZero() {
			p.companies = append(p.companies, o.Ref)
		}
	}
	return p
}

func emailKeys(addresses ...string) []string {
	var out []string
	for _, a := range addresses {
		if k := identity.EmailKey(a); k != "" {
			out = append(out, k)
		}
	}
	return out
}

// personal says whether an address is one person's own: not that of an office, nor a made-up one.
func personal(email string) bool {
	keys := (&identity.Rules{}).OwnerKeys(canon.Entity{Kind: canon.KindActivity, Owners: []canon.Owner{{Kind: canon.KindContact, Email: email}}})
	return slices.ContainsFunc(keys, func(k string) bool { return strings.HasPrefix(k, "mail:") })
}

// search looks for a subject.
type search struct {
	read    EntityReader
	parties []party
	// in are the rows of the parties that are the subject.
	in      map[int64]bool
	subject Subject
	// companies are the customers that hold a company.
	companies map[string]bool
}

// FindSubject finds the person or company that who names: the id of a customer or person, a record as
// connection/stream/id, or an e-mail address.
func FindSubject(ctx context.Context, read EntityReader, who string) (Subject, error) {
	s := &search{read: read, in: map[int64]bool{}, companies: map[string]bool{}}
	who = strings.TrimSpace(who)
	if err := s.each(ctx, func(e canon.StoredEntity) {
		if isNode(e.Entity.Kind) {
			p := newParty(e)
			if p.kind == canon.KindCompany && p.customer != "" {
				s.companies[p.customer] = true
			}
			s.parties = append(s.parties, p)
		}
	}); err != nil {
		return s.subject, err
	}
	if err := s.begin(who); err != nil {
		return s.subject, err
	}
	s.widen()
	s.identifiers()
	return s.subject, s.belongings(ctx)
}

func (s *search) each(ctx context.Context, fn func(canon.StoredEntity)) error {
	for after := int64(0); ; {
		es, err := s.read.EveryEntity(ctx, after, 1000)
		if err != nil || len(es) == 0 {
			return err
		}
		for _, e := range es {
			fn(e)
		}
		after = es[len(es)-1].Row
	}
}

// begin finds the parties that are named themselves.
func (s *search) begin(who string) error {
	s.subject.Kind = SubjectPerson
	if key := identity.EmailKey(who); key != "" {
		for _, p := range s.parties {
			if p.kind == canon.KindContact && slices.Contains(p.emails, key) {
				s.in[p.row] = true
			}
		}
		s.subject.Title = who
		if len(s.in) == 0 && !personal(who) {
			return canon.Errorf("erase.office", "%s is not one person's own address", who).WithHint("name the company's customer or one of its records instead")
		}
		s.subject.Emails = []string{key}
		return nil
	}
	ref, referr := canon.ParseRef(who)
	for _, p := range s.parties {
		named := p.customer == who || p.cluster == who || p.node == who || referr == nil && p.ref == ref
		if !named || who == "" {
			continue
		}
		switch {
		case p.kind == canon.KindCompany:
			s.subject.Kind = SubjectCompany
			s.company(p.customer)
			s.subject.Title = p.title
			return nil
		case p.customer != who || p.cluster == who || !s.companies[who]:
			s.in[p.row], s.subject.Title = true, p.title
		}
	}
	if len(s.in) == 0 {
		return canon.Errorf("person.unknown", "no person or company is known as %.80q", who).
			WithHint("give a customer's id (cus_…), a contact's or company's record (connection/stream/id) or an e-mail address")
	}
	return nil
}

// company takes in a customer's companies, and the people who belong to no other.
func (s *search) company(customer string) {
	own := map[canon.Ref]bool{}
	for _, p := range s.parties {
		if p.kind == canon.KindCompany && p.customer == customer {
			s.in[p.row], own[p.ref] = true, true
		}
	}
	other := map[canon.Ref]bool{}
	for _, p := range s.parties {
		if p.kind == canon.KindCompany && !own[p.ref] {
			other[p.ref] = true
		}
	}
	for _, p := range s.parties {
		elsewhere := slices.ContainsFunc(p.companies, func(r canon.Ref) bool { return other[r] })
		if p.kind == canon.KindContact && p.customer == customer && !elsewhere {
			s.in[p.row] = true
		}
	}
}

// widen adds the other records of the same people: those that were linked, and those with the same address of their
// own, whose names do not say that they are others.
func (s *search) widen() {
	for grown := true; grown; {
		grown = false
		clusters, mails := map[string]bool{}, map[string][]string{}
		for _, p := range s.parties {
			if !s.in[p.row] || p.kind != canon.KindContact {
				continue
			}
			if p.cluster != "" {
				clusters[p.cluster] = true
			}
			for _, m := range p.emails {
				mails[m] = append(mails[m], p.name)
			}
		}
		for _, p := range s.parties {
			if s.in[p.row] || p.kind != canon.KindContact {
				continue
			}
			same := clusters[p.cluster] && s.subject.Kind == SubjectPerson
			for _, m := range p.emails {
				if names, ok := mails[m]; ok && personal(m) && slices.ContainsFunc(names, func(n string) bool { return alike(n, p.name) }) {
					same = true
				}
			}
			// Who is at another company as well stays.
			if same && (s.subject.Kind == SubjectPerson || !s.companies[p.customer]) {
				s.in[p.row], grown = true, true
			}
		}
	}
}

// alike says whether two full names may be one person's: one of them is unknown, or they share a word.
func alike(a, b string) bool {
	if a == "" || b == "" {
		return true
	}
	return slices.ContainsFunc(strings.Fields(a), func(w string) bool { return slices.Contains(strings.Fields(b), w) })
}

// identifiers collects what the subject is known by, and tells apart what others are known by, too.
func (s *search) identifiers() {
	mails, phones, names := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, m := range s.subject.Emails {
		mails[m] = true
	}
	parts := map[string]bool{}
	for _, p := range s.parties {
		if !s.in[p.row] {
			continue
		}
		for _, m := range p.emails {
			mails[m] = true
		}
		if len(p.phones) > 0 {
			phones[p.phones[0]] = true
		}
		if p.kind == canon.KindContact && p.name != "" {
			names[p.name], names[lastFirst(p.name)] = true, true
			for _, part := range strings.Fields(p.name) {
				if len(part) > 1 {
					parts[part] = true
				}
			}
		}
	}
	taken := s.taken()
	office := func(m string) bool { return s.subject.Kind == SubjectPerson && !personal(m) }
	s.subject.Emails = s.keep(mails, func(m string) bool { return taken[m] || office(m) })
	s.subject.Phones = s.keep(phones, func(n string) bool { return taken[n] || len(n) == fullPhone && taken[n[1:]] })
	s.subject.Names = s.keep(names, func(n string) bool { return taken[n] })
	if len(s.subject.Names) > 0 {
		s.subject.parts = s.keep(parts, func(string) bool { return false })
	}
}

// taken collects what others than the subject are known by.
func (s *search) taken() map[string]bool {
	taken := map[string]bool{}
	for _, p := range s.parties {
		if s.in[p.row] {
			continue
		}
		if p.kind == canon.KindContact {
			taken[p.name], taken[lastFirst(p.name)] = true, true
			for _, m := range p.emails {
				taken[m] = true
			}
		} else if s.subject.Kind == SubjectCompany {
			for _, m := range p.emails {
				taken[m] = true
			}
		}
		for _, n := range p.phones {
			taken[n] = true
		}
	}
	return taken
}

// lastFirst puts the last word of a name before the others, as lists do.
func lastFirst(name string) string {
	i := strings.LastIndexByte(name, ' ')
	if i < 0 {
		return name
	}
	return name[i+1:] + " " + name[:i]
}

// keep returns the values that are not shared, sorted, and notes the others.
func (s *search) keep(values map[string]bool, shared func(string) bool) []string {
	var out []string
	for v := range values {
		if shared(v) {
			s.subject.Shared = append(s.subject.Shared, v)
		} else {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	slices.Sort(s.subject.Shared)
	return out
}
