package store_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

// BenchmarkRows tells what one row costs in the writes that change rows which are there already, in batches of
// 1,000 of 10,000. Run it with -benchtime 10x.
func BenchmarkRows(b *testing.B) {
	const n, batch = 10_000, 1_000
	db, err := store.Open(b.Context(), b.TempDir()+"/hub.db")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	es, held, ps, ss := world(b, db, n)
	for name, fn := range map[string]func(ctx context.Context, tx *store.Tx, from, to int) error{
		"PutHeld":     func(ctx context.Context, tx *store.Tx, from, to int) error { return tx.PutHeld(ctx, held[from:to]) },
		"PutEntities": func(ctx context.Context, tx *store.Tx, from, to int) error { return tx.PutEntities(ctx, es[from:to]) },
		"SetOwners and MoveEvents": func(ctx context.Context, tx *store.Tx, from, to int) error {
			for i := from; i < to; i++ {
				// Everything moves back and forth between two customers.
				e, other := es[i], es[(i+n/2)%n]
				e.Customer, other.Customer, e.Cluster, other.Cluster = other.Customer, e.Customer, other.Cluster, e.Cluster
			}
			if err := tx.SetOwners(ctx, es[from:to]); err != nil {
				return err
			}
			return tx.MoveEvents(ctx, es[from:to])
		},
		"PutProfiles": func(ctx context.Context, tx *store.Tx, from, to int) error { return tx.PutProfiles(ctx, ps[from:to]) },
		"PutCustomerStates": func(ctx context.Context, tx *store.Tx, from, to int) error {
			return tx.PutCustomerStates(ctx, ss[from:to])
		},
		"NextSequences": func(ctx context.Context, tx *store.Tx, from, to int) error {
			draw := map[string]int64{}
			for _, p := range ps[from:to] {
				draw[p.ID] = 2
			}
			_, err := tx.NextSequences(ctx, draw)
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			i := 0
			for b.Loop() {
				from := i % (n / batch) * batch
				at(b, db, day, func(ctx context.Context, tx *store.Tx) error { return fn(ctx, tx, from, from+batch) })
				i++
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*batch), "µs/row")
		})
	}
}

// world fills a store with n companies of one record, one event and one customer each.
func world(b *testing.B, db *store.DB, n int) (es []*canon.StoredEntity, held []canon.Held, ps []canon.Profile, ss []canon.CustomerState) {
	b.Helper()
	var recs []canon.Record
	for i := range n {
		id := fmt.Sprintf("%06d", i)
		recs = append(recs, record(id, `{"name":"x"}`, 1))
		e := company(id, "cus_"+id)
		es = append(es, e)
		ps, ss = append(ps, profile("cus_"+id, "Company "+id)), append(ss, state("cus_"+id, "active", nil, nil))
	}
	addCustomers(b, db, ps...)
	at(b, db, day, func(ctx context.Context, tx *store.Tx) error {
		rows, err := tx.AddRecords(ctx, recs)
		if err != nil {
			return err
		}
		for i, e := range es {
			e.Record = rows[recs[i].ID]
			held = append(held, canon.Held{Row: e.Record, Ref: recs[i].Ref, Version: 2, ObservedAt: day, Hash: recs[i].ContentHash()})
		}
		if err := tx.PutEntities(ctx, es); err != nil {
			return err
		}
		var events []canon.StoredEvent
		for _, e := range es {
			ev := event("ev_"+e.Entity.Ref.ID, e.Customer, day)
			ev.Entity = e.Row
			events = append(events, ev)
		}
		return tx.AddEvents(ctx, events)
	})
	return es, held, ps, ss
}
