package sandbox_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/sandbox"
)

// dump is every list of every vendor, as bytes.
func dump(t testing.TB, w *sandbox.World) string {
	t.Helper()
	var b strings.Builder
	read := func(vendor, path string) {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Authorization", "Bearer "+token(vendor))
		rec := httptest.NewRecorder()
		switch vendor {
		case sandbox.VendorHubSpot:
			w.HubSpot().ServeHTTP(rec, r)
		case sandbox.VendorStripe:
			w.Stripe().ServeHTTP(rec, r)
		default:
			w.Zendesk().ServeHTTP(rec, r)
		}
		fmt.Fprintln(&b, path, rec.Code, rec.Body.String())
	}
	for _, stream := range []string{"companies", "contacts", "deals", "tickets"} {
		read(sandbox.VendorHubSpot, "/crm/v3/objects/"+stream+"?limit=100&associations=companies,contacts,deals&properties=lifecyclestage,nps_score,amount")
	}
	for _, stream := range []string{"customers", "subscriptions", "invoices", "events"} {
		read(sandbox.VendorStripe, "/v1/"+stream+"?limit=100")
	}
	read(sandbox.VendorZendesk, "/api/v2/incremental/organizations?start_time=0")
	read(sandbox.VendorZendesk, "/api/v2/incremental/users/cursor?start_time=0")
	read(sandbox.VendorZendesk, "/api/v2/incremental/tickets/cursor?start_time=0&include=metric_sets")
	return b.String()
}

func TestEqualOptionsGiveEqualWorlds(t *testing.T) {
	for seed := range 5 {
		o := sandbox.Options{Seed: int64(seed) - 3, Companies: 20 + 5*seed, Now: noon(), Months: 1 + 7*seed}
		a, b := sandbox.NewWorld(o), sandbox.NewWorld(o)
		for i := range 3 * seed {
			now := noon().Add(time.Duration(i) * 31 * time.Hour)
			if diff := cmp.Diff(a.Step(now), b.Step(now)); diff != "" {
				t.Fatal(diff)
			}
		}
		one := dump(t, a)
		if one != dump(t, b) {
			t.Fatal("two worlds of the same options differ")
		}
		if one != dump(t, a) {
			t.Fatal("an unchanged world answers differently the second time")
		}
	}
	if dump(t, small()) == dump(t, sandbox.NewWorld(sandbox.Options{Seed: 8, Companies: 60, Now: noon()})) {
		t.Error("another seed gives the same world")
	}
}

func moment(t *testing.T, v any) time.Time {
	t.Helper()
	switch v := v.(type) {
	case string:
		at, err := time.Parse(time.RFC3339, v)
		if err != nil {
			t.Fatal(err)
		}
		return at
	case float64:
		return time.Unix(int64(v), 0).UTC()
	}
	t.Fatalf("%v is no moment", v)
	return time.Time{}
}

// ordered fails unless the moments follow each other; nil ones are left out.
func ordered(t *testing.T, what string, moments ...any) {
	t.Helper()
	var last time.Time
	for i, m := range moments {
		if m == nil {
			continue
		}
		at := moment(t, m)
		if at.Before(last) {
			t.Errorf("%s: moment %d (%s) is before the one that precedes it (%s)", what, i, at, last)
		}
		last = at
	}
}

func TestHistoryRunsForward(t *testing.T) {
	w := small()
	for i := range 60 {
		w.Step(noon().Add(time.Duration(i) * 11 * time.Hour))
	}
	hubspot, stripe, zendesk := vendors(t, w, nil)
	now := w.Now().Add(time.Second).Format(time.RFC3339)
	bad := w.Malformed()
	stages := "hs_v2_date_entered_appointmentscheduled hs_v2_date_entered_qualifiedtobuy hs_v2_date_entered_presentationscheduled hs_v2_date_entered_decisionmakerboughtin hs_v2_date_entered_contractsent hs_v2_date_entered_closedwon hs_v2_date_entered_closedlost"
	for _, row := range list(hubspot.ok("GET", "/crm/v3/objects/deals?limit=100&properties="+strings.ReplaceAll(stages, " ", ","), nil)["results"]) {
		d, p := object(row), object(object(row)["properties"])
		at := []any{d["createdAt"]}
		for s := range strings.FieldsSeq(stages) {
			at = append(at, p[s])
		}
		ordered(t, "deal "+str(d["id"]), append(at, d["updatedAt"], now)...)
	}
	for _, row := range list(stripe.ok("GET", "/v1/invoices?limit=100", nil)["data"]) {
		d := object(row)
		if bad["stripe/invoices/"+str(d["id"])] {
			continue
		}
		s := object(d["status_transitions"])
		ordered(t, "invoice "+str(d["id"]), d["created"], s["paid_at"], now)
		ordered(t, "invoice "+str(d["id"]), d["created"], d["due_date"])
		if (d["status"] == "paid") != (d["amount_remaining"] == 0.0) || (d["status"] == "paid") != (s["paid_at"] != nil) {
			t.Errorf("invoice %v is %v, remaining %v, paid at %v", d["id"], d["status"], d["amount_remaining"], s["paid_at"])
		}
	}
	for _, row := range list(stripe.ok("GET", "/v1/subscriptions?limit=100&status=all", nil)["data"]) {
		d := object(row)
		ordered(t, "subscription "+str(d["id"]), d["start_date"], d["canceled_at"], d["ended_at"], now)
		if (d["status"] == "canceled") != (d["ended_at"] != nil) {
			t.Errorf("subscription %v is %v and ended at %v", d["id"], d["status"], d["ended_at"])
		}
		end := object(list(object(d["items"])["data"])[0])["current_period_end"]
		if d["status"] != "canceled" && moment(t, end).Before(w.Now()) {
			t.Errorf("live subscription %v has a period that is over", d["id"])
		}
	}
	for _, row := range list(zendesk.ok("GET", "/api/v2/incremental/tickets/cursor?start_time=0&include=metric_sets", nil)["tickets"]) {
		d, m := object(row), object(object(row)["metric_set"])
		ordered(t, fmt.Sprint("ticket ", d["id"]), d["created_at"], m["solved_at"], d["updated_at"], now)
		if done := d["status"] == "solved" || d["status"] == "closed"; done != (m["solved_at"] != nil) {
			t.Errorf("ticket %v is %v, solved at %v", d["id"], d["status"], m["solved_at"])
		}
	}
}

func TestUnhappyCustomersLeaveMoreOften(t *testing.T) {
	w := sandbox.NewWorld(sandbox.Options{Seed: 1, Now: noon()})
	hubspot, stripe, _ := vendors(t, w, nil)
	scores := map[string]float64{}
	for after := ""; ; {
		page := hubspot.ok("GET", "/crm/v3/objects/companies?limit=100&properties=nps_score&after="+after, nil)
		for _, row := range list(page["results"]) {
			if n, err := strconv.ParseFloat(str(object(object(row)["properties"])["nps_score"]), 64); err == nil {
				scores[str(object(row)["id"])] = n
			}
		}
		if after = str(object(object(page["paging"])["next"])["after"]); after == "" {
			break
		}
	}
	sum, n := map[bool]float64{}, map[bool]float64{}
	for _, status := range []string{"active", "canceled"} {
		for after := ""; ; {
			page := stripe.ok("GET", "/v1/subscriptions?limit=100&status="+status+after, nil)
			for _, row := range list(page["data"]) {
				_, customer := stripe.call("GET", "/v1/customers/"+str(object(row)["customer"]), nil)
				if score, ok := scores[str(object(customer["metadata"])["hubspot_company_id"])]; ok {
					sum[status == "active"] += score
					n[status == "active"]++
				}
				after = "&starting_after=" + str(object(row)["id"])
			}
			if page["has_more"] != true {
				break
			}
		}
	}
	if n[true] < 30 || n[false] < 10 || sum[true]/n[true] < sum[false]/n[false]+1 {
		t.Errorf("mean survey answer: %.1f of %v who stayed, %.1f of %v who left", sum[true]/n[true], n[true], sum[false]/n[false], n[false])
	}
}

func TestTheDirtIsThere(t *testing.T) {
	w := small()
	hubspot, stripe, _ := vendors(t, w, nil)
	search := mustJSON(t, `{"filterGroups":[],"limit":200,"properties":["email"]}`)
	all := dump(t, w) + fmt.Sprintf("%q", hubspot.ok("POST", "/crm/v3/objects/contacts/search", search))
	for what, sign := range map[string]string{
		"a free mailbox": "@gmail.com", "a role mailbox": "info@", "a second department": "(Lab)", "a private user": "home", "an unicode name": "株式会社",
		"a linked customer": `"hubspot_company_id":"71`, "a customer without e-mail": `"email":null`, "a deleted ticket": `"status":"deleted"`,
		"a JPY price": `"currency":"jpy"`, "a USD price": `"currency":"usd"`, "an EUR price": `"currency":"eur"`, "a bad rating": `"score":"bad"`,
		"a huge amount": "99999999999999999999999", "a paid invoice": `"status":"paid"`, "an open invoice": `"status":"open"`,
	} {
		if !strings.Contains(all, sign) {
			t.Errorf("the world lacks %s (%s)", what, sign)
		}
	}
	c := w.Counts()
	want := map[string]int{"hubspot/companies/deleted": 1, "hubspot/contacts/deleted": 1, "hubspot/deals/deleted": 1, "stripe/customers/deleted": 1,
		"zendesk/tickets/deleted": 1, "zendesk/users/deleted": 1, "hubspot/deals/malformed": 2, "stripe/invoices/malformed": 1, "zendesk/tickets/malformed": 1}
	for key, n := range want {
		if c[key] != n {
			t.Errorf("%s: got %d, want %d", key, c[key], n)
		}
	}
	body := map[string]any{"filterGroups": []any{map[string]any{"filters": []any{map[string]any{"propertyName": "hs_merged_object_ids", "operator": "HAS_PROPERTY"}}}}, "properties": []string{"hs_merged_object_ids"}}
	merged := list(hubspot.ok("POST", "/crm/v3/objects/contacts/search", body)["results"])
	if len(merged) != 1 {
		t.Fatalf("want one merged contact, got %d", len(merged))
	}
	loser := str(object(object(merged[0])["properties"])["hs_merged_object_ids"])
	if status, _ := hubspot.call("GET", "/crm/v3/objects/contacts/"+loser, nil); status != 404 {
		t.Errorf("the swallowed contact %s answers %d", loser, status)
	}
	gone := object(list(stripe.ok("GET", "/v1/events?type=customer.deleted", nil)["data"])[0])
	id := str(object(object(gone["data"])["object"])["id"])
	want2 := map[string]any{"id": id, "object": "customer", "deleted": true}
	if diff := cmp.Diff(want2, stripe.ok("GET", "/v1/customers/"+id, nil)); diff != "" {
		t.Error(diff)
	}
}

func TestStepsShowUpAtTheVendors(t *testing.T) {
	w := small()
	before, told := dump(t, w), 0
	for i := range 30 {
		told += len(w.Step(noon().Add(time.Duration(i+1) * time.Minute)))
	}
	if told < 30 {
		t.Errorf("30 steps told %d things", told)
	}
	if dump(t, w) == before {
		t.Error("the steps changed no answer")
	}
	_, stripe, zendesk := vendors(t, w, nil)
	if n := len(list(stripe.ok("GET", fmt.Sprintf("/v1/events?created[gte]=%d", noon().Unix()+1), nil)["data"])); n == 0 {
		t.Error("no event tells of the steps")
	}
	if n := len(list(zendesk.ok("GET", fmt.Sprintf("/api/v2/incremental/tickets/cursor?start_time=%d", noon().Unix()+1), nil)["tickets"])); n == 0 {
		t.Error("no ticket changed")
	}
}

func TestConcurrentUse(t *testing.T) {
	w := small()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() { _ = dump(t, w) })
		wg.Go(func() { w.Step(noon().Add(time.Duration(i) * time.Hour)) })
		wg.Go(func() { w.Counts(); w.Malformed(); w.Writes(); w.Field("hubspot", "companies", "7100001", "name") })
	}
	wg.Wait()
}

// mustJSON keeps the tests free of long maps.
func mustJSON(t *testing.T, s string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		t.Fatal(err)
	}
	return v
}
