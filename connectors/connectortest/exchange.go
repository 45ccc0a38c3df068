package connectortest

import (
	"bytes"
	"encoding/json"
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
func ReadExchange(t *testing.T, file string) Exchange {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("every connector brings an exchange for the laws: %v", err)
	}
	var x Exchange
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&x); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return x
}

// Options makes the exchange the vendor of a suite. A request that no answer fits fails the test.
func (x Exchange) Options(t *testing.T) Options {
	return Options{
		Now: x.Now, Settings: x.Settings,
		Handler: func() http.Handler { return x.Handler(t) },
	}
}

// Handler answers from the exchange.
func (x Exchange) Handler(t *testing.T) http.Handler {
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
