package sandbox_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/lifecyclehub/hub/sandbox"
)

// specs holds the vendors' published documents, by vendor. Each may consist of several.
type specs map[string][]paths

const specFolder = "../../shared/specs"

func loadSpecs(t *testing.T) specs {
	t.Helper()
	if _, err := os.Stat(specFolder); err != nil {
		t.Skip("needs the shared folder with the vendors' OpenAPI documents beside the repository: the answers of the sandbox are NOT validated")
	}
	s := specs{}
	for _, name := range []string{"companies", "contacts", "deals", "tickets", "associations.v4", "properties", "accountInfo", "objects"} {
		s[sandbox.VendorHubSpot] = append(s[sandbox.VendorHubSpot], paths{hubspotDoc(t, name)})
	}
	s[sandbox.VendorStripe] = []paths{{stripeDoc(t)}}
	s[sandbox.VendorZendesk] = []paths{{zendeskDoc(t)}}
	return s
}

// paths finds operations by literal segments first, so that /users/me is not taken for /users/{id}.
type paths struct{ doc *openapi3.T }

func (p paths) find(r *http.Request) *routers.Route {
	var best *routers.Route
	most := -1
	have := strings.Split(r.URL.Path, "/")
	for template, item := range p.doc.Paths.Map() {
		want := strings.Split(template, "/")
		literal := len(want)
		for i := 0; i < len(want) && len(want) == len(have); i++ {
			switch {
			case strings.HasPrefix(want[i], "{"):
				literal--
			case want[i] != have[i]:
				literal = -1 - len(want)
			}
		}
		op := item.GetOperation(r.Method)
		if op != nil && len(want) == len(have) && literal > most {
			most = literal
			best = &routers.Route{Spec: p.doc, Path: template, PathItem: item, Method: r.Method, Operation: op}
		}
	}
	return best
}

func parseSpec(t *testing.T, raw []byte) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(raw)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func readSpec(t *testing.T, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(specFolder, path))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// hubspotDoc allows null values of properties, which the vendor sends and its document forbids.
func hubspotDoc(t *testing.T, name string) *openapi3.T {
	doc := parseSpec(t, readSpec(t, "hubspot/v3/"+name+".json"))
	for _, schema := range []string{"SimplePublicObject", "SimplePublicObjectWithAssociations"} {
		if s := doc.Components.Schemas[schema]; s != nil {
			s.Value.Properties["properties"].Value.AdditionalProperties.Schema.Value.Nullable = true
		}
	}
	// The vendor's error for a throttled request has errorType and policyName in place of category.
	if e := doc.Components.Schemas["Error"]; e != nil {
		e.Value.Required = []string{"message", "correlationId"}
	}
	return doc
}

// zendeskDoc allows the status of deleted tickets, which the prose of the document names and its list omits.
func zendeskDoc(t *testing.T) *openapi3.T {
	doc := parseSpec(t, readSpec(t, "zendesk/support-oas.2024-08.yaml"))
	status := doc.Components.Schemas["TicketObject"].Value.Properties["status"].Value
	status.Enum = append(status.Enum, "deleted")
	return doc
}

// stripeDoc prunes the document to the paths that the sandbox serves. The sandbox expands nothing, so an
// expandable field is its id.
func stripeDoc(t *testing.T) *openapi3.T {
	var doc map[string]any
	if err := json.Unmarshal(readSpec(t, "stripe/spec3.json"), &doc); err != nil {
		t.Fatal(err)
	}
	all := doc["components"].(map[string]any)["schemas"].(map[string]any)
	used, kept := map[string]any{}, map[string]any{}
	var keep func(v any)
	keep = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				keep(x)
			}
		case map[string]any:
			if v["x-expansionResources"] != nil {
				delete(v, "anyOf")
				v["type"] = "string"
			}
			delete(v, "requestBody")
			name, _ := strings.CutPrefix(str(v["$ref"]), "#/components/schemas/")
			if name != "" && kept[name] == nil {
				kept[name] = all[name]
				keep(all[name])
			}
			for _, x := range v {
				keep(x)
			}
		}
	}
	for _, p := range []string{"/v1/customers", "/v1/customers/{customer}", "/v1/subscriptions", "/v1/subscriptions/{subscription_exposed_id}",
		"/v1/invoices", "/v1/invoices/{invoice}", "/v1/events", "/v1/events/{id}"} {
		used[p] = doc["paths"].(map[string]any)[p]
		keep(used[p])
	}
	doc["paths"], doc["components"] = used, map[string]any{"schemas": kept}
	delete(doc, "security")
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return parseSpec(t, raw)
}

func str(v any) string { s, _ := v.(string); return s }

// vendor is one server, called without a network, with every answer held against the documents.
type vendor struct {
	t       *testing.T
	name    string
	handler http.Handler
	world   *sandbox.World
	specs   []paths
	checked int
}

// call sends an authenticated request and returns the answer.
func (v *vendor) call(method, path string, body any) (int, map[string]any) {
	v.t.Helper()
	var raw []byte
	if s, ok := body.(string); ok {
		raw = []byte(s)
	} else if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			v.t.Fatal(err)
		}
	}
	r := httptest.NewRequest(method, path, bytes.NewReader(raw))
	r.Header.Set("Authorization", "Bearer "+token(v.name))
	r.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	v.handler.ServeHTTP(rec, r)
	answer := map[string]any{}
	if strings.HasPrefix(rec.Header().Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(rec.Body.Bytes(), &answer); err != nil {
			v.t.Fatalf("%s %s: %v", method, path, err)
		}
		v.validate(r, rec.Result(), answer)
	}
	return rec.Code, answer
}

func token(vendor string) string {
	return map[string]string{sandbox.VendorHubSpot: sandbox.HubSpotToken, sandbox.VendorStripe: sandbox.StripeKey, sandbox.VendorZendesk: sandbox.ZendeskToken}[vendor]
}

// validate leaves out the records that are broken on purpose.
func (v *vendor) validate(r *http.Request, res *http.Response, answer map[string]any) {
	v.t.Helper()
	if v.specs == nil {
		return
	}
	bad := v.world.Malformed()
	for _, list := range []string{"results", "data", "tickets"} {
		rows, ok := answer[list].([]any)
		if !ok {
			continue
		}
		var good = []any{}
		for _, row := range rows {
			o, _ := row.(map[string]any)
			if id := str(o["id"]); !bad[v.name+"/deals/"+id] && !bad[v.name+"/invoices/"+id] {
				good = append(good, row)
			}
		}
		answer = clone(answer)
		answer[list] = good
	}
	raw, err := json.Marshal(answer)
	if err != nil {
		v.t.Fatal(err)
	}
	probe := r.Clone(r.Context())
	probe.URL.Path = strings.TrimSuffix(strings.Replace(probe.URL.Path, "/crm/v3/objects/deals", "/crm/v3/objects/0-3", 1), ".json")
	for _, spec := range v.specs {
		route := spec.find(probe)
		if route == nil {
			continue
		}
		v.checked++
		err := openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
			RequestValidationInput: &openapi3filter.RequestValidationInput{Request: probe, Route: route},
			Status:                 res.StatusCode, Header: res.Header, Body: io.NopCloser(bytes.NewReader(raw)),
			Options: &openapi3filter.Options{IncludeResponseStatus: v.name != sandbox.VendorZendesk || res.StatusCode < 400, MultiError: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
		})
		if err != nil {
			v.t.Fatalf("%s %s answers %d against the vendor's document: %.1500s", r.Method, r.URL, res.StatusCode, err)
		}
		return
	}
	v.t.Fatalf("%s %s is in none of the vendor's documents", r.Method, r.URL)
}

func clone(m map[string]any) map[string]any {
	c := map[string]any{}
	for k, v := range m {
		c[k] = v
	}
	return c
}

func vendors(t *testing.T, w *sandbox.World, s specs) (hubspot, stripe, zendesk *vendor) {
	one := func(name string, h http.Handler) *vendor {
		return &vendor{t: t, name: name, handler: h, world: w, specs: s[name]}
	}
	return one(sandbox.VendorHubSpot, w.HubSpot()), one(sandbox.VendorStripe, w.Stripe()), one(sandbox.VendorZendesk, w.Zendesk())
}
