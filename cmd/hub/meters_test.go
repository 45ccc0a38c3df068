package main

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/store"
)

// waiting is a connection whose calls wait for its vendor.
type waiting struct {
	connectors.Conn
	meter connectors.Meter
}

func (w *waiting) Meters() []connectors.Meter { return []connectors.Meter{w.meter} }

// TestMetersAreNoted: another process reads what a running hub's connections wait for, and takes no old note for news.
func TestMetersAreNoted(t *testing.T) {
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	until := time.Now().Add(time.Minute).UTC().Truncate(time.Second)
	conn := &waiting{meter: connectors.Meter{Name: "default", Rate: 40, Most: 100, Per: 10 * time.Second, DailyLeft: 12, Reserve: 10, Sent: 7, Refused: 1,
		Waiting: map[string]int{"backfill": 2, "push": 1}, Until: until, Why: "The vendor asked to wait."}}
	v := &vendor{conn: conn}
	v.cfg.Name = "crm"
	a := &app{db: db, log: slog.New(slog.DiscardHandler), vendors: []*vendor{v}}
	if n, err := readMeters(t.Context(), db, "crm", time.Now()); err != nil || !n.At.IsZero() {
		t.Errorf("before anything was noted: %+v, %v", n, err)
	}
	before := map[string]string{}
	if err := a.noteMeters(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	n, err := readMeters(t.Context(), db, "crm", now)
	if err != nil || len(n.Budgets) != 1 {
		t.Fatalf("%+v, %v", n, err)
	}
	want := "default: 40 per 10s now (at most 100), 7 sent, 1 refused, 12 left today (10 kept for webhooks and write-back); waiting: 2 backfill, 1 push until " +
		until.Format("15:04:05") + ". The vendor asked to wait."
	if got := budgetLine(n.Budgets[0]); got != want {
		t.Errorf("told as\n%s, want\n%s", got, want)
	}
	n, err = readMeters(t.Context(), db, "crm", now.Add(time.Minute))
	if err != nil || len(n.Budgets) != 1 || len(n.Budgets[0].Waiting) > 0 || n.Budgets[0].Why != "" || !n.Budgets[0].Until.IsZero() {
		t.Errorf("an old note says that something waits: %+v, %v", n, err)
	}
	conn.meter.DailyLeft, conn.meter.Waiting, conn.meter.Why, conn.meter.Rate = -1, nil, "", 0
	if err := a.noteMeters(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	if n, err = readMeters(t.Context(), db, "crm", now); err != nil || budgetLine(n.Budgets[0]) != "default: no limit, 7 sent, 1 refused" {
		t.Errorf("what moved is not noted: %+v, %v", n, err)
	}
}

func TestSpan(t *testing.T) {
	for seconds, want := range map[float64]string{1: "1s", 10: "10s", 60: "1m", 90: "1m30s", 600: "10m", 3600: "1h", 86400: "24h"} {
		if got := span(seconds); got != want {
			t.Errorf("%v seconds: %q, want %q", seconds, got, want)
		}
	}
}
