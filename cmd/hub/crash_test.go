package main

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestKilledAtAnyMoment kills a real hub sync at random moments, starts it again each time, and wants the
// state of a run that nobody disturbed, byte for byte but for when things were recorded.
func TestKilledAtAnyMoment(t *testing.T) {
	companies, kills := 40, 20
	if slow || testing.Short() {
		companies, kills = 20, 4
	}
	_, calm := play(t, companies)
	start := time.Now()
	cmd, out := program(t.Context(), t, calm, "sync", "--json")
	if err := cmd.Run(); err != nil {
		t.Fatalf("undisturbed run: %v\n%s", err, out)
	}
	whole := time.Since(start)
	want := state(t, calm)
	if strings.Count(want, "\n") < 400 {
		t.Fatalf("the undisturbed state is too small to prove anything: %d lines", strings.Count(want, "\n"))
	}

	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 0))
	killed, chains := 0, 0
	for killed < kills && chains < kills {
		chains++
		st, dir := play(t, companies)
		// Each run goes on where the last one was killed, until one comes to its end.
		for killed < kills && killAfter(t, dir, time.Duration(rnd.Float64()*0.7*float64(whole))) {
			killed++
		}
		settled(t, st, dir, want)
	}
	t.Logf("seed %d, undisturbed run %v, %d kills in %d chains of runs", seed, whole, killed, chains)
	if killed < kills {
		t.Errorf("only %d runs were killed before their end", killed)
	}
}

// settled runs hub sync to its end and wants the state that an undisturbed run has, and everything told.
func settled(t *testing.T, st *stage, dir, want string) {
	t.Helper()
	cmd, out := program(t.Context(), t, dir, "sync", "--json")
	if err := cmd.Run(); err != nil {
		t.Fatalf("last run: %v\n%s", err, out)
	}
	differ(t, "after the kills", want, state(t, dir))
	var s summary
	if err := json.Unmarshal(out.Bytes(), &s); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if s.Deliveries.Pending+s.Deliveries.Failed+s.Pushes.Failed > 0 {
		t.Errorf("not everything got out: %+v %+v", s.Deliveries, s.Pushes)
	}
	// The receiver may see a delivery again whose end was not recorded, but never misses one.
	if n := st.receiver.Counts(); int64(n.Verified) != s.Deliveries.Delivered || n.Rejected > 0 {
		t.Errorf("the receiver saw %+v of %d deliveries", n, s.Deliveries.Delivered)
	}
}

// killAfter starts a run and kills it without warning after a pause. It returns false where the run ended
// before.
func killAfter(t *testing.T, dir string, pause time.Duration) bool {
	t.Helper()
	cmd, out := program(t.Context(), t, dir, "sync", "--json")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Fatalf("a run failed by itself: %v\n%s", err, out)
		}
		return false
	case <-time.After(pause):
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-ended
	return true
}

// TestLosingTheBelts removes everything that NATS holds between two runs, and wants that nothing is told again.
func TestLosingTheBelts(t *testing.T) {
	st, dir := play(t, 20)
	first, _ := syncOnce(t, dir, true)
	want, told := state(t, dir), st.receiver.Counts()
	_, wrote := st.world.Writes()
	if err := os.RemoveAll(filepath.Join(dir, "hub-data", "nats")); err != nil {
		t.Fatal(err)
	}
	second, _ := syncOnce(t, dir, true)
	differ(t, "after the loss", want, state(t, dir))
	if now := st.receiver.Counts(); now != told {
		t.Errorf("webhooks were sent again: %+v, then %+v", told, now)
	}
	if _, again := st.world.Writes(); again != wrote {
		t.Errorf("%d fields were written before, %d after", wrote, again)
	}
	if first.Deliveries != second.Deliveries || second.Round.Events+second.Round.Pushes+second.Round.Deliveries != 0 {
		t.Errorf("the second round was not empty: %+v, %+v", second.Round, second.Deliveries)
	}
}

// TestStoppedGently stops a run with a signal in the middle and wants that the next one goes on from there.
func TestStoppedGently(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such signal to send")
	}
	_, calm := play(t, 40)
	syncOnce(t, calm, true)
	st, dir := play(t, 40)
	for range 3 {
		cmd, out := program(t.Context(), t, dir, "sync", "--json")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Stopped at once after its first page is in the store.
		for wait(t.Context(), 5*time.Millisecond) {
			if _, err := os.Stat(filepath.Join(dir, "hub-data", "hub.db-wal")); err == nil {
				break
			}
		}
		if err := cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
		var exit *exec.ExitError
		if err := cmd.Wait(); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != exitStopped) {
			t.Fatalf("stopped: %v\n%s", err, out)
		}
	}
	settled(t, st, dir, state(t, calm))
}
