package webhooks

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// Inbound is a call of a vendor's as it arrived: nothing of it has been parsed.
type Inbound struct {
	Method string
	// URL is the address as the vendor called it, query included: the configured public address, never what
	// the Host header says, which a proxy may have changed.
	URL    string
	Header http.Header
	Body   []byte
	// At is when it arrived.
	At time.Time
}

// Trust says how calls of one connection prove where they come from.
type Trust struct {
	// Scheme is the name of one of Schemes.
	Scheme string
	// Secrets are the keys: several while one replaces another. Empty ones do not count.
	Secrets []string
	// Account is the vendor's id of the account, for schemes that compare it.
	Account string
	// Testing accepts keys that the vendor has published for trying things out.
	Testing bool
}

// Reply is what a call is answered with.
type Reply struct {
	Status      int
	ContentType string
	Body        string
}

// Scheme is one way in which vendors sign or identify their calls, with what else is to know of it.
type Scheme struct {
	Name, Title, Doc string
	// Keyless schemes use no secret. Their connections should have a secret path.
	Keyless bool
	// Accepted answers a call that was kept.
	Accepted Reply
	// Gunzip says that a compressed body is unpacked before anything is looked at. All other schemes sign the
	// bytes as they came.
	Gunzip bool
	// Strict says that the sender waits to hear what is wrong with the content, so that it is read before the
	// call is answered.
	Strict bool

	verify func(in Inbound, t Trust) error
	// delivery is the vendor's own id of the call, stamp the time that was signed.
	delivery func(h http.Header, body []byte) string
	stamp    string
	// same says that equal bodies mean the same thing however often they come.
	same   bool
	ping   func(h http.Header, body []byte) bool
	redact func(body []byte) []byte
}

// Schemes lists the schemes in the order of their names.
func Schemes() []Scheme {
	out := slices.Concat(signedSchemes(), sharedSchemes())
	slices.SortFunc(out, func(a, b Scheme) int { return strings.Compare(a.Name, b.Name) })
	for i := range out {
		if out[i].Accepted.Status == 0 {
			out[i].Accepted = Reply{Status: http.StatusOK, ContentType: "application/json", Body: "{}"}
		}
	}
	return out
}

// FindScheme returns the scheme of that name.
func FindScheme(name string) (Scheme, bool) {
	all := Schemes()
	i := slices.IndexFunc(all, func(s Scheme) bool { return s.Name == name })
	if i < 0 {
		return Scheme{}, false
	}
	return all[i], true
}

// VerifyInbound reports, as a nil error, that the call was made by whom t trusts. It looks at the bytes as they
// came. The error is a canon.Error with one of the codes hook.scheme and hook.secret (the connection is not
// configured rightly), hook.unsigned (the call carries no proof), hook.stale (its time is not now),
// hook.signature (the proof is wrong) and hook.account (it is of another account).
func VerifyInbound(in Inbound, t Trust) error {
	s, ok := FindScheme(t.Scheme)
	if !ok {
		return canon.Errorf("hook.scheme", "there is no signature scheme %q", t.Scheme).WithHint("choose one of %s", strings.Join(schemeNames(), ", "))
	}
	return s.Verify(in, t)
}

// Verify is VerifyInbound for this scheme, whatever t.Scheme says.
func (s Scheme) Verify(in Inbound, t Trust) error {
	t.Secrets = slices.DeleteFunc(slices.Clone(t.Secrets), func(k string) bool { return k == "" })
	if len(t.Secrets) == 0 && !s.Keyless {
		return canon.Errorf("hook.secret", "the connection has no secret to verify calls with").
			WithHint("put the secret that the vendor shows beside the webhook into the connection's settings")
	}
	if in.Header == nil {
		in.Header = http.Header{}
	}
	return s.verify(in, t)
}

// DeliveryKey names the call such that the same call, made again by the vendor, has the same name. Calls that
// tell neither an id nor a time of their own are all different, because two equal ones can mean two changes.
func (s Scheme) DeliveryKey(in Inbound) string {
	if s.delivery != nil {
		if id := s.delivery(in.Header, in.Body); id != "" && len(id) <= 200 {
			return canon.ID("hook", "id", id)
		}
	}
	sum := sha256.Sum256(in.Body)
	parts := []string{"body", in.Method, in.URL, string(sum[:])}
	if s.stamp != "" {
		parts = append(parts, in.Header.Get(s.stamp))
	} else if !s.same {
		parts = append(parts, in.At.Format(time.RFC3339Nano))
	}
	return canon.ID("hook", parts...)
}

// Ping says that a verified call only tries whether somebody answers.
func (s Scheme) Ping(in Inbound) bool { return s.ping != nil && s.ping(in.Header, in.Body) }

// Redact returns the body without the credentials that the vendor puts into it.
func (s Scheme) Redact(body []byte) []byte {
	if s.redact == nil {
		return body
	}
	return s.redact(body)
}

// RedactHeader returns the headers that may be kept: those that say what the call is about, without
// credentials and without what only concerns the transport.
func RedactHeader(h http.Header) http.Header {
	out := http.Header{}
	for name, values := range h {
		switch name = http.CanonicalHeaderKey(name); {
		case name == "Content-Type", name == "User-Agent", strings.HasPrefix(name, "Webhook-"), strings.HasPrefix(name, "Svix-"):
		case !strings.HasPrefix(name, "X-") && !strings.HasPrefix(name, "Shopify-"):
			continue
		case slices.ContainsFunc(credentialWords(), func(w string) bool { return strings.Contains(name, w) }):
			continue
		}
		size := 0
		for _, v := range values {
			size += len(v)
		}
		if size <= 1<<10 {
			out[name] = slices.Clone(values)
		}
	}
	return out
}

func credentialWords() []string {
	return []string{"Secret", "Token", "Key", "Auth", "Cookie", "Password", "Signature", "Hmac", "Forwarded", "Real-Ip"}
}

// RedactQuery returns the query without the parameters that carry a secret.
func RedactQuery(query string) string {
	parts := strings.Split(query, "&")
	parts = slices.DeleteFunc(parts, func(p string) bool {
		name, _, _ := strings.Cut(p, "=")
		return slices.Contains(secretParams(), strings.ToLower(name))
	})
	return strings.Join(parts, "&")
}

func secretParams() []string { return []string{"secret", "token", "key", "api_key", "writekey"} }

func schemeNames() []string {
	var out []string
	for _, s := range Schemes() {
		out = append(out, s.Name)
	}
	return out
}

// fresh refuses a time that is not now, in either direction: an old call may be replayed, and one from the
// future may be kept for later.
func fresh(stamp, now time.Time) error {
	if d := now.Sub(stamp); d > Tolerance || d < -Tolerance {
		return canon.Errorf("hook.stale", "the call was signed more than %s from now", Tolerance).
			WithHint("where calls are not replayed, set this machine's clock")
	}
	return nil
}

func unsigned(header string) error {
	return canon.Errorf("hook.unsigned", "the call has no usable %s", header).
		WithHint("check at the vendor that the webhook is signed, and that no proxy drops the header")
}

func forged(hint string) error {
	return canon.Errorf("hook.signature", "the call's signature does not match").WithHint("%s", hint)
}

const rawHint = "check the secret in the connection's settings, and that no proxy changes the body"

// matches compares the decoded signature with what each key gives, all of them, so that the time taken tells
// nothing.
func matches(got []byte, secrets []string, want func(key []byte) []byte) bool {
	ok := false
	for _, k := range secrets {
		if hmac.Equal(got, want([]byte(k))) {
			ok = true
		}
	}
	return ok
}

func sum256(key []byte, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// sameText compares two texts without telling by the time taken how much of them is the same, or how long the
// secret is.
func sameText(got string, secrets []string) bool {
	ok := false
	g := sha256.Sum256([]byte(got))
	for _, k := range secrets {
		if s := sha256.Sum256([]byte(k)); hmac.Equal(g[:], s[:]) {
			ok = true
		}
	}
	return ok
}

// element finds the text of the first XML element of a local name. What it returns is bounded.
func element(body []byte, name string) string {
	start, end, ok := elementAt(body, name)
	if !ok || end-start > 200 {
		return ""
	}
	return string(bytes.TrimSpace(body[start:end]))
}
