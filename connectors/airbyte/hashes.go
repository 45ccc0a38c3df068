package airbyte

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"regexp"
	"strings"
)

func hashFilter(name string) filter {
	switch name {
	case "hash":
		return func(_ *scope, v any, a args) (any, error) {
			h := newHash(pyStr(a.get(0, "hash_type", "md5")))
			if h == nil {
				return nil, fmt.Errorf("there is no hash %q", pyStr(a.get(0, "hash_type", "")))
			}
			h.Write([]byte(pyStr(v)))
			if salt := a.get(1, "salt", nil); truthy(salt) {
				h.Write([]byte(pyStr(salt)))
			}
			return hex.EncodeToString(h.Sum(nil)), nil
		}
	case "hmac":
		return func(_ *scope, v any, a args) (any, error) {
			if pyStr(a.get(1, "hash_type", "sha256")) != "sha256" {
				return nil, fmt.Errorf("hmac knows only sha256")
			}
			h := hmac.New(sha256.New, []byte(pyStr(a.get(0, "key", ""))))
			h.Write([]byte(pyStr(v)))
			return hex.EncodeToString(h.Sum(nil)), nil
		}
	case "base64encode", "base64binascii_decode":
		return onText(func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) })
	case "base64decode":
		return func(_ *scope, v any, _ args) (any, error) { return unbase64(pyStr(v)) }
	case "regex_search":
		return func(_ *scope, v any, a args) (any, error) {
			re, err := pattern(a)
			if err != nil {
				return nil, err
			}
			if u, ok := v.(undefined); ok {
				return nil, errUndefined(u)
			}
			if m := re.FindStringSubmatch(pyStr(v)); len(m) > 1 {
				return m[1], nil
			}
			return "", nil
		}
	case "regex_replace":
		return func(_ *scope, v any, a args) (any, error) {
			re, err := pattern(a)
			if err != nil {
				return nil, err
			}
			to := regexp.MustCompile(`\\(\d+|g<(\w+)>)`).ReplaceAllString(strings.ReplaceAll(pyStr(a.get(1, "replacement", "")), "$", "$$"), "$${$1}")
			to = regexp.MustCompile(`\$\{g<(\w+)>\}`).ReplaceAllString(to, "$${$1}")
			return re.ReplaceAllString(pyStr(v), to), nil
		}
	}
	return nil
}

func pattern(a args) (*regexp.Regexp, error) {
	text, err := a.textOf(0, "regex", "")
	if err != nil {
		return nil, err
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("the regular expression %q is not understood here", text)
	}
	return re, nil
}

func newHash(name string) hash.Hash {
	switch name {
	case "md5":
		return md5.New()
	case "sha1":
		return sha1.New()
	case "sha224":
		return sha256.New224()
	case "sha256":
		return sha256.New()
	case "sha384":
		return sha512.New384()
	case "sha512":
		return sha512.New()
	}
	return nil
}
