package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// Fault is a misbehaviour of a vendor. The first fault that matches a request and has Times left answers it.
type Fault struct {
	// Match is a part of the request's path and query; "" matches every request.
	Match string
	// Times is how many requests it hits; 0 means one.
	Times int
	// Status, where not 0, is answered at once with Body and, where set, a Retry-After header.
	Status     int
	RetryAfter string
	Body       string
	// CutAfter, where not 0, cuts the connection after so many bytes of the true answer's body.
	CutAfter int
	// RepeatToken makes the answer to a request for a further page point to that same page again.
	RepeatToken bool
	// Huge, where not 0, answers 200 with valid JSON of about so many bytes.
	Huge int64
	// Delay holds the answer back.
	Delay time.Duration
	// Until, where set, is when the fault ends, by the machine's clock; Times then does not count.
	Until time.Time
}

// Inject adds a fault to a vendor.
func (w *World) Inject(vendor string, f Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f.Times = max(f.Times, 1)
	w.faults[vendor] = append(w.faults[vendor], &f)
}

// Heal takes all faults of a vendor away.
func (w *World) Heal(vendor string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.faults, vendor)
}

// takeFault uses up one hit of the first fault that matches.
func (w *World) takeFault(vendor string, r *http.Request) Fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.faults[vendor] {
		if f.Times == 0 || !strings.Contains(r.URL.RequestURI(), f.Match) {
			continue
		}
		if f.Until.IsZero() {
			f.Times--
			return *f
		}
		if time.Now().Before(f.Until) {
			return *f
		}
	}
	return Fault{}
}

// isOAuth reports whether a path is one of the vendor's authorization server.
func isOAuth(path string) bool {
	if !strings.Contains(path, "/oauth") {
		return false
	}
	return strings.HasSuffix(path, "/token") || strings.HasSuffix(path, "/tokens") || strings.HasSuffix(path, "/authorize") || strings.HasSuffix(path, "/revoke")
}

// call is one request as a route sees it.
type call struct {
	*http.Request
	raw    []byte
	query  url.Values
	repeat bool
}

// trace is an id for the answer, the same for the same request.
func (c *call) trace() string {
	h := canon.Hash(append([]byte(c.Method+c.URL.RequestURI()), c.raw...))
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-8" + h[17:20] + "-" + h[20:32]
}

// base is the address under which the caller reached the server.
func (c *call) base() string {
	if c.TLS != nil {
		return "https://" + c.Host
	}
	return "http://" + c.Host
}

// reply is an answer: JSON, or text where set.
type reply struct {
	status int
	body   any
	text   string
	header map[string]string
}

// gate is one vendor's server: credentials, limits and faults around the routes.
type gate struct {
	world   *World
	vendor  string
	mux     *http.ServeMux
	tidy    func(path string) string
	allowed func(*http.Request) bool
	denied  func(*call) reply
	limit   func(*call) (reply, bool)
}

type repeatKey struct{}

// maxRequest is the most bytes of a request that are read.
const maxRequest = 8 << 20

// route adds a handler, which runs alone: the world is locked while it answers.
func (g *gate) route(pattern string, fn func(*call) reply) {
	g.mux.HandleFunc(pattern, func(rw http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
		if err != nil {
			return // the caller is gone
		}
		c := &call{Request: r, raw: raw, query: r.URL.Query()}
		c.repeat, _ = r.Context().Value(repeatKey{}).(bool)
		g.world.mu.Lock()
		defer g.world.mu.Unlock()
		if !g.allowed(r) {
			send(rw, g.denied(c))
			return
		}
		if g.world.opts.Limits {
			if over, ok := g.limit(c); ok {
				send(rw, over)
				return
			}
		}
		send(rw, fn(c))
	})
}

func send(rw http.ResponseWriter, a reply) {
	for k, v := range a.header {
		rw.Header().Set(k, v)
	}
	if a.text != "" {
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		rw.WriteHeader(a.status)
		_, _ = io.WriteString(rw, a.text)
		return
	}
	rw.Header().Set("Content-Type", "application/json;charset=utf-8")
	rw.WriteHeader(a.status)
	enc := json.NewEncoder(rw)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(a.body)
}

// ServeHTTP applies an injected fault, if there is one, to the true answer.
func (g *gate) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if isOAuth(r.URL.Path) {
		r = r.Clone(r.Context())
		r.URL.Path, r.URL.RawPath = strings.TrimSuffix(r.URL.Path, "s"), ""
		g.world.OAuth(g.vendor).ServeHTTP(rw, r)
		return
	}
	f := g.world.takeFault(g.vendor, r)
	if f.Delay > 0 {
		late := time.NewTimer(f.Delay)
		defer late.Stop()
		select {
		case <-late.C:
		case <-r.Context().Done():
			return
		}
	}
	switch {
	case f.Status != 0:
		if f.RetryAfter != "" {
			rw.Header().Set("Retry-After", f.RetryAfter)
		}
		rw.WriteHeader(f.Status)
		_, _ = io.WriteString(rw, f.Body)
		return
	case f.Huge != 0:
		sendHuge(rw, f.Huge)
		return
	case f.RepeatToken:
		r = r.WithContext(context.WithValue(r.Context(), repeatKey{}, true))
	}
	rec := &record{header: http.Header{}, status: http.StatusOK}
	if g.tidy != nil {
		r = r.Clone(r.Context())
		r.URL.Path = g.tidy(r.URL.Path)
		r.URL.RawPath = ""
	}
	g.mux.ServeHTTP(rec, r)
	for k, v := range rec.header {
		rw.Header()[k] = v
	}
	rw.Header().Set("Content-Length", strconv.Itoa(rec.body.Len()))
	body := rec.body.Bytes()
	if f.CutAfter > 0 && f.CutAfter < len(body) {
		body = body[:f.CutAfter] // the server closes the connection, as fewer bytes came than announced
	}
	rw.WriteHeader(rec.status)
	_, _ = rw.Write(body)
}

func sendHuge(rw http.ResponseWriter, n int64) {
	rw.Header().Set("Content-Type", "application/json;charset=utf-8")
	if _, err := io.WriteString(rw, `{"filler":"`); err != nil {
		return
	}
	block := bytes.Repeat([]byte("x"), 64<<10)
	for n > 0 {
		k := min(n, int64(len(block)))
		if _, err := rw.Write(block[:k]); err != nil {
			return
		}
		n -= k
	}
	_, _ = io.WriteString(rw, `"}`)
}

// record holds an answer back until it is whole.
type record struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *record) Header() http.Header         { return r.header }
func (r *record) WriteHeader(status int)      { r.status = status }
func (r *record) Write(b []byte) (int, error) { return r.body.Write(b) }

// limits counts requests over sliding windows, by the machine's clock.
type limits struct{ hits map[string][]time.Time }

func newLimits() *limits { return &limits{hits: map[string][]time.Time{}} }

// take counts one request. It returns how long to wait where the window is full.
func (l *limits) take(name string, most int, per time.Duration) (wait time.Duration, ok bool) {
	now := time.Now()
	kept := l.hits[name][:0]
	for _, t := range l.hits[name] {
		if now.Sub(t) < per {
			kept = append(kept, t)
		}
	}
	if len(kept) >= most {
		l.hits[name] = kept
		return per - now.Sub(kept[0]), false
	}
	l.hits[name] = append(kept, now)
	return 0, true
}

func (l *limits) left(name string, most int) int { return max(0, most-len(l.hits[name])) }

func bearer(r *http.Request, token string) bool {
	return r.Header.Get("Authorization") == "Bearer "+token
}
