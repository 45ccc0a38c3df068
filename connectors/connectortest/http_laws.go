package connectortest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

func httpLaws() []law {
	laws := []law{
		{"ends when told to", endsWhenToldTo},
		{"ends while it waits", endsWhileItWaits},
		{"does not wait for hours", doesNotWaitForHours},
		{"a record without id is told and the page goes on", recordWithoutID},
		{"pages that lead in a circle end", circlesEnd},
		{"no secret in any error or log", noSecretLeaks},
	}
	for _, f := range []fault{
		told("429", 429, nil, `{"message":"slow down"}`),
		told("429 with Retry-After", 429, map[string]string{"Retry-After": "7"}, "slow down"),
		told("500", 500, nil, ""),
		told("503 with Retry-After", 503, map[string]string{"Retry-After": "3"}, "<html>"),
		{"no connection", unreachable},
		{"an answer cut short", cutBody},
	} {
		laws = append(laws, law{"same records in spite of " + f.name, func(t testing.TB, s *suite) { survives(t, s, f) }})
	}
	for _, x := range []verdict{
		{told("401", 401, nil, `{"message":"no"}`), "auth.denied", false},
		{told("403", 403, nil, `{"message":"no"}`), "auth.forbidden", false},
		{told("404", 404, nil, `{"message":"no"}`), "not_found", false},
		{told("429 for ever", 429, nil, `{"message":"no"}`), "rate.limited", true},
		{told("502 for ever", 502, nil, "bad gateway"), "vendor.unavailable", true},
		{fault{"no connection for ever", unreachable}, "net.unreachable", true},
		{told("a page that is no JSON", 200, nil, "<html>welcome to the hotel</html>"), "page.not_json", false},
		{fault{"a page without end", endlessBody}, "page.too_large", false},
	} {
		laws = append(laws, law{x.fault.name + " is told as " + x.code, func(t testing.TB, s *suite) {
			tells(t, s, x)
		}})
	}
	return laws
}

// survives: where every request fails once, the same records arrive.
func survives(t testing.TB, s *suite, f fault) {
	c := &clock{s.opts.Now}
	calm, _ := s.open(t, s.vendor(), c)
	rough, _ := s.open(t, &firstTime{next: s.vendor(), fault: f, seen: map[string]bool{}}, c)
	want, got := s.mustDrain(t, calm, c), s.mustDrain(t, rough, c)
	for stream := range want {
		if diff := differ(pages(want[stream]), pages(got[stream])); diff != "" {
			t.Errorf("%s differs:\n%s", stream, diff)
		}
	}
}

// verdict is how a fault is to be told.
type verdict struct {
	fault fault
	code  string
	retry bool
}

// tells: a fault that does not go away has its own code.
func tells(t testing.TB, s *suite, v verdict) {
	conn, _ := s.open(t, roundTrip(v.fault.answer), &clock{s.opts.Now})
	errs := map[string]error{"Check": conn.Check(t.Context())}
	for _, stream := range s.streams(conn) {
		_, errs["Pull "+stream] = conn.Pull(t.Context(), stream, "")
	}
	for what, err := range errs {
		e := canon.AsError(err)
		if e == nil || e.Code != v.code || e.Retry != v.retry {
			t.Errorf("%s gave %#v, want code %s and retry %t", what, e, v.code, v.retry)
			continue
		}
		if e.Hint == "" {
			t.Errorf("%s: %v gives no hint what to do", what, e)
		}
	}
}

// endsWhenToldTo: a call whose context ends returns at once and leaves nothing running; the bubble fails
// the test where a goroutine is left.
func endsWhenToldTo(t testing.TB, s *suite) {
	hang := roundTrip(func(req *http.Request) (*http.Response, error) {
		<-req.Context().Done()
		return nil, req.Context().Err()
	})
	conn, _ := s.open(t, hang, &clock{s.opts.Now})
	for _, stream := range s.streams(conn) {
		endsAfter(t, time.Second, func(ctx context.Context) error {
			_, err := conn.Pull(ctx, stream, "")
			return err
		})
	}
}

// endsWhileItWaits: also between two attempts.
func endsWhileItWaits(t testing.TB, s *suite) {
	conn, _ := s.open(t, roundTrip(told("", 429, map[string]string{"Retry-After": "60"}, "").answer), &clock{s.opts.Now})
	endsAfter(t, time.Second, conn.Check)
}

func endsAfter(t testing.TB, d time.Duration, call func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	start := time.Now()
	err := call(ctx)
	if err == nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the call ended with %v, want the context's error", err)
	}
	if took := time.Since(start); took > d+time.Second {
		t.Errorf("the call ended %v after the context", took-d)
	}
}

// doesNotWaitForHours: a long Retry-After is the scheduler's business, not the call's.
func doesNotWaitForHours(t testing.TB, s *suite) {
	conn, _ := s.open(t, roundTrip(told("", 429, map[string]string{"Retry-After": "7200"}, "").answer), &clock{s.opts.Now})
	start := time.Now()
	e := canon.AsError(conn.Check(t.Context()))
	if e == nil || e.Code != "rate.limited" || !e.Retry {
		t.Errorf("got %v, want rate.limited that may be retried", e)
	}
	if took := time.Since(start); took > 10*time.Minute {
		t.Errorf("the call waited %v", took)
	}
}

func recordWithoutID(t testing.TB, s *suite) {
	c := &clock{s.opts.Now}
	calm, _ := s.open(t, s.vendor(), c)
	want := s.mustDrain(t, calm, c)
	tried := false
	for stream, steps := range want {
		i := slices.IndexFunc(steps[0].page.Records, func(r canon.Record) bool { return !r.Deleted })
		if i < 0 {
			continue
		}
		w := &withoutID{next: s.vendor(), id: steps[0].page.Records[i].ID}
		conn, _ := s.open(t, w, c)
		page, err := conn.Pull(t.Context(), stream, "")
		if err != nil {
			t.Fatalf("%s: %v", stream, err)
		}
		if !w.taken {
			continue
		}
		tried = true
		if len(page.Rejects) != 1 || page.Rejects[0].Code != "record.no_id" || page.Rejects[0].Reason == "" {
			t.Errorf("%s: rejects are %+v, want one record.no_id", stream, page.Rejects)
		}
		var left []string
		for _, r := range want[stream][0].page.Records {
			if r.ID != w.id {
				left = append(left, r.ID)
			}
		}
		if diff := cmp.Diff(left, idsOf(page.Records)); diff != "" {
			t.Errorf("%s: the page's other records differ:\n%s", stream, diff)
		}
	}
	if !tried {
		t.Error("no stream's first page holds two records, so the law was not tried")
	}
}

func idsOf(records []canon.Record) []string {
	var ids []string
	for _, r := range records {
		ids = append(ids, r.ID)
	}
	return ids
}

// circlesEnd: a vendor whose paging does not move ends in page.loop, not in a round without end.
func circlesEnd(t testing.TB, s *suite) {
	c := &clock{s.opts.Now}
	looped := 0
	conn, _ := s.open(t, s.vendor(), c)
	for _, stream := range s.streams(conn) {
		conn, _ := s.open(t, &stuck{next: s.vendor(), first: map[string][]byte{}}, c)
		_, err := drain(t.Context(), conn, stream, c)
		switch code := canon.CodeOf(err); code {
		case "page.loop":
			looped++
		case "":
		default:
			t.Errorf("%s: a vendor whose pages repeat gave %q (%v), want page.loop", stream, code, err)
		}
	}
	if looped == 0 {
		t.Error("no stream has a second page, so the law was not tried")
	}
}

// noSecretLeaks: whatever the vendor or the network throws back, credentials stay out of errors and logs.
func noSecretLeaks(t testing.TB, s *suite) {
	var secrets []string
	for _, d := range s.def.Settings {
		if v := s.opts.Settings[d.Name]; d.Secret && v != "" {
			secrets = append(secrets, v)
		}
	}
	echo := strings.Join(secrets, " and ")
	body := fmt.Sprintf(`{"message":"bad key %[1]s","error":{"message":"bad key %[1]s"},"description":"bad key %[1]s"}`, echo)
	faults := []fault{
		told("no JSON", 200, nil, "your key is "+echo),
		{"network", func(req *http.Request) (*http.Response, error) {
			return nil, fmt.Errorf("proxy refused %s with %s", req.URL, strings.Join(req.Header["Authorization"], echo)+echo)
		}},
	}
	for _, code := range []int{302, 400, 401, 403, 404, 409, 422, 429, 500} {
		faults = append(faults, told(fmt.Sprint(code), code, map[string]string{"Location": "https://example.com/?k=" + echo}, body))
	}
	for _, f := range faults {
		conn, log := s.open(t, roundTrip(f.answer), &clock{s.opts.Now})
		told := texts(conn.Check(t.Context()))
		for _, stream := range s.streams(conn) {
			_, err := conn.Pull(t.Context(), stream, "")
			told = append(told, texts(err)...)
		}
		if p, ok := conn.(connectors.Pusher); ok && s.opts.Push != nil {
			_, err := p.Push(t.Context(), s.opts.Push.Stream, s.opts.Push.Good)
			told = append(told, texts(err)...)
		}
		told = append(told, log.String())
		for _, secret := range secrets {
			if i := slices.IndexFunc(told, func(text string) bool { return strings.Contains(text, secret) }); i >= 0 {
				t.Errorf("%s: a secret is told: %s", f.name, strings.ReplaceAll(told[i], secret, "<SECRET>"))
			}
		}
	}
}

// texts is everything that an error may show, its causes included.
func texts(err error) []string {
	var out []string
	for ; err != nil; err = errors.Unwrap(err) {
		out = append(out, err.Error(), fmt.Sprintf("%+v", err))
		var e *canon.Error
		if errors.As(err, &e) {
			out = append(out, e.Message, e.Hint)
		}
	}
	return out
}
