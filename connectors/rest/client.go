package rest

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/lifecyclehub/hub/canon"
)

// HTTP holds the limits of one exchange; zero values mean the defaults.
type HTTP struct {
	// MaxBody is the largest answer in bytes (32 MiB), Timeout the longest time for one attempt (60s).
	MaxBody int64    `yaml:"max_body"`
	Timeout Duration `yaml:"timeout"`
	// Retries is the most attempts after the first (5), waiting RetryMin (500ms) to RetryMax (30s).
	Retries  *int     `yaml:"retries"`
	RetryMin Duration `yaml:"retry_min"`
	RetryMax Duration `yaml:"retry_max"`
	// RetryAfterMax is the longest Retry-After to wait out inside a call (2m).
	RetryAfterMax Duration `yaml:"retry_after_max"`
}

// Call is one request, all variables filled in.
type Call struct {
	// Method is GET where empty. Path begins with a slash and is appended to the base URL; an absolute
	// URL is taken as it is and must be of the same host.
	Method, Path string
	Query        url.Values
	Header       map[string]string
	// Body is sent as JSON where it is not nil, Form in its place as application/x-www-form-urlencoded.
	Body []byte
	Form url.Values
	// Accept is the media type asked for, application/json where empty. Any takes an answer that is no JSON.
	Accept string
	Any    bool
	// Budget names the bucket, "" for the default one.
	Budget string
	// Idempotent says that a POST may be repeated after a cut connection or a server error.
	Idempotent bool
	// lend asks for an answer whose body lies in memory that is used again.
	lend bool
}

// Answer is what came back: the body is valid JSON, or empty where the vendor sent none. Where the call said
// Any, it is whatever came.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	// lent is where a lent body lies; see giveBack.
	lent *bytes.Buffer
}

// client speaks HTTP with one host for one connection.
type client struct {
	base    *url.URL
	headers map[string]string
	// auth adds a credential of the settings; where tokens is set, bearer adds the token.
	auth    func(*http.Request)
	bearer  func(r *http.Request, token string)
	tokens  *tokens
	secrets *redactor
	rules   []ErrorRule
	buckets map[string]*bucket
	log     *slog.Logger
	// hint says what to do where the vendor refuses the credential, "" for the general advice.
	hint string

	http    *http.Client
	maxBody int64
	// buffers are those of earlier answers.
	buffers       *sync.Pool
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
	c.buffers = &sync.Pool{}
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
			if base := c.site(nil); req.URL.Host != base.Host || req.URL.Scheme != base.Scheme || len(via) > 3 {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}
}

// beside returns a client for an address that may be at another host, such as one that gives tokens. It has
// no credential of its own, and shares the secrets.
func (c *client) beside(address string) (*client, error) {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil {
		return nil, canon.Errorf("settings.auth", "the address where %s gives tokens is no http or https URL", c.base.Host).
			WithHint("Write it as in https://api.example.com/oauth/token.")
	}
	out := *c
	out.base = &url.URL{Scheme: u.Scheme, Host: u.Host}
	out.headers, out.auth, out.bearer, out.tokens, out.rules = nil, nil, nil, nil, nil
	out.buckets = map[string]*bucket{"default": newBucket("default", math.Inf(1), time.Second, 1)}
	// All attempts must end while the vault's lease lasts.
	out.retryAfterMax = min(c.retryAfterMax, renewLimit-10*time.Second)
	h := *c.http
	h.Timeout = min(h.Timeout, renewLimit/3)
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	out.http = &h
	return &out, nil
}

// site is where the API is: at the base URL, or where the answer with the token said.
func (c *client) site(t *token) *url.URL {
	if t == nil && c.tokens != nil {
		t = c.tokens.current.Load()
	}
	if t != nil && t.base != nil {
		return t.base
	}
	return c.base
}

// do sends the call, retrying what may be retried, with another token where the vendor no longer takes the
// present one. Its errors are canon.Errors without secrets.
func (c *client) do(ctx context.Context, call Call) (Answer, error) {
	if c.tokens == nil {
		answer, err := c.exchange(ctx, call, nil)
		if err != nil {
			return Answer{}, err
		}
		return answer, nil
	}
	var stale *token
	var refused error
	for {
		t, err := c.tokens.get(ctx, stale)
		switch {
		case err != nil && ctx.Err() != nil:
			return Answer{}, c.interrupted(ctx.Err())
		case err != nil && errors.Is(err, errStands):
			return Answer{}, refused
		case err != nil:
			return Answer{}, err
		}
		x, err := c.send(ctx, call, t)
		if err == nil {
			return x.answer, nil
		}
		if !x.denied || stale != nil || !c.tokens.replaceable(x.token) {
			return Answer{}, err
		}
		stale, refused = x.token, err
	}
}

// exchange sends one call with the token, which may be nil. With an error comes what the vendor answered, if
// it did.
func (c *client) exchange(ctx context.Context, call Call, t *token) (Answer, error) {
	x, err := c.send(ctx, call, t)
	if x == nil {
		return Answer{}, err
	}
	return x.answer, err
}

// send makes the attempts of one call. The exchange is nil where the call could not be made at all.
func (c *client) send(ctx context.Context, call Call, t *token) (*exchange, error) {
	x := &exchange{client: c, call: call, token: t, bucket: c.bucket(call.Budget)}
	target, err := c.target(call, c.site(t))
	if err != nil {
		return x, err
	}
	x.path = target.Path
	var body any
	switch {
	case call.Form != nil:
		body = []byte(call.Form.Encode())
	case call.Body != nil:
		body = call.Body
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, or(call.Method, http.MethodGet), target.String(), body)
	if err != nil {
		return x, canon.Errorf("request.invalid", "the request to %s%s could not be made", c.base.Host, target.Path)
	}
	c.dress(req.Request, call)
	req.SetResponseHandler(x.read)
	rc := &retryablehttp.Client{
		HTTPClient: c.http, Logger: nil, RetryMax: c.retries, RetryWaitMin: c.retryMin, RetryWaitMax: c.retryMax,
		CheckRetry: x.check, Backoff: x.backoff,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
		PrepareRetry: func(r *http.Request) error { return x.begin(ctx, r) },
	}
	if err := x.begin(ctx, req.Request); err != nil {
		return x, x.failed(ctx, err)
	}
	resp, err := rc.Do(req)
	x.end(nil, verdictNone)
	if resp != nil {
		resp.Body.Close()
	}
	if err != nil {
		return x, x.failed(ctx, err)
	}
	if x.token != nil {
		x.token.accepted.Store(true)
	}
	return x, nil
}

func (c *client) bucket(name string) *bucket {
	if b := c.buckets[name]; b != nil {
		return b
	}
	return c.buckets["default"]
}

func (c *client) target(call Call, base *url.URL) (*url.URL, error) {
	u := *base
	if strings.Contains(call.Path, "://") {
		abs, err := url.Parse(call.Path)
		if err == nil && abs.Host == c.base.Host && abs.Scheme == c.base.Scheme {
			// Links are kept relative to the base URL, wherever a token's answer put the API since.
			abs.Host, abs.Scheme = base.Host, base.Scheme
		}
		if err != nil || abs.Host != base.Host || abs.Scheme != base.Scheme {
			return nil, canon.Errorf("page.foreign_url", "the vendor's next page is at another host than %s; it was not fetched", base.Host).
				WithHint("Set base_url to the address that the vendor's own links use.")
		}
		u = *abs
		u.User, u.Fragment = nil, ""
	} else {
		ref, err := url.Parse(strings.TrimSuffix(base.EscapedPath(), "/") + call.Path)
		if err != nil {
			return nil, canon.Errorf("request.invalid", "a request to %s has a path that is no URL path", base.Host)
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
	req.Header.Set("Accept", or(call.Accept, "application/json"))
	req.Header.Set("User-Agent", "lifecyclehub")
	switch {
	case call.Form != nil:
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	case call.Body != nil:
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
