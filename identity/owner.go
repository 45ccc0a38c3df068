package identity

import (
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
	return r.PersonKeys([]canon.Entity{e})
}

// PersonKeys is OwnerKeys for the members of one person's cluster together: what is surer for any of them
// comes before what is less sure for all. Members of surer sources come first, deleted ones last.
func (r *Rules) PersonKeys(members []canon.Entity) []string {
	var companies, contacts, mails, domains []string
	for _, e := range r.ranked(members) {
		if e.Kind == canon.KindCompany {
			continue
		}
		for _, o := range e.Owners {
			switch {
			case !o.Ref.IsZero() && o.Kind == canon.KindContact:
				contacts = append(contacts, refKey(canon.KindContact, o.Ref))
			case !o.Ref.IsZero():
				companies = append(companies, refKey(canon.KindCompany, o.Ref))
			default:
				m, d := r.mailKeys(o.Email)
				mails, domains = append(mails, m...), append(domains, d...)
			}
		}
		if b, ok := e.Body.(*canon.Contact); ok && b.EmailVerified && !e.Deleted {
			for _, address := range b.Emails[:min(len(b.Emails), maxMails)] {
				m, d := r.mailKeys(address)
				mails, domains = append(mails, m...), append(domains, d...)
			}
		}
	}
	var keys []string
	for _, key := range slices.Concat(companies, contacts, mails, domains) {
		if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// mailKeys returns what an address tells: the person, where it is one's own, and the company.
func (r *Rules) mailKeys(address string) (mails, domains []string) {
	m, ok := parseMail(address)
	if !ok || m.placeholder {
		return nil, nil
	}
	if m.personal() {
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
	for _, c := range r.clues(n) {
		if c.hold == holdStrong && strings.HasPrefix(c.key, "dom:") {
			keys = append(keys, c.key)
		}
	}
	return keys
}

// Pick returns the customer of the first key that found one, and the key in words; "" and "" for none.
func Pick(keys []string, found map[string]string) (customer, why string) {
	for _, key := range keys {
		if customer := found[key]; customer != "" {
			return customer, say(key)
		}
	}
	return "", ""
}
