package sandbox_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lifecyclehub/hub/sandbox"
)

// freshdesk is a help desk that was lived in for a day.
func freshdesk(t *testing.T, o sandbox.Options) *ledger {
	o.Seed, o.Now = 7, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	w := sandbox.NewWorld(o)
	return &ledger{t, w, w.Freshdesk(), func(r *http.Request) { r.SetBasicAuth(sandbox.FreshdeskKey, "X") }}
}

// rows returns the status, the list and the header of an answer.
func (l *ledger) rows(target string) (int, []map[string]any, http.Header) {
	l.t.Helper()
	r := httptest.NewRequestWithContext(l.t.Context(), http.MethodGet, "/api/v2/"+target, nil)
	l.sign(r)
	rec := httptest.NewRecorder()
	l.server.ServeHTTP(rec, r)
	var rows []map[string]any
	if rec.Code == http.StatusOK {
		if err := json.Unmarshal(rec.Body.Bytes(), &rows); err != nil {
			l.t.Fatalf("%s: %v", target, err)
		}
	}
	return rec.Code, rows, rec.Header()
}

func TestFreshdeskTickets(t *testing.T) {
	l := freshdesk(t, sandbox.Options{Companies: 60})
	seen, since, last := map[float64]bool{}, "2000-01-01T00:00:00Z", ""
	for range 100 {
		_, rows, _ := l.rows("tickets?per_page=50&order_by=updated_at&order_type=asc&updated_since=" + since)
		for _, row := range rows {
			if at := str(row["updated_at"]); at < last {
				t.Fatalf("%s stands behind %s", at, last)
			}
			last = str(row["updated_at"])
			seen[row["id"].(float64)] = true
		}
		if len(rows) < 50 {
			break
		}
		since = last
	}
	if want := l.world.Counts()["freshdesk/tickets"]; len(seen) != want {
		t.Errorf("%d tickets were listed, there are %d", len(seen), want)
	}
	_, recent, _ := l.rows("tickets?per_page=100")
	if len(recent) == 0 || len(recent) >= len(seen) {
		t.Errorf("without a moment, %d of %d tickets are listed", len(recent), len(seen))
	}
	for _, row := range recent {
		if row["stats"] != nil || row["description"] != nil || str(row["created_at"]) < "2026-01-30" {
			t.Errorf("the list tells %v", row)
		}
	}
	_, whole, _ := l.rows("tickets?per_page=1&include=stats")
	if whole[0]["stats"] == nil {
		t.Error("the list does not tell what it was asked to include")
	}
}

func TestFreshdeskPages(t *testing.T) {
	l := freshdesk(t, sandbox.Options{Companies: 60})
	n, target := 0, "contacts?per_page=20"
	for target != "" {
		_, rows, header := l.rows(target)
		n += len(rows)
		link := header.Get("Link")
		target = ""
		if _, rest, ok := strings.Cut(link, "/api/v2/"); ok {
			target, _, _ = strings.Cut(rest, ">")
		}
	}
	if want := l.world.Counts()["freshdesk/contacts"]; n != want || n < 40 {
		t.Errorf("the pages hold %d contacts, want %d", n, want)
	}
}

// TestFreshdeskForgetsNothing: what is deleted is in a list of its own, and says so when asked for alone.
func TestFreshdeskForgetsNothing(t *testing.T) {
	l := freshdesk(t, sandbox.Options{Companies: 60})
	now := l.world.Now()
	for range 40 {
		now = now.Add(10 * time.Minute)
		l.world.Step(now)
	}
	for stream, how := range map[string]string{"tickets": "filter=deleted&updated_since=2026-01-01T00:00:00Z", "contacts": "state=deleted"} {
		_, gone, _ := l.rows(stream + "?per_page=100&" + how)
		if len(gone) == 0 {
			t.Errorf("no deleted %s", stream)
		}
		_, left, _ := l.rows(stream + "?per_page=100")
		for _, row := range gone {
			if row["deleted"] != true || slices.ContainsFunc(left, func(other map[string]any) bool { return other["id"] == row["id"] }) {
				t.Errorf("%s: %v is deleted and is not", stream, row["id"])
			}
		}
	}
	_, before, _ := l.rows("tickets?per_page=100&order_by=updated_at&order_type=asc&updated_since=" + now.Add(-7*time.Hour).Format(time.RFC3339))
	shared := map[string]int{}
	for _, row := range before {
		shared[str(row["updated_at"])]++
	}
	if len(before) < 100 || len(shared) > 1 {
		t.Errorf("a bulk update should give one second to more tickets than a page holds: %d of %v", len(before), shared)
	}
}

func TestFreshdeskRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := freshdesk(t, sandbox.Options{Companies: 20, Limits: true})
		for target, want := range map[string]int{
			"companies?per_page=101": 400, "companies?page=301": 400, "companies?page=x": 400, "tickets?updated_since=yesterday": 400, "tickets/424242": 404,
			"companies/1": 404, "deals": 404,
		} {
			if status, _, _ := l.rows(target); status != want {
				t.Errorf("%s gave %d, want %d", target, status, want)
			}
		}
		status, header := 0, http.Header{}
		for range 21 {
			status, _, header = l.rows("contacts")
		}
		if status != http.StatusTooManyRequests || header.Get("Retry-After") == "" {
			t.Errorf("the 21st list within a minute gave %d %v", status, header)
		}
		if status, _, header = l.rows("companies"); status != http.StatusOK || header.Get("X-RateLimit-Remaining") == "" {
			t.Errorf("other requests gave %d %v", status, header)
		}
		l.sign = func(r *http.Request) { r.SetBasicAuth("wrong", "X") }
		if status, _, _ := l.rows("companies"); status != http.StatusUnauthorized {
			t.Errorf("a wrong key gave %d", status)
		}
	})
}
