package posthog_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/posthog"
	"github.com/lifecyclehub/hub/sandbox"
)

func settings() connectors.Settings {
	return connectors.Settings{"api_key": sandbox.PostHogKey, "project_id": sandbox.PostHogProject, "requests_per_hour": "10000000", "base_url": "http://posthog.example"}
}

func open(t *testing.T, handler http.Handler, now *time.Time) connectors.Conn {
	t.Helper()
	conn, err := posthog.Definition().Open(t.Context(), settings(), connectors.Env{
		Connection: "c", Transport: connectortest.Transport(handler), Now: func() time.Time { return *now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestLivesAlong reads a world, lets it move on for some hours while rounds are read, and holds what the
// rounds taught against what a fresh reading finds. What changed without an event, and who was merged away,
// is found when all is listed again.
func TestLivesAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		world := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 60, Now: now})
		conn := open(t, world.PostHog(), &now)
		if err := conn.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		known := map[string]*connectortest.Reading{}
		for _, st := range conn.Streams() {
			known[st.Name] = &connectortest.Reading{}
			known[st.Name].Round(t, conn, st.Name)
			if got, want := len(known[st.Name].Live()), world.Counts()["posthog/"+st.Name]; st.Name != "events" && got != want || want == 0 || got == 0 {
				t.Errorf("%s: %d records, want %d", st.Name, got, want)
			}
		}
		persons := len(known["persons"].Live())
		for range 10 {
			for range 3 {
				now = now.Add(7 * time.Minute)
				world.Step(now)
			}
			for stream, r := range known {
				r.Round(t, conn, stream)
			}
		}
		now = now.Add(10 * time.Minute)
		for _, stream := range []string{"events", "groups"} {
			compare(t, stream, known[stream], conn, open(t, world.PostHog(), &now))
		}
		now = now.Add(25 * time.Hour)
		for stream, r := range known {
			compare(t, stream, r, conn, open(t, world.PostHog(), &now))
		}
		if len(known["persons"].Live()) <= persons {
			t.Error("nobody came, so it was not tried")
		}
	})
}

func compare(t *testing.T, stream string, r *connectortest.Reading, conn, other connectors.Conn) {
	t.Helper()
	r.Round(t, conn, stream)
	fresh := &connectortest.Reading{}
	fresh.Round(t, other, stream)
	if diff := cmp.Diff(fresh.Live(), r.Live()); diff != "" {
		t.Errorf("%s: a fresh reading (-) and the rounds (+) differ:\n%s", stream, diff)
	}
}
