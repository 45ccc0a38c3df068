package pipedrive_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/pipedrive"
	"github.com/lifecyclehub/hub/connectors/vendordoc"
	"github.com/lifecyclehub/hub/sandbox"
)

// via is what requests pass through on their way to the server; nil for nothing.
type via func(http.RoundTripper) http.RoundTripper

func open(t *testing.T, world *sandbox.World, now *time.Time, through via) connectors.Conn {
	t.Helper()
	transport := connectortest.Transport(world.Pipedrive())
	if through != nil {
		transport = through(transport)
	}
	conn, err := pipedrive.Definition().Open(t.Context(), settings(), connectors.Env{
		Connection: "c", Transport: transport, Now: func() time.Time { return *now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestLivesAlong reads a world, lets it move on while rounds are read, and holds what the rounds taught against
// what a fresh reading finds. Persons that vanished are found by the next full list.
func TestLivesAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { livesAlong(t, nil) })
}

func livesAlong(t *testing.T, through via) {
	now := start()
	world := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 60, Now: now})
	conn := open(t, world, &now, through)
	if err := conn.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	known := map[string]*connectortest.Reading{}
	for _, st := range conn.Streams() {
		known[st.Name] = &connectortest.Reading{}
		known[st.Name].Round(t, conn, st.Name)
		if got, want := len(known[st.Name].Live()), world.Counts()["pipedrive/"+st.Name]; got != want || want == 0 {
			t.Errorf("%s: %d records, want %d", st.Name, got, want)
		}
	}
	for range 10 {
		for range 5 {
			now = now.Add(7 * time.Minute)
			world.Step(now)
		}
		for stream, r := range known {
			r.Round(t, conn, stream)
		}
	}
	now = now.Add(169 * time.Hour)
	world.Step(now)
	for range 2 { // a change may be shown some seconds late; the next round finds it
		for stream, r := range known {
			r.Round(t, conn, stream)
		}
		now = now.Add(time.Minute)
	}
	for stream, r := range known {
		fresh := &connectortest.Reading{}
		fresh.Round(t, open(t, world, &now, through), stream)
		if diff := cmp.Diff(fresh.Live(), r.Live()); diff != "" {
			t.Errorf("%s: a fresh reading (-) and the rounds (+) differ:\n%s", stream, diff)
		}
		if r.Sweeps != 2 {
			t.Errorf("%s was listed whole %d times, want 2", stream, r.Sweeps)
		}
	}
	if known["persons"].Found == 0 {
		t.Error("no person vanished, so it was not tried")
	}
	if d := known["deals"]; len(d.Records)-len(d.Live()) < 3 || d.Found > 0 {
		t.Errorf("of %d deals %d live, and the full list found %d gone: their deletion is told", len(d.Records), len(d.Live()), d.Found)
	}
}

// document is what the vendor publishes.
func document(t *testing.T) *vendordoc.Docs {
	docs := vendordoc.Load(t, nullable, "pipedrive/v1.yaml", "pipedrive/v2.yaml")
	docs.Path = func(path string) string { return strings.Replace(path, "/api/v1/", "/v1/", 1) }
	return docs
}

// nullable: the documents say of few members that they may be null, while the API answers null for whatever a
// record lacks.
func nullable(_ string, doc *openapi3.T) {
	for _, path := range doc.Paths.Map() {
		if path.Get == nil {
			continue
		}
		if r := path.Get.Responses.Value("200"); r != nil && r.Value.Content["application/json"] != nil {
			loosen(r.Value.Content["application/json"].Schema, 8)
		}
	}
}

func loosen(s *openapi3.SchemaRef, depth int) {
	if s == nil || s.Value == nil || depth == 0 {
		return
	}
	s.Value.Nullable = true
	for _, p := range s.Value.Properties {
		loosen(p, depth-1)
	}
	loosen(s.Value.Items, depth-1)
	for _, p := range s.Value.AllOf {
		loosen(p, depth-1)
	}
}

// TestDocument holds every request of the connector and every answer of the sandbox against the documents.
func TestDocument(t *testing.T) {
	docs := document(t)
	synctest.Test(t, func(t *testing.T) {
		livesAlong(t, func(next http.RoundTripper) http.RoundTripper { return docs.Transport(t, next) })
	})
	if requests, answers := docs.Checked(); requests < 60 || answers < 60 {
		t.Errorf("only %d requests and %d answers were held against the documents", requests, answers)
	}
}

// TestDocumentRefuses: the documents are not so loose that they let everything pass.
func TestDocumentRefuses(t *testing.T) {
	docs := document(t)
	for _, target := range []string{"/api/v2/deals?sort_by=changed", "/api/v2/persons?updated_after=2026-01-01T00:00:00Z", "/api/v2/contacts"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://acme.pipedrive.com"+target, nil)
		if err != nil {
			t.Fatal(err)
		}
		if docs.Request(r) == nil {
			t.Errorf("the document allows %s", target)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://acme.pipedrive.com/api/v2/deals", nil)
	if err != nil {
		t.Fatal(err)
	}
	if docs.Response(r, http.StatusOK, http.Header{"Content-Type": {"application/json"}}, []byte(`{"success":true,"data":[{"id":"seven"}]}`)) == nil {
		t.Error("the document allows an id that is a text")
	}
}
