package quickbooks_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/lifecyclehub/hub/connectors/vendordoc"
	"github.com/lifecyclehub/hub/sandbox"
)

// document is a third party's description: the vendor publishes none.
func document(t *testing.T) *vendordoc.Docs {
	docs := vendordoc.Load(t, completed, "quickbooks/quickbooks-accounting-api-evangelist.yml")
	supplement, err := os.ReadFile(filepath.Join("testdata", "supplement.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	docs.Add(t, "supplement.yaml", supplement, nil)
	// The company stands in the address of the server.
	docs.Path = func(path string) string { return strings.TrimPrefix(path, "/v3/company/"+sandbox.QuickBooksRealm) }
	return docs
}

// completed adds to the answers of a query the kinds that the description leaves out: they are sales forms of
// the same shape as an invoice.
func completed(_ string, doc *openapi3.T) {
	answer := doc.Components.Schemas["QueryResponse"].Value.Properties["QueryResponse"].Value
	answer.Properties["CreditMemo"] = answer.Properties["Invoice"]
	answer.Properties["Estimate"] = answer.Properties["Invoice"]
}

// TestDocument holds every request of the connector and every answer of the sandbox against the description.
func TestDocument(t *testing.T) {
	docs := document(t)
	synctest.Test(t, func(t *testing.T) {
		livesAlong(t, func(next http.RoundTripper) http.RoundTripper { return docs.Transport(t, next) })
	})
	if requests, answers := docs.Checked(); requests < 60 || answers < 60 {
		t.Errorf("only %d requests and %d answers were held against the description", requests, answers)
	}
}

// TestDocumentRefuses: the description is not so loose that it lets everything pass.
func TestDocumentRefuses(t *testing.T) {
	docs := document(t)
	at := "https://quickbooks.api.intuit.com/v3/company/" + sandbox.QuickBooksRealm
	for _, target := range []string{"/query", "/query?query=select&startposition=1", "/cdc?entities=Vendor&changedSince=2026-03-01T00:00:00Z", "/cdc?entities=Invoice", "/subscription/1"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at+target, nil)
		if err != nil {
			t.Fatal(err)
		}
		if docs.Request(r) == nil {
			t.Errorf("the description allows %s", target)
		}
	}
	for _, answer := range []string{
		`{"QueryResponse":{"Invoice":[{"Id":"1"}]}}`, `{"QueryResponse":{"Customer":[{"DisplayName":7}]}}`,
		`{"QueryResponse":{"Invoice":[{"CustomerRef":{"value":"1"},"Line":[{"Amount":1,"DetailType":"DescriptionOnly"}],"TotalAmt":"1.00"}]}}`,
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at+"/query?query=select", nil)
		if err != nil {
			t.Fatal(err)
		}
		if docs.Response(r, http.StatusOK, http.Header{"Content-Type": {"application/json"}}, []byte(answer)) == nil {
			t.Errorf("the description allows the answer %s", answer)
		}
	}
}
