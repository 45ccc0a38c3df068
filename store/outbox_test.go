package store_test

import (
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

func TestOutboxBefore(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		check := func(after time.Duration, want int64) {
			t.Helper()
			if got, err := db.OutboxBefore(t.Context(), at.Add(after).UnixMicro()); err != nil || got != want {
				t.Errorf("behind %v begin the changes after %d (%v), want %d", after, got, err, want)
			}
		}
		check(0, 0)
		var ends []int64
		for i, n := range []int{3, 1, 5} {
			err := db.InTx(t.Context(), at.Add(time.Duration(i)*time.Hour), func(tx *store.Tx) error {
				var cs []canon.Change
				for j := range n {
					cs = append(cs, canon.Change{ID: canon.ID("chg", string(rune('a'+i)), string(rune('a'+j))), Type: "x", Data: []byte("{}")})
				}
				return tx.AddChanges(t.Context(), cs)
			})
			if err != nil {
				t.Fatal(err)
			}
			end, err := db.OutboxEnd(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			ends = append(ends, end)
		}
		check(-time.Hour, 0)
		check(0, 0)
		check(time.Microsecond, ends[0])
		check(time.Hour, ends[0])
		check(2*time.Hour, ends[1])
		check(3*time.Hour, ends[2])
	})
}
