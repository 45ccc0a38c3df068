package identity

import (
	"iter"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// OwnerKeys returns the keys by which an entity finds its customer, the surest first: its companies and
// contacts by ref, persons by address, and last the companies that their corporate domains belong to. For a
// contact only addresses that the source vouches for count; a company has no owner.
//
// A key stands for the customer of the record (ref:), of the one person with that address (mail:), of the one
// company that declares the domain (dom:). A contact that none of them finds is a customer of its own.
func (r *Rules) OwnerKeys(e canon.Entity) []string {
	return r.PersonKeys([]canon.Entity{e}, nil)
}

// PersonKeys is OwnerKeys for the members of one person's cluster together: what is surer for any of them
// comes before what is less sure for all. Members of surer sources come first, deleted ones last.
//
// A company that a decision links a member with comes before all; a detached member finds none but that, and keys that
// a decision calls generic find nobody. Companies that a decision keeps a member apart from are in Decisions.Barred.
// Under GrainPerson a contact is found by decisions alone, and other entities by persons before companies.
func (r *Rules) PersonKeys(members []canon.Entity, decisions *Decisions) []string {
	var found ownerKeys
	for _, e := range r.ranked(members) {
		if e.Kind == canon.KindCompany {
			continue
		}
		for _, t := range decisions.linksOf(e.Key()) {
			if e.Kind == canon.KindContact && kindIn(t.other) == canon.KindCompany {
				found.decided = append(found.decided, OwnKey(t.other))
			}
		}
		alone := e.Kind == canon.KindContact && r.Grain == GrainPerson
		if !alone && decisions.detachedBy(e.Key()) == "" {
			r.owners(&found, e)
		}
	}
	all := slices.Concat(found.decided, found.companies, found.contacts, found.mails, found.domains)
	if r.Grain == GrainPerson {
		all = slices.Concat(found.decided, found.contacts, found.mails, found.companies, found.domains)
	}
	var keys []string
	for _, key := range all {
		if !slices.Contains(keys, key) && decisions.genericBy(key) == "" {
			keys = append(keys, key)
		}
	}
	return keys
}

// CompanyKeys returns by which keys a person's company is found, the surest first, and the keys of the companies that
// decisions keep the person apart from; both as Pick takes them. A person's own addresses find no company.
func (r *Rules) CompanyKeys(members []canon.Entity, decisions *Decisions) (keys, barred []string) {
	names := make([]string, len(members))
	for i, e := range members {
		names[i] = e.Key()
	}
	keys = slices.DeleteFunc(r.PersonKeys(members, decisions), func(k string) bool {
		return !strings.HasPrefix(k, refPrefix+string(canon.KindCompany)+":") && !strings.HasPrefix(k, domPrefix)
	})
	return keys, decisions.Barred(names)
}

// ownerKeys are keys by what they name, each list with the surest first.
type ownerKeys struct{ decided, companies, contacts, mails, domains []string }

// owners adds whom an entity names.
func (r *Rules) owners(found *ownerKeys, e canon.Entity) {
	address := func(s string) {
		mails, domains := r.mailKeys(s)
		found.mails, found.domains = append(found.mails, mails...), append(found.domains, domains...)
	}
	for _, o := range e.Owners {
		switch {
		case !o.Ref.IsZero() && o.Kind == canon.KindContact:
			found.contacts = append(found.contacts, RefKey(canon.KindContact, o.Ref))
		case !o.Ref.IsZero():
			found.companies = append(found.companies, RefKey(canon.KindCompany, o.Ref))
		default:
			address(o.Email)
		}
	}
	if b, ok := e.Body.(*canon.Contact); ok && b.EmailVerified && !e.Deleted {
		for _, s := range b.Emails[:min(len(b.Emails), maxMails)] {
			address(s)
		}
	}
}

// mailKeys returns what an address tells: the person, where it is one's own, and the company.
func (r *Rules) mailKeys(address string) (mails, domains []string) {
	m, ok := parseMail(address)
	if !ok || m.placeholder || r.agent(m) {
		return nil, nil
	}
	if r.telling(m) {
		mails = []string{mailKey(m)}
	}
	if domain := r.corporate(m.domain); domain != "" {
		domains = []string{domainKey(domain)}
	}
	return mails, domains
}

// Anchors returns the domains, as "dom:" keys, that a living company declares as its own: those by which
// others may be assigned to it. Where several customers anchor one domain, it assigns nobody.
func (r *Rules) Anchors(n Node) []string {
	var keys []string
	for _, c := range r.clues(&n) {
		if c.hold == holdStrong && strings.HasPrefix(c.key, "dom:") {
			keys = append(keys, c.key)
		}
	}
	return keys
}

// Meant returns the customer that each key means to others, where it means one: of a record itself, which says more than
// others that name it, or of all who hold the key alike. What belongs to nobody, and a key that a decision calls generic,
// means nobody.
func Meant(holders iter.Seq[canon.KeyHolder], decisions *Decisions) map[string]string {
	meant, own, several := map[string]string{}, map[string]bool{}, map[string]bool{}
	for h := range holders {
		if h.Customer == "" || own[h.Key] || decisions.Generic(h.Key) {
			continue
		}
		before, there := meant[h.Key]
		switch {
		case h.Self && strings.HasPrefix(h.Key, refPrefix):
			meant[h.Key], own[h.Key] = h.Customer, true
			delete(several, h.Key)
		case !there:
			meant[h.Key] = h.Customer
		case before != h.Customer:
			several[h.Key] = true
		}
	}
	for key := range several {
		delete(meant, key)
	}
	return meant
}

// Pick returns the customer of the first key that found one, and the key in words; "" and "" for none. Customers that
// a barred key found are left out.
func Pick(keys []string, found map[string]string, barred ...string) (customer, why string) {
	out := map[string]bool{}
	for _, key := range barred {
		out[found[key]] = true
	}
	for _, key := range keys {
		if customer := found[key]; customer != "" && !out[customer] {
			return customer, say(key)
		}
	}
	return "", ""
}
