package rest_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/rest"
	"github.com/lifecyclehub/hub/sandbox"
	"github.com/lifecyclehub/hub/store"
)

const oauthSpec = `
base_url: https://api.acme.example
auth:
  - {kind: oauth2, when: second, grant: refresh_token, token_url: "https://login.acme.example/oauth/token", client_id: sandbox-app,
     client_secret: "${setting.client_secret}", refresh_token: "${setting.refresh}", refresh_on_401: true}
  - {kind: oauth2, when: own, grant: client_credentials, token_url: "https://login.acme.example/oauth/token", client_id: sandbox-app,
     client_secret: "${setting.client_secret}", in: header, base_url: instance_url}
  - {kind: oauth2, grant: authorization_code, authorize_url: "https://login.acme.example/oauth/authorize", token_url: "https://login.acme.example/oauth/token",
     client_id: sandbox-app, client_secret: "${setting.client_secret}", refresh_token: "${setting.refresh}", pkce: true, scopes: [read, offline]}
check: {path: /things}
streams:
  - name: things
    title: Things
    kinds: [contact]
    id: id
    full: {request: {path: /things, query: {at: "${token}"}}, records: items, paging: {kind: cursor, token: next}}
`

// acme is a vendor whose API wants tokens of its own authorization server.
type acme struct {
	*sandbox.OAuthServer
	vault connectors.Vault
	log   bytes.Buffer

	mu    sync.Mutex
	hosts []string
	// before, where set, sees every call of the API; status answers those that are let in.
	before func(*http.Request)
	status int
}

func newAcme(t *testing.T, o sandbox.OAuthOptions) *acme {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	keys, err := store.ParseKeys("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
	if err != nil {
		t.Fatal(err)
	}
	return &acme{OAuthServer: sandbox.NewOAuth("acme", o), vault: db.Vault("c", keys)}
}

func (a *acme) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/oauth/") {
		a.OAuthServer.ServeHTTP(w, r)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.before != nil {
		a.before(r)
	}
	a.hosts = append(a.hosts, r.Host)
	if !a.Allows(r) {
		w.WriteHeader(http.StatusUnauthorized)
		send(w, map[string]any{"message": "no good: " + r.Header.Get("Authorization")})
		return
	}
	if a.status != 0 {
		w.WriteHeader(a.status)
		send(w, map[string]any{"message": "refused " + r.Header.Get("Authorization")})
		return
	}
	send(w, map[string]any{"items": []any{map[string]any{"id": "1"}}})
}

// RoundTrip carries requests to the vendor; an answer shorter than announced is cut.
func (a *acme) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := connectortest.Transport(a).RoundTrip(r)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.ContentLength > int64(len(b)) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(b), cut{}))
		return resp, nil
	}
	resp.Body = io.NopCloser(bytes.NewReader(b))
	return resp, nil
}

type cut struct{}

func (cut) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// connect opens a connection, as a process of its own would. Its clock is the bubble's.
func (a *acme) connect(t *testing.T, settings ...string) *rest.Conn {
	t.Helper()
	spec, err := rest.Parse("acme", []byte(oauthSpec))
	if err != nil {
		t.Fatal(err)
	}
	s := connectors.Settings{"client_secret": sandbox.OAuthClientSecret}
	for i := 0; i < len(settings); i += 2 {
		s[settings[i]] = settings[i+1]
	}
	conn, err := rest.Open(spec, s, connectors.Env{
		Connection: "c", Transport: a, Vault: a.vault, Log: slog.New(slog.NewTextHandler(&a.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

// works fails where the connection does not.
func works(t *testing.T, conns ...*rest.Conn) {
	t.Helper()
	for _, c := range conns {
		if err := c.Check(t.Context()); err != nil {
			t.Fatalf("%#v", err)
		}
	}
}

// denied fails where the connection does anything but to say that a person must let Hub in again.
func denied(t *testing.T, c *rest.Conn, hint string) {
	t.Helper()
	e := canon.AsError(c.Check(t.Context()))
	if e == nil || e.Code != "auth.denied" || e.Retry || !strings.Contains(e.Hint, hint) {
		t.Errorf("got %#v, want auth.denied with the hint %q", e, hint)
	}
}

// renewals fails where the vendor gave another number of renewed tokens.
func (a *acme) renewals(t *testing.T, want int) {
	t.Helper()
	if got := a.Counts().Renewals; got != want {
		t.Errorf("the vendor renewed %d times, want %d", got, want)
	}
}

// quiet fails where a token was logged.
func (a *acme) quiet(t *testing.T, errs ...error) {
	t.Helper()
	texts := []string{a.log.String()}
	for _, err := range errs {
		if e := canon.AsError(err); e != nil {
			texts = append(texts, e.Message+e.Hint)
		}
	}
	for _, text := range texts {
		if strings.Contains(text, "not-a-secret") || strings.Contains(text, sandbox.OAuthClientSecret) {
			t.Errorf("a secret is shown: %s", text)
		}
	}
}

// answer asks the token endpoint as `hub connect` does.
func (a *acme) answer(t *testing.T, form url.Values) []byte {
	t.Helper()
	form.Set("client_id", sandbox.OAuthClientID)
	form.Set("client_secret", sandbox.OAuthClientSecret)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://login.acme.example/oauth/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := a.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
