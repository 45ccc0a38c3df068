package sandbox_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lifecyclehub/hub/sandbox"
)

type oauthAnswer struct {
	Access  string  `json:"access_token"`
	Refresh string  `json:"refresh_token"`
	Expires float64 `json:"expires_in"`
	Error   string  `json:"error"`
	status  int
	whole   bool
}

// ask asks a server for a token; form holds pairs.
func ask(t *testing.T, s http.Handler, form ...string) oauthAnswer {
	t.Helper()
	v := url.Values{"client_id": {sandbox.OAuthClientID}, "client_secret": {sandbox.OAuthClientSecret}}
	for i := 0; i < len(form); i += 2 {
		v.Set(form[i], form[i+1])
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/oauth/token", strings.NewReader(v.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	a := oauthAnswer{status: w.Code}
	a.whole = json.Unmarshal(w.Body.Bytes(), &a) == nil
	return a
}

func renew(t *testing.T, s http.Handler, refresh string) oauthAnswer {
	t.Helper()
	return ask(t, s, "grant_type", "refresh_token", "refresh_token", refresh)
}

func lets(t *testing.T, s *sandbox.OAuthServer, access string) bool {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+access)
	return s.Allows(r)
}

func TestOAuthRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sandbox.NewOAuth("acme", sandbox.OAuthOptions{Life: time.Hour, Rotate: true, Grace: time.Minute, Strict: true, Single: true})
		first := s.Consent()
		one := renew(t, s, first)
		again := renew(t, s, first)
		if one.Access == "" || one.Refresh == first || again.Refresh == one.Refresh || one.Expires != 3600 {
			t.Fatalf("got %+v and, within the grace, %+v", one, again)
		}
		if lets(t, s, one.Access) || !lets(t, s, again.Access) {
			t.Error("a renewal must end the other access tokens")
		}
		s.Advance(time.Hour)
		if lets(t, s, again.Access) {
			t.Error("an access token outlived its life")
		}
		if a := renew(t, s, first); a.Error != "invalid_grant" || a.status != http.StatusBadRequest {
			t.Errorf("a refresh token after its grace gave %+v", a)
		}
		if a := renew(t, s, again.Refresh); a.Error != "invalid_grant" {
			t.Errorf("the grant outlived the misuse of an old token: %+v", a)
		}
	})
}

func TestOAuthFaults(t *testing.T) {
	s := sandbox.NewWorld(sandbox.Options{Seed: 1, Companies: 20}).OAuth(sandbox.VendorZendesk)
	refresh := s.Consent()
	s.Fail(1, 503)
	if a := renew(t, s, refresh); a.status != 503 {
		t.Errorf("got %+v", a)
	}
	s.Refuse(1)
	if a := renew(t, s, refresh); a.Error != "invalid_grant" {
		t.Errorf("got %+v", a)
	}
	s.Lose(1)
	if a := renew(t, s, refresh); a.whole {
		t.Errorf("the answer was not lost: %+v", a)
	}
	if a := renew(t, s, refresh); a.Error != "invalid_grant" {
		t.Errorf("a lost answer had no effect: %+v", a)
	}
	if n := s.Counts(); n.Renewals != 1 || n.Lost != 1 || n.Refused != 3 {
		t.Errorf("got %+v", n)
	}
	if a := ask(t, s, "grant_type", "client_credentials", "client_secret", "wrong"); a.Error != "invalid_client" || a.status != http.StatusUnauthorized {
		t.Errorf("a wrong secret gave %+v", a)
	}
	s.Configure(sandbox.OAuthOptions{Uses: 2})
	a := ask(t, s, "grant_type", "client_credentials")
	if a.Expires != 0 || !lets(t, s, a.Access) || !lets(t, s, a.Access) || lets(t, s, a.Access) {
		t.Errorf("a token of two uses: %+v", a)
	}
}

func TestOAuthCodeAndRevoke(t *testing.T) {
	w := sandbox.NewWorld(sandbox.Options{Seed: 1, Companies: 20})
	s := w.OAuth("acme")
	if w.OAuth("acme") != s || w.OAuth("other") == s {
		t.Error("a vendor has one server of its own")
	}
	const back, verifier, challenge = "http://127.0.0.1:9/back?x=1", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	q := url.Values{"response_type": {"code"}, "client_id": {sandbox.OAuthClientID}, "redirect_uri": {back}, "state": {"s"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"}}
	code := func() string {
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/oauth/authorize?"+q.Encode(), nil))
		to, err := rec.Result().Location()
		if err != nil || to.Query().Get("state") != "s" || to.Query().Get("x") != "1" {
			t.Fatalf("sent to %v, %v", to, err)
		}
		return to.Query().Get("code")
	}
	c := code()
	if a := ask(t, s, "grant_type", "authorization_code", "code", c, "redirect_uri", back); a.Error != "invalid_grant" {
		t.Errorf("without the verifier: %+v", a)
	}
	if a := ask(t, s, "grant_type", "authorization_code", "code", c, "redirect_uri", back, "code_verifier", verifier); a.Error != "invalid_grant" {
		t.Errorf("a code served twice: %+v", a)
	}
	a := ask(t, s, "grant_type", "authorization_code", "code", code(), "redirect_uri", back, "code_verifier", verifier)
	if !lets(t, s, a.Access) || a.Refresh == "" {
		t.Fatalf("got %+v", a)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/oauth/revoke", strings.NewReader(url.Values{"token": {a.Refresh}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	s.ServeHTTP(httptest.NewRecorder(), r)
	if lets(t, s, a.Access) || renew(t, s, a.Refresh).Error != "invalid_grant" {
		t.Error("a revoked grant lives on")
	}
	q.Set("client_id", "unknown")
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/oauth/authorize?"+q.Encode(), nil))
	if rec.Code != http.StatusBadRequest {
		t.Errorf("an unknown app was sent to %s", rec.Header().Get("Location"))
	}
}
