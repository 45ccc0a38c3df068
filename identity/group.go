package identity

import (
	"cmp"
	"slices"
)

// group is what rolling subsidiaries up leaves behind.
type group struct {
	// base is the company of each node before the roll-up, nil where nothing was rolled up.
	base []int32
	// up leads from a company to the one that owns it.
	up map[int32]int32
}

// rollUp joins every company with the one that owns it, up to the topmost. Where records of one company name several
// owners, the one of the surest source counts. Owners that own each other end with the first link that closes the
// circle: it joins nothing more.
func (c *clustering) rollUp() {
	c.base, c.up = make([]int32, len(c.order)), map[int32]int32{}
	for i := range c.base {
		c.base[i] = c.root(int32(i))
	}
	slices.SortFunc(c.parents, func(x, y parentage) int {
		a, b := c.at(x.child), c.at(y.child)
		return cmp.Or(c.rules.rank(a.Ref.Connection)-c.rules.rank(b.Ref.Connection), older(a, b), cmp.Compare(x.parent, y.parent))
	})
	chosen := map[int32]parentage{}
	var order []parentage
	for _, p := range c.parents {
		child := c.base[p.child]
		if _, told := chosen[child]; !told && child != c.base[p.parent] {
			chosen[child] = p
			order = append(order, p)
		}
	}
	slices.SortFunc(order, func(x, y parentage) int {
		return cmp.Or(cmp.Compare(x.child, y.child), cmp.Compare(x.parent, y.parent))
	})
	for _, p := range order {
		l := link{rank: rankSame, a: min(p.child, p.parent), b: max(p.child, p.parent), key: p.key}
		a, b := c.root(l.a), c.root(l.b)
		switch {
		case a == b:
		case c.kept(a, b) != "":
			l.rejected = c.kept(a, b)
		case c.size[a]+c.size[b] > c.most:
			l.rejected = c.tooMany()
		default:
			c.unite(a, b)
			c.up[c.base[p.child]] = c.base[p.parent]
		}
		c.links = append(c.links, l)
	}
	// Reports go through links in order.
	slices.SortStableFunc(c.links, compareLinks)
}

// topmost returns the company that owns all of a cluster's, -1 where nothing was rolled up.
func (c *clustering) topmost(nodes []int32) int32 {
	if c.base == nil {
		return -1
	}
	top := c.base[nodes[0]]
	for {
		up, owned := c.up[top]
		if !owned {
			return top
		}
		top = up
	}
}
