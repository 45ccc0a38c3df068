package rest

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/lifecyclehub/hub/canon"
)

// ErrorRule says what an answer means. All conditions that are given must hold.
type ErrorRule struct {
	Status []int `yaml:"status"`
	// Path is looked up in the body; its value must equal Equals or contain Contains, where given.
	Path     string `yaml:"path"`
	Equals   string `yaml:"equals"`
	Contains string `yaml:"contains"`
	// Action is "retry", "later" (no retry within the call, but a later one may succeed), "fail", "ignore"
	// (an empty answer), "rate_limited" or "restart" (the page token is no longer known: read again from
	// the watermark).
	Action string `yaml:"action"`
	// Code, Message and Hint replace those of the built-in rule.
	Code    string `yaml:"code"`
	Message string `yaml:"message"`
	Hint    string `yaml:"hint"`
}

// refusal is an answer that is no good, with what to do about it.
type refusal struct {
	err   *canon.Error
	retry bool
	// ignore takes the answer as an empty one; wait is how long the vendor asks to wait.
	ignore bool
	wait   time.Duration
}

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

// errRestart is the cause of errors whose rule says restart.
var errRestart = errors.New("the page token is no longer known")

// judge looks the answer up in the rules, the connector's before the built-in ones.
func (x *exchange) judge(resp *http.Response, body []byte) *refusal {
	for _, rule := range x.client.rules {
		if !rule.matches(resp.StatusCode, body) {
			continue
		}
		r := x.builtin(resp, body)
		if r == nil {
			r = &refusal{err: x.sentence("vendor.refused", "answered with an error", resp, body)}
		}
		r.apply(rule, x.repeatable())
		return r
	}
	return x.builtin(resp, body)
}

func (rule ErrorRule) matches(status int, body []byte) bool {
	if len(rule.Status) > 0 && !slices.Contains(rule.Status, status) {
		return false
	}
	if rule.Path == "" {
		return true
	}
	v := gjson.GetBytes(body, rule.Path)
	switch {
	case rule.Equals != "":
		return v.String() == rule.Equals
	case rule.Contains != "":
		return strings.Contains(v.String(), rule.Contains)
	}
	return v.Exists()
}

func (r *refusal) apply(rule ErrorRule, repeatable bool) {
	switch rule.Action {
	case "ignore":
		r.ignore = true
	case "fail":
		r.retry, r.err.Retry = false, false
	case "retry":
		r.retry, r.err.Retry = repeatable, true
	case "rate_limited":
		r.retry, r.err.Retry, r.err.Code = true, true, "rate.limited"
	case "later":
		r.retry, r.err.Retry = false, true
	case "restart":
		r.retry, r.err.Cause = false, errRestart
	}
	r.err.Code = or(rule.Code, r.err.Code)
	r.err.Message = or(rule.Message, r.err.Message)
	r.err.Hint = or(rule.Hint, r.err.Hint)
}

// builtin holds the rules that hold for every vendor; nil means that the answer is good.
func (x *exchange) builtin(resp *http.Response, body []byte) *refusal {
	status := resp.StatusCode
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusUnauthorized:
		return &refusal{err: x.sentence("auth.denied", "refused the credential", resp, body).
			WithHint("%s", or(x.client.hint, "Create a new token at the vendor and put it into the connection's settings."))}
	case status == http.StatusForbidden:
		return &refusal{err: x.sentence("auth.forbidden", "does not let this credential read or write here", resp, body).
			WithHint("Give the credential the scopes that the connector's page lists.")}
	case status == http.StatusNotFound || status == http.StatusGone:
		return &refusal{err: x.sentence("not_found", "knows nothing at this address", resp, body).
			WithHint("Check base_url, and that the account has this feature.")}
	case status == http.StatusTooManyRequests:
		wait, _ := retryAfter(resp.Header)
		r := &refusal{err: x.sentence("rate.limited", "allows no more requests for now", resp, body), retry: true, wait: wait}
		r.err.Retry = true
		r.err.Hint = "Hub goes on by itself later; to use less, sync less often."
		if wait > 0 {
			r.err.Hint = "The vendor asks to wait " + wait.Round(time.Second).String() + "; Hub goes on by itself."
		}
		return r
	case status >= 500:
		wait, _ := retryAfter(resp.Header)
		r := &refusal{err: x.sentence("vendor.unavailable", "is not working right now", resp, body), retry: x.repeatable(), wait: wait}
		r.err.Retry = true
		r.err.Hint = "Hub goes on by itself later; the vendor's status page may say more."
		return r
	case status >= 300 && status < 400:
		return &refusal{err: x.sentence("request.redirected", "sends the request elsewhere", resp, nil).
			WithHint("Set base_url to the address that the vendor gives for its API.")}
	}
	return &refusal{err: x.sentence("request.refused", "refused the request", resp, body)}
}

// sentence tells who said what, without secrets.
func (x *exchange) sentence(code, what string, resp *http.Response, body []byte) *canon.Error {
	said := vendorMessage(body)
	if said != "" {
		said = ": " + strconv.Quote(x.client.redact(said))
	}
	return canon.Errorf(code, "%s %s (%s, status %d)%s", x.client.base.Host, what, x.client.redact(x.path), resp.StatusCode, said)
}

// vendorMessage finds the text meant for people, at the places where vendors put it.
func vendorMessage(body []byte) string {
	if !valid(body) {
		return ""
	}
	for _, path := range []string{"message", "error.message", "error_description", "description", "errors.0.message", "error.title", "error", "0.message"} {
		if v := gjson.GetBytes(body, path); v.Type == gjson.String && v.Str != "" {
			return head([]byte(v.Str), 200)
		}
	}
	return ""
}

// retryAfter reads the header in both its forms, seconds and a date.
func retryAfter(h http.Header) (time.Duration, bool) {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0, false
	}
	if n, err := strconv.ParseFloat(v, 64); err == nil {
		if n < 0 || n > 1e8 {
			return 0, false
		}
		return time.Duration(n * float64(time.Second)), true
	}
	t, err := http.ParseTime(v)
	if err != nil {
		return 0, false
	}
	return max(time.Until(t), 0), true
}

func (c *client) unreachable(err error) *canon.Error {
	// A url.Error repeats the URL, whose query may hold a credential.
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	e := canon.Errorf("net.unreachable", "%s cannot be reached: %s", c.base.Host, c.redact(err.Error()))
	if e.Message == c.base.Host+" cannot be reached: "+err.Error() {
		e.Cause = err
	}
	e.Retry = true
	return e.WithHint("Check the network and base_url; Hub goes on by itself later.")
}

func (c *client) interrupted(err error) error {
	e := canon.Errorf("interrupted", "the call to %s was interrupted: %w", c.base.Host, err)
	e.Retry = true
	return e
}

func (c *client) redact(text string) string { return c.secrets.redact(text) }
