package identity

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// Cluster is the nodes of one kind that are one company or one person.
type Cluster struct {
	// ID is derived from the earliest member: the first created, those without a date last, then by ref.
	ID string
	// Members are sorted by age, the earliest first.
	Members []Member
	// Contested are keys held by members that could link several records and therefore link none.
	Contested []canon.Contested
	// Rejected are links of members that a surer link or a limit left no room for.
	Rejected []Rejected
}

// Member is a node in a cluster and why it is there, in the words of canon.Member.Why.
type Member struct {
	Key string
	Why string
}

// Rejected is a link between two records that was not made.
type Rejected struct {
	A, B canon.Ref
	// Key is the evidence, such as "domain acme.com", Reason one sentence.
	Key, Reason string
}

// Cluster returns the clusters of the nodes, sorted by id. The nodes are of one kind and a closed set: every
// node that shares a key with one of them is among them, except for keys in generic, which link nothing. A key
// that more nodes hold than the rules allow is generic by itself.
//
// The outcome depends on the set alone. Links are taken in one total order, the surest first, and each only
// where it keeps to the limits: no two living records of a single source in one cluster, but for those that
// the source itself merged.
func (r *Rules) Cluster(nodes []Node, generic map[string]bool) []Cluster {
	c := newClustering(r, nodes, generic)
	for _, key := range slices.Sorted(maps.Keys(c.holders)) {
		c.linkKey(key)
	}
	slices.SortFunc(c.links, compareLinks)
	for _, l := range c.links {
		c.join(l)
	}
	return c.result()
}

type holder struct {
	node int
	hold hold
}

// link is one piece of evidence that two nodes are the same.
type link struct {
	// rank is 1 for a merge at the vendor, 2 for a stored reference, 4 for a verified address, 6 for a domain.
	rank int
	a, b int
	key  string
}

const (
	rankMerged = 1
	rankSame   = 2
	rankMail   = 4
	rankDomain = 6
)

// compareLinks orders links; nodes are numbered in the order of their refs.
func compareLinks(x, y link) int {
	return cmp.Or(x.rank-y.rank, x.a-y.a, x.b-y.b, strings.Compare(x.key, y.key))
}

type clustering struct {
	rules   *Rules
	nodes   []Node
	holders map[string][]holder
	generic map[string]bool
	// shadow marks nodes that a living node of their source has absorbed.
	shadow []bool
	links  []link

	parent []int
	// taken holds, by root, the single sources that a cluster has a living record of.
	taken     []map[string]bool
	why       []string
	contested []contest
	rejected  []rejection
}

type contest struct {
	nodes  []int
	key    string
	reason string
	// own restricts the refs to the cluster's, where not all holders are known.
	own bool
}

type rejection struct {
	a, b int
	Rejected
}

func newClustering(r *Rules, nodes []Node, generic map[string]bool) *clustering {
	nodes = slices.Clone(nodes)
	slices.SortFunc(nodes, func(a, b Node) int { return cmp.Or(a.Ref.Compare(b.Ref), strings.Compare(a.Key, b.Key)) })
	nodes = slices.CompactFunc(nodes, func(a, b Node) bool { return a.Key == b.Key })
	c := &clustering{
		rules: r, nodes: nodes, holders: map[string][]holder{}, generic: generic, shadow: make([]bool, len(nodes)),
		parent: make([]int, len(nodes)), taken: make([]map[string]bool, len(nodes)), why: make([]string, len(nodes)),
	}
	for i, n := range nodes {
		c.parent[i] = i
		for _, clue := range r.clues(n) {
			c.holders[clue.key] = append(c.holders[clue.key], holder{i, clue.hold})
		}
	}
	for key, holders := range c.holders {
		if isRefKey(key) {
			c.markShadows(holders)
		}
	}
	for i, n := range nodes {
		if c.counts(i) && r.single(n.source()) {
			c.taken[i] = map[string]bool{n.source(): true}
		}
	}
	return c
}

// markShadows marks whoever's own ref the vendor merged into a living node.
func (c *clustering) markShadows(holders []holder) {
	for _, self := range holders {
		for _, other := range holders {
			if self.hold == holdSelf && other.hold == holdMerged && !c.nodes[other.node].Deleted {
				c.shadow[self.node] = true
			}
		}
	}
}

// counts reports whether the node is a living record that stands for a customer of its own.
func (c *clustering) counts(i int) bool { return !c.nodes[i].Deleted && !c.shadow[i] }

// linkKey collects the links that one key gives, or says why it gives none.
func (c *clustering) linkKey(key string) {
	all := c.holders[key]
	if isRefKey(key) {
		c.linkRef(key, all)
		return
	}
	if c.generic[key] || len(all) > c.rules.limit() {
		c.contested = append(c.contested, contest{
			nodes: indexes(all), key: key, own: true,
			reason: fmt.Sprintf("More than %d records hold it, so it tells none from another.", c.rules.limit()),
		})
		return
	}
	living := slices.DeleteFunc(slices.Clone(all), func(h holder) bool { return c.shadow[h.node] })
	if len(living) < 2 {
		return
	}
	strong := slices.DeleteFunc(slices.Clone(living), func(h holder) bool { return h.hold != holdStrong })
	if source := c.rival(strong); source != "" {
		c.contested = append(c.contested, contest{
			nodes: indexes(living), key: key,
			reason: fmt.Sprintf("Several records of %s claim it, so it links none.", source),
		})
		return
	}
	rank := rankDomain
	if strings.HasPrefix(key, "mail:") {
		rank = rankMail
	}
	for _, a := range strong {
		for _, b := range living {
			if a.node != b.node && (b.hold != holdStrong || a.node < b.node) {
				c.link(rank, a.node, b.node, key)
			}
		}
	}
}

// linkRef links whoever points to a record with the record, and with each other where it is not known.
func (c *clustering) linkRef(key string, holders []holder) {
	if len(holders) < 2 {
		return
	}
	hub := slices.MinFunc(holders, func(a, b holder) int { return cmp.Or(int(a.hold-b.hold), a.node-b.node) })
	for _, h := range holders {
		if h.node == hub.node {
			continue
		}
		rank := rankSame
		if h.hold <= holdInto && hub.hold <= holdInto {
			rank = rankMerged
		}
		c.link(rank, hub.node, h.node, key)
	}
}

func (c *clustering) link(rank, a, b int, key string) {
	c.links = append(c.links, link{rank, min(a, b), max(a, b), key})
}

// rival returns a single source that several of the holders come from, the first by name, or "".
func (c *clustering) rival(holders []holder) string {
	count := map[string]int{}
	for _, h := range holders {
		count[c.nodes[h.node].source()]++
	}
	for _, source := range slices.Sorted(maps.Keys(count)) {
		if count[source] > 1 && c.rules.single(source) {
			return source
		}
	}
	return ""
}

func (c *clustering) root(i int) int {
	for c.parent[i] != i {
		c.parent[i] = c.parent[c.parent[i]]
		i = c.parent[i]
	}
	return i
}

// join makes the link unless a limit forbids it.
func (c *clustering) join(l link) {
	a, b := c.root(l.a), c.root(l.b)
	if a != b {
		if source := overlap(c.taken[a], c.taken[b]); source != "" && l.rank != rankMerged {
			c.rejected = append(c.rejected, rejection{l.a, l.b, Rejected{
				A: c.nodes[l.a].Ref, B: c.nodes[l.b].Ref, Key: say(l.key),
				Reason: fmt.Sprintf("The link would put two records of %s into one customer.", source),
			}})
			return
		}
		c.parent[max(a, b)] = min(a, b)
		root, other := min(a, b), max(a, b)
		if c.taken[root] == nil {
			c.taken[root] = map[string]bool{}
		}
		maps.Copy(c.taken[root], c.taken[other])
	}
	c.explain(l.a, l.b, l)
	c.explain(l.b, l.a, l)
}

// explain notes the surest link of a member; links come in that order.
func (c *clustering) explain(i, other int, l link) {
	if c.why[i] != "" {
		return
	}
	switch l.rank {
	case rankMerged:
		c.why[i] = "merged with " + c.nodes[other].Ref.String()
	case rankSame:
		c.why[i] = "same_as " + c.nodes[other].Ref.String()
	default:
		c.why[i] = say(l.key)
	}
}

func overlap(a, b map[string]bool) string {
	for _, source := range slices.Sorted(maps.Keys(a)) {
		if b[source] {
			return source
		}
	}
	return ""
}

func indexes(holders []holder) []int {
	out := make([]int, len(holders))
	for i, h := range holders {
		out[i] = h.node
	}
	return out
}

// result gathers what the joins made.
func (c *clustering) result() []Cluster {
	members := map[int][]int{}
	for i := range c.nodes {
		members[c.root(i)] = append(members[c.root(i)], i)
	}
	found := make(map[int]*Cluster, len(members))
	for root, nodes := range members {
		slices.SortFunc(nodes, func(a, b int) int { return age(c.nodes[a], c.nodes[b]) })
		cluster := &Cluster{ID: c.nodes[nodes[0]].ID()}
		for place, i := range nodes {
			why := c.why[i]
			if place == 0 {
				why = "source"
			}
			cluster.Members = append(cluster.Members, Member{c.nodes[i].Key, why})
		}
		found[root] = cluster
	}
	c.report(found)
	out := make([]Cluster, 0, len(found))
	for _, cluster := range found {
		out = append(out, *cluster)
	}
	slices.SortFunc(out, func(a, b Cluster) int {
		return cmp.Or(strings.Compare(a.ID, b.ID), strings.Compare(a.Members[0].Key, b.Members[0].Key))
	})
	return out
}

// report hands each cluster the contested keys and rejected links of its members.
func (c *clustering) report(found map[int]*Cluster) {
	for _, con := range c.contested {
		byRoot := map[int][]canon.Ref{}
		var all []canon.Ref
		for _, i := range con.nodes {
			byRoot[c.root(i)] = append(byRoot[c.root(i)], c.nodes[i].Ref)
			all = append(all, c.nodes[i].Ref)
		}
		for root, own := range byRoot {
			refs := all
			if con.own {
				refs = own
			}
			found[root].Contested = append(found[root].Contested, canon.Contested{Key: say(con.key), Reason: con.reason, Refs: slices.Clone(refs)})
		}
	}
	for _, rej := range c.rejected {
		a, b := c.root(rej.a), c.root(rej.b)
		if a == b {
			// Another link joined them after all.
			continue
		}
		found[a].Rejected = append(found[a].Rejected, rej.Rejected)
		found[b].Rejected = append(found[b].Rejected, rej.Rejected)
	}
}

// age orders nodes by when they came into being, those without a date last, then by ref.
func age(a, b Node) int {
	if az, bz := a.CreatedAt.IsZero(), b.CreatedAt.IsZero(); az != bz {
		if az {
			return 1
		}
		return -1
	}
	return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), a.Ref.Compare(b.Ref), strings.Compare(a.Key, b.Key))
}
