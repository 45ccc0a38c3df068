package tracking_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/lifecyclehub/hub/connectors/vendordoc"
	"github.com/lifecyclehub/hub/webhooks"
)

// TestSegmentsDocument: what Segment's API takes is taken here, and answered as its document says. The document is
// a third party's.
func TestSegmentsDocument(t *testing.T) {
	docs := vendordoc.Load(t, nil, "segment/http-tracking-api-evangelist.yml")
	scheme, ok := webhooks.FindScheme("write_key")
	if !ok {
		t.Fatal("there is no scheme write_key")
	}
	post := func(path, body string) *http.Request {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://hub.example"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		return r
	}
	for path, body := range map[string]string{
		"/v1/identify": `{"userId":"7","traits":{"email":"ann@initech.example"},"timestamp":"2026-03-01T10:00:00Z"}`,
		"/v1/track":    `{"userId":"7","event":"Report Exported","properties":{"format":"pdf"},"messageId":"m1"}`,
		"/v1/page":     `{"anonymousId":"a1","name":"Home","properties":{"path":"/"}}`,
		"/v1/screen":   `{"userId":"7","name":"Settings"}`,
		"/v1/group":    `{"userId":"7","groupId":"g1","traits":{"name":"Initech"}}`,
		"/v1/alias":    `{"previousId":"a1","userId":"7"}`,
		"/v1/batch":    `{"batch":[{"type":"track","userId":"7","event":"Report Exported","messageId":"m2"}]}`,
	} {
		if err := docs.Request(post(path, body)); err != nil {
			t.Errorf("the document refuses the call: %v", err)
		}
		if got, err := receive(t, path, body); err != nil || len(got.Records) == 0 {
			t.Errorf("%s: %v, %d records", path, err, len(got.Records))
		}
		header := http.Header{"Content-Type": {scheme.Accepted.ContentType}}
		if err := docs.Response(post(path, body), scheme.Accepted.Status, header, []byte(scheme.Accepted.Body)); err != nil {
			t.Errorf("the document refuses the answer: %v", err)
		}
	}
	for path, body := range map[string]string{"/v1/track": `{"userId":"7"}`, "/v1/tracks": `{}`} {
		if docs.Request(post(path, body)) == nil {
			t.Errorf("%s %s is wrong, and the document allows it", path, body)
		}
	}
}
