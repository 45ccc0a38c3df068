// Package vendordoc holds what passes between a connector and a vendor, real or played, against the vendor's
// published OpenAPI documents, in both directions. It is for tests.
//
// It knows no vendor: each test says which documents count, and what in them is known to be wrong.
package vendordoc

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// Docs are the documents of one vendor.
type Docs struct {
	// Undeclared are query parameters that the documents do not name and the vendor takes.
	Undeclared []string
	// Path turns a request's path into the one under which the documents have it; nil leaves it.
	Path func(string) string
	// Unlisted allows answers with a status that the documents do not list.
	Unlisted bool
	// Answer may change an answer's JSON before it is held against the documents, for what a test breaks on
	// purpose; nil leaves it.
	Answer func(r *http.Request, body []byte) []byte

	docs            []*openapi3.T
	checked, served atomic.Int64
}

// Load reads documents in the folder shared/specs beside the repository, and skips the test loudly where
// the folder is missing: some vendors allow no copy. edit corrects what is wrong in a document; it may be nil.
func Load(t *testing.T, edit func(name string, doc *openapi3.T), files ...string) *Docs {
	t.Helper()
	root := Folder(t)
	d := &Docs{}
	for _, name := range files {
		raw, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		d.Add(t, name, raw, edit)
	}
	return d
}

// Folder returns the folder with the vendors' documents.
func Folder(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for range 8 {
		specs := filepath.Join(dir, "..", "shared", "specs")
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			if _, err := os.Stat(specs); err == nil {
				return specs
			}
		}
		dir = filepath.Dir(dir)
	}
	t.Skip("NOTHING WAS HELD AGAINST THE VENDOR'S DOCUMENT: this test needs the shared folder with the vendors' OpenAPI documents beside the repository")
	return ""
}

// Add parses a document.
func (d *Docs) Add(t *testing.T, name string, raw []byte, edit func(name string, doc *openapi3.T)) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(raw)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if edit != nil {
		edit(name, doc)
	}
	d.docs = append(d.docs, doc)
}

// Checked returns how many requests and answers were held against the documents.
func (d *Docs) Checked() (requests, answers int) {
	return int(d.checked.Load()), int(d.served.Load())
}

// Transport passes requests on to next, and fails the test for every request and every answer that the
// documents do not allow.
func (d *Docs) Transport(t testing.TB, next http.RoundTripper) http.RoundTripper {
	return transport(func(req *http.Request) (*http.Response, error) {
		var sent []byte
		if req.Body != nil {
			b, err := io.ReadAll(req.Body)
			if err != nil {
				return nil, err
			}
			sent = b
			req.Body = io.NopCloser(bytes.NewReader(b))
		}
		probe := req.Clone(req.Context())
		probe.Body = io.NopCloser(bytes.NewReader(sent))
		if err := d.Request(probe); err != nil {
			t.Errorf("the vendor's document refuses the request: %v", err)
		}
		resp, err := next.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			return nil, err
		}
		resp.Body = io.NopCloser(bytes.NewReader(body))
		if d.Answer != nil {
			body = d.Answer(req, body)
		}
		probe.Body = io.NopCloser(bytes.NewReader(sent))
		if err := d.Response(probe, resp.StatusCode, resp.Header, body); err != nil {
			t.Errorf("the vendor's document refuses the answer: %.1500v", err)
		}
		return resp, nil
	})
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

var brackets = regexp.MustCompile(`\[.*\]$`)

// Request says why the documents do not allow a request: no such operation, a parameter or body of another
// type, or a query parameter that is not declared.
func (d *Docs) Request(r *http.Request) error {
	in, err := d.input(r)
	if err != nil {
		return err
	}
	if err := openapi3filter.ValidateRequest(r.Context(), in); err != nil {
		return fmt.Errorf("%s %s: %w", r.Method, r.URL, err)
	}
	names := slices.Clone(d.Undeclared)
	for _, list := range []openapi3.Parameters{in.Route.PathItem.Parameters, in.Route.Operation.Parameters} {
		for _, p := range list {
			names = append(names, p.Value.Name)
		}
	}
	for name := range r.URL.Query() {
		if !slices.Contains(names, name) && !slices.Contains(names, brackets.ReplaceAllString(name, "")) {
			return fmt.Errorf("%s %s: the document knows no parameter %s", r.Method, r.URL, name)
		}
	}
	d.checked.Add(1)
	return nil
}

// Response says why the documents do not allow an answer.
func (d *Docs) Response(r *http.Request, status int, header http.Header, body []byte) error {
	in, err := d.input(r)
	if err != nil {
		return err
	}
	err = openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: status, Header: header, Body: io.NopCloser(bytes.NewReader(body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: !d.Unlisted, MultiError: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
	})
	if err != nil {
		return fmt.Errorf("%s %s answers %d: %w", r.Method, r.URL, status, err)
	}
	d.served.Add(1)
	return nil
}

func (d *Docs) input(r *http.Request) (*openapi3filter.RequestValidationInput, error) {
	if d.Path != nil {
		u := *r.URL
		u.Path = d.Path(u.Path)
		u.RawPath = ""
		r = r.Clone(r.Context())
		r.URL = &u
	}
	route, params := d.find(r)
	if route == nil {
		return nil, fmt.Errorf("%s %s is in none of the vendor's documents", r.Method, r.URL)
	}
	return &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route, Options: &openapi3filter.Options{
		MultiError: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
	}}, nil
}

// find takes the operation whose path has the most literal segments, so that /users/me is not taken for
// /users/{id}. A document's server paths may stand in front.
func (d *Docs) find(r *http.Request) (*routers.Route, map[string]string) {
	var best *routers.Route
	var params map[string]string
	most := -1
	for _, doc := range d.docs {
		for _, prefix := range serverPaths(doc) {
			rest, ok := strings.CutPrefix(r.URL.Path, prefix)
			if !ok || !strings.HasPrefix(rest, "/") {
				continue
			}
			for template, item := range doc.Paths.Map() {
				op := item.GetOperation(r.Method)
				if op == nil {
					continue
				}
				if n, p := match(template, rest); n > most {
					most, params = n, p
					best = &routers.Route{Spec: doc, Path: template, PathItem: item, Method: r.Method, Operation: op}
				}
			}
		}
	}
	return best, params
}

func serverPaths(doc *openapi3.T) []string {
	out := []string{""}
	for _, s := range doc.Servers {
		path := s.URL
		if _, rest, ok := strings.Cut(path, "://"); ok {
			_, path, ok = strings.Cut(rest, "/")
			if !ok {
				continue
			}
			path = "/" + path
		}
		if path = strings.TrimSuffix(path, "/"); path != "" && !strings.Contains(path, "{") {
			out = append(out, path)
		}
	}
	return out
}

// match returns the number of literal segments, -1 where the path does not fit the template.
func match(template, path string) (int, map[string]string) {
	want, have := strings.Split(strings.TrimSuffix(template, "/"), "/"), strings.Split(strings.TrimSuffix(path, "/"), "/")
	if len(want) != len(have) {
		return -1, nil
	}
	literal, params := 0, map[string]string{}
	for i, w := range want {
		open, shut := strings.Index(w, "{"), strings.LastIndex(w, "}")
		switch {
		case open < 0 && w == have[i]:
			literal++
		case open >= 0 && shut > open && strings.HasPrefix(have[i], w[:open]) && strings.HasSuffix(have[i], w[shut+1:]) && len(have[i]) > open+len(w)-shut-1:
			params[w[open+1:shut]] = have[i][open : len(have[i])-(len(w)-shut-1)]
		default:
			return -1, nil
		}
	}
	return literal, params
}
