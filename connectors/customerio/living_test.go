package customerio_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
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
		known := map[string]*reading{}
		for _, st := range conn.Streams() {
			known[st.Name] = newReading()
			known[st.Name].round(t, conn, st.Name)
			if got, want := len(known[st.Name].live()), world.Counts()["customerio/"+st.Name]; got != want || want == 0 {
				t.Errorf("%s: %d records, want %d", st.Name, got, want)
			}
		}
		people := len(known["customers"].live())
		for range 30 {
			for range 3 {
				now = now.Add(5 * time.Hour)
				world.Step(now)
			}
			for stream, r := range known {
				r.round(t, conn, stream)
			}
		}
		now = now.Add(time.Hour)
		late := 0
		for id, raw := range fresh(t, world, now, "messages") {
			if held := known["messages"].live()[id]; held == "" {
				t.Errorf("the rounds missed %s", id)
			} else if held != raw {
				late++
			}
		}
		now = now.Add(15 * 24 * time.Hour)
		for stream, r := range known {
			r.round(t, conn, stream)
			held := r.live()
			for id, raw := range fresh(t, world, now, stream) {
				if diff := cmp.Diff(raw, held[id]); diff != "" {
					t.Errorf("%s %s: a fresh reading (-) and the rounds (+) differ:\n%s", stream, id, diff)
				}
			}
		}
		if got := len(fresh(t, world, now, "customers")); got != len(known["customers"].live()) || got >= people+50 {
			t.Errorf("%d people are held, want %d", len(known["customers"].live()), got)
		}
		if late == 0 {
			t.Error("nothing was opened late, so it was not tried")
		}
	})
}

// fresh is what a new connection reads.
func fresh(t *testing.T, world *sandbox.World, now time.Time, stream string) map[string]string {
	t.Helper()
	r := newReading()
	r.round(t, open(t, world.CustomerIO(), &now), stream)
	return r.live()
}

// reading is what the rounds of a stream taught: the newest state of each record.
type reading struct {
	cursor  canon.Cursor
	records map[string]canon.Record
}

func newReading() *reading { return &reading{records: map[string]canon.Record{}} }

func (r *reading) round(t *testing.T, conn connectors.Conn, stream string) {
	t.Helper()
	listed, sweep := map[string]bool{}, false
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
		r.cursor, more, sweep = p.Next, p.More, p.Sweep != nil
	}
	for id := range r.records {
		if sweep && !listed[id] {
			delete(r.records, id)
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
