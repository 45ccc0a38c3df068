package main

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// TestKilledAtAnyMoment kills a real hub sync at random moments, starts it again each time, and wants the
// state of a run that nobody disturbed, byte for byte but for when things were recorded.
func TestKilledAtAnyMoment(t *testing.T) {
	const companies = 40
	kills := 20
	if testing.Short() {
		kills = 5
	}
	_, calm := play(t, companies)
	start := time.Now()
	cmd, out := program(t.Context(), t, calm, "sync", "--json")
	if err := cmd.Run(); err != nil {
		t.Fatalf("undisturbed run: %v\n%s", err, out)
	}
	whole := time.Since(start)
	want := state(t, calm)
	if strings.Count(want, "\n") < 500 {
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
