package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/sandbox"
)

// acmeConnector is a connector of one's own whose vendor wants a person's consent.
const acmeConnector = `base_url: ${setting.base_url}
auth:
  - kind: oauth2
    grant: authorization_code
    authorize_url: ${setting.base_url}/oauth/authorize
    token_url: ${setting.base_url}/oauth/token
    client_id: ${setting.client_id}
    client_secret: ${setting.client_secret}
    scopes: [read]
    pkce: true
    refresh_on_401: true
check: {path: "/v1/orgs/${setting.org_id}"}
account: name
streams:
  - name: customers
    title: Customers
    kinds: [company]
    id: id
    full:
      request: {path: /v1/customers}
      records: data
about:
  title: Acme
  category: crm
  doc: Customers of Acme.
  settings:
    - {name: base_url, title: Address, doc: Where Acme is., required: true}
    - {name: org_id, title: Organization, doc: Its id., required: true}
    - {name: client_id, title: Client id, doc: Of the app., required: true}
    - {name: client_secret, title: Client secret, doc: Of the app., secret: true, required: true}
`

const acmeMapping = "streams:\n  customers:\n    rules:\n      - kind: company\n        fields: {name: name}\n"

// acme serves the vendor, and returns the folder of a hub.yaml with a connection to it.
func acme(t *testing.T) (dir string, vendor *httptest.Server) {
	t.Helper()
	oauth := sandbox.NewOAuth("acme", sandbox.OAuthOptions{Life: time.Hour, Rotate: true})
	mux := http.NewServeMux()
	mux.Handle("/oauth/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/oauth/authorize" {
			oauth.ServeHTTP(w, r)
			return
		}
		// The vendor tells which organization the person chose, as QuickBooks does.
		rec := httptest.NewRecorder()
		oauth.ServeHTTP(rec, r)
		to, err := url.Parse(rec.Header().Get("Location"))
		if err != nil || rec.Code != http.StatusFound {
			http.Error(w, rec.Body.String(), rec.Code)
			return
		}
		q := to.Query()
		q.Set("orgId", "org7")
		to.RawQuery = q.Encode()
		http.Redirect(w, r, to.String(), http.StatusFound)
	}))
	mux.HandleFunc("/v1/orgs/org7", func(w http.ResponseWriter, r *http.Request) {
		if !oauth.Allows(r) {
			http.Error(w, `{"error":"no"}`, http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `{"name":"Brightwater Foods"}`)
	})
	vendor = httptest.NewServer(mux)
	t.Cleanup(vendor.Close)
	dir = t.TempDir()
	for name, text := range map[string]string{
		"own/acme/connector.yaml": acmeConnector, "own/acme/mapping.yaml": acmeMapping,
		"hub.yaml": "connectors_dir: own\nconnections:\n  - name: crm\n    connector: acme\n    settings: {base_url: \"" + vendor.URL + "\", client_id: " + sandbox.OAuthClientID + "}\n",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, vendor
}

// call is one call of hub in this process.
type call struct {
	in    *io.PipeWriter
	lines *bufio.Scanner
	err   bytes.Buffer
	code  chan int
	told  string
}

func calling(t *testing.T, dir string, env map[string]string, args ...string) *call {
	t.Helper()
	in, write := io.Pipe()
	read, out := io.Pipe()
	c := &call{in: write, lines: bufio.NewScanner(read), code: make(chan int, 1)}
	go func() {
		code := run(t.Context(), append(args, "-c", filepath.Join(dir, "hub.yaml")), streams{in, out, &c.err}, func(name string) (string, bool) { v, ok := env[name]; return v, ok })
		_ = out.Close()
		c.code <- code
	}()
	return c
}

// next reads lines until one holds mark, and returns it.
func (c *call) next(t *testing.T, mark string) string {
	t.Helper()
	for c.lines.Scan() {
		c.told += c.lines.Text() + "\n"
		if strings.Contains(c.lines.Text(), mark) {
			return c.lines.Text()
		}
	}
	t.Fatalf("nothing said %q: %s%s", mark, c.told, &c.err)
	return ""
}

// end reads what is left, and returns all that was told and the exit code.
func (c *call) end() (string, int) {
	for c.lines.Scan() {
		c.told += c.lines.Text() + "\n"
	}
	code := <-c.code
	return c.told + c.err.String(), code
}

var appSecret = map[string]string{"APP_SECRET": sandbox.OAuthClientSecret}

// TestConnectByConsent: the browser comes back to this machine, and from then on the hub renews the token by itself.
func TestConnectByConsent(t *testing.T) {
	dir, _ := acme(t)
	c := calling(t, dir, appSecret, "connect", "crm", "--set", "client_secret=env:APP_SECRET")
	address := c.next(t, "/oauth/authorize?")
	back := browse(t, address)
	// Somebody else's answer does not end the waiting.
	res, err := http.Get(strings.Replace(back, "state=", "state=x", 1))
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusBadRequest {
		t.Errorf("an answer with another state got %s", res.Status)
	}
	if res, err = http.Get(back); err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil || !strings.Contains(string(page), "close this window") {
		t.Errorf("the browser shows %q (%v)", page, err)
	}
	told, code := c.end()
	for _, want := range []string{"crm is connected to Acme Brightwater Foods", "sealed in the vault: client_secret, org_id", "renewed by itself"} {
		if !strings.Contains(told, want) {
			t.Errorf("%q is not in:\n%s", want, told)
		}
	}
	if code != exitOK {
		t.Errorf("exit code %d", code)
	}
	if told, code := calling(t, dir, nil, "check").end(); code != exitOK {
		t.Errorf("the vault fills in what hub.yaml lacks: %d %s", code, told)
	}
	if told, _ := calling(t, dir, nil, "connections").end(); !strings.Contains(told, "nothing pulled yet") || !strings.Contains(told, "token    good until") {
		t.Errorf("connections say:\n%s", told)
	}
	c = calling(t, dir, nil, "connect", "crm")
	if told, code := c.end(); code != exitOK || !strings.Contains(told, "--again") {
		t.Errorf("connecting again: %d %s", code, told)
	}
	if told, code := calling(t, dir, nil, "vault", "rotate").end(); code != exitOK || !strings.Contains(told, "2 values sealed") {
		t.Errorf("rotating the key: %d %s", code, told)
	}
	if told, code := calling(t, dir, nil, "check").end(); code != exitOK {
		t.Errorf("after the key was rotated: %d %s", code, told)
	}
	nowhere(t, dir, sandbox.OAuthClientSecret)
	if told, code := calling(t, dir, nil, "connect", "crm", "--forget").end(); code != exitOK || !strings.Contains(told, "nothing is kept any more") {
		t.Errorf("forgetting: %d %s", code, told)
	}
	if told, code := calling(t, dir, nil, "check").end(); code != exitFailed && code != exitConfig || !strings.Contains(told, "hub connect crm") {
		t.Errorf("after it was forgotten: %d %s", code, told)
	}
}

// browse consents at an address, and returns where the vendor sends the browser.
func browse(t *testing.T, address string) string {
	t.Helper()
	stays := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := stays.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	to := res.Header.Get("Location")
	if to == "" {
		t.Fatalf("the vendor answers %s", res.Status)
	}
	return to
}

// nowhere fails where a secret stands in a file of the data folder.
func nowhere(t *testing.T, dir, secret string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(secret)) {
			t.Errorf("%s holds the secret", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestConnectFromElsewhere: the browser is on another machine, and the address that it ended at is pasted.
func TestConnectFromElsewhere(t *testing.T) {
	for _, c := range []struct {
		name  string
		paste func(back string) string
		code  int
		want  string
	}{
		{"consent", func(back string) string { return back }, exitOK, "crm is connected to Acme Brightwater Foods"},
		{"another state", func(back string) string { return strings.Replace(back, "state=", "state=x", 1) }, exitFailed, "[connect.state]"},
		{"refusal", func(back string) string {
			return strings.Replace(back, "code=", "error=access_denied&error_description=no%1b[31m&x=", 1)
		}, exitFailed, "without consent: access_denied no[31m [connect.refused]"},
		{"another code", func(back string) string { return strings.Replace(back, "code=", "code=x", 1) }, exitFailed, "[auth.denied]"},
		{"no code", func(back string) string { return strings.Replace(back, "code=", "cod=", 1) }, exitFailed, "[connect.code]"},
		{"nothing", func(string) string { return "" }, exitFailed, "[connect.code]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, _ := acme(t)
			p := calling(t, dir, appSecret, "connect", "crm", "--no-listen", "--redirect", "https://hub.example.com/callback", "--set", "client_secret=env:APP_SECRET")
			back := browse(t, p.next(t, "/oauth/authorize?"))
			if !strings.HasPrefix(back, "https://hub.example.com/callback?") {
				t.Errorf("the vendor sends the browser to %s", back)
			}
			if _, err := io.WriteString(p.in, c.paste(back)+"\n"); err != nil {
				t.Fatal(err)
			}
			told, code := p.end()
			if code != c.code || !strings.Contains(told, c.want) {
				t.Errorf("exit code %d and\n%s", code, told)
			}
			if strings.Contains(told, sandbox.OAuthClientSecret) || strings.Contains(told, "\x1b") {
				t.Errorf("what must not be told: %q", told)
			}
		})
	}
}

// TestConnectByKey: a key is sealed only where the vendor takes it.
func TestConnectByKey(t *testing.T) {
	world := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 3, Now: asOf})
	vendor := httptest.NewServer(world.Stripe())
	t.Cleanup(vendor.Close)
	dir := t.TempDir()
	yaml := "connections:\n  - name: billing\n    connector: stripe\n    settings: {base_url: \"" + vendor.URL + "\"}\n"
	for name, text := range map[string]string{"hub.yaml": yaml, "key.txt": sandbox.StripeKey + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		set, want string
		code      int
	}{
		{"api_key=sk_live_in_the_history", "would stay in the shell's history", exitUsage},
		{"api_kee=env:KEY", `has no setting "api_kee"`, exitUsage},
		{"api_key=env:UNSET", "the variable UNSET is not set", exitFailed},
		{"api_key=file:" + filepath.Join(dir, "none.txt"), "[connect.setting]", exitFailed},
		{"api_key=env:WRONG", "[auth.denied]", exitFailed},
	} {
		told, code := calling(t, dir, map[string]string{"WRONG": "sk_live_wrong_wrong_wrong"}, "connect", "billing", "--set", c.set).end()
		if code != c.code || !strings.Contains(told, c.want) || strings.Contains(told, "sk_live") {
			t.Errorf("%s: exit code %d and\n%s", c.set, code, told)
		}
	}
	if told, code := calling(t, dir, nil, "connect", "billing").end(); code != exitConfig || !strings.Contains(told, "the setting api_key is missing") {
		t.Errorf("without a key: %d %s", code, told)
	}
	if told, code := calling(t, dir, nil, "connect", "billing", "--set", "api_key=file:"+filepath.Join(dir, "key.txt")).end(); code != exitOK || !strings.Contains(told, "sealed in the vault: api_key") {
		t.Errorf("with the key: %d %s", code, told)
	}
	if told, code := calling(t, dir, nil, "sync").end(); code != exitOK {
		t.Errorf("sync: %d %s", code, told)
	}
	if told, code := calling(t, dir, nil, "connections", "billing").end(); code != exitOK || !strings.Contains(told, "customers") {
		t.Errorf("connections: %d %s", code, told)
	}
	if err := os.Remove(filepath.Join(dir, "key.txt")); err != nil {
		t.Fatal(err)
	}
	nowhere(t, dir, sandbox.StripeKey)
}
