package xero_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/lifecyclehub/hub/connectors/vendordoc"
)

// document is the vendor's own, as it is: where it is wrong (two paths that look alike, and a text as the
// default of a flag) is not where the connector goes.
func document(t *testing.T) *vendordoc.Docs {
	return vendordoc.Load(t, nil, "xero/xero_accounting.yaml")
}

// TestDocument holds every request of the connector and every answer of the sandbox against the document.
func TestDocument(t *testing.T) {
	docs := document(t)
	synctest.Test(t, func(t *testing.T) {
		livesAlong(t, func(next http.RoundTripper) http.RoundTripper { return docs.Transport(t, next) })
	})
	if requests, answers := docs.Checked(); requests < 30 || answers < 30 {
		t.Errorf("only %d requests and %d answers were held against the document", requests, answers)
	}
}

// TestDocumentRefuses: the document is not so loose that it lets everything pass.
func TestDocumentRefuses(t *testing.T) {
	docs := document(t)
	for target, tenant := range map[string]string{"/api.xro/2.0/Contacts": "", "/api.xro/2.0/Contacts?pageSize=many": "t", "/api.xro/2.0/Contacts?modifiedSince=1": "t", "/api.xro/2.0/Subscriptions": "t"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.xero.com"+target, nil)
		if err != nil {
			t.Fatal(err)
		}
		if tenant != "" {
			r.Header.Set("xero-tenant-id", tenant)
		}
		if docs.Request(r) == nil {
			t.Errorf("the document allows %s with the organisation %q", target, tenant)
		}
	}
	for _, answer := range []string{`{"Invoices":[{"Status":"OVERDUE"}]}`, `{"Invoices":[{"Total":"12.50"}]}`, `{"Invoices":{}}`} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.xero.com/api.xro/2.0/Invoices", strings.NewReader(""))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("xero-tenant-id", "t")
		if docs.Response(r, http.StatusOK, http.Header{"Content-Type": {"application/json"}}, []byte(answer)) == nil {
			t.Errorf("the document allows the answer %s", answer)
		}
	}
}
