package api

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

const (
	sessionCookie = "hub_session"
	sessionLength = 7 * 24 * time.Hour
	maxForm       = 16 << 10
	// consoleHeader must come with what a browser changes by its cookie. No form and no link of another site can send it,
	// and no script of another site may.
	consoleHeader = "Hub-Console"
)

// callerKey is where a request's context holds by what the caller got in.
type callerKey struct{}

// callerOf names the caller by what let them in: the token's api or the cookie's console.
func callerOf(ctx context.Context) string {
	who, _ := ctx.Value(callerKey{}).(string)
	return who
}

// gate lets in who has the token, or the cookie that the token gave. A session is a signed end date and
// nothing else, so none is stored, and a new token ends them all.
type gate struct {
	token [sha256.Size]byte
	key   []byte
	now   func() time.Time
}

func newGate(token string, now func() time.Time) *gate {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte("hub console session"))
	return &gate{token: sha256.Sum256([]byte(token)), key: mac.Sum(nil), now: now}
}

// protect wraps everything that Hub serves.
func (g *gate) protect(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, http.StatusForbidden, canon.Errorf("auth.origin", "The request came from another site.").
			WithHint("Open Hub's own address and try again."))
	}))
	return cross.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		switch {
		case path == "/healthz" || strings.HasPrefix(path, "/openapi"),
			path == "/login" || path == "/logout" || strings.HasPrefix(path, "/assets/"):
			next.ServeHTTP(w, r)
		case strings.HasPrefix(path, "/api/") || path == "/metrics":
			g.machine(next, w, r)
		default:
			g.person(next, w, r)
		}
	}))
}

// machine answers with a problem where the caller may not pass.
func (g *gate) machine(next http.Handler, w http.ResponseWriter, r *http.Request) {
	bearer, given := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if given && g.tokenIs(bearer) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, "api")))
		return
	}
	if !given && g.session(r) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Header.Get(consoleHeader) == "" {
			writeProblem(w, http.StatusForbidden, canon.Errorf("auth.header", "A change that a browser makes by its cookie needs the header %s.", consoleHeader).
				WithHint("Send %s: 1, or the API token in the header Authorization.", consoleHeader))
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, "console")))
		return
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="hub"`)
	e := canon.Errorf("auth.missing", "This needs the API token.").
		WithHint("Send the header Authorization: Bearer <token> with the API token of this Hub.")
	if given {
		e = canon.Errorf("auth.denied", "The API token is not the one of this Hub.").
			WithHint("Check the token for a missing part, and that the address is the right Hub.")
	}
	writeProblem(w, http.StatusUnauthorized, e)
}

// person sends whoever may not pass to the form.
func (g *gate) person(next http.Handler, w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	switch {
	case query.Has("token") && g.tokenIs(query.Get("token")):
		g.open(w, r)
		query.Del("token")
		http.Redirect(w, r, (&url.URL{Path: localPath(r.URL.Path), RawQuery: query.Encode()}).String(), http.StatusSeeOther)
	case g.session(r):
		next.ServeHTTP(w, r)
	case r.Header.Get("Sec-Fetch-Site") == "cross-site" && r.Header.Get("Sec-Fetch-Mode") == "navigate":
		// The cookie is not sent along a link of another site, such as a CRM. Loading the same address once
		// more, now from a page of our own, sends it.
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = io.WriteString(w, `<!doctype html><meta http-equiv="refresh" content="0"><title>Hub</title>`)
	default:
		to := url.Values{"next": {localPath(r.URL.RequestURI())}}
		if query.Has("token") {
			to = url.Values{"failed": {"1"}}
		}
		http.Redirect(w, r, "/login?"+to.Encode(), http.StatusSeeOther)
	}
}

func (g *gate) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	next := localPath(r.PostFormValue("next"))
	if !g.tokenIs(strings.TrimSpace(r.PostFormValue("token"))) {
		http.Redirect(w, r, "/login?"+url.Values{"failed": {"1"}, "next": {next}}.Encode(), http.StatusSeeOther)
		return
	}
	g.open(w, r)
	http.Redirect(w, r, next, http.StatusSeeOther)
}

func (g *gate) logout(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, g.cookie(r, "", -1))
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

func (g *gate) open(w http.ResponseWriter, r *http.Request) {
	end := strconv.FormatInt(g.now().Add(sessionLength).Unix(), 10)
	http.SetCookie(w, g.cookie(r, end+"."+g.sign(end), int(sessionLength/time.Second)))
}

func (g *gate) cookie(r *http.Request, value string, age int) *http.Cookie {
	return &http.Cookie{
		Name: sessionCookie, Value: value, Path: "/", MaxAge: age, HttpOnly: true,
		SameSite: http.SameSiteStrictMode,
		Secure:   r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
	}
}

func (g *gate) session(r *http.Request) bool {
	c, err := r.Cookie(sessionCookie)
	if err != nil {
		return false
	}
	end, signature, _ := strings.Cut(c.Value, ".")
	if !hmac.Equal([]byte(signature), []byte(g.sign(end))) {
		return false
	}
	seconds, err := strconv.ParseInt(end, 10, 64)
	return err == nil && g.now().Unix() < seconds
}

func (g *gate) sign(end string) string {
	mac := hmac.New(sha256.New, g.key)
	mac.Write([]byte(end))
	return hex.EncodeToString(mac.Sum(nil))
}

// tokenIs compares hashes, so that neither content nor length shows in the time it takes.
func (g *gate) tokenIs(token string) bool {
	sum := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(sum[:], g.token[:]) == 1
}

// localPath returns p where it leads to a page of our own, and "/" otherwise.
func localPath(p string) string {
	if !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") || strings.ContainsAny(p, "\\\r\n\t") {
		return "/"
	}
	return p
}
