package delighted_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/delighted"
	"github.com/lifecyclehub/hub/sandbox"
)

func settings() connectors.Settings {
	return connectors.Settings{"api_key": sandbox.DelightedKey, "requests_per_second": "1000", "base_url": "http://delighted.example"}
}

func open(t *testing.T, handler http.Handler, now *time.Time) connectors.Conn {
	t.Helper()
	conn, err := delighted.Definition().Open(t.Context(), settings(), connectors.Env{
		Connection: "c", Transport: connectortest.Transport(handler), Now: func() time.Time { return *now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestLivesAlong reads a world, lets it move on for some hours while rounds are read, and holds what the
// rounds taught against what a fresh reading finds. What is deleted is found missing when all is listed again.
func TestLivesAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		world := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 60, Now: now})
		conn := open(t, world.Delighted(), &now)
		if err := conn.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		known := map[string]*connectortest.Reading{}
		for _, st := range conn.Streams() {
			known[st.Name] = &connectortest.Reading{}
			known[st.Name].Round(t, conn, st.Name)
			if got, want := len(known[st.Name].Live()), world.Counts()["delighted/"+st.Name]; got != want || want == 0 {
				t.Errorf("%s: %d records, want %d", st.Name, got, want)
			}
		}
		for range 10 {
			for range 3 {
				now = now.Add(11 * time.Minute)
				world.Step(now)
			}
			for stream, r := range known {
				r.Round(t, conn, stream)
			}
		}
		now = now.Add(10 * time.Minute)
		gone := 0
		now = now.Add(169 * time.Hour)
		for stream, r := range known {
			before := len(r.Live())
			r.Round(t, conn, stream)
			gone += before - len(r.Live())
			fresh := &connectortest.Reading{}
			fresh.Round(t, open(t, world.Delighted(), &now), stream)
			if diff := cmp.Diff(fresh.Live(), r.Live()); diff != "" {
				t.Errorf("%s: a fresh reading (-) and the rounds (+) differ:\n%s", stream, diff)
			}
		}
		if gone == 0 {
			t.Error("nothing was found missing, so it was not tried")
		}
	})
}
