package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

func firing(n int, play, customer, suppressed string) canon.Firing {
	at := day.Add(time.Duration(n) * time.Hour)
	f := canon.Firing{Play: play, Category: "risk", Mode: canon.PlayLive, Customer: customer, At: at, Suppressed: suppressed, Reason: "because",
		Cause: canon.FiringCause{Rule: "health falls", Since: at}}
	f.ID = canon.FiringID(play, customer, fmt.Sprint(n), suppressed)
	return f
}

func TestFirings(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		fs := []canon.Firing{firing(0, "rescue", "cus_a", ""), firing(1, "rescue", "cus_b", "cooldown"), firing(2, "thanks", "cus_a", ""), firing(3, "rescue", "cus_a", "fleet"), firing(4, "rescue", "cus_c", "")}
		fs[4].Holdout = true
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			added := must[map[string]bool](t)(tx.AddFirings(ctx, fs[:3]))
			if len(added) != 3 {
				t.Errorf("added %v", added)
			}
			added = must[map[string]bool](t)(tx.AddFirings(ctx, fs))
			if len(added) != 2 || !added[fs[3].ID] || !added[fs[4].ID] {
				t.Errorf("added again %v", added)
			}
			came, held, err := tx.CameOn(ctx, "rescue", day, day.Add(24*time.Hour))
			if came != 2 || held != 1 || err != nil {
				t.Errorf("%d came, %d held back, %v", came, held, err)
			}
			return nil
		})
		ask := func(f canon.FiringFilter) []string {
			t.Helper()
			var out []string
			for {
				page := must[canon.FiringPage](t)(db.Firings(t.Context(), f))
				for _, x := range page.Firings {
					if x.RecordedAt.IsZero() {
						t.Error("no recorded_at")
					}
					out = append(out, fmt.Sprintf("%s %s %s", x.Play, x.Customer, x.Suppressed))
				}
				if f.After = page.Next; f.After == "" {
					return out
				}
			}
		}
		same(t, "all, in pages of two", []string{"rescue cus_c ", "rescue cus_a fleet", "thanks cus_a ", "rescue cus_b cooldown", "rescue cus_a "}, ask(canon.FiringFilter{Limit: 2}))
		same(t, "of a customer", []string{"rescue cus_a fleet", "thanks cus_a ", "rescue cus_a "}, ask(canon.FiringFilter{Customer: "cus_a"}))
		same(t, "held back", []string{"rescue cus_a fleet", "rescue cus_b cooldown"}, ask(canon.FiringFilter{Play: "rescue", Suppressed: true}))
		same(t, "told, lately", []string{"thanks cus_a "}, ask(canon.FiringFilter{Told: true, Since: day.Add(time.Hour)}))
		if page := must[canon.FiringPage](t)(db.Firings(t.Context(), canon.FiringFilter{Mode: "shadow"})); page.Firings == nil || len(page.Firings) > 0 {
			t.Errorf("%+v", page)
		}
		if _, err := db.Firings(t.Context(), canon.FiringFilter{After: "nonsense"}); canon.CodeOf(err) != "request.invalid" {
			t.Errorf("%v", err)
		}
		same(t, "counts", []canon.PlayCount{
			{Play: "rescue", Fired: 2, Told: 1, Holdout: 1, Suppressed: map[string]int64{"cooldown": 1, "fleet": 1}, LastAt: day.Add(4 * time.Hour)},
			{Play: "thanks", Fired: 1, Told: 1, Suppressed: map[string]int64{}, LastAt: day.Add(2 * time.Hour)},
		}, must[[]canon.PlayCount](t)(db.PlayCounts(t.Context(), day)))
	})
}

func TestPlayStates(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			if err := tx.PutPlayStates(ctx, []canon.PlayState{{Customer: "cus_a", At: day, Next: day.Add(time.Hour), Doc: []byte(`{"a":1}`)}, {Customer: "cus_b", At: day, Doc: []byte(`{}`)},
				{Customer: "cus_c", At: day, Next: day.Add(time.Minute), Doc: []byte(`{}`)}}); err != nil {
				return err
			}
			return tx.PutPlayStates(ctx, []canon.PlayState{{Customer: "cus_a", At: day, Next: day.Add(2 * time.Hour), Doc: []byte(`{"a":2}`)}})
		})
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			same(t, "due", []string{"cus_c"}, must[[]string](t)(tx.PlaysDue(ctx, day.Add(time.Hour).UnixMicro(), 10)))
			same(t, "due later", []string{"cus_c", "cus_a"}, must[[]string](t)(tx.PlaysDue(ctx, day.Add(2*time.Hour).UnixMicro(), 10)))
			got := must[map[string]canon.PlayState](t)(tx.PlayStates(ctx, []string{"cus_a", "cus_x"}))
			same(t, "states", map[string]canon.PlayState{"cus_a": {Customer: "cus_a", At: day, Next: day.Add(2 * time.Hour), Doc: []byte(`{"a":2}`)}}, got)
			return tx.DropPlayStates(ctx, []string{"cus_a"})
		})
		same(t, "dropped", canon.PlayState{Customer: "cus_a"}, must[canon.PlayState](t)(db.PlayState(t.Context(), "cus_a")))
	})
}

func TestPlayModes(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		for _, mode := range []string{canon.PlayLive, canon.PlaySuspended} {
			tx(t, db, func(ctx context.Context, tx *store.Tx) error {
				return tx.SetPlayMode(ctx, canon.PlayMode{Play: "rescue", Mode: mode, Author: "ann", Reason: "so"})
			})
		}
		got := must[map[string]canon.PlayMode](t)(db.PlayModes(t.Context()))
		if m := got["rescue"]; len(got) != 1 || m.Mode != canon.PlaySuspended || m.Seq != 2 || m.Author != "ann" || m.Reason != "so" || m.At.IsZero() {
			t.Errorf("%+v", got)
		}
	})
}

func TestSegmentMembers(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		var ps []canon.Profile
		var ss []canon.CustomerState
		for i := range 5 {
			p := profile(fmt.Sprintf("cus_%d", i), fmt.Sprint("Firm ", i))
			s := state(p.ID, "active", nil, nil)
			s.Assessment.Segments = []string{"all", fmt.Sprint("odd_", i%2)}
			s.Assessment.StageReason = `a reason that says "odd_1"`
			ps, ss = append(ps, p), append(ss, s)
		}
		addCustomers(t, db, ps...)
		tx(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.PutCustomerStates(ctx, ss) })
		counts, total, err := db.SegmentCounts(t.Context())
		if err != nil || total != 5 {
			t.Errorf("%d, %v", total, err)
		}
		same(t, "counts", map[string]int64{"all": 5, "odd_0": 3, "odd_1": 2}, counts)
		var names []string
		for after := ""; ; {
			page := must[canon.CustomerPage](t)(db.SegmentMembers(t.Context(), "odd_0", after, 2))
			for _, r := range page.Customers {
				names = append(names, r.Name)
			}
			if after = page.Next; after == "" {
				break
			}
		}
		same(t, "members", []string{"Firm 0", "Firm 2", "Firm 4"}, names)
		if page := must[canon.CustomerPage](t)(db.SegmentMembers(t.Context(), "od%", "", 2)); len(page.Customers) != 0 || page.Customers == nil {
			t.Errorf("%+v", page)
		}
	})
}

// TestErasedCustomersLeaveNoPlays: the log and the state go with the customer.
func TestErasedCustomersLeaveNoPlays(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		addCustomers(t, db, profile("cus_a", "A"), profile("cus_b", "B"))
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			if _, err := tx.AddFirings(ctx, []canon.Firing{firing(0, "rescue", "cus_a", ""), firing(0, "rescue", "cus_b", "")}); err != nil {
				return err
			}
			if err := tx.PutPlayStates(ctx, []canon.PlayState{{Customer: "cus_a", Doc: []byte("{}")}, {Customer: "cus_b", Doc: []byte("{}")}}); err != nil {
				return err
			}
			n, err := tx.EraseCustomers(ctx, []string{"cus_a"})
			if n != 1 {
				t.Errorf("%d customers erased", n)
			}
			return err
		})
		page := must[canon.FiringPage](t)(db.Firings(t.Context(), canon.FiringFilter{}))
		if len(page.Firings) != 1 || page.Firings[0].Customer != "cus_b" {
			t.Errorf("%+v", page.Firings)
		}
		if s := must[canon.PlayState](t)(db.PlayState(t.Context(), "cus_a")); s.Doc != nil {
			t.Errorf("%+v", s)
		}
	})
}
