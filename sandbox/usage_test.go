package sandbox_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/sandbox"
)

// reader is a server of forms, usage, e-mails or surveys, with how it is asked.
type reader struct {
	name   string
	server func(*sandbox.World) http.Handler
	sign   func(*http.Request)
	// good are requests that are answered, bad those that are refused, with the status: "METHOD target body".
	good []string
	bad  map[string]int
}

func withBearer(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

func readers() []reader {
	query := func(text string) string {
		return "POST /api/projects/" + sandbox.PostHogProject + "/query/ " + `{"query":{"kind":"HogQLQuery","query":"` + text + `","values":{"after":"","start":"2015-01-01","events":""}}}`
	}
	ids := strings.TrimSuffix(strings.Repeat(`"x",`, 101), ",")
	return []reader{
		{"typeform", (*sandbox.World).Typeform, withBearer(sandbox.TypeformToken),
			[]string{"GET /me", "GET /forms?page_size=2&page=2", "GET /forms/nPsFoRm1", "GET /forms/nPsFoRm1/responses?page_size=3", "GET /forms/cSaTfRm2/responses?since=1760000000"},
			map[string]int{"GET /forms/none": 404, "GET /forms/none/responses": 404, "GET /forms?page_size=201": 400,
				"GET /forms/nPsFoRm1/responses?page_size=1001": 400, "GET /forms/nPsFoRm1/responses?before=none": 400, "GET /elsewhere": 404}},
		{"posthog", (*sandbox.World).PostHog, withBearer(sandbox.PostHogKey),
			[]string{query("SELECT 1"), query("SELECT x FROM persons WHERE id > {after}"), query("SELECT x FROM events WHERE place > {after}"),
				"GET /api/projects/" + sandbox.PostHogProject + "/groups/?group_type_index=0"},
			map[string]int{query("SELECT x FROM nothing"): 400, query("SELECT x FROM events WHERE y > {missing}"): 400, "POST /api/projects/1/query/ {}": 403,
				"GET /api/projects/" + sandbox.PostHogProject + "/groups/": 400, "GET /elsewhere": 404}},
		{"customerio", (*sandbox.World).CustomerIO, withBearer(sandbox.CustomerIOKey),
			[]string{"GET /v1/messages?type=email&limit=5", `POST /v1/customers?limit=5 {"filter":{"and":[{"attribute":{"field":"email","operator":"exists"}}]}}`,
				`POST /v1/customers/attributes?id_type=cio_id {"ids":["nobody"]}`},
			map[string]int{"GET /v1/messages?limit=1001": 400, "GET /v1/messages/none": 404, "POST /v1/customers {}": 400,
				"POST /v1/customers/attributes?id_type=cio_id {\"ids\":[" + ids + "]}": 400, "GET /elsewhere": 404}},
		{"delighted", (*sandbox.World).Delighted, func(r *http.Request) { r.SetBasicAuth(sandbox.DelightedKey, "") },
			[]string{"GET /v1/people.json?per_page=5", "GET /v1/survey_responses.json?per_page=5&page=2&expand[]=person"},
			map[string]int{"GET /v1/people.json?per_page=101": 406, "GET /v1/survey_responses.json?page=0": 406, "GET /elsewhere": 404}},
	}
}

// ask makes one request, signed or not.
func (c reader) ask(t *testing.T, server http.Handler, line string, signed bool) (int, string) {
	t.Helper()
	parts := strings.SplitN(line, " ", 3)
	body := ""
	if len(parts) == 3 {
		body = parts[2]
	}
	r := httptest.NewRequestWithContext(t.Context(), parts[0], parts[1], strings.NewReader(body))
	if signed {
		c.sign(r)
	}
	rec := httptest.NewRecorder()
	server.ServeHTTP(rec, r)
	return rec.Code, rec.Body.String()
}

// TestReaders: these servers answer what they know, the same for equal worlds, and refuse strangers and what
// their vendors refuse.
func TestReaders(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	world := func() *sandbox.World {
		return sandbox.NewWorld(sandbox.Options{Seed: 5, Companies: 20, Now: now})
	}
	for _, c := range readers() {
		t.Run(c.name, func(t *testing.T) {
			one, two := world(), world()
			servers := [2]http.Handler{c.server(one), c.server(two)}
			for step := range 8 {
				for _, line := range c.good {
					status, body := c.ask(t, servers[0], line, true)
					_, again := c.ask(t, servers[1], line, true)
					if diff := cmp.Diff(body, again); status != http.StatusOK || diff != "" {
						t.Fatalf("step %d: %s: %d\n%s", step, line, status, diff)
					}
				}
				one.Step(now.Add(time.Duration(step) * time.Hour))
				two.Step(now.Add(time.Duration(step) * time.Hour))
			}
			for line, want := range c.bad {
				if status, body := c.ask(t, servers[0], line, true); status != want {
					t.Errorf("%.80s: %d %s, want %d", line, status, body, want)
				}
			}
			for _, line := range c.good {
				if status, _ := c.ask(t, servers[0], line, false); status != http.StatusUnauthorized {
					t.Errorf("%.80s without credentials: %d", line, status)
				}
			}
		})
	}
}
