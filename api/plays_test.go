package api_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/api"
	"github.com/lifecyclehub/hub/canon"
)

// stage is Plays over plain values.
type stage struct {
	asked canon.FiringFilter
	set   canon.PlayMode
}

func (s *stage) Plays(context.Context) ([]api.Play, error) {
	return []api.Play{{Key: "rescue", Title: "Rescue", Category: "risk", Mode: "shadow", When: "health falls below 50", Count: canon.PlayCount{Play: "rescue", Fired: 3}}}, nil
}

func (s *stage) Firings(_ context.Context, f canon.FiringFilter) (canon.FiringPage, error) {
	s.asked = f
	if f.Play != "rescue" {
		return canon.FiringPage{}, canon.Errorf("play.unknown", "no play has the key %q", f.Play)
	}
	return canon.FiringPage{Firings: []canon.Firing{{ID: "fir_1", Play: "rescue", Suppressed: "cooldown", Reason: "It rests."}}, Next: "more"}, nil
}

func (s *stage) SetMode(_ context.Context, m canon.PlayMode) (canon.PlayMode, error) {
	s.set = m
	m.Seq = 1
	return m, nil
}

func (s *stage) Segments(context.Context) ([]api.Segment, error) {
	return []api.Segment{{Key: "well", Title: "Well", Rule: `band("health") == "green"`, Customers: 4}}, nil
}

func (s *stage) Members(_ context.Context, segment, after string, _ int) (canon.CustomerPage, error) {
	if segment != "well" {
		return canon.CustomerPage{}, canon.Errorf("segment.unknown", "no segment has the key %q", segment)
	}
	return canon.CustomerPage{Customers: []canon.CustomerRow{{ID: "cu_1" + after}}}, nil
}

func put(h http.Handler, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPut, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestPlaysAreAskedAsTheCallSays(t *testing.T) {
	s := &stage{}
	h := newAPI(t, newWorld(), func(o *api.Options) { o.Plays = s })
	first := decode(t, ask(t, h, "/api/v1/plays"))["plays"].([]any)[0].(map[string]any)
	if first["key"] != "rescue" || first["guards"] == nil || first["last_30_days"].(map[string]any)["suppressed"] == nil {
		t.Errorf("%v", first)
	}
	page := decode(t, ask(t, h, "/api/v1/plays/rescue/firings?customer=cu_1&suppressed=true&since=2026-01-01T00:00:00Z&after=x&limit=7"))
	want := canon.FiringFilter{Play: "rescue", Customer: "cu_1", Suppressed: true, Since: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), After: "x", Limit: 7}
	if diff := cmp.Diff(want, s.asked); diff != "" || page["next"] != "more" {
		t.Errorf("%v %s", page, diff)
	}
	if got := decode(t, ask(t, h, "/api/v1/segments"))["segments"].([]any); len(got) != 1 {
		t.Errorf("%v", got)
	}
	if got := decode(t, ask(t, h, "/api/v1/segments/well/customers?after=b"))["customers"].([]any)[0].(map[string]any); got["id"] != "cu_1b" {
		t.Errorf("%v", got)
	}
	for path, status := range map[string]int{
		"/api/v1/plays/nothing/firings": 404, "/api/v1/segments/nothing/customers": 404, "/api/v1/plays/rescue/firings?limit=0": 422,
		"/api/v1/plays/rescue/firings?since=yesterday": 422,
	} {
		if got := ask(t, h, path); got.Code != status {
			t.Errorf("%s: %d, want %d", path, got.Code, status)
		}
	}
	if got := ask(t, newAPI(t, newWorld()), "/api/v1/plays"); got.Code != http.StatusServiceUnavailable {
		t.Errorf("without anybody who knows: %d", got.Code)
	}
}

func TestAModeIsSet(t *testing.T) {
	s := &stage{}
	h := newAPI(t, newWorld(), func(o *api.Options) { o.Plays = s })
	got := put(h, "/api/v1/plays/rescue/mode", `{"mode":"live","reason":"agreed"}`)
	if got.Code != http.StatusOK || s.set.Play != "rescue" || s.set.Mode != "live" || s.set.Author != "api" || s.set.Reason != "agreed" {
		t.Errorf("%d %s %+v", got.Code, got.Body, s.set)
	}
	for body, status := range map[string]int{`{"mode":"gone","reason":"x"}`: 422, `{"mode":"live"}`: 422, `{"mode":"live","reason":""}`: 422, `{`: 400} {
		if got := put(h, "/api/v1/plays/rescue/mode", body); got.Code != status {
			t.Errorf("%s: %d, want %d", body, got.Code, status)
		}
	}
}
