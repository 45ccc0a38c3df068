package rest

import (
	"net/http"

	"github.com/lifecyclehub/hub/canon"
)

// Auth is one way to authenticate. AUTH.md describes the kinds and which keys belong to which.
type Auth struct {
	// Kind is "bearer", "basic", "header", "query", "oauth2", "session" or "jwt".
	Kind string `yaml:"kind"`
	// When names a setting that must not be empty for this way to be taken; "" always holds.
	When string `yaml:"when"`
	// Token is the bearer token, or the value of the header or query parameter called Name. For session it
	// is the path of the token in the answer to Request.
	Token string `yaml:"token"`
	Name  string `yaml:"name"`
	// Prefix comes before a fetched token: "Bearer " where it is not given and the header is Authorization.
	Prefix *string `yaml:"prefix"`
	// User and Password are for basic.
	User     string `yaml:"user"`
	Password string `yaml:"password"`

	// Grant is "authorization_code", "client_credentials" or "refresh_token".
	Grant        string   `yaml:"grant"`
	AuthorizeURL string   `yaml:"authorize_url"`
	TokenURL     string   `yaml:"token_url"`
	ClientID     string   `yaml:"client_id"`
	ClientSecret string   `yaml:"client_secret"`
	RefreshToken string   `yaml:"refresh_token"`
	Scopes       []string `yaml:"scopes"`
	// In says where the client's id and secret go in a request for a token: "body" (default) or "header".
	In   string `yaml:"in"`
	PKCE bool   `yaml:"pkce"`
	// Params go with the request that asks a person for consent, Send with the one for a token.
	Params map[string]string `yaml:"params"`
	Send   map[string]string `yaml:"send"`
	// BaseURL is the path, in the answer with the token, of a URL that takes the place of base_url.
	BaseURL string `yaml:"base_url"`
	// RefreshOn401 asks for another token on a 401 even before the present one's life ends.
	RefreshOn401 bool `yaml:"refresh_on_401"`

	// Request logs in (session).
	Request Request `yaml:"request"`
	// Life is how long a token may be used where the vendor does not say, or how long a signed one is good.
	Life Duration `yaml:"life"`

	// Algorithm is "HS256", "RS256" or "ES256"; Key the secret, or the private key as PEM; KeyID its name.
	Algorithm string         `yaml:"algorithm"`
	Key       string         `yaml:"key"`
	KeyID     string         `yaml:"key_id"`
	Claims    map[string]any `yaml:"claims"`
}

// static reports whether the credential is in the settings as it is sent.
func (a Auth) static() bool {
	return a.Kind == "bearer" || a.Kind == "basic" || a.Kind == "header" || a.Kind == "query"
}

// auth checks one way to authenticate.
func (c *complaints) auth(s *Spec, at string, a Auth) {
	c.oneOf(at+".kind", a.Kind, "bearer", "basic", "header", "query", "oauth2", "session", "jwt")
	switch a.Kind {
	case "basic":
		c.needs(at, a.Kind, "user", a.User)
	case "bearer":
		c.needs(at, a.Kind, "token", a.Token)
	case "header", "query":
		c.needs(at, a.Kind, "token", a.Token)
		c.needs(at, a.Kind, "name", a.Name)
	case "oauth2":
		c.oauth2(at, a)
	case "session":
		c.needs(at, a.Kind, "token", a.Token)
		c.request(s, at+".request", a.Request)
	case "jwt":
		c.oneOf(at+".algorithm", a.Algorithm, "HS256", "RS256", "ES256")
		c.needs(at, a.Kind, "key", a.Key)
	}
	texts := append([]string{a.User, a.Password, a.TokenURL, a.AuthorizeURL, a.ClientID, a.ClientSecret, a.RefreshToken, a.Key, a.KeyID}, a.Scopes...)
	if a.Kind != "session" {
		texts = append(texts, a.Token)
	}
	for _, m := range []map[string]string{a.Params, a.Send} {
		for _, k := range sortedKeys(m) {
			texts = append(texts, m[k])
		}
	}
	eachText(any(a.Claims), func(t string) { texts = append(texts, t) })
	for _, t := range texts {
		c.text(at, t, "setting")
	}
}

func (c *complaints) oauth2(at string, a Auth) {
	c.oneOf(at+".grant", a.Grant, "authorization_code", "client_credentials", "refresh_token")
	c.needs(at, a.Kind, "token_url", a.TokenURL)
	c.needs(at, a.Kind, "client_id", a.ClientID)
	c.oneOf(at+".in", or(a.In, "body"), "body", "header")
	switch a.Grant {
	case "authorization_code":
		c.needs(at, "authorization_code", "authorize_url", a.AuthorizeURL)
	case "refresh_token":
		if a.RefreshToken == "" && a.AuthorizeURL == "" {
			c.add(at, "the grant refresh_token needs refresh_token, or authorize_url to fetch one")
		}
	case "client_credentials":
		c.needs(at, "client_credentials", "client_secret", a.ClientSecret)
	}
}

func (c *complaints) needs(at, who, key, value string) {
	if value == "" {
		c.add(at, "%s authentication needs %s", who, key)
	}
}

// authenticate takes the first way whose condition holds. It returns what tells this account from others
// at the same address.
func (c *Conn) authenticate(sc *scope, secrets []string) (account string, err error) {
	cl := c.client
	cl.secrets.add(secrets...)
	for _, a := range c.spec.Auth {
		if a.When != "" && sc.settings[a.When] == "" {
			continue
		}
		if !a.static() {
			return c.fetched(a, sc)
		}
		token, user, password := sc.expand(a.Token, nil), sc.expand(a.User, nil), sc.expand(a.Password, nil)
		cl.secrets.add(token, password)
		switch a.Kind {
		case "bearer":
			cl.auth = func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
		case "basic":
			cl.secrets.add(user + ":" + password)
			cl.auth = func(r *http.Request) { r.SetBasicAuth(user, password) }
		case "header":
			cl.auth = func(r *http.Request) { r.Header.Set(a.Name, token) }
		case "query":
			cl.auth = func(r *http.Request) {
				q := r.URL.Query()
				q.Set(a.Name, token)
				r.URL.RawQuery = q.Encode()
			}
		}
		return token + "\x00" + user, nil
	}
	if len(c.spec.Auth) > 0 {
		return "", canon.Errorf("settings.auth", "no credential is set for %s", cl.base.Host).
			WithHint("Set one of the settings that the connector's page lists for authentication.")
	}
	return "", nil
}

// fetched prepares a way whose token is asked for: OAuth, a login, or a signature.
func (c *Conn) fetched(a Auth, sc *scope) (account string, err error) {
	cl := c.client
	var from source
	switch a.Kind {
	case "oauth2":
		o, err := newOAuth(a, sc, cl)
		if err != nil {
			return "", err
		}
		o.connection, o.now = c.connection, c.now
		c.oauth, from = o, o.source()
	case "session":
		from = c.session(a, sc)
	case "jwt":
		if from, err = c.jwt(a, sc); err != nil {
			return "", err
		}
	}
	cl.tokens = newTokens(from, c.vault, c.now, cl.secrets)
	name, prefix := or(a.Name, "Authorization"), ""
	if name == "Authorization" {
		prefix = "Bearer "
	}
	if a.Prefix != nil {
		prefix = *a.Prefix
	}
	cl.hint = from.hint
	cl.bearer = func(r *http.Request, token string) { r.Header.Set(name, prefix+token) }
	return from.account, nil
}
