package stripe_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/stripe"
)

// TestPinnedVersion: every request names the API version that the mapping is written for, and cancelled
// subscriptions are asked for.
func TestPinnedVersion(t *testing.T) {
	vendor := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Stripe-Version"); got != "2026-08-26.dahlia" {
			t.Errorf("%s was asked in version %q", r.URL, got)
		}
		if r.URL.Path == "/v1/subscriptions" && r.URL.Query().Get("status") != "all" {
			t.Errorf("%s leaves out cancelled subscriptions", r.URL)
		}
		w.Write([]byte(`{"object":"list","data":[],"has_more":false}`))
	})
	conn, err := stripe.Definition().Open(t.Context(), connectors.Settings{"api_key": "rk_test_x"}, connectors.Env{Transport: connectortest.Transport(vendor)})
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range conn.Streams() {
		if p, err := conn.Pull(t.Context(), st.Name, ""); err != nil || p.More {
			t.Errorf("%s gave %+v, %v", st.Name, p, err)
		}
	}
}

// TestFutureMoments: a moment that lies ahead, such as a cancellation that is planned, is no version.
func TestFutureMoments(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	vendor := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte(`{"data":[{"id":"sub_1","created":1760000000,"start_date":1790000000,"canceled_at":1770000000}],"has_more":false}`))
	})
	conn, err := stripe.Definition().Open(t.Context(), connectors.Settings{"api_key": "rk_test_x"}, connectors.Env{
		Transport: connectortest.Transport(vendor), Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := conn.Pull(t.Context(), "subscriptions", "")
	if err != nil || len(p.Records) != 1 || p.Records[0].Version != 1770000000*1e6 {
		t.Errorf("got %+v, %v", p.Records, err)
	}
}
