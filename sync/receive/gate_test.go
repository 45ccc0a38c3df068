package receive_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/sync/receive"
)

func TestCallsAreVerifiedKeptAndAnswered(t *testing.T) {
	w := newWorld()
	quiet := source("xero", newVendor())
	quiet.Door.Body, quiet.Door.ContentType = "", ""
	hidden := source("hidden", newVendor())
	hidden.Door.Secret = "0paque"
	d := desk(t, w, source("crm", newVendor()), quiet, hidden)
	for what, c := range map[string]struct {
		path, body string
		headers    []string
		status     int
		answer     string
		kept       bool
	}{
		"a good call":            {"/hooks/crm", `{}`, nil, 200, `{}`, true},
		"a longer address":       {"/hooks/crm/a%20b/c?x=1", `{}`, nil, 200, `{}`, true},
		"no signature":           {"/hooks/crm", `{}`, []string{"X-Sign", ""}, 401, `{"code":"hook.unsigned","message":"the call has no X-Sign","success":false}`, false},
		"a forged one":           {"/hooks/crm", `{}`, []string{"X-Sign", "https://proxy.internal/hooks/crm"}, 401, `{"code":"hook.signature","message":"the signature does not match","success":false}`, false},
		"a secret of ours lacks": {"/hooks/crm", `{}`, []string{"X-Sign", "misconfigured"}, 503, `{"code":"hook.secret","message":"the call cannot be taken now; try again later","success":false}`, false},
		"a ping":                 {"/hooks/crm", `ping`, nil, 200, `{}`, false},
		"an unknown connection":  {"/hooks/nobody", `{}`, nil, 404, `{"code":"hook.unknown","message":"nobody takes calls at this address","success":false}`, false},
		"no connection":          {"/hooks/", `{}`, nil, 404, `{"code":"hook.unknown","message":"nobody takes calls at this address","success":false}`, false},
		"a wrong secret path":    {"/hooks/hidden/guess", `{}`, nil, 404, `{"code":"hook.unknown","message":"nobody takes calls at this address","success":false}`, false},
		"no secret path":         {"/hooks/hidden", `{}`, nil, 404, `{"code":"hook.unknown","message":"nobody takes calls at this address","success":false}`, false},
		"the secret path":        {"/hooks/hidden/0paque/x", `{}`, nil, 200, `{}`, true},
		"a body too long":        {"/hooks/crm", strings.Repeat("x", 1<<20+1), nil, 413, `{"code":"hook.too_large","message":"the body is longer than 1048576 bytes","success":false}`, false},
		"Xero, kept":             {"/hooks/xero", `{}`, nil, 200, ``, true},
		"Xero, forged":           {"/hooks/xero", `{}`, []string{"X-Sign", "x"}, 401, ``, false},
	} {
		before := len(w.left())
		got := post(d, c.path, c.body, c.headers...)
		if got.Code != c.status || got.Body.String() != c.answer {
			t.Errorf("%s: answered %d %s, want %d %s", what, got.Code, got.Body, c.status, c.answer)
		}
		if kept := len(w.left()) > before; kept != c.kept {
			t.Errorf("%s: kept %t", what, kept)
		}
		if len(got.Result().Cookies()) > 0 || c.answer == "" && got.Header().Get("Content-Type") != "" {
			t.Errorf("%s: headers %v", what, got.Header())
		}
	}
	for _, data := range w.kept {
		if bytes.Contains(data, []byte("X-Sign")) || bytes.Contains(data, []byte("0paque")) {
			t.Errorf("a credential was kept: %s", data)
		}
	}
	for method, want := range map[string]int{"GET": 405, "HEAD": 200, "OPTIONS": 200} {
		for _, path := range []string{"/hooks/crm", "/hooks/nobody"} {
			rec := httptest.NewRecorder()
			d.ServeHTTP(rec, httptest.NewRequest(method, path, nil))
			if rec.Code != want {
				t.Errorf("%s %s: answered %d, want %d", method, path, rec.Code, want)
			}
		}
	}
}

// broken is a queue whose disk is full.
type broken struct{ receive.Queue }

func (broken) Append(context.Context, string, string, []byte) error { return errors.New("disk full") }

func TestACallThatCannotBeKeptIsNotAccepted(t *testing.T) {
	w := newWorld()
	d := desk(t, w, source("crm", newVendor()))
	d.Queue = broken{w}
	if got := post(d, "/hooks/crm", `{}`); got.Code != 503 || strings.Contains(got.Body.String(), "disk") {
		t.Errorf("answered %d %s", got.Code, got.Body)
	}
}

func TestStrictDoorsSayWhatTheyCannotRead(t *testing.T) {
	w := newWorld()
	s := source("track", newVendor())
	s.Door.Strict, s.Door.Gunzip, s.Door.MaxBody = true, true, 1000
	d := desk(t, w, s)
	zip := func(body string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write([]byte(body)); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for what, c := range map[string]struct {
		body    string
		headers []string
		status  int
	}{
		"good":                   {`{}`, nil, 200},
		"not JSON":               {`nope`, nil, 400},
		"a fault of ours":        {`{"panic":true}`, nil, 503},
		"compressed":             {zip(`{"at":1}`), []string{"Content-Encoding", "gzip"}, 200},
		"no gzip":                {`{}`, []string{"Content-Encoding", "gzip"}, 400},
		"cut short":              {zip(`{"at":1}`)[:20], []string{"Content-Encoding", "gzip"}, 400},
		"a bomb":                 {zip(strings.Repeat(" ", 1<<20)), []string{"Content-Encoding", "gzip"}, 413},
		"compressed, not JSON":   {zip(`nope`), []string{"Content-Encoding", "gzip"}, 400},
		"longer than may be":     {strings.Repeat(" ", 1001), nil, 413},
		"just as long as may be": {`{}` + strings.Repeat(" ", 998), nil, 200},
	} {
		if got := post(d, "/hooks/track", c.body, c.headers...); got.Code != c.status || got.Code >= 400 && !strings.Contains(got.Body.String(), `"message":"`) {
			t.Errorf("%s: answered %d %s, want %d", what, got.Code, got.Body, c.status)
		}
	}
	if len(w.left()) != 3 {
		t.Errorf("%d calls were kept, want 3", len(w.left()))
	}
}

func TestBrowsersOfAllowedPagesMayCall(t *testing.T) {
	s := source("track", newVendor())
	s.Door.Origins = []string{"https://www.example.com"}
	d := desk(t, newWorld(), s, source("crm", newVendor()))
	ask := func(method, path, origin string) http.Header {
		r := httptest.NewRequest(method, path, nil)
		r.Header.Set("Origin", origin)
		rec := httptest.NewRecorder()
		d.ServeHTTP(rec, r)
		return rec.Header()
	}
	if h := ask("OPTIONS", "/hooks/track/v1/t", "https://www.example.com"); h.Get("Access-Control-Allow-Origin") != "https://www.example.com" || h.Get("Access-Control-Allow-Methods") != "POST" ||
		!strings.Contains(h.Get("Access-Control-Allow-Headers"), "Content-Type") || h.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("an allowed page: %v", h)
	}
	if h := ask("POST", "/hooks/track/v1/t", "https://www.example.com"); h.Get("Access-Control-Allow-Origin") == "" || h.Get("Vary") != "Origin" {
		t.Errorf("an allowed page's call: %v", h)
	}
	for _, c := range [][2]string{{"/hooks/track", "https://evil.example"}, {"/hooks/crm", "https://www.example.com"}, {"/hooks/nobody", "https://www.example.com"}} {
		if h := ask("OPTIONS", c[0], c[1]); h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%v: %v", c, h)
		}
	}
	s.Door.Origins = []string{"*"}
	d = desk(t, newWorld(), s)
	if h := ask("POST", "/hooks/track", "https://any.example"); h.Get("Access-Control-Allow-Origin") != "https://any.example" {
		t.Errorf("any page: %v", h)
	}
}

// deafAndDumb is a connection that takes no calls.
type deafAndDumb struct{ connectors.Conn }

func TestOnlyConnectionsThatReceiveHaveADoor(t *testing.T) {
	_, err := receive.New(receive.Options{}, []receive.Source{source("crm", deafAndDumb{newVendor()})})
	if e := canon.AsError(err); e == nil || e.Code != "hook.none" || e.Hint == "" {
		t.Errorf("got %v", err)
	}
	if _, err = receive.New(receive.Options{}, []receive.Source{source("crm", newVendor()), source("crm", newVendor())}); err == nil {
		t.Error("a connection has two doors")
	}
}

// TestTheLogIsNotFlooded: whoever finds the address can make calls that are refused.
func TestTheLogIsNotFlooded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		d := desk(t, newWorld(), source("crm", newVendor()))
		d.Log = slog.New(slog.NewTextHandler(&log, nil))
		for range 3 {
			for range 100 {
				post(d, "/hooks/crm", `{}`, "X-Sign", "")
				post(d, "/hooks/crm", `{}`, "X-Sign", "forged")
				post(d, "/hooks/nobody", `{}`)
			}
			time.Sleep(time.Minute)
		}
		if n := strings.Count(log.String(), "refused"); n != 6 || strings.Count(log.String(), "a hint for the operator") != 3 {
			t.Errorf("%d lines:\n%s", n, log.String())
		}
	})
}
