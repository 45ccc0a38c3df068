package webhooks_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/webhooks"
)

// TestFormsAndMail: Typeform and Customer.io sign as their pages say; another secret, body or time is refused.
func TestFormsAndMail(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	body := []byte(`{"event_id":"01E4"}`)
	sum := func(key string, text string) []byte {
		h := hmac.New(sha256.New, []byte(key))
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	stamp := "1772366400"
	plain := hex.EncodeToString(sum("k1", "v0:"+stamp+":"+string(body)))
	for _, c := range []struct {
		name, scheme string
		header       map[string]string
		body         []byte
		at           time.Time
		code         string
	}{
		{"typeform", "typeform", map[string]string{"Typeform-Signature": "sha256=" + base64.StdEncoding.EncodeToString(sum("k1", string(body)))}, body, now, ""},
		{"typeform, another body", "typeform", map[string]string{"Typeform-Signature": "sha256=" + base64.StdEncoding.EncodeToString(sum("k1", string(body)))}, []byte("{}"), now, "hook.signature"},
		{"typeform, another key", "typeform", map[string]string{"Typeform-Signature": "sha256=" + base64.StdEncoding.EncodeToString(sum("k2", string(body)))}, body, now, "hook.signature"},
		{"typeform, none", "typeform", nil, body, now, "hook.unsigned"},
		{"customerio", "customerio", map[string]string{"X-CIO-Signature": plain, "X-CIO-Timestamp": stamp}, body, now, ""},
		{"customerio, with its version", "customerio", map[string]string{"X-CIO-Signature": "v0=" + plain, "X-CIO-Timestamp": stamp}, body, now, ""},
		{"customerio, another time", "customerio", map[string]string{"X-CIO-Signature": plain, "X-CIO-Timestamp": "1772366401"}, body, now, "hook.signature"},
		{"customerio, late", "customerio", map[string]string{"X-CIO-Signature": plain, "X-CIO-Timestamp": stamp}, body, now.Add(time.Hour), "hook.stale"},
		{"customerio, none", "customerio", map[string]string{"X-CIO-Timestamp": stamp}, body, now, "hook.unsigned"},
	} {
		h := http.Header{}
		for k, v := range c.header {
			h.Set(k, v)
		}
		err := webhooks.VerifyInbound(webhooks.Inbound{Method: "POST", URL: "https://hub.example/hooks/x", Header: h, Body: c.body, At: c.at}, webhooks.Trust{Scheme: c.scheme, Secrets: []string{"k1"}})
		if canon.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %q", c.name, err, c.code)
		}
	}
}
