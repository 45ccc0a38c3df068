package main

import (
	"context"
	"fmt"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

// settledAtOnce is how many records one transaction of the switch works out anew.
const settledAtOnce = 100

// settledRound is what bringing the live store to what was derived changed.
type settledRound struct {
	Records    int `json:"records"`
	Entities   int `json:"entities_changed"`
	Events     int `json:"events_added"`
	Superseded int `json:"events_superseded"`
	Orphans    int `json:"entities_forgotten"`
	Customers  int `json:"customers_assessed"`
}

// settle works out anew in the live store what differs. Nothing is swapped: the live store keeps its history, its
// positions and all that is not derived, and each transaction leaves a state that the next page can be taken into. What
// was told before has its old id and is not told again.
func (r *rebuilding) settle(ctx context.Context, c comparison, force bool) (settledRound, error) {
	var sum settledRound
	if !force && c.moved > 50 && c.moved*5 > c.entities {
		return sum, canon.Errorf("rebuild.many", "%d of %d entities differ, which is more than a fifth", c.moved, c.entities).
			WithHint("look at the examples of `hub rebuild`; where that is what you want, add --force")
	}
	for _, step := range []func(context.Context, *settledRound) error{r.disown, r.rederive, r.reassess} {
		if err := step(ctx, &sum); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// each hands the noted differences of a kind to fn, some at a time.
func (r *rebuilding) each(ctx context.Context, kind string, fn func([]store.Difference) error) error {
	for after := (store.Difference{}); ; {
		ds, err := r.side.Differences(ctx, kind, after, settledAtOnce)
		if err != nil || len(ds) == 0 {
			return err
		}
		if err := fn(ds); err != nil {
			return err
		}
		after = ds[len(ds)-1]
	}
}

func names(ds []store.Difference) []string {
	out := make([]string, len(ds))
	for i, d := range ds {
		out[i] = d.Name
	}
	return out
}

// disown forgets what comes from no record.
func (r *rebuilding) disown(ctx context.Context, sum *settledRound) error {
	return r.each(ctx, store.DifferentOrphan, func(ds []store.Difference) error {
		var orphans []canon.StoredEntity
		err := r.a.db.InTx(ctx, time.Now(), func(tx *store.Tx) (err error) {
			orphans, err = tx.Orphans(ctx, names(ds))
			return err
		})
		sum.Orphans += len(orphans)
		if err != nil {
			return err
		}
		return r.a.pipe.Disown(ctx, orphans)
	})
}

// rederive works records out anew, those of one stream together.
func (r *rebuilding) rederive(ctx context.Context, sum *settledRound) error {
	return r.each(ctx, store.DifferentRecord, func(ds []store.Difference) error {
		for len(ds) > 0 {
			first := ds[0].Ref
			var ids []string
			for len(ds) > 0 && ds[0].Ref.Connection == first.Connection && ds[0].Ref.Stream == first.Stream {
				ids, ds = append(ids, ds[0].Ref.ID), ds[1:]
			}
			res, err := r.a.pipe.Rederive(ctx, first.Connection, first.Stream, ids)
			if err != nil {
				return err
			}
			sum.Records += res.Changed
			sum.Entities += res.Entities
			sum.Events += res.Events
			sum.Superseded += res.Superseded
			sum.Customers += res.Touched
			fmt.Fprintf(r.say, "%d records worked out anew\n", sum.Records)
		}
		return nil
	})
}

// reassess brings golden records and assessments up to date of those who differed all the same.
func (r *rebuilding) reassess(ctx context.Context, sum *settledRound) error {
	return r.each(ctx, store.DifferentCustomer, func(ds []store.Difference) error {
		sum.Customers += len(ds)
		return r.a.pipe.Reassess(ctx, names(ds))
	})
}
