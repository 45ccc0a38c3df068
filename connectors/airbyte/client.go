package airbyte

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

const (
	// maxBody bounds an answer, and what it unpacks to.
	maxBody = 64 << 20
	// Attempts after the first, where the manifest does not say.
	defaultRetries = 5
	retryMin       = 500 * time.Millisecond
	retryMax       = 30 * time.Second
	// A wait longer than this is the scheduler's business; so is one call that took longer than callMax.
	waitMax = 2 * time.Minute
	callMax = 9 * time.Minute
	timeout = time.Minute
)

// response is an answer that was taken in whole.
type response struct {
	status int
	header http.Header
	body   []byte

	value   any
	decoder bool
}

// decoded is the body as JSON, an empty dict where it is none.
func (r *response) decoded() any {
	if !r.decoder {
		v, ok := decodeJSON(r.body)
		if !ok {
			v = newDict()
		}
		r.value, r.decoder = v, true
	}
	return r.value
}

func (r *response) scope(sc *scope) *scope {
	return sc.with("response", r.decoded(), "headers", headersOf(r.header))
}

// ok says whether the answer's records count: those of an error that is to be passed over do not.
func (r *response) ok() bool { return r.status < 400 }

var linkBreak = regexp.MustCompile(`,\s*<`)

// headersOf makes headers a dict whose keys are found whatever their case; link is a dict of the links by
// relation.
func headersOf(h http.Header) *dict {
	d := newDict()
	d.fold = true
	for _, k := range sortedKeys(h) {
		d.set(strings.ToLower(k), strings.Join(h[k], ", "))
	}
	links := newDict()
	for _, part := range linkBreak.Split(strings.Join(h["Link"], ", "), -1) {
		target, rest, ok := strings.Cut(strings.TrimLeft(strings.TrimSpace(part), "<"), ">")
		if !ok {
			continue
		}
		l := newDict("url", target)
		for _, p := range strings.Split(rest, ";") {
			if k, v, ok := strings.Cut(strings.Trim(p, " ,"), "="); ok {
				l.set(strings.TrimSpace(k), strings.Trim(v, `"' `))
			}
		}
		key := target
		if rel, ok := l.vals["rel"].(string); ok {
			key = rel
		}
		links.set(key, l)
	}
	d.set("link", links)
	return d
}

// client speaks HTTP for one connection.
type client struct {
	http   *http.Client
	log    *slog.Logger
	budget *meter

	mu      sync.Mutex
	secrets []string
}

func newClient(transport http.RoundTripper, log *slog.Logger) *client {
	if transport == nil {
		transport = http.DefaultTransport
	}
	c := &client{log: log}
	c.http = &http.Client{
		Transport: transport, Timeout: timeout,
		// Following a redirect to another host would hand it the credential.
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if req.URL.Host != via[0].URL.Host || req.URL.Scheme != via[0].URL.Scheme || len(via) > 5 {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}
	return c
}

// hide adds secrets that were learned while running, such as tokens.
func (c *client) hide(secrets ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range secrets {
		// Shorter ones would redact ordinary words; no credential is that short.
		if len(s) >= 4 && !slices.Contains(c.secrets, s) {
			c.secrets = append(c.secrets, s, url.QueryEscape(s), url.PathEscape(s), base64.StdEncoding.EncodeToString([]byte(s)))
		}
	}
	// The longest first, so that none is cut by a shorter one.
	slices.SortFunc(c.secrets, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	c.secrets = slices.Compact(c.secrets)
}

func (c *client) redact(text string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.secrets {
		text = strings.ReplaceAll(text, s, "[redacted]")
	}
	return text
}

// exchange is one call with its attempts.
type exchange struct {
	client  *client
	handler *errorHandler
	sc      *scope
	// sign puts the credential on; refresh forgets it, so that the next sign fetches a new one, and reports
	// whether that can help.
	sign    func(context.Context, *request) error
	refresh func() bool
}

// do sends the request, retrying as the handler says. Its errors are canon.Errors without secrets.
func (x *exchange) do(ctx context.Context, rq *request) (*response, verdict, error) {
	retries := int64(defaultRetries)
	if x.handler.retries != nil {
		v, err := x.handler.retries.must(x.sc)
		if n, ok := toInt(v); ok && err == nil {
			retries = min(max(n, 0), 20)
		}
	}
	start := time.Now()
	for attempt := 1; ; attempt++ {
		resp, v, err := x.once(ctx, rq)
		if err == nil && (v.action == actSuccess || v.action == actIgnore || v.action == actReset) {
			return resp, v, nil
		}
		var fail *canon.Error
		if err != nil {
			fail = canon.AsError(err)
			if resp != nil || !fail.Retry || fail.Code == "interrupted" {
				return nil, v, err
			}
		} else {
			fail = x.client.told(rq, resp, v)
		}
		if v.action == actRefresh || (err == nil && resp.status == http.StatusUnauthorized && !v.ruled) {
			if attempt == 1 && x.refresh != nil && x.refresh() {
				continue
			}
		}
		if v.action == actFail || int64(attempt) > retries {
			return nil, v, fail
		}
		wait, err := x.pause(resp, attempt)
		if err != nil {
			return nil, v, err
		}
		if wait > waitMax || time.Since(start)+wait > callMax {
			return nil, v, fail
		}
		x.client.log.Debug("trying again", "host", rq.url.Host, "path", x.client.redact(rq.url.Path), "attempt", attempt+1, "wait", wait)
		if err := rest(ctx, wait); err != nil {
			return nil, v, x.client.interrupted(rq, err)
		}
	}
}

// rest waits.
func rest(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// pause is how long to wait: as the manifest says, else as the vendor says, else ever longer.
func (x *exchange) pause(resp *response, attempt int) (time.Duration, error) {
	d, ok, err := x.handler.wait(resp, attempt, x.sc)
	if err != nil || ok {
		return d, err
	}
	if resp != nil {
		if d, ok := retryAfter(resp.header, x.sc.now()); ok {
			return d, nil
		}
	}
	step := min(retryMin<<min(attempt-1, 10), retryMax)
	return step/2 + rand.N(step/2+1), nil
}

// once makes one attempt. A response with an error is one that no further attempt would mend.
func (x *exchange) once(ctx context.Context, rq *request) (*response, verdict, error) {
	own := *rq
	own.query, own.header = url.Values{}, map[string]string{}
	for k, v := range rq.query {
		own.query[k] = v
	}
	for k, v := range rq.header {
		own.header[k] = v
	}
	if x.sign != nil {
		if err := x.sign(ctx, &own); err != nil {
			return &response{}, verdict{action: actFail}, err
		}
	}
	req, err := own.wire()
	if err != nil {
		return &response{}, verdict{action: actFail}, err
	}
	if err := x.client.budget.take(ctx, req); err != nil {
		return nil, verdict{}, x.client.interrupted(rq, err)
	}
	httpResp, err := x.client.http.Do(req.WithContext(ctx))
	if err != nil {
		if ctx.Err() != nil {
			return nil, verdict{}, x.client.interrupted(rq, ctx.Err())
		}
		return nil, verdict{}, x.client.unreachable(rq, err)
	}
	defer httpResp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(httpResp.Body, maxBody+1))
	if err != nil {
		if ctx.Err() != nil {
			return nil, verdict{}, x.client.interrupted(rq, ctx.Err())
		}
		return nil, verdict{}, x.client.unreachable(rq, err)
	}
	resp := &response{status: httpResp.StatusCode, header: httpResp.Header, body: body}
	if len(body) > maxBody {
		return resp, verdict{}, tooLarge(rq.url.Host)
	}
	x.client.budget.learn(req, resp)
	if resp.status >= 300 && resp.status < 400 && resp.status != http.StatusNotModified {
		return resp, verdict{}, x.client.sentence("request.redirected", "sends the request elsewhere", rq, resp).
			WithHint("Set the address in the connection's settings to the one that the vendor gives for its API.")
	}
	v, err := x.handler.judge(resp, x.sc)
	return resp, v, err
}

func tooLarge(host string) error {
	return canon.Errorf("page.too_large", "an answer of %s is larger than %d bytes", host, maxBody).
		WithHint("Ask for smaller pages, where the connection's settings let you.")
}

// retryAfter reads the header in both its forms, seconds and a date.
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0, false
	}
	if n, err := strconv.ParseFloat(v, 64); err == nil {
		return span(n), n >= 0
	}
	t, err := http.ParseTime(v)
	if err != nil {
		return 0, false
	}
	return max(t.Sub(now), 0), true
}

// told turns an answer that is no good into an error.
func (c *client) told(rq *request, resp *response, v verdict) *canon.Error {
	e := c.builtin(rq, resp)
	if v.message != "" {
		e.Message = rq.url.Host + ": " + c.redact(head(v.message, 300))
	}
	switch v.action {
	case actFail:
		e.Retry = false
		if resp.status < 400 {
			e.Code = "vendor.refused"
		}
	case actRetry:
		e.Retry = true
	case actLimited:
		e.Code, e.Retry = "rate.limited", true
		e.Hint = "Hub goes on by itself later; to use less, sync less often."
	}
	return e
}

func (c *client) builtin(rq *request, resp *response) *canon.Error {
	switch s := resp.status; {
	case s == http.StatusUnauthorized:
		return c.sentence("auth.denied", "refused the credential", rq, resp).
			WithHint("Create a new token at the vendor and put it into the connection's settings.")
	case s == http.StatusForbidden:
		return c.sentence("auth.forbidden", "does not let this credential read here", rq, resp).
			WithHint("Give the credential the rights that the vendor's documentation names for this list.")
	case s == http.StatusNotFound || s == http.StatusGone:
		return c.sentence("not_found", "knows nothing at this address", rq, resp).
			WithHint("Check the settings that the address is made of, and that the account has this feature.")
	case s == http.StatusTooManyRequests:
		return c.sentence("rate.limited", "allows no more requests for now", rq, resp).
			WithHint("Hub goes on by itself later; to use less, sync less often.")
	case s >= 500:
		return c.sentence("vendor.unavailable", "is not working right now", rq, resp).
			WithHint("Hub goes on by itself later; the vendor's status page may say more.")
	case s < 400:
		return c.sentence("vendor.refused", "answered with what the manifest takes for an error", rq, resp).
			WithHint("The vendor's message says more.")
	}
	return c.sentence("request.refused", "refused the request", rq, resp).
		WithHint("The vendor's message says more; check the connection's settings.")
}

// sentence tells who said what, without secrets.
func (c *client) sentence(code, what string, rq *request, resp *response) *canon.Error {
	said := ""
	if resp.status >= 400 || resp.status < 300 {
		if said = errorText(resp.decoded(), 0); said != "" {
			said = ": " + strconv.Quote(c.redact(head(said, 200)))
		}
	}
	return canon.Errorf(code, "%s %s (%s, status %d)%s", rq.url.Host, what, c.redact(rq.url.Path), resp.status, said)
}

func (c *client) unreachable(rq *request, err error) *canon.Error {
	// A url.Error repeats the URL, whose query may hold a credential.
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	e := canon.Errorf("net.unreachable", "%s cannot be reached: %s", rq.url.Host, c.redact(err.Error()))
	e.Retry = true
	return e.WithHint("Check the network and the address in the settings; Hub goes on by itself later.")
}

func (c *client) interrupted(rq *request, err error) error {
	e := canon.Errorf("interrupted", "the call to %s was interrupted: %w", rq.url.Host, err)
	e.Retry = true
	return e
}

func head(text string, n int) string {
	if len(text) > n {
		text = text[:n]
	}
	return strings.ToValidUTF8(text, "")
}

func notJSON(c *client, rq *request, body []byte) error {
	return canon.Errorf("page.not_json", "the answer of %s is no JSON; it begins with %q", c.redact(rq.url.Path), c.redact(head(string(bytes.TrimSpace(body)), 120))).
		WithHint("Something between Hub and the vendor may have answered, such as a proxy or a login page: check the address in the settings.")
}
