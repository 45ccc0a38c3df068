package sandbox_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lifecyclehub/hub/sandbox"
)

// zoho signs with a token of the authorization server.
func zoho(t *testing.T, o sandbox.Options) *ledger {
	t.Helper()
	o.Seed, o.Now = 7, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	w := sandbox.NewWorld(o)
	l := &ledger{t, w, w.Zoho(), nil}
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {w.OAuth(sandbox.VendorZoho).Consent()}, "client_id": {sandbox.OAuthClientID}, "client_secret": {sandbox.OAuthClientSecret}}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/oauth/v2/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rec := httptest.NewRecorder()
	l.server.ServeHTTP(rec, r)
	var answer map[string]any
	if err := json.Unmarshal(rec.Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	l.sign = func(r *http.Request) { r.Header.Set("Authorization", "Zoho-oauthtoken "+str(answer["access_token"])) }
	return l
}

// zohoIDs reads all pages and returns the ids in their order.
func (l *ledger) zohoIDs(path string) []string {
	l.t.Helper()
	var ids []string
	for token := ""; ; {
		status, body, _ := l.get(path + "&page_token=" + url.QueryEscape(token))
		if status != http.StatusOK {
			l.t.Fatalf("%s gave %d %v", path, status, body)
		}
		for _, row := range list(body["data"]) {
			ids = append(ids, str(object(row)["id"]))
		}
		if token = str(object(body["info"])["next_page_token"]); token == "" {
			return ids
		}
	}
}

func TestZohoPages(t *testing.T) {
	l := zoho(t, sandbox.Options{Companies: 60})
	for _, module := range []string{"Accounts", "Contacts", "Deals", "Quotes", "Invoices"} {
		ids := l.zohoIDs("/crm/v8/" + module + "?fields=Owner&per_page=7")
		if want := l.world.Counts()["zoho/"+strings.ToLower(module)]; len(ids) != want || !slices.IsSorted(ids) || want == 0 {
			t.Errorf("%s holds %d records, sorted %t, want %d", module, len(ids), slices.IsSorted(ids), want)
		}
	}
	plain, both := l.zohoIDs("/crm/v8/Leads?fields=Company"), l.zohoIDs("/crm/v8/Leads?fields=Company&converted=both")
	if len(plain) >= len(both) || len(plain) == 0 {
		t.Errorf("%d leads, and %d with the converted ones", len(plain), len(both))
	}
	_, body, _ := l.get("/crm/v8/Contacts/deleted?type=all")
	if gone := list(body["data"]); len(gone) != 1 || str(object(gone[0])["deleted_time"]) == "" {
		t.Errorf("deleted are %v", gone)
	}
}

func TestZohoRefuses(t *testing.T) {
	l := zoho(t, sandbox.Options{Companies: 60})
	_, body, _ := l.get("/crm/v8/Contacts?fields=Email&per_page=10")
	token := str(object(body["info"])["next_page_token"])
	many := strings.Repeat("Email,", 50) + "Phone"
	for target, want := range map[string]string{
		"/crm/v8/Contacts": "REQUIRED_PARAM_MISSING", "/crm/v8/Contacts?fields=" + many: "LIMIT_EXCEEDED", "/crm/v8/Things?fields=Email": "INVALID_MODULE",
		"/crm/v8/Contacts?fields=Phone&per_page=10&page_token=" + token:        "TOKEN_BOUND_DATA_MISMATCH",
		"/crm/v8/Contacts?fields=Email&ids=" + strings.Repeat("1,", 100) + "1": "LIMIT_EXCEEDED",
		"/crm/v8/Contacts/deleted?page=11":                                     "DISCRETE_PAGINATION_LIMIT_EXCEEDED",
	} {
		if status, body, _ := l.get(target); status != 400 || body["code"] != want {
			t.Errorf("%.80s gave %d %v, want %s", target, status, body, want)
		}
	}
	if status, _, _ := l.get("/crm/v8/Contacts?fields=Email&ids=1"); status != http.StatusNoContent {
		t.Errorf("records that are not there gave %d", status)
	}
	sign := l.sign
	l.sign = func(r *http.Request) {
		sign(r)
		r.Header.Set("If-Modified-Since", "2026-03-01T12:00:00Z")
	}
	if status, _, _ := l.get("/crm/v8/Contacts?fields=Email"); status != http.StatusNotModified {
		t.Errorf("before anything changed the answer is %d", status)
	}
	l.sign = func(r *http.Request) { r.Header.Set("Authorization", "Zoho-oauthtoken wrong") }
	if status, body, _ := l.get("/crm/v8/Contacts?fields=Email"); status != 401 || body["code"] != "INVALID_TOKEN" {
		t.Errorf("a wrong token gave %d %v", status, body)
	}
}

func TestZohoCredits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := zoho(t, sandbox.Options{Companies: 20, Limits: true})
		for range 3 {
			if status, _, header := l.get("/crm/v8/Quotes?fields=Subject"); status != 200 || header.Get("X-API-CREDITS-REMAINING") == "" {
				t.Fatalf("a request within the limit gave %d %v", status, header)
			}
		}
		_, _, header := l.get("/crm/v8/Quotes?fields=Subject")
		if left, err := strconv.Atoi(header.Get("X-API-CREDITS-REMAINING")); left != 4996 || err != nil {
			t.Errorf("after four requests %d credits are left", left)
		}
		for range 46 {
			l.get("/crm/v8/Quotes?fields=Subject")
		}
		if status, body, _ := l.get("/crm/v8/Quotes?fields=Subject"); status != 429 || body["code"] != "TOO_MANY_REQUESTS" {
			t.Errorf("beyond the limit: %d %v", status, body)
		}
	})
}
