package identity

import (
	"slices"

	"github.com/lifecyclehub/hub/canon"
)

// Trial is what rules make of records: what they link by themselves, and what they make of them with an operator who
// accepts every proposal.
type Trial struct {
	// Auto and Proposed name, by record, the cluster that it is in.
	Auto, Proposed []string
	// Candidates are the proposals, the surest first.
	Candidates []canon.Candidate
}

// Try clusters nodes of one kind as records that come in are clustered, and then accepts the proposals, the surest
// first, each where no two living records of a single source come together by it, and none that contradict each other.
func (r *Rules) Try(nodes []Node, known Known) Trial {
	t := Trial{Auto: make([]string, len(nodes)), Proposed: make([]string, len(nodes))}
	at := make(map[string]int32, len(nodes))
	for i := range nodes {
		at[nodes[i].Key] = int32(i)
	}
	a := acceptance{rules: r, nodes: nodes, gathering: newGathering(r.prepareAll(nodes)), taken: map[int32]map[string]bool{}}
	for _, c := range r.Cluster(nodes, known) {
		first := at[c.Members[0].Key]
		for _, m := range c.Members {
			i := at[m.Key]
			t.Auto[i] = c.ID
			a.unite(a.root(first), a.root(i))
		}
	}
	a.settle()
	r.eachPair(a.prepared, nil, func(i, j int32, c canon.Candidate) {
		if t.Auto[i] != t.Auto[j] && known.Decisions.apart(c.A, c.B) == "" {
			t.Candidates = append(t.Candidates, c)
		}
	})
	slices.SortFunc(t.Candidates, surer)
	for _, c := range t.Candidates {
		a.accept(at[c.A], at[c.B])
	}
	for i := range nodes {
		t.Proposed[i] = nodes[a.root(int32(i))].Key
	}
	return t
}

// acceptance joins records as an operator would.
type acceptance struct {
	*gathering
	rules *Rules
	nodes []Node
	// taken holds, by root, the single sources that a group has a living record of.
	taken map[int32]map[string]bool
}

// settle notes which single sources the groups have a record of.
func (a *acceptance) settle() {
	for i, n := range a.nodes {
		if n.Deleted || !a.rules.single(n.source()) {
			continue
		}
		root := a.root(int32(i))
		if a.taken[root] == nil {
			a.taken[root] = map[string]bool{}
		}
		a.taken[root][n.source()] = true
	}
}

func (a *acceptance) accept(i, j int32) {
	i, j = a.root(i), a.root(j)
	if i == j {
		return
	}
	for source := range a.taken[j] {
		if a.taken[i][source] {
			return
		}
	}
	if !a.join(i, j) {
		return
	}
	root, other := min(i, j), max(i, j)
	if len(a.taken[other]) > 0 && a.taken[root] == nil {
		a.taken[root] = map[string]bool{}
	}
	for source := range a.taken[other] {
		a.taken[root][source] = true
	}
}

// Explain returns how alike two nodes are and why, also where the rules would not propose them.
func (r *Rules) Explain(a, b Node) (canon.Candidate, bool) {
	rules := *r
	rules.Matching.Propose = 1e-9
	return rules.Match(a, b)
}
