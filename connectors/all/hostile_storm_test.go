package all_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/all"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/sandbox"
)

// meter counts the requests that a vendor gets.
type meter struct {
	next http.Handler

	mu       sync.Mutex
	sent     []time.Time
	searches int
}

func (m *meter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	m.sent = append(m.sent, time.Now())
	if strings.HasSuffix(r.URL.Path, "/search") {
		m.searches++
	}
	m.mu.Unlock()
	m.next.ServeHTTP(w, r)
}

// TestManyOfOneMoment: 25,000 contacts that an import made at one and the same moment lie behind a search that ends
// at 10,000 results. All of them arrive in the next round.
func TestManyOfOneMoment(t *testing.T) {
	if raced {
		t.Skip("25,000 records take minutes under the race detector")
	}
	synctest.Test(t, func(t *testing.T) {
		const many = 25_000
		time.Sleep(26 * 365 * 24 * time.Hour)
		world := sandbox.NewWorld(sandbox.Options{Seed: 3, Companies: 20, Now: time.Now()})
		h := world.Hostile("hubspot", 3)
		h.Follow(time.Now)
		h.Settle()
		m := &meter{next: h}
		conn := openHostile(t, hostiles()[0], m)
		s := &held{records: map[string]canon.Record{}}
		drain(t, conn, "contacts", s)
		before := len(s.records)
		time.Sleep(time.Hour)
		h.BulkCreate(many, time.Now())
		time.Sleep(10 * time.Minute)
		m.searches = 0
		drain(t, conn, "contacts", s)
		if got := len(s.records) - before; got != many {
			t.Errorf("%d of %d contacts of one moment arrived", got, many)
		}
		compareTruth(t, "hubspot", "contacts", h, s)
		// 200 fit into a page; a few more searches find out that they share a moment.
		if most := many/200 + 10; m.searches > most {
			t.Errorf("%d searches were made, %d should do", m.searches, most)
		}
	})
}

// TestStormOfTenMinutes: each vendor refuses everything for ten minutes, with and without saying when to come back.
// Nothing is lost, and no more is sent than the budget allows, by five in a hundred at most.
func TestStormOfTenMinutes(t *testing.T) {
	for _, c := range hostiles() {
		for _, after := range []string{"", "30", "600"} {
			t.Run(c.name+" "+after, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { weathers(t, c, after) })
			})
		}
	}
}

// allowance is how many requests a connector's budget allows in so long: burst, and so many in each second.
func allowance(vendor string, long time.Duration) float64 {
	b := map[string]struct{ burst, perSecond float64 }{"hubspot": {10 + 1, 9 + 5}, "stripe": {5, 20}, "zendesk": {3, 1}, "salesforce": {10, 10}}[vendor]
	return b.burst + b.perSecond*long.Seconds()
}

func weathers(t *testing.T, c worldly, after string) {
	time.Sleep(26 * 365 * 24 * time.Hour)
	world := sandbox.NewWorld(sandbox.Options{Seed: 11, Companies: 25, Now: time.Now()})
	h := world.Hostile(c.name, 11)
	h.Follow(time.Now)
	h.Settle()
	m := &meter{next: h}
	conn := openHostile(t, c, m)
	known := map[string]*held{}
	for _, st := range conn.Streams() {
		known[st.Name] = &held{records: map[string]canon.Record{}}
		drain(t, conn, st.Name, known[st.Name])
	}
	time.Sleep(30 * time.Minute)
	world.Step(time.Now())
	m.sent = nil
	began := time.Now()
	h.Storm(10*time.Minute, after)
	var wait sync.WaitGroup
	for stream, s := range known {
		wait.Go(func() { drain(t, conn, stream, s) })
	}
	wait.Wait()
	if took := time.Since(began); took < 10*time.Minute {
		t.Errorf("the round took %v, and the storm ten minutes", took)
	}
	inStorm := 0
	for _, at := range m.sent {
		if at.Sub(began) < 10*time.Minute {
			inStorm++
		}
	}
	if most := 1.05 * allowance(c.name, time.Since(began)); float64(len(m.sent)) > most {
		t.Errorf("%d requests were sent, the budget allows %.0f", len(m.sent), most)
	}
	t.Logf("%d requests, %d of them during the storm", len(m.sent), inStorm)
	time.Sleep(2 * time.Hour)
	for stream, s := range known {
		drain(t, conn, stream, s)
		compareTruth(t, c.name, stream, h, s)
	}
}

// openHostile connects to a vendor's server with its fixed credential.
func openHostile(t *testing.T, c worldly, vendor http.Handler) connectors.Conn {
	t.Helper()
	def, ok := all.Find(c.name)
	if !ok {
		t.Fatalf("there is no connector %s", c.name)
	}
	conn, err := def.Open(t.Context(), c.settings, connectors.Env{Connection: c.name, Transport: connectortest.Transport(vendor)})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// drain reads a round to its end, and tries again what may be tried again.
func drain(t *testing.T, conn connectors.Conn, stream string, s *held) {
	for more := true; more; {
		p, err := conn.Pull(t.Context(), stream, s.cursor)
		if err != nil {
			if !canon.AsError(err).Retry {
				t.Errorf("%s: %v", stream, err)
				return
			}
			time.Sleep(time.Minute)
			continue
		}
		s.keep(p)
		more = p.More
	}
}

// compareTruth holds a stream against the world.
func compareTruth(t *testing.T, vendor, stream string, h *sandbox.Hostile, s *held) {
	t.Helper()
	var wrong []string
	truth := h.Final()[stream]
	for id, want := range truth {
		rec := s.records[id]
		if want.JSON != nil && (rec.ID == "" || rec.Deleted || sandbox.Plain(vendor, want.JSON, false) != sandbox.Plain(vendor, rec.Raw, false)) {
			wrong = append(wrong, id)
		}
	}
	for id, rec := range s.records {
		if _, there := truth[id]; !there && !rec.Deleted {
			wrong = append(wrong, id)
		}
	}
	if slices.Sort(wrong); len(wrong) > 0 {
		t.Errorf("%s: %d records are not as in the world, such as %s", stream, len(wrong), wrong[0])
	}
}
