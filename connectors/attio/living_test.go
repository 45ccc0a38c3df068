package attio_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/connectors/connectortest"
)

// TestLivesAlong reads a world, lets it move on while rounds are read, and holds what the rounds taught against
// what a fresh reading finds. What was deleted or changed is found by the next full list.
func TestLivesAlong(t *testing.T) { synctest.Test(t, livesAlong) }

func livesAlong(t *testing.T) {
	now, world := start(), newWorld(60)
	conn := open(t, &now, connectortest.Transport(world.Attio()))
	if err := conn.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	known := map[string]*connectortest.Reading{}
	for _, st := range conn.Streams() {
		known[st.Name] = &connectortest.Reading{}
		known[st.Name].Round(t, conn, st.Name)
		if got, want := len(known[st.Name].Live()), world.Counts()["attio/"+st.Name]; got != want || want == 0 {
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
	now = now.Add(61 * time.Minute)
	world.Step(now)
	for range 2 { // a change may be shown some seconds late; the next round finds it
		for stream, r := range known {
			r.Round(t, conn, stream)
		}
		now = now.Add(61 * time.Minute)
	}
	for stream, r := range known {
		fresh := &connectortest.Reading{}
		fresh.Round(t, open(t, &now, connectortest.Transport(world.Attio())), stream)
		if diff := cmp.Diff(fresh.Live(), r.Live()); diff != "" {
			t.Errorf("%s: a fresh reading (-) and the rounds (+) differ:\n%s", stream, diff)
		}
		if r.Sweeps != 8 {
			t.Errorf("%s was listed whole %d times, want once an hour", stream, r.Sweeps)
		}
	}
	gone, found := 0, 0
	for _, r := range known {
		gone, found = gone+len(r.Records)-len(r.Live()), found+r.Found
	}
	if gone < 5 || found != gone {
		t.Errorf("%d records are gone, of which the full lists found %d", gone, found)
	}
}
