package delighted_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/delighted"
	"github.com/lifecyclehub/hub/mapping"
	"github.com/lifecyclehub/hub/sandbox"
)

func TestLaws(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	handler := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 20, Now: now}).Delighted()
	connectortest.Run(t, delighted.Definition(), connectortest.Options{
		Now: now, Settings: settings(), Handler: func() http.Handler { return handler },
	})
}

// TestMapping: of a whole world every answer on a known scale is a survey's, by somebody.
func TestMapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		m, err := mapping.Parse("delighted", delighted.Definition().Mapping, mapping.Options{})
		if err != nil {
			t.Fatal(err)
		}
		conn := open(t, sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 20, Now: now}).Delighted(), &now)
		kinds := map[string]bool{}
		for _, st := range conn.Streams() {
			r := &connectortest.Reading{}
			r.Round(t, conn, st.Name)
			for _, rec := range r.Records {
				entities, letters := m.Apply(rec)
				if len(letters) > 0 {
					t.Fatalf("%s: dead letters %+v", rec.Ref, letters)
				}
				for _, e := range entities {
					switch body := e.Body.(type) {
					case *canon.Contact:
						if len(body.Emails) != 1 || body.Name == "" || body.EmailVerified {
							t.Errorf("%s is %+v", rec.Ref, body)
						}
					case *canon.Survey:
						kinds[body.Type] = true
						if len(e.Owners) != 2 || e.Custom["plan"] == nil || body.At.IsZero() {
							t.Errorf("%s is %+v", rec.Ref, e)
						}
					}
				}
			}
		}
		if diff := cmp.Diff(map[string]bool{"nps": true, "csat": true, "ces": true}, kinds); diff != "" {
			t.Error(diff)
		}
	})
}

// TestPace: left to itself the connector stays below the limit, which is never reached.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 20, Now: time.Now(), Limits: true})
		conn, err := delighted.Definition().Open(t.Context(), connectors.Settings{"api_key": sandbox.DelightedKey},
			connectors.Env{Connection: "c", Transport: connectortest.Transport(world.Delighted())})
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
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
