package intercom_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

func scrolling() connectors.Settings {
	s := settings()
	s["companies"] = "scroll"
	return s
}

// drained reads a round of the companies page by page, calling between after each, and returns how often each
// company came.
func drained(t *testing.T, conn func() connectors.Conn, between func(page int)) map[string]int {
	t.Helper()
	came, from, sweep := map[string]int{}, canon.Cursor(""), ""
	for page := 1; ; page++ {
		p, err := conn().Pull(t.Context(), "companies", from)
		if err != nil {
			t.Fatal(err)
		}
		if p.Sweep == nil || sweep != "" && p.Sweep.Round != sweep {
			t.Fatalf("page %d belongs to the sweep %+v, the one before to %s", page, p.Sweep, sweep)
		}
		for _, rec := range p.Records {
			came[rec.ID]++
		}
		if !p.More {
			return came
		}
		from, sweep = p.Next, p.Sweep.Round
		if between != nil {
			between(page)
		}
	}
}

// faulty lets one page of a scroll go wrong.
func faulty(page int, wrong func(*http.Response) (*http.Response, error)) via {
	return func(next http.RoundTripper) http.RoundTripper {
		return trip(func(r *http.Request) (*http.Response, error) {
			resp, err := next.RoundTrip(r)
			if strings.HasSuffix(r.URL.Path, "/scroll") {
				if page--; page == 0 && err == nil {
					return wrong(resp)
				}
			}
			return resp, err
		})
	}
}

// TestScrollSurvives: whatever becomes of an answer, no company is missing in the end: a page that the server
// gave and nobody got would otherwise count as a page of deleted companies.
func TestScrollSurvives(t *testing.T) {
	text := func(status int, body string) func(*http.Response) (*http.Response, error) {
		return func(r *http.Response) (*http.Response, error) {
			r.StatusCode, r.ContentLength, r.Body = status, -1, io.NopCloser(strings.NewReader(body))
			return r, nil
		}
	}
	base := newWorkspace(600) // reading leaves it as it is
	for name, wrong := range map[string]func(*http.Response) (*http.Response, error){
		"nothing": func(r *http.Response) (*http.Response, error) { return r, nil },
		"an internal error": text(http.StatusInternalServerError,
			`{"type":"error.list","errors":[{"code":"server_error","message":"Request failed due to an internal network error. Please restart the scroll operation."}]}`),
		"a proxy's error": text(http.StatusBadGateway, `<html>`),
		"a cut answer": func(r *http.Response) (*http.Response, error) {
			r.Body = io.NopCloser(io.LimitReader(r.Body, 100))
			return r, nil
		},
		"no answer": func(*http.Response) (*http.Response, error) { return nil, errors.New("connection reset") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &workspace{base.world, base.world.Intercom(), base.now}
				want := w.world.Counts()["intercom/companies"]
				conn := w.open(t, scrolling(), faulty(2, wrong))
				came := drained(t, func() connectors.Conn { return conn }, func(page int) {
					if page == 2 && name != "nothing" {
						time.Sleep(61 * time.Second) // the scroll that was lost lives on for a minute, in which there is no other
					}
				})
				if len(came) != want || want < 250 {
					t.Errorf("%d companies came, want %d", len(came), want)
				}
			})
		})
	}
}

// TestScrollIsLost: a scroll that was left alone too long, and one that another process had open, begin anew;
// whoever asks for a page again gets it again.
func TestScrollIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorkspace(600)
		want := w.world.Counts()["intercom/companies"]
		conn := w.open(t, scrolling(), nil)
		came := drained(t, func() connectors.Conn { return conn }, func(page int) {
			switch page {
			case 1:
				time.Sleep(61 * time.Second)
			case 4:
				time.Sleep(61 * time.Second)
				conn = w.open(t, scrolling(), nil)
			}
		})
		if len(came) != want {
			t.Errorf("%d companies came, want %d", len(came), want)
		}

		time.Sleep(61 * time.Second)
		one, err := conn.Pull(t.Context(), "companies", "")
		if err != nil {
			t.Fatal(err)
		}
		two, err := conn.Pull(t.Context(), "companies", one.Next)
		again, errAgain := conn.Pull(t.Context(), "companies", one.Next)
		if err != nil || errAgain != nil || len(again.Records) == 0 || again.Next != two.Next || again.Records[0].ID != two.Records[0].ID {
			t.Errorf("a page that was asked for again differs: %v, %v", err, errAgain)
		}
		_, err = w.open(t, scrolling(), nil).Pull(t.Context(), "companies", "")
		if e := canon.AsError(err); e == nil || e.Code != "scroll.busy" || !e.Retry {
			t.Errorf("a second scroll gave %v, want scroll.busy that may be retried", err)
		}
	})
}

// TestScrollEnds: a scroll that gives the same page for ever is found out, and one that is lost again and again
// is told.
func TestScrollEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := `{"type":"list","data":[{"type":"company","id":"a","updated_at":1},{"type":"company","updated_at":1}],"scroll_param":"s"}`
		status := http.StatusOK
		w := &workspace{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), server: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", "application/json")
			if r.URL.Query().Has("scroll_param") {
				rw.WriteHeader(status)
			}
			_, _ = io.WriteString(rw, answer)
		})}
		conn := w.open(t, scrolling(), nil)
		p, err := conn.Pull(t.Context(), "companies", "")
		if err != nil || len(p.Records) != 1 || len(p.Rejects) != 1 || p.Rejects[0].Code != "record.no_id" {
			t.Fatalf("%+v, %v", p, err)
		}
		if _, err := conn.Pull(t.Context(), "companies", p.Next); canon.CodeOf(err) != "page.loop" {
			t.Errorf("pages that repeat gave %v, want page.loop", err)
		}
		status = http.StatusNotFound
		from, told := canon.Cursor(""), 0
		for range 40 {
			p, err := conn.Pull(t.Context(), "companies", from)
			switch e := canon.AsError(err); {
			case e == nil:
				from = p.Next
			case e.Code == "scroll.lost" && e.Retry && e.Hint != "":
				told++
			default:
				t.Fatal(err)
			}
		}
		if told < 2 || told > 6 {
			t.Errorf("a scroll that is lost for ever was told %d times", told)
		}
		if _, err := conn.Pull(t.Context(), "companies", "\x00 no cursor"); canon.CodeOf(err) != "cursor.invalid" {
			t.Errorf("a foreign cursor gave %v", err)
		}
	})
}
