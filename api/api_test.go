package api_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/api"
	"github.com/lifecyclehub/hub/canon"
)

func TestEveryListIsAListAndNeverNull(t *testing.T) {
	empty := &world{customers: []canon.Customer{{ID: "cu_1", Assessment: &canon.Assessment{}}}, history: []canon.Assessment{{}}}
	h := newAPI(t, empty, func(o *api.Options) { o.Stages = nil })
	for _, path := range []string{
		"/overview", "/customers?search=nobody", "/customers/cu_1", "/customers/cu_1/timeline", "/customers/cu_1/assessments",
		"/customers/cu_1/explain", "/customers/cu_1/identity", "/identity/candidates", "/identity/decisions", "/connections", "/deadletters", "/deliveries", "/deliveries/msg_1/attempts", "/pushes",
	} {
		w := ask(t, h, "/api/v1"+path)
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		text := strings.ReplaceAll(w.Body.String(), `"value":null`, "")
		if strings.Contains(text, "null") || strings.Contains(text, "$schema") {
			t.Errorf("%s has null or $schema: %s", path, w.Body)
		}
	}
}

func TestCustomersPassesTheFilterOn(t *testing.T) {
	w := newWorld()
	h := newAPI(t, w)
	got := decode(t, ask(t, h, "/api/v1/customers?search=ac&stage=retention&band=red&sort=mrr&after=x&limit=7"))
	if diff := cmp.Diff(canon.CustomerFilter{Search: "ac", Stage: "retention", Band: "red", Sort: "mrr", After: "x", Limit: 7}, w.filter); diff != "" {
		t.Error(diff)
	}
	if got["total"] != 1.0 {
		t.Errorf("total %v, want 1", got["total"])
	}
	ask(t, h, "/api/v1/customers")
	if w.filter.Limit != 50 || w.filter.Sort != "name" {
		t.Errorf("defaults are %+v", w.filter)
	}
}

func TestAMembersIDFindsTheCustomer(t *testing.T) {
	h := newAPI(t, newWorld())
	got := decode(t, ask(t, h, "/api/v1/customers/crm%2Fcompanies%2F1"))
	if got["id"] != "cu_1" {
		t.Errorf("got %v", got["id"])
	}
	events := decode(t, ask(t, h, "/api/v1/customers/crm%2Fcompanies%2F1/timeline?limit=2"))
	if n := len(events["events"].([]any)); n != 2 || events["next"] == nil {
		t.Errorf("%d events, next %v", n, events["next"])
	}
}

func TestProblems(t *testing.T) {
	var logged bytes.Buffer
	broken := newWorld()
	broken.broken = errBroken
	h := newAPI(t, broken, func(o *api.Options) { o.Log = slog.New(slog.NewTextHandler(&logged, nil)) })
	for _, tt := range []struct {
		path   string
		status int
		code   string
		detail string
	}{
		{"/api/v1/customers/nobody", 404, "customer.unknown", `No customer has the id "nobody".`},
		{"/api/v1/customers/nobody/timeline", 404, "customer.unknown", ""},
		{"/api/v1/customers/cu_2/explain", 404, "assessment.none", "Jo has not been assessed at that time."},
		{"/api/v1/customers?limit=501", 422, "request.invalid", "The parameter limit is not valid: expected number <= 500."},
		{"/api/v1/customers?limit=0", 422, "request.invalid", ""},
		{"/api/v1/customers?limit=many", 422, "request.invalid", "The parameter limit is not valid: invalid integer."},
		{"/api/v1/customers?sort=size", 422, "request.invalid", ""},
		{"/api/v1/customers?serach=x", 422, "request.invalid", ""},
		{"/api/v1/customers/cu_1/timeline?from=yesterday", 422, "request.invalid", ""},
		{"/api/v1/deliveries/msg_2/attempts", 404, "delivery.unknown", ""},
		{"/api/v1/stream?after=-4", 503, "stream.unavailable", ""},
		{"/api/v1/nothing", 404, "route.unknown", ""},
		{"/api/v1/connections", 500, "internal", "Hub could not answer because of a fault of its own."},
	} {
		w := ask(t, h, tt.path)
		got := decode(t, w)
		if w.Code != tt.status || got["code"] != tt.code || tt.detail != "" && got["detail"] != tt.detail {
			t.Errorf("%s: %d %s, want %d %s %s", tt.path, w.Code, w.Body, tt.status, tt.code, tt.detail)
		}
		if ct := w.Header().Get("Content-Type"); ct != "application/problem+json" {
			t.Errorf("%s: content type %q", tt.path, ct)
		}
		if strings.Contains(w.Body.String(), "/secret/path") {
			t.Errorf("%s tells what only the log may know: %s", tt.path, w.Body)
		}
	}
	if !strings.Contains(logged.String(), "/secret/path") {
		t.Errorf("the log does not hold the cause: %s", &logged)
	}
}

func TestTheAPIOnlyReadsWhatIsRead(t *testing.T) {
	h := newAPI(t, newWorld())
	r := httptest.NewRequest(http.MethodPost, "/api/v1/customers", strings.NewReader("{}"))
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusMethodNotAllowed || decode(t, w)["code"] != "request.method" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestConnectionsSumTheirStreams(t *testing.T) {
	got := decode(t, ask(t, newAPI(t, newWorld()), "/api/v1/connections"))
	all := got["connections"].([]any)
	if len(all) != 2 {
		t.Fatalf("%d connections", len(all))
	}
	crm := all[1].(map[string]any)
	want := map[string]any{"name": "crm", "title": "HubSpot", "category": "crm", "status": "failed", "held": 7.0, "dead_letters": 2.0}
	for k, v := range want {
		if crm[k] != v {
			t.Errorf("%s is %v, want %v", k, crm[k], v)
		}
	}
	first := crm["streams"].([]any)[0].(map[string]any)
	if first["stream"] != "companies" || first["error"].(map[string]any)["hint"] != "Make a new one." {
		t.Errorf("first stream is %v", first)
	}
}

func TestExplainTellsTheLargestLossFirst(t *testing.T) {
	h := newAPI(t, newWorld())
	got := decode(t, ask(t, h, "/api/v1/customers/cu_1/explain"))
	health := got["health"].(map[string]any)
	known := health["known"].([]any)
	if len(known) != 2 || known[0].(map[string]any)["measure"] != "usage" || len(health["missing"].([]any)) != 1 {
		t.Errorf("health is %v", health)
	}
	if health["before_caps"] != 70.0 || health["points_lost"] != 30.0 {
		t.Errorf("sums are %v and %v", health["before_caps"], health["points_lost"])
	}
	if want := "In stage Retention. Health is 60 of 100 (yellow), held down from 70: An invoice is overdue."; got["headline"] != want {
		t.Errorf("headline is %q", got["headline"])
	}
	evidence := got["evidence"].(map[string]any)
	if len(evidence) != 2 || evidence["ev_4"] == nil || evidence["ev_0"] == nil {
		t.Errorf("evidence is %v", evidence)
	}
	then := decode(t, ask(t, h, "/api/v1/customers/cu_1/explain?at=2026-02-10T00:00:00Z"))
	if then["stage"].(map[string]any)["key"] != "conversion" {
		t.Errorf("as of February: %v", then["stage"])
	}
	if w := ask(t, h, "/api/v1/customers/cu_1/explain?at=2020-01-01T00:00:00Z"); w.Code != http.StatusNotFound {
		t.Errorf("before everything: %d", w.Code)
	}
}

func TestBriefAssessmentsLeaveOutContributions(t *testing.T) {
	h := newAPI(t, newWorld())
	for query, want := range map[string]int{"": 3, "?brief=true": 0} {
		got := decode(t, ask(t, h, "/api/v1/customers/cu_1/assessments"+query))
		health := got["assessments"].([]any)[0].(map[string]any)["health"].(map[string]any)
		if n := len(health["contributions"].([]any)); n != want || health["value"] != 60.0 {
			t.Errorf("%q: %d contributions, value %v", query, n, health["value"])
		}
	}
}

func TestNewRefusesAWeakTokenAndNoReader(t *testing.T) {
	if _, err := api.New(api.Options{Reader: newWorld(), Token: "short"}); canon.CodeOf(err) != "api.token" {
		t.Errorf("got %v", err)
	}
	if _, err := api.New(api.Options{Token: token}); err == nil {
		t.Error("no reader was accepted")
	}
}
