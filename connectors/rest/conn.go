package rest

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/tidwall/gjson"

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
	cl := &client{base: base, rules: spec.Errors, log: env.Log, headers: map[string]string{}}
	if cl.log == nil {
		cl.log = slog.New(slog.DiscardHandler)
	}
	for k, v := range spec.Headers {
		cl.headers[k] = sc.expand(v, nil)
	}
	if cl.buckets, err = newBuckets(spec, sc); err != nil {
		return nil, err
	}
	if err := cl.authenticate(spec.Auth, sc, secrets); err != nil {
		return nil, err
	}
	cl.configure(spec.HTTP, env.Transport)
	c := &Conn{spec: spec, settings: settings, connection: env.Connection, now: env.Now, client: cl, lists: map[string]cachedList{}}
	if c.now == nil {
		c.now = time.Now
	}
	return c, nil
}

func (c *client) authenticate(ways []Auth, sc *scope, secrets []string) error {
	for _, a := range ways {
		if a.When != "" && sc.settings[a.When] == "" {
			continue
		}
		token, user, password := sc.expand(a.Token, nil), sc.expand(a.User, nil), sc.expand(a.Password, nil)
		secrets = append(secrets, token, password)
		switch a.Kind {
		case "bearer":
			c.auth = func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
		case "basic":
			secrets = append(secrets, user+":"+password)
			c.auth = func(r *http.Request) { r.SetBasicAuth(user, password) }
		case "header":
			c.auth = func(r *http.Request) { r.Header.Set(a.Name, token) }
		case "query":
			c.auth = func(r *http.Request) {
				q := r.URL.Query()
				q.Set(a.Name, token)
				r.URL.RawQuery = q.Encode()
			}
		}
		break
	}
	if len(ways) > 0 && c.auth == nil {
		return canon.Errorf("settings.auth", "no credential is set for %s", c.base.Host).
			WithHint("Set one of the settings that the connector's page lists for authentication.")
	}
	c.secrets = secretForms(secrets)
	return nil
}

// Check makes the spec's check request.
func (c *Conn) Check(ctx context.Context) error {
	call, err := c.render(ctx, c.spec.Check, c.scope("", cursor{}))
	if err != nil {
		return err
	}
	_, err = c.client.do(ctx, call)
	return plain(err)
}

// Streams lists the spec's streams.
func (c *Conn) Streams() []connectors.Stream { return c.spec.List() }

// Close drops idle connections to the vendor.
func (c *Conn) Close() error {
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

func (c *Conn) scope(stream string, cur cursor) *scope {
	return &scope{
		stream: stream, token: cur.Token, lastID: cur.Token, settings: c.settings, lists: map[string][]string{},
		since: micros(max(cur.Since, 0)), start: micros(cur.Start), tie: micros(cur.Tie),
	}
}

// render fills in a request; lists that it names are fetched first.
func (c *Conn) render(ctx context.Context, r Request, sc *scope) (Call, error) {
	if err := c.loadLists(ctx, r, sc); err != nil {
		return Call{}, err
	}
	call := Call{Method: or(r.Method, http.MethodGet), Path: sc.expand(r.Path, url.PathEscape), Query: url.Values{}, Budget: r.Budget, Idempotent: r.Idempotent}
	params := []map[string]Values{r.Query}
	if sc.token == "" {
		params = append(params, r.First)
	}
	for _, m := range params {
		for k, vs := range m {
			for _, v := range vs {
				if got := sc.expand(v, nil); got != "" {
					call.Query.Add(k, got)
				}
			}
		}
	}
	if len(r.Headers) > 0 {
		call.Header = map[string]string{}
		for k, v := range r.Headers {
			call.Header[k] = sc.expand(v, nil)
		}
	}
	body, err := sc.body(r.Body)
	if err != nil {
		return Call{}, canon.Errorf("request.invalid", "the body of %s cannot be written as JSON: %w", r.Path, err)
	}
	call.Body = body
	return call, nil
}

func (c *Conn) loadLists(ctx context.Context, r Request, sc *scope) error {
	var names []string
	collect := func(t string) {
		vars, _ := variables(t)
		for _, v := range vars {
			if name, ok := strings.CutPrefix(v.name, "list."); ok {
				names = append(names, name)
			}
		}
	}
	for _, m := range []map[string]Values{r.Query, r.First} {
		for _, vs := range m {
			for _, v := range vs {
				collect(v)
			}
		}
	}
	eachText(r.Body, collect)
	for _, name := range names {
		if _, ok := sc.lists[name]; ok {
			continue
		}
		values, err := c.list(ctx, name)
		if err != nil {
			return err
		}
		sc.lists[name] = values
	}
	return nil
}

// list returns the names of a list, from the vendor or from the last few minutes.
func (c *Conn) list(ctx context.Context, name string) ([]string, error) {
	c.mu.Lock()
	cached, ok := c.lists[name]
	c.mu.Unlock()
	if ok && c.now().Sub(cached.at) < listLife {
		return cached.names, nil
	}
	l := c.spec.Lists[name]
	call, err := c.render(ctx, l.Request, c.scope("", cursor{}))
	if err != nil {
		return nil, err
	}
	answer, err := c.client.do(ctx, call)
	if err != nil {
		return nil, err
	}
	names := l.names(gjson.ParseBytes(answer.Body))
	c.mu.Lock()
	c.lists[name] = cachedList{names, c.now()}
	c.mu.Unlock()
	return names, nil
}

func (l List) names(body gjson.Result) []string {
	names, have, chars := []string{}, map[string]bool{}, 0
	add := func(name string) {
		if name == "" || have[name] || (l.MaxChars > 0 && chars+len(name)+1 > l.MaxChars) {
			return
		}
		have[name] = true
		chars += len(name) + 1
		names = append(names, name)
	}
	for _, n := range l.Include {
		add(n)
	}
	for _, item := range body.Get(or(l.Items, "@this")).Array() {
		if name := text(item.Get(l.Value)); !l.skips(item, name) {
			add(name)
		}
	}
	return names
}

func (l List) skips(item gjson.Result, name string) bool {
	for _, c := range l.Skip {
		if c.holds(item) {
			return true
		}
	}
	for _, prefix := range l.Exclude {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

func isRestart(err error) bool { return errors.Is(err, errRestart) }
