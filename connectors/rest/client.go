package rest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"github.com/tidwall/gjson"

	"github.com/lifecyclehub/hub/canon"
)

// Call is one request, all variables filled in.
type Call struct {
	// Method is GET where empty. Path begins with a slash and is appended to the base URL; an absolute
	// URL is taken as it is and must be of the same host.
	Method, Path string
	Query        url.Values
	Header       map[string]string
	// Body is sent as JSON where it is not nil.
	Body []byte
	// Budget names the bucket, "" for the default one.
	Budget string
	// Idempotent says that a POST may be repeated after a cut connection or a server error.
	Idempotent bool
}

// Answer is what came back: the body is valid JSON, or empty where the vendor sent none.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// client speaks HTTP for one connection.
type client struct {
	base    *url.URL
	headers map[string]string
	auth    func(*http.Request)
	secrets []string
	rules   []ErrorRule
	buckets map[string]*bucket
	log     *slog.Logger

	http          *http.Client
	maxBody       int64
	retries       int
	retryMin      time.Duration
	retryMax      time.Duration
	retryAfterMax time.Duration
}

func (c *client) configure(h HTTP, transport http.RoundTripper) {
	if transport == nil {
		transport = http.DefaultTransport
	}
	c.maxBody = or(h.MaxBody, 32<<20)
	c.retries = 5
	if h.Retries != nil {
		c.retries = *h.Retries
	}
	c.retryMin = time.Duration(or(h.RetryMin, Duration(500*time.Millisecond)))
	c.retryMax = time.Duration(or(h.RetryMax, Duration(30*time.Second)))
	c.retryAfterMax = time.Duration(or(h.RetryAfterMax, Duration(2*time.Minute)))
	c.http = &http.Client{
		Transport: transport,
		Timeout:   time.Duration(or(h.Timeout, Duration(time.Minute))),
		// Following a redirect to another host would hand it the credential.
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if req.URL.Host != c.base.Host || req.URL.Scheme != c.base.Scheme || len(via) > 3 {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}
}

// do sends the call, retrying what may be retried. Its errors are canon.Errors without secrets.
func (c *client) do(ctx context.Context, call Call) (Answer, error) {
	target, err := c.target(call)
	if err != nil {
		return Answer{}, err
	}
	x := &exchange{client: c, call: call, path: target.Path, bucket: c.bucket(call.Budget)}
	var body any
	if call.Body != nil {
		body = call.Body
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, or(call.Method, http.MethodGet), target.String(), body)
	if err != nil {
		return Answer{}, canon.Errorf("request.invalid", "the request to %s%s could not be made", c.base.Host, target.Path)
	}
	c.dress(req.Request, call)
	req.SetResponseHandler(x.read)
	rc := &retryablehttp.Client{
		HTTPClient: c.http, Logger: nil, RetryMax: c.retries, RetryWaitMin: c.retryMin, RetryWaitMax: c.retryMax,
		CheckRetry: x.check, Backoff: x.backoff,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
		PrepareRetry: func(*http.Request) error { return x.bucket.wait(ctx) },
	}
	if err := x.bucket.wait(ctx); err != nil {
		return Answer{}, c.interrupted(err)
	}
	resp, err := rc.Do(req)
	if resp != nil {
		resp.Body.Close()
	}
	if err != nil {
		return Answer{}, x.failed(ctx, err)
	}
	return x.answer, nil
}

func (c *client) bucket(name string) *bucket {
	if b := c.buckets[name]; b != nil {
		return b
	}
	return c.buckets["default"]
}

func (c *client) target(call Call) (*url.URL, error) {
	u := *c.base
	if strings.Contains(call.Path, "://") {
		abs, err := url.Parse(call.Path)
		if err != nil || abs.Host != c.base.Host || abs.Scheme != c.base.Scheme {
			return nil, canon.Errorf("page.foreign_url", "the vendor's next page is at another host than %s; it was not fetched", c.base.Host).
				WithHint("Set base_url to the address that the vendor's own links use.")
		}
		u = *abs
		u.User, u.Fragment = nil, ""
	} else {
		ref, err := url.Parse(strings.TrimSuffix(c.base.EscapedPath(), "/") + call.Path)
		if err != nil {
			return nil, canon.Errorf("request.invalid", "a request to %s has a path that is no URL path", c.base.Host)
		}
		u.Path, u.RawPath = ref.Path, ref.RawPath
	}
	if len(call.Query) > 0 {
		q := u.Query()
		for k, vs := range call.Query {
			q[k] = vs
		}
		u.RawQuery = q.Encode()
	}
	return &u, nil
}

func (c *client) dress(req *http.Request, call Call) {
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "lifecyclehub")
	if call.Body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for k, v := range c.headers {
		req.Header.Set(k, v)
	}
	for k, v := range call.Header {
		req.Header.Set(k, v)
	}
	if c.auth != nil {
		c.auth(req)
	}
}

// exchange is one call with its attempts.
type exchange struct {
	client *client
	call   Call
	path   string
	bucket *bucket
	answer Answer
}

// read takes the body in and judges the answer. It returns a *refusal, or nil where all is well.
func (x *exchange) read(resp *http.Response) error {
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, x.client.maxBody+1))
	if err != nil {
		return &refusal{err: x.client.unreachable(err), retry: x.repeatable()}
	}
	if int64(len(body)) > x.client.maxBody {
		return &refusal{err: canon.Errorf("page.too_large", "the answer of %s is larger than %d bytes", x.path, x.client.maxBody).
			WithHint("Ask for smaller pages, or raise http.max_body in the connector.")}
	}
	if r := x.judge(resp, body); r != nil {
		if r.ignore {
			x.answer = Answer{Status: resp.StatusCode, Header: resp.Header, Body: []byte("{}")}
			return nil
		}
		if r.err.Code == "rate.limited" {
			x.bucket.refused()
		}
		return r
	}
	if len(bytes.TrimSpace(body)) > 0 && !gjson.ValidBytes(body) {
		return &refusal{err: canon.Errorf("page.not_json", "the answer of %s is no JSON; it begins with %q", x.path, x.client.redact(head(body, 120))).
			WithHint("Something between Hub and the vendor may have answered, such as a proxy or a login page: check base_url.")}
	}
	x.answer = Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}
	x.bucket.accepted()
	return nil
}

// repeatable reports whether the call may be sent again when nobody knows whether the first was carried out.
func (x *exchange) repeatable() bool {
	return x.call.Idempotent || or(x.call.Method, http.MethodGet) == http.MethodGet
}

// check decides on a retry. It is asked twice per attempt: before the body was read, where it leaves the
// decision to read, and with what read said.
func (x *exchange) check(ctx context.Context, _ *http.Response, err error) (bool, error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err == nil {
		return false, nil
	}
	var r *refusal
	if !errors.As(err, &r) {
		return x.repeatable(), nil
	}
	if r.retry && r.wait > x.client.retryAfterMax {
		return false, nil
	}
	return r.retry, nil
}

// backoff waits as long as the vendor says, or exponentially with jitter: between half and all of the step,
// so that connections that failed together do not come back together.
func (x *exchange) backoff(least, most time.Duration, attempt int, resp *http.Response) time.Duration {
	if resp != nil {
		if wait, ok := retryAfter(resp.Header); ok {
			x.bucket.pause(wait)
			x.client.log.Debug("the vendor asks to wait", "path", x.path, "status", resp.StatusCode, "wait", wait)
			return wait
		}
	}
	step := least << min(attempt, 16)
	if step > most || step <= 0 {
		step = most
	}
	wait := step/2 + rand.N(step/2+1)
	x.client.log.Debug("trying again", "path", x.path, "attempt", attempt+2, "wait", wait)
	return wait
}

// failed turns what ended the call into a canon.Error.
func (x *exchange) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return x.client.interrupted(ctx.Err())
	}
	var r *refusal
	if errors.As(err, &r) {
		return r.err
	}
	return x.client.unreachable(err)
}

func head(b []byte, n int) string {
	if len(b) > n {
		b = b[:n]
	}
	return strings.ToValidUTF8(string(b), "")
}
