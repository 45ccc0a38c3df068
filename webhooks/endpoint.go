package webhooks

import (
	"encoding/json"
	"log/slog"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/lifecyclehub/hub/canon"
)

// What Endpoint.Backfill may say of changes that tell of the past.
const (
	BackfillNone    = "none"    // history is not told
	BackfillCurrent = "current" // only where each customer stands now
	BackfillAll     = "all"     // all of it
)

// Endpoint is one webhook subscriber. Its zero fields mean the defaults told beside them. Secrets and
// header values never appear in its text, JSON or log form.
type Endpoint struct {
	// Name is the key by which deliveries point to the endpoint.
	Name string
	// URL is where deliveries are posted to.
	URL string
	// Secrets sign each delivery, "whsec_" and base64 of 24 to 64 bytes. Several while rotating: a
	// delivery carries one signature for each.
	Secrets []string
	// Types are patterns of change types: "stage.changed", "invoice.*" or "*". Default: stage.changed and
	// score.changed.
	Types []string
	// Backfill is one of the Backfill constants. Default: none.
	Backfill string
	// Timeout bounds one attempt, body included. Default: 20 s.
	Timeout time.Duration
	// Concurrency is the most attempts under way at once. Default: 4.
	Concurrency int
	// Rate is the most attempts per second; 0 is unlimited.
	Rate float64
	// Schedule is the wait before each retry; after the last one a delivery is dead. nil is the default
	// of 9 retries over three days, empty is no retry at all.
	Schedule []time.Duration
	// Ordered asks that a customer's deliveries arrive in order: while one waits for its retry, those
	// behind it wait too.
	Ordered bool
	// Disabled turns changes due to the endpoint into skipped deliveries.
	Disabled bool
	// Headers are sent with each attempt.
	Headers map[string]string
	// MaxAge is how old a delivery may grow before it expires; 0 is never.
	MaxAge time.Duration
}

// DefaultSchedule returns the waits of the Standard Webhooks specification's example: ten attempts in all.
func DefaultSchedule() []time.Duration {
	return []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
		10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	}
}

// DefaultTypes returns the change types that an endpoint hears when it names none.
func DefaultTypes() []string { return []string{"stage.changed", "score.changed"} }

func (e Endpoint) withDefaults() Endpoint {
	if len(e.Types) == 0 {
		e.Types = DefaultTypes()
	}
	if e.Backfill == "" {
		e.Backfill = BackfillNone
	}
	if e.Timeout == 0 {
		e.Timeout = 20 * time.Second
	}
	if e.Concurrency == 0 {
		e.Concurrency = 4
	}
	if e.Schedule == nil {
		e.Schedule = DefaultSchedule()
	}
	return e
}

var (
	namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)
	typePattern = regexp.MustCompile(`^(\*|[a-z0-9_]+(\.[a-z0-9_]+)*(\.\*)?)$`)
)

// Validate returns the first fault as a canon.Error with code webhooks.endpoint, or nil. No secret stands
// in it.
func (e Endpoint) Validate() error {
	if !namePattern.MatchString(e.Name) {
		return e.fault("its name must be 1 to 64 of a-z, 0-9, dot, dash and underscore", "rename the endpoint, as in crm-sync")
	}
	if err := e.validateURL(); err != nil {
		return err
	}
	if len(e.Secrets) == 0 {
		return e.fault("it has no secret to sign with", "add a secret: whsec_ followed by base64 of 32 random bytes")
	}
	for _, s := range e.Secrets {
		if _, err := ParseSecret(s); err != nil {
			return e.fault("one of its secrets cannot be used: "+canon.AsError(err).Message, "%s", canon.AsError(err).Hint)
		}
	}
	for _, t := range e.Types {
		if !typePattern.MatchString(t) {
			return e.fault("the type "+quote(t)+" is not a pattern", "write a change type such as stage.changed, a group such as invoice.*, or * for all")
		}
	}
	if !slices.Contains([]string{"", BackfillNone, BackfillCurrent, BackfillAll}, e.Backfill) {
		return e.fault("backfill "+quote(e.Backfill)+" is unknown", "choose none, current or all")
	}
	if err := e.validateLimits(); err != nil {
		return err
	}
	return e.validateHeaders()
}

func (e Endpoint) validateURL() error {
	u, err := url.Parse(e.URL)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		return e.fault("its url is not an absolute address", "write it out, as in https://example.com/hooks/hub")
	case u.Scheme != "https" && u.Scheme != "http":
		return e.fault("its url is neither https nor http", "use https://")
	case u.User != nil:
		return e.fault("its url holds a user name or password", "send an Authorization header instead: headers are kept out of logs, addresses are not")
	case u.Fragment != "":
		return e.fault("its url has a #fragment, which is never sent", "remove everything from # on")
	}
	return nil
}

func (e Endpoint) validateLimits() error {
	if e.Timeout < 0 || e.Timeout > 5*time.Minute {
		return e.fault("its timeout must lie between 0 and 5m", "20s suits most receivers")
	}
	if e.Concurrency < 0 || e.Concurrency > 256 {
		return e.fault("its concurrency must lie between 1 and 256", "4 is the default")
	}
	if e.Rate < 0 || math.IsNaN(e.Rate) || math.IsInf(e.Rate, 0) {
		return e.fault("its rate must be a number of attempts per second", "0 is unlimited")
	}
	if e.MaxAge < 0 {
		return e.fault("its maximum age is negative", "0 lets deliveries grow as old as the retries take")
	}
	if len(e.Schedule) > 100 {
		return e.fault("its schedule has more than 100 retries", "the default has 9 over three days")
	}
	for _, d := range e.Schedule {
		if d <= 0 || d > 30*24*time.Hour {
			return e.fault("each wait of its schedule must be positive and at most 30 days", "as in 5s, 5m, 30m, 2h")
		}
	}
	return nil
}

func (e Endpoint) validateHeaders() error {
	for name, value := range e.Headers {
		lower := strings.ToLower(name)
		switch {
		case !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value):
			return e.fault("the header "+quote(name)+" cannot be sent", "a header name has letters, digits and dashes; a value has no line breaks")
		case strings.HasPrefix(lower, "webhook-"),
			slices.Contains([]string{"host", "content-type", "content-length", "transfer-encoding", "connection", "user-agent"}, lower):
			return e.fault("the header "+quote(name)+" is set by Hub", "remove it from the endpoint's headers")
		}
	}
	return nil
}

func (e Endpoint) fault(what, hint string, args ...any) error {
	return canon.Errorf("webhooks.endpoint", "webhook endpoint %s cannot be used: %s", quote(e.Name), what).WithHint(hint, args...)
}

// wants reports whether a change of type typ is for the endpoint.
func (e Endpoint) wants(typ string) bool {
	for _, p := range e.Types {
		if p == typ || p == "*" || strings.HasSuffix(p, ".*") && strings.HasPrefix(typ, p[:len(p)-1]) {
			return true
		}
	}
	return false
}

// String returns the endpoint's name and address without what may be secret in it.
func (e Endpoint) String() string { return e.Name + " " + e.shownURL() }

// GoString keeps secrets out of %#v.
func (e Endpoint) GoString() string { return "webhooks.Endpoint{" + e.String() + "}" }

// LogValue keeps secrets out of logs.
func (e Endpoint) LogValue() slog.Value {
	return slog.GroupValue(slog.String("name", e.Name), slog.String("url", e.shownURL()))
}

// MarshalJSON writes the endpoint as it works, defaults filled in, with secrets and header values redacted.
func (e Endpoint) MarshalJSON() ([]byte, error) {
	e = e.withDefaults()
	view := struct {
		Name        string            `json:"name"`
		URL         string            `json:"url"`
		Secrets     []string          `json:"secrets"`
		Types       []string          `json:"types"`
		Backfill    string            `json:"backfill"`
		Timeout     string            `json:"timeout"`
		Concurrency int               `json:"concurrency"`
		Rate        float64           `json:"rate,omitempty"`
		Schedule    []string          `json:"schedule"`
		Ordered     bool              `json:"ordered,omitempty"`
		Disabled    bool              `json:"disabled,omitempty"`
		Headers     map[string]string `json:"headers,omitempty"`
		MaxAge      string            `json:"max_age,omitempty"`
	}{
		Name: e.Name, URL: e.shownURL(), Secrets: []string{}, Types: e.Types, Backfill: e.Backfill,
		Timeout: e.Timeout.String(), Concurrency: e.Concurrency, Rate: e.Rate, Schedule: []string{},
		Ordered: e.Ordered, Disabled: e.Disabled, Headers: make(map[string]string, len(e.Headers)),
	}
	for range e.Secrets {
		view.Secrets = append(view.Secrets, redacted)
	}
	for _, d := range e.Schedule {
		view.Schedule = append(view.Schedule, d.String())
	}
	for name := range e.Headers {
		view.Headers[name] = redacted
	}
	if e.MaxAge > 0 {
		view.MaxAge = e.MaxAge.String()
	}
	return json.Marshal(view)
}

const redacted = "[redacted]"

// shownURL leaves out the query and any user: both are places where people put tokens.
func (e Endpoint) shownURL() string {
	u, err := url.Parse(e.URL)
	if err != nil {
		return redacted
	}
	if u.User != nil {
		u.User = url.User(redacted)
	}
	if u.RawQuery != "" {
		u.RawQuery = redacted
	}
	return u.String()
}

// quote shows foreign text in a sentence, short and on one line.
func quote(s string) string {
	if len(s) > 100 {
		s = s[:100] + "…"
	}
	b, err := json.Marshal(s)
	if err != nil {
		return `"?"`
	}
	return string(b)
}
