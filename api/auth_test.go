package api_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/api"
)

// visit makes a GET of a browser.
func visit(h http.Handler, path string, cookies ...*http.Cookie) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestWhoMaySeeWhat(t *testing.T) {
	h := newAPI(t, newWorld())
	for _, tt := range []struct {
		path, bearer string
		status       int
	}{
		{"/healthz", "", 200},
		{"/openapi.yaml", "", 200},
		{"/openapi.json", "", 200},
		{"/assets/x.css", "", 200},
		{"/login", "", 200},
		{"/api/v1/customers", "", 401},
		{"/api/v1/customers", "Bearer wrong", 401},
		{"/api/v1/customers", "Bearer ", 401},
		{"/api/v1/customers", "Basic " + token, 401},
		{"/api/v1/customers", "Bearer " + token, 200},
		{"/api/v1/nothing", "", 401},
		{"/metrics", "", 401},
		{"/metrics", "Bearer " + token, 200},
		{"/customers", "", 303},
		{"/docs", "", 303},
	} {
		r := httptest.NewRequest(http.MethodGet, tt.path, nil)
		if tt.bearer != "" {
			r.Header.Set("Authorization", tt.bearer)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tt.status {
			t.Errorf("%s with %q: %d, want %d", tt.path, tt.bearer, w.Code, tt.status)
		}
		if w.Code == http.StatusUnauthorized && (w.Header().Get("WWW-Authenticate") == "" || decode(t, w)["hint"] == nil) {
			t.Errorf("%s: the refusal does not help: %s", tt.path, w.Body)
		}
		if !strings.HasPrefix(w.Header().Get("Content-Security-Policy"), "default-src 'self';") {
			t.Errorf("%s: no content security policy", tt.path)
		}
	}
}

func TestTheTokenInTheAddressBecomesACookie(t *testing.T) {
	now := noon
	h := newAPI(t, newWorld(), func(o *api.Options) { o.Now = func() time.Time { return now } })
	w := visit(h, "/connections?token="+token+"&x=1")
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/connections?x=1" {
		t.Fatalf("%d to %q", w.Code, w.Header().Get("Location"))
	}
	cookie := w.Result().Cookies()[0]
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || strings.Contains(cookie.Value, token) {
		t.Errorf("cookie is %v", cookie)
	}
	if w := visit(h, "/connections", cookie); w.Code != http.StatusOK || w.Body.String() != "page /connections" {
		t.Errorf("page: %d %s", w.Code, w.Body)
	}
	if w := visit(h, "/api/v1/customers", cookie); w.Code != http.StatusOK {
		t.Errorf("API: %d", w.Code)
	}
	forged := &http.Cookie{Name: cookie.Name, Value: "9" + cookie.Value}
	if w := visit(h, "/api/v1/customers", forged); w.Code != http.StatusUnauthorized {
		t.Errorf("a forged end was accepted: %d", w.Code)
	}
	other := newAPI(t, newWorld(), func(o *api.Options) { o.Token = "another-token-0123456" })
	if w := visit(other, "/api/v1/customers", cookie); w.Code != http.StatusUnauthorized {
		t.Errorf("a session survived a new token: %d", w.Code)
	}
	now = now.AddDate(0, 0, 8)
	if w := visit(h, "/api/v1/customers", cookie); w.Code != http.StatusUnauthorized {
		t.Errorf("the session never ends: %d", w.Code)
	}
	if w := visit(h, "/?token=wrong"); w.Header().Get("Location") != "/login?failed=1" || len(w.Result().Cookies()) != 0 {
		t.Errorf("a wrong token leads to %q", w.Header().Get("Location"))
	}
}

func TestTheForm(t *testing.T) {
	h := newAPI(t, newWorld())
	if to := visit(h, "/customers/cu_1?tab=2").Header().Get("Location"); to != "/login?next=%2Fcustomers%2Fcu_1%3Ftab%3D2" {
		t.Errorf("an unknown visitor is sent to %q", to)
	}
	for _, tt := range []struct {
		token, next, origin string
		status              int
		to                  string
	}{
		{token, "/deliveries", "", 303, "/deliveries"},
		{" " + token + "\n", "", "same-origin", 303, "/"},
		{token, "//evil.example", "", 303, "/"},
		{token, "https://evil.example", "", 303, "/"},
		{token, `/\evil.example`, "", 303, "/"},
		{"wrong", "/deliveries", "", 303, "/login?failed=1&next=%2Fdeliveries"},
		{token, "/", "cross-site", 403, ""},
	} {
		form := url.Values{"token": {tt.token}, "next": {tt.next}}
		r := httptest.NewRequest(http.MethodPost, "/login", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if tt.origin != "" {
			r.Header.Set("Sec-Fetch-Site", tt.origin)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tt.status || w.Header().Get("Location") != tt.to {
			t.Errorf("%+v: %d to %q", tt, w.Code, w.Header().Get("Location"))
		}
		if opened := len(w.Result().Cookies()) == 1; opened != (tt.to == "/" || tt.to == "/deliveries") {
			t.Errorf("%+v: session opened: %v", tt, opened)
		}
	}
}

func TestALinkOfAnotherSiteFindsTheSession(t *testing.T) {
	h := newAPI(t, newWorld())
	r := httptest.NewRequest(http.MethodGet, "/customers/cu_1", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `http-equiv="refresh"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
