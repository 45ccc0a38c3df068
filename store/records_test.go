package store_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

func TestRecordsRoundTrip(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		big := []byte(`{"text":"` + long(1<<20) + `"}`)
		recs := []canon.Record{
			record("1", "{\"name\":\"Ünïcödé 😀 \u202eעברית\"}", 5),
			record("2", "", 0),
			record("3", string(big), 1),
			record("4", "{\"zero\":\"\x00\",\"broken\":\"\xff\xfe\"}", -3),
			record("Ж/5", `{}`, 9),
		}
		recs[1].Deleted = true
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			rows, err := tx.AddRecords(ctx, recs)
			if err != nil {
				return err
			}
			var ids []string
			var at []int64
			for _, r := range recs {
				ids, at = append(ids, r.ID), append(at, rows[r.ID])
			}
			for range 2 { // The second time changes nothing.
				if err := tx.AddVersions(ctx, at, recs); err != nil {
					return err
				}
			}
			held, err := tx.Held(ctx, "crm", "contacts", append(ids, "none"))
			if err != nil {
				return err
			}
			if len(held) != len(recs) {
				t.Errorf("%d records are held, want %d", len(held), len(recs))
			}
			for _, r := range recs {
				h := held[r.ID]
				same(t, "held "+r.ID, canon.Held{Row: rows[r.ID], Ref: r.Ref, Version: r.Version, ObservedAt: r.ObservedAt, Hash: r.ContentHash(), Deleted: r.Deleted}, h)
				vs, err := tx.Versions(ctx, h)
				if err != nil {
					return err
				}
				if len(vs) != 1 || !bytes.Equal(vs[0].Raw, r.Raw) {
					t.Errorf("record %s came back in %d versions, or with other bytes", r.ID, len(vs))
					continue
				}
				if diff := cmp.Diff(r, vs[0], cmpopts.IgnoreFields(canon.Record{}, "Raw")); diff != "" {
					t.Errorf("record %s (-want +got):\n%s", r.ID, diff)
				}
			}
			return nil
		})
	})
}

// TestAnyIDCanBeStored: what a vendor calls a record must not stop the line.
func TestAnyIDCanBeStored(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		for _, id := range []string{"a\x00b", "\xff", "'; DROP TABLE records; --", long(2000)} {
			tx(t, db, func(ctx context.Context, tx *store.Tx) error {
				rows, err := tx.AddRecords(ctx, []canon.Record{record(id, `{}`, 1)})
				if err != nil {
					return err
				}
				held, err := tx.Held(ctx, "crm", "contacts", []string{id})
				if err != nil {
					return err
				}
				if held[id].Row == 0 || held[id].Row != rows[id] {
					t.Errorf("record %.20q: row %d was held as %d", id, rows[id], held[id].Row)
				}
				e := contact(id, "a\x00@acme.com", "cus_1")
				e.Record = rows[id]
				if err := tx.PutEntities(ctx, []*canon.StoredEntity{e}); err != nil {
					return err
				}
				if e.Row == 0 {
					t.Errorf("entity %.20q got no row", id)
				}
				letter := canon.DeadLetter{Connection: "crm", Stream: "contacts", RecordID: id, Code: "map.type", Path: id, Reason: id, Raw: []byte(id), OccurredAt: day}
				if err := tx.PutDeadLetters(ctx, []canon.DeadLetter{letter}); err != nil {
					return err
				}
				lettered, err := tx.Lettered(ctx, "crm", "contacts", []string{id})
				if !lettered[id] {
					t.Errorf("record %.20q has no dead letter", id)
				}
				return err
			})
		}
		for _, id := range []string{"a\x00b", "\xff"} {
			if _, err := db.Customer(t.Context(), id); canon.CodeOf(err) != "customer.unknown" {
				t.Errorf("customer %q: %v", id, err)
			}
			if _, err := db.Customers(t.Context(), canon.CustomerFilter{Search: id, Stage: id, Band: id}); err != nil {
				t.Errorf("search for %q: %v", id, err)
			}
			if _, err := db.Deliveries(t.Context(), canon.DeliveryFilter{Endpoint: id, State: id, Customer: id}); err != nil {
				t.Errorf("deliveries of %q: %v", id, err)
			}
		}
	})
}

func TestVersionsComeInOrderAndOnce(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			late := record("1", `{"n":3}`, 2)
			late.ObservedAt = day.Add(time.Hour)
			recs := []canon.Record{late, record("1", `{"n":2}`, 2), record("1", `{"n":1}`, 1), record("1", `{"n":1}`, 1)}
			rows, err := tx.AddRecords(ctx, recs[:1])
			if err != nil {
				return err
			}
			row := rows["1"]
			if err := tx.AddVersions(ctx, []int64{row, row, row, row}, recs); err != nil {
				return err
			}
			vs, err := tx.Versions(ctx, canon.Held{Row: row, Ref: late.Ref})
			var got []string
			for _, v := range vs {
				got = append(got, string(v.Raw))
			}
			same(t, "versions", []string{`{"n":1}`, `{"n":2}`, `{"n":3}`}, got)
			return err
		})
	})
}

func TestPutHeldMovesManyOn(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			var recs []canon.Record
			var ids []string
			for i := range 300 {
				recs = append(recs, record(fmt.Sprint(i), `{}`, 1))
				ids = append(ids, recs[i].ID)
			}
			rows, err := tx.AddRecords(ctx, recs)
			if err != nil {
				return err
			}
			want := map[string]canon.Held{}
			var put []canon.Held
			for i, id := range ids {
				h := canon.Held{Row: rows[id], Ref: recs[i].Ref, Version: int64(i) + math.MaxInt32, ObservedAt: day.Add(time.Duration(i) * time.Second), Hash: "h" + id}
				want[id] = h
				put = append(put, h)
			}
			// Of two states of one record the last one counts.
			put = append([]canon.Held{{Row: rows["7"], Hash: "old"}}, put...)
			if err := tx.PutHeld(ctx, put); err != nil {
				return err
			}
			got, err := tx.Held(ctx, "crm", "contacts", ids)
			same(t, "held", want, got)
			return err
		})
	})
}

func TestAdvanceMovesTheCursorOnlyFromWhereThePageWasRead(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		state := func() canon.StreamState { return must[[]canon.StreamState](t)(db.Streams(t.Context()))[0] }
		advance := func(b canon.Batch, changed int) {
			b.Connection, b.Stream = "crm", "contacts"
			at(t, db, day.Add(time.Hour), func(ctx context.Context, tx *store.Tx) error { return tx.Advance(ctx, b, changed) })
		}
		tx(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.Begin(ctx, "crm", "hubspot", "contacts") })
		two := []canon.Record{record("1", "{}", 1), record("2", "{}", 1)}
		want := canon.StreamState{Connection: "crm", Connector: "hubspot", Stream: "contacts", Status: "pulling", StartedAt: day}
		same(t, "begun", want, state())

		advance(canon.Batch{From: "", Next: "c1", Records: two, Total: 5_000_000_000}, 2)
		want.Cursor, want.Records, want.Changed, want.Total = "c1", 2, 2, 5_000_000_000
		same(t, "first page", want, state())

		advance(canon.Batch{From: "", Next: "c1", Records: two}, 0)
		want.Records = 4
		same(t, "the same page again", want, state())

		advance(canon.Batch{From: "c1", Next: "c1", Records: two, Part: true}, 1)
		want.Records, want.Changed = 6, 3
		same(t, "a part of a page", want, state())

		advance(canon.Batch{From: "c9", Next: "c10", Last: true}, 0)
		same(t, "a page from elsewhere, though the last", want, state())

		advance(canon.Batch{From: "c1", Next: "c2", Last: true}, 0)
		want.Cursor, want.Status, want.Total, want.SucceededAt, want.BackfilledAt = "c2", "ok", 0, day.Add(time.Hour), day.Add(time.Hour)
		same(t, "the last page", want, state())
		same(t, "checkpoint", canon.Cursor("c2"), must[canon.Cursor](t)(db.Checkpoint(t.Context(), "crm", "contacts")))

		at(t, db, day.Add(2*time.Hour), func(ctx context.Context, tx *store.Tx) error {
			return tx.Fail(ctx, "crm", "hubspot", "contacts", canon.Errorf("auth.denied", "the key was refused").WithHint("make a new one"))
		})
		want.Status, want.FailedAt = "failed", day.Add(2*time.Hour)
		want.Error = &canon.Error{Code: "auth.denied", Message: "the key was refused", Hint: "make a new one"}
		same(t, "failed", want, state())

		at(t, db, day.Add(3*time.Hour), func(ctx context.Context, tx *store.Tx) error {
			return tx.Advance(ctx, canon.Batch{Connection: "crm", Stream: "contacts", From: "c2", Next: "c2", Last: true}, 0)
		})
		want.Status, want.SucceededAt, want.Error = "ok", day.Add(3*time.Hour), nil
		same(t, "an empty round after it", want, state())

		tx(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.Rewind(ctx, "crm", "contacts") })
		same(t, "rewound", canon.Cursor(""), must[canon.Cursor](t)(db.Checkpoint(t.Context(), "crm", "contacts")))
	})
}

func TestDeadLettersAreKeptOncePerFault(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		letter := func(id, reason string) canon.DeadLetter {
			return canon.DeadLetter{Connection: "crm", Stream: "contacts", RecordID: id, Code: "map.type", Path: "amount", Reason: reason, Hint: "h", Version: 3, Raw: []byte(`{"a":1}`), OccurredAt: day}.WithID()
		}
		put := func(now time.Time, ds ...canon.DeadLetter) {
			at(t, db, now, func(ctx context.Context, tx *store.Tx) error { return tx.PutDeadLetters(ctx, ds) })
		}
		put(day, letter("1", "old"), letter("1", "new"), letter("2", "x"))
		put(day.Add(time.Hour), letter("1", "newer"))
		got, next, err := db.DeadLetters(t.Context(), "crm", "", 0)
		if err != nil || next != "" || len(got) != 2 {
			t.Fatalf("got %d dead letters, next %q, %v; want 2", len(got), next, err)
		}
		for _, d := range got {
			want := letter("1", "newer")
			if d.RecordID == "2" {
				want = letter("2", "x")
			}
			want.RecordedAt = day
			same(t, "dead letter "+d.RecordID, want, d)
		}
		// What is not JSON is told as a string.
		bad := letter("3", "r")
		bad.Raw = []byte("a;b\xff")
		put(day, bad)
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			return tx.DropDeadLetters(ctx, "crm", "contacts", []string{"1", "2", "none"})
		})
		got, _, err = db.DeadLetters(t.Context(), "", "", 0)
		if err != nil || len(got) != 1 || string(got[0].Raw) != "\"a;b\uFFFD\"" {
			t.Errorf("got %+v, %v; want the one of record 3", got, err)
		}
	})
}

func TestDeadLettersPagesVisitEachOnce(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		const n = 23
		for i := range n {
			at(t, db, day.Add(time.Duration(i/7)*time.Second), func(ctx context.Context, tx *store.Tx) error {
				return tx.PutDeadLetters(ctx, []canon.DeadLetter{{Connection: "crm", Stream: "contacts", RecordID: fmt.Sprint(i), Code: "x"}})
			})
		}
		seen, after := map[string]int{}, ""
		for pages := 0; ; pages++ {
			ds, next, err := db.DeadLetters(t.Context(), "crm", after, 5)
			if err != nil || pages > n {
				t.Fatalf("page %d: %v", pages, err)
			}
			for _, d := range ds {
				seen[d.RecordID]++
			}
			if after = next; next == "" {
				break
			}
		}
		for i := range n {
			if seen[fmt.Sprint(i)] != 1 {
				t.Errorf("dead letter %d was visited %d times", i, seen[fmt.Sprint(i)])
			}
		}
	})
}

func TestForeignPageTokensAreRefused(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		addCustomers(t, db, profile("cus_1", "Acme"))
		for _, token := range []string{"x", "-1", "1x", "!!", "MTIz", "eCBldg", "99999999999999999999"} {
			_, errs := db.Customers(t.Context(), canon.CustomerFilter{After: token})
			_, errd := db.Deliveries(t.Context(), canon.DeliveryFilter{After: token})
			_, errt := db.Timeline(t.Context(), "cus_1", canon.Window{After: token})
			_, _, errl := db.DeadLetters(t.Context(), "", token, 0)
			for what, err := range map[string]error{"customers": errs, "deliveries": errd, "timeline": errt, "dead letters": errl} {
				if canon.CodeOf(err) != "request.invalid" {
					t.Errorf("%s took the token %q: %v", what, token, err)
				}
			}
		}
	})
}
