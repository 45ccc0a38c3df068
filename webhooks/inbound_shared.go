package webhooks

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// SecretHeader carries the secret of senders that can set a header but sign nothing.
const SecretHeader = "X-Hub-Secret"

const soapAck = `<?xml version="1.0" encoding="UTF-8"?>` +
	`<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>` +
	`<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse>` +
	`</soapenv:Body></soapenv:Envelope>`

// sharedSchemes are those whose calls carry the secret itself, or none.
func sharedSchemes() []Scheme {
	return []Scheme{
		{Name: "pipedrive", Title: "Pipedrive", Doc: "HTTP basic authentication, set when the webhook is made. The secret is user:password. Nothing is signed.", verify: basic},
		{Name: "chargebee", Title: "Chargebee", Doc: "HTTP basic authentication, set at the webhook. The secret is user:password. Nothing is signed.", verify: basic, delivery: member("id")},
		{Name: "freshdesk", Title: "Freshdesk", Doc: "Automation rules send HTTP basic authentication (the secret is user:password) or a header X-Hub-Secret of your own (the secret is its value). Nothing is signed.", verify: freshdeskCall},
		{Name: "shared_secret", Title: "Shared secret", Doc: "For senders that sign nothing: the secret in the header X-Hub-Secret, as Authorization: Bearer, or in the query as ?secret=.", verify: sharedSecret},
		{Name: "write_key", Title: "Write key", Doc: "Segment's way: the key as the user of HTTP basic authentication, or as writeKey in the body. Write keys of web pages are public: they say which source calls, not who.",
			verify: writeKey, same: true, Gunzip: true, Strict: true, redact: dropWriteKey, Accepted: Reply{Status: http.StatusOK, ContentType: "application/json", Body: `{"success":true}`}},
		{Name: "salesforce_outbound", Title: "Salesforce outbound messages", Doc: "Nothing is signed: the organisation's id in the message is compared, and it is no secret. Give the connection a secret path, and let only Salesforce's networks through.",
			Keyless: true, verify: salesforceCall, redact: dropSession, Accepted: Reply{Status: http.StatusOK, ContentType: "text/xml; charset=utf-8", Body: soapAck}},
	}
}

func basic(in Inbound, t Trust) error {
	text, ok := basicText(in.Header)
	if !ok {
		return unsigned("Authorization header (basic)")
	}
	if !sameText(text, t.Secrets) {
		return canon.Errorf("hook.signature", "the user or password of the call is wrong").
			WithHint("write the secret as user:password, just as they are set at the vendor's webhook")
	}
	return nil
}

// basicText returns user:password as they were sent. A password may hold colons.
func basicText(h http.Header) (string, bool) {
	scheme, text, ok := strings.Cut(h.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Basic") {
		return "", false
	}
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	return string(b), err == nil && bytes.IndexByte(b, ':') >= 0
}

func freshdeskCall(in Inbound, t Trust) error {
	if text := in.Header.Get(SecretHeader); text != "" {
		return plain(text, t)
	}
	return basic(in, t)
}

func sharedSecret(in Inbound, t Trust) error {
	text := in.Header.Get(SecretHeader)
	if scheme, token, ok := strings.Cut(in.Header.Get("Authorization"), " "); text == "" && ok && strings.EqualFold(scheme, "Bearer") {
		text = strings.TrimSpace(token)
	}
	if u, err := url.Parse(in.URL); text == "" && err == nil {
		text = u.Query().Get("secret")
	}
	if text == "" {
		return unsigned("secret: no " + SecretHeader + " header, bearer token or ?secret=")
	}
	return plain(text, t)
}

func plain(text string, t Trust) error {
	if !sameText(text, t.Secrets) {
		return canon.Errorf("hook.signature", "the call's secret is another one").WithHint("compare the secret at the sender with the connection's setting")
	}
	return nil
}

func writeKey(in Inbound, t Trust) error {
	text, ok := basicText(in.Header)
	if ok {
		text, _, _ = strings.Cut(text, ":")
	}
	if text == "" {
		text = member("writeKey")(nil, in.Body)
	}
	if text == "" {
		return unsigned("write key: no basic authentication, and no writeKey in the body")
	}
	return plain(text, t)
}

// dropWriteKey takes the key out of the body.
func dropWriteKey(body []byte) []byte {
	var in map[string]json.RawMessage
	if json.Unmarshal(body, &in) != nil || in["writeKey"] == nil {
		return body
	}
	delete(in, "writeKey")
	out, err := json.Marshal(in)
	if err != nil {
		return body
	}
	return out
}

func salesforceCall(in Inbound, t Trust) error {
	if t.Account == "" {
		return canon.Errorf("hook.secret", "the connection does not say which organisation's messages it takes").
			WithHint("set the organisation's id: in Salesforce, Setup, Company Information")
	}
	got := element(in.Body, "OrganizationId")
	if got == "" {
		return unsigned("OrganizationId")
	}
	// The long form of an id is the short one with three letters behind it.
	want := t.Account
	if len(want) == 15 && len(got) == 18 {
		got = got[:15]
	}
	if !sameText(got, []string{want}) {
		return canon.Errorf("hook.account", "the message is of another Salesforce organisation").WithHint("compare the organisation's id in the connection's settings")
	}
	return nil
}

// elementAt finds where the text of the first XML element of a local name begins and ends.
func elementAt(body []byte, name string) (start, end int, ok bool) {
	d := xml.NewDecoder(bytes.NewReader(body))
	for {
		token, err := d.RawToken()
		if err != nil {
			return 0, 0, false
		}
		if s, is := token.(xml.StartElement); !is || s.Name.Local != name {
			continue
		}
		start = int(d.InputOffset())
		for {
			end = int(d.InputOffset())
			token, err := d.RawToken()
			if err != nil && !errors.Is(err, io.EOF) || token == nil {
				return 0, 0, false
			}
			if e, is := token.(xml.EndElement); is && e.Name.Local == name {
				return start, end, true
			}
		}
	}
}

// session is an element that holds a session, of any namespace. One without content has none.
var session = regexp.MustCompile(`(<(?:[\w.-]+:)?SessionId(?:\s[^>]*[^/>]|\s*)>)[^<]*`)

// dropSession takes the sessions out of a message: whoever holds one may do what its user may.
func dropSession(body []byte) []byte { return session.ReplaceAll(body, []byte("$1")) }
