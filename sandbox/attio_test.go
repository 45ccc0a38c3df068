package sandbox_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lifecyclehub/hub/sandbox"
)

func attio(t *testing.T, o sandbox.Options) *ledger {
	o.Seed, o.Now = 7, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	w := sandbox.NewWorld(o)
	return &ledger{t, w, w.Attio(), func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+sandbox.AttioToken) }}
}

// attioQuery asks an object's list.
func (l *ledger) attioQuery(object, body string) (int, []any) {
	l.t.Helper()
	r := httptest.NewRequestWithContext(l.t.Context(), http.MethodPost, "/v2/objects/"+object+"/records/query", strings.NewReader(body))
	l.sign(r)
	rec := httptest.NewRecorder()
	l.server.ServeHTTP(rec, r)
	var out map[string]any
	if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil {
		l.t.Fatal(err)
	}
	return rec.Code, list(out["data"])
}

func TestAttioQueries(t *testing.T) {
	l := attio(t, sandbox.Options{Companies: 40})
	ids, last := map[string]bool{}, ""
	for offset := 0; ; offset += 15 {
		_, rows := l.attioQuery("people", fmt.Sprintf(`{"limit":15,"offset":%d,"sorts":[{"attribute":"created_at","direction":"asc"}]}`, offset))
		for _, row := range rows {
			created := str(object(row)["created_at"])
			if created < last {
				t.Errorf("%s comes after %s", created, last)
			}
			last = created
			ids[str(object(object(row)["id"])["record_id"])] = true
		}
		if len(rows) < 15 {
			break
		}
	}
	if want := l.world.Counts()["attio/people"]; len(ids) != want {
		t.Errorf("the pages hold %d people, want %d", len(ids), want)
	}
	// The moment itself is among what is asked for, and those of an import share one.
	moment := l.world.Now().Add(-30 * 24 * time.Hour).Format(time.RFC3339Nano)
	_, rows := l.attioQuery("people", `{"limit":500,"filter":{"created_at":{"$gte":"`+moment+`"}},"sorts":[{"attribute":"created_at","direction":"asc"}]}`)
	same := 0
	for _, row := range rows {
		if strings.HasPrefix(str(object(row)["created_at"]), moment[:19]) {
			same++
		}
	}
	if same != 50 {
		t.Errorf("%d people were made at the moment of the import, want 50", same)
	}
}

func TestAttioRefuses(t *testing.T) {
	l := attio(t, sandbox.Options{Companies: 20})
	for body, want := range map[string]int{`{"limit":501}`: 400, `{"limit":"20"}`: 400, `{"offset":"0"}`: 400, `{"filter":{"created_at":{"$gte":"soon"}}}`: 400, `{}`: 200} {
		if status, _ := l.attioQuery("companies", body); status != want {
			t.Errorf("%s gave %d, want %d", body, status, want)
		}
	}
	for target, want := range map[string]int{"/v2/objects/people/records/nobody": 404, "/v2/objects/things/attributes": 404, "/v2/objects/deals/attributes": 200, "/v2/lists": 404} {
		if status, body, _ := l.get(target); status != want {
			t.Errorf("%s gave %d %v, want %d", target, status, body, want)
		}
	}
	l.sign = func(*http.Request) {}
	if status, body, _ := l.get("/v2/self"); status != 401 || body["type"] != "auth_error" {
		t.Errorf("without a token the answer is %d %v", status, body)
	}
}

func TestAttioLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := attio(t, sandbox.Options{Companies: 20, Limits: true})
		for range 100 {
			if status, _, _ := l.get("/v2/self"); status != 200 {
				t.Fatalf("a request within the limit gave %d", status)
			}
		}
		if status, body, header := l.get("/v2/self"); status != 429 || body["code"] != "rate_limit_exceeded" || header.Get("Retry-After") == "" {
			t.Errorf("beyond the limit: %d %v %v", status, body, header)
		}
	})
}
