package typeform_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/typeform"
	"github.com/lifecyclehub/hub/mapping"
	"github.com/lifecyclehub/hub/sandbox"
)

// vendor answers with two forms, of which one has a page of responses and one more.
func vendor() http.Handler {
	mux := http.NewServeMux()
	answer := func(pattern, body string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
	}
	response := func(n int) string {
		return fmt.Sprintf(`{"token":"t%04d","landed_at":"2026-01-01T00:00:00Z","submitted_at":%q,"hidden":{"email":"p%d@brightwater.example"},`+
			`"answers":[{"field":{"id":"q1","type":"rating"},"type":"number","number":4}]}`, n, time.Date(2026, 1, 1, 0, n, 0, 0, time.UTC).Format(time.RFC3339), n)
	}
	list := func(from, to int) string {
		var all []string
		for n := from; n > to; n-- {
			all = append(all, response(n))
		}
		return `{"items":[` + strings.Join(all, ",") + `]}`
	}
	first, second, late, none := list(1002, 2), list(2, 0), list(1002, 1000), list(0, 0)
	answer("GET /me", `{"alias":"x"}`)
	answer("GET /forms", `{"items":[{"id":"f1","title":"One","last_updated_at":"2026-01-01T00:00:00Z"},{"id":"f2","title":"Two","last_updated_at":"2026-01-01T00:00:00Z"}]}`)
	answer("GET /forms/{id}", `{"id":"f1","title":"One","fields":[{"id":"q1","type":"rating","properties":{"steps":5}}]}`)
	answer("GET /forms/f2/responses", none)
	mux.HandleFunc("GET /forms/f1/responses", func(w http.ResponseWriter, r *http.Request) {
		body := first
		switch q := r.URL.Query(); {
		case q.Get("before") == "t0003":
			body = second
		case q.Get("since") != "":
			body = late
		}
		_, _ = io.WriteString(w, body)
	})
	return mux
}

func TestLaws(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	body, err := os.ReadFile(filepath.Join("testdata", "call.json"))
	if err != nil {
		t.Fatal(err)
	}
	connectortest.Run(t, typeform.Definition(), connectortest.Options{
		Now: now, Settings: settings(), Handler: vendor,
		Calls: []connectors.Call{{Method: http.MethodPost, Body: body, At: now}},
	})
}

// TestReceive: a call carries the whole response. What the list tells later is the same moment of the same
// record, and calls about partial responses tell nothing.
func TestReceive(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	conn := open(t, http.NotFoundHandler(), &now)
	receive := func(body string) (connectors.Received, error) {
		return conn.(connectors.Receiver).Receive(connectors.Call{Method: http.MethodPost, Body: []byte(body), At: now})
	}
	body, err := os.ReadFile(filepath.Join("testdata", "call.json"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := receive(string(body))
	if err != nil || len(got.Records) != 1 {
		t.Fatalf("the call gave %+v, %v", got, err)
	}
	rec := got.Records[0]
	if rec.Stream != "responses" || rec.ID != "a3a12ec67a1365927098a606107fac15" || !rec.VersionTime().Equal(time.Date(2026, 2, 28, 18, 17, 2, 0, time.UTC)) {
		t.Errorf("the record is %+v", rec.Ref)
	}
	kinds := map[string]float64{}
	for _, e := range entities(t, rec) {
		if s, ok := e.Body.(*canon.Survey); ok {
			kinds[s.Type] = s.Score
		}
		if e.Owners[0].Email != "ada@brightwater.example" {
			t.Errorf("%s belongs to %+v", e.Key(), e.Owners)
		}
	}
	if diff := cmp.Diff(map[string]float64{"nps": 9}, kinds); diff != "" {
		t.Error(diff)
	}
	if got, err := receive(`{"event_type":"form_response_partial","form_response":{"token":"x","form_id":"y"}}`); err != nil || len(got.Records)+len(got.Hints) > 0 {
		t.Errorf("a partial response gave %+v, %v", got, err)
	}
	for _, bad := range []string{`[]`, `{"event_type":"form_response"}`, `{"event_type":"form_response","form_response":{"token":"x","form_id":"y","answers":[3]}}`} {
		if _, err := receive(bad); canon.CodeOf(err) != "hook.shape" {
			t.Errorf("the call %s gave %v", bad, err)
		}
	}
}

func entities(t *testing.T, rec canon.Record) []canon.Entity {
	t.Helper()
	m, err := mapping.Parse("typeform", typeform.Definition().Mapping, mapping.Options{})
	if err != nil {
		t.Fatal(err)
	}
	out, letters := m.Apply(rec)
	if len(letters) > 0 {
		t.Errorf("dead letters: %+v", letters)
	}
	return out
}

// TestSurveys: of a whole world every scale becomes the survey that it stands for, and none other.
func TestSurveys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		world := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 40, Now: now})
		r := &connectortest.Reading{}
		r.Round(t, open(t, world.Typeform(), &now), "responses")
		most, counts := map[string]float64{}, map[string]int{}
		for _, rec := range r.Records {
			touches := 0
			for _, e := range entities(t, rec) {
				if len(e.Owners) == 0 {
					t.Errorf("%s belongs to nobody", e.Key())
				}
				switch body := e.Body.(type) {
				case *canon.Survey:
					counts[body.Type]++
					most[body.Type] = max(most[body.Type], body.Score)
				case *canon.Activity:
					touches++
					if body.Type != "form" || body.Subject == "" {
						t.Errorf("%s is %+v", e.Key(), body)
					}
				}
			}
			if touches != 1 {
				t.Errorf("%s makes %d touches", rec.Ref, touches)
			}
		}
		if most["nps"] > 10 || most["csat"] > 5 || most["ces"] > 7 || counts["nps"] == 0 || counts["csat"] == 0 || counts["csat"] != counts["ces"] {
			t.Errorf("surveys %v with at most %v", counts, most)
		}
	})
}

// TestPace: left to itself the connector stays below the vendor's limit, which is never reached.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 20, Now: time.Now(), Limits: true})
		conn, err := typeform.Definition().Open(t.Context(), connectors.Settings{"token": sandbox.TypeformToken},
			connectors.Env{Connection: "c", Transport: connectortest.Transport(world.Typeform())})
		if err != nil {
			t.Fatal(err)
		}
		for range 60 {
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
