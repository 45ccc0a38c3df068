package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

func TestTheLogOfDecisions(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		link := canon.Decision{Kind: canon.DecideLink, A: "crm/companies/2#company", B: "crm/companies/1#company", Author: "ann", Reason: "called them", At: day.Add(3 * time.Nanosecond)}
		pin := canon.Decision{Kind: canon.DecidePin, A: "crm/companies/1#company", Field: "name", Value: "A\x00cme", Author: "bob", ExpiresAt: day.Add(time.Hour)}
		var made []canon.Decision
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			for _, d := range []canon.Decision{link, pin, link} {
				got, err := tx.AddDecision(ctx, d)
				if err != nil {
					return err
				}
				made = append(made, got)
			}
			last, err := tx.LastDecision(ctx)
			same(t, "the newest place", made[1].Seq, last)
			return err
		})
		same(t, "a decision made twice", made[0], made[2])
		if made[0].A != "crm/companies/1#company" || made[0].At != day || made[0].ID != made[0].WithID().ID {
			t.Errorf("a link was logged as %+v", made[0])
		}
		if made[1].Seq <= made[0].Seq || made[1].At != day || made[1].Value != "A\uFFFDcme" || made[1].ID != made[1].WithID().ID {
			t.Errorf("a pin was logged as %+v", made[1])
		}
		same(t, "the log", made[:2], must[[]canon.Decision](t)(db.Decisions(t.Context())))
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			log, err := tx.Decisions(ctx)
			same(t, "the log in a transaction", made[:2], log)
			return err
		})
	})
}

func TestTheJournalOfMoves(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		a, b := company("1", "cus_b"), company("2", "cus_b")
		addCustomers(t, db, profile("cus_b", "B"))
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			if err := tx.PutEntities(ctx, []*canon.StoredEntity{a, b}); err != nil {
				return err
			}
			return tx.AddMoves(ctx, []int64{a.Row, b.Row, a.Row}, []canon.Move{{From: "cus_a", To: "cus_b", Why: "domain acme.com"}, {To: "cus_c"}, {From: "cus_b", To: "cus_d"}})
		})
		list := func(of string) []string {
			out := []string{}
			for _, m := range must[[]canon.Move](t)(db.Moves(t.Context(), of, 0)) {
				if m.At != day {
					t.Errorf("a move of %v, want %v", m.At, day)
				}
				out = append(out, fmt.Sprintf("%s %s→%s %s", m.Entity, m.From, m.To, m.Why))
			}
			return out
		}
		first, second := a.Entity.Key()+" cus_a→cus_b domain acme.com", a.Entity.Key()+" cus_b→cus_d "
		same(t, "moves of an entity", []string{second, first}, list(a.Entity.Key()))
		same(t, "moves of a customer", []string{second, first}, list("cus_b"))
		same(t, "moves of nobody", []string{}, list("cus_x"))
		tx(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.Forget(ctx, []int64{a.Row}) })
		same(t, "moves of an entity that is forgotten", []string{" cus_a→cus_b domain acme.com"}, list("cus_a"))
	})
}

// TestAbsorbedCustomersResolve: the id of a customer means whoever has its members now, also where the record that it
// was named after is no more.
func TestAbsorbedCustomersResolve(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		a, b := company("1", "cus_c"), company("2", "cus_c")
		addCustomers(t, db, profile("cus_a", "A"), profile("cus_b", "B"), profile("cus_c", "C"), profile("cus_gone", "G"))
		gone := func(ids ...string) {
			tx(t, db, func(ctx context.Context, tx *store.Tx) error {
				var ps []canon.Profile
				for _, id := range ids {
					p := profile(id, id)
					p.Gone = true
					ps = append(ps, p)
				}
				return tx.PutProfiles(ctx, ps)
			})
		}
		gone("cus_a", "cus_b", "cus_gone")
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			if err := tx.PutEntities(ctx, []*canon.StoredEntity{a, b}); err != nil {
				return err
			}
			return tx.AddMoves(ctx, []int64{a.Row, b.Row, b.Row}, []canon.Move{{From: "cus_a", To: "cus_b"}, {From: "cus_b", To: "cus_a"}, {From: "cus_b", To: "cus_c"}})
		})
		resolve := func(id string) string { return must[string](t)(db.Resolve(t.Context(), id)) }
		for id, want := range map[string]string{"cus_c": "cus_c", "cus_b": "cus_c", "cus_a": "cus_c", "cus_gone": "cus_gone",
			a.Node: "cus_c", a.Entity.Ref.String(): "cus_c", a.Entity.Key(): "cus_c"} {
			if got := resolve(id); got != want {
				t.Errorf("%s means %s, want %s", id, got, want)
			}
		}
		if _, err := db.Resolve(t.Context(), "cus_never"); canon.AsError(err).Code != "customer.unknown" {
			t.Errorf("an unknown id gives %v", err)
		}
		// A ring of moves ends.
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			return tx.AddMoves(ctx, []int64{a.Row, a.Row}, []canon.Move{{From: "cus_x", To: "cus_y"}, {From: "cus_y", To: "cus_x"}})
		})
		if _, err := db.Resolve(t.Context(), "cus_x"); canon.AsError(err).Code != "customer.unknown" {
			t.Errorf("a ring of moves gives %v", err)
		}
	})
}

func TestWhatIsAskedOfEntitiesAndCustomers(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		a, b, p := company("1", "cus_a"), company("2", "cus_a"), contact("3", "ann@x.com", "cus_p")
		addCustomers(t, db, profile("cus_a", "A"), profile("cus_p", "P"), profile("cus_b", "B"))
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			if err := tx.PutEntities(ctx, []*canon.StoredEntity{a, b, p}); err != nil {
				return err
			}
			a.Blocks, b.Blocks, p.Blocks = []string{"blk:x", "blk:y"}, []string{"blk:x"}, []string{"blk:x"}
			a.Evidence = []string{"ref:1"}
			if err := tx.PutKeys(ctx, []*canon.StoredEntity{a, b, p}, map[int64]bool{a.Row: true, b.Row: true, p.Row: true}); err != nil {
				return err
			}
			keys, err := tx.KeysOf(ctx, []int64{a.Row})
			same(t, "keys", map[int64]canon.StoredEntity{a.Row: {Evidence: a.Evidence, Blocks: a.Blocks}}, keys)
			if err != nil {
				return err
			}
			few, counts, err := tx.BlockHolders(ctx, []string{"blk:x", "blk:y", "blk:z", "ref:1"}, 2, 5)
			same(t, "holders of blocks", []canon.KeyHolder{{Key: "blk:y", Row: a.Row, Kind: canon.KindCompany, Cluster: a.Cluster, Customer: "cus_a"}}, few)
			same(t, "how many hold them", map[string]int{"blk:x": 3, "blk:y": 1}, counts)
			if err != nil {
				return err
			}
			if _, err := tx.NextSequences(ctx, map[string]int64{"cus_a": 1}); err != nil {
				return err
			}
			known, err := tx.Known(ctx, []string{"cus_a", "cus_b", "none"})
			same(t, "customers that were told of", map[string]bool{"cus_a": true}, known)
			if err != nil {
				return err
			}
			manned, err := tx.Manned(ctx, []string{"cus_a", "cus_b", "cus_p"})
			same(t, "customers with members", map[string]int{"cus_a": 2, "cus_p": 1}, manned)
			if err != nil {
				return err
			}
			return nil
		})
	})
}

func TestEntitiesByNameAndFromARowOn(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		a, b := company("1", "cus_a"), company("2", "cus_a")
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			if err := tx.PutEntities(ctx, []*canon.StoredEntity{a, b, contact("3", "ann@x.com", "cus_p")}); err != nil {
				return err
			}
			named, err := tx.EntitiesByName(ctx, []string{b.Entity.Key(), "none"})
			same(t, "entities by name", []int64{b.Row}, rowsOf(named))
			if err != nil {
				return err
			}
			from, err := tx.EntitiesFrom(ctx, canon.KindCompany, a.Row, 5)
			same(t, "entities from a row on", []int64{b.Row}, rowsOf(from))
			if err != nil {
				return err
			}
			from, err = tx.EntitiesFrom(ctx, "", 0, 5)
			same(t, "entities that are no nodes", []int64(nil), rowsOf(from))
			if err != nil {
				return err
			}
			if err := tx.SetMeta(ctx, "some", "thing"); err != nil {
				return err
			}
			v, err := tx.Meta(ctx, "some")
			same(t, "a kept value", "thing", v)
			if err != nil {
				return err
			}
			v, err = tx.Meta(ctx, "none")
			same(t, "no value", "", v)
			return err
		})
		same(t, "nodes", []int64{a.Row, b.Row}, rowsOf(must[[]canon.StoredEntity](t)(db.Nodes(t.Context(), canon.KindCompany, 0, 0))))
	})
}

func rowsOf(es []canon.StoredEntity) []int64 {
	var out []int64
	for _, e := range es {
		out = append(out, e.Row)
	}
	return out
}

func TestChildrenOfACustomer(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		addCustomers(t, db, profile("cus_1", ""), profile("cus_2", ""), profile("cus_3", ""))
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			var ps []canon.Profile
			for _, id := range []string{"cus_3", "cus_2"} {
				p := profile(id, "Child "+id)
				p.Fields = []canon.Field{{Name: "name", Value: "x"}, {Name: "parent", Value: "cus_1"}}
				ps = append(ps, p)
			}
			return tx.PutProfiles(ctx, ps)
		})
		names := func() []string {
			out := []string{}
			for _, c := range must[[]canon.CustomerRow](t)(db.Children(t.Context(), "cus_1")) {
				out = append(out, c.ID)
			}
			return out
		}
		same(t, "children", []string{"cus_2", "cus_3"}, names())
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			return tx.PutProfiles(ctx, []canon.Profile{profile("cus_2", "On its own")})
		})
		same(t, "children that are left", []string{"cus_3"}, names())
	})
}
