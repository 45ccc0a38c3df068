package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/lifecyclehub/hub/bus"
	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/config"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/tracking"
	"github.com/lifecyclehub/hub/connectors/webhook"
	"github.com/lifecyclehub/hub/webhooks"
)

// hooked is a connection of hub.yaml with a connector that takes calls.
func hooked(t *testing.T, name string, def connectors.Definition, settings map[string]string) *vendor {
	t.Helper()
	v := &vendor{cfg: config.Connection{Name: name, Connector: def.Name, Settings: map[string]config.Secret{}}, def: def}
	s := connectors.Settings{}
	for _, f := range def.Settings {
		s[f.Name] = f.Default
	}
	for k, val := range settings {
		s[k] = val
		v.cfg.Settings[k] = config.Secret(val)
	}
	conn, err := def.Open(t.Context(), s, connectors.Env{Connection: name})
	if err != nil {
		t.Fatal(err)
	}
	v.conn, v.settings = conn, s
	for _, st := range conn.Streams() {
		v.streams = append(v.streams, st.Name)
	}
	return v
}

func TestVendorsCallWhereTheyMay(t *testing.T) {
	b, err := bus.Open(t.Context(), bus.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	silent := webhook.Definition()
	silent.Hook = nil
	a := &app{cfg: &config.Config{}, bus: b, log: slog.New(slog.DiscardHandler), vendors: []*vendor{
		hooked(t, "product", tracking.Definition(), map[string]string{"write_key": "old new", "allowed_origins": "https://a.example https://b.example"}),
		hooked(t, "forms", webhook.Definition(), map[string]string{"secret": "s3cret", "hook_path": "0paque"}),
		hooked(t, "silent", silent, map[string]string{"secret": "x"}),
	}}
	desk, err := a.openHooks(t.Context(), "https://hub.example/")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(desk.Connections(), " "); got != "forms product" {
		t.Errorf("calls are taken by %s", got)
	}
	h := withHooks(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }), desk)
	for _, c := range []struct {
		path, key, body string
		status          int
		answer          string
	}{
		{"/hooks/product/v1/track", "", `{"writeKey":"new","userId":"u","event":"e"}`, 200, `{"success":true}`},
		{"/hooks/product/v1/track", "", `{"writeKey":"newer","userId":"u","event":"e"}`, 401, "hook.signature"},
		{"/hooks/product/v1/track", "", `{"writeKey":"old"}`, 400, "track.no_id"},
		{"/hooks/forms/0paque", "s3cret", `{"id":1}`, 200, `{}`},
		{"/hooks/forms/0paque", "", `{"id":1}`, 401, "hook.unsigned"},
		{"/hooks/forms", "s3cret", `{"id":1}`, 404, "hook.unknown"},
		{"/hooks/silent", "x", `{"id":1}`, 404, "hook.unknown"},
		{"/api/v1/customers", "", ``, 418, ""},
	} {
		r := httptest.NewRequest(http.MethodPost, c.path, strings.NewReader(c.body))
		if c.key != "" {
			r.Header.Set("X-Hub-Secret", c.key)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.answer) {
			t.Errorf("%s %s: answered %d %s, want %d %s", c.path, c.body, w.Code, w.Body, c.status, c.answer)
		}
	}
}

func TestNobodyCallsWhereNothingIsSet(t *testing.T) {
	a := &app{cfg: &config.Config{}, log: slog.New(slog.DiscardHandler)}
	if desk, err := a.openHooks(t.Context(), ""); desk != nil || err != nil {
		t.Errorf("got %v, %v", desk, err)
	}
	if h := withHooks(http.NotFoundHandler(), nil); h == nil {
		t.Error("the API is gone")
	}
	v := hooked(t, "forms", webhook.Definition(), map[string]string{"secret": "s", "scheme": "semaphore"})
	if _, err := doorOf(v, connectors.Settings{"scheme": "semaphore", "secret": "s"}, ""); canon.CodeOf(err) != "hook.scheme" {
		t.Errorf("an unknown scheme: %v", err)
	}
	def := webhook.Definition()
	def.Hook = &connectors.Hook{Scheme: "salesforce_outbound"}
	v.def = def
	if door, err := doorOf(v, connectors.Settings{}, ""); door.Guard != nil || err != nil {
		t.Errorf("Salesforce without an organisation: %v, %v", door, err)
	}
	if door, err := doorOf(v, connectors.Settings{"organization_id": "00D"}, ""); door.Guard == nil || err != nil {
		t.Errorf("Salesforce with an organisation: %v, %v", door, err)
	}
}

// TestSchemesAreDocumented holds the page that tells how calls are verified against the schemes that there are.
func TestSchemesAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/how-to/let-vendors-call.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range webhooks.Schemes() {
		if !strings.Contains(string(page), "`"+s.Name+"`") {
			t.Errorf("the page does not tell of %s", s.Name)
		}
	}
}
