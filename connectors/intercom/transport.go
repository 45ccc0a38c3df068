package intercom

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
)

// attemptsKey is under which a call's context counts its attempts.
type attemptsKey struct{}

// onceOnly keeps a page of a scroll from being asked for twice by the retries underneath: what a second
// attempt gets is the page after, so it is answered as a scroll that was lost. Requests that were refused for
// their rate moved nothing.
type onceOnly struct{ next http.RoundTripper }

func (o onceOnly) RoundTrip(r *http.Request) (*http.Response, error) {
	n, counted := r.Context().Value(attemptsKey{}).(*int)
	if !counted || r.URL.Query().Get("scroll_param") == "" {
		return o.next.RoundTrip(r)
	}
	if *n++; *n > 1 {
		return answer(r, http.StatusNotFound, `{"type":"error.list","errors":[{"code":"not_found","message":"an answer of the scroll was lost"}]}`), nil
	}
	resp, err := o.next.RoundTrip(r)
	if err == nil && resp.StatusCode == http.StatusTooManyRequests {
		*n--
	}
	return resp, err
}

// merged turns the answer that a contact was merged away, 410 with a link to the one that it became part of, into
// a record that says so: it is a tombstone then, and Hub knows into what.
type merged struct {
	next http.RoundTripper
	now  func() time.Time
}

func (m merged) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := m.next.RoundTrip(r)
	if err != nil || resp.StatusCode != http.StatusGone {
		return resp, err
	}
	loser, isContact := strings.CutPrefix(r.URL.Path, "/contacts/")
	winner := canonical(resp.Header.Get("Link"))
	if !isContact || winner == "" || winner == loser {
		return resp, nil
	}
	body, err := json.Marshal(map[string]any{"type": "contact", "id": loser, "merged_into": winner, "updated_at": m.now().Unix()})
	if err != nil {
		return resp, nil
	}
	resp.Body.Close()
	return answer(r, http.StatusOK, string(body)), nil
}

// canonical finds the contact's id in a link such as </contacts/5f1>; rel="canonical".
func canonical(link string) string {
	target, params, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(link), "<"), ">")
	id, isContact := strings.CutPrefix(target, "/contacts/")
	if !ok || !isContact || !strings.Contains(params, "canonical") || id == "" || len(id) > 64 || strings.Contains(id, "/") {
		return ""
	}
	return id
}

func answer(r *http.Request, status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body))}
}
