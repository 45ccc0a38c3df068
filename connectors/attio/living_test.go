package attio_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
)

// reading is what the rounds of a stream taught: the newest state of each record. Like the store it takes what
// a full list no longer holds as gone.
type reading struct {
	cursor        canon.Cursor
	records       map[string]canon.Record
	sweeps, found int
}

func newReading() *reading { return &reading{records: map[string]canon.Record{}} }

func (r *reading) round(t *testing.T, conn connectors.Conn, stream string) {
	t.Helper()
	var listed map[string]bool
	for more := true; more; {
		p, err := conn.Pull(t.Context(), stream, r.cursor)
		if err != nil {
			t.Fatalf("%s: %v", stream, err)
		}
		if p.Sweep != nil && listed == nil {
			listed = map[string]bool{}
		}
		for _, rec := range p.Records {
			if rec.Version >= r.records[rec.ID].Version {
				r.records[rec.ID] = rec
			}
			if listed != nil {
				listed[rec.ID] = true
			}
		}
		if len(p.Rejects) > 0 {
			t.Errorf("%s: rejected %+v", stream, p.Rejects[0])
		}
		r.cursor, more = p.Next, p.More
		if !more && p.Sweep != nil {
			r.sweeps++
			for id, rec := range r.records {
				if !listed[id] && !rec.Deleted {
					rec.Deleted, rec.Reason = true, canon.ReasonMissing
					r.records[id] = rec
					r.found++
				}
			}
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

// TestLivesAlong reads a world, lets it move on while rounds are read, and holds what the rounds taught against
// what a fresh reading finds. What was deleted or changed is found by the next full list.
func TestLivesAlong(t *testing.T) { synctest.Test(t, livesAlong) }

func livesAlong(t *testing.T) {
	now, world := start(), newWorld(60)
	conn := open(t, &now, connectortest.Transport(world.Attio()))
	if err := conn.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	known := map[string]*reading{}
	for _, st := range conn.Streams() {
		known[st.Name] = newReading()
		known[st.Name].round(t, conn, st.Name)
		if got, want := len(known[st.Name].live()), world.Counts()["attio/"+st.Name]; got != want || want == 0 {
			t.Errorf("%s: %d records, want %d", st.Name, got, want)
		}
	}
	for range 10 {
		for range 5 {
			now = now.Add(7 * time.Minute)
			world.Step(now)
		}
		for stream, r := range known {
			r.round(t, conn, stream)
		}
	}
	now = now.Add(61 * time.Minute)
	world.Step(now)
	for range 2 { // a change may be shown some seconds late; the next round finds it
		for stream, r := range known {
			r.round(t, conn, stream)
		}
		now = now.Add(61 * time.Minute)
	}
	for stream, r := range known {
		fresh := newReading()
		fresh.round(t, open(t, &now, connectortest.Transport(world.Attio())), stream)
		if diff := cmp.Diff(fresh.live(), r.live()); diff != "" {
			t.Errorf("%s: a fresh reading (-) and the rounds (+) differ:\n%s", stream, diff)
		}
		if r.sweeps != 8 {
			t.Errorf("%s was listed whole %d times, want once an hour", stream, r.sweeps)
		}
	}
	gone, found := 0, 0
	for _, r := range known {
		gone, found = gone+len(r.records)-len(r.live()), found+r.found
	}
	if gone < 5 || found != gone {
		t.Errorf("%d records are gone, of which the full lists found %d", gone, found)
	}
}
