package sandbox_test

import (
	"fmt"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/sandbox"
)

func noon() time.Time { return time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC) }

func small() *sandbox.World {
	return sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 60, Now: noon()})
}

func list(v any) []any { l, _ := v.([]any); return l }

func object(v any) map[string]any { m, _ := v.(map[string]any); return m }

// visit counts one object; ids come as text or number.
func visit(t *testing.T, seen map[string]int, stream string, row any) {
	t.Helper()
	id := object(row)["id"]
	if n, ok := id.(float64); ok {
		id = strconv.FormatInt(int64(n), 10)
	}
	seen[fmt.Sprintf("%s/%v", stream, id)]++
}

func (v *vendor) ok(method, path string, body any) map[string]any {
	v.t.Helper()
	status, answer := v.call(method, path, body)
	if status != 200 {
		v.t.Fatalf("%s %s: %d %v", method, path, status, answer)
	}
	return answer
}

func crawlHubSpot(v *vendor, seen map[string]int) {
	v.t.Helper()
	want := map[string]string{"companies": "name,domain,nps_score,product_active_users", "contacts": "firstname,email,nps_score", "deals": "dealname,amount,dealstage,closedate", "tickets": "subject,hs_pipeline_stage", "quotes": "hs_title,hs_status,hs_quote_amount"}
	for stream, properties := range want {
		for _, archived := range []string{"false", "true"} {
			after := ""
			for {
				page := v.ok("GET", fmt.Sprintf("/crm/v3/objects/%s?limit=37&archived=%s&properties=%s&associations=companies,contacts&after=%s", stream, archived, properties, after), nil)
				for _, row := range list(page["results"]) {
					visit(v.t, seen, "hubspot/"+stream+map[string]string{"true": "/deleted"}[archived], row)
				}
				next := object(object(page["paging"])["next"])
				if next == nil {
					break
				}
				after = str(next["after"])
			}
		}
		v.ok("GET", "/crm/v3/properties/"+stream, nil)
		v.ok("GET", "/crm/v3/properties/"+stream+"/groups", nil)
	}
	v.ok("GET", "/account-info/v3/details", nil)
}

func crawlStripe(v *vendor, seen map[string]int) {
	v.t.Helper()
	for _, stream := range []string{"customers", "subscriptions?status=all", "invoices", "events"} {
		after := ""
		for {
			u, err := url.Parse("/v1/" + stream)
			if err != nil {
				v.t.Fatal(err)
			}
			q := u.Query()
			q.Set("limit", "23")
			if after != "" {
				q.Set("starting_after", after)
			}
			u.RawQuery = q.Encode()
			page := v.ok("GET", u.String(), nil)
			for _, row := range list(page["data"]) {
				visit(v.t, seen, "stripe/"+str(object(row)["object"])+"s", row)
				after = str(object(row)["id"])
			}
			if page["has_more"] != true {
				break
			}
		}
	}
}

func crawlZendesk(v *vendor, seen map[string]int) {
	v.t.Helper()
	for _, stream := range []string{"users", "tickets"} {
		query := "start_time=0&include=metric_sets&per_page=31"
		for {
			page := v.ok("GET", "/api/v2/incremental/"+stream+"/cursor.json?"+query, nil)
			for _, row := range list(page[stream]) {
				key := "zendesk/" + stream
				if object(row)["status"] == "deleted" || object(row)["active"] == false {
					key += "/deleted"
				}
				visit(v.t, seen, key, row)
			}
			if page["end_of_stream"] == true {
				break
			}
			query = "include=metric_sets&per_page=31&cursor=" + str(page["after_cursor"])
		}
	}
	start := int64(0)
	orgs := map[string]int{}
	for {
		page := v.ok("GET", fmt.Sprintf("/api/v2/incremental/organizations.json?per_page=10&start_time=%d", start), nil)
		for _, row := range list(page["organizations"]) {
			visit(v.t, orgs, "zendesk/organizations", row)
		}
		start = int64(page["end_time"].(float64))
		if page["end_of_stream"] == true {
			break
		}
	}
	for id := range orgs { // the time-based export repeats rows at the seams
		seen[id] = 1
	}
	for _, path := range []string{"users/me.json", "organization_memberships.json?page[size]=50", "organization_fields", "user_fields"} {
		v.ok("GET", "/api/v2/"+path, nil)
	}
}

// crawl reads everything and compares what came with the world's own counts.
func crawl(t *testing.T, w *sandbox.World, s specs) {
	t.Helper()
	hubspot, stripe, zendesk := vendors(t, w, s)
	seen := map[string]int{}
	crawlHubSpot(hubspot, seen)
	crawlStripe(stripe, seen)
	crawlZendesk(zendesk, seen)
	got := map[string]int{}
	for key, n := range seen {
		if n != 1 {
			t.Errorf("%s came %d times", key, n)
		}
		got[key[:len(key)-len(key[lastSlash(key):])]]++
	}
	want := w.Counts()
	for key := range want {
		if key == "stripe/customers/deleted" || len(key) > 10 && key[len(key)-10:] == "/malformed" {
			delete(want, key)
		}
	}
	delete(got, "stripe/events")
	// Marketing is in none of the documents; TestHubSpotMarketing reads it.
	for _, stream := range []string{"email_events", "forms", "form_submissions"} {
		delete(want, "hubspot/"+stream)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a crawl differs from the world's counts (-want +got):\n%s", diff)
	}
	for _, v := range []*vendor{hubspot, stripe, zendesk} {
		if s != nil && v.checked == 0 {
			t.Errorf("no answer of %s was validated", v.name)
		}
	}
}

func lastSlash(s string) int {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == '/' {
			return i
		}
	}
	return 0
}

func TestCrawlMeetsEveryObjectOnce(t *testing.T) { crawl(t, small(), nil) }

func TestAnswersMatchTheVendorsDocuments(t *testing.T) {
	s := loadSpecs(t)
	w := small()
	crawl(t, w, s)
	for i := range 40 {
		w.Step(noon().Add(time.Duration(i+1) * time.Hour))
	}
	w.Step(noon().AddDate(0, 2, 0))
	crawl(t, w, s)
	oneByOne(t, w, s)
}

// oneByOne validates the calls that a crawl does not make, errors included.
func oneByOne(t *testing.T, w *sandbox.World, s specs) {
	hubspot, stripe, zendesk := vendors(t, w, s)
	all := hubspot.ok("GET", "/crm/v3/objects/contacts?limit=5&associations=companies", nil)
	var inputs []any
	for _, row := range list(all["results"]) {
		inputs = append(inputs, map[string]any{"id": object(row)["id"]})
	}
	customer := str(object(list(stripe.ok("GET", "/v1/customers?limit=1", nil)["data"])[0])["id"])
	first := str(object(list(all["results"])[0])["id"])
	inputs = append(inputs, map[string]any{"id": "1"})
	for _, c := range []struct {
		v            *vendor
		method, path string
		body         any
		want         int
	}{
		{hubspot, "GET", "/crm/v3/objects/contacts/" + first, nil, 200},
		{hubspot, "GET", "/crm/v3/objects/contacts/1", nil, 404},
		{hubspot, "GET", "/crm/v3/objects/contacts?limit=101", nil, 400},
		{hubspot, "POST", "/crm/v3/objects/contacts/batch/read", map[string]any{"inputs": inputs, "properties": []string{"email"}}, 207},
		{hubspot, "POST", "/crm/v4/associations/contacts/companies/batch/read", map[string]any{"inputs": inputs[:1]}, 200},
		{hubspot, "POST", "/crm/v4/associations/contacts/companies/batch/read", map[string]any{"inputs": inputs}, 207},
		{hubspot, "POST", "/crm/v3/properties/contacts/groups", map[string]any{"name": "hub", "label": "Hub"}, 201},
		{hubspot, "POST", "/crm/v3/properties/contacts", map[string]any{"name": "hub_stage", "label": "Stage", "type": "string", "fieldType": "text", "groupName": "hub"}, 201},
		{hubspot, "POST", "/crm/v3/properties/contacts", map[string]any{"name": "hub_stage", "label": "Stage", "type": "string", "fieldType": "text", "groupName": "hub"}, 409},
		{hubspot, "GET", "/crm/v3/properties/contacts/hub_stage", nil, 200},
		{hubspot, "POST", "/crm/v3/objects/contacts/batch/update", map[string]any{"inputs": []any{map[string]any{"id": first, "properties": map[string]any{"hub_stage": "new"}}}}, 200},
		{hubspot, "POST", "/crm/v3/objects/contacts/batch/update", map[string]any{"inputs": []any{map[string]any{"id": "1", "properties": map[string]any{"hub_stage": "new"}}}}, 207},
		{hubspot, "POST", "/crm/v3/objects/deals/search", map[string]any{"filterGroups": []any{}, "sorts": []any{}, "properties": []string{"amount"}, "limit": 100, "after": "0"}, 200},
		{stripe, "POST", "/v1/customers/" + customer, "metadata[hub_stage]=new", 200},
		{stripe, "GET", "/v1/customers/" + customer, nil, 200},
		{stripe, "GET", "/v1/customers/cus_none", nil, 404},
		{stripe, "GET", "/v1/invoices?limit=500", nil, 400},
		{zendesk, "GET", "/api/v2/tickets/1", nil, 404},
		{zendesk, "GET", "/api/v2/tickets/1001.json", nil, 200},
		{zendesk, "GET", "/api/v2/users/400001.json", nil, 200},
		{zendesk, "GET", "/api/v2/organizations/900001.json", nil, 200},
		{zendesk, "POST", "/api/v2/organization_fields", map[string]any{"organization_field": map[string]any{"key": "hub_stage", "title": "Stage", "type": "text"}}, 201},
		{zendesk, "PUT", "/api/v2/organizations/update_many", map[string]any{"organizations": []any{map[string]any{"id": 900001, "organization_fields": map[string]any{"hub_stage": "new"}}}}, 200},
	} {
		if status, answer := c.v.call(c.method, c.path, c.body); status != c.want {
			t.Errorf("%s %s: got %d, want %d: %v", c.method, c.path, status, c.want, answer)
		}
	}
}
