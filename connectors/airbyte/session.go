package airbyte

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// sessionAuth logs in and uses the token that this gives.
type sessionAuth struct {
	login *requester
	path  []string
	life  *delta
	// as puts the token on requests; its template knows it as session_token.
	as *tokenAuth
}

func (b *builder) session(d *dict) (authenticator, error) {
	a := &sessionAuth{}
	login := b.child(d, "login_requester")
	if login == nil {
		return nil, b.refuse(d, "a SessionTokenAuthenticator has no login_requester")
	}
	var err error
	if a.login, err = b.requester(login); err != nil {
		return nil, err
	}
	for _, p := range keyPaths(orNil(d, "session_token_path")) {
		a.path = append(a.path, p...)
	}
	if v := orNil(d, "expiration_duration"); v != nil {
		life, err := parseSpan(pyStr(v))
		if err != nil {
			return nil, b.refuse(d, "%v", err)
		}
		a.life = &life
	}
	if dec := b.child(d, "decoder"); dec != nil && b.use(dec) != "JsonDecoder" {
		return nil, b.unknown(dec, "the login's decoder")
	}
	use := b.child(d, "request_authentication")
	if use == nil {
		return nil, b.refuse(d, "a SessionTokenAuthenticator has no request_authentication")
	}
	t, err := b.tmpl(use, "api_token")
	if err != nil {
		return nil, err
	}
	if t == nil {
		if t, err = compile("{{ session_token }}", nil); err != nil {
			return nil, err
		}
	}
	a.as = &tokenAuth{token: t}
	switch kind := pyStr(orNil(use, "type")); kind {
	case "Bearer":
		a.as.to, a.as.prefix = headerOption("Authorization"), "Bearer "
	case "ApiKey":
		if a.as.to, err = b.option(b.child(use, "inject_into")); err != nil {
			return nil, err
		}
		if a.as.to == nil {
			return nil, b.refuse(use, "request_authentication has no inject_into")
		}
	default:
		return nil, b.refuse(use, "request_authentication %s is not supported", kind)
	}
	return a, nil
}

func (a *sessionAuth) sign(ctx context.Context, c *Conn, rq *request) error {
	t := c.tokensOf(a)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.Access == "" || (!t.Expires.IsZero() && !c.now().Before(t.Expires)) {
		if err := a.enter(ctx, c, t); err != nil {
			return err
		}
	}
	sc := c.scope().with("session_token", t.Access)
	text, err := a.as.token.render(sc)
	if err != nil {
		return expression("the session's token", err)
	}
	c.client.hide(text)
	return a.as.to.put(rq, a.as.prefix+text, sc)
}

func (a *sessionAuth) forget(c *Conn) bool {
	t := c.tokensOf(a)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Access = ""
	return true
}

// enter logs in.
func (a *sessionAuth) enter(ctx context.Context, c *Conn, t *tokens) error {
	rq, err := a.login.build(parts{sc: c.scope()})
	if err != nil {
		return err
	}
	x := c.exchange(a.login, c.scope())
	resp, _, err := x.do(ctx, rq)
	if err != nil {
		return err
	}
	v, ok := decodeJSON(resp.body)
	if !ok {
		return canon.Errorf("page.not_json", "the answer of the login at %s is no JSON", rq.url.Host).
			WithHint("Check the address in the settings.")
	}
	token, ok := dpathGet(v, a.path)
	if !ok || token == nil || pyStr(token) == "" {
		return canon.Errorf("auth.denied", "the login at %s gave no session token", rq.url.Host).
			WithHint("Check the user name and the password in the connection's settings.")
	}
	t.Access = pyStr(token)
	c.client.hide(t.Access)
	if a.life != nil {
		t.Expires = a.life.after(c.now())
	}
	return nil
}

// legacyAuth is the session token of the format's first years: it is given, or fetched by name and password.
type legacyAuth struct {
	base                            *tmpl
	header, login, token, key       *tmpl
	username, password, validateURL *tmpl
}

func (b *builder) legacySession(d *dict, r *requester) (authenticator, error) {
	a := &legacyAuth{}
	if r != nil {
		if a.base = r.base; a.base == nil {
			a.base = r.url
		}
	}
	for key, into := range map[string]**tmpl{"header": &a.header, "login_url": &a.login, "session_token": &a.token, "session_token_response_key": &a.key,
		"username": &a.username, "password": &a.password, "validate_session_url": &a.validateURL} {
		t, err := b.tmpl(d, key)
		if err != nil {
			return nil, err
		}
		*into = t
	}
	if a.header == nil || a.base == nil {
		return nil, b.refuse(d, "a LegacySessionTokenAuthenticator has no header")
	}
	return a, nil
}

func (a *legacyAuth) sign(ctx context.Context, c *Conn, rq *request) error {
	t := c.tokensOf(a)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.Access == "" {
		if err := a.enter(ctx, c, t); err != nil {
			return err
		}
	}
	name, err := a.header.text(c.scope())
	if err != nil {
		return expression("the header's name", err)
	}
	rq.header[http.CanonicalHeaderKey(name)] = t.Access
	return nil
}

func (a *legacyAuth) forget(c *Conn) bool {
	t := c.tokensOf(a)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Access, t.Expires = "", time.Time{}
	// The given one was refused; the next is fetched.
	t.loaded = true
	password, err := c.credential(a.password)
	return err == nil && password != ""
}

func (a *legacyAuth) enter(ctx context.Context, c *Conn, t *tokens) error {
	if given, err := c.credential(a.token); err == nil && given != "" && given != "None" && !t.loaded {
		c.client.hide(given)
		t.Access = given
		return nil
	}
	user, err := c.credential(a.username)
	if err != nil {
		return err
	}
	password, err := c.credential(a.password)
	if err != nil {
		return err
	}
	c.client.hide(password)
	base, err := a.base.text(c.scope())
	if err != nil {
		return expression("the address", err)
	}
	path, err := a.login.text(c.scope())
	if err != nil {
		return expression("the login's address", err)
	}
	u, err := url.Parse(strings.TrimRight(base, "/") + "/" + strings.TrimLeft(path, "/"))
	if err != nil || u.Host == "" {
		return canon.Errorf("settings.base_url", "the address of the login is no URL").WithHint("Check the settings.")
	}
	rq := &request{method: http.MethodPost, url: u, query: url.Values{}, header: map[string]string{}, json: newDict("username", user, "password", password)}
	x := &exchange{client: c.client, handler: &errorHandler{each: []oneHandler{{}}}, sc: c.scope()}
	resp, _, err := x.do(ctx, rq)
	if err != nil {
		return err
	}
	d, err := decodeAnswer(c, rq, resp)
	if err != nil {
		return err
	}
	key, err := a.key.text(c.scope())
	token, ok := d.get(key)
	if err != nil || !ok || pyStr(token) == "" {
		return canon.Errorf("auth.denied", "the login at %s gave no session token", u.Host).
			WithHint("Check the user name and the password in the connection's settings.")
	}
	t.Access = pyStr(token)
	c.client.hide(t.Access)
	return nil
}
