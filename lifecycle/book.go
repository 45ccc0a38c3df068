package lifecycle

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// tails say how many events a book keeps as they are before it folds the older ones, and how many it then leaves; and how
// many days. An event that comes late finds its place among them. Days on which a source could not be trusted are only
// folded where more than stale events have gathered.
type tails struct{ most, least, stale, days int }

// tailMost and its like are the tails of every policy but in tests.
const tailMost, tailLeast, tailStale, tailDays = 24, 8, 2000, 3

// quantileText makes a text of a cohort's quantiles.
func quantileText(q []float64) string {
	b := make([]byte, 0, 8*len(q))
	for _, v := range q {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return string(b)
}

// Book holds all that assessing a customer takes, without most of the events behind it. It is folded up to a moment:
// what lies before it is kept as sums and states, what lies behind as events. A book gives the answer that Policy.Assess
// gives for all the events that were ever added, or says that it cannot.
//
// A book is for one goroutine at a time.
type Book struct {
	policy   *Policy
	customer string
	terms    terms
	// through is the moment up to which the book is folded, always for not at all.
	through int64
	ledger  *ledger
	walker  *walker
	// closed are sums of the things that came to their end and were let go.
	closed []byte
	// folded are the bytes of all but the tail, nil where they are yet to be written.
	folded []byte
	tail   []entry
	// doc is the book as it was before the tail was walked over, nil while it is not known. A spent book must be read
	// from it again.
	doc   []byte
	spent bool
}

// terms are the facts besides events that what was folded rests on.
type terms struct {
	customerType string
	// since is when readings begin, fields and cohorts are sums of what readings and rules may ask of them; trust is up
	// to when each kind could be trusted, as far as readings have been taken.
	since           int64
	fields, cohorts uint64
	trust           []trusted
}

type trusted struct {
	kind canon.Kind
	// until is the last moment at which the kind could be trusted, never where it always could; absent kinds are
	// delivered by nobody.
	until int64
}

// Open begins a book of a customer without events.
func (p *Policy) Open(facts Facts) *Book {
	b := &Book{policy: p, customer: facts.Customer, terms: p.terms(facts), through: always}
	b.ledger = p.ledger()
	b.walker = newWalker(p, &frame{ledger: b.ledger, state: newState(), customerType: facts.Type}, facts.Customer)
	b.walker.read = p.newReadings(facts)
	return b
}

// ledger returns one without events.
func (p *Policy) ledger() *ledger {
	return &ledger{patterns: p.patterns, sorting: &p.sorting, series: make([]series, len(p.patterns))}
}

// terms takes from the facts what a book rests on.
func (p *Policy) terms(facts Facts) terms {
	t := terms{customerType: facts.Type}
	if !facts.Since.IsZero() {
		t.since = facts.Since.UnixMicro()
	}
	for _, name := range p.asked.fields {
		if v, ok := facts.Fields[name]; ok {
			t.fields += sumOf(map[string]string{name: v}, func(v string) string { return v })
		}
	}
	if p.asked.ranks {
		t.cohorts = sumOf(facts.Cohorts, quantileText)
	}
	return t
}

// sumOf is a sum of what a map holds, whatever its order.
func sumOf[V any](m map[string]V, text func(V) string) uint64 {
	var sum uint64
	for k, v := range m {
		h := fnv.New64a()
		_, _ = h.Write([]byte(k))
		_, _ = h.Write([]byte{0})
		_, _ = h.Write([]byte(text(v)))
		sum += h.Sum64()
	}
	return sum
}

// Fits says whether the book can answer for the facts at a moment: it cannot for a moment before what it has folded,
// nor where facts besides events that the folded part rests on are no longer what they were.
func (b *Book) Fits(facts Facts, now time.Time) bool {
	t := b.policy.terms(facts)
	if facts.Customer != b.customer || now.UnixMicro() < b.through {
		return false
	}
	if b.through == always {
		return true
	}
	b.revive()
	return t.customerType == b.terms.customerType && t.since == b.terms.since && t.fields == b.terms.fields && t.cohorts == b.terms.cohorts &&
		slices.Equal(b.terms.trust, b.policy.trust(facts, b.walker.read.last))
}

// Add takes in events of the customer, in any order, and such that it has already. It returns false where one of them
// lies in what is folded: the book can then not be used any more and must be made anew from all events.
func (b *Book) Add(events []canon.Event) bool {
	b.revive()
	var fresh []entry
	for i := range events {
		e := &events[i]
		if !isFact(e.Type) {
			continue
		}
		at := e.OccurredAt.UnixMicro()
		if at <= b.through || b.isClosed(e) {
			return false
		}
		fresh = append(fresh, entry{at, rankOf(e.Type), e})
	}
	if len(fresh) == 0 {
		return true
	}
	b.tail = append(b.tail, fresh...)
	slices.SortFunc(b.tail, compareEntries)
	b.tail = slices.CompactFunc(b.tail, func(a, c entry) bool { return a.at == c.at && a.ev.ID == c.ev.ID })
	b.doc = nil
	return true
}

// Assess answers as Policy.Assess does for all events that were added. The book must fit; the facts' own events are left
// aside.
func (b *Book) Assess(facts Facts, now time.Time) Result {
	b.revive()
	t := now.UnixMicro()
	if b.through == always {
		// Nothing has been folded on other terms.
		b.terms, b.folded = b.policy.terms(facts), nil
		b.walker.frame.customerType, b.walker.read = facts.Type, b.policy.newReadings(facts)
	}
	b.fold(facts, t)
	b.save()
	n := b.seen(t)
	b.ledger.extend(b.tail[:n])
	b.spent = true
	b.walker.facts(facts)
	b.walker.resume(b.through)
	b.walker.run(b.through, t)
	return b.walker.conclude(facts, t)
}

// seen returns how many events of the tail have occurred by t.
func (b *Book) seen(t int64) int {
	n, _ := slices.BinarySearchFunc(b.tail, t, func(e entry, t int64) int {
		if e.at <= t {
			return -1
		}
		return 1
	})
	return n
}

// revive brings a book back to what it was before it was walked over.
func (b *Book) revive() {
	if !b.spent {
		return
	}
	again, err := b.policy.readBook(b.doc)
	if err != nil {
		// The book wrote it itself, just before.
		panic("lifecycle: a book cannot read itself: " + err.Error())
	}
	*b = *again
}

// save notes what the book is.
func (b *Book) save() {
	if b.doc == nil {
		b.doc = b.encode()
	}
}

// MarshalBinary returns the book's bytes.
func (b *Book) MarshalBinary() ([]byte, error) {
	b.save()
	return b.doc, nil
}

// Book reads the bytes of a book that was made by the same policy. What is damaged, or was made by another policy or
// another version of Hub, is an error: the book is then to be made anew from the customer's events.
func (p *Policy) Book(doc []byte) (*Book, error) { return p.readBook(doc) }

// Held is how many events the book holds as such.
func (b *Book) Held() int { return len(b.tail) + len(b.ledger.entries) }

// isClosed says whether an event would change a thing that was let go.
func (b *Book) isClosed(e *canon.Event) bool {
	first, what, _ := strings.Cut(e.Type, ".")
	switch first {
	case "subscription", "invoice", "ticket", "deal":
	default:
		return false
	}
	if !changes(first, what) {
		return false
	}
	if b.through != always && b.walker.frame.state.isOver(e) {
		return true
	}
	sum := closedSum(first, e.Ref)
	for i := 0; i+4 <= len(b.closed); i += 4 {
		if [4]byte(b.closed[i:i+4]) == sum {
			return true
		}
	}
	return false
}

// closedSum is short: that two things share one only costs a book that is made anew without need.
func closedSum(first string, ref canon.Ref) [4]byte {
	h := uint32(2166136261)
	for _, s := range [...]string{first, ref.Connection, ref.Stream, ref.ID} {
		for i := range len(s) {
			h = (h ^ uint32(s[i])) * 16777619
		}
		h = (h ^ 0xff) * 16777619
	}
	return [4]byte{byte(h), byte(h >> 8), byte(h >> 16), byte(h >> 24)}
}
