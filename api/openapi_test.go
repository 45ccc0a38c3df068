package api_test

import (
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/api"
)

var update = flag.Bool("update", false, "rewrite openapi.yaml")

func TestTheDocumentIsTheOneOfTheRoutes(t *testing.T) {
	h := newAPI(t, newWorld())
	got := ask(t, h, "/openapi.yaml").Body.Bytes()
	if *update {
		if err := os.WriteFile("openapi.yaml", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("openapi.yaml is not what the routes say; run: go test ./api -update\n%s", diff)
	}
}

func loadDocument(t *testing.T) *openapi3.T {
	t.Helper()
	b, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(b)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(loader.Context); err != nil {
		t.Fatalf("openapi.yaml is not valid: %v", err)
	}
	return doc
}

func TestTheDocumentIsValidAndComplete(t *testing.T) {
	doc := loadDocument(t)
	want := []string{
		"/api/v1/connections", "/api/v1/customers", "/api/v1/customers/{id}", "/api/v1/customers/{id}/assessments",
		"/api/v1/customers/{id}/explain", "/api/v1/customers/{id}/identity", "/api/v1/customers/{id}/overrides",
		"/api/v1/customers/{id}/overrides/{override}", "/api/v1/customers/{id}/timeline", "/api/v1/deadletters", "/api/v1/deliveries",
		"/api/v1/deliveries/{id}/attempts", "/api/v1/identity/candidates", "/api/v1/identity/decisions", "/api/v1/overview", "/api/v1/plays", "/api/v1/plays/{key}/firings", "/api/v1/plays/{key}/mode",
		"/api/v1/pushes", "/api/v1/segments", "/api/v1/segments/{key}/customers", "/api/v1/stream",
	}
	got := slices.Sorted(slices.Values(doc.Paths.InMatchingOrder()))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if op.Summary == "" || op.OperationID == "" || op.Security == nil {
				t.Errorf("%s %s is not described", method, path)
				continue
			}
			problem := op.Responses.Default()
			if problem == nil || problem.Value.Content["application/problem+json"] == nil {
				t.Errorf("%s %s does not say what its errors look like", method, path)
			}
			for _, p := range op.Parameters {
				if p.Value.Description == "" {
					t.Errorf("%s %s: %s is not described", method, path, p.Value.Name)
				}
			}
			if writing := []string{"/api/v1/identity/decisions", "/api/v1/customers/{id}/overrides", "/api/v1/customers/{id}/overrides/{override}", "/api/v1/plays/{key}/mode"}; method != http.MethodGet && !slices.Contains(writing, path) {
				t.Errorf("%s writes", path)
			}
		}
	}
}

func TestAnswersAreWhatTheDocumentSays(t *testing.T) {
	doc := loadDocument(t)
	h := newAPI(t, newWorld(), func(o *api.Options) { o.Plays = &stage{} })
	for path, item := range doc.Paths.Map() {
		// What only writes is not asked.
		if path == "/api/v1/stream" || item.Get == nil {
			continue
		}
		id := "cu_1"
		if strings.Contains(path, "deliveries") {
			id = "msg_1"
		}
		path = strings.NewReplacer("/plays/{key}", "/plays/rescue", "/segments/{key}", "/segments/well").Replace(path)
		for _, tt := range []struct{ path, media string }{
			{strings.ReplaceAll(path, "{id}", id), "application/json"},
			{strings.ReplaceAll(path, "{id}", id) + "?nonsense=1", "application/problem+json"},
		} {
			w := ask(t, h, tt.path)
			if w.Code == http.StatusServiceUnavailable {
				tt.media = "application/problem+json" // nobody stands behind the route here
			}
			response := item.Get.Responses.Status(w.Code)
			if response == nil {
				response = item.Get.Responses.Default()
			}
			if w.Code == http.StatusOK != (tt.media == "application/json") || response.Value.Content[tt.media] == nil {
				t.Errorf("%s: %d, not described as %s", tt.path, w.Code, tt.media)
				continue
			}
			var v any
			if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
				t.Fatal(err)
			}
			if err := response.Value.Content[tt.media].Schema.Value.VisitJSON(v, openapi3.MultiErrors(), openapi3.EnableFormatValidation()); err != nil {
				t.Errorf("%s: %v\n%s", tt.path, err, w.Body)
			}
		}
	}
}
