package sandbox_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/lifecyclehub/hub/sandbox"
)

// snapshot is every object of the world as JSON, by vendor, stream and id, and the newest event of each
// billing object.
func snapshot(t *testing.T, w *sandbox.World) (objects, events map[string]string) {
	t.Helper()
	hubspot, stripe, zendesk := vendors(t, w, nil)
	objects, events = map[string]string{}, map[string]string{}
	keep := func(stream string, rows []any) {
		for _, row := range rows {
			raw, err := json.Marshal(row)
			if err != nil {
				t.Fatal(err)
			}
			objects[fmt.Sprint(stream, "/", object(row)["id"])] = string(raw)
		}
	}
	for _, stream := range []string{"companies", "contacts", "deals", "tickets"} {
		for after := "0"; after != ""; {
			page := hubspot.ok("GET", "/crm/v3/objects/"+stream+"?limit=100&after="+after+"&properties=nps_score,product_active_users,product_seats,product_last_used_at,lifecyclestage,dealstage", nil)
			keep("hubspot/"+stream, list(page["results"]))
			after = str(object(object(page["paging"])["next"])["after"])
		}
	}
	for _, stream := range []string{"customers", "subscriptions?status=all", "invoices", "events"} {
		for after := ""; ; {
			page := stripe.ok("GET", "/v1/"+stream+map[bool]string{true: "&", false: "?"}[strings.Contains(stream, "?")]+"limit=100"+after, nil)
			rows := list(page["data"])
			for _, row := range rows {
				after = "&starting_after=" + str(object(row)["id"])
				if stream != "events" {
					continue
				}
				of := object(object(object(row)["data"])["object"])
				raw, err := json.Marshal(of)
				if err != nil {
					t.Fatal(err)
				}
				if key := "stripe/" + str(of["object"]) + "s/" + str(of["id"]); events[key] == "" { // newest first
					events[key] = string(raw)
				}
			}
			if stream != "events" {
				keep("stripe/"+strings.TrimSuffix(stream, "?status=all"), rows)
			}
			if page["has_more"] != true {
				break
			}
		}
	}
	keep("zendesk/tickets", list(zendesk.ok("GET", "/api/v2/incremental/tickets/cursor?start_time=0&include=metric_sets", nil)["tickets"]))
	return objects, events
}

// TestNothingChangesInSilence: whoever reads only what each vendor calls changed misses nothing.
func TestNothingChangesInSilence(t *testing.T) {
	w := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 30, Now: noon(), Months: 12})
	for i := range 9 {
		before, _ := snapshot(t, w)
		_, _, zendesk := vendors(t, w, nil)
		cursor := str(zendesk.ok("GET", "/api/v2/incremental/tickets/cursor?start_time=0", nil)["after_cursor"])
		told := w.Step(noon().Add(time.Duration(i+1) * 37 * time.Hour))
		after, events := snapshot(t, w)
		fresh := map[string]bool{}
		for _, row := range list(zendesk.ok("GET", "/api/v2/incremental/tickets/cursor?cursor="+cursor, nil)["tickets"]) {
			fresh[fmt.Sprint("zendesk/tickets/", object(row)["id"])] = true
		}
		for key, now := range after {
			was := before[key]
			if was == now {
				continue
			}
			switch {
			case strings.HasPrefix(key, "stripe/") && events[key] != now:
				t.Errorf("%s changed, its newest event does not show it as it is (%q)\nis    %s\nevent %s", key, told, now, events[key])
			case strings.HasPrefix(key, "zendesk/") && !fresh[key]:
				t.Errorf("%s changed and is not in the export (%q)", key, told)
			case strings.HasPrefix(key, "hubspot/") && was != "":
				var a, b map[string]any
				if json.Unmarshal([]byte(was), &a) != nil || json.Unmarshal([]byte(now), &b) != nil {
					t.Fatal("not JSON")
				}
				if !moment(t, b["updatedAt"]).After(moment(t, a["updatedAt"])) {
					t.Errorf("%s changed and keeps its updatedAt (%q)", key, told)
				}
			}
		}
	}
}

func TestAddressesAreASCII(t *testing.T) {
	w := sandbox.NewWorld(sandbox.Options{Seed: 3, Companies: 200, Now: noon()})
	hubspot, _, _ := vendors(t, w, nil)
	seen := map[string]bool{}
	for after := "0"; after != ""; {
		page := hubspot.ok("GET", "/crm/v3/objects/contacts?limit=100&properties=email&after="+after, nil)
		for _, row := range list(page["results"]) {
			email := str(object(object(row)["properties"])["email"])
			if strings.ContainsFunc(email, func(r rune) bool { return r > unicode.MaxASCII || r == ' ' || r == '\'' }) || strings.Count(email, "@") != 1 {
				t.Errorf("address %q", email)
			}
			if seen[email] {
				t.Errorf("two contacts share %q", email)
			}
			seen[email] = true
		}
		after = str(object(object(page["paging"])["next"])["after"])
	}
}

// FuzzServers throws anything at the routes: no request may bring a server down or get a 5xx.
func FuzzServers(f *testing.F) {
	for _, s := range []string{
		"GET /crm/v3/objects/contacts?limit=-1&after=x ", "POST /crm/v3/objects/deals/search {\"after\":\"9223372036854775807\",\"limit\":9}",
		"POST /crm/v3/objects/deals/search {\"sorts\":[null,{}],\"filterGroups\":[{\"filters\":[{\"operator\":\"IN\"}]}],\"after\":1e300}",
		"POST /crm/v3/objects/companies/batch/update {\"inputs\":[{\"id\":\"7100001\",\"properties\":{\"name\":null,\"domain\":\"x\"}}]}",
		"POST /crm/v4/associations/contacts/companies/batch/read {\"inputs\":[{}]}", "POST /crm/v3/properties/deals {\"name\":\"x\"}",
		"GET /v1/events?types[]=*&created[gte]=1&ending_before=x ", "GET /v1/invoices?limit=1&created[no]=1 ", "POST /v1/customers/cus_x metadata[a]=b",
		"GET /api/v2/incremental/tickets/cursor?cursor=AAAA ", "GET /api/v2/incremental/organizations?start_time=9999999999999 ",
		"GET /api/v2/organization_memberships?page[after]=cw ", "PUT /api/v2/users/update_many {\"users\":[{\"id\":400001,\"user_fields\":[]}]}",
		"POST /api/v2/user_fields {\"user_field\":{\"key\":\"a\",\"title\":\"b\",\"type\":\"text\"}}",
	} {
		f.Add(s)
	}
	w := sandbox.NewWorld(sandbox.Options{Seed: 1, Companies: 20, Now: noon()})
	f.Fuzz(func(t *testing.T, s string) {
		method, rest, _ := strings.Cut(s, " ")
		path, body, _ := strings.Cut(rest, " ")
		for name, h := range map[string]http.Handler{sandbox.VendorHubSpot: w.HubSpot(), sandbox.VendorStripe: w.Stripe(), sandbox.VendorZendesk: w.Zendesk()} {
			r, err := http.NewRequest(method, path, strings.NewReader(body))
			if err != nil || r.URL.Path == "" {
				return
			}
			r.Header.Set("Authorization", "Bearer "+token(name))
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			if rec.Code >= 500 || rec.Code < 200 {
				t.Errorf("%s answers %d to %q", name, rec.Code, s)
			}
		}
	})
}
