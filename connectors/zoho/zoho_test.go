package zoho_test

import (
	"context"
	"encoding/json"
	"fmt"
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
	"github.com/lifecyclehub/hub/connectors/zoho"
	"github.com/lifecyclehub/hub/mapping"
	"github.com/lifecyclehub/hub/sandbox"
)

func start() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// newWorld has an authorization server whose tokens lead to the data centre's own address.
func newWorld(companies int) *sandbox.World {
	world := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: companies, Now: start()})
	world.OAuth(sandbox.VendorZoho).Configure(sandbox.OAuthOptions{Life: 1000 * time.Hour, Extra: map[string]any{"api_domain": "https://www.zohoapis.eu"}})
	return world
}

func settings(world *sandbox.World) connectors.Settings {
	return connectors.Settings{"client_id": sandbox.OAuthClientID, "client_secret": sandbox.OAuthClientSecret, "accounts_url": "https://accounts.zoho.eu",
		"refresh_token": world.OAuth(sandbox.VendorZoho).Consent(), "requests_per_second": "100000", "daily_credits": "100000000"}
}

func open(t *testing.T, world *sandbox.World, now *time.Time, transport http.RoundTripper) connectors.Conn {
	t.Helper()
	if transport == nil {
		transport = connectortest.Transport(world.Zoho())
	}
	conn, err := zoho.Definition().Open(t.Context(), settings(world), connectors.Env{Connection: "zoho", Transport: transport, Now: func() time.Time { return *now }})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func hook(module, operation string, ids ...string) connectors.Call {
	return connectors.Call{Method: http.MethodPost, At: start(), Header: http.Header{}, Body: fmt.Appendf(nil,
		`{"server_time":1772366398000,"query_params":{},"module":%q,"resource_uri":"https://www.zohoapis.eu/crm/v8/%s","ids":["%s"],"affected_fields":[],"operation":%q,"channel_id":"1","token":"t"}`,
		module, module, strings.Join(ids, `","`), operation)}
}

func TestLaws(t *testing.T) {
	world := newWorld(20)
	server := slim(shortPages(world.Zoho()))
	connectortest.Run(t, zoho.Definition(), connectortest.Options{
		Handler: func() http.Handler { return server }, Settings: settings(world), Now: start(),
		Fetch: map[string][]string{"accounts": {"5725767002000100001", "1"}, "contacts": {"5725767003000999999"}, "leads": {"5725767001000000000"}},
		Calls: []connectors.Call{hook("Deals", "update", "5", "6"), hook("Contacts", "delete", "7"), hook("Tasks", "insert", "8")},
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
						return !slices.Contains([]string{"id", "Modified_Time", "deleted_time", "Stage", "Tier", "Extra_1", "Extra_60"}, k)
					})
				}
			}
			if slimmed, err := json.Marshal(page); err == nil && len(rows) > 0 {
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
		r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "per_page=200", "per_page=15", 1)
		next.ServeHTTP(w, r)
	})
}

func TestReceive(t *testing.T) {
	world, now := newWorld(20), start()
	conn := open(t, world, &now, nil)
	at := time.UnixMilli(1772366398000).UTC()
	for _, x := range []struct {
		call connectors.Call
		want []connectors.Hint
	}{
		{hook("Deals", "update", "5", "6"), []connectors.Hint{{Stream: "deals", ID: "5", At: at}, {Stream: "deals", ID: "6", At: at}}},
		{hook("Contacts", "delete", "7"), []connectors.Hint{{Stream: "contacts", ID: "7", At: at, Deleted: true}}},
		{hook("Tasks", "insert", "8"), nil},
	} {
		got, err := conn.(connectors.Receiver).Receive(x.call)
		if diff := cmp.Diff(x.want, got.Hints); diff != "" || err != nil {
			t.Errorf("%s gave %v\n%s", x.call.Body, err, diff)
		}
	}
}

// TestAllFields: what one request cannot name comes by further ones, and the organisation's own fields are told apart. No
// request names more than the vendor allows, and none is refused.
func TestAllFields(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world, now := newWorld(60), start()
		vendor, hosts := connectortest.Transport(world.Zoho()), map[string]int{}
		conn := open(t, world, &now, roundTrip(func(r *http.Request) (*http.Response, error) {
			hosts[r.URL.Host]++
			resp, err := vendor.RoundTrip(r)
			if err == nil && resp.StatusCode >= 400 {
				t.Errorf("%s gave %d", r.URL, resp.StatusCode)
			}
			return resp, err
		}))
		r := &connectortest.Reading{}
		r.Round(t, conn, "accounts")
		entities := apply(t, r)
		seen := 0
		for _, e := range entities {
			for name := range e.Custom {
				if strings.HasPrefix(name, "Extra_") {
					seen++
				}
			}
			if e.Custom["Products"] != "Core, Reports" || e.Custom["Partner"] != "Partner Ltd" || e.Custom["Tier"] == nil {
				t.Errorf("%s has %v", e.Ref, e.Custom)
			}
		}
		if len(entities) < 60 || seen < 8*len(entities) {
			t.Errorf("%d accounts have %d fields of the many", len(entities), seen)
		}
		fields, err := conn.(connectors.Describer).Describe(t.Context(), "accounts")
		own := slices.DeleteFunc(fields, func(f connectors.Field) bool { return !f.Custom })
		if err != nil || len(own) != 64 {
			t.Errorf("%d fields of the organisation's own, %v", len(own), err)
		}
		if hosts["www.zohoapis.eu"] == 0 || hosts["www.zohoapis.com"] > 0 {
			t.Errorf("the requests went to %v, and not to the address that came with the token", hosts)
		}
	})
}

func apply(t *testing.T, r *connectortest.Reading) []canon.Entity {
	t.Helper()
	m, err := mapping.Parse("zoho", zoho.Definition().Mapping, mapping.Options{Connection: func(string) string { return "zoho" }})
	if err != nil {
		t.Fatal(err)
	}
	var out []canon.Entity
	for _, rec := range r.Records {
		all, letters := m.Apply(rec)
		for _, l := range letters {
			t.Errorf("%s: %s at %s: %s", rec.Ref, l.Code, l.Path, l.Reason)
		}
		for _, e := range all {
			if !e.Deleted {
				out = append(out, e)
			}
		}
	}
	return out
}

// TestMeaning: every stream becomes entities, stages mean what the vendor says, converted leads are read.
func TestMeaning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world, now := newWorld(60), start()
		conn := open(t, world, &now, nil)
		counts := map[string]int{}
		for _, st := range conn.Streams() {
			r := &connectortest.Reading{}
			r.Round(t, conn, st.Name)
			for _, e := range apply(t, r) {
				counts[st.Name]++
				switch body := e.Body.(type) {
				case *canon.Deal:
					counts["deal "+body.Status]++
				case *canon.Quote:
					counts["quote "+body.Status]++
				case *canon.Invoice:
					counts["invoice "+body.Status]++
				}
				if len(e.SameAs) > 0 {
					counts["converted"]++
				}
			}
		}
		for _, what := range []string{"leads", "accounts", "contacts", "deal open", "deal won", "deal lost", "quote sent", "quote accepted", "invoice open", "invoice paid", "converted"} {
			if counts[what] == 0 {
				t.Errorf("nothing is %q: %v", what, counts)
			}
		}
	})
}

// TestFetch: single records are what the list holds, byte for byte, and what is not there is a tombstone.
func TestFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world, now := newWorld(20), start()
		conn := open(t, world, &now, nil)
		for _, st := range conn.Streams() {
			r := &connectortest.Reading{}
			r.Round(t, conn, st.Name)
			ids := []string{"1"}
			for id := range r.Live() {
				ids = append(ids, id)
			}
			p, err := conn.(connectors.Fetcher).Fetch(context.Background(), st.Name, ids)
			if err != nil || len(p.Records) != len(ids) || !p.Records[0].Deleted {
				t.Fatalf("%s: Fetch gave %d of %d records, %v", st.Name, len(p.Records), len(ids), err)
			}
			for _, rec := range p.Records[1:] {
				if diff := cmp.Diff(string(r.Records[rec.ID].Raw), string(rec.Raw)); diff != "" {
					t.Errorf("%s: listed (-) and fetched (+) differ:\n%s", rec.Ref, diff)
				}
			}
		}
	})
}

// TestOddRecords: members of shapes that nobody expected stay as they came, what is there already is not replaced, and what
// is added makes valid JSON.
func TestOddRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world, now := newWorld(20), start()
		vendor := connectortest.Transport(world.Zoho())
		conn := open(t, world, &now, roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path != "/crm/v8/Deals" {
				return vendor.RoundTrip(r)
			}
			body := `{"data":[{"id":"5"},{"id":"6","Stage":{"odd":[]},"Competitor":["a",{"name":"b"},null],"_status":"told"},{"Stage":"no id"}],"info":{"more_records":false}}`
			if r.URL.Query().Has("ids") {
				body = `{"data":[{"id":"5","Next_Step":"call","Competitor":"x"},{"id":"6","Next_Step":null},{"id":7},{}]}`
			}
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Request: r, Body: io.NopCloser(strings.NewReader(body))}, nil
		}))
		p, err := conn.Pull(t.Context(), "deals", "")
		if err != nil || len(p.Records) != 2 || len(p.Rejects) != 1 {
			t.Fatalf("%v, %+v", err, p)
		}
		for i, want := range []string{
			`{"id":"5","Next_Step":"call","Competitor":"x","_currency":"USD","_status":"open","_custom":{"Competitor":"x"}}`,
			`{"id":"6","Stage":{"odd":[]},"Competitor":["a",{"name":"b"},null],"_status":"told","Next_Step":null,"_currency":"USD","_custom":{"Competitor":"a, b"}}`,
		} {
			if diff := cmp.Diff(want, string(p.Records[i].Raw)); diff != "" {
				t.Error(diff)
			}
		}
	})
}

// TestRefused: a refresh token that Zoho does not take is told as such.
func TestRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := start()
		answer := roundTrip(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Header: http.Header{}, Request: r, Body: http.NoBody}, nil
		})
		err := open(t, newWorld(20), &now, answer).Check(t.Context())
		if code := canon.CodeOf(err); code != "auth.denied" {
			t.Errorf("Check gave %q: %v", code, err)
		}
	})
}

// TestWithinLimits: with what is set when nobody sets anything, Zoho refuses nothing, and Hub knows what is left of the credits.
func TestWithinLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 60, Now: time.Now(), Limits: true})
		world.OAuth(sandbox.VendorZoho).Configure(sandbox.OAuthOptions{Life: time.Hour, Extra: map[string]any{"api_domain": "https://www.zohoapis.eu"}})
		vendor, left := connectortest.Transport(shortPages(world.Zoho())), ""
		s := settings(world)
		delete(s, "requests_per_second")
		delete(s, "daily_credits")
		conn, err := zoho.Definition().Open(t.Context(), s, connectors.Env{Connection: "c", Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			resp, err := vendor.RoundTrip(r)
			if err == nil && r.Method == http.MethodGet {
				left = resp.Header.Get("X-API-CREDITS-REMAINING")
				if resp.StatusCode >= 400 {
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
				t.Errorf("budget %s has %d left and %d refusals; Zoho says %s", m.Name, m.DailyLeft, m.Refused, left)
			}
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
