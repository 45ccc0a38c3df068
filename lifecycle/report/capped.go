package report

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// maxRows bounds the rows that a foreign text may make.
const maxRows = 1000

// others is the row of all those that there was no room for.
const others = "(all others)"

// capped keeps rows by a foreign text in bounded room. Which texts keep a row of their own depends on which there are,
// and not on the order in which they come: those of the smallest hashes do.
type capped[V any] struct {
	rows   map[string]*V
	hashes map[string]string
	limit  string // hashes from here on have no room; "" is no limit
	// merge adds one row to another.
	merge func(into, from *V)
}

func newCapped[V any](merge func(into, from *V)) capped[V] {
	return capped[V]{rows: map[string]*V{}, hashes: map[string]string{}, merge: merge}
}

// at returns the row of a text.
func (c *capped[V]) at(text string) *V {
	if text == "" {
		text = "(none)"
	}
	if v := c.rows[text]; v != nil {
		return v
	}
	h := canon.Hash([]byte(text))
	if c.limit != "" && h >= c.limit {
		return at(c.rows, others)
	}
	v := new(V)
	c.rows[text], c.hashes[text] = v, h
	if len(c.hashes) > maxRows {
		worst := slices.MaxFunc(slices.Collect(maps.Keys(c.hashes)), func(a, b string) int { return strings.Compare(c.hashes[a], c.hashes[b]) })
		c.limit = c.hashes[worst]
		c.merge(at(c.rows, others), c.rows[worst])
		delete(c.rows, worst)
		delete(c.hashes, worst)
		if worst == text {
			return c.rows[others]
		}
	}
	return v
}

// sorted returns the texts by weight, the heaviest first, then by name; what stands for many or none comes last.
func (c *capped[V]) sorted(weight func(*V) float64) []string {
	last := func(s string) int {
		if s == others {
			return 1
		}
		return 0
	}
	return slices.SortedFunc(maps.Keys(c.rows), func(a, b string) int {
		return cmp.Or(last(a)-last(b), cmp.Compare(weight(c.rows[b]), weight(c.rows[a])), strings.Compare(a, b))
	})
}

// nothing is NaN for 0, which is drawn as nothing.
func nothing(n int64) float64 {
	if n == 0 {
		return math.NaN()
	}
	return float64(n)
}

// purses sums amounts per currency.
type purses map[string]int64

// add adds an amount, if there is one.
func (p purses) add(m *canon.Money) {
	if m != nil && m.Currency != "" {
		p[m.Currency] += m.Minor
	}
}

// currencies lists those that there are, in order.
func currencies[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
