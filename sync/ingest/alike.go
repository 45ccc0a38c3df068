package ingest

import (
	"context"
	"maps"
	"slices"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/identity"
)

// genericLimit is the most entities that are found by one block before it finds none, where the rules do not say: a
// name that many have.
const genericLimit = 50

// met keeps clusters that were worked out, for what in them is contested.
func (r *resolution) met(clusters []identity.Cluster, nodes map[string]*canon.StoredEntity) {
	r.clusters = append(r.clusters, clusters...)
	if r.members == nil {
		r.members = map[string]*canon.StoredEntity{}
	}
	maps.Copy(r.members, nodes)
}

// compare keeps the candidates up to date: the pairs of living entities of one kind that stand apart, and that a block
// which is not held by too many brings together and the rules find alike, or of which contested evidence could have made
// one. Which pairs that are depends on the entities as they are now alone.
func (r *resolution) compare(ctx context.Context, ds []*delta) error {
	defer clear(r.blocks)
	l := &likes{resolution: r, gained: map[string]int{}, by: map[string][]canon.KeyHolder{}, asked: map[string]bool{},
		kept: map[[2]int64]canon.Candidate{}, wanted: map[[2]int64]canon.Candidate{}}
	l.begin(ds)
	claims := l.claims()
	// Where nobody moved, what was contested among those clustered may still no longer be.
	if len(r.compared) == 0 && len(l.gained) == 0 && len(r.members) == 0 {
		return nil
	}
	if err := l.recall(ctx); err != nil {
		return err
	}
	if err := l.look(ctx); err != nil {
		return err
	}
	if err := l.match(ctx); err != nil {
		return err
	}
	l.contest(claims)
	return l.write(ctx)
}

// likes is one batch's change of candidates.
type likes struct {
	*resolution
	// gained counts by how many entities more, or fewer, a block is held than before.
	gained map[string]int
	// by are the holders of the blocks that were asked for and that are not held by too many.
	by    map[string][]canon.KeyHolder
	asked map[string]bool
	// most is by how many holders a block has changed at most.
	most int
	// kept are the pairs stored, wanted those that should be.
	kept, wanted map[[2]int64]canon.Candidate
}

// limit is the most holders of a block that are compared.
func (l *likes) limit() int {
	if n := l.p.Rules.GenericLimit; n > 0 {
		return n
	}
	return genericLimit
}

// begin finds out whose likes are to be found anew, and which blocks have other holders than before.
func (l *likes) begin(ds []*delta) {
	count := func(blocks []string, n int) {
		for _, b := range blocks {
			if l.gained[b] += n; l.gained[b] == 0 {
				delete(l.gained, b)
			}
		}
	}
	for _, d := range ds {
		if !isNode(d.entity.Entity.Kind) {
			continue
		}
		if d.save || d.forget {
			count(l.work.blocks[d.entity.Row], -1)
		}
		if d.save && !d.forget {
			count(d.entity.Blocks, 1)
		}
		if (d.save || d.again) && !d.forget {
			l.compared[d.entity.Row] = d.entity
		}
	}
	for _, n := range l.gained {
		l.most = max(l.most, n, -n)
	}
	for row, e := range l.compared {
		if !isNode(e.Entity.Kind) {
			delete(l.compared, row)
		}
	}
}

func pair(a, b *canon.StoredEntity) [2]int64 { return [2]int64{min(a.Row, b.Row), max(a.Row, b.Row)} }

// recall reads the pairs stored of whoever is compared or was clustered. What was contested may no longer be.
func (l *likes) recall(ctx context.Context) error {
	rows := map[int64]bool{}
	for row := range l.compared {
		rows[row] = true
	}
	for _, e := range l.resolution.members {
		rows[e.Row] = true
	}
	if err := l.remember(ctx, slices.Collect(maps.Keys(rows))); err != nil {
		return err
	}
	for at, c := range l.kept {
		if c.Contested && l.clustered(at) {
			l.compared[at[0]], l.compared[at[1]] = l.byRow[at[0]], l.byRow[at[1]]
		}
	}
	return nil
}

// remember reads the pairs stored of entities, by row, and both entities of those that are contested.
func (l *likes) remember(ctx context.Context, rows []int64) error {
	rows = slices.DeleteFunc(rows, func(row int64) bool { return l.fresh[row] })
	slices.Sort(rows)
	kept, err := l.tx.CandidatesOf(ctx, rows)
	if err != nil {
		return err
	}
	maps.Copy(l.kept, kept)
	var sides []canon.KeyHolder
	for at, c := range kept {
		if c.Contested {
			sides = append(sides, canon.KeyHolder{Row: at[0]}, canon.KeyHolder{Row: at[1]})
		}
	}
	return l.load(ctx, sides)
}

// clustered says whether both of a pair were clustered, so that all that is contested between them is known.
func (l *likes) clustered(at [2]int64) bool {
	for _, row := range at {
		e := l.byRow[row]
		if e == nil || l.resolution.members[e.Entity.Key()] == nil {
			return false
		}
	}
	return true
}

// look finds whom the blocks of the compared bring together. A block that has come to be held by too many, or no longer
// is, changes the likes of all its holders.
func (l *likes) look(ctx context.Context) error {
	counts, err := l.ask(ctx, slices.Collect(maps.Keys(l.gained)))
	if err != nil {
		return err
	}
	var tipped []string
	for b, n := range l.gained {
		if (counts[b] > l.limit()) != (counts[b]-n > l.limit()) {
			tipped = append(tipped, b)
		}
	}
	if len(tipped) > 0 {
		slices.Sort(tipped)
		hs, _, err := l.tx.BlockHolders(ctx, tipped, 0, 0)
		if err != nil {
			return err
		}
		if err := l.load(ctx, hs); err != nil {
			return err
		}
		var rows []int64
		for _, h := range hs {
			if e := l.byRow[h.Row]; e != nil && l.compared[h.Row] == nil {
				l.compared[h.Row] = e
				rows = append(rows, h.Row)
			}
		}
		if err := l.remember(ctx, rows); err != nil {
			return err
		}
	}
	var keys []string
	for _, e := range l.compared {
		keys = append(keys, l.blocks(e)...)
	}
	_, err = l.ask(ctx, keys)
	return err
}

// blocks returns the blocks of an entity.
func (l *likes) blocks(e *canon.StoredEntity) []string {
	if e.Blocks == nil {
		e.Blocks = append([]string{}, l.blocksOf(identity.NewNode(e.Entity, e.At))...)
	}
	return e.Blocks
}

// ask finds the holders of blocks that were not asked for yet.
func (l *likes) ask(ctx context.Context, keys []string) (map[string]int, error) {
	var ask []string
	for _, k := range distinct(keys) {
		if !l.asked[k] {
			l.asked[k] = true
			ask = append(ask, k)
		}
	}
	hs, counts, err := l.tx.BlockHolders(ctx, ask, l.limit(), l.most)
	for _, h := range hs {
		l.by[h.Key] = append(l.by[h.Key], h)
	}
	return counts, err
}

// load reads the entities among the holders that were not met yet.
func (l *likes) load(ctx context.Context, hs []canon.KeyHolder) error {
	var rows []int64
	for _, h := range hs {
		if l.byRow[h.Row] == nil {
			rows = append(rows, h.Row)
		}
	}
	slices.Sort(rows)
	es, err := l.tx.EntitiesByRow(ctx, slices.Compact(rows))
	for _, e := range es {
		l.hold(e)
	}
	return err
}

// match compares whom the blocks bring together.
func (l *likes) match(ctx context.Context) error {
	pairs := map[[2]int64]bool{}
	var others []canon.KeyHolder
	for _, row := range slices.Sorted(maps.Keys(l.compared)) {
		e := l.compared[row]
		if e.Entity.Deleted {
			continue
		}
		for _, b := range l.blocks(e) {
			for _, h := range l.by[b] {
				if h.Row == row || h.Kind != e.Entity.Kind || h.Cluster == e.Cluster {
					continue
				}
				pairs[[2]int64{min(row, h.Row), max(row, h.Row)}] = true
				others = append(others, h)
			}
		}
	}
	if err := l.load(ctx, others); err != nil {
		return err
	}
	ready := map[int64]*identity.Prepared{}
	prepared := func(e *canon.StoredEntity) *identity.Prepared {
		if ready[e.Row] == nil {
			p := l.p.Rules.Prepare(identity.NewNode(e.Entity, e.At))
			ready[e.Row] = &p
		}
		return ready[e.Row]
	}
	for at := range pairs {
		a, b := l.byRow[at[0]], l.byRow[at[1]]
		if a == nil || b == nil || a.Entity.Deleted || b.Entity.Deleted || a.Cluster == b.Cluster {
			continue
		}
		if c, alike := l.p.Rules.MatchPrepared(prepared(a), prepared(b)); alike {
			l.wanted[at] = l.candidate(at, c)
		}
	}
	return nil
}

// candidate returns c as that of a pair.
func (l *likes) candidate(at [2]int64, c canon.Candidate) canon.Candidate {
	a, b := l.byRow[at[0]].Entity, l.byRow[at[1]].Entity
	c.A, c.B = min(a.Key(), b.Key()), max(a.Key(), b.Key())
	c.ID, c.Kind = canon.CandidateID(c.A, c.B), a.Kind
	if c.Why == nil {
		c.Why = []string{}
	}
	return c
}

// write stores what differs.
func (l *likes) write(ctx context.Context) error {
	var gone [][2]int64
	for at := range l.kept {
		_, wanted := l.wanted[at]
		if !wanted && (l.compared[at[0]] != nil || l.compared[at[1]] != nil) {
			gone = append(gone, at)
		}
	}
	slices.SortFunc(gone, comparePairs)
	if err := l.tx.DropPairs(ctx, gone); err != nil {
		return err
	}
	var rows [][2]int64
	var cs []canon.Candidate
	for _, at := range slices.SortedFunc(maps.Keys(l.wanted), comparePairs) {
		c, is := l.wanted[at], l.kept[at]
		if is.ID == c.ID && is.Rank == c.Rank && is.Score == c.Score && is.Contested == c.Contested && slices.Equal(is.Why, c.Why) {
			continue
		}
		rows, cs = append(rows, at), append(cs, c)
	}
	return l.tx.PutCandidates(ctx, rows, cs)
}

func comparePairs(a, b [2]int64) int { return slices.Compare(a[:], b[:]) }

// blocksOf returns the keys by which nodes like n are found. What is gone is like nobody.
func (w *work) blocksOf(n identity.Node) []string {
	if n.Deleted || w.p.Rules.Matching.Propose == 0 && w.p.Rules.Matching.Auto == 0 {
		return nil
	}
	return w.p.Rules.Blocks(n)
}
