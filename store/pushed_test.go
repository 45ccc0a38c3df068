package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

func pushed(id, field, state string) canon.PushedField {
	return canon.PushedField{Ref: canon.Ref{Connection: "crm", Stream: "companies", ID: id}, Field: field, Wanted: "grün", State: state, Customer: "cus_" + id, At: day}
}

func TestPushedRoundTrip(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		want := map[canon.Ref]map[string]canon.PushedField{}
		var ps []canon.PushedField
		var refs []canon.Ref
		for i := range 150 {
			p := pushed(fmt.Sprint(i), "stage", canon.PushVerified)
			p.HasAcked = i%2 == 0
			q := pushed(fmt.Sprint(i), "score", canon.PushFailed)
			q.Reason, q.Acked = "refused", "x"
			old := q
			old.Wanted = "old"
			ps = append(ps, old, p, q)
			refs = append(refs, p.Ref)
			want[p.Ref] = map[string]canon.PushedField{"stage": p, "score": q}
		}
		elsewhere := pushed("1", "stage", canon.PushConflict)
		elsewhere.Ref.Connection, elsewhere.At = "other", day.Add(time.Hour)
		want[elsewhere.Ref] = map[string]canon.PushedField{"stage": elsewhere}
		for range 2 {
			tx(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.PutPushed(ctx, append(ps, elsewhere)) })
		}
		got, err := db.PushedOf(t.Context(), append(refs, elsewhere.Ref, canon.Ref{Connection: "crm", Stream: "companies", ID: "none"}))
		if err != nil {
			t.Fatal(err)
		}
		same(t, "pushed", want, got)
		same(t, "newest", []canon.PushedField{elsewhere}, must[[]canon.PushedField](t)(db.Pushed(t.Context(), "", "", 1)))
		if n := len(must[[]canon.PushedField](t)(db.Pushed(t.Context(), canon.PushFailed, "", 1000))); n != 150 {
			t.Errorf("%d fields failed, want 150", n)
		}
		same(t, "of a customer", 2, len(must[[]canon.PushedField](t)(db.Pushed(t.Context(), "", "cus_7", 0))))
		if n := len(must[[]string](t)(db.Unpushed(t.Context(), "crm", "companies"))); n != 150 {
			t.Errorf("%d customers are unpushed, want 150", n)
		}
		same(t, "unpushed elsewhere", 0, len(must[[]string](t)(db.Unpushed(t.Context(), "other", "companies"))))
	})
}

func TestPushRowsAreTheLiveRecordsOfAssessedCustomers(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		addCustomers(t, db, profile("cus_1", "One"), profile("cus_2", "never assessed"))
		var refs []canon.Record
		for i := range 4 {
			r := record(fmt.Sprint(i), "{}", 1)
			r.Stream = "companies"
			refs = append(refs, r)
		}
		s := state("cus_1", "active", nil, nil)
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			rows, err := tx.AddRecords(ctx, refs)
			if err != nil {
				return err
			}
			es := []*canon.StoredEntity{company("0", "cus_1"), company("1", "cus_1"), company("2", "cus_2"), contact("3", "a@b.c", "cus_1")}
			for _, e := range es {
				e.Record = rows[e.Entity.Ref.ID]
			}
			es[1].Entity.Deleted = true
			if err := tx.PutEntities(ctx, es); err != nil {
				return err
			}
			return tx.PutCustomerStates(ctx, []canon.CustomerState{s})
		})
		got, err := db.PushRows(t.Context(), "crm", "companies", canon.KindCompany, []string{"cus_1", "cus_2", "none"})
		if err != nil {
			t.Fatal(err)
		}
		same(t, "rows", []store.PushRow{{Ref: refs[0].Ref, Customer: "cus_1", Assessment: *s.Assessment}}, got)
	})
}
