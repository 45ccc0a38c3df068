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

func intercom(t *testing.T, o sandbox.Options) *ledger {
	o.Seed, o.Now = 7, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	w := sandbox.NewWorld(o)
	return &ledger{t, w, w.Intercom(), func(r *http.Request) {
		r.Header.Set("Authorization", "Bearer "+sandbox.IntercomToken)
		r.Header.Set("Intercom-Version", "2.16")
	}}
}

// post returns the status and the answer of a search.
func (l *ledger) post(target, body string) (int, map[string]any) {
	l.t.Helper()
	r := httptest.NewRequestWithContext(l.t.Context(), http.MethodPost, target, strings.NewReader(body))
	l.sign(r)
	rec := httptest.NewRecorder()
	l.server.ServeHTTP(rec, r)
	var out map[string]any
	if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil {
		l.t.Fatalf("%s: %v", target, err)
	}
	return rec.Code, out
}

func codeOf(body map[string]any) string {
	if all := list(body["errors"]); len(all) > 0 {
		return str(object(all[0])["code"])
	}
	return ""
}

// TestIntercomSearchesByTheDay: whatever moment is asked for, whole days of the workspace are found.
func TestIntercomSearchesByTheDay(t *testing.T) {
	l := intercom(t, sandbox.Options{Companies: 60})
	count := func(operator string, moment int64) float64 {
		t.Helper()
		status, body := l.post("/conversations/search", fmt.Sprintf(`{"query":{"field":"updated_at","operator":%q,"value":"%d"}}`, operator, moment))
		if status != http.StatusOK {
			t.Fatalf("%d %v", status, body)
		}
		return body["total_count"].(float64)
	}
	zone, err := time.LoadLocation(sandbox.IntercomZone)
	if err != nil {
		zone = time.FixedZone("", -8*60*60)
	}
	_, all, _ := l.get("/conversations?per_page=1")
	total := all["total_count"].(float64)
	row := object(list(all["conversations"])[0])
	at := time.Unix(int64(row["updated_at"].(float64)), 0).In(zone)
	morning := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, zone)
	for _, moment := range []time.Time{morning, at, morning.AddDate(0, 0, 1).Add(-time.Second)} {
		same, later, earlier := count("=", moment.Unix()), count(">", moment.Unix()), count("<", moment.Unix())
		if same == 0 || same+later+earlier != total || same != count("=", at.Unix()) {
			t.Errorf("at %s: %v of the day, %v later, %v earlier, %v in all", moment, same, later, earlier, total)
		}
	}
	for _, body := range []string{
		`{"query":{"field":"updated_at","operator":">=","value":"1"}}`, `{"query":{"field":"mood","operator":"=","value":"1"}}`, `{`,
		`{"query":{"field":"updated_at","operator":">","value":"1"},"pagination":{"per_page":151}}`,
	} {
		if status, answer := l.post("/conversations/search", body); status != http.StatusBadRequest || codeOf(answer) == "" {
			t.Errorf("%s gave %d %v", body, status, answer)
		}
	}
}

// TestIntercomPages: a search holds its place while things change, and lists give each object once.
func TestIntercomPages(t *testing.T) {
	l := intercom(t, sandbox.Options{Companies: 60})
	now := l.world.Now()
	seen, after := map[string]int{}, ""
	was := l.world.Counts()["intercom/tickets"]
	for {
		_, body := l.post("/tickets/search", fmt.Sprintf(`{"query":{"field":"created_at","operator":">","value":"0"},"sort":{"field":"updated_at","order":"ascending"},
			"pagination":{"per_page":7,"starting_after":%q}}`, after))
		for _, row := range list(body["tickets"]) {
			seen[str(object(row)["id"])]++
		}
		if after = str(object(object(body["pages"])["next"])["starting_after"]); after == "" {
			break
		}
		now = now.Add(time.Minute)
		l.world.Step(now)
	}
	if len(seen) < was-9 { // some were deleted meanwhile
		t.Errorf("%d tickets were seen, there were %d", len(seen), was)
	}
	ids, after := map[string]bool{}, ""
	for {
		_, body, _ := l.get("/contacts?per_page=11&starting_after=" + after)
		for _, row := range list(body["data"]) {
			id := str(object(row)["id"])
			if ids[id] {
				t.Errorf("contact %s came twice", id)
			}
			ids[id] = true
		}
		if after = str(object(object(body["pages"])["next"])["starting_after"]); after == "" {
			break
		}
	}
	if len(ids) < 20 {
		t.Errorf("only %d contacts", len(ids))
	}
}

// TestIntercomMerges: the one that was merged away is gone for good and says where it went; the other one
// remembers it where it is asked.
func TestIntercomMerges(t *testing.T) {
	l := intercom(t, sandbox.Options{Companies: 60})
	now := l.world.Now()
	for range 80 {
		now = now.Add(10 * time.Minute)
		l.world.Step(now)
		l.get("/me")
	}
	_, body, _ := l.get("/contacts?per_page=150&include_merge_history=true")
	merges := 0
	for _, row := range list(body["data"]) {
		for _, m := range list(object(row)["merge_history"]) {
			merges++
			status, answer, header := l.get("/contacts/" + str(object(m)["source_contact_id"]))
			if status != http.StatusGone || codeOf(answer) != "contact_merged" || !strings.Contains(header.Get("Link"), str(object(row)["id"])) {
				t.Errorf("who was merged away gave %d %v %s", status, answer, header.Get("Link"))
			}
		}
	}
	if merges == 0 {
		t.Error("nobody was merged")
	}
	_, plain, _ := l.get("/contacts?per_page=150")
	if _, told := object(list(plain["data"])[0])["merge_history"]; told {
		t.Error("the history of merges is told without being asked for")
	}
	if _, gone, _ := l.get("/conversations/deleted"); len(list(gone["conversations"])) == 0 {
		t.Error("no conversation was deleted")
	}
}

func TestIntercomScroll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := intercom(t, sandbox.Options{Companies: 300})
		_, first, _ := l.get("/companies/scroll")
		param := str(first["scroll_param"])
		if status, body, _ := l.get("/companies/scroll"); status != http.StatusBadRequest || codeOf(body) != "scroll_exists" {
			t.Errorf("a second scroll gave %d %v", status, body)
		}
		n := len(list(first["data"]))
		for {
			_, body, _ := l.get("/companies/scroll?scroll_param=" + param)
			if len(list(body["data"])) == 0 {
				break
			}
			n += len(list(body["data"]))
		}
		if want := l.world.Counts()["intercom/companies"]; n != want {
			t.Errorf("the scroll gave %d companies, want %d", n, want)
		}
		_, again, _ := l.get("/companies/scroll")
		time.Sleep(61 * time.Second)
		if status, _, _ := l.get("/companies/scroll?scroll_param=" + str(again["scroll_param"])); status != http.StatusNotFound {
			t.Errorf("a scroll that was left alone gave %d", status)
		}
	})
}

func TestIntercomRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := intercom(t, sandbox.Options{Companies: 20, Limits: true})
		for target, want := range map[string]int{
			"/contacts?per_page=151": 400, "/conversations/deleted?per_page=61": 400, "/data_attributes?model=conversation": 422, "/contacts/nobody": 404,
			"/companies/nobody": 404, "/deals": 404,
		} {
			if status, body, _ := l.get(target); status != want || codeOf(body) == "" {
				t.Errorf("%s gave %d %v, want %d", target, status, body, want)
			}
		}
		var header http.Header
		for range 170 {
			status := 0
			if status, _, header = l.get("/me"); status == http.StatusTooManyRequests {
				break
			}
		}
		if header.Get("X-RateLimit-Remaining") != "0" || header.Get("X-RateLimit-Reset") == "" {
			t.Errorf("beyond the limit: %v", header)
		}
		time.Sleep(10 * time.Second)
		good := l.sign
		l.sign = func(r *http.Request) { good(r); r.Header.Set("Intercom-Version", "9.9") }
		if status, body, _ := l.get("/me"); status != 400 || codeOf(body) != "intercom_version_invalid" {
			t.Errorf("another version gave %d %v", status, body)
		}
		l.sign = func(r *http.Request) { r.Header.Set("Authorization", "Bearer wrong") }
		if status, body, _ := l.get("/me"); status != 401 || codeOf(body) != "unauthorized" {
			t.Errorf("a wrong token gave %d %v", status, body)
		}
	})
}
