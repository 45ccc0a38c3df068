package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

// twoPeople is a store with two people, of whom everything is told that can be.
func twoPeople(t *testing.T, db *store.DB) (rows map[string]int64, people []*canon.StoredEntity) {
	t.Helper()
	people = []*canon.StoredEntity{contact("Lee", "ann@gone.example", "cus_gone"), contact("Kay", "kay@here.example", "cus_here")}
	tx(t, db, func(ctx context.Context, tx *store.Tx) (err error) {
		if rows, err = tx.AddRecords(ctx, []canon.Record{record("1", `{"mail":"ann@gone.example"}`, 1), record("2", `{"mail":"kay@here.example"}`, 1)}); err != nil {
			return err
		}
		if err := tx.AddVersions(ctx, []int64{rows["1"], rows["2"], rows["2"]}, []canon.Record{record("1", `{"mail":"ann@gone.example"}`, 1),
			record("2", `{"mail":"kay@here.example"}`, 1), record("2", `{"mail":"kay@here.example","by":"ann@gone.example"}`, 2)}); err != nil {
			return err
		}
		people[0].Record, people[1].Record = rows["1"], rows["2"]
		people[0].Evidence = []string{"mail:ann@gone.example"}
		if err := tx.EnsureCustomers(ctx, []canon.Profile{profile("cus_gone", "Ann gone"), profile("cus_here", "Kay here")}); err != nil {
			return err
		}
		if err := tx.PutEntities(ctx, slices.Clone(people)); err != nil {
			return err
		}
		return tx.PutKeys(ctx, slices.Clone(people), nil)
	})
	tx(t, db, func(ctx context.Context, tx *store.Tx) error {
		for i, p := range people {
			e := event(fmt.Sprintf("ev_%d", i), p.Customer, day)
			e.Entity, e.Summary = p.Row, "of "+p.Entity.Key()
			if err := tx.AddEvents(ctx, []canon.StoredEvent{e}); err != nil {
				return err
			}
			c := canon.Change{ID: canon.ID("chg", e.ID, "1"), Type: e.Type, Customer: p.Customer, Data: []byte(`{"said":"ann@gone.example"}`)}
			if err := tx.AddChanges(ctx, []canon.Change{c}); err != nil {
				return err
			}
			d := delivery(i, "all", p.Customer, day)
			d.Change, d.ID = c.ID, canon.DeliveryID(c.ID, "all")
			if err := tx.AddDeliveries(ctx, []canon.Delivery{d}); err != nil {
				return err
			}
			if err := tx.SettleDelivery(ctx, d.ID, canon.Outcome{State: canon.DeliveryDead, Try: canon.Attempt{No: 1, At: day, Response: "ann@gone.example"}}); err != nil {
				return err
			}
			ref := canon.Ref{Connection: "crm", Stream: "contacts", ID: fmt.Sprint(i + 1)}
			if err := tx.PutPushed(ctx, []canon.PushedField{{Ref: ref, Field: "f", Wanted: "ann@gone.example", State: "verified", Customer: p.Customer, At: day}}); err != nil {
				return err
			}
			if err := tx.PutDeadLetters(ctx, []canon.DeadLetter{{Connection: "crm", Stream: "contacts", RecordID: ref.ID, Code: "c", Reason: "ann@gone.example is no number", Raw: []byte(`{"mail":"ann@gone.example"}`)}}); err != nil {
				return err
			}
		}
		return nil
	})
	return rows, people
}

func TestEraseLeavesTheOthers(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		rows, people := twoPeople(t, db)
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			if err := tx.EraseEntities(ctx, []int64{people[0].Row}); err != nil {
				return err
			}
			if err := tx.Forget(ctx, []int64{people[0].Row}); err != nil {
				return err
			}
			if err := tx.EraseRecords(ctx, "crm", "contacts", []canon.Held{{Row: rows["1"], Ref: canon.Ref{Connection: "crm", Stream: "contacts", ID: "1"}}}); err != nil {
				return err
			}
			n, err := tx.EraseCustomers(ctx, []string{"cus_gone", "cus_here", "cus_never"})
			same(t, "customers erased", 1, n)
			return err
		})
		left := map[string]int{}
		for _, customer := range []string{"cus_gone", "cus_here"} {
			page, err := db.Deliveries(t.Context(), canon.DeliveryFilter{Customer: customer})
			if err != nil {
				t.Fatal(err)
			}
			left[customer+" deliveries"] = len(page.Deliveries)
			pushed, err := db.Pushed(t.Context(), "", customer, 0)
			if err != nil {
				t.Fatal(err)
			}
			left[customer+" pushed"] = len(pushed)
		}
		changes := must[[]canon.Change](t)(db.Outbox(t.Context(), 0, 10))
		letters, _, err := db.DeadLetters(t.Context(), "", "", 0)
		if err != nil {
			t.Fatal(err)
		}
		left["changes"], left["letters"] = len(changes), len(letters)
		same(t, "what is left", map[string]int{"cus_gone deliveries": 0, "cus_gone pushed": 0, "cus_here deliveries": 1, "cus_here pushed": 1, "changes": 1, "letters": 1}, left)
		same(t, "told", map[string]bool{changes[0].ID: true}, must[map[string]bool](t)(db.Told(t.Context(), []string{changes[0].ID, "chg_0"})))
	})
}

func TestErasePastLeavesWhatIsInForce(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		rows, people := twoPeople(t, db)
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			es := must[[]canon.StoredEvent](t)(tx.EventsOf(ctx, []int64{people[0].Row}))
			if err := tx.Supersede(ctx, []int64{es[0].Row}); err != nil {
				return err
			}
			again := es[0]
			again.Row, again.Revision = 0, 2
			if err := tx.AddEvents(ctx, []canon.StoredEvent{again}); err != nil {
				return err
			}
			if err := tx.ErasePast(ctx, []int64{people[0].Row, people[1].Row}); err != nil {
				return err
			}
			same(t, "revisions left", map[string]int{"ev_0": 2}, must[map[string]int](t)(tx.Revisions(ctx, []string{"ev_0"})))
			held := canon.Held{Row: rows["2"], Ref: canon.Ref{Connection: "crm", Stream: "contacts", ID: "2"}}
			if err := tx.EraseVersions(ctx, held.Row, []canon.Record{record("2", `{"mail":"kay@here.example"}`, 1), record("2", `{}`, 2)}); err != nil {
				return err
			}
			left := must[[]canon.Record](t)(tx.Versions(ctx, held))
			if len(left) != 1 || left[0].Version != 2 {
				t.Errorf("versions left: %+v", left)
			}
			return nil
		})
		changes := must[[]canon.Change](t)(db.Outbox(t.Context(), 0, 10))
		if len(changes) != 1 || changes[0].Customer != "cus_here" {
			t.Errorf("changes left: %+v", changes)
		}
	})
}

func TestRedactTextsReachesEveryTable(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		rows, _ := twoPeople(t, db)
		many := make([]canon.DeadLetter, 1100)
		for i := range many {
			many[i] = canon.DeadLetter{Connection: "crm", Stream: "deals", RecordID: fmt.Sprint(i), Code: "c", Reason: "ann@gone.example"}
		}
		tx(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.PutDeadLetters(ctx, many) })
		take := func(r *canon.TextRow) {
			for i, v := range r.Values {
				r.Values[i] = strings.ReplaceAll(v, "ann@gone.example", "[erased]")
			}
		}
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			for _, table := range tx.TextTables() {
				for after, more := []any(nil), true; more; more = after != nil {
					next, _, err := tx.RedactTexts(ctx, table, after, take)
					if err != nil {
						return err
					}
					after = next
				}
			}
			for id, row := range rows {
				h := canon.Held{Row: row, Ref: canon.Ref{Connection: "crm", Stream: "contacts", ID: id}}
				versions, err := tx.Versions(ctx, h)
				if err != nil {
					return err
				}
				for _, was := range versions {
					is := was
					is.Raw = []byte(strings.ReplaceAll(string(was.Raw), "ann@gone.example", "[erased]"))
					if err := tx.RewriteVersion(ctx, row, was, is); err != nil {
						return err
					}
				}
			}
			return nil
		})
		seen := 0
		if err := db.EachText(t.Context(), func(r canon.TextRow) error {
			for _, v := range r.Values {
				if strings.Contains(v, "ann@gone.example") {
					t.Errorf("%s still holds %s", r.Table, v)
				}
				seen += strings.Count(v, "[erased]")
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if seen < 1100 {
			t.Errorf("only %d were replaced", seen)
		}
		if err := db.Wipe(t.Context()); err != nil {
			t.Error(err)
		}
		// The store goes on working.
		tx(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.SetMeta(ctx, "a", "b") })
	})
}

func TestErasuresAndAudit(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		e := canon.Erasure{ID: "era_1", Kind: "person", State: canon.ErasurePending, Author: "ann", At: day}
		marks := []canon.Mark{{Erasure: "era_1", Kind: canon.MarkMail, Sum: "ab", Hint: 65535}, {Erasure: "era_1", Kind: canon.MarkRef, Sum: "cd", Hint: 0}}
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			for range 2 {
				if err := tx.AddErasure(ctx, e); err != nil {
					return err
				}
				if err := tx.AddMarks(ctx, marks); err != nil {
					return err
				}
			}
			same(t, "marks", marks, must[[]canon.Mark](t)(tx.Marks(ctx)))
			return tx.AddAudit(ctx, canon.AuditEntry{Actor: "ann", Action: "erase", Object: "era_1", Subject: "ab"})
		})
		same(t, "erasing", true, must[bool](t)(db.Erasing(t.Context())))
		e.State, e.DoneAt, e.Counts = canon.ErasureDone, day.Add(time.Minute), map[string]int64{"records": 3}
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			if err := tx.PutErasure(ctx, e); err != nil {
				return err
			}
			same(t, "marks of what is done", marks, must[[]canon.Mark](t)(tx.Marks(ctx)))
			return tx.AddAudit(ctx, canon.AuditEntry{Actor: "ann", Action: "erased", Object: "era_1", Counts: e.Counts})
		})
		same(t, "erasures", []canon.Erasure{e}, must[[]canon.Erasure](t)(db.Erasures(t.Context())))
		log := must[[]canon.AuditEntry](t)(db.Audit(t.Context(), 0, 1))
		if len(log) != 1 || log[0].Action != "erased" || log[0].Counts["records"] != 3 {
			t.Errorf("the newest entry is %+v", log)
		}
		if log = must[[]canon.AuditEntry](t)(db.Audit(t.Context(), log[0].Seq, 10)); len(log) != 1 || log[0].Action != "erase" {
			t.Errorf("the entry before is %+v", log)
		}
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			if err := tx.DropMarks(ctx, "era_1"); err != nil {
				return err
			}
			same(t, "marks of what is lifted", []canon.Mark(nil), must[[]canon.Mark](t)(tx.Marks(ctx)))
			return nil
		})
	})
}

func TestExportHandsOutWhatBelongs(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		rows, people := twoPeople(t, db)
		got := map[string]int{}
		scope := canon.Scope{Records: []int64{rows["1"]}, Entities: []int64{people[0].Row}, Refs: []canon.Ref{{Connection: "crm", Stream: "contacts", ID: "1"}},
			Keys: []string{people[0].Entity.Key()}, Customers: []string{"cus_gone"}}
		if err := db.Export(t.Context(), scope, func(table string, row store.Exported) error {
			got[table]++
			if table == "versions" && fmt.Sprintf("%s", row["raw"]) != `{"mail":"ann@gone.example"}` {
				t.Errorf("a version says %s", row["raw"])
			}
			if table == "versions" && row["recorded_at"] != day {
				t.Errorf("a version was recorded at %v", row["recorded_at"])
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		same(t, "rows", map[string]int{"records": 1, "versions": 1, "entities": 1, "keys": 1, "events": 1, "customers": 1, "outbox": 1, "deliveries": 1, "attempts": 1,
			"pushed": 1, "dead_letters": 1}, got)
	})
}
