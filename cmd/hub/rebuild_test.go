package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
	"github.com/lifecyclehub/hub/store"
)

func TestRebuildOfASoundHubFindsNoDifference(t *testing.T) {
	_, dir := play(t, few())
	syncOnce(t, dir, true)
	want, before := state(t, dir), kept(t, dir)
	for _, args := range [][]string{nil, {"--switch"}} {
		r := rebuildIn(t, dir, true, args...)
		if !r.Equal || r.Switched || r.Waiting > 0 || r.Versions < 100 || len(r.Differences) > 0 || !r.AsOf.Equal(asOf) {
			t.Errorf("%v: %+v", args, r)
		}
	}
	if aside(t, dir) {
		t.Error("what was derived is still there")
	}
	differ(t, "after the rebuild", want, state(t, dir))
	differ(t, "what must stay", before, kept(t, dir))
}

// TestRebuildOfAHubThatLived lets time pass, vendors move and decisions be made between rounds.
func TestRebuildOfAHubThatLived(t *testing.T) {
	st, dir := play(t, few())
	syncOnce(t, dir, true)
	thaw(t, dir)
	syncOnce(t, dir, true)
	pair := contactPair(t, dir)
	for i := range 4 {
		for range 6 {
			st.world.Step(time.Now().Add(-worldLag))
		}
		if i == 1 {
			decideIn(t, dir, canon.Decision{Kind: canon.DecideLink, A: pair[0], B: pair[1], Author: "ann", At: time.Now().UTC()}.WithID())
		}
		if i == 2 {
			decideIn(t, dir, canon.Decision{Kind: canon.DecideDetach, A: pair[0], Author: "ann", At: time.Now().UTC()}.WithID())
		}
		syncOnce(t, dir, true)
	}
	want, before := state(t, dir), kept(t, dir)
	if r := rebuildIn(t, dir, true); !r.Equal || r.Decisions != 2 || r.Versions < 100 {
		t.Errorf("%+v", r)
	}
	differ(t, "after the rebuild", want, state(t, dir))
	differ(t, "what must stay", before, kept(t, dir))

	// What a look leaves beside holds each statement of a record as of when it was first made, and taken back.
	inSQL(t, dir, func(db *sql.DB) { run1(t, db, damages[len(damages)-1].statement) })
	rebuildIn(t, dir, false)
	live, derived := recorded(t, dir, "hub.db"), recorded(t, dir, "rebuild.db")
	differ(t, "what was known when", live, derived)
}

// TestRebuildOfAnyHistory takes versions of many moments in in a random order, so that late ones take back what earlier
// ones told, and wants the same told and taken back at the same times when it is derived again.
func TestRebuildOfAnyHistory(t *testing.T) {
	st, dir := play(t, few())
	cfg, vs := connected(t, dir)
	var pages []canon.Batch
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 3 {
		// The newest first.
		pages = append(shuffle(rnd, readAll(t, vs)), pages...)
		for range 30 {
			st.world.Step(asOf)
		}
	}
	a := heldApp(t, cfg, vs, filepath.Join(dir, "hub-data", "hub.db"))
	a.rules, a.policy = rules(cfg, vs), lifecycle.Default()
	a.takeAll(t, pages)
	r, err := a.beginRebuild(t.Context(), rebuildOptions{}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.replay(t.Context()), r.conclude(t.Context())); err != nil {
		t.Fatal(err)
	}
	c, err := r.compare(t.Context(), 10)
	if err = errors.Join(err, r.side.Close()); err != nil {
		t.Fatal(err)
	}
	if !c.Equal {
		t.Errorf("seed %d: %+v", seed, c)
		for _, d := range c.Differences {
			t.Errorf("%+v", d)
		}
	}
	live, derived := recorded(t, dir, "hub.db"), recorded(t, dir, "rebuild.db")
	differ(t, fmt.Sprintf("seed %d, what was known when", seed), live, derived)
	if strings.Count(live, " 0\n") == strings.Count(live, "\n") {
		t.Errorf("seed %d: nothing was ever taken back, which proves little", seed)
	}
}

func TestRebuildMendsWhatWasDamaged(t *testing.T) {
	st, dir := play(t, few())
	first, _ := syncOnce(t, dir, true)
	want, told := state(t, dir), st.receiver.Counts()
	changes, known := positionsOf(outboxOf(t, dir)), recorded(t, dir, "hub.db")
	inSQL(t, dir, func(db *sql.DB) {
		for _, d := range damages {
			run1(t, db, d.statement)
		}
	})
	damaged := kept(t, dir)
	found := rebuildIn(t, dir, false)
	noticed := map[string]bool{}
	for _, d := range found.Differences {
		noticed[d.What] = len(d.Examples) > 0 && d.Missing+d.Extra+d.Changed > 0
	}
	for _, d := range damages {
		if !noticed[d.what] {
			t.Errorf("nothing is said of %s", d.what)
		}
	}
	differ(t, "a look must change nothing", damaged, kept(t, dir))
	mended := rebuildIn(t, dir, true, "--switch")
	if !mended.Equal || !mended.Switched || mended.Settled == nil || mended.Settled.Orphans != 1 {
		t.Errorf("%+v", mended)
	}
	if aside(t, dir) {
		t.Error("what was derived is still there")
	}
	differ(t, "mended", want, state(t, dir))
	differ(t, "what was known when", known, recorded(t, dir, "hub.db"))
	after := outboxOf(t, dir)
	for _, c := range after[len(changes):] {
		// Nothing that was told is told again: only where customers stand, for those who had seemed to stand elsewhere.
		if c.Type != "customer.assessed" && c.Type != "stage.changed" {
			t.Errorf("told again: %s %s", c.Type, c.Data)
		}
	}
	second, _ := syncOnce(t, dir, true)
	if now := st.receiver.Counts(); second.Round.Events != 0 || now.Rejected > 0 || now.Verified-told.Verified > 2 || second.Deliveries.Delivered-first.Deliveries.Delivered > 2 {
		t.Errorf("webhooks: %+v, then %+v", told, now)
	}
	if again := rebuildIn(t, dir, true); !again.Equal {
		t.Errorf("%+v", again)
	}
}

// TestRebuildKilledAtAnyMoment kills a rebuild of a damaged store at random moments, until one comes to its end.
func TestRebuildKilledAtAnyMoment(t *testing.T) {
	kills := 8
	if slow || testing.Short() {
		kills = 3
	}
	_, dir := play(t, few())
	syncOnce(t, dir, true)
	want := state(t, dir)
	damage := func() {
		inSQL(t, dir, func(db *sql.DB) {
			for _, d := range damages {
				run1(t, db, d.statement)
			}
		})
	}
	damage()
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 0))
	killed := 0
	for tries := 0; killed < kills && tries < 5*kills; tries++ {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rnd.Float64()*float64(1500*time.Millisecond)))
		cmd, out := program(ctx, t, dir, "rebuild", "--switch")
		err := cmd.Run()
		died := ctx.Err() != nil
		cancel()
		if !died {
			if err != nil {
				t.Fatalf("seed %d: %v\n%s", seed, err, out)
			}
			damage()
			continue
		}
		killed++
	}
	if r := rebuildIn(t, dir, true, "--switch"); !r.Equal {
		t.Errorf("seed %d: %+v", seed, r)
	}
	differ(t, fmt.Sprintf("seed %d, after %d kills", seed, killed), want, state(t, dir))
}

func TestRebuildRefuses(t *testing.T) {
	_, dir := play(t, 5)
	syncOnce(t, dir, true)
	unlock, err := store.Lock(t.Context(), filepath.Join(dir, "hub-data", "hub.lock"))
	if err != nil {
		t.Fatal(err)
	}
	cmd, out := program(t.Context(), t, dir, "rebuild")
	if err := cmd.Run(); err == nil || !strings.Contains(out.String(), "another hub is running") {
		t.Errorf("beside another hub: %v\n%s", err, out)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "hub.yaml")
	yaml, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(string(yaml), "  - name: zendesk\n")
	_, rest, _ = strings.Cut(rest, "webhooks:\n")
	if err := os.WriteFile(file, []byte(head+"webhooks:\n"+rest), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd, out = program(t.Context(), t, dir, "rebuild")
	if err := cmd.Run(); err == nil || !strings.Contains(out.String(), "rebuild.connection") {
		t.Errorf("without a connection: %v\n%s", err, out)
	}
}

// TestRebuildGuard keeps a rebuild from turning most of the store over unless it is told to.
func TestRebuildGuard(t *testing.T) {
	_, dir := play(t, 10)
	syncOnce(t, dir, true)
	want := state(t, dir)
	inSQL(t, dir, func(db *sql.DB) {
		run1(t, db, "UPDATE entities SET hash = 'x' WHERE kind IN ('contact', 'company', 'ticket', 'usage', 'activity', 'invoice')")
	})
	cmd, out := program(t.Context(), t, dir, "rebuild", "--switch")
	if err := cmd.Run(); err == nil || !strings.Contains(out.String(), "rebuild.many") {
		t.Errorf("%v\n%s", err, out)
	}
	if r := rebuildIn(t, dir, true, "--switch", "--force"); !r.Equal {
		t.Errorf("%+v", r)
	}
	differ(t, "mended", want, state(t, dir))
}

// TestRebuildAppliesAnEditedMapping: what a switch makes of a store is what a hub has that never had another mapping.
func TestRebuildAppliesAnEditedMapping(t *testing.T) {
	e := edits["tickets of nobody"]
	_, dir := play(t, 10)
	_, fresh := play(t, 10)
	syncOnce(t, dir, true)
	for _, d := range []string{dir, fresh} {
		cfg, vs := connected(t, d)
		for _, v := range vs {
			if v.cfg.Name != e.connection {
				continue
			}
			if err := os.WriteFile(filepath.Join(d, "edited.yaml"), []byte(strings.Replace(string(v.def.Mapping), e.from, e.to, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		file := filepath.Join(cfg.Dir, "hub.yaml")
		yaml, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		edited := strings.Replace(string(yaml), "    connector: "+e.connection+"\n", "    connector: "+e.connection+"\n    mapping: edited.yaml\n", 1)
		if err := os.WriteFile(file, []byte(edited), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	syncOnce(t, fresh, true)
	before := len(outboxOf(t, dir))
	if r := rebuildIn(t, dir, false); len(r.Differences) == 0 {
		t.Error("the edit changes nothing")
	}
	if r := rebuildIn(t, dir, true, "--switch", "--force"); !r.Equal || !r.Switched {
		t.Errorf("%+v", r)
	}
	var want, got string
	inStore(t, fresh, func(db *store.DB) { want = told(t, db) })
	inStore(t, dir, func(db *store.DB) { got = told(t, db) })
	differ(t, "edited", want, got)
	for _, c := range outboxOf(t, dir)[before:] {
		if !c.Backfill && c.Type != "customer.assessed" && !strings.HasPrefix(c.Type, "stage.") && !strings.HasPrefix(c.Type, "score.") {
			t.Errorf("told as news: %s %s", c.Type, c.Data)
		}
	}
}
