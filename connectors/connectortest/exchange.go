package connectortest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/connectors"
)

// Exchange is a vendor's side of a conversation, kept in a file beside the connector
// (testdata/exchange.json): what is asked and what is answered.
type Exchange struct {
	Now      time.Time           `json:"now"`
	Settings connectors.Settings `json:"settings"`
	Answers  []Answer            `json:"answers"`
	// Fetch are ids to read alone, by stream. Calls are webhook calls as they arrive, verified already.
	Fetch map[string][]string `json:"fetch"`
	Calls []HookCall          `json:"calls"`
}

// HookCall is one webhook call.
type HookCall struct {
	Path   string            `json:"path"`
	Query  string            `json:"query"`
	Header map[string]string `json:"header"`
	Body   json.RawMessage   `json:"body"`
}

// calls makes the exchange's webhook calls arrive.
func (x Exchange) calls() []connectors.Call {
	var out []connectors.Call
	for _, c := range x.Calls {
		call := connectors.Call{Method: http.MethodPost, Path: c.Path, Query: c.Query, Header: http.Header{}, Body: c.Body, At: x.Now}
		for k, v := range c.Header {
			call.Header.Set(k, v)
		}
		out = append(out, call)
	}
	return out
}

// Answer is given to the first request that it fits.
type Answer struct {
	// Method is GET where empty.
	Method string `json:"method"`
	Path   string `json:"path"`
	// Query holds parameters that must be so; "" means that the parameter must be absent, "*" that it
	// must be present.
	Query map[string]string `json:"query"`
	// Body holds texts that the request's body must contain.
	Body   []string        `json:"body"`
	Status int             `json:"status"`
	Answer json.RawMessage `json:"answer"`
}

// ReadExchange reads an exchange file.
func ReadExchange(t testing.TB, file string) Exchange {
	t.Helper()
	x, err := readExchange(file)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func readExchange(file string) (Exchange, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return Exchange{}, fmt.Errorf("every connector brings an exchange for the laws: %w", err)
	}
	var x Exchange
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&x); err != nil {
		return Exchange{}, fmt.Errorf("%s: %w", file, err)
	}
	return x, nil
}

// Options makes the exchange the vendor of a suite. A request that no answer fits fails the test.
func (x Exchange) Options(t testing.TB) Options {
	return Options{
		Now: x.Now, Settings: x.Settings, Fetch: x.Fetch, Calls: x.calls(),
		Handler: func() http.Handler { return x.Handler(t) },
	}
}

// Handler answers from the exchange.
func (x Exchange) Handler(t testing.TB) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}
		i := slices.IndexFunc(x.Answers, func(a Answer) bool { return a.fits(r, string(body)) })
		w.Header().Set("Content-Type", "application/json")
		if i < 0 {
			t.Errorf("the exchange has no answer to %s %s %s", r.Method, r.URL, body)
			w.WriteHeader(http.StatusTeapot)
			return
		}
		if s := x.Answers[i].Status; s != 0 {
			w.WriteHeader(s)
		}
		if _, err := w.Write(x.Answers[i].Answer); err != nil {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}
	})
}

func (a Answer) fits(r *http.Request, body string) bool {
	method := a.Method
	if method == "" {
		method = http.MethodGet
	}
	if r.Method != method || r.URL.Path != a.Path {
		return false
	}
	q := r.URL.Query()
	for k, want := range a.Query {
		if got := q.Get(k); got != want && !(want == "*" && q.Has(k)) {
			return false
		}
	}
	for _, part := range a.Body {
		if !strings.Contains(body, part) {
			return false
		}
	}
	return true
}
