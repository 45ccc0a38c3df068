package chargebee_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/lifecyclehub/hub/connectors/vendordoc"
)

// document is what the vendor publishes: the document of API v1, with what the generated schemas of its
// library say of v2, which the connector speaks.
func document(t *testing.T) *vendordoc.Docs {
	docs := vendordoc.Load(t, asV2, "chargebee/chargebee_api_v1_spec.json")
	supplement, err := os.ReadFile(filepath.Join("testdata", "supplement.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	docs.Add(t, "supplement.yaml", supplement, nil)
	// The document of v1 declares no filter of v2's; TestFilters holds them against the library's schemas.
	docs.Undeclared = []string{"include_deleted", "sort_by", "updated_at"}
	docs.Path = func(path string) string { return strings.Replace(path, "/api/v2/", "/api/v1/", 1) }
	return docs
}

// asV2 corrects what changed since v1, wherever an operation answers with the object.
func asV2(_ string, doc *openapi3.T) {
	for one, correct := range map[string]func(*openapi3.Schema){"customer": asV2Customer, "subscription": asV2Subscription, "invoice": asV2Invoice} {
		for _, path := range doc.Paths.Map() {
			if path.Get == nil {
				continue
			}
			body := path.Get.Responses.Value("200").Value.Content["application/json"].Schema.Value
			if list := body.Properties["list"]; list != nil {
				body = list.Value.Items.Value
			}
			if object := body.Properties[one]; object != nil {
				correct(object.Value)
			}
		}
	}
}

// asV2Customer: credits have other names, and every object tells whether it is deleted.
func asV2Customer(s *openapi3.Schema) {
	s.Required = []string{"id", "auto_collection", "allow_direct_debit", "created_at", "excess_payments", "refundable_credits", "promotional_credits",
		"unbilled_charges", "net_term_days", "deleted"}
}

// asV2Subscription: plans became items, and subscriptions can be paused.
func asV2Subscription(s *openapi3.Schema) {
	s.Required = []string{"id", "customer_id", "currency_code", "status", "has_scheduled_changes", "deleted"}
	allow(s, "status", "paused")
}

// asV2Invoice: start_date became date, an invoice that is not due yet is posted, and lines name item prices.
func asV2Invoice(s *openapi3.Schema) {
	s.Required = []string{"id", "customer_id", "currency_code", "price_type", "recurring", "status", "sub_total", "tax", "deleted", "term_finalized", "is_gifted"}
	allow(s, "status", "posted")
	lines := s.Properties["line_items"].Value.Items.Value
	lines.Required = []string{"date_from", "date_to", "unit_amount", "is_taxed", "description", "entity_type"}
	allow(lines, "entity_type", "plan_item_price", "addon_item_price", "charge_item_price", "plan_setup")
}

func allow(schema *openapi3.Schema, member string, words ...any) {
	p := schema.Properties[member].Value
	p.Enum = append(slices.Clone(p.Enum), words...)
}

// TestDocument holds every request of the connector and every answer of the sandbox against the document.
func TestDocument(t *testing.T) {
	docs := document(t)
	synctest.Test(t, func(t *testing.T) {
		livesAlong(t, func(next http.RoundTripper) http.RoundTripper { return docs.Transport(t, next) })
	})
	if requests, answers := docs.Checked(); requests < 60 || answers < 60 {
		t.Errorf("only %d requests and %d answers were held against the document", requests, answers)
	}
}

// TestDocumentRefuses: the document is not so loose that it lets everything pass.
func TestDocumentRefuses(t *testing.T) {
	docs := document(t)
	for _, target := range []string{"/api/v2/customers?limit=500", "/api/v2/invoices?changed_since=1", "/api/v2/contracts"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://acme.chargebee.com"+target, nil)
		if err != nil {
			t.Fatal(err)
		}
		if docs.Request(r) == nil {
			t.Errorf("the document allows %s", target)
		}
	}
	for target, answer := range map[string]string{
		"/api/v2/invoices":      `{"list":[{"invoice":{"id":"1","customer_id":"c","status":"overdue"}}]}`,
		"/api/v2/subscriptions": `{"list":[{"subscription":{"id":"1"}}]}`,
		"/api/v2/quotes":        `{"list":[{"credit_note":{}}]}`,
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://acme.chargebee.com"+target, nil)
		if err != nil {
			t.Fatal(err)
		}
		if docs.Response(r, http.StatusOK, http.Header{"Content-Type": {"application/json"}}, []byte(answer)) == nil {
			t.Errorf("the document allows %s to answer %s", target, answer)
		}
	}
}

// TestFilters holds the parameters of the lists against the schemas of the vendor's library.
func TestFilters(t *testing.T) {
	folder := filepath.Join(vendordoc.Folder(t), "chargebee", "npm-schema")
	for one, name := range map[string]string{"customer": "Customer", "subscription": "Subscription", "invoice": "Invoice"} {
		b, err := os.ReadFile(filepath.Join(folder, one+".schema.js"))
		if err != nil {
			t.Fatal(err)
		}
		body := part(t, string(b), `const List`+name+`BodySchema = [^{]*\{(?s:(.*?))\n\}\);`)
		for _, param := range []string{"limit", "offset", "include_deleted", "updated_at", "sort_by"} {
			if !regexp.MustCompile(`(?m)^\s+` + param + `:`).MatchString(body) {
				t.Errorf("the library's list of %ss takes no %s", one, param)
			}
		}
		if sorts := part(t, string(b), `const List`+name+`SortBySchema = [^{]*\{(?s:(.*?))\n\}\);`); !strings.Contains(sorts, "'updated_at'") {
			t.Errorf("the library's list of %ss cannot be sorted by updated_at", one)
		}
	}
}

func part(t *testing.T, text, expression string) string {
	t.Helper()
	m := regexp.MustCompile(expression).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("the schemas hold nothing like %s", expression)
	}
	return m[1]
}
