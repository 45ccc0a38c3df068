package store_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

func put(t *testing.T, db *store.DB, es ...*canon.StoredEntity) {
	t.Helper()
	tx(t, db, func(ctx context.Context, tx *store.Tx) error {
		fresh := map[int64]bool{}
		before := map[*canon.StoredEntity]bool{}
		for _, e := range es {
			before[e] = e.Row != 0
		}
		if err := tx.PutEntities(ctx, es); err != nil {
			return err
		}
		for _, e := range es {
			fresh[e.Row] = !before[e]
		}
		return tx.PutKeys(ctx, es, fresh)
	})
}

// bare is e as a query without keys returns it.
func bare(e *canon.StoredEntity) canon.StoredEntity {
	b := *e
	b.Evidence, b.Anchors, b.OwnerKeys = nil, nil, nil
	return b
}

func TestEntitiesRoundTrip(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		a, b := company("1", "cus_1"), contact("2", "ann@acme.com", "cus_1")
		a.Evidence, a.Anchors = []string{"ref:company:crm/companies/1", "dom:acme.com"}, []string{"dom:acme.com"}
		b.Evidence, b.OwnerKeys = []string{"mail:ann@acme.com"}, []string{"dom:acme.com", "dom:acme.com", "x\x00y"}
		b.Record, b.DueAt, b.Clocked = 2, day.Add(time.Hour), true
		b.Entity.Custom = map[string]any{"näme": "wért", "n": 1.5, "yes": true}
		b.Entity.CreatedAt = day
		put(t, db, a, b)
		if a.Row == 0 || b.Row == 0 || a.Row == b.Row {
			t.Fatalf("rows are %d and %d", a.Row, b.Row)
		}
		read := func() {
			t.Helper()
			tx(t, db, func(ctx context.Context, tx *store.Tx) error {
				got, err := tx.EntitiesByRow(ctx, []int64{a.Row, b.Row, 999})
				same(t, "by row", []canon.StoredEntity{bare(a), bare(b)}, byRow(got))
				if err != nil {
					return err
				}
				got, err = tx.EntitiesOf(ctx, []int64{2, 3})
				same(t, "by record", []canon.StoredEntity{bare(b)}, got)
				if err != nil {
					return err
				}
				got, err = tx.DueEntities(ctx, day.Add(2*time.Hour).UnixMicro(), 10)
				same(t, "due", []canon.StoredEntity{bare(b)}, got)
				if err != nil {
					return err
				}
				got, err = tx.ByCluster(ctx, []string{a.Cluster, "", "none"})
				same(t, "by cluster", []canon.StoredEntity{bare(a)}, got)
				return err
			})
		}
		read()
		a.Entity.Body = &canon.Company{Name: "Acme Größe"}
		a.Entity.Deleted, a.Hash, a.Version, a.At = true, "other", 8, day.Add(time.Minute)
		b.DueAt, b.Clocked = day.Add(90*time.Minute), false
		put(t, db, a, b)
		read()
	})
}

func byRow(es []canon.StoredEntity) []canon.StoredEntity {
	slices.SortFunc(es, func(x, y canon.StoredEntity) int { return int(x.Row - y.Row) })
	return es
}

func TestKeysAreReplaced(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		a, b := company("1", ""), company("2", "")
		a.Evidence, a.Anchors, a.OwnerKeys = []string{"z", "a", "z"}, []string{"dom:a"}, []string{"o"}
		b.Evidence = []string{"b"}
		put(t, db, a, b)
		keys := func() map[int64]canon.StoredEntity {
			var got map[int64]canon.StoredEntity
			tx(t, db, func(ctx context.Context, tx *store.Tx) (err error) {
				got, err = tx.KeysOf(ctx, []int64{a.Row, b.Row})
				return err
			})
			return got
		}
		same(t, "keys", map[int64]canon.StoredEntity{a.Row: {Evidence: []string{"z", "a", "z"}, Anchors: []string{"dom:a"}, OwnerKeys: []string{"o"}}, b.Row: {Evidence: []string{"b"}}}, keys())
		a.Evidence, a.Anchors, a.OwnerKeys = []string{"new"}, nil, nil
		put(t, db, a)
		same(t, "keys", map[int64]canon.StoredEntity{a.Row: {Evidence: []string{"new"}}, b.Row: {Evidence: []string{"b"}}}, keys())
	})
}

func TestHoldersAndDependents(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		own, other, person := company("1", "cus_1"), company("2", "cus_2"), contact("3", "ann@acme.com", "")
		self := "ref:company:crm/companies/1"
		own.Evidence, own.Anchors = []string{self, "dom:acme.com"}, []string{"dom:acme.com"}
		other.Evidence = []string{self, "dom:acme.com"} // holds the domain, but it is not its own
		person.OwnerKeys = []string{self, "dom:acme.com"}
		put(t, db, own, other, person)
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			got, err := tx.Holders(ctx, []string{"dom:acme.com", "none"})
			same(t, "holders of a domain", []canon.KeyHolder{{Key: "dom:acme.com", Row: own.Row, Kind: canon.KindCompany, Customer: "cus_1"}}, got)
			if err != nil {
				return err
			}
			got, err = tx.Holders(ctx, []string{self})
			same(t, "holders of a reference", []canon.KeyHolder{
				{Key: self, Row: own.Row, Kind: canon.KindCompany, Self: true, Customer: "cus_1"},
				{Key: self, Row: other.Row, Kind: canon.KindCompany, Customer: "cus_2"}}, got)
			if err != nil {
				return err
			}
			got, err = tx.Dependents(ctx, []string{"dom:acme.com"})
			same(t, "dependents", []canon.KeyHolder{{Key: "dom:acme.com", Row: person.Row, Kind: canon.KindContact}}, got)
			return err
		})
	})
}

func TestNodesByKeysCountsAndLimits(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		var es []*canon.StoredEntity
		for i := range 5 {
			e := company(fmt.Sprint(i), "")
			e.Evidence = []string{"common", fmt.Sprint("own", i), fmt.Sprint("own", i)}
			es = append(es, e)
		}
		person := contact("9", "x@y.z", "")
		person.Evidence = []string{"common", "own1"}
		put(t, db, append(slices.Clone(es), person)...)
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			nodes, counts, err := tx.NodesByKeys(ctx, canon.KindCompany, []string{"common", "own1", "own1", "none"}, 4)
			same(t, "counts", map[string]int{"common": 5, "own1": 1}, counts)
			same(t, "nodes under a limit of 4", []canon.StoredEntity{bare(es[1])}, nodes)
			if err != nil {
				return err
			}
			nodes, _, err = tx.NodesByKeys(ctx, canon.KindCompany, []string{"common"}, 0)
			if len(nodes) != 5 {
				t.Errorf("without a limit %d nodes came, want 5", len(nodes))
			}
			return err
		})
	})
}

func TestOwnersMoveEntitiesAndTheirEvents(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		addCustomers(t, db, profile("cus_1", "One"), profile("cus_2", "Two"))
		var es []*canon.StoredEntity
		for i := range 200 {
			es = append(es, company(fmt.Sprintf("%03d", i), "cus_1"))
		}
		put(t, db, es...)
		var events []canon.StoredEvent
		for _, e := range es {
			ev := event("ev_"+e.Entity.Ref.ID, "cus_1", day)
			ev.Entity = e.Row
			events = append(events, ev)
		}
		whole := event("ev_of_customer", "cus_1", day)
		whole.Entity = 0
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			if err := tx.AddEvents(ctx, append(events, whole)); err != nil {
				return err
			}
			old, err := tx.EventsOf(ctx, []int64{es[0].Row})
			if err != nil {
				return err
			}
			// What is no longer in force moves with its entity, too.
			if err := tx.Supersede(ctx, []int64{old[0].Row}); err != nil {
				return err
			}
			for _, e := range es {
				e.Customer, e.Cluster, e.Why = "cus_2", "cl_2", "domain acme.com"
			}
			if err := tx.SetOwners(ctx, es); err != nil {
				return err
			}
			if err := tx.MoveEvents(ctx, es); err != nil {
				return err
			}
			got, err := tx.Members(ctx, []string{"cus_2"})
			var want []canon.StoredEntity
			for _, e := range es {
				want = append(want, bare(e))
			}
			if diff := cmp.Diff(want, byRow(got)); diff != "" {
				t.Errorf("members (-want +got):\n%s", diff)
			}
			if err != nil {
				return err
			}
			left, err := tx.CustomerEvents(ctx, []string{"cus_1"})
			if len(left) != 1 || left[0].ID != "ev_of_customer" {
				t.Errorf("%d events stayed, want the customer's own only", len(left))
			}
			return err
		})
		same(t, "resolved by record", "cus_2", must[string](t)(db.Resolve(t.Context(), "crm/companies/007")))
		same(t, "resolved by node", "cus_2", must[string](t)(db.Resolve(t.Context(), es[7].Node)))
		page := must[canon.EventPage](t)(db.Timeline(t.Context(), "cus_2", canon.Window{Limit: 1000}))
		if len(page.Events) != 199 || page.Events[0].Customer != "cus_2" {
			t.Errorf("%d events are in force of the new customer, want 199", len(page.Events))
		}
	})
}
