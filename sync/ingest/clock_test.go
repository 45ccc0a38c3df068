package ingest_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

// TestTicksDoNotMatter: whatever the moments at which the clock ticks, the batches in which records come and the books that are
// lost on the way, customers end where they end in a hub that looks at them once.
func TestTicksDoNotMatter(t *testing.T) {
	n, most, dir := 0, checks(t, 12, 2), t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		if n++; n > most {
			return
		}
		var recs [][2]string
		for d := range rapid.IntRange(1, 12).Draw(rt, "deals") {
			created := start.AddDate(0, 0, rapid.IntRange(-90, 60).Draw(rt, "created")).Format(time.RFC3339)
			status := rapid.SampledFrom([]string{"open", "won", "lost"}).Draw(rt, "status")
			recs = append(recs, [2]string{fmt.Sprintf("d%d", d), fmt.Sprintf(`{"id":"d%d","name":"Deal %d","firm":"f","created":%q,"status":%q}`, d, d, created, status)})
		}
		often, closeOften := briefHub(t, filepath.Join(dir, fmt.Sprintf("often%d.db", n)))
		defer closeOften()
		once, closeOnce := briefHub(t, filepath.Join(dir, fmt.Sprintf("once%d.db", n)))
		defer closeOnce()
		firm := record("firms", "f", `{"id":"f","name":"Acme","domain":"acme.com","created":"2025-09-01T00:00:00Z"}`)
		for _, h := range []*hub{often, once} {
			h.take(h.page("firms", firm))
			h.settle(t)
		}
		at := start
		for _, r := range recs {
			at = at.Add(time.Duration(rapid.IntRange(0, 100).Draw(rt, "later")) * time.Hour)
			rec := record("deals", r[0], r[1])
			often.now, once.now = at, at
			often.take(often.page("deals", rec))
			once.take(once.page("deals", rec))
			for range rapid.IntRange(0, 3).Draw(rt, "ticks") {
				often.now = often.now.Add(time.Duration(rapid.IntRange(1, 200).Draw(rt, "tick")) * time.Hour)
				often.tick(t, often.now)
			}
			at = often.now
			if rapid.IntRange(0, 4).Draw(rt, "lost") == 0 {
				often.in(func(ctx context.Context, tx *store.Tx) error { return tx.DropAllBooks(ctx) })
			}
		}
		end := at.AddDate(0, 0, rapid.IntRange(0, 120).Draw(rt, "end"))
		for _, h := range []*hub{often, once} {
			h.now = end
			h.tick(t, h.now)
			h.in(func(ctx context.Context, tx *store.Tx) error { return tx.MarkAllDirty(ctx) })
			h.tick(t, h.now)
		}
		if diff := cmp.Diff(once.state(), often.state()); diff != "" {
			rt.Fatalf("(-looked at once +often):\n%s", diff)
		}
	})
}

// TestOverride: a human's word holds while it is in force, is shown beside what was computed, and leaves no trace after.
func TestOverride(t *testing.T) {
	h := newHub(t, salesYAML)
	h.take(h.page("firms", record("firms", "f", `{"id":"f","name":"Acme","domain":"acme.com","created":"2025-09-01T00:00:00Z"}`)))
	h.settle(t)
	is := func() canon.Assessment {
		t.Helper()
		h.tick(t, h.now)
		page, err := h.db.Customers(t.Context(), canon.CustomerFilter{})
		if err != nil || len(page.Customers) != 1 {
			t.Fatal(page, err)
		}
		c, err := h.db.Customer(t.Context(), page.Customers[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		return *c.Assessment
	}
	before := is()
	var o canon.Override
	h.in(func(ctx context.Context, tx *store.Tx) (err error) {
		o, err = tx.AddOverride(ctx, canon.Override{Customer: before.Customer, Field: "stage", Value: "loyalty", Author: "kim", Reason: "signed today", Until: h.now.AddDate(0, 0, 10)})
		return err
	})
	if a := is(); a.Stage != "loyalty" || len(a.Overrides) != 1 || a.NextAt.After(o.Until) {
		t.Errorf("the override does not hold: %+v", a)
	}
	h.now = o.Until
	after := is()
	if after.Stage != before.Stage || after.StageReason != before.StageReason || len(after.Overrides) != 0 {
		t.Errorf("the override left a trace: %+v", after)
	}
}

func record(stream, id, raw string) canon.Record {
	return canon.Record{Ref: canon.Ref{Connection: "crm", Stream: stream, ID: id}, Version: 1, ObservedAt: start, Raw: []byte(raw)}
}

func (h *hub) in(fn func(context.Context, *store.Tx) error) {
	h.tb.Helper()
	if err := h.db.InTx(context.Background(), h.now, func(tx *store.Tx) error { return fn(context.Background(), tx) }); err != nil {
		h.tb.Fatal(err)
	}
}
