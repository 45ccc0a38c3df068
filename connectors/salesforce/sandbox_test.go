package salesforce_test

import (
	"maps"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/salesforce"
	"github.com/lifecyclehub/hub/sandbox"
)

const host = "https://acme.my.salesforce.example"

func world(now time.Time) *sandbox.World {
	return sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 60, Now: now})
}

func start() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func settings(more connectors.Settings) connectors.Settings {
	s := connectors.Settings{"token": sandbox.SalesforceToken, "instance_url": host, "page_size": "200", "bulk_above": "never", "requests_per_second": "1000"}
	maps.Copy(s, more)
	return s
}

// org is a connection to a vendor's server at a time that the test moves.
type org struct {
	now    time.Time
	server http.Handler
}

func (o *org) open(t *testing.T, more connectors.Settings) connectors.Conn {
	t.Helper()
	conn, err := salesforce.Definition().Open(t.Context(), settings(more), connectors.Env{
		Connection: "sf", Transport: connectortest.Transport(o.server), Now: func() time.Time { return o.now },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

// reading is what the rounds of a stream taught: the newest state of each record. Like the store it takes what
// a full list no longer holds as gone.
type reading struct {
	cursor  canon.Cursor
	records map[string]canon.Record
	rejects int
	pages   int
	swept   map[string]bool
}

func newReading() *reading { return &reading{records: map[string]canon.Record{}} }

func (r *reading) round(t *testing.T, conn connectors.Conn, stream string) {
	t.Helper()
	r.swept, r.pages = nil, 0
	for more := true; more; r.pages++ {
		p, err := conn.Pull(t.Context(), stream, r.cursor)
		if err != nil {
			t.Fatalf("%s: %v", stream, err)
		}
		if p.Sweep != nil && r.swept == nil {
			r.swept = map[string]bool{}
		}
		for _, rec := range p.Records {
			if rec.Version >= r.records[rec.ID].Version {
				r.records[rec.ID] = rec
			}
			if p.Sweep != nil {
				r.swept[rec.ID] = true
			}
		}
		r.rejects += len(p.Rejects)
		r.cursor, more = p.Next, p.More
	}
	if r.swept == nil {
		return
	}
	for id, rec := range r.records {
		if !r.swept[id] && !rec.Deleted {
			rec.Deleted, rec.Reason = true, "missing"
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

// TestLivesAlong reads a small org and counts what it is known to hold. Then the org moves on for hours, with late
// commits, deletions, purges, merges and bulk updates, while rounds are read; in the end what the rounds taught
// must be what a fresh reading finds, by queries and by a job.
func TestLivesAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world(start())
		o := &org{start(), w.Salesforce()}
		conn := o.open(t, nil)
		known := map[string]*reading{}
		for _, st := range conn.Streams() {
			known[st.Name] = newReading()
			known[st.Name].round(t, conn, st.Name)
			if got, want := len(known[st.Name].live()), w.Counts()["salesforce/"+st.Name]; got != want || want == 0 {
				t.Errorf("%s: %d records, want %d", st.Name, got, want)
			}
		}
		for range 8 {
			for range 8 {
				o.now = o.now.Add(5 * time.Minute)
				w.SalesforceStep(o.now)
			}
			o.now = o.now.Add(2 * time.Minute) // what was stamped last is not yet seen
			w.Step(o.now)
			for stream, r := range known {
				r.round(t, conn, stream)
			}
		}
		o.now = o.now.Add(2 * time.Hour)
		w.SalesforceStep(o.now.Add(-time.Hour))
		w.Step(o.now)
		for stream, r := range known {
			r.round(t, conn, stream)
			for how, bulk := range map[string]string{"queries": "never", "a job": "0"} {
				fresh := newReading()
				fresh.round(t, o.open(t, connectors.Settings{"bulk_above": bulk}), stream)
				if diff := cmp.Diff(fresh.live(), r.live()); diff != "" {
					t.Errorf("%s: a fresh reading by %s (-) and the rounds (+) differ:\n%s", stream, how, diff)
				}
			}
		}
		merged := 0
		for _, rec := range known["contacts"].records {
			if rec.Reason == "merged" && rec.Into != "" && rec.Deleted {
				merged++
			}
		}
		if merged == 0 {
			t.Error("no merged contact says what it became part of")
		}
	})
}
