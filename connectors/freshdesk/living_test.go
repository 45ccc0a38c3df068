package freshdesk_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/freshdesk"
	"github.com/lifecyclehub/hub/sandbox"
)

// via is what requests pass through on their way to the server; nil for nothing.
type via func(http.RoundTripper) http.RoundTripper

// settings speak plain HTTP, as the server tells its next pages by the scheme that it was reached by.
func settings() connectors.Settings {
	return connectors.Settings{"api_key": sandbox.FreshdeskKey, "base_url": "http://acme.freshdesk.com", "requests_per_minute": "100000", "lists_per_minute": "100000"}
}

// workspace is a world with the server that plays it.
type workspace struct {
	world  *sandbox.World
	server http.Handler
	now    time.Time
}

func newWorkspace(companies int) *workspace {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	w := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: companies, Now: now})
	return &workspace{w, w.Freshdesk(), now}
}

// pass lets time go by, in the world and for whoever waits.
func (w *workspace) pass(d time.Duration) {
	time.Sleep(d)
	w.now = w.now.Add(d)
	w.world.Step(w.now)
}

func (w *workspace) open(t *testing.T, s connectors.Settings, through via) connectors.Conn {
	t.Helper()
	transport := connectortest.Transport(w.server)
	if through != nil {
		transport = through(transport)
	}
	conn, err := freshdesk.Definition().Open(t.Context(), s, connectors.Env{Connection: "c", Transport: transport, Now: func() time.Time { return w.now }})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestLivesAlong reads a world, lets it move on for some days while rounds are read, and holds what the
// rounds taught against what a fresh reading finds.
func TestLivesAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { livesAlong(t, settings(), nil) })
}

func livesAlong(t *testing.T, s connectors.Settings, through via) {
	w := newWorkspace(60)
	conn := w.open(t, s, through)
	if err := conn.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	known := map[string]*connectortest.Reading{}
	for _, st := range conn.Streams() {
		known[st.Name] = &connectortest.Reading{}
		known[st.Name].Round(t, conn, st.Name)
		if got, want := len(known[st.Name].Live()), w.world.Counts()["freshdesk/"+st.Name]; got != want || want == 0 {
			t.Errorf("%s: %d records, want %d", st.Name, got, want)
		}
	}
	rounds := func(conn connectors.Conn) {
		for stream, r := range known {
			r.Round(t, conn, stream)
		}
	}
	for range 9 {
		for range 5 {
			w.pass(47 * time.Minute)
		}
		rounds(conn)
	}
	// A day later everything is listed once more, and what was deleted in silence is found.
	time.Sleep(25 * time.Hour)
	w.now = w.now.Add(25 * time.Hour)
	rounds(conn)
	gone := map[string]int{}
	for stream, r := range known {
		fresh := &connectortest.Reading{}
		fresh.Round(t, w.open(t, s, through), stream)
		if diff := cmp.Diff(fresh.Live(), r.Live()); diff != "" {
			t.Errorf("%s: a fresh reading (-) and the rounds (+) differ:\n%s", stream, diff)
		}
		for _, rec := range r.Records {
			if rec.Deleted {
				gone[stream]++
			}
		}
	}
	if gone["contacts"] == 0 || gone["tickets"] == 0 {
		t.Errorf("these deletions were tried: %v", gone)
	}
}
