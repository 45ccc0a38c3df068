package identity

// mostCompared bounds how many members of a group are held against those of another.
const mostCompared = 24

// gathering brings nodes together pair by pair, but never those that contradict each other: A is like B and B like C,
// and yet A and C may be father and son.
type gathering struct {
	prepared []Prepared
	parent   []int32
	// members lists by root who is in a group of several.
	members map[int32][]int32
}

func newGathering(prepared []Prepared) *gathering {
	g := &gathering{prepared: prepared, parent: make([]int32, len(prepared)), members: map[int32][]int32{}}
	for i := range g.parent {
		g.parent[i] = int32(i)
	}
	return g
}

func (g *gathering) root(i int32) int32 {
	for g.parent[i] != i {
		g.parent[i] = g.parent[g.parent[i]]
		i = g.parent[i]
	}
	return i
}

func (g *gathering) of(root int32) []int32 {
	if m := g.members[root]; m != nil {
		return m
	}
	return []int32{root}
}

// join brings two nodes together and reports whether they are, or were already.
func (g *gathering) join(i, j int32) bool {
	i, j = g.root(i), g.root(j)
	if i == j {
		return true
	}
	if g.contradict(g.of(i), g.of(j)) {
		return false
	}
	g.unite(i, j)
	return true
}

// unite makes one of two groups, by their roots.
func (g *gathering) unite(i, j int32) {
	if i == j {
		return
	}
	root, other := min(i, j), max(i, j)
	g.members[root] = append(g.of(root), g.of(other)...)
	delete(g.members, other)
	g.parent[other] = root
}

func (g *gathering) contradict(a, b []int32) bool {
	for _, i := range a[:min(len(a), mostCompared)] {
		for _, j := range b[:min(len(b), mostCompared)] {
			if contradict(&g.prepared[i], &g.prepared[j]) {
				return true
			}
		}
	}
	return false
}

const (
	// bitsContradict is how much must speak against a pair for a contradiction, bitsOutweigh what outweighs it.
	bitsContradict = -5.5
	bitsOutweigh   = 8.0
)

// contradict reports whether two records speak against each other being one, not only for too little.
func contradict(a, b *Prepared) bool {
	if a.key > b.key {
		a, b = b, a
	}
	var t tally
	compare(a, b, &t)
	against, evidence := 0.0, -t.cut
	for _, f := range t.found[:t.n] {
		evidence += f.bits
		against += min(f.bits, 0)
	}
	return against <= bitsContradict && evidence < bitsOutweigh
}
