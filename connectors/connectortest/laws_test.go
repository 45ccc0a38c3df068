package connectortest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// naive is a connector as one writes it on a first afternoon: it breaks most laws.
type naive struct {
	transport http.RoundTripper
	token     string
	log       *slog.Logger
	calls     int
}

func (n *naive) get(ctx context.Context, path string) ([]byte, error) {
	return n.send(ctx, http.MethodGet, path, "")
}

func (n *naive) send(ctx context.Context, method, path, body string) ([]byte, error) {
	n.calls++
	req, err := http.NewRequestWithContext(ctx, method, "https://acme.example"+path+"&key="+n.token, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	n.log.Info("request", "url", req.URL)
	resp, err := n.transport.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", req.URL, err)
	}
	defer resp.Body.Close()
	// Without a bound the endless page would never end, and neither would the test.
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && resp.StatusCode >= 300 {
		err = fmt.Errorf("status %d: %s", resp.StatusCode, b)
	}
	return b, err
}

func (n *naive) Check(ctx context.Context) error {
	_, err := n.get(ctx, "/things?")
	return err
}

func (n *naive) Streams() []connectors.Stream { return []connectors.Stream{{Name: "things"}} }
func (n *naive) Close() error                 { return nil }

func (n *naive) Pull(ctx context.Context, _ string, from canon.Cursor) (connectors.Page, error) {
	body, err := n.get(ctx, "/things?at="+string(from))
	if err != nil {
		return connectors.Page{}, err
	}
	var in struct {
		Items []struct {
			ID string `json:"id"`
		} `json:"items"`
		Next canon.Cursor `json:"next"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return connectors.Page{}, fmt.Errorf("%q: %w", body[:min(len(body), 200)], err)
	}
	page := connectors.Page{Next: in.Next, More: in.Next != ""}
	for _, i := range in.Items {
		page.Records = append(page.Records, canon.Record{Ref: canon.Ref{Connection: "laws", Stream: "things", ID: i.ID}, Raw: []byte(`{}`), ObservedAt: time.Unix(int64(n.calls), 0)})
	}
	return page, nil
}

// Push writes all or nothing, and tries again after any fault.
func (n *naive) Push(ctx context.Context, _ string, writes []connectors.Write) ([]connectors.Outcome, error) {
	b, err := json.Marshal(writes)
	if err != nil {
		return nil, err
	}
	if _, err = n.send(ctx, http.MethodPost, "/write?", string(b)); err != nil {
		_, err = n.send(ctx, http.MethodPost, "/write?", string(b))
	}
	return make([]connectors.Outcome, len(writes)), err
}

func (n *naive) Read(context.Context, string, []string, []string) (map[string]map[string]string, error) {
	return map[string]map[string]string{}, nil
}

func (n *naive) BatchSize() int { return 0 }

// Prepare creates what is there already.
func (n *naive) Prepare(_ context.Context, _ string, fields []connectors.FieldSpec) ([]string, error) {
	var names []string
	for _, f := range fields {
		names = append(names, f.Name)
	}
	return names, nil
}

func naiveSuite() *suite {
	vendor := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("at") {
		case "":
			io.WriteString(w, `{"items":[{"id":"1"},{"id":"2"}],"next":"b"}`)
		case "b":
			io.WriteString(w, `{"items":[{"id":"3"},{"id":"3"}]}`)
		default:
			w.WriteHeader(http.StatusTeapot)
		}
	})
	def := connectors.Definition{
		Name: "naive", Settings: []connectors.Setting{{Name: "token", Title: "Token", Doc: "d", Secret: true}},
		Streams: []connectors.Stream{{Name: "things", PushFields: true}},
		Open: func(_ context.Context, s connectors.Settings, env connectors.Env) (connectors.Conn, error) {
			return &naive{transport: env.Transport, token: s["token"], log: env.Log}, nil
		},
	}
	write := connectors.Write{Ref: canon.Ref{Connection: "laws", Stream: "things", ID: "1"}, Fields: map[string]string{"f": "v"}}
	return &suite{def, Options{
		Handler: func() http.Handler { return vendor }, Settings: connectors.Settings{"token": "a-naive-secret"}, Now: time.Unix(1e9, 0),
		Push: &PushOptions{Stream: "things", Good: []connectors.Write{write}, Bad: write, Fields: []connectors.FieldSpec{{Name: "f"}}},
	}}
}

// recorder takes the place of a test, to see whether a law fails it.
type recorder struct {
	testing.TB
	mu   sync.Mutex
	said []string
}

func (r *recorder) note(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, text)
}

func (r *recorder) Helper()                           {}
func (r *recorder) Error(args ...any)                 { r.note(fmt.Sprint(args...)) }
func (r *recorder) Errorf(format string, args ...any) { r.note(fmt.Sprintf(format, args...)) }
func (r *recorder) Fatal(args ...any)                 { r.note(fmt.Sprint(args...)); runtime.Goexit() }
func (r *recorder) Fatalf(format string, args ...any) {
	r.note(fmt.Sprintf(format, args...))
	runtime.Goexit()
}

// complaintsOf runs a law and returns what it complains about.
func complaintsOf(t *testing.T, l law, s *suite) []string {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.hold(r, s)
	}()
	<-done
	return r.said
}

// TestLawsBite: a law that nobody can break protects nobody. The naive connector breaks them all but those
// that it keeps by luck.
func TestLawsBite(t *testing.T) {
	s := naiveSuite()
	laws := append([]law{
		{"definition is complete", func(t testing.TB, s *suite) { definitionIsComplete(t, s.def) }},
		{"records are whole", recordsAreWhole},
		{"same exchange, same records", sameExchangeSameRecords},
		{"resumes from any cursor", resumesFromAnyCursor},
		{"refuses a foreign cursor", refusesForeignCursor},
		{"refuses an unknown stream", refusesUnknownStream},
	}, httpLaws()...)
	laws = append(laws, pushLaws(s)...)
	lucky := []string{
		// Two naive connections are alike, and the request's own context ends what hangs.
		"same exchange, same records", "ends when told to",
	}
	for _, l := range laws {
		t.Run(l.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				said := complaintsOf(t, l, s)
				if lucky := slices.Contains(lucky, l.name); lucky != (len(said) == 0) {
					t.Errorf("the law says %q of the naive connector", said)
				}
			})
		})
	}
}

// TestDeterminismBites: a connection that answers differently each time is found.
func TestDeterminismBites(t *testing.T) {
	s := naiveSuite()
	calm, opened := s.def.Open, 0
	s.def.Open = func(ctx context.Context, set connectors.Settings, env connectors.Env) (connectors.Conn, error) {
		conn, err := calm(ctx, set, env)
		if opened++; err == nil {
			conn.(*naive).calls = 100 * opened
		}
		return conn, err
	}
	synctest.Test(t, func(t *testing.T) {
		if said := complaintsOf(t, law{"", sameExchangeSameRecords}, s); len(said) == 0 {
			t.Error("nobody noticed")
		}
	})
}

// deaf is a connection that does not listen to its context.
type deaf struct{ naive }

func (d *deaf) Pull(ctx context.Context, _ string, _ canon.Cursor) (connectors.Page, error) {
	<-time.After(time.Hour)
	return connectors.Page{}, errors.Join(ctx.Err())
}

func TestCancellationBites(t *testing.T) {
	s := naiveSuite()
	s.def.Open = func(_ context.Context, _ connectors.Settings, env connectors.Env) (connectors.Conn, error) {
		return &deaf{naive{transport: env.Transport, log: env.Log}}, nil
	}
	synctest.Test(t, func(t *testing.T) {
		if said := complaintsOf(t, law{"", endsWhenToldTo}, s); len(said) == 0 {
			t.Error("nobody noticed")
		}
	})
}
