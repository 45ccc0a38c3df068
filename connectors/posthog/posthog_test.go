package posthog_test

import (
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/posthog"
	"github.com/lifecyclehub/hub/mapping"
	"github.com/lifecyclehub/hub/sandbox"
)

func TestLaws(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	handler := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 260, Now: now}).PostHog()
	s := settings()
	s["start_date"] = "2026-02-28"
	connectortest.Run(t, posthog.Definition(), connectortest.Options{
		Now: now, Settings: s, Handler: func() http.Handler { return handler },
	})
}

// TestRowWithoutID: a row whose id is missing is told alone, and the others of the page are read.
func TestRowWithoutID(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	conn := open(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"results":[[null,"2026-01-01T00:00:00Z",true,"{}"],["p1",null,true,"{\"email\":\"a@brightwater.example\"}"]]}`)
	}), &now)
	p, err := conn.Pull(t.Context(), "persons", "")
	if err != nil || len(p.Records) != 1 || len(p.Rejects) != 1 || p.Rejects[0].Code != "record.no_id" {
		t.Fatalf("got %+v, %v", p, err)
	}
	if want := `{"id":"p1","created_at":null,"is_identified":true,"properties":"{\"email\":\"a@brightwater.example\"}"}`; string(p.Records[0].Raw) != want {
		t.Errorf("the record is %s", p.Records[0].Raw)
	}
}

// TestMapping: of a whole world every event is the use of something, by somebody at some company.
func TestMapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		m, err := mapping.Parse("posthog", posthog.Definition().Mapping, mapping.Options{})
		if err != nil {
			t.Fatal(err)
		}
		conn := open(t, sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 20, Now: now}).PostHog(), &now)
		features := map[string]bool{}
		for _, st := range conn.Streams() {
			r := &connectortest.Reading{}
			r.Round(t, conn, st.Name)
			for _, rec := range r.Records {
				entities, letters := m.Apply(rec)
				if len(entities) != 1 || len(letters) > 0 {
					t.Fatalf("%s: %d entities, dead letters %+v", rec.Ref, len(entities), letters)
				}
				switch body := entities[0].Body.(type) {
				case *canon.Company:
					if body.Name == "" || len(body.Domains) == 0 || body.Plan == "" || body.Seats == 0 || entities[0].Custom["tier"] != "standard" {
						t.Errorf("%s is %+v", rec.Ref, body)
					}
				case *canon.Contact:
					if len(body.Emails) == 0 || body.FirstName == "" || body.EmailVerified || len(entities[0].Owners) == 0 {
						t.Errorf("%s is %+v", rec.Ref, body)
					}
				case *canon.Usage:
					features[body.Feature] = true
					if len(entities[0].Owners) != 3 || body.Quantity != 1 || body.At.IsZero() {
						t.Errorf("%s is %+v", rec.Ref, entities[0])
					}
				}
			}
		}
		want := map[string]bool{"/reports": true, "/settings": true, "/home": true, "report exported": true, "user invited": true}
		if diff := cmp.Diff(want, features); diff != "" {
			t.Error(diff)
		}
	})
}

// TestChosenEvents: where events are named, those and no others are read, from the day that is set.
func TestChosenEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		s := settings()
		s["events"], s["start_date"] = "user invited,report exported", "2026-02-15"
		conn, err := posthog.Definition().Open(t.Context(), s, connectors.Env{
			Connection: "c", Now: func() time.Time { return now },
			Transport: connectortest.Transport(sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 20, Now: now}).PostHog()),
		})
		if err != nil {
			t.Fatal(err)
		}
		r := &connectortest.Reading{}
		r.Round(t, conn, "events")
		for id, rec := range r.Records {
			if rec.VersionTime().Before(time.Date(2026, 2, 15, 0, 0, 0, 0, time.UTC)) {
				t.Errorf("event %s is of %s", id, rec.VersionTime())
			}
		}
		if len(r.Records) == 0 {
			t.Error("no events")
		}
	})
}

// TestSettings: what becomes part of a query, or is easily mistaken, is looked at first.
func TestSettings(t *testing.T) {
	for name, value := range map[string]string{"group_index": "0 OR 1", "project_id": "phc_0123456789", "start_date": "yesterday"} {
		s := settings()
		s[name] = value
		if _, err := posthog.Definition().Open(t.Context(), s, connectors.Env{Connection: "c"}); canon.CodeOf(err) != "settings."+name {
			t.Errorf("%s %q gave %v", name, value, err)
		}
	}
}

// TestPace: left to itself the connector stays below the vendor's limits, which are never reached.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 20, Now: time.Now(), Limits: true})
		conn, err := posthog.Definition().Open(t.Context(), connectors.Settings{"api_key": sandbox.PostHogKey, "project_id": sandbox.PostHogProject},
			connectors.Env{Connection: "c", Transport: connectortest.Transport(world.PostHog())})
		if err != nil {
			t.Fatal(err)
		}
		for range 300 {
			if err := conn.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for _, m := range conn.(connectors.Metered).Meters() {
			if m.Refused > 0 {
				t.Errorf("of %d requests the vendor refused %d", m.Sent, m.Refused)
			}
		}
	})
}
