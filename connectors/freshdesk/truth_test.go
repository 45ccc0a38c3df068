package freshdesk_test

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
	"github.com/lifecyclehub/hub/connectors/zendesk"
	"github.com/lifecyclehub/hub/mapping"
	"github.com/lifecyclehub/hub/sandbox"
)

// TestSameTruth reads the same accounts through two help desks of the sandbox. What they tell in their
// different words must come to the same.
func TestSameTruth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		world := sandbox.NewWorld(sandbox.Options{Seed: 3, Companies: 80, Now: now})
		ours := figures(entities(t, freshdesk.Definition(), world.Freshdesk(), settings(), now))
		other := connectors.Settings{"token": sandbox.ZendeskToken, "base_url": "https://acme.zendesk.com", "exports_per_minute": "1000"}
		theirs := figures(entities(t, zendesk.Definition(), world.Zendesk(), other, now))
		if diff := cmp.Diff(theirs, ours); diff != "" || len(ours) < 8 {
			t.Errorf("Zendesk (-) and freshdesk (+) differ:\n%s", diff)
		}
	})
}

// entities reads all streams and maps them.
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
		from := canon.Cursor("")
		for more := true; more; {
			p, err := conn.Pull(t.Context(), st.Name, from)
			if err != nil {
				t.Fatal(err)
			}
			for _, rec := range p.Records {
				all, letters := m.Apply(rec)
				if len(letters) > 0 && def.Name == "freshdesk" {
					t.Errorf("%s: %s at %s: %s", rec.Ref, letters[0].Code, letters[0].Path, letters[0].Reason)
				}
				out = append(out, all...)
			}
			from, more = p.Next, p.More
		}
	}
	return out
}

// figures counts people and tickets by what matters of them.
func figures(all []canon.Entity) map[string]int64 {
	out := map[string]int64{}
	for _, e := range all {
		if e.Deleted {
			continue
		}
		switch body := e.Body.(type) {
		case *canon.Contact:
			if len(body.Emails) > 0 && len(e.Owners) > 0 {
				out["people with an address and an employer"]++
			}
		case *canon.Ticket:
			count(out, body)
		case *canon.Survey:
			// One desk tells the verdict with the ticket, the other as a survey.
			switch body.Score {
			case 5:
				out["rated good"]++
			case 1:
				out["rated bad"]++
			default:
				out["rated otherwise"]++
			}
		}
	}
	return out
}

func count(out map[string]int64, body *canon.Ticket) {
	out["tickets"]++
	out["priority "+body.Priority]++
	switch body.Status {
	case "solved", "closed":
		out["tickets done"]++
		if !body.SolvedAt.IsZero() {
			out["seconds to solve"] += int64(body.SolvedAt.Sub(body.OpenedAt) / time.Second)
		}
	case "pending", "hold":
		out["tickets waiting"]++
	default:
		out["tickets open"]++
	}
	if body.Rating != "" {
		out["rated "+body.Rating]++
	}
}
