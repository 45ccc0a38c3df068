package sandbox_test

import (
	"encoding/json"
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

// ledger is a billing server with what asks it.
type ledger struct {
	t      *testing.T
	world  *sandbox.World
	server http.Handler
	// sign adds the credentials.
	sign func(*http.Request)
}

// get returns the status, the answer and its header.
func (l *ledger) get(target string) (int, map[string]any, http.Header) {
	l.t.Helper()
	r := httptest.NewRequestWithContext(l.t.Context(), http.MethodGet, target, nil)
	l.sign(r)
	rec := httptest.NewRecorder()
	l.server.ServeHTTP(rec, r)
	var body map[string]any
	if strings.Contains(rec.Header().Get("Content-Type"), "json") {
		if err := json.Unmarshal(rec.Body.Bytes(), &body); err != nil {
			l.t.Fatalf("%s: %v", target, err)
		}
	}
	return rec.Code, body, rec.Header()
}

func chargebee(t *testing.T, o sandbox.Options) *ledger {
	o.Seed, o.Now = 7, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	w := sandbox.NewWorld(o)
	return &ledger{t, w, w.Chargebee(), func(r *http.Request) { r.SetBasicAuth(sandbox.ChargebeeKey, "") }}
}

// chargebeeIDs reads all pages and returns the ids in their order.
func (l *ledger) chargebeeIDs(stream, more string, between func()) []string {
	l.t.Helper()
	one, offset := strings.TrimSuffix(stream, "s"), ""
	var ids []string
	for {
		_, body, _ := l.get("/api/v2/" + stream + "?limit=40&offset=" + url.QueryEscape(offset) + more)
		for _, row := range list(body["list"]) {
			ids = append(ids, str(object(object(row)[one])["id"]))
		}
		if offset = str(body["next_offset"]); offset == "" {
			return ids
		}
		if between != nil {
			between()
		}
	}
}

func TestChargebeePages(t *testing.T) {
	l := chargebee(t, sandbox.Options{Companies: 40})
	down := l.chargebeeIDs("invoices", "", nil)
	up := l.chargebeeIDs("invoices", "&sort_by[asc]=date", nil)
	if len(down) != l.world.Counts()["chargebee/invoices"] || len(down) < 80 {
		t.Errorf("the list holds %d invoices, the world %d", len(down), l.world.Counts()["chargebee/invoices"])
	}
	slices.Reverse(up)
	if !slices.Equal(down, up) {
		t.Error("the two directions hold different rows")
	}
	live, all := l.chargebeeIDs("customers", "", nil), l.chargebeeIDs("customers", "&include_deleted=true", nil)
	if len(all) != len(live)+1 {
		t.Errorf("%d customers, and %d with the deleted one", len(live), len(all))
	}
	// A moment is left out by after, and kept by before plus one.
	_, body, _ := l.get("/api/v2/invoices?limit=1&sort_by[asc]=updated_at")
	first := object(object(list(body["list"])[0])["invoice"])
	at := int64(first["updated_at"].(float64))
	after, before := l.chargebeeIDs("invoices", fmt.Sprintf("&updated_at[after]=%d", at), nil), l.chargebeeIDs("invoices", fmt.Sprintf("&updated_at[before]=%d", at+1), nil)
	if len(after)+len(before) != len(down) || slices.Contains(after, str(first["id"])) || !slices.Contains(before, str(first["id"])) {
		t.Errorf("%d after and %d before a moment are not %d", len(after), len(before), len(down))
	}
}

// TestChargebeePagesHoldWhileThingsChange: what changes between two pages moves to the end, and nothing else
// is hidden.
func TestChargebeePagesHoldWhileThingsChange(t *testing.T) {
	l := chargebee(t, sandbox.Options{Companies: 40})
	was := l.chargebeeIDs("customers", "", nil)
	now := l.world.Now()
	seen := l.chargebeeIDs("customers", "&sort_by[asc]=updated_at&include_deleted=true&limit=5", func() {
		now = now.Add(time.Minute)
		l.world.Step(now)
	})
	for _, id := range was {
		if !slices.Contains(seen, id) {
			t.Errorf("customer %s was hidden by what changed between two pages", id)
		}
	}
}

func TestChargebeeRefuses(t *testing.T) {
	l := chargebee(t, sandbox.Options{Companies: 20})
	for target, want := range map[string]int{
		"/api/v2/customers?limit=101": 400, "/api/v2/customers?changed=1": 400, "/api/v2/customers?offset=x": 400,
		"/api/v2/customers?updated_at[after]=soon": 400, "/api/v2/quotes?sort_by[asc]=updated_at": 400, "/api/v2/customers/nobody": 404, "/api/v2/coupons": 404,
	} {
		if status, body, _ := l.get(target); status != want || str(body["api_error_code"]) == "" {
			t.Errorf("%s gave %d %v, want %d", target, status, body, want)
		}
	}
	l.sign = func(r *http.Request) { r.SetBasicAuth("wrong", "") }
	if status, body, _ := l.get("/api/v2/customers"); status != 401 || body["api_error_code"] != "api_authentication_failed" {
		t.Errorf("a wrong key gave %d %v", status, body)
	}
}

func TestChargebeeLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := chargebee(t, sandbox.Options{Companies: 20, Limits: true})
		for range 150 {
			if status, _, _ := l.get("/api/v2/quotes"); status != 200 {
				t.Fatalf("a request within the limit gave %d", status)
			}
		}
		status, body, header := l.get("/api/v2/quotes")
		if status != 429 || body["api_error_code"] != "api_request_limit_exceeded" || header.Get("Retry-After") == "" {
			t.Errorf("beyond the limit: %d %v %v", status, body, header)
		}
	})
}

// TestBooksFollowTheAccounts: what happens to an account stands in the books of all three systems at the next
// request, with the world's time, and what does not happen leaves them alone.
func TestBooksFollowTheAccounts(t *testing.T) {
	l := chargebee(t, sandbox.Options{Companies: 40})
	now := l.world.Now()
	since := fmt.Sprintf("&updated_at[after]=%d", now.Unix())
	if ids := l.chargebeeIDs("invoices", since, nil); len(ids) != 0 {
		t.Errorf("before anything happened %d invoices had changed", len(ids))
	}
	for range 30 {
		now = now.Add(time.Minute)
		l.world.Step(now)
	}
	now = now.Add(time.Minute)
	l.world.Step(now)
	changed := l.chargebeeIDs("invoices", since, nil)
	if len(changed) == 0 {
		t.Fatal("nothing changed")
	}
	for _, id := range changed {
		_, body, _ := l.get("/api/v2/invoices/" + id)
		if at := int64(object(body["invoice"])["updated_at"].(float64)); at > now.Unix() {
			t.Errorf("invoice %s changed at %d, in the future", id, at)
		}
	}
	if again := l.chargebeeIDs("invoices", fmt.Sprintf("&updated_at[after]=%d", now.Unix()), nil); len(again) != 0 {
		t.Errorf("asking alone changed %d invoices", len(again))
	}
}
