package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

func TestBooks(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		ctx, now := t.Context(), time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		in := func(fn func(context.Context, *store.Tx) error) {
			t.Helper()
			if err := db.InTx(ctx, now, func(tx *store.Tx) error { return fn(ctx, tx) }); err != nil {
				t.Fatal(err)
			}
		}
		is := func(want map[string][]byte) {
			t.Helper()
			in(func(ctx context.Context, tx *store.Tx) error {
				got, err := tx.Books(ctx, []string{"a", "b", "c"})
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("books (-want +got):\n%s", diff)
				}
				return err
			})
		}
		fact := func(id, customer string) canon.StoredEvent {
			return canon.StoredEvent{Event: canon.Event{ID: id, Type: "ticket.opened", Customer: customer, OccurredAt: now}, Entity: 7, Revision: 1}
		}
		a, b := []byte{0, 1}, []byte{2}
		in(func(ctx context.Context, tx *store.Tx) error {
			if err := tx.AddEvents(ctx, []canon.StoredEvent{fact("1", "a"), fact("2", "b")}); err != nil {
				return err
			}
			return tx.PutBooks(ctx, map[string][]byte{"a": a, "b": b})
		})
		is(map[string][]byte{"a": a, "b": b})

		// What an assessment tells is no fact.
		in(func(ctx context.Context, tx *store.Tx) error {
			return tx.AddEvents(ctx, []canon.StoredEvent{{Event: canon.Event{ID: "s", Type: "stage.changed", Customer: "a", OccurredAt: now}, Revision: 1}})
		})
		is(map[string][]byte{"a": a, "b": b})

		// A book that lacks what was added is let go; one that holds it stays.
		in(func(ctx context.Context, tx *store.Tx) error {
			if err := tx.AddEvents(ctx, []canon.StoredEvent{fact("3", "a"), fact("4", "b")}); err != nil {
				return err
			}
			return tx.PutBooks(ctx, map[string][]byte{"b": {3}})
		})
		is(map[string][]byte{"b": {3}})

		// So is one of which an event is taken back.
		var rows []int64
		in(func(ctx context.Context, tx *store.Tx) error {
			es, err := tx.CustomerEvents(ctx, []string{"b"})
			for _, e := range es {
				rows = append(rows, e.Row)
			}
			return err
		})
		in(func(ctx context.Context, tx *store.Tx) error { return tx.Supersede(ctx, rows[:1]) })
		is(map[string][]byte{})

		// And those between which events move.
		in(func(ctx context.Context, tx *store.Tx) error {
			return tx.PutBooks(ctx, map[string][]byte{"a": a, "b": b, "c": {4}})
		})
		in(func(ctx context.Context, tx *store.Tx) error {
			return tx.MoveEvents(ctx, []*canon.StoredEntity{{Row: 7, Customer: "b"}})
		})
		is(map[string][]byte{"c": {4}})
	})
}

func TestOverrides(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		ctx, now := t.Context(), time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		var first canon.Override
		for i, field := range []string{"health.band", "stage"} {
			if err := db.InTx(ctx, now.Add(time.Duration(i)*time.Hour), func(tx *store.Tx) (err error) {
				o, err := tx.AddOverride(ctx, canon.Override{Customer: "a", Field: field, Value: "red", Author: "kim", Reason: "they told us", Until: now.AddDate(0, 1, 0)})
				if i == 0 {
					first = o
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			if err := db.InTx(ctx, now.AddDate(0, 0, 1), func(tx *store.Tx) error {
				_, ok, err := tx.RevokeOverride(ctx, first.ID, "kim", "settled")
				if !ok {
					t.Error("the override is not found")
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
			now = now.AddDate(0, 0, 1)
		}
		os, err := db.OverridesOf(ctx, "a")
		if err != nil || len(os) != 2 || os[0].Field != "stage" || !os[0].RevokedAt.IsZero() || os[1].ID != first.ID {
			t.Fatalf("overrides %+v, %v", os, err)
		}
		if want := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC); !os[1].RevokedAt.Equal(want) {
			t.Errorf("revoked at %v, want the first time, %v", os[1].RevokedAt, want)
		}
	})
}
