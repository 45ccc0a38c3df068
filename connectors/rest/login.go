package rest

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/lifecyclehub/hub/canon"
)

// session is the source of tokens that a login gives.
func (c *Conn) session(a Auth, sc *scope) source {
	// The request as it would be sent tells one login from another.
	marks := []string{"session", sc.expand(a.Request.Path, nil)}
	eachText(a.Request.Body, func(t string) { marks = append(marks, sc.expand(t, nil)) })
	for _, k := range sortedKeys(a.Request.Headers) {
		marks = append(marks, sc.expand(a.Request.Headers[k], nil))
	}
	for _, m := range []map[string]Values{a.Request.Query, a.Request.Form} {
		for _, k := range sortedKeys(m) {
			for _, v := range m[k] {
				marks = append(marks, sc.expand(v, nil))
			}
		}
	}
	id := canon.ID("tok", marks...)
	return source{account: id, from: id, always: true, ask: func(ctx context.Context, _ string) (*token, error) {
		call, err := c.render(ctx, a.Request, c.scope("", cursor{}))
		if err != nil {
			return nil, err
		}
		call.Idempotent = true
		answer, err := c.client.exchange(ctx, call, nil)
		if err != nil {
			e := canon.AsError(err)
			if e.Code == "auth.denied" {
				e.Hint = "Check the user and password in the connection's settings: the login was refused."
			}
			return nil, e
		}
		t := &token{Access: text(gjson.GetBytes(answer.Body, a.Token)), Got: c.now().UTC(), ours: true}
		if t.Access == "" {
			return nil, canon.Errorf("auth.denied", "the login at %s gave no token at %q", c.client.base.Host, a.Token).
				WithHint("Check the user and password in the connection's settings.")
		}
		if a.Life > 0 {
			t.Ends = t.Got.Add(time.Duration(a.Life))
		}
		return t, nil
	}}
}

// jwt is the source of tokens that are signed here, and where there is a token URL exchanged there (RFC 7523).
func (c *Conn) jwt(a Auth, sc *scope) (source, error) {
	key := sc.expand(a.Key, nil)
	c.client.secrets.add(key)
	sign, err := signer(a.Algorithm, key)
	if err != nil {
		return source{}, err
	}
	claims, ok := sc.expandAny(any(a.Claims)).(map[string]any)
	if !ok {
		claims = map[string]any{}
	}
	life := time.Duration(or(a.Life, Duration(5*time.Minute)))
	keyID, tokenURL := sc.expand(a.KeyID, nil), sc.expand(a.TokenURL, nil)
	id := canon.ID("tok", "jwt", fmt.Sprint(claims), canon.Hash([]byte(key)))
	s := source{account: id, from: id, always: true, signed: tokenURL == ""}
	assertion := func() (*token, error) {
		now := c.now().UTC()
		text, err := signed(a.Algorithm, keyID, withTimes(claims, now, life), sign)
		if err != nil {
			return nil, err
		}
		return &token{Access: text, Got: now, Ends: now.Add(life), ours: true}, nil
	}
	if s.signed {
		s.ask = func(context.Context, string) (*token, error) { return assertion() }
		return s, nil
	}
	o, err := newOAuth(a, sc, c.client)
	if err != nil {
		return source{}, err
	}
	// The life is that of the assertion; the token's is the vendor's to tell.
	o.connection, o.now, o.life = c.connection, c.now, 0
	s.ask = func(ctx context.Context, _ string) (*token, error) {
		t, err := assertion()
		if err != nil {
			return nil, err
		}
		c.client.secrets.add(t.Access)
		form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {t.Access}}
		if len(o.facts.Scopes) > 0 {
			form.Set("scope", strings.Join(o.facts.Scopes, " "))
		}
		body, err := o.request(ctx, form)
		if err != nil {
			if e := canon.AsError(err); e.Code == "auth.denied" {
				return nil, e.WithHint("Check the key, the claims, and that the vendor knows the key's certificate and lets this user in.")
			}
			return nil, err
		}
		return o.parse(body)
	}
	return s, nil
}

// withTimes adds the claims that change with each token.
func withTimes(claims map[string]any, now time.Time, life time.Duration) map[string]any {
	out := map[string]any{"iat": now.Unix(), "exp": now.Add(life).Unix()}
	for k, v := range claims {
		out[k] = v
	}
	return out
}

func signed(algorithm, keyID string, claims map[string]any, sign func([]byte) ([]byte, error)) (string, error) {
	header := map[string]string{"alg": algorithm, "typ": "JWT"}
	if keyID != "" {
		header["kid"] = keyID
	}
	h, err := json.Marshal(header)
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(claims)
	if err != nil {
		return "", canon.Errorf("settings.auth", "the claims cannot be written as JSON: %w", err)
	}
	text := base64.RawURLEncoding.EncodeToString(h) + "." + base64.RawURLEncoding.EncodeToString(body)
	sig, err := sign([]byte(text))
	if err != nil {
		return "", canon.Errorf("settings.auth", "the token could not be signed: %w", err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sig), nil
}

// signer reads a key. Its errors never show it.
func signer(algorithm, key string) (func([]byte) ([]byte, error), error) {
	if key == "" {
		return nil, canon.Errorf("settings.auth", "no key to sign tokens with is set").WithHint("Put the key into the connection's settings.")
	}
	if algorithm == "HS256" {
		return func(text []byte) ([]byte, error) {
			m := hmac.New(sha256.New, []byte(key))
			m.Write(text)
			return m.Sum(nil), nil
		}, nil
	}
	private, err := privateKey(key)
	if err != nil {
		return nil, err
	}
	switch private := private.(type) {
	case *rsa.PrivateKey:
		if algorithm == "RS256" {
			return func(text []byte) ([]byte, error) {
				sum := sha256.Sum256(text)
				return rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA256, sum[:])
			}, nil
		}
	case *ecdsa.PrivateKey:
		if algorithm == "ES256" && private.Params().BitSize == 256 {
			return func(text []byte) ([]byte, error) {
				sum := sha256.Sum256(text)
				r, s, err := ecdsa.Sign(rand.Reader, private, sum[:])
				if err != nil {
					return nil, err
				}
				out := make([]byte, 64)
				r.FillBytes(out[:32])
				s.FillBytes(out[32:])
				return out, nil
			}, nil
		}
	}
	return nil, canon.Errorf("settings.auth", "the key is not of the kind that %s needs", algorithm).
		WithHint("RS256 needs an RSA key, ES256 one of the curve P-256.")
}

// privateKey reads PEM, whose line breaks may be written as \n where a setting holds one line only.
func privateKey(text string) (any, error) {
	block, _ := pem.Decode([]byte(strings.ReplaceAll(text, `\n`, "\n")))
	if block != nil {
		if k, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			return k, nil
		}
		if k, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
			return k, nil
		}
		if k, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
			return k, nil
		}
	}
	return nil, canon.Errorf("settings.auth", "the key is no private key in PEM form").
		WithHint("Write it with its lines -----BEGIN PRIVATE KEY----- and -----END PRIVATE KEY-----; an encrypted key must be decrypted first.")
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}
