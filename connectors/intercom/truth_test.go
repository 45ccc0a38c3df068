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
	"github.com/lifecyclehub/hub/connectors/freshdesk"
	"github.com/lifecyclehub/hub/connectors/intercom"
	"github.com/lifecyclehub/hub/mapping"
	"github.com/lifecyclehub/hub/sandbox"
)

// TestSameTruth reads the same accounts through two help desks of the sandbox. What they tell in their
// different words must come to the same.
func TestSameTruth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		world := sandbox.NewWorld(sandbox.Options{Seed: 3, Companies: 80, Now: now})
		ours := figures(entities(t, intercom.Definition(), world.Intercom(), settings(), now))
		other := connectors.Settings{"api_key": sandbox.FreshdeskKey, "base_url": "http://acme.freshdesk.com", "lists_per_minute": "1000"}
		theirs := figures(entities(t, freshdesk.Definition(), world.Freshdesk(), other, now))
		// Intercom's tickets are not rated: every second request is one.
		if ours["rated 5"]+ours["rated 1"] == 0 || ours["rated 5"] > theirs["rated 5"] || ours["rated 1"] > theirs["rated 1"] {
			t.Errorf("%d were rated good and %d bad; at the other desk %d and %d", ours["rated 5"], ours["rated 1"], theirs["rated 5"], theirs["rated 1"])
		}
		for _, key := range []string{"rated 5", "rated 1", "reopened"} {
			delete(ours, key)
			delete(theirs, key)
		}
		if diff := cmp.Diff(theirs, ours); diff != "" || len(ours) < 6 {
			t.Errorf("Freshdesk (-) and intercom (+) differ:\n%s", diff)
		}
	})
}

// entities reads all streams and maps them. Nothing may be left over.
func entities(t *testing.T, def connectors.Definition, vendor http.Handler, s connectors.Settings, now time.Time) []canon.Entity {
	t.Helper()
	conn, err := def.Open(t.Context(), s, connectors.Env{Connection: "c", Transport: connectortest.Transport(vendor), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.Parse(def.Name, def.Mapping, mapping.Options{Connection: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	var out []canon.Entity
	for _, st := range conn.Streams() {
		r := &connectortest.Reading{}
		r.Round(t, conn, st.Name)
		for _, rec := range r.Records {
			all, letters := m.Apply(rec)
			if len(letters) > 0 {
				t.Errorf("%s: %s at %s: %s", rec.Ref, letters[0].Code, letters[0].Path, letters[0].Reason)
			}
			out = append(out, all...)
		}
	}
	return out
}

// figures counts people and requests by what matters of them.
func figures(all []canon.Entity) map[string]int64 {
	out := map[string]int64{}
	for _, e := range all {
		if e.Deleted {
			continue
		}
		switch body := e.Body.(type) {
		case *canon.Company:
			out["seats' plans "+body.Plan]++
			out["domains"] += int64(len(body.Domains))
		case *canon.Contact:
			if len(body.Emails) > 0 && len(e.Owners) > 0 {
				out["people with an address and an employer"]++
			}
		case *canon.Survey:
			out[map[float64]string{5: "rated 5", 1: "rated 1"}[body.Score]]++
		case *canon.Ticket:
			out["requests"]++
			out["reopened"] += body.Reopens
			switch body.Status {
			case "solved", "closed":
				out["requests done"]++
				if !body.SolvedAt.IsZero() {
					out["seconds to solve"] += int64(body.SolvedAt.Sub(body.OpenedAt) / time.Second)
				}
			case "pending", "hold":
				out["requests waiting"]++
			default:
				out["requests open"]++
			}
			if len(e.Owners) == 0 {
				out["requests of nobody"]++
			}
		}
	}
	return out
}
