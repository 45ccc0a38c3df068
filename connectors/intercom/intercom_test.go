package intercom_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/intercom"
	"github.com/lifecyclehub/hub/sandbox"
)

// inPieces gives pages of eight where more are asked for, so that a small world has many.
func inPieces(server http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if q := r.URL.Query(); q.Get("per_page") == "150" {
			q.Set("per_page", "8")
			r.URL.RawQuery = q.Encode()
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the caller is gone
		}
		body = bytes.Replace(body, []byte(`"per_page":150`), []byte(`"per_page":8`), 1)
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		server.ServeHTTP(rw, r)
	})
}

func TestLaws(t *testing.T) {
	// A short history, as the laws compare all of it many times. Reading leaves it as it is.
	w := &workspace{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	w.server = sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 20, Months: 4, Now: w.now}).Intercom()
	s := settings()
	s["hook_secret"] = "a-client-secret-of-the-app"
	connectortest.Run(t, intercom.Definition(), connectortest.Options{
		Handler:  func() http.Handler { return inPieces(w.server) },
		Settings: s, Now: w.now,
		Fetch: map[string][]string{"companies": {"nobody"}, "contacts": {"nobody"}, "conversations": {"1"}, "tickets": {"1"}},
		Calls: []connectors.Call{{Method: http.MethodPost, At: w.now,
			Body: []byte(`{"type":"notification_event","topic":"contact.user.updated","id":"notif_1","created_at":1772366400,"data":{"item":{"type":"contact","id":"a"}}}`)}},
	})
}

// TestReceive: what is gone is a tombstone, all else is fetched, and topics about other things tell nothing.
func TestReceive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorkspace(20)
		r := w.open(t, settings(), nil).(connectors.Receiver)
		at := time.Date(2026, 3, 1, 11, 0, 0, 0, time.UTC)
		for _, c := range []struct {
			topic, item string
			want        []connectors.Hint
		}{
			{"contact.user.updated", `{"type":"contact","id":"a"}`, []connectors.Hint{{Stream: "contacts", ID: "a", At: at}}},
			{"contact.merged", `{"type":"contact","id":"a"}`, []connectors.Hint{{Stream: "contacts", ID: "a", At: at}}},
			{"contact.deleted", `{"type":"contact","id":"a","external_id":"x"}`, []connectors.Hint{{Stream: "contacts", ID: "a", Deleted: true, At: at}}},
			{"contact.archived", `{"type":"contact","id":"a"}`, []connectors.Hint{{Stream: "contacts", ID: "a", Deleted: true, At: at}}},
			{"contact.user.tag.created", `{"type":"contact_tag","tag":{"id":"1"},"contact":{"type":"contact","id":"a"}}`, []connectors.Hint{{Stream: "contacts", ID: "a", At: at}}},
			{"company.created", `{"type":"company","id":"c"}`, []connectors.Hint{{Stream: "companies", ID: "c", At: at}}},
			{"company.deleted", `{"type":"company","id":"c"}`, []connectors.Hint{{Stream: "companies", ID: "c", Deleted: true, At: at}}},
			{"conversation.admin.closed", `{"type":"conversation","id":"5"}`, []connectors.Hint{{Stream: "conversations", ID: "5", At: at}}},
			{"conversation.deleted", `{"type":"conversation","id":"5"}`, []connectors.Hint{{Stream: "conversations", ID: "5", Deleted: true, At: at}}},
			{"ticket.state.updated", `{"type":"ticket","id":"6","ticket_state":"resolved"}`, []connectors.Hint{{Stream: "tickets", ID: "6", At: at}}},
			{"admin.logged_in", `{"type":"admin","id":"1"}`, nil},
			{"ping", `{"type":"ping","message":"something something interzen"}`, nil},
		} {
			body := `{"type":"notification_event","app_id":"x","topic":"` + c.topic + `","id":"notif_1","created_at":1772362800,"data":{"type":"notification_event_data","item":` + c.item + `}}`
			got, err := r.Receive(connectors.Call{Method: http.MethodPost, Body: []byte(body), At: w.now})
			if diff := cmp.Diff(c.want, got.Hints); err != nil || diff != "" || len(got.Records)+len(got.Rejects) > 0 {
				t.Errorf("%s: %v\n%s", c.topic, err, diff)
			}
		}
	})
}

// TestFetch reads single records as a webhook asks for them: they are what the list holds, what is not there
// or was merged away is a tombstone, and who absorbed another tells so.
func TestFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorkspace(20)
		conn := w.open(t, settings(), nil)
		for range 100 {
			w.pass(13 * time.Minute)
			if err := conn.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		merges := 0
		for _, st := range conn.Streams() {
			r := &connectortest.Reading{}
			r.Round(t, conn, st.Name)
			ids := []string{"4242"}
			for id, rec := range r.Records {
				if rec.Into != "" {
					ids = append(ids, id, rec.Into)
					merges++
				}
			}
			for id, rec := range r.Records {
				if len(ids) < 9 && !rec.Deleted && rec.Raw != nil {
					ids = append(ids, id)
				}
			}
			p, err := conn.(connectors.Fetcher).Fetch(t.Context(), st.Name, ids)
			if err != nil {
				t.Fatalf("%s: %v", st.Name, err)
			}
			got := map[string]canon.Record{}
			for _, rec := range p.Records {
				got[rec.ID] = rec
			}
			for _, id := range ids {
				want, rec := r.Records[id], got[id]
				if id == ids[0] && !rec.Deleted {
					t.Errorf("%s/%s is not there, and is no tombstone", st.Name, id)
				}
				// A list may show a change some seconds late.
				newer := rec.Version > want.Version
				if rec.ID != id || !newer && (rec.Deleted != want.Deleted || string(rec.Raw) != string(want.Raw)) || rec.Into != want.Into {
					t.Errorf("%s/%s: fetched (deleted %t, into %q) and listed (deleted %t, into %q) differ:\n%s", st.Name, id, rec.Deleted, rec.Into, want.Deleted, want.Into, cmp.Diff(string(want.Raw), string(rec.Raw)))
				}
			}
		}
		if merges == 0 {
			t.Error("nobody was merged, so it was not tried")
		}
	})
}

// TestDescribe: fields of the account's own are told apart.
func TestDescribe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := newWorkspace(20).open(t, settings(), nil)
		for stream, own := range map[string]string{"companies": "custom_attributes.segment", "contacts": "custom_attributes.favourite"} {
			fields, err := conn.(connectors.Describer).Describe(t.Context(), stream)
			found := false
			for _, f := range fields {
				found = found || f.Name == own && f.Custom
			}
			if err != nil || !found || fields[0].Custom {
				t.Errorf("%s: %+v, %v", stream, fields, err)
			}
		}
	})
}

// TestLimits: with the published limits on, a whole reading is refused nothing.
func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		world := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 20, Now: now, Limits: true})
		refused := 0
		w := &workspace{world, world.Intercom(), now}
		conn := w.open(t, settings(), func(next http.RoundTripper) http.RoundTripper {
			return trip(func(r *http.Request) (*http.Response, error) {
				resp, err := next.RoundTrip(r)
				if err == nil && resp.StatusCode == http.StatusTooManyRequests {
					refused++
				}
				return resp, err
			})
		})
		for range 60 {
			for _, st := range conn.Streams() {
				r := &connectortest.Reading{}
				r.Round(t, conn, st.Name)
			}
		}
		if refused > 0 {
			t.Errorf("%d requests were refused for their rate", refused)
		}
	})
}

type trip func(*http.Request) (*http.Response, error)

func (f trip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestListEnds: beyond what the list of companies gives, the operator is told what to set.
func TestListEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &workspace{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), server: http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "application/json")
			rw.WriteHeader(http.StatusBadRequest)
			_, _ = rw.Write([]byte(`{"type":"error.list","errors":[{"code":"bad_request","message":"page limit reached, please use scroll API"}]}`))
		})}
		_, err := w.open(t, settings(), nil).Pull(t.Context(), "companies", "")
		if e := canon.AsError(err); e == nil || e.Code != "page.cap" || !strings.Contains(e.Hint, "scroll") {
			t.Errorf("the end of the list gave %v", err)
		}
	})
}

// TestNotices: a recorded notification is read.
func TestNotices(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("testdata", "notification.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(raw) {
		t.Fatal("the recorded notification is no JSON")
	}
	conn, err := intercom.Definition().Open(t.Context(), settings(), connectors.Env{Connection: "c"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := conn.(connectors.Receiver).Receive(connectors.Call{Method: http.MethodPost, Body: raw, At: time.Now()})
	want := []connectors.Hint{{Stream: "companies", ID: "531ee472cce572a6ec000006", At: time.Unix(1392731331, 0).UTC()}}
	if diff := cmp.Diff(want, got.Hints); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}
