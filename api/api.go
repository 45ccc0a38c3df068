package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/lifecycle"
)

// Options is what the API is made of.
type Options struct {
	// Reader answers every question; required.
	Reader Reader
	// Identity answers who is who and takes in decisions; nil means that its routes answer 503.
	Identity Identity
	// Plays answers about plays and segments; nil means that its routes answer 503.
	Plays Plays
	// Overrides takes in what people say against computed answers; nil means that its routes answer 503.
	Overrides Overrides
	// Live feeds /api/v1/stream; nil means that the stream answers 503.
	Live Live
	// Console serves the pages, their files below /assets/ and the form at /login; nil for an API alone.
	Console http.Handler
	// Metrics serves /metrics; nil means that there is none.
	Metrics http.Handler
	// Token opens everything but /healthz, /openapi.* and the form; required, at least 16 characters.
	Token string
	// Version is Hub's own version.
	Version string
	// Stages is the lifecycle graph in the order in which people should see it.
	Stages []Stage
	// Policy says what would change a score, and what it is for; nil leaves that out.
	Policy *lifecycle.Policy
	// Connectors are known vendors; they give connections their titles.
	Connectors []connectors.Definition
	// Flows tells what connections may use and wait for now, by name; nil tells nothing of it.
	Flows func(ctx context.Context) map[string]Flow
	// Now is the clock; nil means time.Now. Log nil means slog.Default.
	Now func() time.Time
	Log *slog.Logger
}

const minToken = 16

type server struct {
	Options
	log    *slog.Logger
	now    func() time.Time
	titles map[string]connectors.Definition
	gate   *gate
}

// New returns the handler of everything that Hub serves on its address. Streams end when the request's
// context does, so the http.Server wants a BaseContext that is cancelled before Shutdown.
func New(o Options) (http.Handler, error) {
	if o.Reader == nil {
		return nil, errors.New("api: a reader is required")
	}
	if len(o.Token) < minToken {
		return nil, canon.Errorf("api.token", "The API token must have at least %d characters.", minToken).
			WithHint("Set a longer token in hub.yaml, for example the output of: openssl rand -hex 24")
	}
	s := &server{Options: o, log: o.Log, now: o.Now, titles: map[string]connectors.Definition{}}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.now == nil {
		s.now = time.Now
	}
	for _, d := range o.Connectors {
		s.titles[d.Name] = d
	}
	s.gate = newGate(o.Token, s.now)

	mux := http.NewServeMux()
	s.routes(mux)
	mux.HandleFunc("GET /healthz", healthz)
	mux.HandleFunc("/api/", notFound)
	s.mountPages(mux)
	return secureHeaders(s.gate.protect(mux)), nil
}

func (s *server) routes(mux *http.ServeMux) {
	api := humago.New(mux, apiConfig())
	s.customerRoutes(api)
	s.identityRoutes(api)
	s.playRoutes(api)
	s.overrideRoutes(api)
	s.sourceRoutes(api)
	s.outRoutes(api)
	s.streamRoute(api)
	polish(api.OpenAPI())
}

func (s *server) mountPages(mux *http.ServeMux) {
	if s.Metrics != nil {
		mux.Handle("GET /metrics", s.Metrics)
	}
	if s.Console == nil {
		mux.HandleFunc("/", notFound)
		return
	}
	mux.HandleFunc("POST /login", s.gate.login)
	mux.HandleFunc("POST /logout", s.gate.logout)
	mux.Handle("/", s.Console)
}

func healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte("ok\n"))
}

func notFound(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		writeProblem(w, http.StatusMethodNotAllowed,
			canon.Errorf("request.method", "%s is not possible here: this route only reads.", r.Method).
				WithHint("Use GET; most changes are made with the hub command."))
		return
	}
	writeProblem(w, http.StatusNotFound,
		canon.Errorf("route.unknown", "There is nothing at %s.", r.URL.Path).
			WithHint("See /openapi.yaml for every route."))
}

// secureHeaders sets what every answer carries. Scripts and styles come from files of our own only, so
// nothing that a vendor's record holds can run in a page.
func secureHeaders(next http.Handler) http.Handler {
	const policy = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		next.ServeHTTP(w, r)
	})
}

// route is the part of an operation that differs between routes.
func route(id, path, tag, summary, doc string) huma.Operation {
	return huma.Operation{
		OperationID: id, Method: http.MethodGet, Path: "/api/v1" + path,
		Tags: []string{tag}, Summary: summary, Description: doc,
		Security:  []map[string][]string{{"bearer": {}}, {"session": {}}},
		Responses: map[string]*huma.Response{"default": problemResponse()},
	}
}

// maxRuling bounds what a request that changes something may send.
const maxRuling = 64 << 10

// change is a route that changes something.
func change(id, path, tag, summary, doc string) huma.Operation {
	op := route(id, path, tag, summary, doc)
	op.Method, op.MaxBodyBytes = http.MethodPost, maxRuling
	return op
}
