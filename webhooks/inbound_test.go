package webhooks

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

const (
	hubspotSecret = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
	hubspotURL    = "https://www.example.com/webhook_uri"
	hubspotBody   = `{'example_field':'example_value'}`
	zendeskKey    = "HRkRd4BeOAoUkfZr-mhauJT64rvBASlJRoIyPsd3zeA="
	v1aPrivate    = "6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
	v1aSig        = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
	orgMessage    = `<?xml version="1.0"?><soapenv:Envelope xmlns:soapenv="x"><soapenv:Body><notifications xmlns="http://soap.sforce.com/2005/09/outbound">` +
		`<OrganizationId>00D000000000001EAA</OrganizationId><ActionId>04k</ActionId><SessionId>00Dxx!secretSession</SessionId>` +
		`<Notification><Id>04l</Id><sObject><Id>001xx</Id></sObject></Notification></notifications></soapenv:Body></soapenv:Envelope>`
)

func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func mac(key string, parts ...string) []byte {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(strings.Join(parts, "")))
	return h.Sum(nil)
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// good are calls that must be believed: those with a digest published by the vendor, and one for every scheme
// that has none.
func good(t testing.TB) map[string]struct {
	Inbound
	Trust
} {
	t.Helper()
	private, err := base64.StdEncoding.DecodeString(v1aPrivate)
	if err != nil {
		t.Fatal(err)
	}
	sha := hmac.New(sha1.New, []byte("client-secret"))
	sha.Write([]byte(`{"id":"notif_1","topic":"contact.created"}`))
	stamp := strconv.FormatInt(vectorAt.Unix(), 10)
	type call = struct {
		Inbound
		Trust
	}
	post := func(body string, at time.Time, pairs ...string) Inbound {
		return Inbound{Method: "POST", URL: hubspotURL, Header: headers(pairs...), Body: []byte(body), At: at}
	}
	return map[string]call{
		"standard": {post(vectorBody, vectorAt, "webhook-id", vectorID, "webhook-timestamp", stamp, "webhook-signature", vectorSig), Trust{Scheme: "standard", Secrets: []string{testSecret}}},
		"standard v1a": {post(vectorBody, vectorAt, "svix-id", vectorID, "svix-timestamp", stamp, "svix-signature", "v1,AAAA "+v1aSig),
			Trust{Scheme: "standard", Secrets: []string{"whpk_" + b64(private[32:])}}},
		"hubspot v3": {post(hubspotBody, time.UnixMilli(1693657560000), "X-HubSpot-Signature-v3", "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y=", "X-HubSpot-Request-Timestamp", "1693657560000"),
			Trust{Scheme: "hubspot_v3", Secrets: []string{hubspotSecret}}},
		"hubspot v3, later": {post(hubspotBody, time.UnixMilli(1700000300000), "X-HubSpot-Signature-v3", "RnbPH7+UMKVkbV32P8bz450N4M56aPmcru1+D3kSDtw=", "X-HubSpot-Request-Timestamp", "1700000300000"),
			Trust{Scheme: "hubspot_v3", Secrets: []string{hubspotSecret}}},
		"hubspot v2": {post(`{"example_field":"example_value"}`, vectorAt, "X-HubSpot-Signature", "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900", "X-HubSpot-Signature-Version", "v2"),
			Trust{Scheme: "hubspot_v2", Secrets: []string{hubspotSecret}}},
		"hubspot v1": {post(`[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM","changeFlag":"NEW","appId":54321}]`,
			vectorAt, "X-HubSpot-Signature", "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de"), Trust{Scheme: "hubspot_v1", Secrets: []string{hubspotSecret}}},
		"github":         {post("Hello, World!", vectorAt, "X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"), Trust{Scheme: "github", Secrets: []string{"It's a Secret to Everybody"}}},
		"shopify":        {post(`{"foo": "bar"}`, vectorAt, "X-Shopify-Hmac-Sha256", "B23tXN681gZ0qIWNRrgtzBE9XSDo5yaUu6wfmhu3a7g=", "X-Shopify-Topic", "orders/create"), Trust{Scheme: "shopify", Secrets: []string{"test_secret_key"}}},
		"shopify events": {post(`{"foo": "bar"}`, vectorAt, "Shopify-Hmac-Sha256", "B23tXN681gZ0qIWNRrgtzBE9XSDo5yaUu6wfmhu3a7g=", "Shopify-Topic", "orders/create"), Trust{Scheme: "shopify", Secrets: []string{"test_secret_key"}}},
		"zendesk": {post(`{"say": "hello"}`, time.Date(2021, 7, 25, 10, 0, 0, 0, time.UTC), "X-Zendesk-Webhook-Signature", "Rry/4TtIdFyawtXXp8QdI6tlAUUQ/5kL1OTp5qo/ZIk=", "X-Zendesk-Webhook-Signature-Timestamp", "2021-07-25T10:00:00Z"),
			Trust{Scheme: "zendesk", Secrets: []string{zendeskKey}}},
		"stripe": {post(`{"id":"evt_1"}`, vectorAt, "Stripe-Signature", "t="+stamp+",v1="+hex.EncodeToString(mac("whsec_old", stamp, ".", `{"id":"evt_1"}`))+",v1=zz,v0=00,v1="+hex.EncodeToString(mac("whsec_x", stamp, ".", `{"id":"evt_1"}`))),
			Trust{Scheme: "stripe", Secrets: []string{"whsec_x"}}},
		"intercom":          {post(`{"id":"notif_1","topic":"contact.created"}`, vectorAt, "X-Hub-Signature", "sha1="+hex.EncodeToString(sha.Sum(nil))), Trust{Scheme: "intercom", Secrets: []string{"client-secret"}}},
		"xero":              {post(`{"events":[{}]}`, vectorAt, "x-xero-signature", b64(mac("xero/key==", `{"events":[{}]}`))), Trust{Scheme: "xero", Secrets: []string{"xero/key=="}}},
		"quickbooks":        {post(`{"eventNotifications":[]}`, vectorAt, "intuit-signature", b64(mac("verifier", `{"eventNotifications":[]}`))), Trust{Scheme: "quickbooks", Secrets: []string{"verifier"}}},
		"attio":             {post(`{"events":[]}`, vectorAt, "Attio-Signature", hex.EncodeToString(mac("attio-key", `{"events":[]}`))), Trust{Scheme: "attio", Secrets: []string{"attio-key"}}},
		"typeform":          {post(`{"event_id":"1"}`, vectorAt, "Typeform-Signature", "sha256="+b64(mac("form-key", `{"event_id":"1"}`))), Trust{Scheme: "typeform", Secrets: []string{"form-key"}}},
		"customerio":        {post(`{"event_id":"1"}`, vectorAt, "X-CIO-Signature", hex.EncodeToString(mac("cio-key", "v0:", stamp, ":", `{"event_id":"1"}`)), "X-CIO-Timestamp", stamp), Trust{Scheme: "customerio", Secrets: []string{"cio-key"}}},
		"pipedrive":         {post(`{}`, vectorAt, "Authorization", "Basic "+b64([]byte("hub:pass:word"))), Trust{Scheme: "pipedrive", Secrets: []string{"hub:pass:word"}}},
		"chargebee":         {post(`{"id":"ev_1"}`, vectorAt, "Authorization", "basic "+b64([]byte("hub:"))), Trust{Scheme: "chargebee", Secrets: []string{"hub:"}}},
		"freshdesk":         {post(`{}`, vectorAt, "X-Hub-Secret", "abc"), Trust{Scheme: "freshdesk", Secrets: []string{"abc"}}},
		"freshdesk basic":   {post(`{}`, vectorAt, "Authorization", "Basic "+b64([]byte("a:b"))), Trust{Scheme: "freshdesk", Secrets: []string{"a:b"}}},
		"shared":            {post(`{}`, vectorAt, "X-Hub-Secret", "abc"), Trust{Scheme: "shared_secret", Secrets: []string{"abc"}}},
		"shared, bearer":    {post(`{}`, vectorAt, "Authorization", "Bearer abc"), Trust{Scheme: "shared_secret", Secrets: []string{"abc"}}},
		"write key":         {post(`{"batch":[]}`, vectorAt, "Authorization", "Basic "+b64([]byte("wk:"))), Trust{Scheme: "write_key", Secrets: []string{"wk"}}},
		"write key in body": {post(`{"writeKey":"wk"}`, vectorAt), Trust{Scheme: "write_key", Secrets: []string{"wk"}}},
		"salesforce":        {post(orgMessage, vectorAt), Trust{Scheme: "salesforce_outbound", Account: "00D000000000001EAA"}},
		"salesforce, short": {post(orgMessage, vectorAt), Trust{Scheme: "salesforce_outbound", Account: "00D000000000001"}},
	}
}

func TestVectorsAreBelieved(t *testing.T) {
	tried := map[string]bool{}
	for name, c := range good(t) {
		tried[c.Scheme] = true
		if err := VerifyInbound(c.Inbound, c.Trust); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		// While one secret replaces another, either will do, and none that is empty.
		if len(c.Secrets) > 0 {
			other := c.Secrets[0]
			if c.Scheme == "standard" {
				other = NewSecret()
			}
			c.Trust.Secrets = []string{"", other, c.Secrets[0]}
			if err := VerifyInbound(c.Inbound, c.Trust); err != nil {
				t.Errorf("%s with several secrets: %v", name, err)
			}
			c.Trust.Secrets = []string{""}
			refused(t, name+" without a secret", c.Inbound, c.Trust, "hook.secret")
		}
	}
	for _, s := range Schemes() {
		if !tried[s.Name] {
			t.Errorf("no call is tried for %s", s.Name)
		}
		if s.Title == "" || s.Doc == "" || s.Accepted.Status != 200 {
			t.Errorf("scheme %s is not described", s.Name)
		}
	}
}

func refused(t *testing.T, what string, in Inbound, trust Trust, code string) {
	t.Helper()
	e := canon.AsError(VerifyInbound(in, trust))
	if e == nil || e.Code != code {
		t.Errorf("%s: got %v, want %s", what, e, code)
		return
	}
	if e.Hint == "" {
		t.Errorf("%s: %v gives no hint", what, e)
	}
	for _, k := range trust.Secrets {
		if len(k) > 5 && (strings.Contains(e.Message, k) || strings.Contains(e.Hint, k)) {
			t.Errorf("%s: the error holds the secret", what)
		}
	}
}

func TestEverySchemeRefuses(t *testing.T) {
	signsBody := map[string]bool{"standard": true, "hubspot_v1": true, "hubspot_v2": true, "hubspot_v3": true, "github": true, "shopify": true, "zendesk": true, "stripe": true, "intercom": true, "xero": true, "quickbooks": true}
	signsTime := map[string]bool{"standard": true, "hubspot_v3": true, "zendesk": true, "stripe": true}
	for name, c := range good(t) {
		wrong := c.Trust
		wrong.Secrets = []string{"another:secret"}
		switch c.Scheme {
		case "standard":
			wrong.Secrets = []string{NewSecret()}
		case "salesforce_outbound":
			wrong = Trust{Scheme: c.Scheme, Account: "00D000000000002EAA"}
			refused(t, name+" of another organisation", c.Inbound, wrong, "hook.account")
			refused(t, name+" without an organisation", c.Inbound, Trust{Scheme: c.Scheme}, "hook.secret")
		}
		if c.Scheme != "salesforce_outbound" {
			refused(t, name+" under another secret", c.Inbound, wrong, "hook.signature")
		}
		bare := c.Inbound
		bare.Header, bare.Body = nil, []byte(`{}`)
		refused(t, name+" without proof", bare, c.Trust, "hook.unsigned")
		if signsBody[c.Scheme] {
			changed := c.Inbound
			changed.Body = append(bytes.Clone(c.Body), ' ')
			refused(t, name+" with a changed body", changed, c.Trust, "hook.signature")
		}
		for _, off := range []time.Duration{Tolerance + time.Second, -Tolerance - time.Second} {
			if late := c.Inbound; signsTime[c.Scheme] {
				late.At = late.At.Add(off)
				refused(t, name+" at another time", late, c.Trust, "hook.stale")
			}
		}
	}
	refused(t, "no scheme", Inbound{}, Trust{Scheme: "none"}, "hook.scheme")
}

// TestTraps are calls that careless verifiers believe.
func TestTraps(t *testing.T) {
	all := good(t)
	z := all["zendesk"]
	z.Header = headers("X-Zendesk-Webhook-Signature", "tRDSF7URY8BLCDlaBcQ7FHu051Zk+aAB0NKMP53teMw=", "X-Zendesk-Webhook-Signature-Timestamp", "2021-07-25T10:00:00Z")
	refused(t, "Zendesk's body before its time", z.Inbound, z.Trust, "hook.signature")

	const public = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="
	z.Header.Set("X-Zendesk-Webhook-Signature", b64(mac(public, "2021-07-25T10:00:00Z", `{"say": "hello"}`)))
	refused(t, "Zendesk's public secret", z.Inbound, z.Trust, "hook.signature")
	refused(t, "Zendesk's public secret as the connection's", z.Inbound, Trust{Scheme: "zendesk", Secrets: []string{public}}, "hook.secret")
	z.Testing = true
	if err := VerifyInbound(z.Inbound, z.Trust); err != nil {
		t.Errorf("Zendesk's public secret where it was asked for: %v", err)
	}

	s := all["stripe"]
	stamp := strconv.FormatInt(vectorAt.Unix(), 10)
	v0 := hex.EncodeToString(mac("whsec_x", stamp, ".", string(s.Body)))
	for what, h := range map[string]string{"only v0": "t=" + stamp + ",v0=" + v0, "no time": "v1=" + v0, "no number": "t=x,v1=" + v0, "not hex": "t=" + stamp + ",v1=zz"} {
		s.Header = headers("Stripe-Signature", h)
		refused(t, "Stripe with "+what, s.Inbound, s.Trust, "hook.unsigned")
	}
	// The time that counts is the one that was signed.
	s.Header = headers("Stripe-Signature", "t="+stamp+",t=1,v1="+v0)
	if err := VerifyInbound(s.Inbound, s.Trust); err != nil {
		t.Errorf("Stripe with two times: %v", err)
	}

	shop := all["shopify"]
	shop.Header.Del("X-Shopify-Topic")
	refused(t, "a Shopify cookie's signature", shop.Inbound, shop.Trust, "hook.unsigned")

	i := all["intercom"]
	i.Header = headers("X-Hub-Signature", "sha256="+hex.EncodeToString(mac("client-secret", string(i.Body))))
	refused(t, "Intercom with SHA-256", i.Inbound, i.Trust, "hook.unsigned")

	v1 := all["hubspot v1"]
	v1.Scheme = "hubspot_v3"
	refused(t, "HubSpot's old signature where version 3 is asked for", v1.Inbound, v1.Trust, "hook.unsigned")
	h := all["hubspot v3"]
	h.Header.Set("X-HubSpot-Request-Timestamp", "NaN")
	refused(t, "HubSpot without a number for a time", h.Inbound, h.Trust, "hook.unsigned")
}

func TestHubSpotAddressIsDecodedJustAsMuchAsHubSpotDoes(t *testing.T) {
	in := Inbound{Method: "POST", URL: "https://h.example/hooks/crm?a=%3a%2Fx%20y%26z%3D%2B", Body: []byte(`[]`), At: vectorAt}
	millis := strconv.FormatInt(vectorAt.UnixMilli(), 10)
	in.Header = headers("X-HubSpot-Request-Timestamp", millis, "X-HubSpot-Signature-v3",
		b64(mac("s", "POST", "https://h.example/hooks/crm?a=:/x%20y%26z%3D%2B", "[]", millis)))
	if err := VerifyInbound(in, Trust{Scheme: "hubspot_v3", Secrets: []string{"s"}}); err != nil {
		t.Error(err)
	}
	in.Header.Set("Host", "h.example")
	in.URL = "https://proxy.internal/hooks/crm"
	refused(t, "another address", in, Trust{Scheme: "hubspot_v3", Secrets: []string{"s"}}, "hook.signature")
}

func TestDeliveriesAreTheSameOnlyWhereTheyMustBe(t *testing.T) {
	key := func(scheme string, in Inbound) string {
		s, ok := FindScheme(scheme)
		if !ok {
			t.Fatal(scheme)
		}
		return s.DeliveryKey(in)
	}
	at := func(body string, sec int, pairs ...string) Inbound {
		return Inbound{Method: "POST", URL: hubspotURL, Header: headers(pairs...), Body: []byte(body), At: vectorAt.Add(time.Duration(sec) * time.Second)}
	}
	for what, c := range map[string]struct {
		scheme string
		a, b   Inbound
		same   bool
	}{
		"Stripe's id":                         {"stripe", at(`{"id":"evt_1","x":1}`, 0), at(`{"id":"evt_1"}`, 9), true},
		"GitHub's id":                         {"github", at(`{}`, 0, "X-GitHub-Delivery", "g"), at(`{"a":1}`, 0, "X-GitHub-Delivery", "g"), true},
		"HubSpot's time":                      {"hubspot_v3", at(`[]`, 0, "X-HubSpot-Request-Timestamp", "1"), at(`[]`, 9, "X-HubSpot-Request-Timestamp", "1"), true},
		"another time of HubSpot's":           {"hubspot_v3", at(`[]`, 0, "X-HubSpot-Request-Timestamp", "1"), at(`[]`, 0, "X-HubSpot-Request-Timestamp", "2"), false},
		"a ticket's id is no delivery's":      {"zendesk", at(`{"id":"7"}`, 0, "X-Zendesk-Webhook-Signature-Timestamp", "1"), at(`{"id":"7"}`, 0, "X-Zendesk-Webhook-Signature-Timestamp", "2"), false},
		"the same words, said twice":          {"freshdesk", at(`{"ticket":7}`, 0), at(`{"ticket":7}`, 9), false},
		"the same event sent again":           {"write_key", at(`{"messageId":"m"}`, 0), at(`{"messageId":"m"}`, 9), true},
		"the same body under another address": {"write_key", at(`{}`, 0), Inbound{Method: "POST", URL: "https://x.example"}, false},
	} {
		if got := key(c.scheme, c.a) == key(c.scheme, c.b); got != c.same {
			t.Errorf("%s: the same: %t, want %t", what, got, c.same)
		}
	}
}

func TestCredentialsAreNotKept(t *testing.T) {
	s, _ := FindScheme("salesforce_outbound")
	body := string(s.Redact([]byte(orgMessage + `<a:SessionId xmlns:a="u/v">another</a:SessionId><SessionId xsi:nil="true"/>kept`)))
	if strings.Contains(body, "secretSession") || strings.Contains(body, "another") || !strings.Contains(body, "001xx") || !strings.Contains(body, "kept") {
		t.Errorf("kept: %s", body)
	}
	w, _ := FindScheme("write_key")
	if got := string(w.Redact([]byte(`{"writeKey":"wk","type":"track"}`))); got != `{"type":"track"}` {
		t.Errorf("kept: %s", got)
	}
	h := RedactHeader(headers("Authorization", "Basic x", "Cookie", "a", "X-Hub-Secret", "s", "X-Api-Key", "k", "X-Github-Event", "push", "Content-Type", "text/plain", "Accept", "*/*",
		"X-Shopify-Topic", "orders/create", "X-Hub-Signature-256", "sha256=aa", "X-Forwarded-For", "::1"))
	if len(h) != 3 || h.Get("X-Github-Event") != "push" || h.Get("Content-Type") == "" || h.Get("X-Shopify-Topic") == "" {
		t.Errorf("kept headers: %v", h)
	}
	if got := RedactQuery("a=1&secret=x&Token=y&b"); got != "a=1&b" {
		t.Errorf("kept query: %s", got)
	}
}

func TestPings(t *testing.T) {
	for scheme, in := range map[string]Inbound{"intercom": {Body: []byte(`{"topic":"ping"}`)}, "xero": {Body: []byte(`{"events":[]}`)}, "github": {Header: headers("X-GitHub-Event", "ping")}} {
		if s, _ := FindScheme(scheme); !s.Ping(in) || s.Ping(Inbound{Body: []byte(`{"topic":"x","events":[1]}`)}) {
			t.Errorf("%s: pings are not told from calls", scheme)
		}
	}
}

func FuzzVerifyInbound(f *testing.F) {
	for _, c := range good(f) {
		for name := range c.Header {
			f.Add(c.Scheme, name, c.Header.Get(name), c.Body)
		}
	}
	f.Fuzz(func(t *testing.T, scheme, name, value string, body []byte) {
		in := Inbound{Method: "POST", URL: hubspotURL + "?" + value, Header: http.Header{http.CanonicalHeaderKey(name): {value}}, Body: body, At: vectorAt}
		if err := VerifyInbound(in, Trust{Scheme: scheme, Secrets: []string{"a secret that nobody guesses"}, Account: "an organisation that nobody guesses"}); err == nil {
			t.Errorf("believed %s: %q", name, value)
		}
		if s, ok := FindScheme(scheme); ok {
			s.DeliveryKey(in)
			s.Ping(in)
			s.Redact(body)
		}
	})
}
