package zendesk_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/zendesk"
)

// TestCredentials: an OAuth token wins over an API token, and without either nothing is sent.
func TestCredentials(t *testing.T) {
	for _, c := range []struct{ token, apiToken, want string }{
		{"oauth-token", "", "Bearer oauth-token"},
		{"oauth-token", "api-token", "Bearer oauth-token"},
		{"", "api-token", "Basic YWRtaW5AYWNtZS5leGFtcGxlL3Rva2VuOmFwaS10b2tlbg=="},
		{"", "", ""},
	} {
		var got string
		vendor := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got = r.Header.Get("Authorization")
			w.Write([]byte("{}"))
		})
		conn, err := zendesk.Definition().Open(t.Context(), connectors.Settings{
			"base_url": "https://acme.zendesk.com", "email": "admin@acme.example", "token": c.token, "api_token": c.apiToken,
		}, connectors.Env{Connection: "desk", Transport: connectortest.Transport(vendor)})
		if c.want == "" {
			if canon.CodeOf(err) != "settings.auth" {
				t.Errorf("without a credential Open gave %v, want settings.auth", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Check(t.Context()); err != nil || got != c.want {
			t.Errorf("%+v sent %q, %v", c, got, err)
		}
	}
}

func TestMissingAddress(t *testing.T) {
	_, err := zendesk.Definition().Open(t.Context(), connectors.Settings{"token": "x"}, connectors.Env{Connection: "desk"})
	if e := canon.AsError(err); e == nil || e.Code != "settings.missing" || !strings.Contains(e.Message, "base_url") || e.Hint == "" {
		t.Errorf("got %v, want settings.missing", err)
	}
}
