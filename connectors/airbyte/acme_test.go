package airbyte_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/airbyte"
	"github.com/lifecyclehub/hub/connectors/connectortest"
)

var now = time.Date(2024, 3, 10, 12, 0, 0, 0, time.UTC)

// acme is a small vendor.
type acme struct{ asked []string }

func (a *acme) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.asked = append(a.asked, r.Method+" "+r.URL.String())
	w.Header().Set("Content-Type", "application/json")
	if r.Header.Get("Authorization") != "Bearer acme-secret-token" {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"message":"who are you"}`)
		return
	}
	q := r.URL.Query()
	path := strings.TrimPrefix(r.URL.Path, "/v1/")
	switch {
	case path == "companies":
		var all []map[string]any
		for i := range 5 {
			all = append(all, map[string]any{"number": i + 1, "name": fmt.Sprintf("Company %d", i+1)})
		}
		page, _ := strconv.Atoi(q.Get("page"))
		page = max(page, 1)
		from := min((page-1)*2, len(all))
		answer(w, map[string]any{"companies": all[from:min(from+2, len(all))]})
	case path == "contacts":
		var all []map[string]any
		for i := range 9 {
			at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, 8*i).Format(time.RFC3339)
			if at >= q.Get("since") && at <= q.Get("until") {
				all = append(all, map[string]any{"id": "c" + strconv.Itoa(i), "first": "Ada", "last": "L" + strconv.Itoa(i), "updated_at": at})
			}
		}
		paged(w, "contacts", all, q.Get("after"))
	case strings.HasSuffix(path, "/notes"):
		company := strings.Split(path, "/")[1]
		var all []map[string]any
		for i := range 3 {
			if company == "4" {
				break
			}
			all = append(all, map[string]any{"id": company + "-" + strconv.Itoa(i), "at": now.Unix() - int64(1000*(i+1)), "text": "hello"})
		}
		paged(w, "notes", all, q.Get("after"))
	default:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"message":"no such thing"}`)
	}
}

func paged(w http.ResponseWriter, name string, all []map[string]any, after string) {
	from, _ := strconv.Atoi(after)
	from = min(from, len(all))
	to := min(from+2, len(all))
	body := map[string]any{name: all[from:to]}
	if to < len(all) {
		body["next"] = map[string]any{"after": strconv.Itoa(to)}
	}
	answer(w, body)
}

func answer(w http.ResponseWriter, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	_, _ = w.Write(b)
}

func parse(t testing.TB, src string) *airbyte.Manifest {
	t.Helper()
	m, err := airbyte.Parse("acme", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const acmeMapping = `
streams:
  companies: {rules: [{kind: company}]}
  contacts: {rules: [{kind: contact}]}
  notes: {rules: [{kind: activity}]}
`

func define(t testing.TB) connectors.Definition {
	t.Helper()
	src, err := os.ReadFile("testdata/acme.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return airbyte.Define("acme", parse(t, string(src)), []byte(acmeMapping))
}

func TestLaws(t *testing.T) {
	connectortest.Run(t, define(t), connectortest.Options{
		Now: now, Settings: connectors.Settings{"api_token": "acme-secret-token"},
		Handler: func() http.Handler { return &acme{} },
	})
}

// open connects to a handler.
func open(t testing.TB, def connectors.Definition, s connectors.Settings, h http.Handler) connectors.Conn {
	t.Helper()
	c, err := def.Open(t.Context(), s, connectors.Env{Connection: "test", Transport: connectortest.Transport(h), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// pull reads a round of a stream from a cursor, each page by a connection of its own, as after a kill.
func pull(t testing.TB, def connectors.Definition, s connectors.Settings, h http.Handler, stream string, from canon.Cursor) ([]canon.Record, canon.Cursor) {
	t.Helper()
	var out []canon.Record
	for range 200 {
		page, err := open(t, def, s, h).Pull(t.Context(), stream, from)
		if err != nil {
			t.Fatalf("%s: %v", stream, err)
		}
		if len(page.Rejects) > 0 {
			t.Fatalf("%s: rejects %+v", stream, page.Rejects)
		}
		out = append(out, page.Records...)
		from = page.Next
		if !page.More {
			return out, from
		}
	}
	t.Fatalf("%s does not end", stream)
	return nil, ""
}

func ids(records []canon.Record) string {
	var out []string
	for _, r := range records {
		out = append(out, r.ID)
	}
	return strings.Join(out, " ")
}

// TestWindows: the cursor goes on from the latest date seen, less the lookback, in windows of the step.
func TestWindows(t *testing.T) {
	a, s := &acme{}, connectors.Settings{"api_token": "acme-secret-token"}
	def := define(t)
	got, cur := pull(t, def, s, a, "contacts", "")
	if want := "c0 c1 c2 c3 c4 c5 c6 c7 c8"; ids(got) != want {
		t.Errorf("got %s, want %s", ids(got), want)
	}
	if v := got[0].Version; v != time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro() {
		t.Errorf("version is %d", v)
	}
	if !strings.Contains(string(got[0].Raw), `"full_name":"Ada L0"`) {
		t.Errorf("raw is %s", got[0].Raw)
	}
	for _, want := range []string{
		"since=2024-01-01T00%3A00%3A00Z&until=2024-01-30T23%3A59%3A59Z",
		"since=2024-03-01T00%3A00%3A00Z&until=2024-03-10T12%3A00%3A00Z",
	} {
		if !slices.ContainsFunc(a.asked, func(u string) bool { return strings.Contains(u, want) }) {
			t.Errorf("nobody asked for %s: %v", want, a.asked)
		}
	}
	a.asked = nil
	got, _ = pull(t, def, s, a, "contacts", cur)
	if ids(got) != "c8" || !strings.Contains(a.asked[0], "since=2024-03-04T23%3A55%3A00Z") {
		t.Errorf("the second round gave %s and asked %v", ids(got), a.asked)
	}
}

// TestPartitions: each partition has a mark of its own, and knows what its parent's record told.
func TestPartitions(t *testing.T) {
	a, s := &acme{}, connectors.Settings{"api_token": "acme-secret-token"}
	got, cur := pull(t, define(t), s, a, "notes", "")
	if len(got) != 12 || !strings.Contains(string(got[0].Raw), `"company_id":1,"company":"Company 1"`) {
		t.Errorf("got %s, the first %s", ids(got), got[0].Raw)
	}
	var c struct {
		Marks map[string]int64 `json:"marks"`
	}
	if err := json.Unmarshal([]byte(cur), &c); err != nil || len(c.Marks) != 4 {
		t.Errorf("the cursor is %s (%v), want 4 marks", cur, err)
	}
}
