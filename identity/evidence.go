package identity

import (
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// Node is a company or contact as the resolver sees it.
type Node struct {
	// Key is the entity's key.
	Key string
	Ref canon.Ref
	// Kind is KindCompany or KindContact.
	Kind      canon.Kind
	Deleted   bool
	CreatedAt time.Time
	// UpdatedAt is the time of the version that the entity was mapped from, zero where it is not known.
	UpdatedAt time.Time
	Entity    canon.Entity
}

// NewNode returns the node of an entity that was mapped from the version of that time.
func NewNode(e canon.Entity, at time.Time) Node {
	return Node{Key: e.Key(), Ref: e.Ref, Kind: e.Kind, Deleted: e.Deleted, CreatedAt: e.CreatedAt, UpdatedAt: at, Entity: e}
}

// ID is the id of the customer that the node would be alone. It stays an alias of the customer it belongs to.
func (n Node) ID() string { return n.id() }

func (n *Node) id() string {
	ref := n.Ref.String()
	if n.Entity.Part != "" {
		ref += "#" + n.Entity.Part
	}
	return canon.ID("cus", ref, string(n.Kind))
}

// source is what Single limits.
func (n *Node) source() string { return n.Ref.Connection + "/" + n.Ref.Stream }

// Evidence returns the keys by which the node may be linked to others of its kind, sorted:
//
//	ref:company:connection/stream/id   itself, what was merged into it or it into, what it is the same as
//	par:company:connection/stream/id   the company that owns it, where subsidiaries are rolled up
//	vat:DE123456789                    a company's VAT id
//	reg:DE:HRB12345                    a company's number in the register of a country
//	mail:ana@acme.com                  a person's address that the source vouches for
//	addr:ana@acme.com                  a person's address that it does not vouch for
//	dom:acme.com                       a company's own domains, and that of its mailbox
//	blk:…                              what Blocks returns, where like nodes are linked without asking
//
// A deleted node keeps only its refs.
func (r *Rules) Evidence(n Node) []string {
	var keys []string
	for _, c := range r.clues(&n) {
		keys = append(keys, c.key)
	}
	if r.Matching.Auto > 0 {
		keys = append(keys, r.Blocks(n)...)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// hold is how a node holds a key; the smaller, the surer.
type hold uint8

const (
	holdSelf   hold = iota // the node's own ref
	holdMerged             // a ref that the vendor merged into it
	holdInto               // the ref that the vendor merged it into
	holdSame               // a ref that somebody stored on purpose
	holdStrong             // a declared domain, a verified address, a registered number
	holdWeak               // the domain of a mailbox, an address that is not verified
	holdParent             // the ref of the company that owns it
)

type clue struct {
	key  string
	hold hold
}

// maxMails is the most addresses that one person is linked by.
const maxMails = 10

// clues returns the node's keys with how it holds them, the surest hold of each.
func (r *Rules) clues(n *Node) []clue {
	clues := make([]clue, 1, 4)
	clues[0] = clue{n.selfKey(), holdSelf}
	for _, id := range n.Entity.Absorbed {
		clues = append(clues, clue{RefKey(n.Kind, canon.Ref{Connection: n.Ref.Connection, Stream: n.Ref.Stream, ID: id}), holdMerged})
	}
	if n.Deleted && n.Entity.Into != "" {
		// The entity of the same part lives on in what the record became part of.
		into := Node{Ref: canon.Ref{Connection: n.Ref.Connection, Stream: n.Ref.Stream, ID: n.Entity.Into}, Kind: n.Kind, Entity: canon.Entity{Part: n.Entity.Part}}
		clues = append(clues, clue{into.selfKey(), holdInto})
	}
	for _, same := range n.Entity.SameAs {
		if !same.IsZero() {
			clues = append(clues, clue{RefKey(n.Kind, same), holdSame})
		}
	}
	if !n.Deleted {
		switch b := n.Entity.Body.(type) {
		case *canon.Company:
			clues = r.companyClues(clues, b)
		case *canon.Contact:
			clues = r.personClues(clues, b)
		}
	}
	// There are few, sorted by hold: of a key that is there twice the first is the surest.
	kept := clues[:0]
	for _, c := range clues {
		if !slices.ContainsFunc(kept, func(k clue) bool { return k.key == c.key }) {
			kept = append(kept, c)
		}
	}
	return kept
}

func (r *Rules) companyClues(clues []clue, b *canon.Company) []clue {
	if vat := r.vatOf(b); vat != "" {
		clues = append(clues, clue{vatPrefix + vat, holdStrong})
	}
	if number := r.registrationOf(b); number != "" {
		clues = append(clues, clue{regPrefix + number, holdStrong})
	}
	for _, d := range b.Domains {
		if domain := r.corporate(d); domain != "" {
			clues = append(clues, clue{domainKey(domain), holdStrong})
		}
	}
	if mail, ok := parseMail(b.Email); ok && !mail.placeholder && !r.agent(mail) {
		if domain := r.corporate(mail.domain); domain != "" {
			clues = append(clues, clue{domainKey(domain), holdWeak})
		}
	}
	if r.grouped() && !b.Parent.IsZero() {
		clues = append(clues, clue{parPrefix + RefKey(canon.KindCompany, b.Parent)[len(refPrefix):], holdParent})
	}
	return clues
}

// personClues takes addresses that can be one person's. A role's mailbox is nobody's.
func (r *Rules) personClues(clues []clue, b *canon.Contact) []clue {
	prefix, how := addrPrefix, holdWeak
	if b.EmailVerified {
		prefix, how = mailPrefix, holdStrong
	}
	n := 0
	for _, address := range b.Emails {
		if mail, ok := parseMail(address); ok && r.telling(mail) && n < maxMails {
			clues = append(clues, clue{prefix + mail.key, how})
			n++
		}
	}
	return clues
}

// The beginnings of keys.
const (
	refPrefix  = "ref:"
	parPrefix  = "par:"
	vatPrefix  = "vat:"
	regPrefix  = "reg:"
	mailPrefix = "mail:"
	addrPrefix = "addr:"
	domPrefix  = "dom:"
	blkPrefix  = "blk:"
)

func (n *Node) selfKey() string {
	key := RefKey(n.Kind, n.Ref)
	if n.Entity.Part != "" {
		key += "#" + n.Entity.Part
	}
	return key
}

// RefKey returns the key that finds the company or contact of a record, however its id is written.
func RefKey(kind canon.Kind, ref canon.Ref) string {
	ref.ID = longID(ref.ID)
	return ref.Key(kind)
}

func domainKey(domain string) string { return domPrefix + domain }
func mailKey(m mail) string          { return mailPrefix + m.key }

// isRefKey reports whether a key names a record. However many hold it, it says what it says.
func isRefKey(key string) bool {
	return strings.HasPrefix(key, refPrefix) || strings.HasPrefix(key, parPrefix)
}

// twin returns the key whose holders are to be met together with those of key, "" for none: whether a source vouches
// for an address or not, and whether a company is named as itself or as an owner.
func (r *Rules) twin(key string) string {
	switch prefix, rest, _ := strings.Cut(key, ":"); prefix + ":" {
	case mailPrefix:
		return addrPrefix + rest
	case addrPrefix:
		return mailPrefix + rest
	case refPrefix:
		if r.grouped() && strings.HasPrefix(rest, string(canon.KindCompany)+":") {
			return parPrefix + rest
		}
	case parPrefix:
		return refPrefix + rest
	}
	return ""
}

// meeting returns the key under which the holders of a key and of its twin meet.
func meeting(key string) string {
	if rest, ok := strings.CutPrefix(key, addrPrefix); ok {
		return mailPrefix + rest
	}
	if rest, ok := strings.CutPrefix(key, parPrefix); ok {
		return refPrefix + rest
	}
	return key
}

// say puts a key in the words of canon.Member.Why.
func say(key string) string {
	prefix, rest, _ := strings.Cut(key, ":")
	switch prefix + ":" {
	case domPrefix:
		return "domain " + rest
	case mailPrefix:
		return "email " + rest
	case addrPrefix:
		return "email " + rest + " (not verified)"
	case vatPrefix:
		return "VAT id " + rest
	case regPrefix:
		country, number, _ := strings.Cut(rest, ":")
		return "register number " + number + " (" + country + ")"
	case parPrefix:
		_, ref, _ := strings.Cut(rest, ":")
		return "parent " + ref
	case blkPrefix:
		return "likeness " + rest
	}
	kind, ref, _ := strings.Cut(rest, ":")
	return kind + " " + ref
}
