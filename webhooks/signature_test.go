package webhooks

import (
	"net/http"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
)

const (
	vectorID   = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	vectorBody = `{"test": 2432232314}`
	vectorSig  = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

var vectorAt = time.Unix(1614265330, 0)

func key(t testing.TB, secret string) []byte {
	t.Helper()
	k, err := ParseSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSignFixedVector(t *testing.T) {
	for _, secret := range []string{testSecret, strings.TrimPrefix(testSecret, "whsec_")} {
		h := Sign([][]byte{key(t, secret)}, vectorID, vectorAt, []byte(vectorBody))
		if got := h.Get("webhook-signature"); got != vectorSig {
			t.Errorf("signature %s, want %s", got, vectorSig)
		}
		if h.Get("webhook-id") != vectorID || h.Get("webhook-timestamp") != "1614265330" {
			t.Errorf("headers %v", h)
		}
		if err := Verify(h, []byte(vectorBody), vectorAt, secret); err != nil {
			t.Errorf("Verify: %v", err)
		}
	}
}

func TestVerify(t *testing.T) {
	other := NewSecret()
	with := func(id, stamp, sig string) http.Header {
		h := http.Header{}
		for name, v := range map[string]string{HeaderID: id, HeaderTimestamp: stamp, HeaderSignature: sig} {
			if v != "" {
				h.Set(name, v)
			}
		}
		return h
	}
	const stamp = "1614265330"
	tests := []struct {
		name   string
		header http.Header
		body   string
		now    time.Time
		secret []string
		code   string
	}{
		{name: "valid", header: with(vectorID, stamp, vectorSig)},
		{name: "among others", header: with(vectorID, stamp, "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v2,x v1a,hnO3 "+vectorSig)},
		{name: "second secret", header: with(vectorID, stamp, vectorSig), secret: []string{other, testSecret}},
		{name: "just in time", header: with(vectorID, stamp, vectorSig), now: vectorAt.Add(5 * time.Minute)},
		{name: "slightly ahead", header: with(vectorID, stamp, vectorSig), now: vectorAt.Add(-5 * time.Minute)},
		{name: "no id", header: with("", stamp, vectorSig), code: "webhooks.signature_missing"},
		{name: "no timestamp", header: with(vectorID, "", vectorSig), code: "webhooks.signature_missing"},
		{name: "no signature", header: with(vectorID, stamp, ""), code: "webhooks.signature_missing"},
		{name: "timestamp not a number", header: with(vectorID, "soon", vectorSig), code: "webhooks.timestamp"},
		{name: "too old", header: with(vectorID, stamp, vectorSig), now: vectorAt.Add(301 * time.Second), code: "webhooks.timestamp"},
		{name: "too new", header: with(vectorID, stamp, vectorSig), now: vectorAt.Add(-301 * time.Second), code: "webhooks.timestamp"},
		{name: "other id", header: with("msg_x", stamp, vectorSig), code: "webhooks.signature"},
		{name: "other body", header: with(vectorID, stamp, vectorSig), body: "{}", code: "webhooks.signature"},
		{name: "partial signature", header: with(vectorID, stamp, vectorSig[:20]), code: "webhooks.signature"},
		{name: "other version", header: with(vectorID, stamp, "v2"+vectorSig[2:]), code: "webhooks.signature"},
		{name: "no version", header: with(vectorID, stamp, vectorSig[3:]), code: "webhooks.signature"},
		{name: "other secret", header: with(vectorID, stamp, vectorSig), secret: []string{other}, code: "webhooks.signature"},
		{name: "empty secret", header: with(vectorID, stamp, vectorSig), secret: []string{""}, code: "webhooks.secret"},
		{name: "no secret", header: with(vectorID, stamp, vectorSig), secret: []string{}, code: "webhooks.secret"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.body == "" {
				tt.body = vectorBody
			}
			if tt.now.IsZero() {
				tt.now = vectorAt
			}
			if tt.secret == nil {
				tt.secret = []string{testSecret}
			}
			if got := canon.CodeOf(Verify(tt.header, []byte(tt.body), tt.now, tt.secret...)); got != tt.code {
				t.Errorf("code %q, want %q", got, tt.code)
			}
		})
	}
}

// TestOracle holds Sign and Verify to the reference library, both ways, with several secrets.
func TestOracle(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		secrets := []string{NewSecret(), NewSecret()}
		id := rapid.StringMatching(`msg_[a-zA-Z0-9]{1,30}`).Draw(rt, "id")
		body := []byte(rapid.String().Draw(rt, "body"))
		now := time.Now()
		signed := Sign([][]byte{key(t, secrets[0]), key(t, secrets[1])}, id, now, body)
		for _, s := range secrets {
			wh, err := standardwebhooks.NewWebhook(s)
			if err != nil {
				rt.Fatal(err)
			}
			if err := wh.Verify(body, signed); err != nil {
				rt.Fatalf("the reference refuses ours: %v", err)
			}
			sig, err := wh.Sign(id, now, body)
			if err != nil {
				rt.Fatal(err)
			}
			theirs := signed.Clone()
			theirs.Set(HeaderSignature, sig)
			if err := Verify(theirs, body, now, s); err != nil {
				rt.Fatalf("ours refuses the reference: %v", err)
			}
			if err := Verify(theirs, append(body, '!'), now, s); canon.CodeOf(err) != "webhooks.signature" {
				rt.Fatalf("a changed body passes: %v", err)
			}
		}
	})
}

func TestParseSecret(t *testing.T) {
	for _, bad := range []string{"", "whsec_", "whsec_short", "whsec_" + strings.Repeat("A", 28), "whsec_" + strings.Repeat("A", 88), "not base64 at all, not at all!", testSecret + "\n", "whsk_" + testSecret[6:]} {
		k, err := ParseSecret(bad)
		if canon.CodeOf(err) != "webhooks.secret" {
			t.Errorf("ParseSecret(%q) = %d bytes, %v", bad, len(k), err)
			continue
		}
		if bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("the error tells the secret: %v", err)
		}
	}
	if a, b := NewSecret(), NewSecret(); a == b || len(key(t, a)) != 32 {
		t.Errorf("NewSecret gave %s and %s", a, b)
	}
}

func FuzzVerify(f *testing.F) {
	f.Add(vectorID, "1614265330", vectorSig, vectorBody)
	f.Add("", "", "", "")
	f.Add("a", "-1", "v1, v1,, ,v1", "\x00")
	f.Fuzz(func(t *testing.T, id, stamp, sig, body string) {
		h := http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {stamp}, "Webhook-Signature": {sig}}
		if err := Verify(h, []byte(body), vectorAt, testSecret); err != nil {
			return
		}
		want := Sign([][]byte{key(t, testSecret)}, id, vectorAt, []byte(body)).Get(HeaderSignature)
		if stamp == "1614265330" && !strings.Contains(sig, want[3:]) {
			t.Errorf("accepted %q for %q", sig, body)
		}
	})
}
