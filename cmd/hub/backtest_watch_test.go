package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

// TestDriftIsToldOnceADay: from what the store keeps, one line for the score that moved and none for the other.
func TestDriftIsToldOnceADay(t *testing.T) {
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	err = db.InTx(t.Context(), now, func(tx *store.Tx) error { return driftingCustomers(t.Context(), tx, now) })
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	for _, at := range []time.Time{now, now.Add(time.Hour)} {
		if err := tellDrift(t.Context(), db, at, log); err != nil {
			t.Fatal(err)
		}
	}
	if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "score=health") || !strings.Contains(got, "customers=120") || !strings.Contains(got, `moved_most="use `) {
		t.Errorf("logged:\n%s", got)
	}
	if err := tellDrift(t.Context(), db, now.Add(24*time.Hour), log); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "score=health"); n != 2 {
		t.Errorf("told %d times on two days", n)
	}
}

// driftingCustomers are customers whose health was assessed 110 and 31 days ago, and rose meanwhile.
func driftingCustomers(ctx context.Context, tx *store.Tx, now time.Time) error {
	var ps []canon.Profile
	var states []canon.CustomerState
	for i := range 120 {
		id := fmt.Sprintf("cus_%03d", i)
		ps = append(ps, canon.Profile{ID: id, Type: "company", Name: id})
		for n, days := range []int{110, 31} {
			v, calm := float64(i%40+50*n), float64(i%40)
			a := canon.Assessment{Customer: id, At: now.AddDate(0, 0, -days),
				Health: canon.Score{Name: "health", Value: &v, Contributions: []canon.Contribution{{Measure: "use", Value: &v}, {Measure: "calm", Value: &calm}}},
				Scores: []canon.Score{{Name: "renewal", Value: &calm}}}
			states = append(states, canon.CustomerState{ID: id, Assessed: int64(n + 1), Assessment: &a})
		}
	}
	if err := tx.EnsureCustomers(ctx, ps); err != nil {
		return err
	}
	return tx.AddAssessments(ctx, states)
}
