package attio_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/attio"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/mapping"
	"github.com/lifecyclehub/hub/sandbox"
)

func start() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func newWorld(companies int) *sandbox.World {
	return sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: companies, Now: start()})
}

func settings() connectors.Settings {
	return connectors.Settings{"token": sandbox.AttioToken, "requests_per_second": "100000", "page_size": "20"}
}

func open(t *testing.T, now *time.Time, transport http.RoundTripper) connectors.Conn {
	t.Helper()
	conn, err := attio.Definition().Open(t.Context(), settings(), connectors.Env{Connection: "c", Transport: transport, Now: func() time.Time { return *now }})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func hook(path, events string) connectors.Call {
	return connectors.Call{Method: http.MethodPost, Path: path, At: start(), Header: http.Header{}, Body: []byte(`{"webhook_id":"23e42eaf-323a-41da-b5bb-fd67eebda553","events":[` + events + `]}`)}
}

func happened(kind, id, more string) string {
	return fmt.Sprintf(`{"event_type":%q,"id":{"workspace_id":"w","object_id":"o","record_id":%q}%s,"actor":{"type":"system","id":null}}`, kind, id, more)
}

func TestLaws(t *testing.T) {
	server := slim(newWorld(20).Attio())
	connectortest.Run(t, attio.Definition(), connectortest.Options{
		Handler: func() http.Handler { return server }, Settings: settings(), Now: start(),
		Fetch: map[string][]string{"people": {"nobody"}, "deals": {"nothing"}},
		Calls: []connectors.Call{hook("people", happened("record.updated", "1", "")), hook("/deals", happened("record.deleted", "2", "")), hook("", happened("note.created", "3", ""))},
	})
}

// slim leaves out most of what records hold, as the laws compare every byte many times.
func slim(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, r)
		var list struct {
			Data []map[string]any `json:"data"`
		}
		if r.Method == http.MethodPost && rec.Code == http.StatusOK && json.Unmarshal(rec.Body.Bytes(), &list) == nil {
			for _, d := range list.Data {
				d["values"], d["web_url"] = map[string]any{}, ""
			}
			rec.Body.Reset()
			if err := json.NewEncoder(rec.Body).Encode(list); err != nil {
				panic(err)
			}
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	})
}

// TestReceive: an event is of the object that the webhook's address names, as it names it by an id alone.
func TestReceive(t *testing.T) {
	now := start()
	conn := open(t, &now, nil)
	for _, x := range []struct {
		call connectors.Call
		want []connectors.Hint
		code string
	}{
		{hook("people", happened("record.updated", "1", "")+","+happened("record.created", "2", "")), []connectors.Hint{{Stream: "people", ID: "1", At: now}, {Stream: "people", ID: "2", At: now}}, ""},
		{hook("/companies", happened("record.deleted", "3", "")), []connectors.Hint{{Stream: "companies", ID: "3", At: now, Deleted: true}}, ""},
		{hook("people", happened("record.merged", "4", `,"duplicate_object_id":"o","duplicate_record_id":"5"`)),
			[]connectors.Hint{{Stream: "people", ID: "5", At: now, Deleted: true, Into: "4"}, {Stream: "people", ID: "4", At: now}}, ""},
		{hook("people", happened("task.created", "6", "")), nil, ""},
		{hook("", happened("record.created", "7", "")), nil, "hook.shape"},
	} {
		got, err := conn.(connectors.Receiver).Receive(x.call)
		if diff := cmp.Diff(x.want, got.Hints); diff != "" || canon.CodeOf(err) != x.code {
			t.Errorf("%s gave %v\n%s", x.call.Body, err, diff)
		}
	}
}

// FuzzReceive: whatever calls, nothing panics, and each hint names a stream and an id.
func FuzzReceive(f *testing.F) {
	f.Add("people", `{"events":[`+happened("record.merged", "4", `,"duplicate_record_id":"5"`)+`]}`)
	f.Add("/x/deals/", `{"events":[`+happened("record.deleted", "4", "")+`]}`)
	f.Add("", `{"events":[{"event_type":"record.created","id":null}]}`)
	f.Add("people", `[]`)
	f.Fuzz(func(t *testing.T, path, body string) {
		now := start()
		got, err := open(t, &now, nil).(connectors.Receiver).Receive(connectors.Call{Path: path, Body: []byte(body), At: now})
		if err != nil && canon.CodeOf(err) != "hook.shape" {
			t.Error(err)
		}
		for _, h := range got.Hints {
			if h.Stream == "" || h.ID == "" {
				t.Errorf("%+v", h)
			}
		}
	})
}

// TestOddValues: values of types that nobody expected are left out, and the record is told all the same.
func TestOddValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now, vendor := start(), connectortest.Transport(newWorld(20).Attio())
		conn := open(t, &now, roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Method != http.MethodPost {
				return vendor.RoundTrip(r)
			}
			body := `{"data":[{"id":{"record_id":"a"},"created_at":"2026-01-01T00:00:00.000000001Z","values":[]},` +
				`{"id":{"record_id":"b"},"created_at":"","values":{"tier":{"value":1},"seats":[{"value":{"x":1}},{"value":7,"active_until":null},{"value":8,"active_until":"2026-01-01T00:00:00Z"}],"arr":[{"currency_value":1.5}]}},{"id":"c"}]}`
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Request: r, Body: io.NopCloser(strings.NewReader(body))}, nil
		}))
		p, err := conn.Pull(t.Context(), "companies", "")
		if err != nil || len(p.Records) != 2 || len(p.Rejects) != 1 || !strings.HasSuffix(string(p.Records[1].Raw), `,"_custom":{"arr":"1.5","seats":7}}`) {
			t.Errorf("%v, %+v", err, p)
		}
	})
}

// TestMeaning: every stream becomes entities, with the workspace's own attributes.
func TestMeaning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := start()
		conn := open(t, &now, connectortest.Transport(newWorld(60).Attio()))
		m, err := mapping.Parse("attio", attio.Definition().Mapping, mapping.Options{Connection: func(string) string { return "" }})
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
					check(t, e, counts)
				}
			}
		}
		for _, what := range []string{"company", "contact", "deal open", "deal won", "deal lost"} {
			if counts[what] == 0 {
				t.Errorf("nothing is %q: %v", what, counts)
			}
		}
	})
}

func check(t *testing.T, e canon.Entity, counts map[string]int) {
	t.Helper()
	switch body := e.Body.(type) {
	case *canon.Company:
		counts["company"]++
		arr, _ := e.Custom["arr"].(string)
		if e.Custom["tier"] == nil || e.Custom["products"] != "Core, Reports" || !strings.Contains(arr, " ") || body.Name == "" || body.Country == "" {
			t.Errorf("%s is %+v with %v", e.Ref, body, e.Custom)
		}
	case *canon.Contact:
		counts["contact"]++
		if body.Name == "" {
			t.Errorf("%s has no name", e.Ref)
		}
	case *canon.Deal:
		counts["deal "+body.Status]++
		if (body.Status != "open") != !body.ClosedAt.IsZero() || body.Amount == nil || e.Custom["next_step"] != "Call" {
			t.Errorf("%s is %+v with %v", e.Ref, body, e.Custom)
		}
	}
}

// TestFetch: single records are what the list holds, byte for byte, and what is not there is a tombstone.
func TestFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := start()
		conn := open(t, &now, connectortest.Transport(newWorld(20).Attio()))
		for _, st := range conn.Streams() {
			r := &connectortest.Reading{}
			r.Round(t, conn, st.Name)
			ids := []string{"nobody"}
			for id := range r.Live() {
				if len(ids) < 8 {
					ids = append(ids, id)
				}
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

// TestSwitchedOff: an object that the workspace does not use is empty, and nothing is taken as deleted by that.
func TestSwitchedOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := start()
		conn := open(t, &now, roundTrip(func(r *http.Request) (*http.Response, error) {
			body := `{"status_code":404,"type":"invalid_request_error","code":"standard_object_disabled","message":"Deals are disabled"}`
			return &http.Response{StatusCode: 404, Header: http.Header{}, Request: r, Body: io.NopCloser(bytes.NewReader([]byte(body)))}, nil
		}))
		p, err := conn.Pull(t.Context(), "deals", "")
		if err != nil || p.Sweep != nil || p.More || len(p.Records) > 0 {
			t.Errorf("an object that is switched off gave %+v, %v", p, err)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
