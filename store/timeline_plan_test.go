package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

var planned = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func openPlain(t testing.TB) *DB {
	t.Helper()
	db, err := Open(t.Context(), t.TempDir()+"/hub.db")
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

// TestTimelinesAreReadFromIndexes asks SQLite how it would answer: no part of an answer may look at every event, and
// none may be sorted as a whole unless it is a person's alone.
func TestTimelinesAreReadFromIndexes(t *testing.T) {
	db := openPlain(t)
	known := canon.Window{KnownAt: planned, At: planned}
	known.After = position{1, "ev", 1}.token()
	for name, q := range map[string]telling{
		"customer":                {customer: "cus_1", win: canon.Window{Types: []string{"deal."}, Newest: true}},
		"customer, from a page":   {customer: "cus_1", win: canon.Window{Before: known.After}},
		"customer, all ever said": {customer: "cus_1", win: canon.Window{Revisions: true}},
		"customer, as known":      {customer: "cus_1", win: known},
		"customer, of a person":   {customer: "cus_1", win: canon.Window{Person: "x"}, person: person{[]int64{1, 2}, []string{"ref:contact:x"}}},
		"customer, by source":     {customer: "cus_1", win: canon.Window{Kinds: []canon.Kind{"deal"}, Streams: []string{"crm/deals"}}},
		"everybody":               {win: canon.Window{Newest: true}},
		"everybody, as known":     {win: known},
		"a person":                {win: canon.Window{Person: "x", KnownAt: planned}, person: person{[]int64{1, 2}, []string{"ref:contact:x"}}},
	} {
		q.limit = 100
		if err := q.seek(); err != nil {
			t.Fatal(err)
		}
		query, args := q.sql()
		steps, err := scan(func() (*sql.Rows, error) { return db.rows(t.Context(), "EXPLAIN QUERY PLAN "+query, args...) }, func(r *sql.Rows) (string, error) {
			var id, parent, unused int64
			var detail string
			err := r.Scan(&id, &parent, &unused, &detail)
			return detail, err
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i, s := range steps {
			whole := strings.HasPrefix(s, "SCAN e") && !strings.Contains(s, "INDEX events_")
			// What comes out of a part is a page at most, and may be sorted.
			sorted := s == "USE TEMP B-TREE FOR ORDER BY" && strings.Contains(steps[i-1], "events_") && !strings.Contains(steps[i-1], "events_entity")
			if whole || sorted {
				t.Errorf("%s: %s, in\n%s", name, s, strings.Join(steps, "\n"))
			}
		}
	}
}

// BenchmarkPast tells what stating and taking back an event costs, with and without the indexes that hold what was taken
// back, in batches of 1,000. Run it with -benchtime 30x.
func BenchmarkPast(b *testing.B) {
	const batch = 1000
	for _, indexed := range []bool{true, false} {
		b.Run(fmt.Sprintf("indexed=%v", indexed), func(b *testing.B) {
			db := openPlain(b)
			if !indexed {
				for _, name := range []string{"events_past_time", "events_past_customer"} {
					if _, err := db.write.ExecContext(b.Context(), "DROP INDEX "+name); err != nil {
						b.Fatal(err)
					}
				}
			}
			n := 0
			b.Run("state", func(b *testing.B) {
				from := n
				for b.Loop() {
					fill(b, db, n, batch)
					n += batch
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(n-from), "µs/event")
			})
			b.Run("take back", func(b *testing.B) {
				last := int64(0)
				for b.Loop() {
					rows := make([]int64, batch)
					for i := range rows {
						last++
						rows[i] = last
					}
					if err := db.InTx(b.Context(), planned.Add(time.Hour), func(tx *Tx) error { return tx.Supersede(b.Context(), rows) }); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(last), "µs/event")
			})
		})
	}
}

// BenchmarkTimeline reads pages of 100 from the middle of one customer's 50,000 events, of which every tenth was taken
// back.
func BenchmarkTimeline(b *testing.B) {
	db := openPlain(b)
	const n = 50_000
	var back []int64
	for i := 0; i < n; i += 1000 {
		fill(b, db, i, 1000)
		for j := range 100 {
			back = append(back, int64(i+10*j+1))
		}
	}
	if err := db.InTx(b.Context(), planned.Add(time.Hour), func(tx *Tx) error { return tx.Supersede(b.Context(), back) }); err != nil {
		b.Fatal(err)
	}
	middle := position{planned.Add(n / 2 * time.Second).UnixMicro(), "", 0}.token()
	for name, win := range map[string]canon.Window{
		"now":      {After: middle},
		"before":   {Before: middle},
		"known at": {After: middle, KnownAt: planned.Add(time.Minute)},
		"all said": {After: middle, Revisions: true},
		"source":   {After: middle, Streams: []string{"crm/deals"}, Kinds: []canon.Kind{canon.KindDeal}},
	} {
		for _, customer := range []string{"cus_1", ""} {
			b.Run(name+" of "+customer, func(b *testing.B) {
				for b.Loop() {
					page, err := db.Timeline(b.Context(), customer, win)
					if err != nil || len(page.Events) != 100 {
						b.Fatal(len(page.Events), err)
					}
				}
			})
		}
	}
}

// fill adds events from the nth on, one a second.
func fill(b *testing.B, db *DB, n, count int) {
	b.Helper()
	es := make([]canon.StoredEvent, count)
	for i := range es {
		at := planned.Add(time.Duration(n+i) * time.Second)
		es[i] = canon.StoredEvent{Entity: int64(n + i + 1), Revision: 1, Event: canon.Event{ID: canon.ID("ev", fmt.Sprint(n+i)), Type: "deal.won", Customer: "cus_1", OccurredAt: at,
			Kind: canon.KindDeal, Ref: canon.Ref{Connection: "crm", Stream: "deals", ID: fmt.Sprint(n + i)}, Summary: "Deal 'Renewal' over 1,200.00 EUR was won."}}
	}
	err := db.InTx(b.Context(), planned, func(tx *Tx) error {
		if n == 0 {
			if err := tx.EnsureCustomers(b.Context(), []canon.Profile{{ID: "cus_1", Type: "company"}}); err != nil {
				return err
			}
		}
		return tx.AddEvents(context.WithoutCancel(b.Context()), es)
	})
	if err != nil {
		b.Fatal(err)
	}
}
