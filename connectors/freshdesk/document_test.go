package freshdesk_test

import (
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/lifecyclehub/hub/connectors/vendordoc"
)

// document is a third party's description of the API: Freshdesk publishes none.
func document(t *testing.T) *vendordoc.Docs {
	docs := vendordoc.Load(t, corrected, "freshdesk/freshdesk-api-evangelist.yml")
	// Freshdesk's own page on contacts names this filter; the description has lost it.
	docs.Undeclared = []string{"_updated_since"}
	docs.Path = func(path string) string { return path[len("/api/v2"):] }
	return docs
}

// corrected says what Freshdesk's own pages say differently.
func corrected(_ string, doc *openapi3.T) {
	// Errors of authentication hold a code and a message; what is not found is answered without a body's members.
	for _, item := range doc.Paths.Map() {
		if item.Get == nil {
			continue
		}
		for status, resp := range item.Get.Responses.Map() {
			if status != "200" {
				resp.Value.Content = nil
			}
		}
	}
	// An account may have states of its own, numbered from 6 on, and more channels than those listed.
	ticket := doc.Components.Schemas["Ticket"].Value.Properties
	ticket["status"].Value.Enum, ticket["source"].Value.Enum = nil, nil
}

// TestDocument holds every request of the connector and every answer of the sandbox against the document.
func TestDocument(t *testing.T) {
	docs := document(t)
	synctest.Test(t, func(t *testing.T) {
		livesAlong(t, settings(), func(next http.RoundTripper) http.RoundTripper { return docs.Transport(t, next) })
	})
	if requests, answers := docs.Checked(); requests < 60 || answers < 60 {
		t.Errorf("only %d requests and %d answers were held against the document", requests, answers)
	}
}

// TestDocumentRefuses: the document is not so loose that it lets everything pass.
func TestDocumentRefuses(t *testing.T) {
	docs := document(t)
	request := func(target string) *http.Request {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://acme.freshdesk.com/api/v2"+target, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, target := range []string{"/tickets?per_page=500", "/tickets?order_by=changed", "/contacts?updated_since=2026-01-01T00:00:00Z", "/contacts?state=gone", "/deals"} {
		if docs.Request(request(target)) == nil {
			t.Errorf("the document allows %s", target)
		}
	}
	for target, answer := range map[string]string{
		"/tickets":   `[{"id":"7"}]`,
		"/companies": `{"companies":[]}`,
		"/contacts":  `[{"id":1,"custom_fields":[]}]`,
	} {
		if docs.Response(request(target), http.StatusOK, http.Header{"Content-Type": {"application/json"}}, []byte(answer)) == nil {
			t.Errorf("the document allows %s to answer %s", target, answer)
		}
	}
}
