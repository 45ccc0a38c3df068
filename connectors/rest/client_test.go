package rest_test

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/rest"
)

const clientSpec = `
base_url: ${setting.base_url}
headers: {X-Version: "7"}
auth:
  - {kind: header, when: key, name: X-Key, token: "${setting.key}"}
  - {kind: query, when: query_key, name: k, token: "${setting.query_key}"}
  - {kind: basic, when: password, user: "${setting.user}/token", password: "${setting.password}"}
budgets:
  default: {rate: "${setting.rate}", per: 1s, burst: 2}
  slow: {rate: "6", per: 1m}
errors:
  - {status: [400], path: code, equals: BUSY, action: retry, code: vendor.busy, message: It is busy, hint: Wait.}
  - {status: [400], path: code, contains: LATER, action: later, code: vendor.later}
  - {status: [200], path: failed, equals: "true", action: fail, code: vendor.failed, message: It failed, hint: Look.}
  - {status: [410], action: ignore}
  - {status: [403], path: code, equals: QUOTA, action: rate_limited}
  - {status: [422], path: code, equals: TOKEN, action: restart}
check: {path: /check}
streams:
  - name: things
    title: Things
    id: id
    full:
      request: {path: /things, query: {at: "${token}"}, first: {since: "${since|unix:-0}"}, budget: slow}
      records: items
      paging: {kind: cursor, token: next, end: done}
    changes: {mode: continue, settle: 1m, overlap: 1m}
`

func settings(more ...string) connectors.Settings {
	s := connectors.Settings{"base_url": "https://acme.example/api/", "key": "the-secret-key", "rate": "10"}
	for i := 0; i < len(more); i += 2 {
		s[more[i]] = more[i+1]
	}
	return s
}

// answers replies with each text in turn, the last one for ever.
type answers struct {
	mu    sync.Mutex
	texts []string
	asked []*http.Request
	times []time.Time
}

func (a *answers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	text := a.texts[min(len(a.asked), len(a.texts)-1)]
	a.asked, a.times = append(a.asked, r), append(a.times, time.Now())
	status, body, _ := strings.Cut(text, " ")
	if status, retry, ok := strings.Cut(status, "/"); ok {
		w.Header().Set("Retry-After", strings.ReplaceAll(retry, "_", " "))
		text = status
	}
	code, err := strconv.Atoi(text[:3])
	if err != nil {
		panic(err)
	}
	w.WriteHeader(code)
	w.Write([]byte(body))
}

func TestRules(t *testing.T) {
	for _, c := range []struct {
		name  string
		texts []string
		code  string
		retry bool
		asked int
	}{
		{"retry", []string{`400 {"code":"BUSY"}`, "200 {}"}, "", false, 2},
		{"retry for ever", []string{`400 {"code":"BUSY"}`}, "vendor.busy", true, 6},
		{"later", []string{`400 {"code":"TRY_LATER"}`}, "vendor.later", true, 1},
		{"fail inside 200", []string{`200 {"failed":true}`}, "vendor.failed", false, 1},
		{"ignore", []string{"410 gone"}, "", false, 1},
		{"quota as 403", []string{`403 {"code":"QUOTA"}`, "200 {}"}, "", false, 2},
		{"plain 403", []string{`403 {"code":"NO"}`}, "auth.forbidden", false, 1},
		{"plain 400", []string{`400 {"message":"bad the-secret-key"}`}, "request.refused", false, 1},
		{"redirect", []string{"302 {}"}, "request.redirected", false, 1},
		{"empty answer", []string{"204 "}, "", false, 1},
		{"Retry-After", []string{"429/30 {}", "503/2 {}", "200 {}"}, "", false, 3},
		{"too long Retry-After", []string{"429/121 {}"}, "rate.limited", true, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &answers{texts: c.texts}
				v := open(t, clientSpec, a, settings())
				err := v.Check(t.Context())
				if e := canon.AsError(err); canon.CodeOf(err) != c.code || (e != nil && e.Retry != c.retry) || len(a.asked) != c.asked {
					t.Errorf("got %#v after %d requests, want %q after %d", e, len(a.asked), c.code, c.asked)
				}
			})
		})
	}
}

// TestRetryAfterWins: what the vendor says is waited, to the second, by everybody who shares the budget.
func TestRetryAfterWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{texts: []string{"429/30 {}", "200 {}"}}
		v := open(t, clientSpec, a, settings())
		if err := v.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := a.times[1].Sub(a.times[0]); took < 30*time.Second || took > 31*time.Second {
			t.Errorf("the second attempt came after %v", took)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		until := time.Now().Add(40 * time.Second).UTC()
		a := &answers{texts: []string{"429/" + strings.ReplaceAll(until.Format(http.TimeFormat), " ", "_") + " {}", "200 {}"}}
		v := open(t, clientSpec, a, settings())
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if err := v.Check(t.Context()); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		wg.Wait()
		if len(a.times) < 4 || a.times[len(a.times)-1].Before(until) {
			t.Errorf("requests were made at %v, want the last at %v or later", a.times, until)
		}
	})
}

func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{texts: []string{`200 {"items":[],"done":true}`}}
		v := open(t, clientSpec, a, settings())
		began, cursor := time.Now(), canon.Cursor("")
		for range 4 {
			p, err := v.Pull(t.Context(), "things", cursor)
			if err != nil {
				t.Fatal(err)
			}
			cursor = p.Next
		}
		if took := time.Since(began); took != 30*time.Second {
			t.Errorf("4 requests at 6 a minute took %v, want 30s", took)
		}
		// Another budget is not held up by it.
		began = time.Now()
		for range 12 {
			if err := v.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("12 requests at 10 a second with a burst of 2 took %v, want 1s", took)
		}
		// Whoever waits for a budget ends with the context.
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := v.Pull(ctx, "things", cursor)
		if err == nil {
			_, err = v.Pull(ctx, "things", cursor)
		}
		if canon.CodeOf(err) != "interrupted" {
			t.Errorf("waiting past the context gave %v", err)
		}
	})
}

// TestRateGivesWay: after a refusal the rate is half, and grows back to what is configured.
func TestRateGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{texts: []string{"429/1 {}", "200 {}"}}
		v := open(t, clientSpec, a, settings())
		gaps := func(n int) time.Duration {
			began := time.Now()
			for range n {
				if err := v.Check(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			return time.Since(began) / time.Duration(n)
		}
		gaps(5)
		if gap := gaps(5); gap < 150*time.Millisecond || gap > 200*time.Millisecond {
			t.Errorf("after a refusal requests are %v apart, want nearly 200ms", gap)
		}
		gaps(100)
		if gap := gaps(5).Round(time.Millisecond); gap != 100*time.Millisecond {
			t.Errorf("after a long while requests are %v apart, want 100ms", gap)
		}
	})
}

func TestSettings(t *testing.T) {
	spec, err := rest.Parse("acme", []byte(clientSpec))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		settings connectors.Settings
		code     string
	}{
		{settings("base_url", "ftp://x"), "settings.base_url"},
		{settings("base_url", "acme.example"), "settings.base_url"},
		{settings("base_url", "https://me:pw@acme.example"), "settings.base_url"},
		{settings("rate", "many"), "settings.rate"},
		{settings("rate", "0"), "settings.rate"},
		{settings("key", ""), "settings.auth"},
	} {
		_, err := rest.Open(spec, c.settings, connectors.Env{})
		if canon.CodeOf(err) != c.code {
			t.Errorf("%v gave %v, want %s", c.settings, err, c.code)
		}
	}
}

func TestAuthentication(t *testing.T) {
	for _, c := range []struct {
		settings connectors.Settings
		holds    func(*http.Request) bool
	}{
		{settings(), func(r *http.Request) bool { return r.Header.Get("X-Key") == "the-secret-key" }},
		{settings("key", "", "query_key", "q&q"), func(r *http.Request) bool { return r.URL.Query().Get("k") == "q&q" }},
		{settings("key", "", "user", "me", "password", "pw-pw"), func(r *http.Request) bool {
			u, p, ok := r.BasicAuth()
			return ok && u == "me/token" && p == "pw-pw"
		}},
	} {
		a := &answers{texts: []string{"200 {}"}}
		if err := open(t, clientSpec, a, c.settings).Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		r := a.asked[0]
		if !c.holds(r) || r.URL.Path != "/api/check" || r.Header.Get("X-Version") != "7" {
			t.Errorf("%v made %s %v", c.settings, r.URL, r.Header)
		}
	}
}

// TestQuerySecret: a credential in the URL stays out of the error that names the URL.
func TestQuerySecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec, err := rest.Parse("acme", []byte(clientSpec))
		if err != nil {
			t.Fatal(err)
		}
		broken := roundTrip(func(r *http.Request) (*http.Response, error) {
			return nil, &url.Error{Op: "Get", URL: r.URL.String(), Err: context.DeadlineExceeded}
		})
		conn, err := rest.Open(spec, settings("key", "", "query_key", "hush-hush"), connectors.Env{Transport: broken})
		if err != nil {
			t.Fatal(err)
		}
		err = conn.Check(t.Context())
		if e := canon.AsError(err); e.Code != "net.unreachable" || strings.Contains(e.Message, "hush") {
			t.Errorf("got %v", err)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestContinue: a stream that goes on from its last token does so in the next round, and starts at the
// watermark where the vendor no longer knows the token.
func TestContinue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{texts: []string{
			`200 {"items":[{"id":1}],"next":"n1","done":false}`,
			`200 {"items":[{"id":2}],"next":"n2","done":true}`,
			`200 {"items":[],"next":null,"done":true}`,
			`422 {"code":"TOKEN"}`,
			`200 {"items":[{"id":3}],"next":"n3","done":true}`,
		}}
		v := open(t, clientSpec, a, settings())
		_, cursor := v.round(t, "")
		v.now = start.Add(time.Hour)
		_, cursor = v.round(t, cursor)
		v.now = start.Add(2 * time.Hour)
		records, _ := v.round(t, cursor)
		if len(records) != 1 || records[0].ID != "3" {
			t.Errorf("the last round gave %v", records)
		}
		want := []string{"since=0", "at=n1", "at=n2", "at=n2", "since=" + strconv.FormatInt(start.Add(58*time.Minute).Unix(), 10)}
		for i, r := range a.asked {
			if r.URL.RawQuery != want[i] {
				t.Errorf("request %d asked %s, want %s", i, r.URL.RawQuery, want[i])
			}
		}
	})
}
