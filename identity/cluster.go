package identity

import (
	"cmp"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// Cluster is the nodes of one kind that are one company or one person; under GrainGroup, one group of companies.
type Cluster struct {
	// ID is derived from the earliest member: the first created, those without a date last, then by ref. Of a group
	// it is the earliest of the company that owns all others.
	ID string
	// Members are sorted by age, the earliest first; those of a group's topmost company before all others.
	Members []Member
	// Edges are all evidence that members are the same as others, the surest first: what linked them, and what did
	// not, with the reason.
	Edges []canon.Edge
	// Contested are keys held by members that could link several records and therefore link none.
	Contested []canon.Contested
}

// Member is a node in a cluster and why it is there, in the words of canon.Member.Why.
type Member struct {
	Key string
	Why string
	// Rank is the place of that evidence on the ladder, 1 for the record that the cluster began with.
	Rank int
}

// Known is what clustering knows beside the nodes.
type Known struct {
	// Generic are keys that too many nodes hold, as Closure found.
	Generic   map[string]bool
	Decisions *Decisions
}

// The ladder of evidence, from the surest.
const (
	rankDecided    = 0 // an operator's decision
	rankMerged     = 1 // a merge at the vendor
	rankSame       = 2 // a reference that somebody stored on purpose; the company that owns another
	rankRegistered = 3 // a VAT id, a number in a register
	rankMail       = 4 // an address that the source vouches for
	rankDomain     = 6 // a corporate domain
)

// Cluster returns the clusters of the nodes, sorted by id. The nodes are of one kind and a closed set: every
// node that shares a key with one of them, or that a decision links with it, is among them, except for keys in
// known.Generic, which link nothing. A key that more nodes hold than the rules allow is generic by itself.
//
// The outcome depends on the set alone. Links are taken in one total order, the surest first, and each only
// where it keeps to the limits: nobody together whom a decision keeps apart; no two living records of a single source
// in one cluster, but for those that the source itself or a decision merged; no more members or identifiers than the
// rules allow; and no common address or domain of records that were not alive at the same time.
func (r *Rules) Cluster(nodes []Node, known Known) []Cluster {
	c := newClustering(r, nodes, known)
	c.decided()
	if len(c.links) > 0 {
		c.wholly(nodes, known)
	}
	c.gather()
	if r.grouped() {
		c.rollUp()
	}
	return c.result()
}

// gather collects the links and makes those that may be.
func (c *clustering) gather() {
	c.collect()
	if c.rules.Matching.Auto > 0 {
		c.alike()
	}
	slices.SortFunc(c.links, compareLinks)
	decided := 0
	for ; decided < len(c.links) && c.links[decided].rank == rankDecided; decided++ {
		c.join(&c.links[decided])
	}
	for _, w := range c.whole {
		if a, b := c.root(w[0]), c.root(w[1]); a != b && c.kept(a, b) == "" {
			c.unite(a, b)
		}
	}
	for i := decided; i < len(c.links); i++ {
		c.join(&c.links[i])
	}
}

// wholly finds out with whom the two nodes of each link that was decided are one without any such decision. They stay
// one, whatever a limit says of the two together: who joins two customers means all of both, not the two records that
// stand for them. Otherwise a third system that knows each of the two would lose one of its records to a customer of
// its own.
func (c *clustering) wholly(nodes []Node, known Known) {
	alone := newClustering(c.rules, nodes, Known{Generic: known.Generic, Decisions: known.Decisions.withoutLinks()})
	alone.decided()
	alone.gather()
	for _, l := range c.links {
		for _, end := range []int32{l.a, l.b} {
			alone.members(alone.root(end), func(i int32) bool {
				if i != end {
					c.whole = append(c.whole, [2]int32{min(i, end), max(i, end)})
				}
				return true
			})
		}
	}
	slices.SortFunc(c.whole, func(x, y [2]int32) int { return cmp.Or(cmp.Compare(x[0], y[0]), cmp.Compare(x[1], y[1])) })
}

// link is one piece of evidence that two nodes are the same.
type link struct {
	a, b int32
	rank uint8
	// order comes before the nodes among links of one rank; the smaller, the earlier.
	order int32
	key   string
	// rejected says why the evidence links nobody, "" where it may.
	rejected string
}

// compareLinks orders links; nodes are numbered in the order of their refs.
func compareLinks(x, y link) int {
	return cmp.Or(int(x.rank)-int(y.rank), cmp.Compare(x.order, y.order), cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b),
		strings.Compare(x.key, y.key), strings.Compare(x.rejected, y.rejected))
}

// clustering is one run. Everything about a node stands under its number in the order of refs.
type clustering struct {
	rules     *Rules
	decisions *Decisions
	generic   map[string]bool
	all       []Node
	// order gives the place in all of each node.
	order []int32
	// shadow marks nodes that a living node of their source has absorbed.
	shadow []bool
	// unlinks are the nodes that decisions keep a node apart from; of few nodes.
	unlinks map[int32][]barrier
	parents []parentage
	links   []link
	// whole are the pairs that decided links must not part.
	whole     [][2]int32
	contested []contest

	forest
	bounds
	group
}

// barrier is a decision that keeps a node apart from another.
type barrier struct {
	other int32
	id    string
}

// parentage says that a node's company is owned by another node's.
type parentage struct {
	child, parent int32
	key           string
}

type contest struct {
	nodes  []int32
	key    string
	reason string
	// own restricts the refs to the cluster's, where not all holders are known.
	own bool
}

func newClustering(r *Rules, nodes []Node, known Known) *clustering {
	c := &clustering{rules: r, decisions: known.Decisions, generic: known.Generic, all: nodes}
	c.order = make([]int32, len(nodes))
	for i := range c.order {
		c.order[i] = int32(i)
	}
	slices.SortFunc(c.order, func(x, y int32) int {
		a, b := &nodes[x], &nodes[y]
		return cmp.Or(a.Ref.Compare(b.Ref), strings.Compare(a.Key, b.Key), b.UpdatedAt.Compare(a.UpdatedAt), cmp.Compare(x, y))
	})
	c.order = slices.CompactFunc(c.order, func(x, y int32) bool { return nodes[x].Key == nodes[y].Key })
	c.shadow = make([]bool, len(c.order))
	c.forest = newForest(len(c.order))
	c.bounds = bounds{limits: r.limits(), stale: r.staleAfter(), most: int32(min(r.maxMembers(), 1<<30))}
	return c
}

// at returns the node of a number.
func (c *clustering) at(i int32) *Node { return &c.all[c.order[i]] }

// counts reports whether the node is a living record that stands for a customer of its own.
func (c *clustering) counts(i int32) bool { return !c.at(i).Deleted && !c.shadow[i] }

// decided collects what decisions say of the nodes.
func (c *clustering) decided() {
	named := c.decisions.Named()
	if len(named) == 0 {
		return
	}
	numbers := make(map[string]int32, len(named))
	for _, key := range named {
		numbers[key] = -1
	}
	for i := range c.order {
		if _, there := numbers[c.at(int32(i)).Key]; there {
			numbers[c.at(int32(i)).Key] = int32(i)
		}
	}
	c.unlinks = map[int32][]barrier{}
	for key, i := range numbers {
		if i < 0 {
			continue
		}
		for _, t := range c.decisions.linksOf(key) {
			if other, there := numbers[t.other]; there && other > i {
				c.link(rankDecided, i, other, "decision "+t.id)
			}
		}
		for _, t := range c.decisions.unlinksOf(key) {
			if other, there := numbers[t.other]; there && other >= 0 {
				c.unlinks[i] = append(c.unlinks[i], barrier{other, t.id})
			}
		}
	}
}

func (c *clustering) link(rank uint8, a, b int32, key string) {
	c.links = append(c.links, link{rank: rank, a: min(a, b), b: max(a, b), key: key})
}

// refuse notes evidence that links nobody.
func (c *clustering) refuse(rank uint8, a, b int32, key, reason string) {
	c.links = append(c.links, link{rank: rank, a: min(a, b), b: max(a, b), key: key, rejected: reason})
}

// detached returns the decision that detaches a node, or "".
func (c *clustering) detached(i int32) string { return c.decisions.detachedBy(c.at(i).Key) }

// apart returns the decision that keeps two nodes apart, or "".
func (c *clustering) apart(a, b int32) string {
	for _, u := range c.unlinks[a] {
		if u.other == b {
			return u.id
		}
	}
	return ""
}

// alike links nodes that are as good as certainly one by all that is known of them.
func (c *clustering) alike() {
	numbers := make(map[string]int32, len(c.order))
	nodes := make([]Node, 0, len(c.order))
	// Whoever is not compared holds keys all the same, as Closure counts them.
	held := map[string]int{}
	for i := range int32(len(c.order)) {
		n := c.at(i)
		if c.counts(i) && c.detached(i) == "" {
			numbers[n.Key] = i
			nodes = append(nodes, *n)
			continue
		}
		for _, key := range distinct(c.rules.Blocks(*n)) {
			held[key]++
		}
	}
	if len(held) > 0 {
		for i := range nodes {
			for _, key := range distinct(c.rules.Blocks(nodes[i])) {
				if held[key] > 0 {
					held[key]++
				}
			}
		}
	}
	generic := func(key string) bool {
		return c.generic[key] || held[key] > c.rules.limit() || c.decisions.genericBy(key) != ""
	}
	for _, e := range c.rules.autoEdges(nodes, generic) {
		c.link(rankScore, numbers[e.A], numbers[e.B], e.Key)
	}
}
