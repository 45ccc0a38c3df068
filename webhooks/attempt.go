package webhooks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"code.dny.dev/ssrf"

	"github.com/lifecyclehub/hub/canon"
)

const (
	userAgent = "Hub-Webhooks/1.0"
	// keepBytes of an answer are kept with the attempt; readBytes are read, so that the connection can be
	// used again.
	keepBytes = 4 << 10
	readBytes = 64 << 10
)

// attempt makes one HTTP try. ctx is the lane's; it ends only when the process must stop.
func (l *lane) attempt(ctx context.Context, d canon.Delivery) answer {
	ctx, cancel := context.WithTimeout(ctx, l.end.Timeout)
	defer cancel()
	at := l.out.now().UTC()
	a := answer{try: canon.Attempt{Delivery: d.ID, No: d.Attempts + 1, At: at}}
	err := l.exchange(ctx, d, &a)
	a.try.Took = max(l.out.now().Sub(at), 0)
	if err != nil {
		a.try.Error = l.plain(ctx, err)
	}
	return a
}

// exchange posts the delivery and fills in the answer. Once there is a status, nothing that goes wrong with
// the rest of the answer changes it.
func (l *lane) exchange(ctx context.Context, d canon.Delivery, a *answer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.end.URL, bytes.NewReader(d.Body))
	if err != nil {
		return err
	}
	req.Header = Sign(l.keys, d.ID, a.try.At, d.Body)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", userAgent)
	for name, value := range l.end.Headers {
		req.Header.Set(name, value)
	}
	resp, err := l.out.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	a.try.Status = resp.StatusCode
	a.retryAfter = retryAfter(resp.Header.Get("Retry-After"), l.out.now())
	a.control = strings.ToLower(strings.TrimSpace(resp.Header.Get("webhook-delivery")))
	head, err := io.ReadAll(io.LimitReader(resp.Body, keepBytes))
	// NUL is valid UTF-8, but databases refuse it in text.
	a.try.Response = strings.ReplaceAll(strings.ToValidUTF8(string(head), ""), "\x00", "")
	if err == nil {
		// The rest is read for the connection's sake alone; what fails here is closed below.
		_, _ = io.CopyN(io.Discard, resp.Body, readBytes-keepBytes)
	}
	return nil
}

// plain says in a few words why no answer came, without the address, whose query may hold a token.
func (l *lane) plain(ctx context.Context, err error) string {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Sprintf("no answer within %s", l.end.Timeout.Round(time.Millisecond))
	case errors.Is(err, ssrf.ErrProhibitedIP), errors.Is(err, ssrf.ErrProhibitedNetwork):
		return "the endpoint's address is not public, and the configuration does not allow it"
	}
	text := strings.ToValidUTF8(strings.Join(strings.Fields(err.Error()), " "), "")
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "…"
	}
	return text
}
