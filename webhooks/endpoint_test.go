package webhooks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

func TestValidate(t *testing.T) {
	full := endpoint("crm-sync")
	full.Types, full.Backfill, full.Rate = []string{"stage.changed", "invoice.*", "*"}, BackfillCurrent, 0.5
	full.Headers, full.Schedule = map[string]string{"Authorization": "Bearer x"}, []time.Duration{time.Second}
	if err := full.Validate(); err != nil {
		t.Fatalf("a good endpoint: %v", err)
	}
	for name, spoil := range map[string]func(*Endpoint){
		"no name":           func(e *Endpoint) { e.Name = "" },
		"name with a space": func(e *Endpoint) { e.Name = "crm sync" },
		"relative url":      func(e *Endpoint) { e.URL = "/hook" },
		"no host":           func(e *Endpoint) { e.URL = "https://:443/hook" },
		"other scheme":      func(e *Endpoint) { e.URL = "ftp://example.com" },
		"user in url":       func(e *Endpoint) { e.URL = "https://me:hunter2@example.com" },
		"fragment":          func(e *Endpoint) { e.URL = "https://example.com/#a" },
		"no secret":         func(e *Endpoint) { e.Secrets = nil },
		"bad secret":        func(e *Endpoint) { e.Secrets = []string{testSecret, "whsec_hunter2"} },
		"bad type":          func(e *Endpoint) { e.Types = []string{"invoice*"} },
		"bad backfill":      func(e *Endpoint) { e.Backfill = "some" },
		"negative timeout":  func(e *Endpoint) { e.Timeout = -1 },
		"long timeout":      func(e *Endpoint) { e.Timeout = time.Hour },
		"concurrency":       func(e *Endpoint) { e.Concurrency = -1 },
		"rate":              func(e *Endpoint) { e.Rate = math.NaN() },
		"age":               func(e *Endpoint) { e.MaxAge = -1 },
		"zero wait":         func(e *Endpoint) { e.Schedule = []time.Duration{0} },
		"own header":        func(e *Endpoint) { e.Headers = map[string]string{"Webhook-Id": "x"} },
		"header injection":  func(e *Endpoint) { e.Headers = map[string]string{"X-A": "a\r\nB: hunter2"} },
	} {
		e := full
		spoil(&e)
		err := e.Validate()
		if canon.CodeOf(err) != "webhooks.endpoint" || canon.AsError(err).Hint == "" {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if strings.Contains(err.Error()+canon.AsError(err).Hint, "hunter2") {
			t.Errorf("%s: the error tells a secret: %v", name, err)
		}
		if _, err := New([]Endpoint{e}, newMemory(), Options{}); err == nil {
			t.Errorf("%s: New takes it", name)
		}
	}
	if _, err := New([]Endpoint{full, full}, newMemory(), Options{}); canon.CodeOf(err) != "webhooks.endpoint" {
		t.Errorf("two of one name: %v", err)
	}
}

func TestEndpointKeepsSecrets(t *testing.T) {
	e := endpoint("crm")
	e.URL = "https://me:pa55word@example.com/hook?token=t0ken"
	e.Headers = map[string]string{"Authorization": "Bearer b3arer"}
	b, err := json.Marshal(map[string]any{"value": e, "pointer": &e, "list": []Endpoint{e}})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "endpoint", e, "list", []Endpoint{e})
	shown := string(b) + log.String() + fmt.Sprintf("%v %+v %#v %s %v %+v", e, e, e, e, &e, []Endpoint{e})
	for _, secret := range []string{"MfKQ9r8G", "pa55word", "t0ken", "b3arer"} {
		if strings.Contains(shown, secret) {
			t.Errorf("%s is shown in %s", secret, shown)
		}
	}
	if !strings.Contains(string(b), `"timeout":"20s"`) || !strings.Contains(string(b), "example.com/hook") {
		t.Errorf("the JSON does not say how the endpoint works: %s", b)
	}
}
