package rest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/rest"
	"github.com/lifecyclehub/hub/sandbox"
)

// TestRefused: what a 401 means depends on what is known of the token.
func TestRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Nobody says how long it serves: a 401 renews it, once.
		a := newAcme(t, sandbox.OAuthOptions{Rotate: true})
		c := a.connect(t, "refresh", a.Consent())
		works(t, c)
		a.EndAccess()
		works(t, c)
		a.renewals(t, 2)
		// A new one that is refused as well will not get better.
		a.EndAccess()
		a.status = http.StatusUnauthorized
		err := c.Check(t.Context())
		denied(t, c, "hub connect c")
		a.renewals(t, 3)
		a.quiet(t, err)
	})
	synctest.Test(t, func(t *testing.T) {
		// Its life is known and not over: the vendor means something else, unless another process renewed it.
		a := newAcme(t, sandbox.OAuthOptions{Life: time.Hour, Rotate: true, Single: true})
		refresh := a.Consent()
		one, two := a.connect(t, "refresh", refresh), a.connect(t, "refresh", refresh)
		works(t, one, two)
		if err := one.Connected(t.Context(), a.answer(t, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {a.Consent()}})); err != nil {
			t.Fatal(err)
		}
		a.EndAccess()
		denied(t, two, "hub connect c")
		a.renewals(t, 2)
	})
	synctest.Test(t, func(t *testing.T) {
		a := newAcme(t, sandbox.OAuthOptions{Life: time.Hour, Uses: 3})
		c := a.connect(t, "second", "yes", "refresh", a.Consent())
		for range 9 {
			works(t, c)
		}
		a.renewals(t, 3)
	})
}

// TestNotConnected: without any token the advice is what to run.
func TestNotConnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAcme(t, sandbox.OAuthOptions{Life: time.Hour})
		denied(t, a.connect(t), "hub connect c")
		denied(t, a.connect(t, "client_secret", "wrong", "refresh", a.Consent()), "client id and secret")
		if err := a.connect(t, "own", "yes").Exchange(t.Context(), rest.Code{Code: "nonsense"}); canon.CodeOf(err) != "auth.denied" {
			t.Errorf("a wrong code gave %v", err)
		}
	})
}

// TestConsent: the way of `hub connect`, from the address that a person opens to a connection that works.
func TestConsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAcme(t, sandbox.OAuthOptions{Life: time.Hour, Rotate: true})
		c := a.connect(t)
		facts, ok := c.OAuth()
		if !ok || !facts.PKCE || facts.ClientID != sandbox.OAuthClientID || len(facts.Scopes) != 2 {
			t.Fatalf("got %+v, %t", facts, ok)
		}
		const verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
		try := func(verifier string) error {
			q := url.Values{"response_type": {"code"}, "client_id": {facts.ClientID}, "redirect_uri": {"http://127.0.0.1:7/back"}, "state": {"s"},
				"code_challenge": {challenge}, "code_challenge_method": {"S256"}}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, facts.AuthorizeURL+"?"+q.Encode(), nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := a.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			back, err := resp.Location()
			if err != nil || back.Query().Get("state") != "s" {
				t.Fatalf("sent back to %v, %v", back, err)
			}
			return c.Exchange(t.Context(), rest.Code{Code: back.Query().Get("code"), RedirectURI: "http://127.0.0.1:7/back", Verifier: verifier})
		}
		if err := try("another-verifier"); canon.CodeOf(err) != "auth.denied" {
			t.Errorf("a wrong verifier gave %v", err)
		}
		if err := try(verifier); err != nil {
			t.Fatal(err)
		}
		works(t, c, a.connect(t))
		time.Sleep(2 * time.Hour)
		works(t, c)
		a.renewals(t, 1)
		if _, ok := a.connect(t, "own", "yes").OAuth(); ok {
			t.Error("client credentials want no person's consent")
		}
	})
}

// TestOwnAccount: client credentials, at the address that the answer names.
func TestOwnAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAcme(t, sandbox.OAuthOptions{InHeader: true, Extra: map[string]any{"instance_url": "https://na7.acme.example"}})
		c := a.connect(t, "own", "yes")
		works(t, c)
		a.EndAccess()
		works(t, c, a.connect(t, "own", "yes"))
		for _, h := range a.hosts {
			if h != "na7.acme.example" {
				t.Errorf("a call went to %s", h)
			}
		}
		if n := a.Counts(); n.Own != 2 || n.Renewals != 0 {
			t.Errorf("got %+v", n)
		}
		a.Configure(sandbox.OAuthOptions{InHeader: true, Extra: map[string]any{"instance_url": "no url"}})
		a.EndAccess()
		if err := c.Check(t.Context()); canon.CodeOf(err) != "auth.base_url" {
			t.Errorf("an answer without an address gave %v", err)
		}
	})
}

// TestLinksFollowTheToken: a relative link leads to where the token's answer says that the API is.
func TestLinksFollowTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := sandbox.NewOAuth("acme", sandbox.OAuthOptions{Extra: map[string]any{"instance_url": "https://na7.acme.example"}})
		var asked []string
		mux := http.NewServeMux()
		mux.Handle("/oauth/", server)
		mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.Host+r.URL.Path)
			next := map[string]string{"/things": "/data/2", "/data/2": "https://na7.acme.example/data/3", "/data/3": "https://evil.example/data/4"}
			send(w, map[string]any{"items": []any{map[string]any{"id": r.URL.Path}}, "next": next[r.URL.Path]})
		})
		c := open(t, `
base_url: https://api.acme.example
auth:
  - {kind: oauth2, grant: client_credentials, token_url: "https://login.acme.example/oauth/token", client_id: sandbox-app, client_secret: sandbox-app-not-a-secret, base_url: instance_url}
check: {path: /things}
streams:
  - {name: things, title: Things, id: id, full: {request: {path: /things}, records: items, paging: {kind: next_url, token: next}}}
`, mux, connectors.Settings{})
		var err error
		for cursor := canon.Cursor(""); err == nil; {
			var p connectors.Page
			p, err = c.Pull(t.Context(), "things", cursor)
			cursor = p.Next
		}
		if canon.CodeOf(err) != "page.foreign_url" {
			t.Errorf("a link to another host gave %v", err)
		}
		if got := strings.Join(asked, " "); got != "na7.acme.example/things na7.acme.example/data/2 na7.acme.example/data/3" {
			t.Errorf("asked %s", got)
		}
	})
}

// TestGrantSurvives: whatever a vendor with a grace period does, short of refusing, the connection works again
// once it stops, in every process.
func TestGrantSurvives(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.IntRange(0, 5), 1, 12).Draw(rt, "steps")
		synctest.Test(t, func(t *testing.T) {
			// Longer than all steps together: a vendor that is down for longer than its grace does end a grant.
			a := newAcme(t, sandbox.OAuthOptions{Life: time.Hour, Rotate: true, Grace: 40 * time.Hour})
			refresh := a.Consent()
			conns := []*rest.Conn{a.connect(t, "refresh", refresh), a.connect(t, "refresh", refresh)}
			for i, step := range steps {
				switch step {
				case 0:
					a.Lose(2)
				case 1:
					a.Fail(4, 502)
				case 2:
					a.Fail(20, 500)
				case 3:
					time.Sleep(50 * time.Minute)
				case 4:
					time.Sleep(3 * time.Hour)
				case 5:
					conns[i%2] = a.connect(t, "refresh", refresh)
				}
				if e := canon.AsError(conns[i%2].Check(t.Context())); e != nil && !e.Retry {
					t.Errorf("step %d of %v: %v", i, steps, e)
				}
			}
			a.Lose(0)
			a.Fail(0, 0)
			time.Sleep(10 * time.Minute)
			works(t, conns...)
			a.quiet(t)
		})
	})
}

// TestOAuthLaws: a connection by OAuth keeps the laws that every connector does.
func TestOAuthLaws(t *testing.T) {
	def := rest.Define(connectors.Definition{
		Name: "acme", Title: "Acme", Doc: "A vendor.", Category: "crm", Behavior: "None.", Mapping: []byte("streams: {}"),
		Settings: []connectors.Setting{
			{Name: "client_secret", Title: "Secret", Doc: "The app's.", Secret: true},
			{Name: "refresh", Title: "Token", Doc: "The first one.", Secret: true},
		},
	}, []byte(oauthSpec), nil)
	connectortest.Run(t, def, connectortest.Options{
		Handler: func() http.Handler {
			server := sandbox.NewOAuth("acme", sandbox.OAuthOptions{Life: 30 * time.Minute, Rotate: true})
			server.Consent()
			mux := http.NewServeMux()
			mux.Handle("/oauth/", server)
			mux.HandleFunc("/things", func(w http.ResponseWriter, r *http.Request) {
				if !server.Allows(r) {
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				if r.URL.Query().Get("at") == "" {
					send(w, map[string]any{"items": []any{map[string]any{"id": "1"}, map[string]any{"id": "2"}}, "next": "n"})
					return
				}
				send(w, map[string]any{"items": []any{map[string]any{"id": "3"}}})
			})
			return mux
		},
		Settings: connectors.Settings{"client_secret": sandbox.OAuthClientSecret, "refresh": "refresh-acme-2-not-a-secret"},
		Now:      start,
	})
}
