package ingest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
)

// TestTheClockOfAHubDoesNotMatter: a hub that ticks each hour writes the same log as one that ticks every few days, but
// for when it was recorded.
func TestTheClockOfAHubDoesNotMatter(t *testing.T) {
	life := func(every time.Duration) []canon.Firing {
		h := playsHub(t)
		for i := range 3 {
			h.take(h.page("firms", firm(fmt.Sprint(i), 1)))
		}
		h.settle(t)
		next := start.Add(every)
		until := func(at time.Time) {
			for ; !next.After(at); next = next.Add(every) {
				h.tick(t, next)
			}
			h.now = at
		}
		for i, hours := range []int{5, 30, 31, 100, 260} {
			at := start.Add(time.Duration(hours) * time.Hour)
			until(at)
			h.take(h.page("deals", dealAt(fmt.Sprint("d", i), fmt.Sprint(i%3), "won", at.Add(-time.Minute))))
		}
		until(start.AddDate(0, 0, 40))
		h.tick(t, start.AddDate(0, 0, 40))
		page, err := h.db.Firings(t.Context(), canon.FiringFilter{Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for i := range page.Firings {
			page.Firings[i].RecordedAt = time.Time{}
		}
		return page.Firings
	}
	want := life(5 * time.Hour)
	if len(want) < 10 {
		t.Fatalf("only %d entries", len(want))
	}
	if diff := cmp.Diff(want, life(67*time.Hour)); diff != "" {
		t.Error(diff)
	}
}
