package chargebee_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/chargebee"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/sandbox"
)

// TestPace: left to itself the connector stays below the vendor's limit, which is never reached.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 20, Now: time.Now(), Limits: true})
		conn, err := chargebee.Definition().Open(t.Context(), connectors.Settings{"api_key": sandbox.ChargebeeKey, "base_url": "https://acme-test.chargebee.com"}, connectors.Env{Connection: "c", Transport: connectortest.Transport(world.Chargebee())})
		if err != nil {
			t.Fatal(err)
		}
		for range 400 {
			if err := conn.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for _, m := range conn.(connectors.Metered).Meters() {
			if m.Refused > 0 || m.Sent != 400 {
				t.Errorf("of %d requests the vendor refused %d", m.Sent, m.Refused)
			}
		}
	})
}
