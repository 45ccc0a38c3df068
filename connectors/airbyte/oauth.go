package airbyte

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// oauthAuth fetches access tokens by a refresh token or by the client's own credentials.
type oauthAuth struct {
	endpoint, clientID, clientSecret, refresh *tmpl
	access, expiry                            *tmpl
	names                                     map[string]*tmpl
	grant                                     *tmpl
	scopes                                    []string
	body, headers                             inputs
	asQuery                                   bool
	expiryFormat                              string
	// rotates says that each answer brings the next refresh token, under the name refreshName.
	rotates     bool
	refreshName string
	assertion   authenticator
}

func (b *builder) oauth(d *dict) (authenticator, error) {
	a := &oauthAuth{names: map[string]*tmpl{}, asQuery: flag(d, "send_refresh_request_as_query_params"), expiryFormat: textOr(d, "token_expiry_date_format")}
	fields := map[string]**tmpl{"token_refresh_endpoint": &a.endpoint, "client_id": &a.clientID, "client_secret": &a.clientSecret,
		"refresh_token": &a.refresh, "access_token_value": &a.access, "token_expiry_date": &a.expiry, "grant_type": &a.grant}
	for key, into := range fields {
		t, err := b.tmpl(d, key)
		if err != nil {
			return nil, err
		}
		*into = t
	}
	for key, fallback := range map[string]string{"client_id_name": "client_id", "client_secret_name": "client_secret", "refresh_token_name": "refresh_token",
		"access_token_name": "access_token", "expires_in_name": "expires_in", "grant_type_name": "grant_type"} {
		t, err := b.tmpl(d, key)
		if err != nil {
			return nil, err
		}
		if t == nil || t.src == "" {
			t = &tmpl{src: fallback, plain: true, value: fallback}
		}
		a.names[key] = t
	}
	if a.grant == nil {
		a.grant = &tmpl{src: "refresh_token", plain: true, value: "refresh_token"}
	}
	scopes, _ := orNil(d, "scopes").([]any)
	for _, s := range scopes {
		a.scopes = append(a.scopes, pyStr(s))
	}
	var err error
	if a.body, err = b.inputs(d, "refresh_request_body"); err != nil {
		return nil, err
	}
	if a.headers, err = b.inputs(d, "refresh_request_headers"); err != nil {
		return nil, err
	}
	return a, b.oauthKind(a, d)
}

// oauthKind reads what makes one grant differ from another.
func (b *builder) oauthKind(a *oauthAuth, d *dict) error {
	if u := b.child(d, "refresh_token_updater"); u != nil {
		a.rotates, a.refreshName = true, "refresh_token"
		if s := textOr(u, "refresh_token_name"); s != "" {
			a.refreshName = s
		}
	}
	if p := b.child(d, "profile_assertion"); p != nil && flag(d, "use_profile_assertion") {
		var err error
		if a.assertion, err = b.authenticator(p, nil); err != nil {
			return err
		}
	}
	if a.endpoint == nil && a.access == nil {
		return b.refuse(d, "an OAuthAuthenticator has neither token_refresh_endpoint nor access_token_value")
	}
	return nil
}

// tokens is what a connection holds of one authenticator. The rotated part outlives the process in the vault.
type tokens struct {
	mu sync.Mutex

	Access  string    `json:"access,omitempty"`
	Expires time.Time `json:"expires,omitzero"`
	Refresh string    `json:"refresh,omitempty"`
	// From is a hash of the refresh token in the settings that this one descends from: a new setting wins.
	From string `json:"from,omitempty"`

	loaded bool
}

// vaultName is where a connection's rotated tokens are kept.
const vaultName = "airbyte.oauth"

func (a *oauthAuth) sign(ctx context.Context, c *Conn, rq *request) error {
	t := c.tokensOf(a)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.Access == "" || !c.now().Before(t.Expires) {
		if err := a.renew(ctx, c, t); err != nil {
			return err
		}
	}
	rq.header["Authorization"] = "Bearer " + t.Access
	return nil
}

func (a *oauthAuth) forget(c *Conn) bool {
	t := c.tokensOf(a)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Access, t.loaded = "", t.loaded && !a.rotates
	return a.endpoint != nil
}

func (a *oauthAuth) renew(ctx context.Context, c *Conn, t *tokens) error {
	if !t.loaded && a.access != nil {
		t.loaded = true
		text, err := c.credential(a.access)
		var e *canon.Error
		if err != nil && (!errors.As(err, &e) || e.Code != "settings.auth") {
			return err
		}
		if until, ok := a.until(c); text != "" && (a.endpoint == nil || ok && c.now().Before(until)) {
			t.Access, t.Expires = text, until
			c.client.hide(text)
			return nil
		}
	}
	if a.endpoint == nil {
		return needsSetting("access token")
	}
	if a.rotates && c.vault != nil {
		release, err := c.vault.Lease(ctx, vaultName)
		if err != nil {
			return vaultError(err)
		}
		defer release()
		// Another process may have renewed it meanwhile.
		known := t.Access
		if err := a.load(ctx, c, t); err != nil {
			return err
		}
		if t.Access != "" && t.Access != known && c.now().Before(t.Expires) {
			return nil
		}
	}
	return a.fetch(ctx, c, t)
}

func vaultError(err error) error {
	e := canon.Errorf("vault.unavailable", "the kept tokens cannot be read: %w", err)
	e.Retry = true
	return e.WithHint("The token was not renewed, so that none is lost; Hub goes on by itself later.")
}

// until is when the access token in the settings ends.
func (a *oauthAuth) until(c *Conn) (time.Time, bool) {
	far := c.now().Add(100 * 365 * 24 * time.Hour)
	if a.expiry == nil {
		return far, a.endpoint == nil
	}
	v, err := a.expiry.must(c.scope())
	if err != nil {
		return far, false
	}
	if a.expiryFormat != "" {
		t, err := parseDatetime(pyStr(v), a.expiryFormat)
		return t, err == nil
	}
	d, err := isoParse(pyStr(v))
	return d.Time, err == nil
}

func (a *oauthAuth) origin(c *Conn) (string, error) {
	s, err := c.credential(a.refresh)
	c.client.hide(s)
	return canon.Hash([]byte(s))[:12], err
}

func (a *oauthAuth) load(ctx context.Context, c *Conn, t *tokens) error {
	from, err := a.origin(c)
	if err != nil {
		return err
	}
	b, err := c.vault.Load(ctx, vaultName)
	if err != nil {
		return vaultError(err)
	}
	var kept tokens
	if len(b) == 0 || json.Unmarshal(b, &kept) != nil || kept.From != from {
		return nil
	}
	t.Access, t.Expires, t.Refresh, t.From = kept.Access, kept.Expires, kept.Refresh, kept.From
	c.client.hide(t.Access, t.Refresh)
	return nil
}

// fetch asks the token endpoint, and keeps a rotated token before anything uses it.
func (a *oauthAuth) fetch(ctx context.Context, c *Conn, t *tokens) error {
	rq, err := a.request(ctx, c, t)
	if err != nil {
		return err
	}
	x := &exchange{client: c.client, handler: &errorHandler{each: []oneHandler{{}}}, sc: c.scope()}
	resp, _, err := x.do(ctx, rq)
	if err != nil {
		if e := canon.AsError(err); e.Code == "request.refused" {
			e.Code = "auth.denied"
			e.Hint = "The refresh token is no longer good: connect the account anew and put the new token into the settings."
		}
		return err
	}
	d, err := decodeAnswer(c, rq, resp)
	if err != nil {
		return err
	}
	name, err := a.names["access_token_name"].text(c.scope())
	if err != nil {
		return expression("the name of the access token", err)
	}
	access, ok := dpathGet(d, strings.Split(name, "/"))
	if !ok || pyStr(access) == "" || access == nil {
		return canon.Errorf("auth.denied", "the token endpoint at %s gave no %s", rq.url.Host, name).
			WithHint("Connect the account anew and put the new token into the settings.")
	}
	t.Access, t.Expires, t.loaded = pyStr(access), a.expires(c, d), true
	c.client.hide(t.Access)
	if !a.rotates {
		return nil
	}
	if next, ok := d.vals[a.refreshName].(string); ok && next != "" {
		t.Refresh = next
		c.client.hide(next)
	}
	if t.From, err = a.origin(c); err != nil || c.vault == nil {
		return err
	}
	kept, err := json.Marshal(t)
	if err == nil {
		err = c.vault.Save(ctx, vaultName, kept)
	}
	if err != nil {
		return vaultError(err)
	}
	return nil
}

func (a *oauthAuth) expires(c *Conn, d *dict) time.Time {
	now := c.now()
	name, err := a.names["expires_in_name"].text(c.scope())
	if err != nil {
		return now.Add(time.Hour)
	}
	v, ok := d.get(name)
	if !ok || v == nil {
		return now.Add(time.Hour)
	}
	if a.expiryFormat != "" {
		if t, err := parseDatetime(pyStr(v), a.expiryFormat); err == nil {
			return t
		}
	}
	if f, ok := toFloat(v); ok {
		// A little early, so that none expires on its way.
		return now.Add(span(f) - min(span(f)/10, time.Minute))
	}
	if t, err := isoParse(pyStr(v)); err == nil {
		return t.Time
	}
	return now.Add(time.Hour)
}

func (a *oauthAuth) request(ctx context.Context, c *Conn, t *tokens) (*request, error) {
	sc := c.scope()
	text, err := a.endpoint.text(sc)
	if err != nil {
		return nil, expression("the token endpoint", err)
	}
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil {
		return nil, canon.Errorf("settings.base_url", "the address of the token endpoint is no http or https URL")
	}
	rq := &request{method: http.MethodPost, url: u, query: url.Values{}, header: map[string]string{}}
	body, err := a.payload(ctx, c, t)
	if err != nil {
		return nil, err
	}
	if err := a.headers.literals(sc, func(k string, v any) { rq.header[http.CanonicalHeaderKey(k)] = pyStr(v) }); err != nil {
		return nil, expression("a header of the token request", err)
	}
	c.client.hide(rq.header["Authorization"])
	switch {
	case a.asQuery:
		for _, k := range body.keys {
			addQuery(rq.query, k, body.vals[k])
		}
	case strings.HasPrefix(rq.header["Content-Type"], "application/json"):
		rq.json = body
	default:
		rq.form = body
	}
	return rq, nil
}

// payload is what the token endpoint is told.
func (a *oauthAuth) payload(ctx context.Context, c *Conn, t *tokens) (*dict, error) {
	sc, d := c.scope(), newDict()
	grant, err := a.grant.text(sc)
	if err != nil {
		return nil, expression("the grant type", err)
	}
	if a.assertion != nil {
		probe := &request{url: &url.URL{}, query: url.Values{}, header: map[string]string{}}
		if err := a.assertion.sign(ctx, c, probe); err != nil {
			return nil, err
		}
		_, token, _ := strings.Cut(" "+probe.header["Authorization"], " ")
		d.set("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
		d.set("assertion", strings.TrimPrefix(token, "Bearer "))
		return d, nil
	}
	refresh := t.Refresh
	if refresh == "" && a.refresh != nil {
		if refresh, err = c.credential(a.refresh); err != nil && grant == "refresh_token" {
			return nil, err
		}
	}
	if refresh == "" && grant == "refresh_token" {
		return nil, needsSetting("refresh token")
	}
	id, err := c.credential(a.clientID)
	if err != nil {
		return nil, err
	}
	secret, err := c.credential(a.clientSecret)
	if err != nil {
		return nil, err
	}
	c.client.hide(secret, refresh)
	for _, p := range [][2]string{{"grant_type_name", grant}, {"client_id_name", id}, {"client_secret_name", secret}, {"refresh_token_name", refresh}} {
		name, err := a.names[p[0]].text(sc)
		if err != nil {
			return nil, expression("a name in the token request", err)
		}
		if p[1] != "" {
			d.set(name, p[1])
		}
	}
	if len(a.scopes) > 0 {
		d.set("scopes", texts(slices.Clone(a.scopes)))
	}
	err = a.body.literals(sc, func(k string, v any) {
		if _, has := d.get(k); !has {
			d.set(k, v)
		}
	})
	return d, expression("the body of the token request", err)
}
