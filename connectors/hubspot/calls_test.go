package hubspot_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/connectors"
)

// TestCalls: what is gone is told by the call, with the moment; all else is only named. A merge that makes a record
// with an id of its own ends both that went into it.
func TestCalls(t *testing.T) {
	conn := connect(t, func(http.ResponseWriter, *http.Request) { t.Error("reading a call makes no request") })
	at, arrived := time.UnixMilli(1772366300000).UTC(), time.UnixMilli(1772366305000).UTC()
	for _, c := range []struct {
		body string
		want []connectors.Hint
	}{
		{`{"subscriptionType":"contact.propertyChange","objectId":1,"occurredAt":1772366300000}`, []connectors.Hint{{Stream: "contacts", ID: "1", At: arrived}}},
		{`{"subscriptionType":"deal.restore","objectId":1,"occurredAt":1772366300000}`, []connectors.Hint{{Stream: "deals", ID: "1", At: arrived}}},
		{`{"subscriptionType":"quote.propertyChange","objectId":1,"occurredAt":1772366300000}`, []connectors.Hint{{Stream: "quotes", ID: "1", At: arrived}}},
		{`{"subscriptionType":"company.deletion","objectId":1,"occurredAt":1772366300000}`, []connectors.Hint{{Stream: "companies", ID: "1", Deleted: true, At: at}}},
		{`{"subscriptionType":"contact.privacyDeletion","objectId":1,"occurredAt":1772366300000}`, []connectors.Hint{{Stream: "contacts", ID: "1", Deleted: true, At: at}}},
		{`{"subscriptionType":"contact.associationChange","fromObjectId":1,"toObjectId":2,"occurredAt":1772366300000}`, []connectors.Hint{{Stream: "contacts", ID: "1", At: arrived}}},
		{`{"subscriptionType":"contact.merge","objectId":1,"primaryObjectId":1,"mergedObjectIds":[2,3],"newObjectId":1,"occurredAt":1772366300000}`,
			[]connectors.Hint{{Stream: "contacts", ID: "2", Deleted: true, At: at, Into: "1"}, {Stream: "contacts", ID: "3", Deleted: true, At: at, Into: "1"}, {Stream: "contacts", ID: "1", At: arrived}}},
		{`{"subscriptionType":"company.merge","objectId":9,"primaryObjectId":1,"mergedObjectIds":[2],"newObjectId":9,"occurredAt":1772366300000}`,
			[]connectors.Hint{{Stream: "companies", ID: "1", Deleted: true, At: at, Into: "9"}, {Stream: "companies", ID: "2", Deleted: true, At: at, Into: "9"}, {Stream: "companies", ID: "9", At: arrived}}},
		{`{"subscriptionType":"line_item.creation","objectId":1,"occurredAt":1772366300000}`, nil},
	} {
		got, err := conn.(connectors.Receiver).Receive(connectors.Call{Method: http.MethodPost, Header: http.Header{}, Body: []byte("[" + c.body + "]"), At: arrived})
		if err != nil {
			t.Errorf("%s: %v", c.body, err)
		}
		if diff := cmp.Diff(c.want, got.Hints); diff != "" {
			t.Errorf("%s: hints differ:\n%s", c.body, diff)
		}
	}
}
