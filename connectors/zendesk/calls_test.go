package zendesk_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/zendesk"
)

// TestCalls: an event names its object, or says that it is gone.
func TestCalls(t *testing.T) {
	conn, err := zendesk.Definition().Open(t.Context(), connectors.Settings{"base_url": "https://acme.zendesk.example", "token": "x", "exports_per_minute": "10"},
		connectors.Env{Transport: connectortest.Transport(http.NotFoundHandler())})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 1, 11, 58, 20, 0, time.UTC)
	for _, c := range []struct {
		kind string
		want []connectors.Hint
	}{
		{"ticket.created", []connectors.Hint{{Stream: "tickets", ID: "7", At: at}}},
		{"ticket.undeleted", []connectors.Hint{{Stream: "tickets", ID: "7", At: at}}},
		{"ticket.soft_deleted", []connectors.Hint{{Stream: "tickets", ID: "7", Deleted: true, At: at}}},
		{"ticket.permanently_deleted", []connectors.Hint{{Stream: "tickets", ID: "7", Deleted: true, At: at}}},
		{"user.deleted", []connectors.Hint{{Stream: "users", ID: "7", Deleted: true, At: at}}},
		{"organization.tags_changed", []connectors.Hint{{Stream: "organizations", ID: "7", At: at}}},
		{"article.published", nil},
	} {
		body := `{"type":"zen:event-type:` + c.kind + `","id":"01H","time":"2026-03-01T11:58:20Z","subject":"zen:x:7","detail":{"id":"7"},"event":{}}`
		got, err := conn.(connectors.Receiver).Receive(connectors.Call{Method: http.MethodPost, Header: http.Header{}, Body: []byte(body), At: at.Add(time.Second)})
		if err != nil {
			t.Errorf("%s: %v", c.kind, err)
		}
		if diff := cmp.Diff(c.want, got.Hints); diff != "" {
			t.Errorf("%s: hints differ:\n%s", c.kind, diff)
		}
	}
}
