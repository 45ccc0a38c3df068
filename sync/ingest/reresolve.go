package ingest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// The names under which the store keeps by which rules customers were resolved, and how far resolving them by others
// has come.
const (
	rulesMark     = "identity"
	reresolveMark = "identity:resolving"
)

// reresolveAtOnce is how many entities one transaction resolves again, telling how often its progress is told.
const (
	reresolveAtOnce = 500
	telling         = 5 * time.Second
)

// A step of resolving again looks at all entities of a kind, or ("") at those that are neither companies nor contacts:
// first at what links them, when that is known of all, at whose they are.
type step struct {
	kind canon.Kind
	take func(*work, context.Context, []canon.StoredEntity) error
}

func steps() []step {
	return []step{
		{canon.KindCompany, (*work).rekey}, {canon.KindContact, (*work).rekey}, {"", (*work).rekey},
		{canon.KindCompany, (*work).reown}, {canon.KindContact, (*work).reown}, {"", (*work).reown},
	}
}

// progress is how far resolving again has come: the rules' version, the step, and the row behind which to go on.
type progress struct {
	version string
	step    int
	row     int64
}

func (p progress) String() string { return fmt.Sprintf("%s %d %d", p.version, p.step, p.row) }

// progressOf reads what String wrote; what it did not write is a beginning.
func progressOf(mark, version string) progress {
	parts := strings.Fields(mark)
	if len(parts) != 3 || parts[0] != version {
		return progress{version: version}
	}
	step, err := strconv.Atoi(parts[1])
	row, err2 := strconv.ParseInt(parts[2], 10, 64)
	if err != nil || err2 != nil || step < 0 || step > len(steps()) || row < 0 {
		return progress{version: version}
	}
	return progress{version, step, row}
}

// Reresolve resolves everything anew where the rules are others than those that customers were resolved by. It returns
// how many entities it looked at. It works in many transactions, of which each leaves a state that the next page can be
// taken into, and goes on where it was stopped.
func (p *Pipeline) Reresolve(ctx context.Context) (int, error) {
	version, total, told := p.Rules.Version(), 0, time.Time{}
	for {
		at, n := progress{}, 0
		done := false
		err := p.Atomic(ctx, func(tx Tx) error {
			return guarded(func() (err error) {
				at, n, err = p.work(tx, nil).reresolve(ctx, version)
				done = at.version == ""
				return err
			})
		})
		if err != nil {
			return total, err
		}
		total += n
		if done {
			if !told.IsZero() {
				p.Log.Info("every record is resolved by the present rules", "entities", total)
			}
			return total, nil
		}
		if now := time.Now(); total > 0 && now.Sub(told) > telling {
			told = now
			p.Log.Info("the rules of identity changed; records are resolved again", "step", at.step+1, "of", len(steps()), "entities", total)
		}
	}
}

// reresolve does one transaction's worth. It returns how far it came, a progress without version where all is done.
func (w *work) reresolve(ctx context.Context, version string) (progress, int, error) {
	by, err := w.tx.Meta(ctx, rulesMark)
	if err != nil || by == version {
		return progress{}, 0, err
	}
	mark, err := w.tx.Meta(ctx, reresolveMark)
	if err != nil {
		return progress{}, 0, err
	}
	at := progressOf(mark, version)
	if at.step == len(steps()) {
		// What survives in golden records, and what is alike, is a matter of the rules as well.
		if err := w.tx.MarkAllDirty(ctx); err != nil {
			return progress{}, 0, err
		}
		if err := w.tx.SetMeta(ctx, rulesMark, version); err != nil {
			return progress{}, 0, err
		}
		return progress{}, 0, w.tx.SetMeta(ctx, reresolveMark, "")
	}
	s := steps()[at.step]
	es, err := w.tx.EntitiesFrom(ctx, s.kind, at.row, reresolveAtOnce)
	if err != nil {
		return at, 0, err
	}
	if len(es) > 0 {
		if err := s.take(w, ctx, es); err != nil {
			return at, 0, err
		}
		at.row = es[len(es)-1].Row
	}
	n := 0
	if at.step >= len(steps())/2 {
		n = len(es)
	}
	if len(es) < reresolveAtOnce {
		at.step, at.row = at.step+1, 0
	}
	if err := w.tx.SetMeta(ctx, reresolveMark, at.String()); err != nil {
		return at, n, err
	}
	return at, n, w.conclude(ctx)
}

// rekey brings the keys of entities to what the rules say.
func (w *work) rekey(ctx context.Context, es []canon.StoredEntity) error {
	rows := make([]int64, len(es))
	for i := range es {
		rows[i] = es[i].Row
	}
	before, err := w.tx.KeysOf(ctx, rows)
	if err != nil {
		return err
	}
	var put []*canon.StoredEntity
	for i := range es {
		e := &es[i]
		w.derive(e)
		if !sameKeys(e, before[e.Row]) {
			put = append(put, e)
		}
	}
	return w.tx.PutKeys(ctx, put, nil)
}

// reown finds out again whose entities are.
func (w *work) reown(ctx context.Context, es []canon.StoredEntity) error {
	// Events of entities that had no customer before are told of as history.
	w.backfill = true
	ds := make([]*delta, len(es))
	for i := range es {
		ds[i] = &delta{entity: &es[i], known: true, was: es[i], again: true}
	}
	slices.SortFunc(ds, func(a, b *delta) int { return strings.Compare(a.entity.Entity.Key(), b.entity.Entity.Key()) })
	return w.resolve(ctx, ds, nil)
}
