package identity

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// forest joins nodes to clusters and knows each cluster's members.
type forest struct {
	// parent leads to the root; head, next and size hold the members of a root as a list.
	parent, next, last, size []int32
}

func newForest(n int) forest {
	all := make([]int32, 4*n)
	f := forest{parent: all[:n:n], next: all[n : 2*n : 2*n], last: all[2*n : 3*n : 3*n], size: all[3*n:]}
	for i := range int32(n) {
		f.parent[i], f.next[i], f.last[i], f.size[i] = i, -1, i, 1
	}
	return f
}

func (f *forest) root(i int32) int32 {
	for f.parent[i] != i {
		f.parent[i] = f.parent[f.parent[i]]
		i = f.parent[i]
	}
	return i
}

// unite joins two roots.
func (f *forest) unite(a, b int32) {
	if f.size[a] < f.size[b] || f.size[a] == f.size[b] && b < a {
		a, b = b, a
	}
	f.parent[b] = a
	f.next[f.last[a]] = b
	f.last[a] = f.last[b]
	f.size[a] += f.size[b]
}

// members calls fn with every member of a root until fn returns false.
func (f *forest) members(root int32, fn func(i int32) bool) {
	for i := root; i >= 0; i = f.next[i] {
		if !fn(i) {
			return
		}
	}
}

// identKinds is the number of kinds of identifier that have limits.
const identKinds = 4

var identNames = [identKinds]string{LimitMail, LimitDomain, LimitVAT, LimitRegistration}

// ident is an identifier of a node.
type ident struct {
	kind uint8
	hash uint64
}

// bounds are what joins are held to.
type bounds struct {
	limits  [identKinds]Limit
	sources []string
	// source is the number of the single source that a node is the living record of, -1 for none.
	source []int32
	// idents of node i are between starts[i] and starts[i+1].
	idents []ident
	starts []int32
	stale  time.Duration
	most   int32
}

// measure finds out which single source each node is the living record of.
func (c *clustering) measure() {
	c.source = make([]int32, len(c.order))
	numbers := map[string]int32{}
	for i := range int32(len(c.order)) {
		c.source[i] = -1
		source := c.at(i).source()
		if !c.counts(i) || !c.rules.single(source) {
			continue
		}
		number, met := numbers[source]
		if !met {
			number = int32(len(c.sources))
			numbers[source] = number
			c.sources = append(c.sources, source)
		}
		c.source[i] = number
	}
}

func identKind(key string) (kind uint8, limited bool) {
	switch key[:4] {
	case "mail", "addr":
		return 0, true
	case domPrefix:
		return 1, true
	case vatPrefix:
		return 2, true
	case regPrefix:
		return 3, true
	}
	return 0, false
}

// join makes the link unless a limit forbids it.
func (c *clustering) join(l *link) {
	if l.rejected != "" {
		return
	}
	a, b := c.root(l.a), c.root(l.b)
	if a == b {
		return
	}
	if l.rejected = c.forbids(l, a, b); l.rejected == "" {
		c.unite(a, b)
	}
}

// forbids returns why two clusters must not be joined by the link, "" where they may.
func (c *clustering) forbids(l *link, a, b int32) string {
	if c.size[a] > c.size[b] {
		a, b = b, a
	}
	if reason := c.kept(a, b); reason != "" || l.rank == rankDecided {
		return reason
	}
	if c.size[a]+c.size[b] > c.most {
		return c.tooMany()
	}
	if l.rank == rankMerged {
		return ""
	}
	if source := c.overlap(a, b); source != "" {
		return fmt.Sprintf("The link would put two records of %s into one customer.", source)
	}
	if l.rank == rankSame {
		return ""
	}
	if reason := c.exceeded(a, b); reason != "" || l.rank == rankRegistered {
		return reason
	}
	if c.stale > 0 && (c.before(l.a, l.b) || c.before(l.b, l.a)) {
		return "The one record was last changed long before the other came into being: what they share may have got a new owner."
	}
	return ""
}

func (c *clustering) tooMany() string {
	return fmt.Sprintf("The link would make one customer of more than %d records.", c.most)
}

// kept returns the decision that keeps members of two clusters apart, in one sentence, or "".
func (c *clustering) kept(a, b int32) string {
	if len(c.unlinks) == 0 {
		return ""
	}
	ids := []string{}
	c.members(a, func(i int32) bool {
		for _, u := range c.unlinks[i] {
			if c.root(u.other) == b {
				ids = append(ids, u.id)
			}
		}
		return true
	})
	if len(ids) == 0 {
		return ""
	}
	return fmt.Sprintf("Decision %s keeps them apart.", slices.Min(ids))
}

// overlap returns a single source that both clusters have a living record of, the first by name, or "".
func (c *clustering) overlap(a, b int32) string {
	found := ""
	var few [16]int32
	own := few[:0]
	c.members(a, func(i int32) bool {
		if c.source[i] >= 0 && !slices.Contains(own, c.source[i]) {
			own = append(own, c.source[i])
		}
		return true
	})
	if len(own) == 0 {
		return ""
	}
	c.members(b, func(i int32) bool {
		if s := c.source[i]; s >= 0 && slices.Contains(own, s) && (found == "" || c.sources[s] < found) {
			found = c.sources[s]
		}
		return true
	})
	return found
}

// before reports whether a was last changed too long before b came into being.
func (c *clustering) before(a, b int32) bool {
	last, first := c.at(a).UpdatedAt, c.at(b).CreatedAt
	if created := c.at(a).CreatedAt; created.After(last) {
		last = created
	}
	return !c.at(a).UpdatedAt.IsZero() && !first.IsZero() && first.Sub(last) > c.stale
}

// sighting is an identifier with when it is first told of.
type sighting struct {
	ident
	at time.Time
}

// exceeded returns the limit that two clusters together would break, in one sentence, or "".
func (c *clustering) exceeded(a, b int32) string {
	var few [32]sighting
	all := c.sightings(few[:0], a)
	own := len(all)
	all = c.sightings(all, b)
	if own == 0 || own == len(all) {
		return ""
	}
	for kind := range uint8(identKinds) {
		limit := c.limits[kind]
		if limit.Max == 0 {
			continue
		}
		together := most(all, kind, limit.Window)
		if together > limit.Max && together > most(all[:own], kind, limit.Window) && together > most(all[own:], kind, limit.Window) {
			return fmt.Sprintf("One customer would have %d identifiers of the kind %s, more than the %d that the rules allow.", together, identNames[kind], limit.Max)
		}
	}
	return ""
}

func (c *clustering) sightings(out []sighting, root int32) []sighting {
	c.members(root, func(i int32) bool {
		n := c.at(i)
		at := n.CreatedAt
		if at.IsZero() {
			at = n.UpdatedAt
		}
		for _, id := range c.idents[c.starts[i]:c.starts[i+1]] {
			out = append(out, sighting{id, at})
		}
		return true
	})
	return out
}

// most returns the most identifiers of a kind that came up within one window. Those without a time are in every one.
func most(all []sighting, kind uint8, window time.Duration) int {
	of := make([]sighting, 0, len(all))
	for _, s := range all {
		if s.kind == kind {
			of = append(of, s)
		}
	}
	slices.SortFunc(of, func(a, b sighting) int { return cmp.Or(cmp.Compare(a.hash, b.hash), a.at.Compare(b.at)) })
	of = slices.CompactFunc(of, func(a, b sighting) bool { return a.hash == b.hash })
	if window <= 0 {
		return len(of)
	}
	slices.SortFunc(of, func(a, b sighting) int { return a.at.Compare(b.at) })
	untimed, best, start := 0, 0, 0
	for untimed < len(of) && of[untimed].at.IsZero() {
		untimed++
	}
	timed := of[untimed:]
	for end := range timed {
		for timed[end].at.Sub(timed[start].at) > window {
			start++
		}
		best = max(best, end-start+1)
	}
	return untimed + best
}
