package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

// addMember stores a record of a connection and the company that it becomes.
func addMember(t *testing.T, db *store.DB, connection, id, customer, why string, keys ...string) {
	t.Helper()
	tx(t, db, func(ctx context.Context, tx *store.Tx) error {
		r := record(id, "{}", 1)
		r.Connection = connection
		rows, err := tx.AddRecords(ctx, []canon.Record{r})
		if err != nil {
			return err
		}
		e := company(id, customer)
		e.Entity.Ref.Connection, e.Record, e.Why, e.Evidence = connection, rows[id], why, keys
		e.Node = canon.ID("cus", e.Entity.Key())
		if why == "source" {
			e.Node = customer
		}
		e.Cluster = customer
		if err := tx.PutEntities(ctx, []*canon.StoredEntity{e}); err != nil {
			return err
		}
		return tx.PutKeys(ctx, []*canon.StoredEntity{e}, map[int64]bool{e.Row: true})
	})
}

func TestMatches(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		empty := must[store.Matches](t)(db.Matches(t.Context(), 2, 2))
		if empty.Records.Total != 0 || len(empty.MRR) != 0 || empty.Generic == nil || empty.Large == nil {
			t.Errorf("of an empty store: %+v", empty)
		}
		addCustomers(t, db, profile("cus_a", "A"), profile("cus_b", "B"), profile("cus_c", "C"))
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			return tx.PutCustomerStates(ctx, []canon.CustomerState{state("cus_a", "active", nil, &canon.Money{Minor: 700, Currency: "EUR"}),
				state("cus_b", "active", nil, &canon.Money{Minor: 300, Currency: "EUR"}), state("cus_c", "active", nil, &canon.Money{Minor: 5, Currency: "USD"})})
		})
		addMember(t, db, "crm", "1", "cus_a", "source", "dom:a.com", "dom:x.com", "ref:company:crm/companies/1")
		addMember(t, db, "pay", "2", "cus_a", "domain a.com", "dom:a.com", "dom:x.com")
		addMember(t, db, "crm", "3", "cus_b", "source", "dom:x.com")
		addMember(t, db, "crm", "4", "cus_b", "decision dec_1")
		addMember(t, db, "desk", "5", "cus_c", "source")
		got := must[store.Matches](t)(db.Matches(t.Context(), 2, 2))
		same(t, "matches", store.Matches{
			Customers: store.Share{Matched: 1, Total: 3}, Records: store.Share{Matched: 2, Total: 5},
			MRR:         map[string]store.Share{"EUR": {Matched: 700, Total: 1000}, "USD": {Matched: 0, Total: 5}},
			Connections: map[string]store.Share{"crm": {Matched: 1, Total: 3}, "pay": {Matched: 1, Total: 1}, "desk": {Total: 1}},
			Linked:      2, Decided: 1,
			Generic: []store.Counted{{Name: "dom:x.com", Count: 3}},
			Large:   []store.Counted{{Name: "cus_a", Count: 2}, {Name: "cus_b", Count: 2}},
		}, got)
	})
}

// TestFieldsTellWhenTheyWereObserved, where the golden record does not know it itself.
func TestFieldsTellWhenTheyWereObserved(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		p := profile("cus_a", "A")
		ref := canon.Ref{Connection: "crm", Stream: "contacts", ID: "1"}
		p.Fields = []canon.Field{{Name: "name", Value: "A", Source: ref, ModifiedAt: day}, {Name: "city", Value: "B", Source: ref, ObservedAt: day.Add(time.Hour)}, {Name: "plan", Value: "C"}}
		addCustomers(t, db, p)
		addMember(t, db, "crm", "1", "cus_a", "source")
		tx(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.PutProfiles(ctx, []canon.Profile{p}) })
		got := must[canon.Customer](t)(db.Customer(t.Context(), "cus_a"))
		want := []time.Time{day, day.Add(time.Hour), {}}
		for i, f := range got.Fields {
			if !f.ObservedAt.Equal(want[i]) {
				t.Errorf("%s was observed at %v, want %v", f.Name, f.ObservedAt, want[i])
			}
		}
	})
}
