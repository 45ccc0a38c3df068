package main

import (
	"bufio"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
	"github.com/lifecyclehub/hub/sync/ingest"
)

// TestADecisionTakesEffect in a hub that runs, without being told, and in one that syncs once. It is told to the outside,
// and taken back it leaves the state as it was.
func TestADecisionTakesEffect(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no signal to stop a process gently with")
	}
	_, dir := play(t, 8)
	syncOnce(t, dir, true)
	want := state(t, dir)
	cmd, _ := program(t.Context(), t, dir, "run")
	cmd.Stdout = nil
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	after(t, bufio.NewScanner(out), "first round: ")
	db, err := store.Open(t.Context(), filepath.Join(dir, "hub-data", "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	a, b := twoCompanies(t, db)
	link := logBeside(t, db, canon.Decision{Kind: canon.DecideLink, A: a, B: b})
	until(t, func() bool { return ownerOf(t, db, a) == ownerOf(t, db, b) })
	told := newsOf(t, db, ingest.MergedType)
	if len(told) != 1 {
		t.Fatalf("one merge is told as %+v", told)
	}
	if c := told[0]; c.Customer != ownerOf(t, db, a) || c.Backfill {
		t.Errorf("the merge is told as %+v", c)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	// Its end is all that is waited for.
	_ = cmd.Wait()
	logBeside(t, db, canon.Decision{Kind: canon.DecideRevoke, Revokes: link.ID})
	syncOnce(t, dir, true)
	if ownerOf(t, db, a) == ownerOf(t, db, b) {
		t.Error("a sync does not take a decision in")
	}
	if n := len(newsOf(t, db, ingest.SplitType)); n != 1 {
		t.Errorf("%d splits are told of, want 1", n)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	differ(t, "after the link was revoked", unscored(want), unscored(state(t, dir)))
}

// unscored leaves out that scores moved: it tells what was shown at the time, also of customers who are no longer one, and so
// it stays told. What the scores are now is compared with the rest.
func unscored(state string) string {
	lines := strings.Split(state, "\n")
	return strings.Join(slices.DeleteFunc(lines, func(l string) bool { return strings.Contains(l, `"type":"score.changed"`) }), "\n")
}

// until asks until the answer is yes, or the test's time is over.
func until(t *testing.T, done func() bool) {
	t.Helper()
	for ctx, stop := context.WithTimeout(t.Context(), time.Minute); ; {
		if done() {
			stop()
			return
		}
		if !wait(ctx, 20*time.Millisecond) {
			stop()
			t.Fatal("it never happened")
		}
	}
}

// twoCompanies returns the keys of two companies, each the only record of its customer's: of others, a system that knows
// both keeps its records apart.
func twoCompanies(t *testing.T, db *store.DB) (a, b string) {
	t.Helper()
	es, err := db.Nodes(t.Context(), canon.KindCompany, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	records := map[string]int{}
	for _, e := range es {
		records[e.Customer]++
	}
	for _, e := range es {
		switch {
		case e.Entity.Deleted || records[e.Customer] != 1:
		case a == "":
			a = e.Entity.Key()
		default:
			return a, e.Entity.Key()
		}
	}
	t.Fatal("there are no two companies")
	return "", ""
}

func ownerOf(t *testing.T, db *store.DB, entity string) string {
	t.Helper()
	var customer string
	err := db.InTx(t.Context(), time.Now(), func(tx *store.Tx) error {
		es, err := tx.EntitiesByName(t.Context(), []string{entity})
		if err == nil && len(es) == 1 {
			customer = es[0].Customer
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return customer
}

// logBeside appends a decision to the log, as a command beside a running hub does.
func logBeside(t *testing.T, db *store.DB, d canon.Decision) canon.Decision {
	t.Helper()
	d.Author = "ann"
	err := db.InTx(t.Context(), time.Now(), func(tx *store.Tx) (err error) {
		d, err = tx.AddDecision(t.Context(), d)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func newsOf(t *testing.T, db *store.DB, typ string) (out []canon.Change) {
	t.Helper()
	all, err := db.Outbox(t.Context(), 0, 100_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		// Customers that became one while the past was read are another matter.
		if c.Type == typ && !c.Backfill {
			out = append(out, c)
		}
	}
	return out
}
