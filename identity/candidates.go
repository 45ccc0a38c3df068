package identity

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// maxBlocks bounds the blocks of one node.
const maxBlocks = 14

// Blocks returns the keys by which nodes that may be the same are found, sorted; none where the rules propose
// nothing. Each key holds less than the whole node, so that a slip in one field leaves other keys in common. A key that
// more nodes hold than the rules allow finds nobody.
func (r *Rules) Blocks(n Node) []string {
	if r.Matching.Propose == 0 && r.Matching.Auto == 0 {
		return nil
	}
	p := r.Prepare(n)
	return r.blocksOf(&p)
}

func (r *Rules) blocksOf(p *Prepared) []string {
	b := blocks{}
	switch {
	case p.person != nil && r.Matching.Full:
		b.person(p.person)
	case p.person != nil:
		b.reached(p.person)
	case p.firm != nil:
		b.firm(p.firm)
	}
	slices.Sort(b.keys)
	return slices.Compact(b.keys)
}

type blocks struct{ keys []string }

// add makes a block of parts that are all known.
func (b *blocks) add(kind string, parts ...string) {
	if len(b.keys) == maxBlocks || slices.Contains(parts, "") {
		return
	}
	key := blkPrefix + kind + ":" + strings.Join(parts, ":")
	b.keys = append(b.keys, key[:min(len(key), 120)])
}

// reached is what persons are found by in businesses that sell to companies.
func (b *blocks) reached(v *personView) {
	for _, m := range v.mails[:min(len(v.mails), 2)] {
		b.add("em", m.key)
	}
	b.add("pn", v.phone.key(), soundKey(v.name.surname))
}

// person makes the blocks of a person by all that is known.
func (b *blocks) person(v *personView) {
	first, last := soundKey(longForm(v.name.first())), soundKey(v.name.surname)
	day, year := "", ""
	if v.born.whole() {
		d := v.born.digits()
		day = string(d[:])
		if v.born.loose && v.born.month > v.born.day {
			// Either order of day and month finds the other.
			day = string(d[:4]) + string(d[6:]) + string(d[4:6])
		}
	}
	if v.born.known() {
		year = strconv.Itoa(int(v.born.year))
	}
	b.add("id", v.nation)
	for _, m := range v.mails[:min(len(v.mails), 2)] {
		b.add("em", m.key)
		if len(m.local) >= 5 {
			b.add("el", m.local)
		}
	}
	b.add("ph", v.phone.key())
	b.add("bi", day, initialsOf(v.name.first(), v.name.surname))
	b.add("bg", day, first)
	b.add("bp", day, v.place.postal)
	b.add("sy", last, year)
	b.names("fn", first, last, "*")
	b.names("nc", first, last, v.place.city)
	b.add("sp", last, v.place.postal)
	b.add("gp", first, v.place.postal)
	b.add("st", v.place.street, v.place.number)
}

// names makes a block of both names in either order.
func (b *blocks) names(kind, first, last, beside string) {
	if first == "" || last == "" {
		return
	}
	b.add(kind, min(first, last), max(first, last), beside)
}

func initialsOf(first, last string) string {
	if first == "" && last == "" {
		return ""
	}
	x, y := initial(first), initial(last)
	return min(x, y) + max(x, y)
}

func initial(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}

// longForm returns what a given name is short for, where that is one name for all, so that Bob is found beside Robert.
func longForm(name string) string {
	lines := nicknames[name]
	if len(lines) == 0 || commonGiven[name] {
		return name
	}
	for _, line := range lines {
		if long := longForms[line]; commonGiven[long] {
			return long
		}
	}
	return longForms[lines[0]]
}

// firm makes the blocks of a company.
func (b *blocks) firm(v *firmView) {
	b.add("vt", vatDigits(v))
	b.add("nm", v.name.joined)
	b.add("lb", v.label)
	if !v.mail.role && v.mail.key != "" {
		b.add("em", v.mail.key)
	}
	b.add("ph", v.phone.key())
	words := 0
	for _, t := range v.name.tokens {
		if tokenWeight(t) == 1 && len(t) >= 3 && words < 2 {
			words++
			b.add("wc", soundKey(t), v.place.city)
			b.add("wl", t, v.place.country)
		}
	}
	if v.name.joined != "" {
		b.add("pz", v.place.postal, v.name.joined[:1])
		b.add("st", v.place.street, v.place.number)
		b.add("np", prefix(v.name.joined, 6))
	}
}

func prefix(s string, n int) string {
	runes := 0
	for i := range s {
		if runes == n {
			return s[:i]
		}
		runes++
	}
	return s
}

// autoLink is a pair that is linked without asking.
type autoLink struct {
	// A and B are entity keys, A before B.
	A, B string
	// Key is the evidence in words.
	Key string
}

// autoEdges returns the pairs among the nodes that are so much alike that they are linked, by key; none where the
// rules link nothing by likeness. A pair that would bring records together that contradict each other is left out: the
// surest pairs come first. generic tells which keys are known to find nobody. It depends on the set of nodes
// alone.
func (r *Rules) autoEdges(nodes []Node, generic func(string) bool) []autoLink {
	if r.Matching.Auto == 0 {
		return nil
	}
	rules := *r
	rules.Matching.Propose = r.Matching.Auto
	type found struct {
		i, j int32
		c    canon.Candidate
	}
	var all []found
	prepared := r.prepareAll(nodes)
	rules.eachPair(prepared, generic, func(i, j int32, c canon.Candidate) { all = append(all, found{i, j, c}) })
	slices.SortFunc(all, func(a, b found) int { return surer(a.c, b.c) })
	var out []autoLink
	g := newGathering(prepared)
	for _, f := range all {
		if g.join(f.i, f.j) {
			out = append(out, autoLink{A: f.c.A, B: f.c.B, Key: "likeness: " + strings.Join(f.c.Why[:min(len(f.c.Why), 3)], ", ")})
		}
	}
	slices.SortFunc(out, func(a, b autoLink) int { return cmp.Or(strings.Compare(a.A, b.A), strings.Compare(a.B, b.B)) })
	return out
}

// surer orders candidates: the most alike first, then by key.
func surer(a, b canon.Candidate) int {
	return cmp.Or(cmp.Compare(b.Score, a.Score), strings.Compare(a.A, b.A), strings.Compare(a.B, b.B))
}
