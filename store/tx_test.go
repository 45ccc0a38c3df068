package store_test

import (
	"context"
	"errors"
	"net/url"
	"testing"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

// write leaves a trace in several tables.
func write(ctx context.Context, tx *store.Tx) error {
	if err := tx.EnsureCustomers(ctx, []canon.Profile{profile("cus_1", "Acme")}); err != nil {
		return err
	}
	if err := tx.AddEvents(ctx, []canon.StoredEvent{event("ev_1", "cus_1", day)}); err != nil {
		return err
	}
	return tx.SetMeta(ctx, "trace", "1")
}

// untouched fails where write left a trace, and where the next transaction does not work.
func untouched(t *testing.T, db *store.DB) {
	t.Helper()
	c := must[store.Counts](t)(db.Counts(t.Context()))
	if m := must[string](t)(db.Meta(t.Context(), "trace")); m != "" || c.Customers != 0 || c.Statements != 0 {
		t.Errorf("left a trace: meta %q, %d customers, %d events", m, c.Customers, c.Statements)
	}
	tx(t, db, write)
	if m := must[string](t)(db.Meta(t.Context(), "trace")); m != "1" {
		t.Error("the next transaction left nothing")
	}
}

func TestFailedTransactionLeavesNothing(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		wrong := errors.New("wrong")
		err := db.InTx(t.Context(), day, func(tx *store.Tx) error {
			if err := write(t.Context(), tx); err != nil {
				return err
			}
			return wrong
		})
		if !errors.Is(err, wrong) {
			t.Errorf("got %v, want the error of the function", err)
		}
		untouched(t, db)
	})
}

func TestFailedStatementLeavesNothing(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		err := db.InTx(t.Context(), day, func(tx *store.Tx) error {
			if err := write(t.Context(), tx); err != nil {
				return err
			}
			// An event cannot be appended twice under one revision.
			return tx.AddEvents(t.Context(), []canon.StoredEvent{event("ev_1", "cus_1", day)})
		})
		if err == nil {
			t.Error("the second append did not fail")
		}
		untouched(t, db)
	})
}

func TestPanicLeavesNothing(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_ = db.InTx(t.Context(), day, func(tx *store.Tx) error {
				if err := write(t.Context(), tx); err != nil {
					t.Error(err)
				}
				panic("a fault of a caller")
			})
		}()
		untouched(t, db)
	})
}

func TestCancelledTransactionLeavesNothing(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		err := db.InTx(ctx, day, func(tx *store.Tx) error {
			if err := write(ctx, tx); err != nil {
				return err
			}
			cancel()
			return tx.SetMeta(ctx, "trace", "2")
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
		untouched(t, db)
	})
}

// TestCancelBeforeCommitLeavesNothing: fn ends well, but nobody waits for it any more.
func TestCancelBeforeCommitLeavesNothing(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		err := db.InTx(ctx, day, func(tx *store.Tx) error {
			defer cancel()
			return write(ctx, tx)
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
		untouched(t, db)
	})
}

func TestCancelledBeforeItBegins(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := db.InTx(ctx, day, func(*store.Tx) error { return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
		untouched(t, db)
	})
}

func TestLostConnectionIsDialledAnew(t *testing.T) {
	u := postgresURL(t)
	db := open(t, u)
	tx(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.SetMeta(ctx, "before", "1") })
	parsed, err := url.Parse(u)
	if err != nil {
		t.Fatal(err)
	}
	cut := func() {
		admin(t, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = $1", parsed.Query().Get("application_name"))
	}
	cut()
	tx(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.SetMeta(ctx, "after", "1") })
	err = db.InTx(t.Context(), day, func(tx *store.Tx) error {
		if err := write(t.Context(), tx); err != nil {
			return err
		}
		cut()
		return tx.SetMeta(t.Context(), "trace", "2")
	})
	if err == nil {
		t.Error("a transaction survived its connection")
	}
	untouched(t, db)
	same(t, "meta", "1", must[string](t)(db.Meta(t.Context(), "before")))
	same(t, "meta", "1", must[string](t)(db.Meta(t.Context(), "after")))
}
