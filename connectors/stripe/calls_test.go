package stripe_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/stripe"
)

// TestCalls: an event names its object, or says that it is gone. What no stream is for tells nothing.
func TestCalls(t *testing.T) {
	conn, err := stripe.Definition().Open(t.Context(), connectors.Settings{"api_key": "rk_test_x"}, connectors.Env{Transport: connectortest.Transport(http.NotFoundHandler())})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1772366300, 0).UTC()
	for _, c := range []struct {
		kind, object string
		want         []connectors.Hint
	}{
		{"customer.updated", `{"id":"cus_1","object":"customer"}`, []connectors.Hint{{Stream: "customers", ID: "cus_1", At: at}}},
		{"customer.deleted", `{"id":"cus_1","object":"customer"}`, []connectors.Hint{{Stream: "customers", ID: "cus_1", Deleted: true, At: at}}},
		{"customer.subscription.deleted", `{"id":"sub_1","object":"subscription"}`, []connectors.Hint{{Stream: "subscriptions", ID: "sub_1", At: at}}},
		{"invoice.paid", `{"id":"in_1","object":"invoice"}`, []connectors.Hint{{Stream: "invoices", ID: "in_1", At: at}}},
		{"invoice.deleted", `{"id":"in_1","object":"invoice"}`, []connectors.Hint{{Stream: "invoices", ID: "in_1", Deleted: true, At: at}}},
		{"invoice.upcoming", `{"object":"invoice"}`, nil},
		{"customer.source.created", `{"id":"card_1","object":"card"}`, nil},
	} {
		body := `{"id":"evt_1","object":"event","created":1772366300,"type":"` + c.kind + `","data":{"object":` + c.object + `}}`
		got, err := conn.(connectors.Receiver).Receive(connectors.Call{Method: http.MethodPost, Header: http.Header{}, Body: []byte(body), At: at.Add(time.Second)})
		if err != nil {
			t.Errorf("%s: %v", c.kind, err)
		}
		if diff := cmp.Diff(c.want, got.Hints); diff != "" {
			t.Errorf("%s: hints differ:\n%s", c.kind, diff)
		}
	}
}

// TestDeletedBehindThePage: where the object behind which the next page begins is deleted meanwhile, the list is read
// from its beginning.
func TestDeletedBehindThePage(t *testing.T) {
	asked := 0
	vendor := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		body := `{"data":[{"id":"cus_2","created":2},{"id":"cus_1","created":1}],"has_more":true}`
		switch {
		case r.URL.Query().Get("starting_after") != "":
			w.WriteHeader(http.StatusBadRequest)
			body = `{"error":{"type":"invalid_request_error","code":"resource_missing","param":"starting_after","message":"No such customer: 'cus_1'"}}`
		case asked > 1:
			body = `{"data":[{"id":"cus_2","created":2}],"has_more":false}`
		}
		if _, err := w.Write([]byte(body)); err != nil {
			t.Error(err)
		}
	})
	conn, err := stripe.Definition().Open(t.Context(), connectors.Settings{"api_key": "rk_test_x"}, connectors.Env{Transport: connectortest.Transport(vendor)})
	if err != nil {
		t.Fatal(err)
	}
	first, err := conn.Pull(t.Context(), "customers", "")
	if err != nil || !first.More {
		t.Fatalf("got %+v, %v", first, err)
	}
	second, err := conn.Pull(t.Context(), "customers", first.Next)
	if err != nil || second.More || len(second.Records) != 1 {
		t.Errorf("got %+v, %v", second, err)
	}
}
