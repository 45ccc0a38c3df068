package store_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

// gather asks for histories and keeps them all, and the size of every batch.
func gather(t *testing.T, db *store.DB, ask canon.HistoryAsk) (hs []canon.History, sizes []int) {
	t.Helper()
	err := db.Histories(t.Context(), ask, func(batch []canon.History) error {
		hs, sizes = append(hs, batch...), append(sizes, len(batch))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return hs, sizes
}

// peopled fills a store with seven customers, two of whom are gone: one with a past and one without.
func peopled(t *testing.T, db *store.DB) {
	t.Helper()
	var ps []canon.Profile
	for i := range 7 {
		ps = append(ps, profile(fmt.Sprintf("cus_%d", i), fmt.Sprintf("Customer %d", i)))
	}
	addCustomers(t, db, ps...)
	ps[3].Gone, ps[4].Gone = true, true
	ps[1].Fields = []canon.Field{{Name: "plan", Value: "pro"}}
	at(t, db, day, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.PutProfiles(ctx, ps); err != nil {
			return err
		}
		var es []canon.StoredEvent
		for i := range 7 {
			for k := range i {
				if i != 4 {
					// Told in another order than they happened.
					es = append(es, event(fmt.Sprintf("ev_%d_%d", i, k), fmt.Sprintf("cus_%d", i), day.AddDate(0, 0, -k)))
				}
			}
		}
		if err := tx.AddEvents(ctx, es); err != nil {
			return err
		}
		as := []canon.Assessment{{Customer: "cus_1", At: day.Add(-time.Hour), Policy: "p@1", Stage: "reach"}, {Customer: "cus_1", At: day, Policy: "p@1", Stage: "retention"}}
		if err := tx.AddAssessments(ctx, []canon.CustomerState{{ID: as[0].Customer, Assessed: 1, Assessment: &as[0]}, {ID: as[1].Customer, Assessed: 2, Assessment: &as[1]}}); err != nil {
			return err
		}
		return tx.PutCustomerStates(ctx, []canon.CustomerState{{ID: "cus_1", Assessed: 2, Assessment: &as[1]}})
	})
}

func TestHistoriesComeWholeInOrderAndInBatches(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		peopled(t, db)
		hs, sizes := gather(t, db, canon.HistoryAsk{Batch: 3, Assessments: true})
		var ids []string
		for _, h := range hs {
			ids = append(ids, h.Profile.ID)
			want := int(h.Profile.ID[4] - '0')
			if len(h.Events) != want {
				t.Errorf("%s has %d events, want %d", h.Profile.ID, len(h.Events), want)
			}
			if !slices.IsSortedFunc(h.Events, func(a, b canon.Event) int {
				return cmp.Or(a.OccurredAt.Compare(b.OccurredAt), cmp.Compare(a.ID, b.ID))
			}) {
				t.Errorf("events of %s are not in order", h.Profile.ID)
			}
			for _, e := range h.Events {
				if !e.RecordedAt.Equal(day) || e.Customer != h.Profile.ID || e.Revision != 0 {
					t.Errorf("event %s was recorded at %s, of %s, revision %d", e.ID, e.RecordedAt, e.Customer, e.Revision)
				}
			}
		}
		same(t, "customers", []string{"cus_0", "cus_1", "cus_2", "cus_3", "cus_5", "cus_6"}, ids)
		same(t, "batches", []int{3, 2, 1}, sizes)
		if !hs[3].Profile.Gone || hs[2].Profile.Gone {
			t.Error("the customer that is gone does not say so")
		}
		same(t, "fields", []canon.Field{{Name: "plan", Value: "pro"}}, hs[1].Profile.Fields)
		if a := hs[1].Assessment; a == nil || a.Stage != "retention" || len(hs[1].Assessments) != 2 || hs[1].Assessments[0].Stage != "reach" {
			t.Errorf("assessments of cus_1: %+v, %+v", hs[1].Assessment, hs[1].Assessments)
		}
		if hs[0].Assessment != nil {
			t.Error("a customer that was never assessed has an assessment")
		}
	})
}

func TestHistoriesOfSomeCustomers(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		peopled(t, db)
		hs, _ := gather(t, db, canon.HistoryAsk{Customers: []string{"cus_6", "cus_2", "cus_6"}})
		if len(hs) != 2 || hs[0].Profile.ID != "cus_2" || hs[1].Profile.ID != "cus_6" {
			t.Errorf("got %d histories", len(hs))
		}
		err := db.Histories(t.Context(), canon.HistoryAsk{Customers: []string{"cus_99"}}, func([]canon.History) error { return nil })
		var e *canon.Error
		if !errors.As(err, &e) || e.Code != "customer.unknown" {
			t.Errorf("asking for a customer that is not there: %v", err)
		}
	})
}

func TestHistoriesWithRevisions(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		addCustomers(t, db, profile("cus_1", "One"))
		later := day.Add(time.Hour)
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			return tx.AddEvents(ctx, []canon.StoredEvent{event("ev_1", "cus_1", day), event("ev_2", "cus_1", day.Add(-time.Hour))})
		})
		at(t, db, later, func(ctx context.Context, tx *store.Tx) error {
			es, err := tx.CustomerEvents(ctx, []string{"cus_1"})
			if err != nil {
				return err
			}
			if err := tx.Supersede(ctx, []int64{es[1].Row}); err != nil {
				return err
			}
			again := event("ev_1", "cus_1", day)
			again.Revision, again.Summary = 2, "Deal ev_1 was won after all"
			return tx.AddEvents(ctx, []canon.StoredEvent{again})
		})
		hs, _ := gather(t, db, canon.HistoryAsk{Revisions: true})
		es := hs[0].Events
		if len(es) != 3 || es[0].ID != "ev_2" || es[1].Revision != 1 || es[2].Revision != 2 {
			t.Fatalf("events: %+v", es)
		}
		if !es[1].SupersededAt.Equal(later) || !es[2].SupersededAt.IsZero() || !es[2].RecordedAt.Equal(later) {
			t.Errorf("revision 1 was superseded at %s, 2 at %s", es[1].SupersededAt, es[2].SupersededAt)
		}
		if hs, _ := gather(t, db, canon.HistoryAsk{}); len(hs[0].Events) != 2 {
			t.Errorf("%d events are in force, want 2", len(hs[0].Events))
		}
	})
}

func TestHistoriesStopWhereTheReaderDoes(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		peopled(t, db)
		enough, n := errors.New("enough"), 0
		err := db.Histories(t.Context(), canon.HistoryAsk{Batch: 1}, func([]canon.History) error { n++; return enough })
		if !errors.Is(err, enough) || n != 1 {
			t.Errorf("after %d batches: %v", n, err)
		}
	})
}
