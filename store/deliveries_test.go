package store_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

// claim returns the numbers of the changes whose deliveries were claimed, in order.
func claim(t testing.TB, db *store.DB, now time.Time, endpoint string, n int, ordered bool) []string {
	t.Helper()
	var ids []string
	at(t, db, now, func(ctx context.Context, tx *store.Tx) error {
		ds, err := tx.ClaimDeliveries(ctx, endpoint, time.Minute, n, ordered)
		for _, d := range ds {
			ids = append(ids, d.Change)
		}
		return err
	})
	slices.Sort(ids)
	return ids
}

func settle(t testing.TB, db *store.DB, now time.Time, id string, o canon.Outcome) {
	t.Helper()
	at(t, db, now, func(ctx context.Context, tx *store.Tx) error { return tx.SettleDelivery(ctx, id, o) })
}

func TestDeliveriesAreAddedOnce(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		d := delivery(1, "e", "cus_1", day)
		d.Body = []byte(`{"ä":"<&>","n":1.0}`)
		addDeliveries(t, db, d, d)
		changed := d
		changed.Body = []byte(`{}`)
		addDeliveries(t, db, changed)
		at(t, db, day, func(ctx context.Context, tx *store.Tx) error {
			ds, err := tx.ClaimDeliveries(ctx, "e", time.Minute, 10, false)
			d.CreatedAt = day
			same(t, "claimed", []canon.Delivery{d}, ds)
			return err
		})
	})
}

// TestTwoClaimersNeverShareADelivery lets four claim at once, two of them through a second store.
func TestTwoClaimersNeverShareADelivery(t *testing.T) {
	for _, ordered := range []bool{false, true} {
		t.Run(fmt.Sprint("ordered ", ordered), func(t *testing.T) {
			urls(t, func(t *testing.T, url string) {
				dbs := []*store.DB{open(t, url), open(t, url)}
				const n = 200
				var ds []canon.Delivery
				for i := range n {
					ds = append(ds, delivery(i, "e", fmt.Sprint("cus_", i), day))
				}
				addDeliveries(t, dbs[0], ds...)
				var mu sync.Mutex
				got := map[string]int{}
				var wg sync.WaitGroup
				for i := range 4 {
					wg.Go(func() {
						for {
							ids := claim(t, dbs[i%2], day, "e", 7, ordered)
							if len(ids) > 7 {
								t.Errorf("%d deliveries were claimed at once, want at most 7", len(ids))
							}
							if len(ids) == 0 {
								return
							}
							mu.Lock()
							for _, id := range ids {
								got[id]++
							}
							mu.Unlock()
						}
					})
				}
				wg.Wait()
				for _, d := range ds {
					if got[d.Change] != 1 {
						t.Errorf("%s was claimed %d times", d.Change, got[d.Change])
					}
				}
			})
		})
	}
}

func TestLeasesEnd(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		addDeliveries(t, db, delivery(1, "e", "cus_1", day), delivery(2, "e", "cus_2", day.Add(time.Hour)), delivery(3, "other", "cus_1", day))
		same(t, "due", []string{"chg_1"}, claim(t, db, day, "e", 9, false))
		same(t, "leased", []string(nil), claim(t, db, day.Add(59*time.Second), "e", 9, false))
		same(t, "lease over", []string{"chg_1"}, claim(t, db, day.Add(time.Minute), "e", 9, false))
		same(t, "both", []string{"chg_1", "chg_2"}, claim(t, db, day.Add(time.Hour), "e", 9, false))
		if n := must[int64](t)(db.DueDeliveries(t.Context(), day.Add(-time.Hour))); n != 2 {
			t.Errorf("%d deliveries are under way, want 2", n)
		}
	})
}

func TestOrderedClaimsTakeOnlyTheOldestOfACustomer(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		addDeliveries(t, db, delivery(1, "e", "cus_1", day), delivery(2, "e", "cus_1", day.Add(-time.Hour)), delivery(3, "e", "cus_2", day), delivery(4, "other", "cus_1", day))
		same(t, "first", []string{"chg_1", "chg_3"}, claim(t, db, day, "e", 9, true))
		same(t, "while it is tried", []string(nil), claim(t, db, day, "e", 9, true))
		// A later attempt of the first one holds the second one back.
		settle(t, db, day, canon.DeliveryID("chg_1", "e"), canon.Outcome{State: canon.DeliveryPending, NextAt: day.Add(time.Hour), Try: canon.Attempt{No: 1, At: day, Status: 500}})
		same(t, "while it waits", []string(nil), claim(t, db, day, "e", 9, true))
		settle(t, db, day, canon.DeliveryID("chg_1", "e"), canon.Outcome{State: canon.DeliveryDead, Try: canon.Attempt{No: 2, At: day}})
		same(t, "when it has ended", []string{"chg_2"}, claim(t, db, day, "e", 9, true))
	})
}

func TestAttemptsAreNumberedAndEndsAreFinal(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		addDeliveries(t, db, delivery(1, "e", "cus_1", day))
		id := canon.DeliveryID("chg_1", "e")
		try := func(no, status int, state string) canon.Outcome {
			o := canon.Outcome{State: state, Reason: fmt.Sprint("it was ", status), Try: canon.Attempt{Delivery: id, No: no, At: day.Add(time.Duration(no) * time.Second), Took: 1500 * time.Microsecond, Status: status, Response: "ok\x00"}}
			if state == canon.DeliveryPending {
				o.NextAt = day.Add(time.Hour)
			}
			return o
		}
		settle(t, db, day, id, try(1, 500, canon.DeliveryPending))
		settle(t, db, day, id, try(2, 200, canon.DeliveryDelivered))
		want := must[canon.DeliveryPage](t)(db.Deliveries(t.Context(), canon.DeliveryFilter{}))
		if d := want.Deliveries[0]; d.State != canon.DeliveryDelivered || d.Attempts != 2 || d.LastStatus != 200 || !d.EndedAt.Equal(day) || !d.NextAt.IsZero() {
			t.Errorf("settled as %+v", d)
		}
		settle(t, db, day.Add(time.Hour), id, try(3, 500, canon.DeliveryPending))
		settle(t, db, day.Add(time.Hour), id, canon.Outcome{State: canon.DeliverySkipped, Reason: "no"})
		tx(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.SkipDeliveries(ctx, "e", "off") })
		same(t, "a delivery that has ended", want, must[canon.DeliveryPage](t)(db.Deliveries(t.Context(), canon.DeliveryFilter{})))
		as := must[[]canon.Attempt](t)(db.Attempts(t.Context(), id))
		var wantTries []canon.Attempt
		for i, status := range []int{500, 200} {
			a := try(i+1, status, "").Try
			a.Response = "ok\uFFFD"
			wantTries = append(wantTries, a)
		}
		same(t, "attempts", wantTries, as)
		same(t, "claims", []string(nil), claim(t, db, day.Add(48*time.Hour), "e", 9, false))
		if _, err := db.Attempts(t.Context(), "msg_none"); canon.CodeOf(err) != "delivery.unknown" {
			t.Errorf("attempts of an unknown delivery: %v", err)
		}
	})
}

func TestSkippedDeliveriesAndTheirCounts(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		for i := range 12 {
			addDeliveries(t, db, delivery(i, []string{"e", "f"}[i%2], "cus_1", day))
		}
		tx(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.SkipDeliveries(ctx, "e", "switched off") })
		f := canon.DeliveryFilter{Customer: "cus_1", State: canon.DeliverySkipped, Limit: 4}
		var seen []string
		for {
			page := must[canon.DeliveryPage](t)(db.Deliveries(t.Context(), f))
			same(t, "counts", map[string]int64{canon.DeliverySkipped: 6, canon.DeliveryPending: 6}, page.Counts)
			for _, d := range page.Deliveries {
				seen = append(seen, d.Change)
				if d.Reason != "switched off" || d.EndedAt.IsZero() || d.Body != nil {
					t.Errorf("skipped as %+v", d)
				}
			}
			if f.After = page.Next; page.Next == "" {
				break
			}
		}
		same(t, "skipped, the newest first", []string{"chg_10", "chg_8", "chg_6", "chg_4", "chg_2", "chg_0"}, seen)
	})
}

// TestNextDeliveryIsWhenAClaimSucceeds: just before that moment nothing can be claimed, from it on something.
func TestNextDeliveryIsWhenAClaimSucceeds(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			endpoint := fmt.Sprint("e", n)
			ordered := rapid.Bool().Draw(rt, "ordered")
			var ds []canon.Delivery
			for i, minute := range rapid.SliceOfN(rapid.IntRange(-1, 4), 0, 6).Draw(rt, "due") {
				due := day.Add(time.Duration(minute) * time.Minute)
				if minute < 0 {
					due = time.Time{}
				}
				ds = append(ds, delivery(n*100+i, endpoint, fmt.Sprint("cus_", rapid.IntRange(0, 2).Draw(rt, "customer")), due))
			}
			addDeliveries(t, db, ds...)
			for range rapid.IntRange(0, 2).Draw(rt, "claims") {
				claim(t, db, day.Add(time.Duration(rapid.IntRange(0, 4).Draw(rt, "at"))*time.Minute), endpoint, 2, ordered)
			}
			if len(ds) > 0 && rapid.Bool().Draw(rt, "one ends") {
				settle(t, db, day, rapid.SampledFrom(ds).Draw(rt, "which").ID, canon.Outcome{State: canon.DeliveryDead})
			}
			next := must[time.Time](t)(db.NextDelivery(t.Context(), endpoint, ordered))
			if next.IsZero() {
				if ids := claim(t, db, day.Add(24*time.Hour), endpoint, 9, ordered); len(ids) > 0 {
					t.Errorf("never, but %v were claimed", ids)
				}
				return
			}
			if ids := claim(t, db, next.Add(-time.Microsecond), endpoint, 9, ordered); len(ids) > 0 {
				t.Errorf("next is %s, but %v were claimed before", next, ids)
			}
			if ids := claim(t, db, next, endpoint, 9, ordered); len(ids) == 0 {
				t.Errorf("next is %s, but nothing could be claimed", next)
			}
		})
	})
}
