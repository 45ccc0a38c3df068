package webhooks

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// zendeskTesting is the key with which Zendesk signs the test requests of a webhook that is not saved yet. It
// is public, so it proves nothing.
const zendeskTesting = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="

// signedSchemes are those that sign the body.
func signedSchemes() []Scheme {
	return []Scheme{
		{Name: "stripe", Title: "Stripe", Doc: "HMAC-SHA256 over the time and the body, in Stripe-Signature. The secret is the endpoint's whsec_…, as it stands.",
			verify: stripeCall, delivery: member("id")},
		{Name: "hubspot_v3", Title: "HubSpot, version 3", Doc: "HMAC-SHA256 over method, address, body and time, in X-HubSpot-Signature-v3. The secret is the app's client secret.",
			verify: hubspotV3, stamp: "X-Hubspot-Request-Timestamp"},
		{Name: "hubspot_v2", Title: "HubSpot, version 2 (legacy)", Doc: "SHA-256 over secret, method, address and body. It tells no time, so a call can be replayed: use it only where HubSpot sends nothing else.",
			verify: hubspotV2},
		{Name: "hubspot_v1", Title: "HubSpot, version 1 (legacy)", Doc: "SHA-256 over secret and body. It tells no time, so a call can be replayed: use it only where HubSpot sends nothing else.",
			verify: hubspotV1},
		{Name: "zendesk", Title: "Zendesk", Doc: "HMAC-SHA256 over the time and the body, in X-Zendesk-Webhook-Signature. The secret is the webhook's signing secret, as it stands.",
			verify: zendeskCall, stamp: "X-Zendesk-Webhook-Signature-Timestamp"},
		{Name: "intercom", Title: "Intercom", Doc: "HMAC-SHA1 over the body, in X-Hub-Signature. The secret is the app's client secret.",
			verify:   overBody("X-Hub-Signature", "sha1=", hex.DecodeString, func(key, body []byte) []byte { h := hmac.New(sha1.New, key); h.Write(body); return h.Sum(nil) }),
			delivery: member("id"), ping: func(_ http.Header, body []byte) bool { return member("topic")(nil, body) == "ping" }},
		{Name: "xero", Title: "Xero", Doc: "HMAC-SHA256 over the body, in x-xero-signature. The secret is the webhook key, as it stands.",
			verify:   overBody("X-Xero-Signature", "", base64.StdEncoding.DecodeString, func(key, body []byte) []byte { return sum256(key, body) }),
			Accepted: Reply{Status: http.StatusOK}, ping: emptyXero},
		{Name: "quickbooks", Title: "QuickBooks Online", Doc: "HMAC-SHA256 over the body, in intuit-signature. The secret is the app's verifier token, as it stands.",
			verify: overBody("Intuit-Signature", "", base64.StdEncoding.DecodeString, func(key, body []byte) []byte { return sum256(key, body) })},
		{Name: "github", Title: "GitHub", Doc: "HMAC-SHA256 over the body, in X-Hub-Signature-256.",
			verify:   overBody("X-Hub-Signature-256", "sha256=", hex.DecodeString, func(key, body []byte) []byte { return sum256(key, body) }),
			delivery: header("X-Github-Delivery"), ping: func(h http.Header, _ []byte) bool { return h.Get("X-Github-Event") == "ping" }},
		{Name: "attio", Title: "Attio", Doc: "HMAC-SHA256 over the body, in Attio-Signature. The secret is the webhook's, shown when it is made.",
			verify: overBody("Attio-Signature", "", hex.DecodeString, func(key, body []byte) []byte { return sum256(key, body) }), delivery: header("Idempotency-Key")},
		{Name: "shopify", Title: "Shopify", Doc: "HMAC-SHA256 over the body, in X-Shopify-Hmac-Sha256. The secret is the app's client secret.",
			verify: shopifyCall, delivery: header("X-Shopify-Webhook-Id", "Shopify-Webhook-Id", "X-Shopify-Event-Id", "Shopify-Event-Id")},
		{Name: "typeform", Title: "Typeform", Doc: "HMAC-SHA256 over the body, in Typeform-Signature. The secret is the text entered at the form's webhook. It tells no time, so a call can be replayed.",
			verify:   overBody("Typeform-Signature", "sha256=", base64.StdEncoding.DecodeString, func(key, body []byte) []byte { return sum256(key, body) }),
			delivery: member("event_id")},
		{Name: "customerio", Title: "Customer.io", Doc: "HMAC-SHA256 over the time and the body, in X-CIO-Signature. The secret is the signing key of the reporting webhook.",
			verify: customerioCall, delivery: member("event_id"), stamp: "X-Cio-Timestamp"},
		{Name: "standard", Title: "Standard Webhooks", Doc: "The scheme of standardwebhooks.com, symmetric (v1, secret whsec_…) and asymmetric (v1a, public key whpk_…). Headers webhook-… or svix-….",
			verify: standardCall, delivery: header("Webhook-Id", "Svix-Id")},
	}
}

// header returns the first of the named headers that is there.
func header(names ...string) func(http.Header, []byte) string {
	return func(h http.Header, _ []byte) string {
		for _, n := range names {
			if v := h.Get(n); v != "" {
				return v
			}
		}
		return ""
	}
}

// member returns a text at the top of a JSON body.
func member(name string) func(http.Header, []byte) string {
	return func(_ http.Header, body []byte) string {
		var in map[string]json.RawMessage
		var text string
		if json.Unmarshal(body, &in) != nil || json.Unmarshal(in[name], &text) != nil {
			return ""
		}
		return text
	}
}

// emptyXero is a probe: Xero asks whether somebody tells rightly signed calls from others.
func emptyXero(_ http.Header, body []byte) bool {
	var in struct {
		Events []json.RawMessage `json:"events"`
	}
	return json.Unmarshal(body, &in) == nil && len(in.Events) == 0
}

// overBody verifies a signature over the body alone.
func overBody(name, prefix string, decode func(string) ([]byte, error), digest func(key, body []byte) []byte) func(Inbound, Trust) error {
	return func(in Inbound, t Trust) error {
		text, ok := strings.CutPrefix(in.Header.Get(name), prefix)
		if !ok || text == "" {
			return unsigned(name)
		}
		got, err := decode(text)
		if err != nil || !matches(got, t.Secrets, func(key []byte) []byte { return digest(key, in.Body) }) {
			return forged(rawHint)
		}
		return nil
	}
}

func stripeCall(in Inbound, t Trust) error {
	const name = "Stripe-Signature"
	var stamp string
	var signatures [][]byte
	for part := range strings.SplitSeq(in.Header.Get(name), ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch key {
		case "t":
			if stamp == "" {
				stamp = value
			}
		case "v1":
			// An entry that cannot be decoded is as good as one that does not match.
			if b, err := hex.DecodeString(value); err == nil && len(signatures) < 16 {
				signatures = append(signatures, b)
			}
		}
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || len(signatures) == 0 {
		return unsigned(name)
	}
	ok := false
	for _, s := range signatures {
		ok = matches(s, t.Secrets, func(key []byte) []byte { return sum256(key, []byte(stamp+"."), in.Body) }) || ok
	}
	if !ok {
		return forged("check that the secret is that of this very endpoint (whsec_…), and that no proxy changes the body")
	}
	return fresh(time.Unix(seconds, 0), in.At)
}

// hubspotDecoded are the only escapes that HubSpot undoes in the address that it signs.
var hubspotDecoded = regexp.MustCompile(`%(?i:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)`)

func hubspotURI(url string) string {
	return hubspotDecoded.ReplaceAllStringFunc(url, func(s string) string {
		b, err := hex.DecodeString(s[1:])
		if err != nil {
			return s
		}
		return string(b)
	})
}

const hubspotHint = "check the app's client secret, and that public_url is the very address that HubSpot calls"

func hubspotV3(in Inbound, t Trust) error {
	text, stamp := in.Header.Get("X-Hubspot-Signature-V3"), in.Header.Get("X-Hubspot-Request-Timestamp")
	millis, err := strconv.ParseInt(stamp, 10, 64)
	if text == "" || err != nil {
		return unsigned("X-HubSpot-Signature-v3 and X-HubSpot-Request-Timestamp")
	}
	got, err := base64.StdEncoding.DecodeString(text)
	if err != nil || !matches(got, t.Secrets, func(key []byte) []byte {
		return sum256(key, []byte(in.Method+hubspotURI(in.URL)), in.Body, []byte(stamp))
	}) {
		return forged(hubspotHint)
	}
	return fresh(time.UnixMilli(millis), in.At)
}

func hubspotV2(in Inbound, t Trust) error {
	return hubspotPlain(in, t, "v2", func(key []byte) []byte {
		sum := sha256.Sum256([]byte(string(key) + in.Method + in.URL + string(in.Body)))
		return sum[:]
	})
}

func hubspotV1(in Inbound, t Trust) error {
	return hubspotPlain(in, t, "v1", func(key []byte) []byte {
		sum := sha256.Sum256(append(key, in.Body...))
		return sum[:]
	})
}

func hubspotPlain(in Inbound, t Trust, version string, digest func(key []byte) []byte) error {
	text := in.Header.Get("X-Hubspot-Signature")
	if v := in.Header.Get("X-Hubspot-Signature-Version"); text == "" || v != "" && !strings.EqualFold(v, version) {
		return unsigned("X-HubSpot-Signature of version " + version)
	}
	got, err := hex.DecodeString(text)
	if err != nil || !matches(got, t.Secrets, digest) {
		return forged(hubspotHint)
	}
	return nil
}

func zendeskCall(in Inbound, t Trust) error {
	text, stamp := in.Header.Get("X-Zendesk-Webhook-Signature"), in.Header.Get("X-Zendesk-Webhook-Signature-Timestamp")
	at, err := time.Parse(time.RFC3339, stamp)
	if text == "" || err != nil {
		return unsigned("X-Zendesk-Webhook-Signature and X-Zendesk-Webhook-Signature-Timestamp")
	}
	for _, k := range t.Secrets {
		if k == zendeskTesting && !t.Testing {
			return canon.Errorf("hook.secret", "the connection's secret is the one that Zendesk has published for tests").
				WithHint("take the signing secret that Zendesk shows beside the saved webhook")
		}
	}
	keys := t.Secrets
	if t.Testing {
		keys = append(keys, zendeskTesting)
	}
	got, err := base64.StdEncoding.DecodeString(text)
	if err != nil || !matches(got, keys, func(key []byte) []byte { return sum256(key, []byte(stamp), in.Body) }) {
		return forged(rawHint)
	}
	return fresh(at, in.At)
}

// customerioCall takes the signature with and without the version before it: the vendor's page shows it without.
func customerioCall(in Inbound, t Trust) error {
	text, stamp := strings.TrimPrefix(in.Header.Get("X-Cio-Signature"), "v0="), in.Header.Get("X-Cio-Timestamp")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if text == "" || err != nil {
		return unsigned("X-CIO-Signature and X-CIO-Timestamp")
	}
	got, err := hex.DecodeString(text)
	if err != nil || !matches(got, t.Secrets, func(key []byte) []byte { return sum256(key, []byte("v0:"+stamp+":"), in.Body) }) {
		return forged(rawHint)
	}
	return fresh(time.Unix(seconds, 0), in.At)
}

// shopifyCall wants Shopify's own headers, because the same key also signs cookies.
func shopifyCall(in Inbound, t Trust) error {
	for _, family := range []string{"X-Shopify-", "Shopify-"} {
		if in.Header.Get(family+"Hmac-Sha256") == "" {
			continue
		}
		if in.Header.Get(family+"Topic") == "" {
			return unsigned(family + "Topic")
		}
		return overBody(family+"Hmac-Sha256", "", base64.StdEncoding.DecodeString, func(key, body []byte) []byte { return sum256(key, body) })(in, t)
	}
	return unsigned("X-Shopify-Hmac-Sha256")
}

const publicPrefix = "whpk_"

func standardCall(in Inbound, t Trust) error {
	get := func(name string) string { return header("Webhook-"+name, "Svix-"+name)(in.Header, nil) }
	id, stamp, signatures := get("Id"), get("Timestamp"), get("Signature")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if id == "" || signatures == "" || err != nil || len(signatures) > 4<<10 {
		return unsigned("webhook-id, webhook-timestamp and webhook-signature")
	}
	ok := false
	for _, secret := range t.Secrets {
		if text, public := strings.CutPrefix(secret, publicPrefix); public {
			key, err := base64.StdEncoding.DecodeString(text)
			if err != nil || len(key) != ed25519.PublicKeySize {
				return canon.Errorf("hook.secret", "the public key is not 32 bytes in base64").WithHint("copy it whole: whpk_ and 44 characters")
			}
			ok = signedBy(key, signatures, []byte(id+"."+stamp+"."+string(in.Body))) || ok
			continue
		}
		key, err := ParseSecret(secret)
		if err != nil {
			return canon.Errorf("hook.secret", "%w", err).WithHint("%s", canon.AsError(err).Hint)
		}
		ok = anyMatch([][]byte{key}, signatures, func(key []byte) []byte { return digest(key, id, stamp, in.Body) }) || ok
	}
	if !ok {
		return forged(rawHint)
	}
	return fresh(time.Unix(seconds, 0), in.At)
}

// signedBy looks for an ed25519 signature among those of the header.
func signedBy(key ed25519.PublicKey, signatures string, message []byte) bool {
	for s := range strings.FieldsSeq(signatures) {
		if text, ok := strings.CutPrefix(s, "v1a,"); ok {
			if sig, err := base64.StdEncoding.DecodeString(text); err == nil && ed25519.Verify(key, message, sig) {
				return true
			}
		}
	}
	return false
}
