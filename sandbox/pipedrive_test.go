package sandbox_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lifecyclehub/hub/sandbox"
)

func pipedrive(t *testing.T, o sandbox.Options) *ledger {
	o.Seed, o.Now = 7, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	w := sandbox.NewWorld(o)
	return &ledger{t, w, w.Pipedrive(), func(r *http.Request) { r.Header.Set("x-api-token", sandbox.PipedriveToken) }}
}

// pipedriveIDs reads all pages and returns the times of change and the ids in their order.
func (l *ledger) pipedriveIDs(path, more string, between func()) (ids, times []string) {
	l.t.Helper()
	for cursor := ""; ; {
		status, body, _ := l.get("/api/v2/" + path + "?limit=25&cursor=" + url.QueryEscape(cursor) + more)
		if status != http.StatusOK {
			l.t.Fatalf("%s gave %d %v", path, status, body)
		}
		for _, row := range list(body["data"]) {
			ids, times = append(ids, fmt.Sprint(object(row)["id"])), append(times, str(object(row)["update_time"]))
		}
		if cursor = str(object(body["additional_data"])["next_cursor"]); cursor == "" {
			return ids, times
		}
		if between != nil {
			between()
		}
	}
}

func TestPipedrivePages(t *testing.T) {
	l := pipedrive(t, sandbox.Options{Companies: 60})
	live, _ := l.pipedriveIDs("deals", "", nil)
	archived, _ := l.pipedriveIDs("deals/archived", "", nil)
	if len(archived) == 0 || len(live)+len(archived) != l.world.Counts()["pipedrive/deals"] {
		t.Errorf("%d live and %d archived deals are not %d", len(live), len(archived), l.world.Counts()["pipedrive/deals"])
	}
	if gone, _ := l.pipedriveIDs("deals", "&status=deleted", nil); !slices.Equal(gone, []string{"9001"}) {
		t.Errorf("the deleted deals are %v", gone)
	}
	_, times := l.pipedriveIDs("persons", "&sort_by=update_time", nil)
	if !slices.IsSorted(times) || len(times) < 30 {
		t.Errorf("%d persons, in the order of their change: %t", len(times), slices.IsSorted(times))
	}
	// The moment itself is within since, and not within until.
	since, _ := l.pipedriveIDs("persons", "&updated_since="+url.QueryEscape(times[10]), nil)
	until, _ := l.pipedriveIDs("persons", "&updated_until="+url.QueryEscape(times[10]), nil)
	if len(since)+len(until) != len(times) || len(until) > 10 {
		t.Errorf("%d since and %d until are not %d", len(since), len(until), len(times))
	}
}

// TestPipedrivePagesHoldWhileThingsChange: what changes between two pages hides nothing else.
func TestPipedrivePagesHoldWhileThingsChange(t *testing.T) {
	l := pipedrive(t, sandbox.Options{Companies: 60})
	was, _ := l.pipedriveIDs("organizations", "", nil)
	now := l.world.Now()
	seen, _ := l.pipedriveIDs("organizations", "&sort_by=update_time", func() {
		now = now.Add(time.Minute)
		l.world.Step(now)
	})
	for _, id := range was {
		if !slices.Contains(seen, id) {
			t.Errorf("organization %s was hidden", id)
		}
	}
}

func TestPipedriveRefuses(t *testing.T) {
	l := pipedrive(t, sandbox.Options{Companies: 20})
	for target, want := range map[string]int{
		"/api/v2/deals?limit=0": 400, "/api/v2/deals?cursor=x": 400, "/api/v2/deals?sort_by=changed": 400, "/api/v2/deals?updated_since=soon": 400,
		"/api/v2/persons/9001": 404, "/api/v2/deals/9001": 200, "/api/v2/leads": 404, "/api/v2/deals?ids=" + strings.Repeat("1,", 100) + "1": 400,
	} {
		if status, body, _ := l.get(target); status != want {
			t.Errorf("%s gave %d %v, want %d", target, status, body, want)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v2/deals", nil)
	rec := httptest.NewRecorder()
	l.server.ServeHTTP(rec, r)
	if rec.Code != http.StatusUnauthorized {
		t.Errorf("without a token the answer is %d", rec.Code)
	}
}

// TestPipedriveLimits: twenty requests in two seconds, and a day's tokens, of which each request takes its own number.
func TestPipedriveLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := pipedrive(t, sandbox.Options{Companies: 20, Limits: true})
		left := ""
		for i := range 20 {
			status, _, header := l.get([]string{"/api/v2/persons", "/api/v2/deals/9001"}[i%2])
			if left = header.Get("x-daily-ratelimit-token-remaining"); status != 200 {
				t.Fatalf("a request within the limit gave %d", status)
			}
		}
		if left != "29890" {
			t.Errorf("after ten lists and ten deals %s tokens are left", left)
		}
		if status, _, header := l.get("/api/v2/persons"); status != 429 || header.Get("Retry-After") == "" {
			t.Errorf("beyond the limit: %d %v", status, header)
		}
	})
}
