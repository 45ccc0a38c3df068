package rest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// exchange is one call with its attempts.
type exchange struct {
	client *client
	call   Call
	path   string
	bucket *bucket
	// token is the one of the last attempt; denied says that the vendor refused the credential.
	token  *token
	denied bool
	// open says that an attempt was begun and its answer not told to the bucket.
	open   bool
	ticket int64
	answer Answer
}

// begin waits for the attempt's turn, and gives it the credential of that moment: a token may have ended
// while the call waited.
func (x *exchange) begin(ctx context.Context, r *http.Request) error {
	x.end(nil, verdictNone)
	ticket, err := x.bucket.wait(ctx)
	if err != nil {
		return err
	}
	x.ticket, x.open = ticket, true
	if x.token == nil {
		return nil
	}
	if x.token.due(x.client.tokens.now()) {
		t, err := x.client.tokens.get(ctx, nil)
		if err != nil {
			return err
		}
		if x.client.site(t).Host == x.client.site(x.token).Host {
			x.token = t
		}
	}
	// The attempt before may still be reading its headers.
	r.Header = r.Header.Clone()
	x.client.bearer(r, x.token.Access)
	return nil
}

// end tells the bucket of the attempt's answer, once.
func (x *exchange) end(h http.Header, v verdict) {
	if x.open {
		x.open = false
		x.bucket.settle(x.ticket, h, v)
	}
}

// read takes the body in and judges the answer. It returns a *refusal, or nil where all is well.
func (x *exchange) read(resp *http.Response) error {
	defer resp.Body.Close()
	body, lent, err := x.client.readBody(resp, x.call.lend)
	if err != nil {
		return &refusal{err: x.client.unreachable(err), retry: x.repeatable()}
	}
	if int64(len(body)) > x.client.maxBody {
		return &refusal{err: canon.Errorf("page.too_large", "the answer of %s is larger than %d bytes", x.path, x.client.maxBody).
			WithHint("Ask for smaller pages, or raise http.max_body in the connector.")}
	}
	x.answer = Answer{Status: resp.StatusCode, Header: resp.Header, Body: body, lent: lent}
	if r := x.judge(resp, body); r != nil {
		switch {
		case r.ignore:
			x.end(resp.Header, verdictNone)
			x.answer.Body = []byte("{}")
			return nil
		case r.err.Code == "rate.limited":
			x.end(resp.Header, verdictRefused)
		default:
			x.end(resp.Header, verdictNone)
			x.denied = resp.StatusCode == http.StatusUnauthorized && !r.retry
		}
		return r
	}
	if !x.call.Any && len(bytes.TrimSpace(body)) > 0 && !valid(body) {
		return &refusal{err: canon.Errorf("page.not_json", "the answer of %s is no JSON; it begins with %q", x.path, x.client.redact(head(body, 120))).
			WithHint("Something between Hub and the vendor may have answered, such as a proxy or a login page: check base_url.")}
	}
	x.end(resp.Header, verdictGood)
	return nil
}

// keptBuffer is the most memory that is kept for the next answer.
const keptBuffer = 1 << 20

// readBody reads at most one byte more than is allowed. An answer that tells its length is read into as much
// memory, once; any other goes through memory that is used again. Where lend is asked for, so does that, and the
// body stays there until giveBack.
func (c *client) readBody(resp *http.Response, lend bool) (body []byte, lent *bytes.Buffer, err error) {
	n := resp.ContentLength
	told := n > 0 && n <= c.maxBody
	if told && !lend {
		body := make([]byte, n)
		_, err := io.ReadFull(resp.Body, body)
		return body, nil, err
	}
	buf, ok := c.buffers.Get().(*bytes.Buffer)
	if !ok {
		buf = &bytes.Buffer{}
	}
	buf.Reset()
	if told {
		buf.Grow(int(n) + bytes.MinRead)
	} else {
		n = c.maxBody + 1
	}
	_, err = buf.ReadFrom(io.LimitReader(resp.Body, n))
	if told && err == nil && int64(buf.Len()) < n {
		err = io.ErrUnexpectedEOF
	}
	if lend {
		return buf.Bytes(), buf, err
	}
	body = bytes.Clone(buf.Bytes())
	c.keepBuffer(buf)
	return body, nil, err
}

// giveBack ends the use of a lent body: nothing may be read from it any more.
func (c *client) giveBack(a Answer) {
	if a.lent != nil {
		c.keepBuffer(a.lent)
	}
}

func (c *client) keepBuffer(buf *bytes.Buffer) {
	if buf.Cap() <= keptBuffer {
		c.buffers.Put(buf)
	}
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
		x.bucket.pause(r.wait)
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
	// The bucket and the tokens tell what is the matter themselves.
	var known *canon.Error
	if errors.As(err, &known) {
		return known
	}
	return x.client.unreachable(err)
}

func head(b []byte, n int) string {
	if len(b) > n {
		b = b[:n]
	}
	return strings.ToValidUTF8(string(b), "")
}
