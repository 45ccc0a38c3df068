package airbyte

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// authenticator puts a credential on requests.
type authenticator interface {
	sign(ctx context.Context, c *Conn, rq *request) error
}

// needsSetting is the error of a credential that comes out empty.
func needsSetting(what string) error {
	return canon.Errorf("settings.auth", "no %s is set for the connection", what).
		WithHint("Set the settings that the connector's page lists for authentication.")
}

func (b *builder) authenticator(d *dict, r *requester) (authenticator, error) {
	if d == nil {
		return nil, nil
	}
	switch t := b.use(d); t {
	case "NoAuth":
		return nil, nil
	case "BearerAuthenticator":
		token, err := b.tmpl(d, "api_token")
		return &tokenAuth{token: token, to: headerOption("Authorization"), prefix: "Bearer "}, err
	case "ApiKeyAuthenticator":
		return b.apiKey(d)
	case "BasicHttpAuthenticator":
		user, err := b.tmpl(d, "username")
		if err != nil {
			return nil, err
		}
		password, err := b.tmpl(d, "password")
		return &basicAuth{user, password}, err
	case "OAuthAuthenticator":
		return b.oauth(d)
	case "JwtAuthenticator":
		return b.jwt(d)
	case "SessionTokenAuthenticator":
		return b.session(d)
	case "LegacySessionTokenAuthenticator":
		return b.legacySession(d, r)
	case "SelectiveAuthenticator":
		return b.selective(d, r)
	}
	return nil, b.unknown(d, "the authenticator")
}

func headerOption(name string) *option {
	return &option{into: "header", name: &tmpl{src: name, plain: true, value: name}}
}

// tokenAuth puts one computed text somewhere: an API key or a bearer token.
type tokenAuth struct {
	token  *tmpl
	to     *option
	prefix string
}

func (b *builder) apiKey(d *dict) (authenticator, error) {
	a := &tokenAuth{}
	var err error
	if a.token, err = b.tmpl(d, "api_token"); err != nil {
		return nil, err
	}
	if in := b.child(d, "inject_into"); in != nil {
		a.to, err = b.option(in)
		return a, err
	}
	name, err := b.tmpl(d, "header")
	if err != nil {
		return nil, err
	}
	if name == nil {
		return nil, b.refuse(d, "an ApiKeyAuthenticator has neither header nor inject_into")
	}
	a.to = &option{into: "header", name: name}
	return a, nil
}

func (a *tokenAuth) sign(_ context.Context, c *Conn, rq *request) error {
	text, err := c.credential(a.token)
	if err != nil {
		return err
	}
	if strings.TrimSpace(text) == "" {
		return needsSetting("credential")
	}
	c.client.hide(text)
	return a.to.put(rq, a.prefix+text, c.scope())
}

// credential evaluates a secret. What the template says of an undefined name must not carry the secret's
// neighbours, so the error names only the kind.
func (c *Conn) credential(t *tmpl) (string, error) {
	if t == nil {
		return "", nil
	}
	v, err := t.must(c.scope())
	var ue errUndefined
	if errors.As(err, &ue) {
		return "", needsSetting(ue.name)
	}
	if err != nil {
		return "", expression("the credential", err)
	}
	if v == nil {
		return "", nil
	}
	// The text as it was given: a token that looks like a number must keep its zeros.
	if text, err := t.render(c.scope()); err == nil && !strings.HasPrefix(text, `"`) && !strings.HasPrefix(text, "'") {
		return text, nil
	}
	return pyStr(v), nil
}

type basicAuth struct{ user, password *tmpl }

func (a *basicAuth) sign(_ context.Context, c *Conn, rq *request) error {
	user, err := c.credential(a.user)
	if err != nil {
		return err
	}
	password, err := c.credential(a.password)
	if err != nil {
		return err
	}
	if user == "" && password == "" {
		return needsSetting("user name or password")
	}
	pair := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	c.client.hide(password, pair)
	rq.header["Authorization"] = "Basic " + pair
	return nil
}

// selectiveAuth is one of several, as a setting says.
type selectiveAuth struct {
	path []string
	ways map[string]authenticator
}

func (b *builder) selective(d *dict, r *requester) (authenticator, error) {
	a := &selectiveAuth{ways: map[string]authenticator{}}
	list, _ := orNil(d, "authenticator_selection_path").([]any)
	for _, x := range list {
		a.path = append(a.path, pyStr(x))
	}
	ways := b.child(d, "authenticators")
	if ways == nil || len(a.path) == 0 {
		return nil, b.refuse(d, "a SelectiveAuthenticator needs authenticators and a path")
	}
	for _, k := range ways.keys {
		w, ok := ways.vals[k].(*dict)
		if !ok || k == parametersKey {
			continue
		}
		if p := params(d); p != nil && params(w) == nil {
			w = w.clone()
			w.set(parametersKey, p)
		}
		way, err := b.authenticator(w, r)
		if err != nil {
			return nil, err
		}
		a.ways[k] = way
	}
	return a, nil
}

func (a *selectiveAuth) pick(c *Conn) (authenticator, error) {
	v, ok := dpathGet(c.config, a.path)
	way, known := a.ways[pyStr(v)]
	if !ok || !known {
		return nil, canon.Errorf("settings.auth", "the setting %s is none of %s", strings.Join(a.path, "."), strings.Join(sortedKeys(a.ways), ", ")).
			WithHint("It says how the connection authenticates.")
	}
	return way, nil
}

func (a *selectiveAuth) sign(ctx context.Context, c *Conn, rq *request) error {
	way, err := a.pick(c)
	if err != nil || way == nil {
		return err
	}
	return way.sign(ctx, c, rq)
}

// forgets is an authenticator whose credential can be fetched anew.
type forgets interface{ forget(c *Conn) bool }

func (a *selectiveAuth) forget(c *Conn) bool {
	way, err := a.pick(c)
	f, ok := way.(forgets)
	return err == nil && ok && f.forget(c)
}

// decodeAnswer reads a token endpoint's answer.
func decodeAnswer(c *Conn, rq *request, resp *response) (*dict, error) {
	v, ok := decodeJSON(resp.body)
	if !ok {
		// The body may be a token; none of it is told.
		return nil, canon.Errorf("page.not_json", "the answer of the token endpoint at %s is no JSON", rq.url.Host).
			WithHint("Check the address of the token endpoint in the settings.")
	}
	d, ok := v.(*dict)
	if !ok {
		return nil, fmt.Errorf("the answer is no object")
	}
	return d, nil
}
