package all_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/all"
	"github.com/lifecyclehub/hub/connectors/connectortest"
)

// specs is where the vendors' OpenAPI documents are, which may not be copied into the project.
const specs = "../../../shared/specs"

// TestRequestsAreAllowed validates every request that the connectors make in two rounds of every stream,
// a check and a write, against the vendors' own documents.
func TestRequestsAreAllowed(t *testing.T) {
	if _, err := os.Stat(specs); err != nil {
		t.Skip("REQUESTS WERE NOT VALIDATED: this test needs the shared folder with the vendors' OpenAPI documents")
	}
	for name, load := range map[string]func(*testing.T, string) []routers.Router{"hubspot": hubSpotDocs, "stripe": stripeDocs, "zendesk": zendeskDocs} {
		t.Run(name, func(t *testing.T) {
			def, _ := all.Find(name)
			x := connectortest.ReadExchange(t, filepath.Join("..", name, "testdata", "exchange.json"))
			docs := load(t, x.Settings["base_url"])
			var made []*http.Request
			synctest.Test(t, func(t *testing.T) { made = requestsOf(t, def, x) })
			if len(made) < 10 {
				t.Fatalf("only %d requests were made", len(made))
			}
			for _, r := range made {
				validate(t, docs, r)
			}
			for _, r := range wrong(t, name, x.Settings["base_url"]) {
				if allowed(t.Context(), docs, r) == nil {
					t.Errorf("%s %s is wrong, and the vendor's document allows it", r.Method, r.URL)
				}
			}
		})
	}
}

// requestsOf makes a connector ask all that it ever asks.
func requestsOf(t *testing.T, def connectors.Definition, x connectortest.Exchange) []*http.Request {
	var made []*http.Request
	vendor := x.Handler(t)
	if def.Name == "hubspot" {
		vendor = newHubSpot(vendor)
	}
	now := x.Now
	settings := connectors.Settings{"exports_per_minute": "10"}
	for k, v := range x.Settings {
		settings[k] = v
	}
	conn, err := def.Open(t.Context(), settings, connectors.Env{
		Connection: "c", Now: func() time.Time { return now },
		Transport: connectortest.Transport(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			kept := r.Clone(t.Context())
			kept.Body = io.NopCloser(bytes.NewReader(body))
			r.Body = io.NopCloser(bytes.NewReader(body))
			made = append(made, kept)
			vendor.ServeHTTP(w, r)
		})),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Check(t.Context()); err != nil {
		t.Error(err)
	}
	for _, st := range conn.Streams() {
		cursor := canon.Cursor("")
		for round := range 2 {
			now = x.Now.Add(time.Duration(round) * time.Hour)
			for more := true; more; {
				p, err := conn.Pull(t.Context(), st.Name, cursor)
				if err != nil {
					t.Fatal(err)
				}
				cursor, more = p.Next, p.More
			}
		}
	}
	for stream, ids := range x.Fetch {
		if _, err := conn.(connectors.Fetcher).Fetch(t.Context(), stream, ids); err != nil {
			t.Errorf("%s: %v", stream, err)
		}
	}
	if p, ok := conn.(connectors.Pusher); ok {
		push(t, p, hubSpotPush())
	}
	return made
}

func push(t *testing.T, p connectors.Pusher, o *connectortest.PushOptions) {
	if _, err := p.(connectors.Preparer).Prepare(t.Context(), o.Stream, o.Fields); err != nil {
		t.Error(err)
	}
	if _, err := p.Push(t.Context(), o.Stream, append(o.Good, o.Bad)); err != nil {
		t.Error(err)
	}
	if _, err := p.Read(t.Context(), o.Stream, []string{"1002"}, []string{"hub_health_score"}); err != nil {
		t.Error(err)
	}
}

func validate(t *testing.T, docs []routers.Router, r *http.Request) {
	t.Helper()
	if slices.ContainsFunc(undocumented(), func(path string) bool { return strings.HasPrefix(r.URL.Path, path) }) {
		return
	}
	if err := allowed(t.Context(), docs, r); err != nil {
		t.Errorf("%s %s: %v", r.Method, r.URL, err)
	}
}

// allowed says why the documents do not allow a request.
func allowed(ctx context.Context, docs []routers.Router, r *http.Request) error {
	for _, doc := range docs {
		route, params, err := doc.FindRoute(r)
		if err != nil {
			continue
		}
		in := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route, Options: &openapi3filter.Options{
			MultiError: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
		}}
		return errors.Join(openapi3filter.ValidateRequest(ctx, in), declared(route, r))
	}
	return errors.New("it is in none of the vendor's documents")
}

// undocumented are HubSpot's older and marketing endpoints, which none of its documents in the folder describes.
func undocumented() []string {
	return []string{"/email/public/v1/events", "/marketing/v3/forms", "/form-integrations/v1/submissions/forms/"}
}

var index = regexp.MustCompile(`\[.*\]$`)

// declared names a query parameter that the document does not know, which the validator lets pass.
func declared(route *routers.Route, r *http.Request) error {
	// Zendesk's document tells of side-loading in prose only.
	names := []string{"include"}
	for _, list := range []openapi3.Parameters{route.PathItem.Parameters, route.Operation.Parameters} {
		for _, p := range list {
			names = append(names, p.Value.Name)
		}
	}
	for name := range r.URL.Query() {
		if !slices.Contains(names, name) && !slices.Contains(names, index.ReplaceAllString(name, "")) {
			return fmt.Errorf("the document knows no parameter %s", name)
		}
	}
	return nil
}

// wrong are requests that a vendor's document must refuse: else holding ours against it would mean nothing.
func wrong(t *testing.T, vendor, base string) []*http.Request {
	t.Helper()
	ask := func(method, path, body string) *http.Request {
		r, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		return r
	}
	return map[string][]*http.Request{
		"hubspot": {
			ask("GET", "/crm/v3/objects/contacts?limit=a+hundred", ""),
			ask("GET", "/crm/v3/objects/contacts?updated_after=1", ""),
			ask("POST", "/crm/v3/objects/companies/batch/read", `{"inputs":[{"id":7}],"properties":[],"propertiesWithHistory":[]}`),
			ask("PUT", "/crm/v3/objects/contacts", "{}"),
		},
		"stripe":  {ask("GET", "/v1/customers?limit=many", ""), ask("GET", "/v1/customers?updated=1", ""), ask("GET", "/v2/customers", "")},
		"zendesk": {ask("GET", "/api/v2/incremental/tickets/cursor?start_time=yesterday", ""), ask("GET", "/api/v2/incremental/ticket/cursor", "")},
	}[vendor]
}

func loadDoc(t *testing.T, data []byte, server string, overlay func(*openapi3.T)) routers.Router {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(data)
	if err != nil {
		t.Fatal(err)
	}
	doc.Servers = openapi3.Servers{{URL: server}}
	if overlay != nil {
		overlay(doc)
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return router
}

func readSpec(t *testing.T, parts ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(append([]string{specs}, parts...)...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func hubSpotDocs(t *testing.T, server string) []routers.Router {
	var out []routers.Router
	// The document of deals names them 0-3 only; under their name they are in objects.
	for _, name := range []string{"companies", "contacts", "tickets", "properties", "associations.v4", "objects"} {
		out = append(out, loadDoc(t, readSpec(t, "hubspot", "v3", name+".json"), server, nil))
	}
	return out
}

func zendeskDocs(t *testing.T, server string) []routers.Router {
	data := readSpec(t, "zendesk", "support-oas.2024-08.yaml")
	return []routers.Router{loadDoc(t, data, server, func(doc *openapi3.T) {
		// The document asks for start_time always; pages behind the first are asked by cursor alone.
		doc.Components.Parameters["IncrementalUnixTime"].Value.Required = false
	})}
}

// stripeDocs loads what is used of Stripe's document, which is 8 MB in all: the paths, and the schemas that
// requests need, which for these GET requests are none.
func stripeDocs(t *testing.T, server string) []routers.Router {
	var doc struct {
		OpenAPI string                                `json:"openapi"`
		Info    json.RawMessage                       `json:"info"`
		Paths   map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal(readSpec(t, "stripe", "spec3.json"), &doc); err != nil {
		t.Fatal(err)
	}
	paths := map[string]any{}
	for path, ops := range doc.Paths {
		if !strings.HasPrefix(path, "/v1/") || ops["get"] == nil {
			continue
		}
		var get map[string]json.RawMessage
		if err := json.Unmarshal(ops["get"], &get); err != nil {
			t.Fatal(err)
		}
		get["responses"] = json.RawMessage(`{"200":{"description":"ok"}}`)
		delete(get, "requestBody")
		switch strings.Split(path, "/")[2] {
		case "customers", "subscriptions", "invoices", "events":
			paths[path] = map[string]any{"get": get}
		}
	}
	small, err := json.Marshal(map[string]any{"openapi": doc.OpenAPI, "info": doc.Info, "paths": paths})
	if err != nil {
		t.Fatal(err)
	}
	return []routers.Router{loadDoc(t, small, server, func(doc *openapi3.T) {
		for _, path := range doc.Paths.Map() {
			for _, p := range path.Get.Parameters {
				// Lists are declared as deep objects, which the validator reads objects of only; they
				// travel as name[]=a&name[]=b.
				if p.Value.Style == openapi3.SerializationDeepObject && p.Value.Schema.Value.Type.Is("array") {
					p.Value.Name += "[]"
					p.Value.Style = openapi3.SerializationForm
				}
			}
		}
	})}
}
