package store_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOpenTwiceKeepsEverything(t *testing.T) {
	urls(t, func(t *testing.T, url string) {
		first, err := store.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		tx(t, first, func(ctx context.Context, tx *store.Tx) error {
			if err := tx.Begin(ctx, "crm", "hubspot", "contacts"); err != nil {
				return err
			}
			if err := tx.Advance(ctx, canon.Batch{Connection: "crm", Stream: "contacts", Next: "c1"}, 0); err != nil {
				return err
			}
			if err := tx.SetMeta(ctx, "settled", "1"); err != nil {
				return err
			}
			return tx.AddChanges(ctx, []canon.Change{{ID: "chg_1", Customer: "cus_1", Type: "deal.won", Data: []byte(`{}`)}})
		})
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		again := open(t, url)
		same(t, "cursor", canon.Cursor("c1"), must[canon.Cursor](t)(again.Checkpoint(t.Context(), "crm", "contacts")))
		same(t, "meta", "1", must[string](t)(again.Meta(t.Context(), "settled")))
		same(t, "outbox end", int64(1), must[int64](t)(again.OutboxEnd(t.Context())))
	})
}

func TestOpenAtOnceFromSeveralSides(t *testing.T) {
	urls(t, func(t *testing.T, url string) {
		const sides = 6
		dbs, errs := make([]*store.DB, sides), make([]error, sides)
		var wg sync.WaitGroup
		for i := range sides {
			wg.Go(func() { dbs[i], errs[i] = store.Open(t.Context(), url) })
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		for i, db := range dbs {
			tx(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.SetMeta(ctx, "side", string(rune('a'+i))) })
		}
		for _, db := range dbs {
			same(t, "meta", "f", must[string](t)(db.Meta(t.Context(), "side")))
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestOpenOfWhatIsNoStore(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hub.db")
	if err := os.WriteFile(file, []byte(strings.Repeat("this is no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{file, filepath.Join(file, "below", "hub.db"), "postgres://nobody@127.0.0.1:1/none?connect_timeout=2"} {
		_, err := store.Open(t.Context(), url)
		if e := canon.AsError(err); e == nil || e.Code != "store.open" || e.Hint == "" {
			t.Errorf("%s: got %v, want store.open with a hint", url, err)
		}
	}
}

func TestEmptyListsAreListsNotNull(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		addCustomers(t, db, profile("cus_1", "Acme"))
		addDeliveries(t, db, delivery(1, "e", "cus_1", day))
		if v := must[[]canon.StreamState](t)(db.Streams(ctx)); v == nil {
			t.Error("streams are null")
		}
		if v, _, err := db.DeadLetters(ctx, "", "", 0); err != nil || v == nil {
			t.Errorf("dead letters are %v, %v", v, err)
		}
		if v := must[canon.EventPage](t)(db.Timeline(ctx, "cus_1", canon.Window{})); v.Events == nil {
			t.Error("events are null")
		}
		if v := must[canon.CustomerPage](t)(db.Customers(ctx, canon.CustomerFilter{Stage: "none"})); v.Customers == nil {
			t.Error("customers are null")
		}
		if v := must[canon.DeliveryPage](t)(db.Deliveries(ctx, canon.DeliveryFilter{Endpoint: "none"})); v.Deliveries == nil || v.Counts == nil {
			t.Error("deliveries or their counts are null")
		}
		if v := must[[]canon.Attempt](t)(db.Attempts(ctx, canon.DeliveryID("chg_1", "e"))); v == nil {
			t.Error("attempts are null")
		}
		if v := must[[]canon.PushedField](t)(db.Pushed(ctx, "", "", 0)); v == nil {
			t.Error("pushed fields are null")
		}
		if v := must[[]canon.Assessment](t)(db.Assessments(ctx, "cus_1", 0)); v == nil {
			t.Error("assessments are null")
		}
		if v := must[canon.Customer](t)(db.Customer(ctx, "cus_1")); v.Members == nil || v.Fields == nil {
			t.Error("members or fields are null")
		}
	})
}

// TestTextIsOrderedByBytes: an order by language would tear "deal." from its range and let two engines tell
// one timeline in two orders.
func TestTextIsOrderedByBytes(t *testing.T) {
	url := postgresURL(t)
	open(t, url)
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var wrong int
	if err := db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = current_schema()
		AND table_name NOT LIKE 'goose%' AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'`).Scan(&wrong); err != nil || wrong > 0 {
		t.Errorf("%d text columns are not ordered by bytes, %v", wrong, err)
	}
}
