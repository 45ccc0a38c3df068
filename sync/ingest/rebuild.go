package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// Rederive works records that are held out anew from their raw versions, in one transaction: their entities, the keys
// that link them, whose they are, and the events in force, also where the mapping yields what it did. What it tells is
// history, and only what differs from what is there is told.
func (p *Pipeline) Rederive(ctx context.Context, connection, stream string, ids []string) (Result, error) {
	m := p.Maps[connection]
	if m == nil {
		return Result{}, unknown(connection)
	}
	var res Result
	err := p.Atomic(ctx, func(tx Tx) error {
		return guarded(func() error {
			w := p.work(tx, m)
			w.backfill = true
			err := w.rederive(ctx, connection, stream, ids)
			res = w.result
			return err
		})
	})
	return res, err
}

func (w *work) rederive(ctx context.Context, connection, stream string, ids []string) error {
	held, err := w.tx.Held(ctx, connection, stream, ids)
	if err != nil {
		return err
	}
	var as []*arrival
	for _, id := range ids {
		if h, ok := held[id]; ok {
			as = append(as, &arrival{held: h, whole: true})
		}
	}
	if len(as) == 0 {
		return nil
	}
	w.result.Changed = len(as)
	ds, err := w.entities(ctx, as)
	if err != nil {
		return err
	}
	if err := w.relink(ctx, ds); err != nil {
		return err
	}
	var kept []*canon.StoredEntity
	for _, d := range ds {
		if !d.forget {
			d.save, d.again = true, true
			kept = append(kept, d.entity)
		}
	}
	if err := w.apply(ctx, ds); err != nil {
		return err
	}
	// What is told of an entity is told of its customer.
	if err := w.tx.MoveEvents(ctx, kept); err != nil {
		return err
	}
	if err := w.recall(ctx, ds); err != nil {
		return err
	}
	if err := w.clearLetters(ctx, connection, stream, as); err != nil {
		return err
	}
	return w.answered(ctx)
}

// answered is finish for a store whose past has been read: who is touched is assessed in the same transaction, so that
// nothing is left to do should it be the last one. Where they now stand is news.
func (w *work) answered(ctx context.Context) error {
	settled, err := w.tx.Meta(ctx, "settled")
	if err != nil || settled != "1" {
		return errors.Join(err, w.finish(ctx))
	}
	if w.result.DeadLetters = len(w.letters); len(w.letters) > 0 {
		if err := w.tx.PutDeadLetters(ctx, w.letters); err != nil {
			return err
		}
	}
	if err := w.journal(ctx); err != nil {
		return err
	}
	w.backfill = w.p.history.Load()
	ids := slices.DeleteFunc(slices.Sorted(maps.Keys(w.touched)), func(id string) bool { return id == "" })
	w.result.Touched = len(ids)
	if err := w.assess(ctx, ids); err != nil {
		return err
	}
	return w.tell(ctx)
}

// Reassess brings golden records and assessments of customers up to date, in one transaction.
func (p *Pipeline) Reassess(ctx context.Context, customers []string) error {
	return p.Atomic(ctx, func(tx Tx) error {
		return guarded(func() error {
			w := p.work(tx, nil)
			for _, id := range customers {
				w.touch(id)
			}
			return w.answered(ctx)
		})
	})
}

// Disown forgets entities that come from no record held, with what is told of them, in one transaction.
func (p *Pipeline) Disown(ctx context.Context, orphans []canon.StoredEntity) error {
	if len(orphans) == 0 {
		return nil
	}
	return p.Atomic(ctx, func(tx Tx) error {
		return guarded(func() error {
			w := p.work(tx, nil)
			w.backfill = true
			ds := make([]*delta, len(orphans))
			for i := range orphans {
				e := &orphans[i]
				ds[i] = &delta{known: true, was: *e, full: true, forget: true, entity: e}
			}
			if err := w.apply(ctx, ds); err != nil {
				return err
			}
			return w.answered(ctx)
		})
	})
}

// Relinker is a store that gives events in force whose entity is gone to another one, and returns whose they are.
type Relinker interface {
	Relink(ctx context.Context, row int64, events []string) (customer string, err error)
}

// relink gives entities that the store had lost back what is told of them, so that it is not told again.
func (w *work) relink(ctx context.Context, ds []*delta) error {
	r, ok := w.tx.(Relinker)
	if !ok {
		return nil
	}
	var lost []*delta
	var put []*canon.StoredEntity
	for _, d := range ds {
		if !d.known && len(d.events) > 0 {
			lost = append(lost, d)
			put = append(put, d.entity)
		}
	}
	if err := w.tx.PutEntities(ctx, put); err != nil {
		return err
	}
	for _, d := range lost {
		ids := make([]string, len(d.events))
		for i, e := range d.events {
			ids[i] = e.ID
		}
		var err error
		if d.entity.Customer, err = r.Relink(ctx, d.entity.Row, ids); err != nil {
			return err
		}
		d.known, d.was = true, *d.entity
	}
	// What is resolved next is compared with what stands there.
	return w.tx.SetOwners(ctx, put)
}

// Recaller is a store that keeps what was told, and can say that an event which it had lost was recorded when it was
// told, in place of now.
type Recaller interface {
	Told(ctx context.Context, changes []string) ([]canon.Change, error)
	Recall(ctx context.Context, event string, at time.Time) error
}

// recall gives events that were lost and are derived again the time at which they were first told, where the very same
// statement was.
func (w *work) recall(ctx context.Context, ds []*delta) error {
	r, ok := w.tx.(Recaller)
	if !ok || w.result.Events == 0 {
		return nil
	}
	derived := map[string]canon.Event{}
	var changes []string
	for _, d := range ds {
		for _, e := range d.events {
			derived[e.ID] = e
			changes = append(changes, canon.ChangeID(e.ID, 1))
		}
	}
	told, err := r.Told(ctx, changes)
	if err != nil {
		return err
	}
	for _, c := range told {
		var d data
		if json.Unmarshal(c.Data, &d) != nil || d.Event == nil {
			continue
		}
		if e, ok := derived[d.Event.ID]; ok && e.Content() == d.Event.Content() {
			if err := r.Recall(ctx, e.ID, c.RecordedAt); err != nil {
				return err
			}
		}
	}
	return nil
}
