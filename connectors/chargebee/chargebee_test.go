package chargebee_test

import (
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/chargebee"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/sandbox"
)

func settings() connectors.Settings {
	return connectors.Settings{"api_key": sandbox.ChargebeeKey, "base_url": "https://acme-test.chargebee.com", "requests_per_minute": "100000"}
}

func TestLaws(t *testing.T) {
	x := connectortest.ReadExchange(t, filepath.Join("testdata", "exchange.json"))
	connectortest.Run(t, chargebee.Definition(), x.Options(t))
}

// TestReceive: an event carries whole objects, which become records as the list has them. What is deleted is a
// hint, and other objects and the events of another API version tell nothing.
func TestReceive(t *testing.T) {
	conn, err := chargebee.Definition().Open(t.Context(), settings(), connectors.Env{Connection: "c"})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	receive := func(version, content string) connectors.Received {
		t.Helper()
		body := `{"id":"ev_1","occurred_at":1772366400,"object":"event","api_version":"` + version + `","event_type":"x","content":` + content + `}`
		got, err := conn.(connectors.Receiver).Receive(connectors.Call{Method: http.MethodPost, Body: []byte(body), At: at})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	customer := `{"id":"cb_A","object":"customer","company":"Brightwater","deleted":false,"updated_at":1772366395,"resource_version":1772366395123}`
	subscription := `{"id":"sub_1","object":"subscription","customer_id":"cb_A","status":"active","deleted":false,"updated_at":1772366396,"resource_version":1772366396004}`
	got := receive("v2", `{"subscription":`+subscription+`,"customer":`+customer+`,"card":{"object":"card","id":"pm_1"},"coupons":[{"object":"coupon"}]}`)
	raw := map[string]string{}
	for _, r := range got.Records {
		raw[r.Stream] = string(r.Raw)
		if r.Connection != "c" || r.Version/1e6 != 1772366395 && r.Version/1e6 != 1772366396 {
			t.Errorf("the record is %+v", r)
		}
	}
	if diff := cmp.Diff(map[string]string{"customers": customer, "subscriptions": subscription}, raw); diff != "" || len(got.Hints)+len(got.Rejects) > 0 {
		t.Errorf("%s%+v", diff, got)
	}
	gone := receive("v2", `{"customer":{"id":"cb_A","object":"customer","deleted":true,"resource_version":1772366399000}}`)
	if diff := cmp.Diff([]connectors.Hint{{Stream: "customers", ID: "cb_A", Deleted: true, At: at}}, gone.Hints); diff != "" {
		t.Error(diff)
	}
	if old := receive("v1", `{"customer":`+customer+`}`); len(old.Records)+len(old.Hints)+len(old.Rejects) > 0 {
		t.Errorf("an event of API v1 gave %+v", old)
	}
	if _, err := conn.(connectors.Receiver).Receive(connectors.Call{Method: http.MethodPost, Body: []byte(`text`), At: at}); canon.CodeOf(err) != "hook.shape" {
		t.Errorf("a call that is no JSON gave %v", err)
	}
}
