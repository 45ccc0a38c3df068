package evidence

import (
	"cmp"
	"encoding/binary"
	"hash/fnv"
	"slices"
	"time"
)

// split is rows to learn from and rows to be tried on.
type split struct{ train, test []int }

// hashOf places a customer between 0 and 1, the same way on every machine.
func hashOf(customer string, seed uint64) float64 {
	h := fnv.New64a()
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], seed)
	_, _ = h.Write(b[:])
	_, _ = h.Write([]byte(customer))
	x := h.Sum64()
	// FNV alone leaves the high bits of like names alike.
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	x ^= x >> 33
	return float64(x>>11) / (1 << 53)
}

// groupedFolds parts rows into k folds by customer, so that nobody is learned from and tried on at once. Customers are
// dealt out in the order of their hash, those with a positive first, so that folds hold like numbers of both.
func groupedFolds(p Panel, rows []int, k int, seed uint64) []split {
	type customer struct {
		name     string
		positive bool
		at       float64
	}
	seen := map[string]int{}
	var customers []customer
	for _, i := range rows {
		r := &p.Rows[i]
		c, ok := seen[r.Customer]
		if !ok {
			c = len(customers)
			seen[r.Customer] = c
			customers = append(customers, customer{name: r.Customer, at: hashOf(r.Customer, seed)})
		}
		customers[c].positive = customers[c].positive || r.Label
	}
	slices.SortFunc(customers, func(a, b customer) int {
		if a.positive != b.positive {
			return cmp.Compare(outcome(b.positive), outcome(a.positive))
		}
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.name, b.name))
	})
	fold := make(map[string]int, len(customers))
	for n, c := range customers {
		fold[c.name] = n % k
	}
	out := make([]split, k)
	for _, i := range rows {
		f := fold[p.Rows[i].Customer]
		for g := range out {
			if g == f {
				out[g].test = append(out[g].test, i)
			} else {
				out[g].train = append(out[g].train, i)
			}
		}
	}
	return out
}

// walkForward parts rows by time: each fold is tried on a stretch of time and learns from what was settled before it
// began. It returns nil where time does not suffice for at least two folds with enough outcomes on both sides.
func walkForward(p Panel, rows []int, embargo time.Duration, edges []float64) []split {
	order := slices.Clone(rows)
	slices.SortStableFunc(order, func(a, b int) int { return p.Rows[a].At.Compare(p.Rows[b].At) })
	var out []split
	for k, e := range edges {
		from := cutTime(p, order, e)
		to := time.Time{}
		if k+1 < len(edges) {
			to = cutTime(p, order, edges[k+1])
		}
		var s split
		for _, i := range order {
			at := p.Rows[i].At
			switch {
			case !at.Add(embargo).After(from) && at.Before(from):
				s.train = append(s.train, i)
			case !at.Before(from) && (to.IsZero() || at.Before(to)):
				s.test = append(s.test, i)
			}
		}
		if enough(p, s.train, 10) && enough(p, s.test, 3) {
			out = append(out, s)
		}
	}
	if len(out) < min(2, len(edges)) {
		return nil
	}
	return out
}

// cutTime is the moment before which the share of rows lies.
func cutTime(p Panel, order []int, share float64) time.Time {
	return p.Rows[order[min(len(order)-1, int(share*float64(len(order))))]].At
}

// enough says whether rows hold at least n of both outcomes.
func enough(p Panel, rows []int, n int) bool {
	pos := 0
	for _, i := range rows {
		if p.Rows[i].Label {
			pos++
		}
	}
	return pos >= n && len(rows)-pos >= n
}

// timed says whether rows were observed at more than one moment.
func timed(p Panel, rows []int) bool {
	for _, i := range rows {
		if !p.Rows[i].At.Equal(p.Rows[rows[0]].At) {
			return true
		}
	}
	return false
}

// thin keeps whole customers, by hash, until no more than most rows are left.
func thin(p Panel, rows []int, most int, seed uint64) []int {
	for share := 1.0; len(rows) > most; {
		share *= 0.9 * float64(most) / float64(len(rows))
		rows = slices.DeleteFunc(slices.Clone(rows), func(i int) bool { return hashOf(p.Rows[i].Customer, seed) >= share })
	}
	return rows
}

// all are the indexes of a panel's rows.
func (p Panel) all() []int {
	out := make([]int, len(p.Rows))
	for i := range out {
		out[i] = i
	}
	return out
}
