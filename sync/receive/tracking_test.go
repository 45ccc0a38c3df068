package receive_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/tracking"
	"github.com/lifecyclehub/hub/sync/receive"
)

func zipped(t *testing.T, body string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, body); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestTrackingAPI points requests as the public libraries make them at a hub over HTTP, and looks at what is
// committed of them.
func TestTrackingAPI(t *testing.T) {
	conn, err := tracking.Definition().Open(t.Context(), connectors.Settings{"write_key": "wk"}, connectors.Env{Connection: "product"})
	if err != nil {
		t.Fatal(err)
	}
	door := doorOf(t, "write_key", "wk")
	door.Origins = []string{"https://app.example.com"}
	h := openHub(t, t.TempDir(), receive.Source{Connection: "product", Connector: "tracking", Conn: conn, Streams: []string{"groups", "users", "members", "events"}, Door: door})
	defer h.close()
	defer h.run(true)()
	srv := httptest.NewServer(h.desk)
	defer srv.Close()
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("wk:"))
	node := `{"batch":[{"type":"track","event":"Report Exported","properties":{"format":"pdf"},"userId":"u1","context":{"library":{"name":"@segment/analytics-node","version":"2.1.3"}},"timestamp":"2026-03-01T11:59:58.123Z","messageId":"node-1","integrations":{},"_metadata":{"nodeVersion":"22.3.0"}}],"writeKey":"wk","sentAt":"2026-03-01T12:00:00.000Z"}`
	golang := `{"batch":[{"type":"identify","messageId":"go-1","userId":"u1","timestamp":1772362800000,"traits":{"email":"a@b.example"}},{"type":"group","messageId":"go-2","userId":"u1","groupId":"g1","traits":{"name":"Initech"}}],"messageId":"b1","sentAt":1772366400000,"context":{"library":{"name":"analytics-go","version":"3.4.0"}}}`
	browser := `{"timestamp":"2026-03-01T11:59:59.900Z","integrations":{},"anonymousId":"a1","type":"page","properties":{"path":"/"},"name":"Home","context":{},"messageId":"ajs-1","writeKey":"wk","sentAt":"2026-03-01T11:59:59.950Z"}`
	for _, c := range []struct {
		what, path, body string
		headers          []string
		status           int
		answer           string
	}{
		{"analytics-node 2", "/v1/batch", node, []string{"Content-Type", "application/json", "User-Agent", "analytics-node-next/latest"}, 200, `{"success":true}`},
		{"analytics-node, again", "/v1/batch", node, []string{"Content-Type", "application/json", "Authorization", basic}, 200, `{"success":true}`},
		{"analytics-go", "/v1/batch", golang, []string{"Content-Type", "application/json", "Authorization", basic, "User-Agent", "analytics-go (version: 3.4.0)"}, 200, `{"success":true}`},
		{"analytics-python, gzip", "/v1/batch", zipped(t, strings.ReplaceAll(node, "node-1", "py-1")), []string{"Content-Encoding", "gzip", "Content-Type", "application/json", "Authorization", basic}, 200, `{"success":true}`},
		{"analytics.js 2", "/v1/p", browser, []string{"Content-Type", "text/plain", "Origin", "https://app.example.com"}, 200, `{"success":true}`},
		{"another key", "/v1/batch", node, []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("other:"))}, 401, "hook.signature"},
		{"no key", "/v1/track", `{"event":"x","userId":"u"}`, nil, 401, "hook.unsigned"},
		{"no JSON", "/v1/track", `event=x`, []string{"Authorization", basic}, 400, "track.not_json"},
		{"no event", "/v1/track", `{"userId":"u"}`, []string{"Authorization", basic}, 400, "the track has no event"},
		{"no call", "/v1/trak", `{}`, []string{"Authorization", basic}, 400, "track.path"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/hooks/product"+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(c.headers); i += 2 {
			req.Header.Set(c.headers[i], c.headers[i+1])
		}
		resp, err := srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != c.status || !strings.Contains(string(answer), c.answer) {
			t.Errorf("%s: answered %d %s (%v), want %d %s", c.what, resp.StatusCode, answer, err, c.status, c.answer)
		}
		if want := req.Header.Get("Origin"); resp.Header.Get("Access-Control-Allow-Origin") != want {
			t.Errorf("%s: headers %v", c.what, resp.Header)
		}
	}
	h.settled()
	h.mu.Lock()
	defer h.mu.Unlock()
	diff(t, "records", []string{"ajs-1", "g1", "node-1", "py-1", "u1"}, slices.Sorted(maps.Keys(h.records)))
	for id, r := range h.records {
		if strings.Contains(string(r.Raw), "wk") {
			t.Errorf("%s holds the write key: %s", id, r.Raw)
		}
	}
}
