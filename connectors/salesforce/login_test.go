package salesforce_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/sandbox"
)

// TestJWT logs in by a signed assertion, which names the app, the user and the place.
func TestJWT(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	synctest.Test(t, func(t *testing.T) {
		server, asked := world(start()).Salesforce(), map[string]any{}
		o := &org{start(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/services/oauth2/token" {
				server.ServeHTTP(w, r)
				return
			}
			parts := strings.Split(r.FormValue("assertion"), ".")
			if len(parts) != 3 || r.FormValue("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			claims, _ := base64.RawURLEncoding.DecodeString(parts[1])
			_ = json.Unmarshal(claims, &asked)
			answer, _ := json.Marshal(map[string]string{"access_token": sandbox.SalesforceToken, "instance_url": host, "token_type": "Bearer"})
			_, _ = w.Write(answer)
		})}
		conn := o.open(t, connectors.Settings{"token": "", "instance_url": "", "client_id": "3MVG9", "username": "hub@acme.example", "private_key": string(block)})
		if err := conn.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		if asked["iss"] != "3MVG9" || asked["sub"] != "hub@acme.example" || asked["aud"] != "https://login.salesforce.com" || asked["exp"] == nil {
			t.Errorf("the assertion says %v", asked)
		}
	})
}

// TestLoginByPerson: where a person is to log in, hub connect learns where.
func TestLoginByPerson(t *testing.T) {
	o := &org{start(), world(start()).Salesforce()}
	conn := o.open(t, connectors.Settings{"token": "", "instance_url": "", "login_url": "https://test.salesforce.com", "client_id": "3MVG9", "client_secret": "the-consumer-secret", "authorize": "yes"})
	facts, ok := conn.(connectors.Connectable).OAuth()
	if !ok || facts.AuthorizeURL != "https://test.salesforce.com/services/oauth2/authorize" || facts.TokenURL != "https://test.salesforce.com/services/oauth2/token" || !facts.PKCE || len(facts.Scopes) != 2 {
		t.Errorf("%+v, %t", facts, ok)
	}
}

// TestMeter: what the vendor tells of the day's requests is known.
func TestMeter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 20, Now: start(), Limits: true})
		o := &org{start(), w.Salesforce()}
		conn := o.open(t, nil)
		if err := conn.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		meters := conn.(connectors.Metered).Meters()
		if len(meters) != 1 || meters[0].DailyLeft != 14999 || meters[0].Reserve != 1500 {
			t.Errorf("%+v", meters)
		}
	})
}
