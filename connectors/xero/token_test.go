package xero_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/xero"
	"github.com/lifecyclehub/hub/sandbox"
)

// TestToken reads with tokens that are fetched, end early and are renewed by a refresh token that serves
// once.
func TestToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		world := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 20, Now: now})
		server := world.OAuth(sandbox.VendorXero)
		conn, err := xero.Definition().Open(t.Context(), connectors.Settings{
			"client_id": sandbox.OAuthClientID, "client_secret": sandbox.OAuthClientSecret, "token_url": "https://api.xero.com/connect/token", "tenant_id": sandbox.XeroTenant,
		}, connectors.Env{Connection: "c", Transport: connectortest.Transport(world.Xero()), Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		if code := canon.CodeOf(conn.Check(t.Context())); code != "auth.denied" && code != "auth.unconnected" {
			t.Errorf("without a token Check gave %q", code)
		}
		answer := fmt.Sprintf(`{"access_token":"ended","refresh_token":%q,"token_type":"Bearer","expires_in":1800}`, server.Consent())
		if err := conn.(connectors.Connectable).Connected(t.Context(), []byte(answer)); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			now = now.Add(10 * time.Minute)
			if err := conn.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
			server.EndAccess()
		}
		if c := server.Counts(); c.Renewals != 3 || c.Refused != 0 {
			t.Errorf("the server counted %+v", c)
		}
	})
}
