package identity

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"
)

// holder is a node that holds a key.
type holder struct {
	// meet is the hash of the key under which holders meet.
	meet uint64
	node int32
	hold hold
	// weak says that the key is the twin of the one that its holders meet under.
	weak bool
	key  string
}

// keepKeys is the number of nodes up to which every key is kept. Beyond it, memory matters more than time: only keys
// that several nodes hold are made a second time.
const keepKeys = 1 << 16

// collect collects the links that common keys give, or says why they give none.
func (c *clustering) collect() {
	seed := maphash.MakeSeed()
	keep := len(c.order) <= keepKeys
	holders := make([]holder, 0, 3*len(c.order))
	c.starts = make([]int32, 1, len(c.order)+1)
	for i := range int32(len(c.order)) {
		holders = c.holdings(holders, i, seed, keep)
		c.starts = append(c.starts, int32(len(c.idents)))
	}
	slices.SortFunc(holders, func(a, b holder) int { return cmp.Or(cmp.Compare(a.meet, b.meet), cmp.Compare(a.node, b.node)) })
	shared := holders
	if !keep {
		shared = c.recall(holders, seed)
	}
	c.eachKey(shared, func(key string, holders []holder) {
		if isRefKey(key) {
			c.markShadows(holders)
		}
	})
	c.measure()
	c.eachKey(shared, func(key string, holders []holder) {
		if isRefKey(key) {
			c.linkRef(key, holders)
		} else {
			c.linkKey(key, holders)
		}
	})
}

// holdings appends what a node holds.
func (c *clustering) holdings(holders []holder, i int32, seed maphash.Seed, keep bool) []holder {
	for _, clue := range c.rules.clues(c.at(i)) {
		meet := meeting(clue.key)
		h := holder{meet: maphash.String(seed, meet), node: i, hold: clue.hold, weak: meet != clue.key}
		if keep || len(c.generic) > 0 && c.generic[clue.key] || c.decisions.genericBy(clue.key) != "" {
			h.key = meet
		}
		holders = append(holders, h)
		if kind, limited := identKind(clue.key); limited && c.limits[kind].Max > 0 {
			c.idents = append(c.idents, ident{kind, h.meet})
		}
	}
	return holders
}

// recall returns the holders of keys that several nodes hold, or that are known to be generic, with their keys.
func (c *clustering) recall(holders []holder, seed maphash.Seed) []holder {
	kept := holders[:0]
	for start := 0; start < len(holders); {
		end := start + 1
		for end < len(holders) && holders[end].meet == holders[start].meet {
			end++
		}
		if end-start > 1 || holders[start].key != "" {
			kept = append(kept, holders[start:end]...)
		}
		start = end
	}
	keys := map[uint64]string{}
	for i := range kept {
		h := &kept[i]
		if h.key == "" {
			h.key = c.remake(h, seed)
		}
		// One string is kept of all that are equal.
		if first, met := keys[h.meet]; !met {
			keys[h.meet] = h.key
		} else if first == h.key {
			h.key = first
		}
	}
	return slices.Clip(kept)
}

// remake makes the key that a holder stands for once more.
func (c *clustering) remake(h *holder, seed maphash.Seed) string {
	for _, clue := range c.rules.clues(c.at(h.node)) {
		if meet := meeting(clue.key); maphash.String(seed, meet) == h.meet {
			return meet
		}
	}
	return ""
}

// eachKey calls fn with every key and its holders in the order of their nodes.
func (c *clustering) eachKey(holders []holder, fn func(key string, holders []holder)) {
	for start := 0; start < len(holders); {
		end := start + 1
		for end < len(holders) && holders[end].meet == holders[start].meet {
			end++
		}
		run := holders[start:end]
		start = end
		if slices.ContainsFunc(run, func(h holder) bool { return h.key != run[0].key }) {
			// Two keys have one hash.
			slices.SortStableFunc(run, func(a, b holder) int { return strings.Compare(a.key, b.key) })
		}
		for len(run) > 0 {
			n := 1
			for n < len(run) && run[n].key == run[0].key {
				n++
			}
			fn(run[0].key, run[:n])
			run = run[n:]
		}
	}
}

// markShadows marks whoever's own ref the vendor merged into a living node.
func (c *clustering) markShadows(holders []holder) {
	for _, self := range holders {
		for _, other := range holders {
			merged := self.hold == holdSelf && other.hold == holdMerged && !c.at(other.node).Deleted
			if merged && c.detached(other.node) == "" && c.apart(self.node, other.node) == "" {
				c.shadow[self.node] = true
			}
		}
	}
}
