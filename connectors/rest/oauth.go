package rest

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

var (
	_ connectors.Connectable = (*Conn)(nil)
	_ connectors.Metered     = (*Conn)(nil)
)

// oauth is a connection's OAuth 2.0 client.
type oauth struct {
	connection, grant, seed string
	facts                   connectors.OAuth
	send                    map[string]string
	// base is the path of the API's address in an answer, again whether a 401 asks for another token.
	base   string
	again  bool
	life   time.Duration
	client *client
	now    func() time.Time
}

func newOAuth(a Auth, sc *scope, c *client) (*oauth, error) {
	fill := func(t string) string { return sc.expand(t, nil) }
	o := &oauth{
		grant: a.Grant, seed: fill(a.RefreshToken), base: a.BaseURL, again: a.RefreshOn401, life: time.Duration(a.Life),
		facts: connectors.OAuth{
			AuthorizeURL: fill(a.AuthorizeURL), TokenURL: fill(a.TokenURL), ClientID: fill(a.ClientID), ClientSecret: fill(a.ClientSecret),
			InHeader: a.In == "header", PKCE: a.PKCE, Params: map[string]string{},
		},
		send: map[string]string{},
	}
	for _, s := range a.Scopes {
		if s = fill(s); s != "" {
			o.facts.Scopes = append(o.facts.Scopes, s)
		}
	}
	for k, v := range a.Params {
		o.facts.Params[k] = fill(v)
	}
	for k, v := range a.Send {
		if v = fill(v); v != "" {
			o.send[k] = v
		}
	}
	c.secrets.add(o.seed, o.facts.ClientSecret, o.facts.ClientID+":"+o.facts.ClientSecret)
	if o.facts.ClientID == "" && a.Kind == "oauth2" {
		return nil, canon.Errorf("settings.auth", "no OAuth client is set for %s", c.base.Host).
			WithHint("Create an app at the vendor, and put its client id and secret into the connection's settings.")
	}
	var err error
	o.client, err = c.beside(o.facts.TokenURL)
	return o, err
}

// source says where the connection's tokens come from.
func (o *oauth) source() source {
	s := source{ask: o.ask, grants: o.grant != "client_credentials", seed: o.seed, always: o.again || o.grant == "client_credentials", missing: o.missing}
	s.from = canon.ID("tok", "oauth2", o.grant, o.facts.ClientID, o.seed)
	s.account, s.hint = s.from, o.reconnect()
	if !s.grants {
		s.hint = "Check the client id and secret, and the app's scopes, at the vendor."
	}
	if s.grants && o.seed == "" {
		// Which account a person let the app into is nowhere in the settings.
		s.account += o.connection
	}
	if !s.grants {
		s.from = canon.ID("tok", s.from, strings.Join(o.facts.Scopes, " "), o.facts.TokenURL, o.facts.ClientSecret)
	}
	return s
}

func (o *oauth) missing() error {
	return canon.Errorf("auth.denied", "connection %s has no token of %s yet", o.connection, o.client.base.Host).WithHint("%s", o.reconnect())
}

func (o *oauth) reconnect() string {
	if o.facts.AuthorizeURL == "" {
		return "Create a new refresh token at the vendor and put it into the connection's settings."
	}
	return "Run `hub connect " + o.connection + "` and let a person consent at the vendor."
}

// ask fetches a token for a refresh token, or for the client's own credential where it is "".
func (o *oauth) ask(ctx context.Context, refresh string) (*token, error) {
	form := url.Values{"grant_type": {"client_credentials"}}
	if refresh != "" {
		form = url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}}
	} else if len(o.facts.Scopes) > 0 {
		form.Set("scope", strings.Join(o.facts.Scopes, " "))
	}
	body, err := o.request(ctx, form)
	if err != nil {
		return nil, err
	}
	return o.parse(body)
}

// request asks the token endpoint.
func (o *oauth) request(ctx context.Context, form url.Values) ([]byte, error) {
	for k, v := range o.send {
		form.Set(k, v)
	}
	// The same refresh token may be sent again: where the first answer is lost and the token was already
	// rotated, not sending it again would not save it.
	call := Call{Method: http.MethodPost, Path: o.facts.TokenURL, Form: form, Idempotent: true, Header: map[string]string{}}
	if o.facts.InHeader {
		id, secret := url.QueryEscape(o.facts.ClientID), url.QueryEscape(o.facts.ClientSecret)
		o.client.secrets.add(id + ":" + secret)
		call.Header["Authorization"] = basic(id, secret)
	} else {
		set(form, "client_id", o.facts.ClientID)
		set(form, "client_secret", o.facts.ClientSecret)
	}
	answer, err := o.client.exchange(ctx, call, nil)
	if err != nil {
		return nil, o.refused(answer, err)
	}
	return answer.Body, nil
}

func set(form url.Values, key, value string) {
	if value != "" {
		form.Set(key, value)
	}
}

// refused tells a dead grant from a wrong client and from a request that is wrong in itself.
func (o *oauth) refused(answer Answer, err error) error {
	e := canon.AsError(err)
	if e.Retry || (answer.Status != http.StatusBadRequest && answer.Status != http.StatusUnauthorized) {
		return e
	}
	switch word := gjson.GetBytes(answer.Body, "error").String(); word {
	case "invalid_request", "invalid_scope", "unsupported_grant_type":
		return e.WithHint("The vendor does not understand how Hub asks for a token: check the scopes, and that the app allows this kind of access.")
	case "invalid_client", "unauthorized_client":
		e.Code = "auth.denied"
		return e.WithHint("Check the client id and secret in the connection's settings against the app at the vendor.")
	}
	e.Code, e.Cause = "auth.denied", errGrant
	return e.WithHint("%s", o.reconnect())
}

// parse reads an answer of the token endpoint.
func (o *oauth) parse(body []byte) (*token, error) {
	t, err := parseToken(body, o.now(), o.life)
	if err != nil {
		e := canon.AsError(err)
		e.Message = o.client.base.Host + " " + e.Message
		if gjson.GetBytes(body, "error").String() == "invalid_grant" {
			e.Cause = errGrant
		}
		return nil, e.WithHint("%s", o.reconnect())
	}
	if o.base != "" {
		t.Base = text(gjson.GetBytes(body, o.base))
		if _, err := apiBase(t.Base); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// parseToken reads a token answer as RFC 6749 has it. Where it does not tell how long the token serves, life does.
func parseToken(body []byte, now time.Time, life time.Duration) (*token, error) {
	t := &token{Access: gjson.GetBytes(body, "access_token").String(), Refresh: gjson.GetBytes(body, "refresh_token").String(), Got: now.UTC(), ours: true}
	if t.Access == "" {
		return nil, canon.Errorf("auth.denied", "gave no access token")
	}
	if s := gjson.GetBytes(body, "expires_in").Float(); s > 0 && s < 10*365*24*3600 {
		life = time.Duration(s * float64(time.Second))
	}
	if life > 0 {
		t.Ends = t.Got.Add(life)
	}
	return t, nil
}

// apiBase checks an address that a vendor gives for its API.
func apiBase(text string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(text, "/"))
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return nil, canon.Errorf("auth.base_url", "the vendor's answer names no address of its API").
			WithHint("Check base_url under auth in the connector: the path of the address in the answer with the token.")
	}
	u.Fragment = ""
	return u, nil
}

// OAuth tells what is needed to fetch the connection's first token; false where it needs no person's consent.
func (c *Conn) OAuth() (connectors.OAuth, bool) {
	if c.oauth == nil || c.oauth.facts.AuthorizeURL == "" {
		return connectors.OAuth{}, false
	}
	return c.oauth.facts, true
}

// Connected keeps the answer of the token endpoint as the connection's token, in place of any other.
func (c *Conn) Connected(ctx context.Context, answer []byte) error {
	if c.oauth == nil {
		return canon.Errorf("auth.kind", "connection %s does not use OAuth", c.connection).WithHint("Put its credential into the settings.")
	}
	t, err := c.oauth.parse(answer)
	if err != nil {
		return plain(err)
	}
	if t.Refresh == "" && c.oauth.grant != "client_credentials" && !t.Ends.IsZero() {
		return canon.Errorf("auth.no_refresh", "the vendor gave a token that ends, and none to renew it by").
			WithHint("Ask for the vendor's scope of offline access.")
	}
	return plain(c.client.tokens.replace(ctx, t))
}

// Code is what the vendor's redirect brings after a person's consent.
type Code struct {
	Code, RedirectURI string
	// Verifier is that of the code challenge, "" where there was none.
	Verifier string
}

// Exchange fetches the connection's first token for a code, and keeps it.
func (c *Conn) Exchange(ctx context.Context, code Code) error {
	if c.oauth == nil {
		return c.Connected(ctx, nil)
	}
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code.Code}, "redirect_uri": {code.RedirectURI}}
	if code.Verifier != "" {
		form.Set("code_verifier", code.Verifier)
	}
	answer, err := c.oauth.request(ctx, form)
	if err != nil {
		if errors.Is(err, errGrant) {
			return canon.AsError(err).WithHint("A code serves once and not for long: begin again with `hub connect %s`.", c.connection)
		}
		return plain(err)
	}
	return c.Connected(ctx, answer)
}
