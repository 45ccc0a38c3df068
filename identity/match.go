package identity

import (
	"math"
	"slices"

	"github.com/lifecyclehub/hub/canon"
)

// MatchRules say how records that no key links are compared.
type MatchRules struct {
	// Full compares persons by all that is known of them. Without it only persons who share an address, or a phone
	// and a surname, are compared, as suits businesses that sell to companies. Companies are compared in full always.
	Full bool
	// Propose is the score from which a pair is put before an operator, 0 for never; Auto that from which it is
	// linked without asking, 0 for never.
	Propose, Auto float64
}

// Pack returns shipped rules by name: "company", for businesses that sell to companies, and "person", for those that
// sell to persons.
//
// Neither links by likeness alone: that takes an operator's threshold. The score is what the weights make of a pair, not a
// rate that was measured: where families share names, homes and phones, a few in a thousand of the pairs above 0.9999 may
// be wrong. That score takes a rare name and a day of birth, a
// common name, a day of birth and one thing more, or a name and a mailbox or phone of its own with a town. An address and a
// name do not suffice, nor an initial, and it is never reached where given names contradict each other.
func Pack(name string) (Rules, bool) {
	switch name {
	case "company", "":
		return Rules{Matching: MatchRules{Propose: 0.7}}, true
	case "person":
		return Rules{Grain: GrainPerson, Matching: MatchRules{Full: true, Propose: 0.8}}, true
	}
	return Rules{}, false
}

// The ranks of pairs on the ladder of evidence.
const (
	rankMailUnverified = 5
	rankPhone          = 7
	rankName           = 8
	rankScore          = 9
)

// Prepared is a node whose values are made comparable, once for many comparisons.
type Prepared struct {
	key    string
	kind   canon.Kind
	person *personView
	firm   *firmView
}

// Prepare makes a node comparable. A node that is deleted, or tells nothing, is like no other.
func (r *Rules) Prepare(n Node) Prepared {
	p := Prepared{key: n.Key, kind: n.Kind}
	if n.Deleted {
		return p
	}
	switch b := n.Entity.Body.(type) {
	case *canon.Contact:
		p.person = r.viewPerson(b)
	case *canon.Company:
		p.firm = r.viewFirm(b)
	}
	return p
}

// Match compares two nodes of one kind: how alike they are, 0 to 1, with what speaks for it and against. It is false
// for a pair below the proposing threshold. The order of the two makes no difference.
func (r *Rules) Match(a, b Node) (canon.Candidate, bool) {
	x, y := r.Prepare(a), r.Prepare(b)
	return r.MatchPrepared(&x, &y)
}

// MatchPrepared is Match for nodes that are compared many times.
func (r *Rules) MatchPrepared(a, b *Prepared) (canon.Candidate, bool) {
	least := r.Matching.Propose
	if a.key > b.key {
		a, b = b, a
	}
	var t tally
	if !compare(a, b, &t) {
		return canon.Candidate{}, false
	}
	score := t.score()
	if least == 0 || score < least {
		return canon.Candidate{}, false
	}
	return canon.Candidate{ID: canon.CandidateID(a.key, b.key), Kind: a.kind, A: a.key, B: b.key, Rank: t.rank, Score: score, Why: t.words()}, true
}

// compare weighs a pair and reports whether there is anything to weigh.
func compare(a, b *Prepared, t *tally) bool {
	switch {
	case a.kind != b.kind || a.key == b.key:
		return false
	case a.person != nil && b.person != nil:
		return comparePersons(a.person, b.person, t)
	case a.firm != nil && b.firm != nil:
		return compareFirms(a.firm, b.firm, t)
	}
	return false
}

// finding is what one field says about a pair.
type finding struct {
	what string
	a, b string
	bits float64
}

// maxFindings is the most fields that a pair is compared by.
const maxFindings = 14

// tally adds up what the fields say. It lives on the stack: pairs are compared by the million.
type tally struct {
	found [maxFindings]finding
	n     int
	sum   float64
	rank  int
	// cut is what was taken off because pieces of evidence hang together.
	cut float64
}

// note records what a field says; what says nothing is not kept.
func (t *tally) note(f finding) {
	if f.bits == 0 || t.n == maxFindings {
		return
	}
	t.found[t.n] = f
	t.n++
	t.sum += f.bits
}

// cap takes off what the findings from the one at from on give beyond most.
func (t *tally) cap(sum, most float64) {
	if sum > most {
		t.cut += sum - most
		t.sum -= sum - most
	}
}

// score turns bits into a probability, rounded so that no machine's arithmetic shows.
func (t *tally) score() float64 {
	return math.Round(1e6/(1+math.Exp2(-t.sum))) / 1e6
}

// words tells what speaks for the pair, the strongest first, then what speaks against it.
func (t *tally) words() []string {
	found := slices.Clone(t.found[:t.n])
	slices.SortStableFunc(found, func(a, b finding) int {
		switch {
		case a.bits > b.bits:
			return -1
		case a.bits < b.bits:
			return 1
		}
		return 0
	})
	out := make([]string, 0, len(found)+1)
	for _, f := range found {
		out = append(out, f.say())
	}
	if t.cut > 0.5 {
		out = append(out, "some of it hangs together and counts less")
	}
	return out
}

func (f finding) say() string {
	text := f.what
	switch {
	case f.a == "" && f.b == "":
	case f.a == f.b:
		text += " " + f.a
	default:
		text += " (" + min(f.a, f.b) + ", " + max(f.a, f.b) + ")"
	}
	if f.bits < 0 {
		return "against: " + text
	}
	return text
}
