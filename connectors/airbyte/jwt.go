package airbyte

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// jwtAuth signs a short-lived token for each request.
type jwtAuth struct {
	key, prefix      *tmpl
	algorithm        string
	life             int64
	encode           *tmpl
	headers, payload map[string]*tmpl
	more, moreInside inputs
	to               *option
}

func (b *builder) jwt(d *dict) (authenticator, error) {
	a := &jwtAuth{algorithm: strings.ToUpper(pyStr(orNil(d, "algorithm"))), life: 1200, headers: map[string]*tmpl{}, payload: map[string]*tmpl{}}
	if a.algorithm == "EDDSA" {
		a.algorithm = "EdDSA"
	}
	if _, ok := jwtHash(a.algorithm); !ok {
		return nil, b.refuse(d, "the algorithm %s is not supported", a.algorithm)
	}
	if truthy(orNil(d, "passphrase")) {
		return nil, b.refuse(d, "a JwtAuthenticator with a passphrase is not supported")
	}
	if n, ok := asInt(orNil(d, "token_duration")); ok {
		a.life = n
	}
	var err error
	for key, into := range map[string]**tmpl{"secret_key": &a.key, "header_prefix": &a.prefix, "base64_encode_secret_key": &a.encode} {
		if *into, err = b.tmpl(d, key); err != nil {
			return nil, err
		}
	}
	for field, into := range map[string]map[string]*tmpl{"jwt_headers": a.headers, "jwt_payload": a.payload} {
		c := b.child(d, field)
		if c == nil {
			continue
		}
		for _, k := range []string{"kid", "typ", "cty", "iss", "sub", "aud"} {
			t, err := b.tmpl(c, k)
			if err != nil {
				return nil, err
			}
			if t != nil {
				into[k] = t
			}
		}
	}
	if a.more, err = b.inputs(d, "additional_jwt_headers"); err != nil {
		return nil, err
	}
	if a.moreInside, err = b.inputs(d, "additional_jwt_payload"); err != nil {
		return nil, err
	}
	if a.to, err = b.option(b.child(d, "request_option")); err != nil {
		return nil, err
	}
	if a.to == nil {
		a.to = headerOption("Authorization")
	}
	return a, nil
}

func jwtHash(algorithm string) (crypto.Hash, bool) {
	if algorithm == "EdDSA" {
		return 0, true
	}
	if len(algorithm) < 5 || !strings.Contains("HS RS PS ES", algorithm[:2]) {
		return 0, false
	}
	h, ok := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[algorithm[2:]]
	return h, ok
}

func (a *jwtAuth) sign(_ context.Context, c *Conn, rq *request) error {
	token, err := a.token(c)
	if err != nil {
		return err
	}
	c.client.hide(token)
	if a.prefix != nil {
		prefix, err := a.prefix.text(c.scope())
		if err != nil {
			return expression("the token's prefix", err)
		}
		if prefix != "" {
			token = prefix + " " + token
		}
	}
	return a.to.put(rq, token, c.scope())
}

func (a *jwtAuth) token(c *Conn) (string, error) {
	sc := c.scope()
	headers, payload := newDict(), newDict()
	for into, in := range map[*dict]inputs{headers: a.more, payload: a.moreInside} {
		if err := in.literals(sc, into.set); err != nil {
			return "", expression("the token", err)
		}
	}
	for into, from := range map[*dict]map[string]*tmpl{headers: a.headers, payload: a.payload} {
		for _, k := range sortedKeys(from) {
			v, err := from[k].must(sc)
			if err != nil {
				return "", expression("the token", err)
			}
			into.set(k, v)
		}
	}
	headers.set("alg", a.algorithm)
	if _, ok := headers.get("typ"); !ok {
		headers.set("typ", "JWT")
	}
	now := c.now().Unix()
	payload.set("iat", now)
	payload.set("exp", now+a.life)
	payload.set("nbf", now)
	enc := base64.RawURLEncoding
	text := enc.EncodeToString(encodeJSON(headers)) + "." + enc.EncodeToString(encodeJSON(payload))
	sig, err := a.signature(c, text)
	if err != nil {
		return "", err
	}
	return text + "." + enc.EncodeToString(sig), nil
}

func badKey() error {
	return canon.Errorf("settings.auth", "the key in the settings cannot sign").
		WithHint("It must be a PEM private key that fits the manifest's algorithm.")
}

func (a *jwtAuth) signature(c *Conn, text string) ([]byte, error) {
	secret, err := c.credential(a.key)
	if err != nil {
		return nil, err
	}
	if secret == "" {
		return nil, needsSetting("signing key")
	}
	c.client.hide(secret)
	if a.encode != nil {
		yes, err := a.encode.truth(c.scope())
		if err != nil {
			return nil, expression("base64_encode_secret_key", err)
		}
		if yes {
			secret = base64.StdEncoding.EncodeToString([]byte(secret))
		}
	}
	hash, _ := jwtHash(a.algorithm)
	if strings.HasPrefix(a.algorithm, "HS") {
		mac := hmac.New(hash.New, []byte(secret))
		mac.Write([]byte(text))
		return mac.Sum(nil), nil
	}
	key, err := privateKey(secret)
	if err != nil {
		return nil, err
	}
	if k, ok := key.(ed25519.PrivateKey); ok && a.algorithm == "EdDSA" {
		return ed25519.Sign(k, []byte(text)), nil
	}
	if hash == 0 {
		return nil, badKey()
	}
	h := hash.New()
	h.Write([]byte(text))
	sig, err := signDigest(key, a.algorithm, hash, h.Sum(nil))
	if err != nil {
		return nil, badKey()
	}
	return sig, nil
}

func signDigest(key any, algorithm string, hash crypto.Hash, digest []byte) ([]byte, error) {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if strings.HasPrefix(algorithm, "PS") {
			return rsa.SignPSS(rand.Reader, k, hash, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}
		if strings.HasPrefix(algorithm, "RS") {
			return rsa.SignPKCS1v15(rand.Reader, k, hash, digest)
		}
	case *ecdsa.PrivateKey:
		if !strings.HasPrefix(algorithm, "ES") {
			break
		}
		r, s, err := ecdsa.Sign(rand.Reader, k, digest)
		if err != nil {
			return nil, err
		}
		n := (k.Curve.Params().BitSize + 7) / 8
		out := make([]byte, 2*n)
		r.FillBytes(out[:n])
		s.FillBytes(out[n:])
		return out, nil
	}
	return nil, badKey()
}

func privateKey(text string) (any, error) {
	// Forms and environments often lose the line breaks.
	text = strings.ReplaceAll(text, `\n`, "\n")
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, badKey()
	}
	if k, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		return k, nil
	}
	if k, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return k, nil
	}
	if k, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return k, nil
	}
	return nil, badKey()
}
