package quickbooks_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/quickbooks"
	"github.com/lifecyclehub/hub/sandbox"
)

// via is what requests pass through on their way to the server; nil for nothing.
type via func(http.RoundTripper) http.RoundTripper

func open(t *testing.T, world *sandbox.World, now *time.Time, through via) connectors.Conn {
	t.Helper()
	transport := http.RoundTripper(connectortest.Transport(world.QuickBooks()))
	if through != nil {
		transport = through(transport)
	}
	conn, err := quickbooks.Definition().Open(t.Context(), settings(), connectors.Env{
		Connection: "c", Transport: transport, Now: func() time.Time { return *now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestLivesAlong reads a world, lets it move on for some hours while rounds are read, and holds what the
// rounds taught against what a fresh reading finds.
func TestLivesAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { livesAlong(t, nil) })
}

func livesAlong(t *testing.T, through via) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	world := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 60, Now: now})
	conn := open(t, world, &now, through)
	if err := conn.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	known := map[string]*connectortest.Reading{}
	for _, st := range conn.Streams() {
		known[st.Name] = &connectortest.Reading{}
		known[st.Name].Round(t, conn, st.Name)
		if got, want := len(known[st.Name].Live()), world.Counts()["quickbooks/"+st.Name]; got != want || want == 0 {
			t.Errorf("%s: %d records, want %d", st.Name, got, want)
		}
	}
	for range 8 {
		for range 5 {
			now = now.Add(7 * time.Minute)
			world.Step(now)
		}
		for stream, r := range known {
			r.Round(t, conn, stream)
		}
	}
	now = now.Add(10 * time.Minute)
	world.Step(now)
	gone := 0
	for stream, r := range known {
		// A change may be shown some seconds late; the next round finds it.
		r.Round(t, conn, stream)
	}
	now = now.Add(time.Minute)
	world.Step(now)
	for stream, r := range known {
		r.Round(t, conn, stream)
		fresh := &connectortest.Reading{}
		fresh.Round(t, open(t, world, &now, through), stream)
		if diff := cmp.Diff(fresh.Live(), r.Live()); diff != "" {
			t.Errorf("%s: a fresh reading (-) and the rounds (+) differ:\n%s", stream, diff)
		}
		gone += len(r.Records) - len(r.Live())
	}
	if gone == 0 {
		t.Error("the world deleted nothing, so it was not tried")
	}
}

// TestFetch reads single records as a webhook asks for them: they are what the list holds, and what is not
// there is a tombstone.
func TestFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		conn := open(t, sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 20, Now: now}), &now, nil)
		for _, st := range conn.Streams() {
			r := &connectortest.Reading{}
			r.Round(t, conn, st.Name)
			ids := []string{"999999"}
			for id := range r.Live() {
				if len(ids) < 6 {
					ids = append(ids, id)
				}
			}
			p, err := conn.(connectors.Fetcher).Fetch(context.Background(), st.Name, ids)
			if err != nil || len(p.Records) != len(ids) {
				t.Fatalf("%s: Fetch gave %d of %d records, %v", st.Name, len(p.Records), len(ids), err)
			}
			for _, rec := range p.Records {
				if rec.ID == ids[0] {
					if !rec.Deleted {
						t.Errorf("%s: what is not there is no tombstone", rec.Ref)
					}
					continue
				}
				if diff := cmp.Diff(string(r.Records[rec.ID].Raw), string(rec.Raw)); diff != "" {
					t.Errorf("%s: listed (-) and fetched (+) differ:\n%s", rec.Ref, diff)
				}
			}
		}
	})
}
