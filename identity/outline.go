package identity

import (
	"cmp"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// result gathers what the joins made.
func (c *clustering) result() []Cluster {
	n := len(c.order)
	// Clusters are numbered by their roots as they are met; the order of the end is that of their ids.
	number := make([]int32, n)
	var roots []int32
	for i := range int32(n) {
		if c.root(i) == i {
			number[i] = int32(len(roots))
			roots = append(roots, i)
		}
	}
	why, rank := c.reasons()
	out := make([]Cluster, len(roots))
	members := make([]Member, 0, n)
	var nodes []int32
	for k, root := range roots {
		nodes = nodes[:0]
		c.members(root, func(i int32) bool {
			nodes = append(nodes, i)
			return true
		})
		top := c.topmost(nodes)
		slices.SortFunc(nodes, func(a, b int32) int {
			if top >= 0 && (c.base[a] == top) != (c.base[b] == top) {
				if c.base[a] == top {
					return -1
				}
				return 1
			}
			return older(c.at(a), c.at(b))
		})
		start := len(members)
		for place, i := range nodes {
			m := Member{Key: c.at(i).Key, Why: why[i], Rank: int(rank[i])}
			if place == 0 {
				m.Why, m.Rank = "source", rankMerged
			}
			members = append(members, m)
		}
		out[k] = Cluster{ID: c.at(nodes[0]).id(), Members: members[start:len(members):len(members)]}
	}
	c.report(func(i int32) *Cluster { return &out[number[c.root(i)]] })
	slices.SortFunc(out, func(a, b Cluster) int {
		return cmp.Or(strings.Compare(a.ID, b.ID), strings.Compare(a.Members[0].Key, b.Members[0].Key))
	})
	return out
}

// reasons returns the surest link of each node, in words and with its rank. Links come in that order.
func (c *clustering) reasons() (why []string, rank []uint8) {
	why, rank = make([]string, len(c.order)), make([]uint8, len(c.order))
	note := func(i, other int32, l *link) {
		if why[i] == "" {
			why[i], rank[i] = c.reason(l, other), l.rank
		}
	}
	for k := range c.links {
		if l := &c.links[k]; l.rejected == "" {
			note(l.a, l.b, l)
			note(l.b, l.a, l)
		}
	}
	return why, rank
}

// reason puts a link with another node in the words of canon.Member.Why.
func (c *clustering) reason(l *link, other int32) string {
	switch {
	case l.rank == rankMerged:
		return "merged with " + c.at(other).Ref.String()
	case strings.HasPrefix(l.key, refPrefix):
		return "same_as " + c.at(other).Ref.String()
	}
	return c.words(l)
}

// words puts a link's evidence in words.
func (c *clustering) words(l *link) string {
	if l.rank == rankDecided || l.rank == rankScore {
		// Decisions and likenesses are words already.
		return l.key
	}
	return say(l.key)
}

// report hands each cluster the evidence and the contested keys of its members.
func (c *clustering) report(of func(i int32) *Cluster) {
	key, said := "", ""
	for k := range c.links {
		l := &c.links[k]
		a, b := of(l.a), of(l.b)
		if l.rejected != "" && a == b {
			// Another link joined them after all.
			continue
		}
		if l.key != key {
			key, said = l.key, c.words(l)
		}
		e := canon.Edge{A: c.at(l.a).Key, B: c.at(l.b).Key, Rank: int(l.rank), Key: said, Rejected: l.rejected}
		if e.B < e.A {
			e.A, e.B = e.B, e.A
		}
		a.Edges = append(a.Edges, e)
		if a != b {
			b.Edges = append(b.Edges, e)
		}
	}
	slices.SortFunc(c.contested, func(x, y contest) int {
		return cmp.Or(strings.Compare(x.key, y.key), strings.Compare(x.reason, y.reason), slices.Compare(x.nodes, y.nodes))
	})
	for _, con := range c.contested {
		var met []*Cluster
		var all []canon.Ref
		for _, i := range con.nodes {
			all = append(all, c.at(i).Ref)
			if cl := of(i); !slices.Contains(met, cl) {
				met = append(met, cl)
			}
		}
		for _, cl := range met {
			refs := slices.Clone(all)
			if con.own {
				refs = nil
				for _, i := range con.nodes {
					if of(i) == cl {
						refs = append(refs, c.at(i).Ref)
					}
				}
			}
			cl.Contested = append(cl.Contested, canon.Contested{Key: say(con.key), Reason: con.reason, Refs: refs})
		}
	}
}

// age orders nodes by when they came into being, those without a date last, then by ref.
func age(a, b Node) int { return older(&a, &b) }

func older(a, b *Node) int {
	if az, bz := a.CreatedAt.IsZero(), b.CreatedAt.IsZero(); az != bz {
		if az {
			return 1
		}
		return -1
	}
	return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), a.Ref.Compare(b.Ref), strings.Compare(a.Key, b.Key))
}
