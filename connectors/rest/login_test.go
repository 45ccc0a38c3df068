package rest_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/rest"
)

const loginSpec = `
base_url: https://acme.example/api
auth: [%s]
check: {path: /check}
streams: [{name: things, title: Things, id: id, full: {request: {path: /things}}}]
`

func login(t *testing.T, auth string, h http.HandlerFunc, settings ...string) (*rest.Conn, error) {
	t.Helper()
	spec, err := rest.Parse("acme", fmt.Appendf(nil, loginSpec, auth))
	if err != nil {
		t.Fatal(err)
	}
	s := connectors.Settings{}
	for i := 0; i < len(settings); i += 2 {
		s[settings[i]] = settings[i+1]
	}
	c, err := rest.Open(spec, s, connectors.Env{Connection: "c", Transport: connectortest.Transport(h)})
	if err == nil {
		t.Cleanup(func() {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return c, err
}

// TestSession: a login gives the token, which is used until its life or the vendor's patience ends.
func TestSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logins, good := 0, ""
		vendor := func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/api/login" {
				var body struct{ User, Password string }
				if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.User != "me" || body.Password != "the-password" || r.Header.Get("X-Session") != "" {
					w.WriteHeader(http.StatusUnauthorized)
					send(w, map[string]any{"message": "no " + body.Password})
					return
				}
				logins++
				good = fmt.Sprintf("session-number-%d", logins)
				send(w, map[string]any{"session": map[string]any{"id": good}})
				return
			}
			if r.Header.Get("X-Session") != good || good == "" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			send(w, map[string]any{})
		}
		const auth = `{kind: session, request: {method: POST, path: /login, body: {user: "${setting.user}", password: "${setting.password}"}}, token: session.id, name: X-Session, life: 1h}`
		c, err := login(t, auth, vendor, "user", "me", "password", "the-password")
		if err != nil {
			t.Fatal(err)
		}
		works(t, c, c, c)
		time.Sleep(50 * time.Minute)
		works(t, c)
		good = "ended by the vendor"
		works(t, c)
		if logins != 3 {
			t.Errorf("there were %d logins, want 3", logins)
		}
		c, err = login(t, auth, vendor, "user", "me", "password", "wrong-password")
		if err != nil {
			t.Fatal(err)
		}
		e := canon.AsError(c.Check(t.Context()))
		if e == nil || e.Code != "auth.denied" || !strings.Contains(e.Hint, "password") {
			t.Errorf("got %#v", e)
		}
	})
}

// checkJWT returns the claims of a token, or why it is not good.
func checkJWT(text string, verify func(sum [32]byte, text, sig []byte) bool) (claims map[string]any, err error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, fmt.Errorf("%d parts", len(parts))
	}
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return nil, err
	}
	signed := []byte(parts[0] + "." + parts[1])
	if !verify(sha256.Sum256(signed), signed, sig) {
		return nil, fmt.Errorf("the signature is wrong")
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, err
	}
	return claims, json.Unmarshal(body, &claims)
}

func pemOf(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func TestSigned(t *testing.T) {
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	es, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	const secret = "a-shared-secret-of-some-length"
	for _, c := range []struct {
		algorithm, key string
		verify         func(sum [32]byte, text, sig []byte) bool
	}{
		{"HS256", secret, func(_ [32]byte, text, sig []byte) bool {
			m := hmac.New(sha256.New, []byte(secret))
			m.Write(text)
			return hmac.Equal(sig, m.Sum(nil))
		}},
		{"RS256", strings.ReplaceAll(pemOf(t, rs), "\n", `\n`), func(sum [32]byte, _, sig []byte) bool {
			return rsa.VerifyPKCS1v15(&rs.PublicKey, crypto.SHA256, sum[:], sig) == nil
		}},
		{"ES256", pemOf(t, es), func(sum [32]byte, _, sig []byte) bool {
			return len(sig) == 64 && ecdsa.Verify(&es.PublicKey, sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:]))
		}},
	} {
		t.Run(c.algorithm, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { signedWith(t, c.algorithm, c.key, c.verify) })
		})
	}
	for _, c := range [][2]string{{"RS256", pemOf(t, es)}, {"ES256", pemOf(t, rs)}, {"RS256", "no key at all"}, {"HS256", ""}} {
		_, err := login(t, `{kind: jwt, algorithm: `+c[0]+`, key: "${setting.key}"}`, ok, "key", c[1])
		if e := canon.AsError(err); e == nil || e.Code != "settings.auth" || e.Hint == "" {
			t.Errorf("%s: got %#v", c[0], e)
		}
	}
}

// signedWith: a signed token is sent itself, or exchanged where there is a token URL.
func signedWith(t *testing.T, algorithm, key string, verify func(sum [32]byte, text, sig []byte) bool) {
	seen, exchanged := map[string]bool{}, 0
	vendor := func(w http.ResponseWriter, r *http.Request) {
		text := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if r.URL.Path == "/token" {
			text = r.FormValue("assertion")
			if r.FormValue("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
				text = ""
			}
		} else if text == "exchanged-token" {
			send(w, map[string]any{})
			return
		}
		claims, err := checkJWT(text, verify)
		now := float64(time.Now().Unix())
		if err != nil || claims["iss"] != "me" || claims["iat"] != now && len(seen) == 0 || claims["exp"].(float64) <= now || claims["exp"].(float64) > now+180 {
			t.Errorf("%s %v: %v", r.URL, claims, err)
		}
		seen[text] = true
		if r.URL.Path == "/token" {
			exchanged++
			send(w, map[string]any{"access_token": "exchanged-token"})
			return
		}
		send(w, map[string]any{})
	}
	auth := `{kind: jwt, algorithm: ` + algorithm + `, key: "${setting.key}", key_id: k1, claims: {iss: "${setting.iss}"}, life: 3m}`
	c, err := login(t, auth, vendor, "key", key, "iss", "me")
	if err != nil {
		t.Fatal(err)
	}
	works(t, c, c)
	time.Sleep(150 * time.Second)
	works(t, c)
	if len(seen) != 2 {
		t.Errorf("%d tokens were signed, want 2", len(seen))
	}
	auth = strings.Replace(auth, "life: 3m", "life: 3m, token_url: https://acme.example/token", 1)
	if c, err = login(t, auth, vendor, "key", key, "iss", "me"); err != nil {
		t.Fatal(err)
	}
	works(t, c, c)
	time.Sleep(time.Hour)
	works(t, c)
	if exchanged != 1 {
		t.Errorf("%d tokens were exchanged, want 1", exchanged)
	}
}

func TestAuthComplaints(t *testing.T) {
	for auth, want := range map[string]string{
		`{kind: magic}`:                          `"magic" is unknown here`,
		`{kind: oauth2, grant: password}`:        `"password" is unknown here`,
		`{kind: oauth2, grant: refresh_token}`:   "needs token_url",
		`{kind: session, token: id}`:             "path",
		`{kind: jwt, algorithm: none, key: "k"}`: `"none" is unknown here`,
		`{kind: oauth2, grant: authorization_code, token_url: "https://a.example", client_id: x}`:                            "needs authorize_url",
		`{kind: oauth2, grant: client_credentials, token_url: "https://a.example", client_id: "${token}", client_secret: x}`: "variable ${token} is unknown here",
		`{kind: oauth2, grant: client_credentials, token_url: "https://a.example", client_id: x, client_secret: x, in: url}`: `"url" is unknown here`,
	} {
		_, err := rest.Parse("acme", fmt.Appendf(nil, loginSpec, auth))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gave %v, want a complaint with %s", auth, err, want)
		}
	}
	for budget, want := range map[string]string{
		"rate: auto\nper: 1s": "needs headers.limit",
		"rate: 1\nper: 1s\nheaders: {pattern: {header: X, match: '('}}":      "a regular expression",
		"rate: 1\nper: 1s\nheaders: {pattern: {header: X, match: '(\\d+)'}}": "needs a group",
		"rate: 1\nper: 1s\ndaily: ${token}":                                  "unknown here",
	} {
		_, err := rest.Parse("acme", fmt.Appendf(nil, budgetSpec, "    "+strings.ReplaceAll(budget, "\n", "\n    ")))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gave %v, want a complaint with %s", budget, err, want)
		}
	}
}
