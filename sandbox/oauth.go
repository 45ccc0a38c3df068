package sandbox

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The client that every vendor of the sandbox knows. It opens nothing else.
const (
	OAuthClientID     = "sandbox-app"
	OAuthClientSecret = "sandbox-app-not-a-secret"
)

// OAuthOptions choose how an authorization server behaves.
type OAuthOptions struct {
	// Life is how long an access token serves, as expires_in tells; 0 for ever, and nothing is told.
	Life time.Duration
	// Uses, where not 0, ends an access token after so many requests that it let through.
	Uses int
	// Rotate gives another refresh token with every renewal. The one before is still taken for Grace. Strict
	// ends the whole grant where a refresh token is used after that.
	Rotate bool
	Grace  time.Duration
	Strict bool
	// Single ends a grant's other access tokens with every renewal.
	Single bool
	// InHeader takes the client's id and secret by basic authentication alone.
	InHeader bool
	// Extra is added to each answer with a token.
	Extra map[string]any
}

// OAuthServer is a vendor's authorization server. It answers paths that end in /authorize, /token and /revoke,
// wherever it is mounted, and is safe for concurrent use.
type OAuthServer struct {
	vendor string

	mu      sync.Mutex
	opts    OAuthOptions
	ahead   time.Duration
	n       int
	codes   map[string]*oauthCode
	refresh map[string]*oauthRefresh
	access  map[string]*oauthAccess
	lose    int
	refuse  int
	fail    int
	status  int
	counts  OAuthCounts
}

// OAuthCounts counts what an authorization server did.
type OAuthCounts struct {
	// Codes, Renewals and Own are tokens given for a code, for a refresh token and for the client's own account.
	Codes, Renewals, Own int
	// Refused are requests for a token that were refused, Lost those whose answer was lost.
	Refused, Lost int
}

type oauthCode struct{ redirect, challenge, scope string }

// oauthRefresh is one refresh token. grant is what all tokens of one consent share.
type oauthRefresh struct {
	grant int
	// until is zero for the present one; an older one is taken up to then.
	until time.Time
	used  bool
}

type oauthAccess struct {
	grant int
	until time.Time
	left  int
}

// OAuth returns the authorization server of a vendor, the same one every time.
func (w *World) OAuth(vendor string) *OAuthServer {
	w.oauthMu.Lock()
	defer w.oauthMu.Unlock()
	s := w.oauth[vendor]
	if s == nil {
		s = NewOAuth(vendor, OAuthOptions{Life: 30 * time.Minute, Rotate: true})
		w.oauth[vendor] = s
	}
	return s
}

// NewOAuth makes an authorization server that belongs to no world.
func NewOAuth(vendor string, o OAuthOptions) *OAuthServer {
	return &OAuthServer{vendor: vendor, opts: o, codes: map[string]*oauthCode{}, refresh: map[string]*oauthRefresh{}, access: map[string]*oauthAccess{}}
}

// Configure changes how the server behaves from now on.
func (s *OAuthServer) Configure(o OAuthOptions) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opts = o
}

// Advance lets the server's clock, which is the machine's, run ahead.
func (s *OAuthServer) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead += d
}

// Lose lets the next n answers of the token endpoint get lost after they took effect.
func (s *OAuthServer) Lose(n int) { s.set(func() { s.lose = n }) }

// Fail answers the next n requests for a token with a status, and does nothing else.
func (s *OAuthServer) Fail(n, status int) { s.set(func() { s.fail, s.status = n, status }) }

// Refuse answers the next n requests for a token with invalid_grant, and does nothing else.
func (s *OAuthServer) Refuse(n int) { s.set(func() { s.refuse = n }) }

func (s *OAuthServer) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// EndAccess ends all access tokens at once. Refresh tokens stay good.
func (s *OAuthServer) EndAccess() { s.set(func() { clear(s.access) }) }

// Counts returns what the server did up to now.
func (s *OAuthServer) Counts() OAuthCounts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

// Consent returns a refresh token, as if a person had let the app in.
func (s *OAuthServer) Consent() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newRefresh(s.next())
}

// Allows reports whether the request brings an access token that serves, and counts its use.
func (s *OAuthServer) Allows(r *http.Request) bool {
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.access[text]
	if a == nil || (!a.until.IsZero() && !s.now().Before(a.until)) {
		return false
	}
	if a.left == 1 {
		delete(s.access, text)
	}
	a.left--
	return true
}

func (s *OAuthServer) now() time.Time { return time.Now().Add(s.ahead) }

func (s *OAuthServer) next() int {
	s.n++
	return s.n
}

func (s *OAuthServer) newRefresh(grant int) string {
	text := fmt.Sprintf("refresh-%s-%d-not-a-secret", s.vendor, s.next())
	s.refresh[text] = &oauthRefresh{grant: grant}
	return text
}

// ServeHTTP answers the three endpoints.
func (s *OAuthServer) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(rw, r.Body, maxRequest)
	if err := r.ParseForm(); err != nil {
		oauthRefuse(rw, "invalid_request", "the form cannot be read")
		return
	}
	switch end := path.Base(r.URL.Path); {
	case end == "authorize" && r.Method == http.MethodGet:
		s.authorize(rw, r)
	case end == "token" && r.Method == http.MethodPost:
		s.token(rw, r)
	case end == "revoke" && r.Method == http.MethodPost:
		s.revoke(rw, r)
	default:
		http.NotFound(rw, r)
	}
}

// authorize consents at once and sends the browser back with a code.
func (s *OAuthServer) authorize(rw http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || back.Host == "" || q.Get("client_id") != OAuthClientID {
		http.Error(rw, "this app is unknown, or its redirect_uri is no URL", http.StatusBadRequest)
		return
	}
	answer := back.Query()
	answer.Set("state", q.Get("state"))
	method := q.Get("code_challenge_method")
	switch {
	case q.Get("response_type") != "code":
		answer.Set("error", "unsupported_response_type")
	case q.Get("code_challenge") != "" && method != "S256":
		answer.Set("error", "invalid_request")
	default:
		s.mu.Lock()
		code := fmt.Sprintf("code-%s-%d", s.vendor, s.next())
		s.codes[code] = &oauthCode{q.Get("redirect_uri"), q.Get("code_challenge"), q.Get("scope")}
		s.mu.Unlock()
		answer.Set("code", code)
	}
	back.RawQuery = answer.Encode()
	http.Redirect(rw, r, back.String(), http.StatusFound)
}

func (s *OAuthServer) token(rw http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail > 0 {
		s.fail--
		s.counts.Refused++
		http.Error(rw, "the authorization server is not working right now", s.status)
		return
	}
	if s.refuse > 0 {
		s.refuse--
		s.counts.Refused++
		oauthRefuse(rw, "invalid_grant", "the grant is not accepted")
		return
	}
	id, secret, inHeader := r.BasicAuth()
	if !inHeader && !s.opts.InHeader {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	if id != OAuthClientID || secret != OAuthClientSecret {
		s.counts.Refused++
		oauthRefuse(rw, "invalid_client", "the client is unknown or its secret is wrong")
		return
	}
	answer, word, why := s.grant(r.PostForm)
	if word != "" {
		s.counts.Refused++
		oauthRefuse(rw, word, why)
		return
	}
	maps.Copy(answer, s.opts.Extra)
	body, err := json.Marshal(answer)
	if err != nil {
		http.Error(rw, "the answer cannot be written", http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.Header().Set("Cache-Control", "no-store")
	rw.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if s.lose > 0 {
		s.lose--
		s.counts.Lost++
		body = body[:1] // the server closes the connection, as fewer bytes came than announced
	}
	_, _ = rw.Write(body)
}

// grant gives tokens for what the form brings, or says why not.
func (s *OAuthServer) grant(form url.Values) (answer map[string]any, word, why string) {
	switch form.Get("grant_type") {
	case "authorization_code":
		c := s.codes[form.Get("code")]
		delete(s.codes, form.Get("code"))
		if c == nil || c.redirect != form.Get("redirect_uri") {
			return nil, "invalid_grant", "the code is unknown, used, or of another redirect_uri"
		}
		sum := sha256.Sum256([]byte(form.Get("code_verifier")))
		if c.challenge != "" && base64.RawURLEncoding.EncodeToString(sum[:]) != c.challenge {
			return nil, "invalid_grant", "the code verifier does not match"
		}
		s.counts.Codes++
		grant := s.next()
		answer = s.newAccess(grant)
		answer["refresh_token"] = s.newRefresh(grant)
		return answer, "", ""
	case "client_credentials":
		s.counts.Own++
		return s.newAccess(s.next()), "", ""
	case "refresh_token":
		return s.renew(form.Get("refresh_token"))
	}
	return nil, "unsupported_grant_type", "this grant type is not served"
}

func (s *OAuthServer) renew(text string) (answer map[string]any, word, why string) {
	old := s.refresh[text]
	if old == nil {
		return nil, "invalid_grant", "the refresh token is unknown"
	}
	if old.used && !s.now().Before(old.until) {
		if s.opts.Strict {
			s.end(old.grant)
		}
		return nil, "invalid_grant", "the refresh token was used before"
	}
	s.counts.Renewals++
	if s.opts.Single {
		maps.DeleteFunc(s.access, func(_ string, a *oauthAccess) bool { return a.grant == old.grant })
	}
	answer = s.newAccess(old.grant)
	if s.opts.Rotate {
		if !old.used {
			old.used, old.until = true, s.now().Add(s.opts.Grace)
		}
		answer["refresh_token"] = s.newRefresh(old.grant)
	}
	return answer, "", ""
}

func (s *OAuthServer) newAccess(grant int) map[string]any {
	text := fmt.Sprintf("access-%s-%d-not-a-secret", s.vendor, s.next())
	a := &oauthAccess{grant: grant, left: cmp.Or(s.opts.Uses, -1)}
	answer := map[string]any{"access_token": text, "token_type": "bearer"}
	if s.opts.Life > 0 {
		a.until = s.now().Add(s.opts.Life)
		answer["expires_in"] = int(s.opts.Life / time.Second)
	}
	s.access[text] = a
	return answer
}

// end ends a grant with all its tokens.
func (s *OAuthServer) end(grant int) {
	maps.DeleteFunc(s.access, func(_ string, a *oauthAccess) bool { return a.grant == grant })
	maps.DeleteFunc(s.refresh, func(_ string, r *oauthRefresh) bool { return r.grant == grant })
}

// revoke ends a token: an access token alone, a refresh token with its grant. Unknown ones are no error.
func (s *OAuthServer) revoke(rw http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := r.PostForm.Get("token")
	if t := s.refresh[text]; t != nil {
		s.end(t.grant)
	}
	delete(s.access, text)
	rw.WriteHeader(http.StatusOK)
}

func oauthRefuse(rw http.ResponseWriter, word, why string) {
	status := http.StatusBadRequest
	if word == "invalid_client" {
		status = http.StatusUnauthorized
	}
	send(rw, reply{status: status, body: doc{"error": word, "error_description": why}})
}
