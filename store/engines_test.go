package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

// day is the moment that most of these tests happen at.
var day = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

var schemas atomic.Int64

// urls runs a law with the url of an empty store of every engine that is at hand.
func urls(t *testing.T, law func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { law(t, filepath.Join(t.TempDir(), "hub.db")) })
	t.Run("postgres", func(t *testing.T) { law(t, postgresURL(t)) })
}

// engines runs a law on an open, empty store of every engine that is at hand.
func engines(t *testing.T, law func(t *testing.T, db *store.DB)) {
	t.Helper()
	urls(t, func(t *testing.T, url string) { law(t, open(t, url)) })
}

func open(t *testing.T, url string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// postgresURL returns the url of a schema of the test's own, which is dropped at its end.
func postgresURL(t *testing.T) string {
	t.Helper()
	server := os.Getenv("HUB_TEST_POSTGRES")
	if server == "" {
		t.Skip("postgres: HUB_TEST_POSTGRES is not set")
	}
	schema := fmt.Sprintf("hub_test_%d_%d", os.Getpid(), schemas.Add(1))
	admin(t, "CREATE SCHEMA "+schema)
	t.Cleanup(func() { admin(t, "DROP SCHEMA "+schema+" CASCADE") })
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	q.Set("application_name", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

// admin runs a statement beside the store.
func admin(t *testing.T, statement string, args ...any) {
	t.Helper()
	db, err := sql.Open("pgx", os.Getenv("HUB_TEST_POSTGRES"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(context.WithoutCancel(t.Context()), statement, args...)
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// tx runs fn in a transaction that must succeed.
func tx(t *testing.T, db *store.DB, fn func(ctx context.Context, tx *store.Tx) error) {
	t.Helper()
	at(t, db, day, fn)
}

// at is tx at a moment.
func at(t testing.TB, db *store.DB, now time.Time, fn func(ctx context.Context, tx *store.Tx) error) {
	t.Helper()
	if err := db.InTx(t.Context(), now, func(tx *store.Tx) error { return fn(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
}

// same fails where got differs from want.
func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// must returns v, or fails.
func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func record(id, raw string, version int64) canon.Record {
	return canon.Record{Ref: canon.Ref{Connection: "crm", Stream: "contacts", ID: id}, Version: version, ObservedAt: day, Raw: []byte(raw)}
}

// company is an entity that is not stored yet.
func company(id, customer string) *canon.StoredEntity {
	e := canon.Entity{Kind: canon.KindCompany, Ref: canon.Ref{Connection: "crm", Stream: "companies", ID: id}, Body: &canon.Company{Name: "Company " + id}}
	return &canon.StoredEntity{Record: 1, Entity: e, Hash: canon.Hash([]byte(e.Key())), Version: 7, At: day, Node: canon.ID("cus", e.Key()), Cluster: canon.ID("cl", e.Key()), Customer: customer}
}

func contact(id, email, customer string) *canon.StoredEntity {
	e := company(id, customer)
	e.Entity.Kind, e.Entity.Ref.Stream = canon.KindContact, "contacts"
	e.Entity.Body = &canon.Contact{FirstName: "Ann", LastName: id, Emails: []string{email}}
	return e
}

func event(id, customer string, at time.Time) canon.StoredEvent {
	return canon.StoredEvent{Event: canon.Event{ID: id, Type: "deal.won", Customer: customer, OccurredAt: at, Summary: "Deal " + id + " was won"}, Entity: 1, Revision: 1}
}

func profile(id, name string) canon.Profile {
	return canon.Profile{ID: id, Type: "company", Name: name, Fields: []canon.Field{}}
}

func addCustomers(t testing.TB, db *store.DB, ps ...canon.Profile) {
	t.Helper()
	at(t, db, day, func(ctx context.Context, tx *store.Tx) error { return tx.EnsureCustomers(ctx, ps) })
}

func delivery(n int, endpoint, customer string, due time.Time) canon.Delivery {
	change := fmt.Sprintf("chg_%d", n)
	return canon.Delivery{ID: canon.DeliveryID(change, endpoint), Endpoint: endpoint, Change: change, Type: "deal.won", Customer: customer,
		State: canon.DeliveryPending, NextAt: due, Body: []byte(`{"n":` + fmt.Sprint(n) + `}`)}
}

func addDeliveries(t testing.TB, db *store.DB, ds ...canon.Delivery) {
	t.Helper()
	at(t, db, day, func(ctx context.Context, tx *store.Tx) error { return tx.AddDeliveries(ctx, ds) })
}

func long(n int) string { return strings.Repeat("x", n) }
