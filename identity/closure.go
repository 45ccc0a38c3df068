package identity

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/lifecyclehub/hub/canon"
)

// Loader finds nodes by what they hold.
type Loader interface {
	// NodesByKeys returns the nodes of the kind that hold any of the keys, as they stand now. A key that more
	// than limit nodes hold is left out, but its count is given; limit 0 leaves out none. counts holds at
	// least the keys left out. Nodes left out for one key may be among the answer for another.
	NodesByKeys(ctx context.Context, kind canon.Kind, keys []string, limit int) (nodes []Node, counts map[string]int, err error)
}

// Seed is what has changed of one kind.
type Seed struct {
	Kind canon.Kind
	// Nodes as they are now. The Loader must already know them so.
	Nodes []Node
	// Keys are what the nodes held before (Evidence of their old state): whoever shares such a key may now
	// stand elsewhere.
	Keys []string
}

// Closure loads all that a change may move: every node that shares a key with a changed one or that a decision links
// with it, and so on until no key is new. Cluster gives of it, with the generic keys found, what it would give of everything.
//
// A key that holds too many nodes is generic and not followed, except where the change itself has just made it
// so: its nodes are then loaded too, as the links between them come undone.
func (r *Rules) Closure(ctx context.Context, seed Seed, load Loader, decisions *Decisions) (nodes []Node, generic map[string]bool, err error) {
	w := walk{rules: r, decisions: decisions, kind: seed.Kind, load: load, nodes: map[string]Node{}, asked: map[string]bool{}, generic: map[string]bool{}, seeded: map[string]int{}, seedKeys: map[string]bool{}}
	for _, n := range seed.Nodes {
		w.add(n)
		for _, key := range r.Evidence(n) {
			w.seeded[key]++
		}
	}
	for _, key := range seed.Keys {
		w.want(key)
		w.seedKeys[key] = true
	}
	for len(w.next) > 0 {
		if err := w.step(ctx); err != nil {
			return nil, nil, err
		}
	}
	found := slices.Collect(maps.Values(w.nodes))
	slices.SortFunc(found, age)
	return found, w.generic, nil
}

type walk struct {
	rules     *Rules
	decisions *Decisions
	kind      canon.Kind
	load      Loader
	nodes     map[string]Node
	asked     map[string]bool
	next      []string
	generic   map[string]bool
	// seeded counts the changed nodes that hold a key.
	seeded map[string]int
	// seedKeys are the keys that the seed names.
	seedKeys map[string]bool
}

func (w *walk) want(key string) {
	for _, k := range [2]string{key, w.rules.twin(key)} {
		if k != "" && !w.asked[k] {
			w.asked[k] = true
			w.next = append(w.next, k)
		}
	}
}

func (w *walk) add(n Node) {
	if _, known := w.nodes[n.Key]; known {
		return
	}
	w.nodes[n.Key] = n
	for _, key := range w.rules.Evidence(n) {
		w.want(key)
	}
	for _, t := range w.decisions.linksOf(n.Key) {
		if kindIn(t.other) == w.kind {
			w.want(OwnKey(t.other))
		}
	}
}

// step asks for all keys that are new.
func (w *walk) step(ctx context.Context) error {
	keys := w.next
	w.next = nil
	slices.Sort(keys)
	refs := slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return !isRefKey(key) })
	others := slices.DeleteFunc(keys, func(key string) bool {
		// What a decision calls generic links nobody, but did so before the decision.
		return isRefKey(key) || w.decisions.genericBy(key) != "" && !w.seedKeys[key]
	})
	limit := w.rules.limit()
	if _, err := w.ask(ctx, refs, 0); err != nil {
		return err
	}
	counts, err := w.ask(ctx, others, limit)
	if err != nil {
		return err
	}
	var tipped []string
	for _, key := range others {
		if counts[key] <= limit {
			continue
		}
		w.generic[key] = true
		if seeds := w.seeded[key]; seeds > 0 && counts[key]-seeds <= limit {
			tipped = append(tipped, key)
		}
	}
	_, err = w.ask(ctx, tipped, 0)
	return err
}

func (w *walk) ask(ctx context.Context, keys []string, limit int) (map[string]int, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	nodes, counts, err := w.load.NodesByKeys(ctx, w.kind, keys, limit)
	if err != nil {
		return nil, fmt.Errorf("load %s records by %d keys: %w", w.kind, len(keys), err)
	}
	for _, n := range nodes {
		w.add(n)
	}
	return counts, nil
}
