package pipedrive_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/pipedrive"
	"github.com/lifecyclehub/hub/mapping"
	"github.com/lifecyclehub/hub/sandbox"
)

func start() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func settings() connectors.Settings {
	return connectors.Settings{"api_token": sandbox.PipedriveToken, "base_url": "https://acme.pipedrive.com", "requests_per_2s": "100000", "daily_tokens": "100000000"}
}

func hook(entity, action, id string) connectors.Call {
	return connectors.Call{Method: http.MethodPost, At: start(), Header: http.Header{}, Body: []byte(`{"meta":{"action":"` + action + `","entity":"` + entity +
		`","entity_id":"` + id + `","company_id":"77","id":"6c6f","is_bulk_edit":false,"timestamp":"2026-03-01T11:59:58.000Z","type":"general","version":"2.0","attempt":1},"data":{"id":` +
		id + `},"previous":null}`)}
}

func TestLaws(t *testing.T) {
	world := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 20, Now: start()})
	server := world.Pipedrive()
	connectortest.Run(t, pipedrive.Definition(), connectortest.Options{
		Handler: func() http.Handler { return slim(shortPages(server)) }, Settings: settings(), Now: start(),
		Fetch: map[string][]string{"organizations": {"100001", "1"}, "deals": {"9001", "1"}, "persons": {"150001", "9001"}, "activities": {"1"}},
		Calls: []connectors.Call{hook("deal", "change", "9001"), hook("person", "delete", "9001"), hook("organization", "create", "1"), hook("note", "create", "1")},
	})
}

// slim leaves out most of what records hold, as the laws compare every byte many times.
func slim(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, r)
		body := rec.Body.Bytes()
		var page map[string]any
		if rec.Code == http.StatusOK && json.Unmarshal(body, &page) == nil {
			rows, _ := page["data"].([]any)
			for _, row := range rows {
				if d, ok := row.(map[string]any); ok {
					maps.DeleteFunc(d, func(k string, _ any) bool {
						return !slices.Contains([]string{"id", "update_time", "is_deleted", "owner_id", "status", "name"}, k)
					})
				}
			}
			if slimmed, err := json.Marshal(page); err == nil && !(strings.Contains(r.URL.Path, "Fields")) {
				body = slimmed
			}
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(body)
	})
}

// shortPages gives every list a second page.
func shortPages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "limit=500", "limit=25", 1)
		next.ServeHTTP(w, r)
	})
}

// TestReceive: a call names one object, which is then read; of other objects it tells nothing.
func TestReceive(t *testing.T) {
	conn, err := pipedrive.Definition().Open(t.Context(), settings(), connectors.Env{Connection: "c"})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 1, 11, 59, 58, 0, time.UTC)
	for _, x := range []struct {
		call connectors.Call
		want []connectors.Hint
	}{
		{hook("deal", "change", "7"), []connectors.Hint{{Stream: "deals", ID: "7", At: at}}},
		{hook("organization", "create", "8"), []connectors.Hint{{Stream: "organizations", ID: "8", At: at}}},
		{hook("person", "delete", "9"), []connectors.Hint{{Stream: "persons", ID: "9", At: at, Deleted: true}}},
		{hook("product", "delete", "9"), nil},
	} {
		got, err := conn.(connectors.Receiver).Receive(x.call)
		if diff := cmp.Diff(x.want, got.Hints); diff != "" || err != nil {
			t.Errorf("%s gave %v\n%s", x.call.Body, err, diff)
		}
	}
}

// TestNames: ids are told with what they stand for, and the company's own fields under their names.
func TestNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := start()
		world := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 20, Now: now})
		conn := open(t, world, &now, nil)
		m, err := mapping.Parse("pipedrive", pipedrive.Definition().Mapping, mapping.Options{Connection: func(string) string { return "" }})
		if err != nil {
			t.Fatal(err)
		}
		counts := map[string]int{}
		for _, st := range conn.Streams() {
			r := &connectortest.Reading{}
			r.Round(t, conn, st.Name)
			for _, rec := range r.Records {
				all, letters := m.Apply(rec)
				for _, l := range letters {
					t.Errorf("%s: %s at %s: %s", rec.Ref, l.Code, l.Path, l.Reason)
				}
				for _, e := range all {
					if !e.Deleted {
						check(t, e, counts)
					}
				}
			}
		}
		for _, what := range []string{"company", "contact", "deal open", "deal won", "deal lost", "activity"} {
			if counts[what] == 0 {
				t.Errorf("no %s was read: %v", what, counts)
			}
		}
	})
}

func check(t *testing.T, e canon.Entity, counts map[string]int) {
	t.Helper()
	switch body := e.Body.(type) {
	case *canon.Company:
		counts["company"]++
		plan, _ := e.Custom["Plan"].(string)
		arr, _ := e.Custom["ARR"].(string)
		if !strings.Contains("Starter Team Business", plan) || plan == "" || !strings.Contains(arr, " ") || !strings.Contains(body.Owner, " ") || body.Industry == "" {
			t.Errorf("company %s has owner %q, industry %q and %v", e.Ref, body.Owner, body.Industry, e.Custom)
		}
	case *canon.Contact:
		counts["contact"]++
		if e.Custom["Persona"] != "Champion, User" {
			t.Errorf("contact %s has %v", e.Ref, e.Custom)
		}
	case *canon.Deal:
		counts["deal "+body.Status]++
		if body.Pipeline != "Sales" || body.Stage == "" || body.Amount == nil || (body.Status != "open") != !body.ClosedAt.IsZero() {
			t.Errorf("deal %s is %+v", e.Ref, body)
		}
	case *canon.Activity:
		counts["activity"]++
	}
}

// TestOddRecords: a record of a shape that nobody expected is told as it came, and the others with their names.
func TestOddRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := start()
		world := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 20, Now: now})
		odd := `{"id":5,"owner_id":{"id":11,"name":"Robin"},"custom_fields":[1],"update_time":"2026-01-01T00:00:00Z"}`
		conn := open(t, world, &now, func(next http.RoundTripper) http.RoundTripper {
			return roundTrip(func(r *http.Request) (*http.Response, error) {
				if r.URL.Path != "/api/v2/organizations" {
					return next.RoundTrip(r)
				}
				body := `{"success":true,"data":[` + odd + `,{"id":6,"owner_id":11,"custom_fields":{"unknown":{"value":{}},"other":null},"label_ids":[99]}],"additional_data":{"next_cursor":null}}`
				return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Request: r, Body: io.NopCloser(strings.NewReader(body))}, nil
			})
		})
		p, err := conn.Pull(t.Context(), "organizations", "")
		if err != nil || len(p.Records) != 2 || string(p.Records[0].Raw) != odd || !strings.Contains(string(p.Records[1].Raw), `"_names":{"custom":{"Labels":"99"},"owner":"Robin Sales"}`) {
			t.Errorf("%v, %+v", err, p.Records)
		}
	})
}

// TestToken reads with an app's tokens, at the address that comes with them.
func TestToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		world := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 20, Now: now})
		server := world.OAuth(sandbox.VendorPipedrive)
		server.Configure(sandbox.OAuthOptions{Life: time.Hour, InHeader: true, Extra: map[string]any{"api_domain": "https://acme.pipedrive.com"}})
		vendor, hosts := connectortest.Transport(world.Pipedrive()), map[string]int{}
		conn, err := pipedrive.Definition().Open(t.Context(), connectors.Settings{
			"base_url": "https://old-name.pipedrive.com", "client_id": sandbox.OAuthClientID, "client_secret": sandbox.OAuthClientSecret,
		}, connectors.Env{Connection: "c", Now: func() time.Time { return now }, Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			hosts[r.URL.Host]++
			return vendor.RoundTrip(r)
		})})
		if err != nil {
			t.Fatal(err)
		}
		answer := `{"access_token":"ended","refresh_token":"` + server.Consent() + `","token_type":"Bearer","expires_in":3600,"api_domain":"https://acme.pipedrive.com"}`
		if err := conn.(connectors.Connectable).Connected(t.Context(), []byte(answer)); err != nil {
			t.Fatal(err)
		}
		now = now.Add(10 * time.Minute)
		if err := conn.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		if hosts["acme.pipedrive.com"] == 0 || hosts["old-name.pipedrive.com"] > 0 || server.Counts().Renewals != 1 {
			t.Errorf("the requests went to %v, the token server counted %+v", hosts, server.Counts())
		}
	})
}

// TestWithinLimits: with what is set when nobody sets anything, Pipedrive refuses nothing, and Hub knows what is left of the day.
func TestWithinLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 60, Now: time.Now(), Limits: true})
		vendor, left := connectortest.Transport(shortPages(world.Pipedrive())), ""
		conn, err := pipedrive.Definition().Open(t.Context(), connectors.Settings{"api_token": sandbox.PipedriveToken, "base_url": "https://acme.pipedrive.com", "daily_tokens": "1000000"},
			connectors.Env{Connection: "c", Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				resp, err := vendor.RoundTrip(r)
				if err == nil {
					left = resp.Header.Get("x-daily-ratelimit-token-remaining")
					if resp.StatusCode != http.StatusOK {
						t.Errorf("%s gave %d", r.URL, resp.StatusCode)
					}
				}
				return resp, err
			})})
		if err != nil {
			t.Fatal(err)
		}
		for _, st := range conn.Streams() {
			new(connectortest.Reading).Round(t, conn, st.Name)
		}
		for _, m := range conn.(connectors.Metered).Meters() {
			if m.Refused != 0 || strconv.FormatInt(m.DailyLeft, 10) != left {
				t.Errorf("budget %s has %d left and %d refusals; Pipedrive says %s", m.Name, m.DailyLeft, m.Refused, left)
			}
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
