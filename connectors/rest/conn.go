package rest

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// listLife is how long a fetched list of names is used before it is fetched again.
const listLife = 10 * time.Minute

// Conn is one connected account. It is safe for concurrent use.
type Conn struct {
	spec       *Spec
	settings   connectors.Settings
	connection string
	now        func() time.Time
	client     *client
	vault      connectors.Vault
	// oauth is nil where the connection does not use OAuth.
	oauth *oauth

	mu    sync.Mutex
	lists map[string]cachedList
}

type cachedList struct {
	names []string
	at    time.Time
}

// Define completes a Definition from its connector.yaml: Streams, and Open through wrap, which may add
// powers to the connection (nil adds none). A file that does not parse is told by Open.
func Define(def connectors.Definition, src []byte, wrap func(*Conn) connectors.Conn) connectors.Definition {
	spec, err := Parse(def.Name, src)
	if err == nil {
		def.Streams = spec.List()
	}
	def.Open = func(_ context.Context, s connectors.Settings, env connectors.Env) (connectors.Conn, error) {
		if err != nil {
			return nil, err
		}
		s = withDefaults(def.Settings, s)
		for _, setting := range def.Settings {
			if setting.Required && s[setting.Name] == "" {
				return nil, canon.Errorf("settings.missing", "connection %s has no %s", env.Connection, setting.Name).
					WithHint("%s: %s", setting.Title, setting.Doc)
			}
		}
		conn, err := Open(spec, s, env, secretsOf(def.Settings, s)...)
		if err != nil {
			return nil, err
		}
		if wrap == nil {
			return conn, nil
		}
		return wrap(conn), nil
	}
	return def
}

func withDefaults(settings []connectors.Setting, values connectors.Settings) connectors.Settings {
	out := connectors.Settings{}
	for _, s := range settings {
		out[s.Name] = s.Default
	}
	for k, v := range values {
		if v != "" {
			out[k] = v
		}
	}
	return out
}

func secretsOf(settings []connectors.Setting, values connectors.Settings) []string {
	var out []string
	for _, s := range settings {
		if s.Secret && values[s.Name] != "" {
			out = append(out, values[s.Name])
		}
	}
	return out
}

// Open connects. It does no I/O. secrets are values that must never appear in an error or a log, besides
// all that the authentication is made of. Its errors have the codes settings.base_url, settings.auth and
// settings.rate.
func Open(spec *Spec, settings connectors.Settings, env connectors.Env, secrets ...string) (*Conn, error) {
	sc := &scope{settings: settings}
	base, err := url.Parse(strings.TrimRight(sc.expand(spec.BaseURL, nil), "/"))
	if err != nil || (base.Scheme != "https" && base.Scheme != "http") || base.Host == "" || base.User != nil {
		return nil, canon.Errorf("settings.base_url", "the base URL of connection %s is no http or https URL", env.Connection).
			WithHint("Write it as in https://api.example.com.")
	}
	base.RawQuery, base.Fragment = "", ""
	cl := &client{base: base, rules: spec.Errors, log: env.Log, headers: map[string]string{}, secrets: &redactor{}}
	if cl.log == nil {
		cl.log = slog.New(slog.DiscardHandler)
	}
	for k, v := range spec.Headers {
		cl.headers[k] = sc.expand(v, nil)
	}
	cl.configure(spec.HTTP, env.Transport)
	c := &Conn{spec: spec, settings: settings, connection: env.Connection, now: env.Now, client: cl, vault: env.Vault, lists: map[string]cachedList{}}
	if c.now == nil {
		c.now = time.Now
	}
	account, err := c.authenticate(sc, secrets)
	if err != nil {
		return nil, err
	}
	if err := c.openBudgets(env.Budgets, sc, account); err != nil {
		return nil, err
	}
	return c, nil
}

// Check makes the spec's check request.
func (c *Conn) Check(ctx context.Context) error {
	_, err := c.send(ctx, c.spec.Check, c.scope("", cursor{}), false)
	return plain(err)
}

// Streams lists the spec's streams.
func (c *Conn) Streams() []connectors.Stream { return c.spec.List() }

// Close lets a renewal of the token end, and drops idle connections to the vendor.
func (c *Conn) Close() error {
	if c.client.tokens != nil {
		c.client.tokens.close()
	}
	c.client.http.CloseIdleConnections()
	return nil
}

// Do sends one call with the connection's authentication, budgets and retries, for what a vendor's own
// code needs beyond pulling. Its errors are those of Pull.
func (c *Conn) Do(ctx context.Context, call Call) (Answer, error) {
	a, err := c.client.do(ctx, call)
	return a, plain(err)
}

// Redact takes the connection's secrets out of a text that comes from the vendor.
func (c *Conn) Redact(text string) string { return c.client.redact(text) }

// plain keeps a nil *canon.Error from becoming a non-nil error, and answers with nothing but canon.Errors.
func plain(err error) error {
	if err == nil {
		return nil
	}
	return canon.AsError(err)
}

func isRestart(err error) bool { return errors.Is(err, errRestart) }
