package zoho_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/connectors/connectortest"
)

// TestLivesAlong reads a world, lets it move on while rounds are read, and holds what the rounds taught against
// what a fresh reading finds. All that was deleted is told.
func TestLivesAlong(t *testing.T) { synctest.Test(t, livesAlong) }

func livesAlong(t *testing.T) {
	now, world := start(), newWorld(60)
	conn := open(t, world, &now, nil)
	if err := conn.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	known := map[string]*connectortest.Reading{}
	for _, st := range conn.Streams() {
		known[st.Name] = &connectortest.Reading{}
		known[st.Name].Round(t, conn, st.Name)
		if got, want := len(known[st.Name].Live()), world.Counts()["zoho/"+st.Name]; got != want || want == 0 {
			t.Errorf("%s: %d records, want %d", st.Name, got, want)
		}
	}
	for range 10 {
		for range 5 {
			now = now.Add(7 * time.Minute)
			world.Step(now)
		}
		for stream, r := range known {
			r.Round(t, conn, stream)
		}
	}
	now = now.Add(169 * time.Hour)
	world.Step(now)
	for range 2 { // a change may be shown some seconds late; the next round finds it
		for stream, r := range known {
			r.Round(t, conn, stream)
		}
		now = now.Add(time.Minute)
	}
	for stream, r := range known {
		fresh := &connectortest.Reading{}
		fresh.Round(t, open(t, world, &now, nil), stream)
		if diff := cmp.Diff(fresh.Live(), r.Live()); diff != "" {
			t.Errorf("%s: a fresh reading (-) and the rounds (+) differ:\n%s", stream, diff)
		}
		if r.Sweeps != 2 {
			t.Errorf("%s was listed whole %d times, want 2", stream, r.Sweeps)
		}
	}
	gone, found := 0, 0
	for _, r := range known {
		gone, found = gone+len(r.Records)-len(r.Live()), found+r.Found
	}
	if gone < 5 || found > 0 {
		t.Errorf("%d records are gone, of which the full lists found %d: their deletion is told", gone, found)
	}
}
