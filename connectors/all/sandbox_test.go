package all_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/all"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/sandbox"
)

// worldly is how a connector is pointed at a sandbox world.
type worldly struct {
	name     string
	handler  func(*sandbox.World) http.Handler
	settings connectors.Settings
}

func worldlies() []worldly {
	return []worldly{
		{"hubspot", (*sandbox.World).HubSpot, connectors.Settings{"token": sandbox.HubSpotToken, "base_url": "https://hubspot.example", "marketing": "true"}},
		{"stripe", (*sandbox.World).Stripe, connectors.Settings{"api_key": sandbox.StripeKey, "base_url": "https://stripe.example"}},
		{"zendesk", (*sandbox.World).Zendesk, connectors.Settings{"token": sandbox.ZendeskToken, "base_url": "https://zendesk.example", "exports_per_minute": "1000"}},
	}
}

func (c worldly) open(t *testing.T, world *sandbox.World, now *time.Time) connectors.Conn {
	t.Helper()
	def, _ := all.Find(c.name)
	conn, err := def.Open(t.Context(), c.settings, connectors.Env{
		Connection: c.name, Transport: connectortest.Transport(c.handler(world)), Now: func() time.Time { return *now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestSandbox reads a small world and counts what it is known to hold. Then the world moves on for some
// hours while rounds are read, and in the end what the rounds taught must be what a fresh reading finds.
func TestSandbox(t *testing.T) {
	for _, c := range worldlies() {
		t.Run(c.name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { livesAlong(t, c) }) })
	}
}

func livesAlong(t *testing.T, c worldly) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	world := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 60, Now: now})
	conn := c.open(t, world, &now)
	if err := conn.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	known := map[string]*reading{}
	for _, st := range conn.Streams() {
		known[st.Name] = &reading{records: map[string]canon.Record{}}
		known[st.Name].round(t, conn, st.Name)
		live, rejects := known[st.Name].live(), known[st.Name].rejects
		if want := world.Counts()[c.name+"/"+st.Name]; len(live)+rejects != want {
			t.Errorf("%s: %d records and %d rejects, want %d", st.Name, len(live), rejects, want)
		}
	}
	for range 6 {
		for range 10 {
			now = now.Add(7 * time.Minute)
			world.Step(now)
		}
		for stream, r := range known {
			r.round(t, conn, stream)
		}
	}
	now = now.Add(10 * time.Minute)
	for stream, r := range known {
		r.round(t, conn, stream)
		fresh := &reading{records: map[string]canon.Record{}}
		fresh.round(t, c.open(t, world, &now), stream)
		if diff := cmp.Diff(fresh.live(), r.live()); diff != "" {
			t.Errorf("%s: a fresh reading (-) and the rounds (+) differ:\n%s", stream, diff)
		}
	}
}

// reading is what the rounds of a stream taught: the newest state of each record.
type reading struct {
	cursor  canon.Cursor
	records map[string]canon.Record
	rejects int
}

func (r *reading) round(t *testing.T, conn connectors.Conn, stream string) {
	t.Helper()
	for more := true; more; {
		p, err := conn.Pull(t.Context(), stream, r.cursor)
		if err != nil {
			t.Fatalf("%s: %v", stream, err)
		}
		for _, rec := range p.Records {
			if rec.Version >= r.records[rec.ID].Version {
				r.records[rec.ID] = rec
			}
		}
		r.rejects += len(p.Rejects)
		r.cursor, more = p.Next, p.More
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

// TestSandboxPush prepares and writes fields, and finds them in the world.
func TestSandboxPush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		world := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 60, Now: now})
		conn := worldlies()[0].open(t, world, &now)
		for _, stream := range []string{"companies", "contacts", "deals"} {
			fields := []connectors.FieldSpec{{Name: "hub_health_score", Label: "Health", Type: "number"}}
			if made, err := conn.(connectors.Preparer).Prepare(t.Context(), stream, fields); err != nil || len(made) != 1 {
				t.Fatalf("%s: Prepare gave %v, %v", stream, made, err)
			}
			r := &reading{records: map[string]canon.Record{}}
			r.round(t, conn, stream)
			var writes []connectors.Write
			for id := range r.live() {
				writes = append(writes, connectors.Write{Ref: canon.Ref{Connection: "hubspot", Stream: stream, ID: id}, Fields: map[string]string{"hub_health_score": "71"}})
			}
			gone := connectors.Write{Ref: canon.Ref{Connection: "hubspot", Stream: stream, ID: "999999999999"}, Fields: map[string]string{"hub_health_score": "1"}}
			outcomes, err := conn.(connectors.Pusher).Push(t.Context(), stream, append(writes, gone))
			if err != nil {
				t.Fatalf("%s: %v", stream, err)
			}
			for i, o := range outcomes {
				if (o.Err != nil) != (i == len(writes)) {
					t.Errorf("%s: outcome of %s is %v", stream, o.Ref, o.Err)
				}
			}
			for _, w := range writes {
				if v, ok := world.Field("hubspot", stream, w.Ref.ID, "hub_health_score"); !ok || v != "71" {
					t.Fatalf("%s: the world holds %q, %t", w.Ref, v, ok)
				}
			}
		}
	})
}
