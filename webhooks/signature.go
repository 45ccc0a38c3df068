package webhooks

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// The headers of the Standard Webhooks scheme.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp"
	HeaderSignature = "webhook-signature"
)

// Tolerance is how far a delivery's timestamp may lie from the receiver's clock, either way.
const Tolerance = 5 * time.Minute

const secretPrefix = "whsec_"

// NewSecret draws a signing secret of 32 random bytes, "whsec_" and base64.
func NewSecret() string {
	var b [32]byte
	rand.Read(b[:])
	return secretPrefix + base64.StdEncoding.EncodeToString(b[:])
}

// ParseSecret returns the key bytes of a secret, with or without its "whsec_" prefix. The error is a
// canon.Error with code webhooks.secret and does not hold the secret.
func ParseSecret(s string) ([]byte, error) {
	text := strings.TrimPrefix(s, secretPrefix)
	// The decoder skips line breaks by itself; a secret that holds one was pasted wrongly.
	if strings.ContainsAny(text, "\r\n") {
		return nil, canon.Errorf("webhooks.secret", "the secret holds a line break").WithHint("write it on one line")
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, canon.Errorf("webhooks.secret", "the secret is not base64").
			WithHint("a secret is whsec_ followed by standard base64; create one with: openssl rand -base64 32")
	}
	if len(key) < 24 || len(key) > 64 {
		return nil, canon.Errorf("webhooks.secret", "the secret has %d bytes, not 24 to 64", len(key)).
			WithHint("create one with: openssl rand -base64 32")
	}
	return key, nil
}

// Sign returns the three headers that a delivery of body under id carries, with one signature per secret.
func Sign(secrets [][]byte, id string, at time.Time, body []byte) http.Header {
	stamp := strconv.FormatInt(at.Unix(), 10)
	signatures := make([]string, len(secrets))
	for i, key := range secrets {
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(digest(key, id, stamp, body))
	}
	h := make(http.Header, 3)
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, stamp)
	h.Set(HeaderSignature, strings.Join(signatures, " "))
	return h
}

// Verify reports, as a nil error, that body was signed with one of the secrets and is not older or newer
// than Tolerance. The error is a canon.Error with code webhooks.signature_missing, webhooks.timestamp,
// webhooks.signature or webhooks.secret.
func Verify(header http.Header, body []byte, now time.Time, secrets ...string) error {
	keys, err := parseSecrets(secrets)
	if err != nil {
		return err
	}
	id, stamp, signatures := header.Get(HeaderID), header.Get(HeaderTimestamp), header.Get(HeaderSignature)
	if id == "" || stamp == "" || signatures == "" {
		return canon.Errorf("webhooks.signature_missing", "the request lacks a %s, %s or %s header", HeaderID, HeaderTimestamp, HeaderSignature).
			WithHint("pass the request's headers unchanged; some proxies drop unknown ones")
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return canon.Errorf("webhooks.timestamp", "the timestamp header is not a number of seconds").
			WithHint("the sender does not follow Standard Webhooks")
	}
	if low, high := now.Add(-Tolerance).Unix(), now.Add(Tolerance).Unix(); seconds < low || seconds > high {
		return canon.Errorf("webhooks.timestamp", "the timestamp lies more than %s from now", Tolerance).
			WithHint("refuse the request: it may be replayed; where it is not, set this machine's clock")
	}
	if !anyMatch(keys, signatures, func(key []byte) []byte { return digest(key, id, stamp, body) }) {
		return canon.Errorf("webhooks.signature", "no signature matches the body").
			WithHint("check the secret, and verify the raw bytes of the body before parsing them")
	}
	return nil
}

// anyMatch compares every v1 signature with every key, all of them, so that the time taken tells nothing.
func anyMatch(keys [][]byte, signatures string, want func(key []byte) []byte) bool {
	matched := false
	for _, key := range keys {
		expected := want(key)
		for signature := range strings.FieldsSeq(signatures) {
			text, ok := strings.CutPrefix(signature, "v1,")
			if !ok {
				continue
			}
			got, err := base64.StdEncoding.DecodeString(text)
			if err == nil && hmac.Equal(got, expected) {
				matched = true
			}
		}
	}
	return matched
}

func parseSecrets(secrets []string) ([][]byte, error) {
	if len(secrets) == 0 {
		return nil, canon.Errorf("webhooks.secret", "there is no secret").WithHint("give the secret that the sender signs with")
	}
	keys := make([][]byte, len(secrets))
	for i, s := range secrets {
		key, err := ParseSecret(s)
		if err != nil {
			return nil, err
		}
		keys[i] = key
	}
	return keys, nil
}

func digest(key []byte, id, stamp string, body []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(id + "." + stamp + "."))
	h.Write(body)
	return h.Sum(nil)
}
