package intercom_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/intercom"
	"github.com/lifecyclehub/hub/sandbox"
)

// via is what requests pass through on their way to the server; nil for nothing.
type via func(http.RoundTripper) http.RoundTripper

func settings() connectors.Settings {
	return connectors.Settings{"token": sandbox.IntercomToken, "base_url": "https://api.intercom.io"}
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
	return &workspace{w, w.Intercom(), now}
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
	conn, err := intercom.Definition().Open(t.Context(), s, connectors.Env{Connection: "c", Transport: transport, Now: func() time.Time { return w.now }})
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

// TestLivesAlongByScroll is the same with companies read by the scroll.
func TestLivesAlongByScroll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := settings()
		s["companies"] = "scroll"
		livesAlong(t, s, nil)
	})
}

func livesAlong(t *testing.T, s connectors.Settings, through via) {
	w := newWorkspace(60)
	conn := w.open(t, s, through)
	if err := conn.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	known := map[string]*reading{}
	for _, st := range conn.Streams() {
		known[st.Name] = &reading{records: map[string]canon.Record{}}
		known[st.Name].round(t, conn, st.Name)
		if got, want := len(known[st.Name].live()), w.world.Counts()["intercom/"+st.Name]; got != want || want == 0 {
			t.Errorf("%s: %d records, want %d", st.Name, got, want)
		}
	}
	rounds := func(conn connectors.Conn) {
		for stream, r := range known {
			r.round(t, conn, stream)
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
	merged, gone := 0, map[string]int{}
	for stream, r := range known {
		fresh := &reading{records: map[string]canon.Record{}}
		time.Sleep(2 * time.Minute) // a scroll may still be open
		fresh.round(t, w.open(t, s, through), stream)
		if diff := cmp.Diff(fresh.live(), r.live()); diff != "" {
			t.Errorf("%s: a fresh reading (-) and the rounds (+) differ:\n%s", stream, diff)
		}
		for _, rec := range r.records {
			if rec.Into != "" {
				merged++
			}
			if rec.Deleted {
				gone[stream]++
			}
		}
	}
	if merged == 0 || gone["conversations"] == 0 || gone["contacts"] == 0 || gone["tickets"] == 0 {
		t.Errorf("%d merges and these deletions were tried: %v", merged, gone)
	}
}

// reading is what the rounds of a stream taught: the newest state of each record, as the intake keeps it.
type reading struct {
	cursor  canon.Cursor
	records map[string]canon.Record
	swept   int
}

func (r *reading) round(t *testing.T, conn connectors.Conn, stream string) {
	t.Helper()
	listed, sweeping := map[string]bool{}, false
	for more := true; more; {
		p, err := conn.Pull(t.Context(), stream, r.cursor)
		if err != nil {
			t.Fatalf("%s: %v", stream, err)
		}
		for _, rec := range p.Records {
			listed[rec.ID] = true
			if rec.Version >= r.records[rec.ID].Version {
				r.records[rec.ID] = rec
			}
		}
		if len(p.Rejects) > 0 {
			t.Errorf("%s: rejected %+v", stream, p.Rejects[0])
		}
		sweeping = p.Sweep != nil
		r.cursor, more = p.Next, p.More
	}
	if !sweeping {
		return
	}
	r.swept++
	for id, rec := range r.records {
		if !listed[id] {
			rec.Deleted = true
			r.records[id] = rec
		}
	}
}

func (r *reading) live() map[string]string {
	out := map[string]string{}
	for id, rec := range r.records {
		if !rec.Deleted {
			out[id] = string(rec.Raw)
		}
	}
	return out
}
