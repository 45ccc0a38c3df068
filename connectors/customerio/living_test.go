package customerio_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/customerio"
	"github.com/lifecyclehub/hub/sandbox"
)

func settings() connectors.Settings {
	return connectors.Settings{"app_api_key": sandbox.CustomerIOKey, "requests_per_second": "10000"}
}

func open(t *testing.T, handler http.Handler, now *time.Time) connectors.Conn {
	t.Helper()
	conn, err := customerio.Definition().Open(t.Context(), settings(), connectors.Env{
		Connection: "c", Transport: connectortest.Transport(handler), Now: func() time.Time { return *now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestLivesAlong reads a world, lets it move on for some weeks while rounds are read, and holds what the
// rounds taught against what a fresh reading finds. What happened to a message late is found two weeks later.
func TestLivesAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		world := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 60, Now: now})
		conn := open(t, world.CustomerIO(), &now)
		if err := conn.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		known := map[string]*connectortest.Reading{}
		for _, st := range conn.Streams() {
			known[st.Name] = &connectortest.Reading{}
			known[st.Name].Round(t, conn, st.Name)
			if got, want := len(known[st.Name].Live()), world.Counts()["customerio/"+st.Name]; got != want || want == 0 {
				t.Errorf("%s: %d records, want %d", st.Name, got, want)
			}
		}
		people := len(known["customers"].Live())
		for range 30 {
			for range 3 {
				now = now.Add(5 * time.Hour)
				world.Step(now)
			}
			for stream, r := range known {
				r.Round(t, conn, stream)
			}
		}
		now = now.Add(time.Hour)
		late := 0
		for id, raw := range fresh(t, world, now, "messages") {
			if held := known["messages"].Live()[id]; held == "" {
				t.Errorf("the rounds missed %s", id)
			} else if held != raw {
				late++
			}
		}
		now = now.Add(15 * 24 * time.Hour)
		for stream, r := range known {
			r.Round(t, conn, stream)
			held := r.Live()
			for id, raw := range fresh(t, world, now, stream) {
				if diff := cmp.Diff(raw, held[id]); diff != "" {
					t.Errorf("%s %s: a fresh reading (-) and the rounds (+) differ:\n%s", stream, id, diff)
				}
			}
		}
		if got := len(fresh(t, world, now, "customers")); got != len(known["customers"].Live()) || got >= people+50 {
			t.Errorf("%d people are held, want %d", len(known["customers"].Live()), got)
		}
		if late == 0 {
			t.Error("nothing was opened late, so it was not tried")
		}
	})
}

// fresh is what a new connection reads.
func fresh(t *testing.T, world *sandbox.World, now time.Time, stream string) map[string]string {
	t.Helper()
	r := &connectortest.Reading{}
	r.Round(t, open(t, world.CustomerIO(), &now), stream)
	return r.Live()
}
