package connectortest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
)

// Transport carries requests to a handler without sockets.
func Transport(h http.Handler) http.RoundTripper { return &inProcess{handler: h} }

// inProcess carries requests to a handler without sockets.
type inProcess struct{ handler http.Handler }

func (p *inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	rec := httptest.NewRecorder()
	in := req.Clone(req.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	in.RequestURI = req.URL.RequestURI()
	p.handler.ServeHTTP(rec, in)
	resp := rec.Result()
	resp.Request = req
	return resp, nil
}

// roundTrip is a transport as a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// takeBody returns the request's body, which can then be read again.
func takeBody(req *http.Request) []byte {
	if req.Body == nil {
		return nil
	}
	b, err := io.ReadAll(req.Body)
	if err != nil {
		return nil
	}
	req.Body = io.NopCloser(bytes.NewReader(b))
	return b
}

// fault answers a request badly.
type fault struct {
	name   string
	answer func(*http.Request) (*http.Response, error)
}

// told is a fault that is an answer with a status.
func told(name string, code int, header map[string]string, body string) fault {
	return fault{name, func(req *http.Request) (*http.Response, error) { return respond(req, code, header, body), nil }}
}

var errCut = errors.New("connection reset by peer")

// respond makes an answer.
func respond(req *http.Request, code int, header map[string]string, body string) *http.Response {
	resp := &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: req, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	for k, v := range header {
		resp.Header.Set(k, v)
	}
	return resp
}

func unreachable(*http.Request) (*http.Response, error) { return nil, errCut }

// cutBody breaks off in the middle of the answer.
func cutBody(req *http.Request) (*http.Response, error) {
	resp := respond(req, 200, nil, "")
	resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"results":[{"id"`), brokenReader{}))
	return resp, nil
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// endlessBody never stops sending.
func endlessBody(req *http.Request) (*http.Response, error) {
	resp := respond(req, 200, nil, "")
	resp.Body = io.NopCloser(blanks{strings.Repeat(" ", 64<<10)})
	return resp, nil
}

type blanks struct{ some string }

func (b blanks) Read(p []byte) (int, error) { return copy(p, b.some), nil }

// firstTime lets every distinct request fail once, before the vendor hears of it.
type firstTime struct {
	next  http.RoundTripper
	fault fault

	mu   sync.Mutex
	seen map[string]bool
}

func (f *firstTime) RoundTrip(req *http.Request) (*http.Response, error) {
	key := req.Method + " " + req.URL.String() + "\n" + string(takeBody(req))
	f.mu.Lock()
	again := f.seen[key]
	f.seen[key] = true
	f.mu.Unlock()
	if again {
		return f.next.RoundTrip(req)
	}
	return f.fault.answer(req)
}

// stuck answers every request to a path with the first answer that it gave, whatever is asked for: a
// vendor whose paging does not move.
type stuck struct {
	next http.RoundTripper

	mu    sync.Mutex
	first map[string][]byte
}

func (s *stuck) RoundTrip(req *http.Request) (*http.Response, error) {
	s.mu.Lock()
	body, ok := s.first[req.URL.Path]
	s.mu.Unlock()
	if ok {
		return respond(req, 200, nil, string(body)), nil
	}
	resp, err := s.next.RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		return resp, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.first[req.URL.Path] = body
	s.mu.Unlock()
	return respond(req, 200, nil, string(body)), nil
}

// withoutID takes the id off the record with that id, in the first list of several that holds it.
type withoutID struct {
	next http.RoundTripper
	id   string

	mu sync.Mutex
	// taken says that it was removed.
	taken bool
}

func (w *withoutID) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := w.next.RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		return resp, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	header := map[string]string{}
	for k := range resp.Header {
		header[k] = resp.Header.Get(k)
	}
	if !w.taken {
		body, w.taken = dropID(body, w.id)
	}
	return respond(req, resp.StatusCode, header, string(body)), nil
}

// dropID removes the member that holds the id from an element of a list with several elements.
func dropID(body []byte, id string) ([]byte, bool) {
	var tree any
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if dec.Decode(&tree) != nil || !dropFrom(tree, id) {
		return body, false
	}
	whole, err := json.Marshal(tree)
	if err != nil {
		return body, false
	}
	return whole, true
}

// dropFrom looks for a list with the record, from the outside in.
func dropFrom(v any, id string) bool {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			obj, ok := e.(map[string]any)
			if ok && len(v) > 1 && dropMember(obj, id, 2) {
				return true
			}
		}
	case map[string]any:
		for _, k := range shortestFirst(v) {
			if dropFrom(v[k], id) {
				return true
			}
		}
	}
	return false
}

// dropMember removes a member that is called an id and has that value, also where the record is wrapped.
func dropMember(obj map[string]any, id string, depth int) bool {
	for _, k := range shortestFirst(obj) {
		name := strings.ToLower(k)
		if (strings.HasSuffix(name, "id") || strings.HasSuffix(name, "key")) && fmt.Sprint(obj[k]) == id {
			delete(obj, k)
			return true
		}
	}
	for _, k := range shortestFirst(obj) {
		if inner, ok := obj[k].(map[string]any); ok && depth > 1 && dropMember(inner, id, depth-1) {
			return true
		}
	}
	return false
}

func shortestFirst(obj map[string]any) []string {
	keys := make([]string, 0, len(obj))
	for k := range obj {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Or(len(a)-len(b), strings.Compare(a, b)) })
	return keys
}
