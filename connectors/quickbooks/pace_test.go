package quickbooks_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/quickbooks"
	"github.com/lifecyclehub/hub/sandbox"
)

// TestPace: left to itself the connector stays below the vendor's limit, which is never reached.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 20, Now: time.Now(), Limits: true})
		conn, err := quickbooks.Definition().Open(t.Context(), settings(), connectors.Env{Connection: "c", Transport: connectortest.Transport(world.QuickBooks())})
		if err != nil {
			t.Fatal(err)
		}
		for range 1200 {
			if err := conn.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for _, m := range conn.(connectors.Metered).Meters() {
			if m.Refused > 0 || m.Sent != 1200 {
				t.Errorf("of %d requests the vendor refused %d", m.Sent, m.Refused)
			}
		}
	})
}
