package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

// held stores records of one version each.
func held(t *testing.T, db *store.DB, recs ...canon.Record) {
	t.Helper()
	tx(t, db, func(ctx context.Context, tx *store.Tx) error {
		rows, err := tx.AddRecords(ctx, recs)
		if err != nil {
			return err
		}
		ids := make([]int64, len(recs))
		for i, r := range recs {
			ids[i] = rows[r.ID]
		}
		return tx.AddVersions(ctx, ids, recs)
	})
}

func sweepPage(round string, readAt time.Time) canon.Batch {
	return canon.Batch{Connection: "crm", Stream: "contacts", ReadAt: readAt, Sweep: &canon.Sweep{Round: round}}
}

func TestWhyARecordIsGoneIsKept(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		gone := record("1", "", 5)
		gone.Deleted, gone.Reason, gone.Into, gone.Raw = true, "merged", "2\x00", nil
		miss := record("2", "", 5)
		miss.Deleted, miss.Reason = true, canon.ReasonMissing
		held(t, db, gone, miss, record("3", "{}", 5))
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			hs := must[map[string]canon.Held](t)(tx.Held(ctx, "crm", "contacts", []string{"1", "2", "3"}))
			for id, want := range map[string][2]bool{"1": {true, false}, "2": {true, true}, "3": {false, false}} {
				same(t, "record "+id, want, [2]bool{hs[id].Deleted, hs[id].Missing})
			}
			vs := must[[]canon.Record](t)(tx.Versions(ctx, hs["1"]))
			same(t, "why and into", []string{"merged", "2\uFFFD"}, []string{vs[0].Reason, vs[0].Into})
			alive := hs["2"]
			alive.Deleted, alive.Missing, alive.Version = false, false, 6
			if err := tx.PutHeld(ctx, []canon.Held{alive}); err != nil {
				return err
			}
			if h := must[map[string]canon.Held](t)(tx.Held(ctx, "crm", "contacts", []string{"2"}))["2"]; h.Deleted || h.Missing {
				t.Errorf("a record that came back is held as %+v", h)
			}
			return nil
		})
	})
}

func TestASweepFindsWhatWasNotSeen(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		late := record("4", "{}", 1)
		late.ObservedAt = day.Add(2 * time.Hour)
		future := record("5", "{}", day.Add(3*time.Hour).UnixMicro())
		dead := record("6", "", 1)
		dead.Deleted = true
		numbered := record("7", "{}", 1<<60)
		held(t, db, record("1", "{}", 1), record("2", "{}", 1), record("3", "{}", 1), late, future, dead, numbered)
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			if err := tx.Begin(ctx, "crm", "file", "contacts"); err != nil {
				return err
			}
			s, ok, err := tx.OpenSweep(ctx, sweepPage("r1", day.Add(time.Hour)))
			if err != nil || !ok || !s.Fresh || !s.StartedAt.Equal(day) {
				t.Errorf("the round is %+v, %v, %v; it starts with the pull", s, ok, err)
			}
			// As though the pull had begun an hour later.
			s.StartedAt = day.Add(time.Hour)
			for range 2 {
				if err := tx.MarkSeen(ctx, s, "crm", "contacts", []string{"1", "3", "none"}); err != nil {
					return err
				}
			}
			gone, n, err := tx.CountMissing(ctx, s, "crm", "contacts")
			same(t, "missing of held", []int64{2, 6}, []int64{gone, n})
			if err != nil {
				return err
			}
			ms := must[[]canon.Held](t)(tx.Missing(ctx, s, "crm", "contacts", 10))
			if len(ms) != 2 || ms[0].Ref.ID != "2" || ms[1].Ref.ID != "7" {
				t.Errorf("missing: %+v", ms)
			}
			return nil
		})
	})
}

func TestRoundsEndOnceAndLeaveLittle(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		var recs []canon.Record
		var ids []string
		for i := range 20 {
			ids = append(ids, fmt.Sprint(i))
			recs = append(recs, record(ids[i], "{}", 1))
		}
		held(t, db, recs...)
		openAt := func(ctx context.Context, tx *store.Tx, round string, hours int) (canon.SweepRound, bool) {
			s, ok, err := tx.OpenSweep(ctx, sweepPage(round, day.Add(time.Duration(hours)*time.Hour)))
			if err != nil {
				t.Fatal(err)
			}
			return s, ok
		}
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			if err := tx.Begin(ctx, "crm", "file", "contacts"); err != nil {
				return err
			}
			one, _ := openAt(ctx, tx, "r1", 1)
			if err := tx.MarkSeen(ctx, one, "crm", "contacts", ids); err != nil {
				return err
			}
			if again, ok := openAt(ctx, tx, "r1", 2); !ok || again.ID != one.ID || again.Fresh {
				t.Errorf("a round went on as %+v, %v", again, ok)
			}
			two, _ := openAt(ctx, tx, "r2", 3)
			if _, ok := openAt(ctx, tx, "r1", 4); ok {
				t.Error("a round that was given up goes on")
			}
			if err := tx.EndSweep(ctx, two, "crm", "contacts", canon.Errorf("sweep.guard", "too many")); err != nil {
				return err
			}
			if s := must[canon.SweepRound](t)(tx.CurrentSweep(ctx, "crm", "contacts", true)); s.ID != two.ID {
				t.Errorf("%+v waits for an operator, want %+v", s, two)
			}
			if _, ok := openAt(ctx, tx, "r2", 5); ok {
				t.Error("a round that has ended goes on")
			}
			if _, ok := openAt(ctx, tx, "r0", 1); ok {
				t.Error("a page of a round before the newest began one")
			}
			for range 3 {
				if err := tx.ClearMarks(ctx, "crm", "contacts"); err != nil {
					return err
				}
			}
			one.StartedAt = day.Add(time.Hour)
			if gone, _, err := tx.CountMissing(ctx, one, "crm", "contacts"); err != nil || gone != 20 {
				t.Errorf("marks of a round that was given up remain: %d are missing, %v", gone, err)
			}
			return nil
		})
		states := must[[]canon.StreamState](t)(db.Streams(t.Context()))
		if states[0].Notice == nil || states[0].Notice.Code != "sweep.guard" {
			t.Errorf("notice: %+v", states[0].Notice)
		}
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			two := must[canon.SweepRound](t)(tx.CurrentSweep(ctx, "crm", "contacts", true))
			return tx.EndSweep(ctx, two, "crm", "contacts", nil)
		})
		if states = must[[]canon.StreamState](t)(db.Streams(t.Context())); states[0].Notice != nil {
			t.Errorf("notice: %+v", states[0].Notice)
		}
	})
}

func TestFieldsAndDriftRoundTrip(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		seen := canon.FieldState{Path: "properties.Größe\x00", Types: []string{"number", "string"}, FirstSeen: day, LastSeen: day.Add(time.Hour), Samples: 7}
		named := canon.FieldState{Path: "plan", Types: []string{}, Declared: true, Label: "Plan", Doc: "d", VendorType: "enum", Custom: true, Computed: true}
		forgotten := canon.FieldState{Path: "x", Types: []string{}}
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			if err := tx.PutFields(ctx, "crm", "contacts", []canon.FieldState{named, seen, forgotten}); err != nil {
				return err
			}
			seen.GoneAt, seen.Samples = day, 8
			if err := tx.PutFields(ctx, "crm", "contacts", []canon.FieldState{seen}); err != nil {
				return err
			}
			return tx.AddDrift(ctx, []canon.Drift{{Connection: "crm", Stream: "contacts", Path: "plan", What: canon.DriftNew, Detail: "a → b", At: day},
				{Connection: "crm", Stream: "deals", Path: "sum", What: canon.DriftType, At: day}})
		})
		seen.Path = "properties.Größe\uFFFD"
		got := must[[]canon.FieldState](t)(db.Fields(t.Context(), "crm", "contacts"))
		if diff := cmp.Diff([]canon.FieldState{named, seen}, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("fields (-want +got):\n%s", diff)
		}
		ds := must[[]canon.Drift](t)(db.Drift(t.Context(), "crm", "", 0))
		if len(ds) != 2 || ds[0].Stream != "deals" || ds[1].Detail != "a → b" || !ds[1].At.Equal(day) {
			t.Errorf("drift: %+v", ds)
		}
		if ds = must[[]canon.Drift](t)(db.Drift(t.Context(), "crm", "deals", 0)); len(ds) != 1 {
			t.Errorf("drift of deals: %+v", ds)
		}
	})
}

func TestForgottenEntitiesLeaveNoKeys(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		a, b := company("1", "cus_1"), company("2", "cus_2")
		a.Evidence, b.Evidence = []string{"ref:company:a", "dom:x.com"}, []string{"dom:x.com"}
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			if err := tx.PutEntities(ctx, []*canon.StoredEntity{a, b}); err != nil {
				return err
			}
			if err := tx.PutKeys(ctx, []*canon.StoredEntity{a, b}, map[int64]bool{a.Row: true, b.Row: true}); err != nil {
				return err
			}
			if err := tx.Forget(ctx, []int64{a.Row}); err != nil {
				return err
			}
			nodes, counts, err := tx.NodesByKeys(ctx, canon.KindCompany, []string{"ref:company:a", "dom:x.com"}, 0)
			if len(nodes) != 1 || nodes[0].Row != b.Row || counts["dom:x.com"] != 1 || counts["ref:company:a"] != 0 {
				t.Errorf("nodes %+v, counts %v", nodes, counts)
			}
			return err
		})
	})
}

func TestRecordsAreWalkedInOrder(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		held(t, db, record("b", "{}", 1), record("a", "{}", 1), record("c", "{}", 1))
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			met := map[string]bool{}
			for after, pages := int64(0), 0; ; pages++ {
				page := must[[]canon.Held](t)(tx.RecordsFrom(ctx, "crm", "contacts", after, 2))
				if len(page) == 0 {
					same(t, "pages", 2, pages)
					break
				}
				for _, h := range page {
					if met[h.Ref.ID] || h.Row <= after {
						t.Errorf("%s came twice or out of order", h.Ref)
					}
					met[h.Ref.ID], after = true, h.Row
				}
			}
			same(t, "records met", 3, len(met))
			return nil
		})
	})
}
