package ingest_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/identity"
	"github.com/lifecyclehub/hub/lifecycle"
	"github.com/lifecyclehub/hub/mapping"
	"github.com/lifecyclehub/hub/store"
	"github.com/lifecyclehub/hub/sync/ingest"
)

const firms = `streams:
  firms:
    rules:
      - kind: company
        fields: {name: name}
`

// brittle is a transaction that fails, or panics, on the record "poison".
type brittle struct {
	ingest.Tx
	panics bool
}

func (b brittle) AddRecords(ctx context.Context, recs []canon.Record) (map[string]int64, error) {
	if slices.ContainsFunc(recs, func(r canon.Record) bool { return r.ID == "poison" }) {
		if b.panics {
			panic("a fault of ours")
		}
		return nil, errors.New("the engine refuses it")
	}
	return b.Tx.AddRecords(ctx, recs)
}

// TestOneRecordDoesNotStopTheLine wants that a record which the store refuses, or which makes us panic, ends as a
// dead letter while the rest of its page, and the cursor, go on.
func TestOneRecordDoesNotStopTheLine(t *testing.T) {
	for name, panics := range map[string]bool{"refused": false, "panic": true} {
		t.Run(name, func(t *testing.T) {
			db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "hub.db"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := db.Close(); err != nil {
					t.Error(err)
				}
			})
			m, err := mapping.Parse("firms.yaml", []byte(firms), mapping.Options{})
			if err != nil {
				t.Fatal(err)
			}
			now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			p := ingest.New(ingest.Options{
				Atomic: func(ctx context.Context, fn func(ingest.Tx) error) error {
					return db.InTx(ctx, now, func(tx *store.Tx) error { return fn(brittle{tx, panics}) })
				},
				Maps: map[string]*mapping.Map{"crm": m}, Rules: &identity.Rules{}, Policy: lifecycle.Default(), Now: func() time.Time { return now },
				Rounds: db.Rounds, Log: slog.New(slog.DiscardHandler),
			})
			if err := db.InTx(t.Context(), now, func(tx *store.Tx) error { return tx.Begin(t.Context(), "crm", "file", "firms") }); err != nil {
				t.Fatal(err)
			}
			b := canon.Batch{Connection: "crm", Connector: "file", Stream: "firms", Next: "end", Last: true, ReadAt: now}
			for _, id := range []string{"1", "poison", "2"} {
				b.Records = append(b.Records, canon.Record{Ref: canon.Ref{Connection: "crm", Stream: "firms", ID: id}, ObservedAt: now, Raw: []byte(`{"name":"Firm ` + id + `"}`)})
			}
			if _, err := p.Ingest(t.Context(), b); err == nil {
				t.Fatal("the page as a whole was taken")
			}
			if _, err := p.Salvage(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			letters, _, err := db.DeadLetters(t.Context(), "", "", 0)
			if err != nil || len(letters) != 1 || letters[0].RecordID != "poison" || letters[0].Code != "ingest.failed" {
				t.Errorf("dead letters: %+v, %v", letters, err)
			}
			page, err := db.Customers(t.Context(), canon.CustomerFilter{})
			if err != nil || page.Total != 2 {
				t.Errorf("%d customers, want 2 (%v)", page.Total, err)
			}
			if c, err := db.Checkpoint(t.Context(), "crm", "firms"); c != "end" || err != nil {
				t.Errorf("the cursor is %q (%v)", c, err)
			}
		})
	}
}
