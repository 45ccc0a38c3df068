package intercom_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/lifecyclehub/hub/connectors/vendordoc"
)

// document is what the vendor publishes.
func document(t *testing.T) *vendordoc.Docs {
	docs := vendordoc.Load(t, corrected, "intercom/api.intercom.io.2.16.yaml")
	// GET /contacts has paging, as its text says, and has lost the parameters.
	docs.Undeclared = []string{"per_page", "starting_after"}
	return docs
}

// corrected says where the document is stricter than its own examples and texts.
func corrected(_ string, doc *openapi3.T) {
	schemas := doc.Components.Schemas
	// A conversation without a rating, and one that nobody waits for, say null.
	schemas["conversation_rating"].Value.Nullable = true
}

// TestDocument holds every request of the connector and every answer of the sandbox against the document.
func TestDocument(t *testing.T) {
	docs := document(t)
	for _, s := range []string{"list", "scroll"} {
		synctest.Test(t, func(t *testing.T) {
			set := settings()
			set["companies"] = s
			livesAlong(t, set, func(next http.RoundTripper) http.RoundTripper { return docs.Transport(t, next) })
		})
	}
	if requests, answers := docs.Checked(); requests < 60 || answers < 60 {
		t.Errorf("only %d requests and %d answers were held against the document", requests, answers)
	}
}

// TestDocumentRefuses: the document is not so loose that it lets everything pass.
func TestDocumentRefuses(t *testing.T) {
	docs := document(t)
	request := func(method, target, body string) *http.Request {
		r, err := http.NewRequestWithContext(t.Context(), method, "https://api.intercom.io"+target, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Intercom-Version", "2.16")
		return r
	}
	old := request(http.MethodGet, "/me", "")
	old.Header.Set("Intercom-Version", "3.0")
	for what, r := range map[string]*http.Request{
		"another version":         old,
		"a search without query":  request(http.MethodPost, "/contacts/search", `{"pagination":{"per_page":150}}`),
		"an operator of its own":  request(http.MethodPost, "/contacts/search", `{"query":{"field":"updated_at","operator":"since","value":"1"}}`),
		"a parameter of its own":  request(http.MethodGet, "/contacts?updated_since=1", ""),
		"an address of its own":   request(http.MethodGet, "/deals", ""),
		"a page size that is big": request(http.MethodGet, "/conversations?per_page=500", ""),
	} {
		if docs.Request(r) == nil {
			t.Errorf("the document allows %s", what)
		}
	}
	for target, answer := range map[string]string{
		"/contacts":      `{"type":"list","data":[{"type":"contact","id":7}]}`,
		"/conversations": `{"type":"conversation.list","conversations":[{"state":"pending"}]}`,
		"/companies/x":   `{"type":"firm"}`,
	} {
		if docs.Response(request(http.MethodGet, target, ""), http.StatusOK, http.Header{"Content-Type": {"application/json"}}, []byte(answer)) == nil {
			t.Errorf("the document allows %s to answer %s", target, answer)
		}
	}
}
