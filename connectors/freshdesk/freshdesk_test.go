package freshdesk_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/freshdesk"
	"github.com/lifecyclehub/hub/sandbox"
)

// inPieces gives small tickets, somewhat more than a page, and pages of eight of all else, so that a small
// world has many.
func inPieces(server http.Handler, now time.Time) http.Handler {
	tickets := &desk{}
	for i := range 130 {
		tickets.open = append(tickets.open, ticket{i + 1, now.Add(time.Duration(i-200) * time.Minute)})
	}
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v2/tickets" {
			tickets.ServeHTTP(rw, r)
			return
		}
		q := r.URL.Query()
		q.Set("per_page", "8")
		r.URL.RawQuery = q.Encode()
		server.ServeHTTP(rw, r)
	})
}

func TestLaws(t *testing.T) {
	w := newWorkspace(20) // reading leaves it as it is
	at := w.now
	s := settings()
	s["hook_secret"] = "a-value-of-our-own"
	connectortest.Run(t, freshdesk.Definition(), connectortest.Options{
		Handler:  func() http.Handler { return inPieces(w.server, w.now) },
		Settings: s, Now: at,
		Fetch: map[string][]string{"tickets": {"1", "2", "999999"}, "contacts": {"43100400004", "1"}, "companies": {"43000900001", "1"}},
		Calls: []connectors.Call{
			{Method: http.MethodPost, Body: []byte(`{"freshdesk_webhook":{"ticket_id":7,"ticket_subject":"Export stops"}}`), At: at},
			{Method: http.MethodPost, Body: []byte(`{"ticket_id":7}`), At: at},
		},
	})
}

// TestReceive: the two forms of a rule's body name the ticket that is then fetched; other bodies tell nothing.
func TestReceive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorkspace(20)
		r := w.open(t, settings(), nil).(connectors.Receiver)
		for body, want := range map[string][]connectors.Hint{
			`{"freshdesk_webhook":{"ticket_id":7}}`: {{Stream: "tickets", ID: "7", At: w.now}},
			`{"ticket_id":"8"}`:                     {{Stream: "tickets", ID: "8", At: w.now}},
			`{"contact_id":9}`:                      {{Stream: "contacts", ID: "9", At: w.now}},
			`{"company_id":10}`:                     {{Stream: "companies", ID: "10", At: w.now}},
			`{"event":"something else"}`:            nil,
		} {
			got, err := r.Receive(connectors.Call{Method: http.MethodPost, Body: []byte(body), At: w.now})
			if diff := cmp.Diff(want, got.Hints); err != nil || diff != "" || len(got.Records)+len(got.Rejects) > 0 {
				t.Errorf("%s: %v\n%s", body, err, diff)
			}
		}
	})
}

// desk lists tickets as Freshdesk does, in the order of their last change.
type desk struct {
	open, deleted []ticket
	asked         int
}

type ticket struct {
	ID      int       `json:"id"`
	Updated time.Time `json:"updated_at"`
}

func (d *desk) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	d.asked++
	q := r.URL.Query()
	since, sinceErr := time.Parse(time.RFC3339, q.Get("updated_since"))
	page, pageErr := strconv.Atoi(q.Get("page"))
	rows := d.open
	if q.Get("filter") == "deleted" {
		rows = d.deleted
	}
	rows = slices.DeleteFunc(slices.Clone(rows), func(t ticket) bool { return t.Updated.Before(since) })
	slices.SortStableFunc(rows, func(a, b ticket) int { return a.Updated.Compare(b.Updated) })
	if sinceErr != nil || pageErr != nil || q.Get("order_by") != "updated_at" || q.Get("order_type") != "asc" {
		rw.WriteHeader(http.StatusBadRequest)
		return
	}
	from := min(100*(page-1), len(rows))
	rw.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(rw).Encode(rows[from:min(from+100, len(rows))])
}

// TestManyInOneSecond: a second with more tickets than a page holds is read whole, whether in a first round, in
// one of changes, or among what was deleted.
func TestManyInOneSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		d := &desk{}
		for i := range 700 {
			at := begin.Add(-time.Hour)
			switch {
			case i < 150:
				at = at.Add(time.Duration(i) * time.Second)
			case i >= 600:
				at = begin.Add(-time.Minute)
			}
			d.open = append(d.open, ticket{i + 1, at})
		}
		w := &workspace{server: d, now: begin}
		conn := w.open(t, settings(), nil)
		r := &connectortest.Reading{}
		r.Round(t, conn, "tickets")
		if len(r.Live()) != 700 || d.asked > 25 {
			t.Errorf("%d tickets were read with %d requests, want 700", len(r.Live()), d.asked)
		}
		// A bulk update, and a bulk deletion.
		w.now = begin.Add(time.Hour)
		for i := range 350 {
			d.open[i].Updated = begin.Add(30 * time.Minute)
		}
		for _, gone := range d.open[400:] {
			d.deleted = append(d.deleted, ticket{gone.ID, begin.Add(40 * time.Minute)})
		}
		d.open = d.open[:400]
		r.Round(t, conn, "tickets")
		fresh := 0
		for _, rec := range r.Records {
			if !rec.Deleted && rec.Version == begin.Add(30*time.Minute).UnixMicro() {
				fresh++
			}
		}
		if len(r.Live()) != 400 || fresh != 350 {
			t.Errorf("%d tickets are left, %d of them updated; want 400 and 350", len(r.Live()), fresh)
		}
	})
}

// TestEndlessSecond: a vendor that gives the same page under every number is found out.
func TestEndlessSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := []map[string]any{}
		for i := range 100 {
			rows = append(rows, map[string]any{"id": i + 1, "updated_at": "2026-03-01T11:00:00Z"})
		}
		w := &workspace{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), server: http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(rw).Encode(rows)
		})}
		conn := w.open(t, settings(), nil)
		from, code := canon.Cursor(""), ""
		for range 5 {
			p, err := conn.Pull(t.Context(), "tickets", from)
			if code = canon.CodeOf(err); err != nil {
				break
			}
			from = p.Next
		}
		if code != "page.loop" {
			t.Errorf("pages that repeat gave %q, want page.loop", code)
		}
	})
}

// TestFetch reads single records as a webhook asks for them: they say what the list says, and what is not
// there, or deleted, is a tombstone.
func TestFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorkspace(30)
		conn := w.open(t, settings(), nil)
		for range 30 {
			w.pass(7 * time.Minute)
		}
		for _, stream := range []string{"companies", "contacts", "tickets"} {
			r := &connectortest.Reading{}
			r.Round(t, conn, stream)
			ids := []string{"424242"}
			for id, rec := range r.Records {
				if rec.Deleted || len(ids) < 6 {
					ids = append(ids, id)
				}
			}
			p, err := conn.(connectors.Fetcher).Fetch(t.Context(), stream, ids)
			if err != nil || len(p.Records) != len(ids) {
				t.Fatalf("%s: Fetch gave %d of %d records, %v", stream, len(p.Records), len(ids), err)
			}
			for _, rec := range p.Records {
				listed := r.Records[rec.ID]
				// A list may show a change some seconds late.
				if newer := rec.Version > listed.Version; rec.ID != ids[0] && newer {
					continue
				}
				if rec.Deleted != (rec.ID == ids[0] || listed.Deleted) || !rec.Deleted && rec.Version != listed.Version {
					t.Errorf("%s: deleted %t, version %d; the list says %t, %d", rec.Ref, rec.Deleted, rec.Version, listed.Deleted, listed.Version)
				}
			}
		}
	})
}

// TestDescribe: fields of the account's own are told apart.
func TestDescribe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := newWorkspace(20).open(t, settings(), nil)
		for stream, own := range map[string]string{"companies": "segment", "contacts": "favourite", "tickets": "cf_area"} {
			fields, err := conn.(connectors.Describer).Describe(t.Context(), stream)
			if err != nil || len(fields) != 2 || fields[0].Custom || !fields[1].Custom || fields[1].Name != own {
				t.Errorf("%s: %+v, %v", stream, fields, err)
			}
		}
	})
}

// TestLimits: with the published limits on, a whole reading is refused nothing.
func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		world := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 300, Now: now, Limits: true})
		s := settings()
		delete(s, "requests_per_minute")
		delete(s, "lists_per_minute")
		refused := 0
		w := &workspace{world, world.Freshdesk(), now}
		conn := w.open(t, s, func(next http.RoundTripper) http.RoundTripper {
			return counting(func(r *http.Request) (*http.Response, error) {
				resp, err := next.RoundTrip(r)
				if err == nil && resp.StatusCode == http.StatusTooManyRequests {
					refused++
				}
				return resp, err
			})
		})
		for _, st := range conn.Streams() {
			r := &connectortest.Reading{}
			r.Round(t, conn, st.Name)
			if got, want := len(r.Live()), world.Counts()["freshdesk/"+st.Name]; got != want {
				t.Errorf("%s: %d records, want %d", st.Name, got, want)
			}
		}
		if refused > 0 {
			t.Errorf("%d requests were refused for their rate", refused)
		}
	})
}

type counting func(*http.Request) (*http.Response, error)

func (f counting) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
