package pipedrive_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/attio"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/hubspot"
	"github.com/lifecyclehub/hub/connectors/pipedrive"
	"github.com/lifecyclehub/hub/connectors/zoho"
	"github.com/lifecyclehub/hub/mapping"
	"github.com/lifecyclehub/hub/sandbox"
)

// crm is one way to read the world's deals.
type crm struct {
	def      connectors.Definition
	server   http.Handler
	settings connectors.Settings
}

// TestSameTruth reads the same deals through four CRMs of the sandbox. What they tell in their different words must
// come to the same.
func TestSameTruth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := sandbox.NewWorld(sandbox.Options{Seed: 3, Companies: 80, Now: start()})
		world.OAuth(sandbox.VendorZoho).Configure(sandbox.OAuthOptions{Life: time.Hour, Extra: map[string]any{"api_domain": "https://www.zohoapis.eu"}})
		want := deals(t, world, crm{hubspot.Definition(), world.HubSpot(), connectors.Settings{"token": sandbox.HubSpotToken}})
		for _, c := range []crm{
			{pipedrive.Definition(), world.Pipedrive(), settings()},
			{attio.Definition(), world.Attio(), connectors.Settings{"token": sandbox.AttioToken}},
			{zoho.Definition(), world.Zoho(), connectors.Settings{"client_id": sandbox.OAuthClientID, "client_secret": sandbox.OAuthClientSecret,
				"refresh_token": world.OAuth(sandbox.VendorZoho).Consent()}},
		} {
			if diff := cmp.Diff(want, deals(t, world, c)); diff != "" || len(want) < 10 {
				t.Errorf("HubSpot (-) and %s (+) differ:\n%s", c.def.Name, diff)
			}
		}
	})
}

// deals counts deals by state and adds up, by state and currency, what they are worth. How many belong to a company
// and to a person counts too.
func deals(t *testing.T, world *sandbox.World, c crm) map[string]int64 {
	t.Helper()
	now := start()
	conn, err := c.def.Open(t.Context(), c.settings, connectors.Env{Connection: "c", Transport: connectortest.Transport(c.server), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.Parse(c.def.Name, c.def.Mapping, mapping.Options{Connection: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	r, out := &connectortest.Reading{}, map[string]int64{}
	r.Round(t, conn, "deals")
	broken := world.Malformed()
	for _, rec := range r.Records {
		if broken[c.def.Name+"/deals/"+rec.ID] {
			continue
		}
		all, letters := m.Apply(rec)
		for _, l := range letters {
			t.Errorf("%s: %s at %s: %s", rec.Ref, l.Code, l.Path, l.Reason)
		}
		for _, e := range all {
			body, ok := e.Body.(*canon.Deal)
			if !ok || e.Deleted {
				continue
			}
			out[body.Status]++
			out[body.Status+" "+body.Amount.Currency] += body.Amount.Minor
			if !body.ClosedAt.IsZero() {
				out["closed in "+body.ClosedAt.Format("2006-01")]++
			}
			for _, o := range e.Owners {
				out["of a "+string(o.Kind)]++
			}
		}
	}
	return out
}
