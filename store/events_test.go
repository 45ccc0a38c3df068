package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

func TestEventsAreRevisedAndSuperseded(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		addCustomers(t, db, profile("cus_1", "Acme"))
		value := 3.25
		first := event("ev_1", "cus_1", day)
		first.Value, first.Amount, first.Data = &value, &canon.Money{Minor: -5, Currency: "EUR"}, map[string]any{"from": "ä", "n": 2.5, "won": true}
		second := first
		second.Revision, second.Summary, second.Clock = 2, "said anew", true
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			if err := tx.AddEvents(ctx, []canon.StoredEvent{first, event("ev_2", "cus_1", day.Add(time.Hour))}); err != nil {
				return err
			}
			es, err := tx.EventsOf(ctx, []int64{1})
			if err != nil {
				return err
			}
			want := first
			want.Row, want.RecordedAt = es[0].Row, day
			same(t, "event", want, es[0])
			return tx.Supersede(ctx, []int64{es[0].Row})
		})
		later := day.Add(24 * time.Hour)
		at(t, db, later, func(ctx context.Context, tx *store.Tx) error {
			if err := tx.AddEvents(ctx, []canon.StoredEvent{second}); err != nil {
				return err
			}
			revs, err := tx.Revisions(ctx, []string{"ev_1", "ev_2", "none"})
			same(t, "revisions", map[string]int{"ev_1": 2, "ev_2": 1}, revs)
			if err != nil {
				return err
			}
			es, err := tx.CustomerEvents(ctx, []string{"cus_1"})
			if err != nil {
				return err
			}
			want := second
			want.Row, want.RecordedAt = es[0].Row, later
			same(t, "the event in force", want, es[0])
			if err := tx.SetClock(ctx, []int64{es[0].Row}, false); err != nil {
				return err
			}
			es, err = tx.EventsOf(ctx, []int64{1})
			for _, e := range es {
				if e.Clock {
					t.Errorf("event %s is still of the clock", e.ID)
				}
			}
			return err
		})
		page := must[canon.EventPage](t)(db.Timeline(t.Context(), "", canon.Window{}))
		if len(page.Events) != 2 || page.Events[0].Summary != "said anew" {
			t.Errorf("everybody's timeline is %+v", page.Events)
		}
		if c := must[store.Counts](t)(db.Counts(t.Context())); c.Events != 2 || c.Statements != 3 {
			t.Errorf("%d events are in force of %d statements, want 2 of 3", c.Events, c.Statements)
		}
	})
}

func TestTimelineOfTypesAndTimes(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		addCustomers(t, db, profile("cus_1", "Acme"))
		var es []canon.StoredEvent
		for i, typ := range []string{"deal.won", "deal", "deal.", "deal/x", "dealer.new", "invoice.paid", "deal.lost"} {
			e := event(fmt.Sprint("ev_", i), "cus_1", day.Add(time.Duration(i)*time.Minute))
			e.Type = typ
			es = append(es, e)
		}
		tx(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.AddEvents(ctx, es) })
		for _, c := range []struct {
			win  canon.Window
			want string
		}{
			{canon.Window{Types: []string{"deal."}}, "deal.won deal. deal.lost"},
			{canon.Window{Types: []string{"deal"}}, "deal"},
			{canon.Window{Types: []string{"deal.", "invoice.paid"}, Newest: true}, "deal.lost invoice.paid deal. deal.won"},
			{canon.Window{Types: []string{"none."}}, ""},
			{canon.Window{From: day.Add(time.Minute), To: day.Add(3 * time.Minute)}, "deal deal."},
		} {
			page := must[canon.EventPage](t)(db.Timeline(t.Context(), "cus_1", c.win))
			var got []string
			for _, e := range page.Events {
				got = append(got, e.Type)
			}
			same(t, fmt.Sprintf("%+v", c.win), c.want, strings.Join(got, " "))
		}
	})
}

// TestTimelinePagesVisitEachEventOnce draws timelines with many equal moments and walks them both ways.
func TestTimelinePagesVisitEachEventOnce(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			customer := fmt.Sprint("cus_", n)
			addCustomers(t, db, profile(customer, "x"))
			var es []canon.StoredEvent
			for i, minute := range rapid.SliceOfN(rapid.IntRange(0, 3), 0, 20).Draw(rt, "minutes") {
				es = append(es, event(canon.ID("ev", customer, fmt.Sprint(i)), customer, day.Add(time.Duration(minute)*time.Minute)))
			}
			tx(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.AddEvents(ctx, es) })
			want := make([]string, 0, len(es))
			slices.SortFunc(es, func(a, b canon.StoredEvent) int {
				if c := a.OccurredAt.Compare(b.OccurredAt); c != 0 {
					return c
				}
				return strings.Compare(a.ID, b.ID)
			})
			for _, e := range es {
				want = append(want, e.ID)
			}
			limit := rapid.IntRange(1, 7).Draw(rt, "limit")
			same(t, "oldest first", want, walk(t, db, customer, canon.Window{Limit: limit}))
			slices.Reverse(want)
			same(t, "newest first", want, walk(t, db, customer, canon.Window{Limit: limit, Newest: true}))
		})
	})
}

func walk(t *testing.T, db *store.DB, customer string, win canon.Window) []string {
	t.Helper()
	got := []string{}
	for {
		page := must[canon.EventPage](t)(db.Timeline(t.Context(), customer, win))
		if len(page.Events) > win.Limit || len(page.Events) == 0 && win.After != "" {
			t.Fatalf("a page holds %d events", len(page.Events))
		}
		for _, e := range page.Events {
			got = append(got, e.ID)
		}
		if win.After = page.Next; page.Next == "" {
			return got
		}
	}
}

func TestOutboxKeepsOrderAndEachChangeOnce(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		change := func(n int) canon.Change {
			return canon.Change{ID: fmt.Sprint("chg_", n), Type: "deal.won", Customer: "cus_1", Sequence: int64(n), OccurredAt: day, RecordedAt: day, Data: json.RawMessage(`{"ä":"<&>"}`)}
		}
		add := func(ns ...int) {
			var cs []canon.Change
			for _, n := range ns {
				cs = append(cs, change(n))
			}
			tx(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.AddChanges(ctx, cs) })
		}
		add(3, 1, 2)
		add(1, 5, 5)
		var ids []string
		var last int64
		for {
			cs := must[[]canon.Change](t)(db.Outbox(t.Context(), last, 2))
			if len(cs) == 0 {
				break
			}
			for _, c := range cs {
				if c.Position <= last {
					t.Errorf("change %s stands at %d behind %d", c.ID, c.Position, last)
				}
				last = c.Position
				ids = append(ids, c.ID)
			}
		}
		same(t, "outbox", []string{"chg_3", "chg_1", "chg_2", "chg_5"}, ids)
		same(t, "end", last, must[int64](t)(db.OutboxEnd(t.Context())))
		got := must[[]canon.Change](t)(db.Outbox(t.Context(), 0, 1))[0]
		want := change(3)
		want.Position = got.Position
		var data any
		if err := json.Unmarshal(got.Data, &data); err != nil {
			t.Fatal(err)
		}
		same(t, "data", any(map[string]any{"ä": "<&>"}), data)
		got.Data, want.Data = nil, nil
		same(t, "change", want, got)
	})
}

// TestOutboxPositionsFollowCommits: a change that is committed later must not stand before one that may be
// sent already, so while one process has changes to commit, no other may draw a position.
func TestOutboxPositionsFollowCommits(t *testing.T) {
	url := postgresURL(t) + "&lock_timeout=100ms"
	one, two := open(t, url), open(t, url)
	add := func(db *store.DB, id string, meanwhile func()) error {
		return db.InTx(t.Context(), day, func(tx *store.Tx) error {
			defer meanwhile()
			return tx.AddChanges(t.Context(), []canon.Change{{ID: id, Customer: "cus_1", Type: "deal.won", Data: []byte(`{}`)}})
		})
	}
	err := add(one, "first", func() {
		if err := add(two, "second", func() {}); err == nil {
			t.Error("a second process drew a position before the first was committed")
		}
		if cs := must[[]canon.Change](t)(two.Outbox(t.Context(), 0, 10)); len(cs) != 0 {
			t.Errorf("%d changes are out before they are committed", len(cs))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := add(two, "second", func() {}); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, c := range must[[]canon.Change](t)(one.Outbox(t.Context(), 0, 10)) {
		ids = append(ids, c.ID)
	}
	same(t, "outbox", []string{"first", "second"}, ids)
}
