package sandbox_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/lifecyclehub/hub/sandbox"
)

func TestWrongCredentialIsRefused(t *testing.T) {
	w := small()
	for name, c := range map[string]struct {
		h    http.Handler
		path string
		want string
	}{
		"hubspot": {w.HubSpot(), "/crm/v3/objects/contacts", "INVALID_AUTHENTICATION"},
		"stripe":  {w.Stripe(), "/v1/customers", "Invalid API Key"},
		"zendesk": {w.Zendesk(), "/api/v2/users/me", "authenticate"},
	} {
		r := httptest.NewRequest("GET", c.path, nil)
		r.Header.Set("Authorization", "Bearer wrong")
		rec := httptest.NewRecorder()
		c.h.ServeHTTP(rec, r)
		if rec.Code != 401 || !strings.Contains(rec.Body.String(), c.want) {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
	}
}

func TestSearchPagesByKeyAndStopsAtTheCap(t *testing.T) {
	w := small()
	hubspot, _, _ := vendors(t, w, nil)
	seen, since, lastID := map[string]int{}, int64(0), "0"
	for { // the way to read on beyond the cap: start again at the last moment, tie-broken by id
		body := mustJSON(t, fmt.Sprintf(`{"filterGroups":[
			{"filters":[{"propertyName":"lastmodifieddate","operator":"GT","value":"%d"}]},
			{"filters":[{"propertyName":"lastmodifieddate","operator":"EQ","value":"%d"},{"propertyName":"hs_object_id","operator":"GT","value":"%s"}]}],
			"sorts":["lastmodifieddate","hs_object_id"],"properties":["email"],"limit":17,"after":"0"}`, since, since, lastID))
		rows := list(hubspot.ok("POST", "/crm/v3/objects/contacts/search", body)["results"])
		if len(rows) == 0 {
			break
		}
		for _, row := range rows {
			lastID = str(object(row)["id"])
			seen[lastID]++
			since = moment(t, object(row)["updatedAt"]).UnixMilli()
		}
	}
	if len(seen) != w.Counts()["hubspot/contacts"] {
		t.Errorf("found %d of %d contacts", len(seen), w.Counts()["hubspot/contacts"])
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("contact %s came %d times", id, n)
		}
	}
	status, answer := hubspot.call("POST", "/crm/v3/objects/contacts/search", mustJSON(t, `{"filterGroups":[],"limit":100,"after":"9950"}`))
	if status != 400 || answer["category"] != "VALIDATION_ERROR" {
		t.Errorf("beyond the cap: %d %v", status, answer)
	}
}

func TestStripeListsNewestFirstBothWays(t *testing.T) {
	_, stripe, _ := vendors(t, small(), nil)
	top := list(stripe.ok("GET", "/v1/invoices?limit=5", nil)["data"])
	last := str(object(top[4])["id"])
	back := list(stripe.ok("GET", "/v1/invoices?limit=2&ending_before="+last, nil)["data"])
	if str(object(back[0])["id"]) != str(object(top[2])["id"]) || str(object(back[1])["id"]) != str(object(top[3])["id"]) {
		t.Errorf("ending_before gives other rows than the list itself")
	}
	for _, row := range list(stripe.ok("GET", "/v1/subscriptions?limit=100", nil)["data"]) {
		if object(row)["status"] == "canceled" {
			t.Fatal("a list without status shows a canceled subscription")
		}
	}
	if status, answer := stripe.call("GET", "/v1/invoices?updated[gte]=1", nil); status != 400 {
		t.Errorf("a filter that does not exist: %d %v", status, answer)
	}
}

func TestWriteThenReadBack(t *testing.T) {
	w := small()
	hubspot, stripe, zendesk := vendors(t, w, nil)
	company := object(list(hubspot.ok("GET", "/crm/v3/objects/companies?limit=1", nil)["results"])[0])
	id := str(company["id"])
	write := func(value string) (int, map[string]any) {
		return hubspot.call("POST", "/crm/v3/objects/companies/batch/update", mustJSON(t, fmt.Sprintf(`{"inputs":[{"id":%q,"properties":{"hub_score":%q}}]}`, id, value)))
	}
	if status, answer := write("80"); status != 400 || !strings.Contains(fmt.Sprint(answer["message"]), "PROPERTY_DOESNT_EXIST") {
		t.Fatalf("unknown property: %d %v", status, answer)
	}
	if status, answer := hubspot.call("POST", "/crm/v3/properties/companies", mustJSON(t, `{"name":"hub_score","label":"Score","type":"number","fieldType":"number","groupName":"companyinformation"}`)); status != 201 {
		t.Fatal(answer)
	}
	if status, answer := write("good"); status != 400 {
		t.Fatalf("text in a number: %d %v", status, answer)
	}
	for range 2 { // the second time nothing changes
		if status, answer := write("80"); status != 200 {
			t.Fatal(answer)
		}
	}
	got := hubspot.ok("GET", "/crm/v3/objects/companies/"+id+"?properties=hub_score", nil)
	if v, _ := w.Field("hubspot", "companies", id, "hub_score"); v != "80" || object(got["properties"])["hub_score"] != "80" {
		t.Errorf("read back %v and %q", got, v)
	}
	if !moment(t, got["updatedAt"]).After(moment(t, company["updatedAt"])) {
		t.Error("a write does not move updatedAt")
	}
	if calls, values := w.Writes(); calls != 2 || values != 1 {
		t.Errorf("%d calls changed %d values, want 2 and 1", calls, values)
	}

	if status, answer := hubspot.call("POST", "/crm/v3/objects/companies/batch/update", mustJSON(t, fmt.Sprintf(`{"inputs":[{"id":%q,"properties":{"nps_answered_at":"1767225600000"}}]}`, id))); status != 200 {
		t.Fatal(answer)
	}
	if v, _ := w.Field("hubspot", "companies", id, "nps_answered_at"); v != "2026-01-01T00:00:00Z" {
		t.Errorf("a moment in milliseconds is kept as %q", v)
	}
	customer := str(object(list(stripe.ok("GET", "/v1/customers?limit=1", nil)["data"])[0])["id"])
	if status, answer := stripe.call("POST", "/v1/customers/"+customer, "metadata[hub_score]=81"); status != 200 {
		t.Fatal(answer)
	}
	if v, _ := w.Field("stripe", "customers", customer, "hub_score"); v != "81" {
		t.Errorf("metadata is %q", v)
	}
	if status, answer := zendesk.call("POST", "/api/v2/user_fields.json", mustJSON(t, `{"user_field":{"key":"hub_score","title":"Score","type":"integer"}}`)); status != 201 {
		t.Fatal(answer)
	}
	job := object(zendesk.ok("PUT", "/api/v2/users/update_many.json", mustJSON(t, `{"users":[{"id":400002,"user_fields":{"hub_score":82}},{"id":5,"user_fields":{}}]}`))["job_status"])
	done := object(zendesk.ok("GET", "/api/v2/job_statuses/"+str(job["id"]), nil)["job_status"])
	if job["status"] != "queued" || done["status"] != "completed" || len(list(done["results"])) != 2 || object(list(done["results"])[1])["success"] != false {
		t.Errorf("job %v, then %v", job, done)
	}
	if v, _ := w.Field("zendesk", "users", "400002", "hub_score"); v != "82" {
		t.Errorf("user field is %q", v)
	}
}

func TestLimitsFollowThePublishedRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 20, Now: noon(), Limits: true})
		hubspot, stripe, zendesk := vendors(t, w, nil)
		burst := func(v *vendor, method, path string, body any) (passed int) {
			for range 120 {
				if status, _ := v.call(method, path, body); status == 200 {
					passed++
				}
			}
			return passed
		}
		search := mustJSON(t, `{"filterGroups":[],"limit":1}`)
		for _, c := range []struct {
			v            *vendor
			method, path string
			body         any
			want         int
			again        time.Duration
		}{
			{hubspot, "POST", "/crm/v3/objects/contacts/search", search, 5, time.Second},
			{stripe, "GET", "/v1/customers?limit=1", nil, 100, time.Second},
			{zendesk, "GET", "/api/v2/incremental/users/cursor?start_time=0", nil, 10, time.Minute},
		} {
			if n := burst(c.v, c.method, c.path, c.body); n != c.want {
				t.Errorf("%s: %d of 120 at once passed, want %d", c.path, n, c.want)
			}
			<-time.After(c.again) // the bubble's clock, not the machine's
			if n := burst(c.v, c.method, c.path, c.body); n != c.want {
				t.Errorf("%s: %d passed after the window, want %d", c.path, n, c.want)
			}
		}
		<-time.After(10 * time.Second)
		if n := burst(hubspot, "GET", "/crm/v3/objects/contacts?limit=1", nil); n != 100 {
			t.Errorf("%d lists passed in ten seconds, want 100", n)
		}
	})
}

func get(t *testing.T, url, token string) (*http.Response, []byte, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res, body, err
}

func TestFaultsOverRealConnections(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	defer http.DefaultClient.CloseIdleConnections()
	w := small()
	s, err := sandbox.Serve(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	url := s.URLs[sandbox.VendorStripe] + "/v1/customers?limit=3"
	_, whole, err := get(t, url, sandbox.StripeKey)
	if err != nil {
		t.Fatal(err)
	}
	w.Inject(sandbox.VendorStripe, sandbox.Fault{Match: "/v1/customers", Status: 503, RetryAfter: "7", Body: "down"})
	w.Inject(sandbox.VendorStripe, sandbox.Fault{Match: "/v1/customers", CutAfter: 100})
	w.Inject(sandbox.VendorStripe, sandbox.Fault{Match: "/v1/customers", Huge: 1 << 20})
	if res, body, err := get(t, url, sandbox.StripeKey); err != nil || res.StatusCode != 503 || res.Header.Get("Retry-After") != "7" || string(body) != "down" {
		t.Errorf("status fault: %v %s %v", res, body, err)
	}
	if _, body, err := get(t, url, sandbox.StripeKey); !errors.Is(err, io.ErrUnexpectedEOF) || len(body) != 100 {
		t.Errorf("cut: %d bytes, %v", len(body), err)
	}
	if _, body, err := get(t, url, sandbox.StripeKey); err != nil || len(body) < 1<<20 {
		t.Errorf("huge: %d bytes, %v", len(body), err)
	}
	if _, body, err := get(t, url, sandbox.StripeKey); err != nil || string(body) != string(whole) {
		t.Errorf("after the faults the true answer does not come: %v", err)
	}
}

func TestRepeatedTokens(t *testing.T) {
	w := small()
	hubspot, stripe, zendesk := vendors(t, w, nil)
	after := "7100001"
	id := str(object(list(stripe.ok("GET", "/v1/customers?limit=2", nil)["data"])[1])["id"])
	cursor := str(zendesk.ok("GET", "/api/v2/incremental/users/cursor?start_time=0&per_page=5", nil)["after_cursor"])
	for _, v := range []string{sandbox.VendorHubSpot, sandbox.VendorStripe, sandbox.VendorZendesk} {
		w.Inject(v, sandbox.Fault{RepeatToken: true})
	}
	if next := object(object(hubspot.ok("GET", "/crm/v3/objects/companies?after="+after, nil)["paging"])["next"]); next["after"] != after {
		t.Errorf("hubspot: %v", next)
	}
	page := stripe.ok("GET", "/v1/customers?starting_after="+id, nil)
	if rows := list(page["data"]); page["has_more"] != true || str(object(rows[len(rows)-1])["id"]) != id {
		t.Errorf("stripe: %v", page["has_more"])
	}
	if page := zendesk.ok("GET", "/api/v2/incremental/users/cursor?cursor="+cursor, nil); page["after_cursor"] != cursor || page["end_of_stream"] != false {
		t.Errorf("zendesk: %v", page["after_cursor"])
	}
}

func TestTheLastMinuteIsClosedWhereLimitsHold(t *testing.T) {
	w := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 20, Now: noon(), Limits: true})
	_, _, zendesk := vendors(t, w, nil)
	cursor := "/api/v2/incremental/tickets/cursor?cursor=" + str(zendesk.ok("GET", "/api/v2/incremental/tickets/cursor?start_time=0", nil)["after_cursor"])
	for i := range 6 {
		w.Step(noon().Add(time.Duration(i+1) * time.Second))
	}
	if n := len(list(zendesk.ok("GET", cursor, nil)["tickets"])); n != 0 {
		t.Errorf("%d tickets of the last minute are exported", n)
	}
	w.Step(noon().Add(2 * time.Minute))
	if n := len(list(zendesk.ok("GET", cursor, nil)["tickets"])); n == 0 {
		t.Error("a minute later nothing is exported")
	}
	if status, _ := zendesk.call("GET", fmt.Sprintf("/api/v2/incremental/tickets/cursor?start_time=%d", noon().Unix()+90), nil); status != 400 {
		t.Errorf("a start within the last minute: %d", status)
	}
}

func TestCursorBeyondTheEndStaysThere(t *testing.T) {
	w := small()
	_, _, zendesk := vendors(t, w, nil)
	page := zendesk.ok("GET", "/api/v2/incremental/tickets/cursor?start_time="+strconv.FormatInt(noon().Unix()+100, 10), nil)
	if n := len(list(page["tickets"])); n != 0 {
		t.Fatalf("%d tickets of the future", n)
	}
	cursor := "/api/v2/incremental/tickets/cursor?cursor=" + str(page["after_cursor"])
	for i := 0; len(list(zendesk.ok("GET", cursor, nil)["tickets"])) == 0; i++ {
		if i > 20 {
			t.Fatal("no ticket changes in 20 steps")
		}
		w.Step(noon().Add(time.Duration(i+200) * time.Second))
	}
	if n := len(list(zendesk.ok("GET", cursor, nil)["tickets"])); n > 3 {
		t.Errorf("the cursor went back to the start: %d tickets", n)
	}
}

func TestReceiver(t *testing.T) {
	r := sandbox.NewReceiver(func(h http.Header, b []byte) error {
		if h.Get("x-ok") == "" {
			return errors.New("not signed")
		}
		return nil
	}, 2)
	post := func(id, body string, ok bool) int {
		req := httptest.NewRequest("POST", "/", strings.NewReader(body))
		req.Header.Set("webhook-id", id)
		if ok {
			req.Header.Set("x-ok", "1")
		}
		rec := httptest.NewRecorder()
		r.ServeHTTP(rec, req)
		return rec.Code
	}
	r.FailNext(1, 500)
	got := []int{post("a", "1", true), post("a", "1", true), post("a", "1", true), post("b", "2", false), post("b", "2", true), post("c", "3", true)}
	if fmt.Sprint(got) != "[500 204 204 401 204 204]" {
		t.Errorf("answers %v", got)
	}
	if c := r.Counts(); c != (sandbox.ReceiverCounts{Verified: 3, Duplicate: 1, Rejected: 1, Failed: 1}) {
		t.Errorf("%+v", c)
	}
	if b := r.Bodies(); len(b) != 2 || string(b[0]) != "2" || string(b[1]) != "3" {
		t.Errorf("%q", b)
	}
}
