// Package identity decides which companies and contacts of several systems are one customer, whom every other
// entity belongs to, and what a customer's golden record says.
//
// All of it is a pure function of the set of company and contact entities, whatever their order: a merge is
// undone by taking its evidence away. The package stores nothing; it does not derive events and does not
// decide what an operator is shown.
package identity

import (
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// Rules are what an operator may say about resolving. The zero value is usable.
type Rules struct {
	// SourceOrder names connections, the surest first; others follow.
	SourceOrder []string
	// GenericLimit is the most records that may hold a key before it says nothing; 0 means 50.
	GenericLimit int
	// FreeMail adds domains where anybody can have a mailbox, Own the domains of the business itself: neither
	// tells one customer from another. Both are written as DomainKey returns them.
	FreeMail, Own []string
	// Single tells by "connection/stream" whether the stream holds at most one record per customer, so that
	// two of its records are two customers. What is absent is single, as CRMs and help desks are; billing
	// streams, where a customer may have several accounts, belong here with false.
	Single map[string]bool
}

// Node is a company or contact as the resolver sees it.
type Node struct {
	// Key is the entity's key.
	Key string
	Ref canon.Ref
	// Kind is KindCompany or KindContact.
	Kind      canon.Kind
	Deleted   bool
	CreatedAt time.Time
	Entity    canon.Entity
}

// NewNode returns the entity's node.
func NewNode(e canon.Entity) Node {
	return Node{Key: e.Key(), Ref: e.Ref, Kind: e.Kind, Deleted: e.Deleted, CreatedAt: e.CreatedAt, Entity: e}
}

// ID is the id of the customer that the node would be alone. It stays an alias of the customer it belongs to.
func (n Node) ID() string {
	ref := n.Ref.String()
	if n.Entity.Part != "" {
		ref += "#" + n.Entity.Part
	}
	return canon.ID("cus", ref, string(n.Kind))
}

// NodeID is the id of the customer that a record's company or contact would be alone.
func NodeID(ref canon.Ref, kind canon.Kind) string { return Node{Ref: ref, Kind: kind}.ID() }

// source is what Single limits.
func (n Node) source() string { return n.Ref.Connection + "/" + n.Ref.Stream }

// Evidence returns the keys by which the node may be linked to others of its kind, sorted:
//
//	ref:company:connection/stream/id   itself, what was merged into it or it into, what it is the same as
//	dom:acme.com                       a company's own domains, and that of its mailbox
//	mail:ana@acme.com                  a person's address that the source vouches for
//
// A deleted node keeps only its refs.
func (r *Rules) Evidence(n Node) []string {
	var keys []string
	for _, c := range r.clues(n) {
		keys = append(keys, c.key)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// hold is how a node holds a key; the smaller, the surer.
type hold int

const (
	holdSelf   hold = iota // the node's own ref
	holdMerged             // a ref that the vendor merged into it
	holdInto               // the ref that the vendor merged it into
	holdSame               // a ref that somebody stored on purpose
	holdStrong             // a declared domain, a verified address
	holdWeak               // the domain of a mailbox
)

type clue struct {
	key  string
	hold hold
}

// maxMails is the most addresses that one person is linked by.
const maxMails = 10

// clues returns the node's keys with how it holds them, the surest hold of each.
func (r *Rules) clues(n Node) []clue {
	clues := []clue{{selfKey(n), holdSelf}}
	for _, id := range n.Entity.Absorbed {
		clues = append(clues, clue{refKey(n.Kind, canon.Ref{Connection: n.Ref.Connection, Stream: n.Ref.Stream, ID: id}), holdMerged})
	}
	if n.Deleted && n.Entity.Into != "" {
		// The entity of the same part lives on in what the record became part of.
		into := Node{Ref: canon.Ref{Connection: n.Ref.Connection, Stream: n.Ref.Stream, ID: n.Entity.Into}, Kind: n.Kind, Entity: canon.Entity{Part: n.Entity.Part}}
		clues = append(clues, clue{selfKey(into), holdInto})
	}
	for _, same := range n.Entity.SameAs {
		if !same.IsZero() {
			clues = append(clues, clue{refKey(n.Kind, same), holdSame})
		}
	}
	if !n.Deleted {
		switch b := n.Entity.Body.(type) {
		case *canon.Company:
			clues = append(clues, r.companyClues(b)...)
		case *canon.Contact:
			clues = append(clues, personClues(b)...)
		}
	}
	slices.SortStableFunc(clues, func(a, b clue) int { return int(a.hold) - int(b.hold) })
	seen := map[string]bool{}
	return slices.DeleteFunc(clues, func(c clue) bool {
		twice := seen[c.key]
		seen[c.key] = true
		return twice
	})
}

func (r *Rules) companyClues(b *canon.Company) []clue {
	var clues []clue
	for _, d := range b.Domains {
		if domain := r.corporate(d); domain != "" {
			clues = append(clues, clue{domainKey(domain), holdStrong})
		}
	}
	if mail, ok := parseMail(b.Email); ok && !mail.placeholder {
		if domain := r.corporate(mail.domain); domain != "" {
			clues = append(clues, clue{domainKey(domain), holdWeak})
		}
	}
	return clues
}

// personClues takes only addresses that the source vouches for. A role's mailbox is nobody's.
func personClues(b *canon.Contact) []clue {
	if !b.EmailVerified {
		return nil
	}
	var clues []clue
	for _, address := range b.Emails {
		if mail, ok := parseMail(address); ok && mail.personal() && len(clues) < maxMails {
			clues = append(clues, clue{mailKey(mail), holdStrong})
		}
	}
	return clues
}

func selfKey(n Node) string {
	key := refKey(n.Kind, n.Ref)
	if n.Entity.Part != "" {
		key += "#" + n.Entity.Part
	}
	return key
}

func refKey(kind canon.Kind, ref canon.Ref) string {
	ref.ID = longID(ref.ID)
	return "ref:" + string(kind) + ":" + ref.String()
}

func domainKey(domain string) string { return "dom:" + domain }
func mailKey(m mail) string          { return "mail:" + m.key }

func isRefKey(key string) bool { return strings.HasPrefix(key, "ref:") }

// say puts a key in the words of canon.Member.Why.
func say(key string) string {
	if domain, ok := strings.CutPrefix(key, "dom:"); ok {
		return "domain " + domain
	}
	if address, ok := strings.CutPrefix(key, "mail:"); ok {
		return "email " + address
	}
	key = strings.TrimPrefix(key, "ref:")
	kind, ref, _ := strings.Cut(key, ":")
	return kind + " " + ref
}

func (r *Rules) limit() int {
	if r.GenericLimit > 0 {
		return r.GenericLimit
	}
	return 50
}

func (r *Rules) single(source string) bool {
	single, told := r.Single[source]
	return single || !told
}

// rank returns a connection's place in the order of sources.
func (r *Rules) rank(connection string) int {
	if i := slices.Index(r.SourceOrder, connection); i >= 0 {
		return i
	}
	return len(r.SourceOrder)
}
