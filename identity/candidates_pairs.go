package identity

import (
	"cmp"
	"hash/maphash"
	"slices"

	"github.com/lifecyclehub/hub/canon"
)

// entry is a node in a block; the block stands by a hash, as millions of them are held at once.
type entry struct {
	block uint64
	node  int32
}

func (r *Rules) prepareAll(nodes []Node) []Prepared {
	prepared := make([]Prepared, len(nodes))
	for i := range nodes {
		prepared[i] = r.Prepare(nodes[i])
	}
	return prepared
}

// eachPair calls fn with the places of every pair of the nodes that share a block and are alike enough to be proposed, each
// once. generic tells which blocks are known to find nobody, beside those that more nodes hold than the rules allow; nil
// for none.
func (r *Rules) eachPair(prepared []Prepared, generic func(key string) bool, fn func(i, j int32, c canon.Candidate)) {
	var entries []entry
	seed := maphash.MakeSeed()
	for i := range prepared {
		for _, key := range r.blocksOf(&prepared[i]) {
			if generic == nil || !generic(key) {
				entries = append(entries, entry{maphash.String(seed, key), int32(i)})
			}
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Or(cmp.Compare(a.block, b.block), cmp.Compare(a.node, b.node)) })
	blocks := r.spans(entries)
	// of lists, by node, the blocks that it stands in.
	of := spansByNode(entries, blocks, len(prepared))
	met := make([]int32, len(prepared))
	for i := range prepared {
		met[i] = -1
	}
	for i := range prepared {
		for _, s := range of.of(i) {
			for _, e := range entries[blocks[s].from:blocks[s].to] {
				if j := e.node; int(j) > i && met[j] != int32(i) {
					met[j] = int32(i)
					if c, ok := r.MatchPrepared(&prepared[i], &prepared[j]); ok {
						fn(int32(i), j, c)
					}
				}
			}
		}
	}
}

// span is a block's place among the entries.
type span struct{ from, to int32 }

// spans returns the blocks that several nodes hold, but not too many.
func (r *Rules) spans(entries []entry) []span {
	var out []span
	for from := 0; from < len(entries); {
		to := from + 1
		for to < len(entries) && entries[to].block == entries[from].block {
			to++
		}
		if n := to - from; n > 1 && n <= r.limit() {
			out = append(out, span{int32(from), int32(to)})
		}
		from = to
	}
	return out
}

// index lists the spans of each node, in one array.
type index struct{ start, spans []int32 }

func (x index) of(node int) []int32 { return x.spans[x.start[node]:x.start[node+1]] }

func spansByNode(entries []entry, blocks []span, nodes int) index {
	x := index{start: make([]int32, nodes+1)}
	total := int32(0)
	for _, b := range blocks {
		for _, e := range entries[b.from:b.to] {
			x.start[e.node+1]++
			total++
		}
	}
	for i := range nodes {
		x.start[i+1] += x.start[i]
	}
	x.spans = make([]int32, total)
	at := slices.Clone(x.start)
	for s, b := range blocks {
		for _, e := range entries[b.from:b.to] {
			x.spans[at[e.node]] = int32(s)
			at[e.node]++
		}
	}
	return x
}
