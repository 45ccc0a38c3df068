package rest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors/rest"
)

const goodSpec = `base_url: https://acme.example
check: {path: /check}
streams:
  - name: things
    title: Things
    id: id
    full:
      request: {path: /things}
`

// TestComplaints: every mistake is told with its place and what is wrong.
func TestComplaints(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"unknown key", "check:", "chekc: {path: /x}\ncheck:", "acme/connector.yaml:2:1: unknown field \"chekc\""},
		{"no base url", "base_url: https://acme.example\n", "", "base_url is missing"},
		{"no YAML", "check: {path: /check}", "check: {path: /check", "acme/connector.yaml:"},
		{"relative path", "{path: /things}", "{path: things}", `acme/connector.yaml:8:23: path "things" must start with /`},
		{"method", "{path: /things}", "{path: /things, method: PUT}", `acme/connector.yaml:8:40: "PUT" is unknown here`},
		{"unknown variable", "{path: /things}", `{path: "/things/${tokne}"}`, "variable ${tokne} is unknown"},
		{"unknown format", "{path: /things}", `{path: "/things", query: {a: "${since|stardate}"}}`, `format "stardate" of ${since} is unknown`},
		{"open variable", "{path: /things}", `{path: "/things/${token"}`, "opens ${ without closing }"},
		{"unknown list", "{path: /things}", `{path: "/things", query: {a: "${list.names}"}}`, `list "names" is not declared`},
		{"unknown budget", "{path: /things}", `{path: "/things", budget: slow}`, `budget "slow" is not declared`},
		{"variable of another place", "https://acme.example", "https://${token}.example", "variable ${token} is unknown here"},
		{"stream twice", "full:\n      request: {path: /things}\n", "full:\n      request: {path: /things}\n  - {name: things, title: T, id: id, full: {request: {path: /x}}}\n", `"things" is declared twice`},
		{"stream name", "name: things", "name: My Things", `stream name "My Things"`},
		{"no id", "    id: id\n", "", "has no id"},
		{"unknown kind", "    id: id\n", "    id: id\n    kinds: [gadget]\n", `acme/connector.yaml:7:12: kind "gadget" is unknown`},
		{"paging without token", "request: {path: /things}", "request: {path: /things}\n      paging: {kind: cursor}", "paging cursor needs token"},
		{"paging kind", "request: {path: /things}", "request: {path: /things}\n      paging: {kind: scroll}", `"scroll" is unknown here`},
		{"paging size", "request: {path: /things}", "request: {path: /things}\n      paging: {kind: page}", "paging page needs size"},
		{"changes mode", "    id: id\n", "    id: id\n    changes: {mode: guess, feed: {request: {path: /x}}}\n", `"guess" is unknown here`},
		{"events without section", "    id: id\n", "    id: id\n    changes: {mode: events, feed: {request: {path: /x}}}\n", "belong together"},
		{"duration", "    id: id\n", "    id: id\n    changes: {mode: continue, settle: 5}\n", "is no duration"},
		{"auth", "check:", "auth: [{kind: bearer}]\ncheck:", "bearer authentication needs token"},
		{"error rule", "check:", "errors: [{status: [400], action: shrug}]\ncheck:", `"shrug" is unknown here`},
		{"budget", "check:", "budgets: {slow: {rate: \"5\"}}\ncheck:", "needs rate and per"},
		{"version", "    id: id\n", "    id: id\n    version: {path: a, max: [b]}\n", "path or max, not both"},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := strings.Replace(goodSpec, c.old, c.new, 1)
			if src == goodSpec {
				t.Fatal("the mistake was not made")
			}
			_, err := rest.Parse("acme", []byte(src))
			e := canon.AsError(err)
			if e == nil || e.Code != "spec.invalid" || !strings.Contains(e.Message, c.want) || !strings.HasPrefix(e.Message, "acme/connector.yaml:") || e.Hint == "" {
				t.Errorf("got %#v, want a complaint with %q", e, c.want)
			}
		})
	}
	if _, err := rest.Parse("acme", []byte(goodSpec)); err != nil {
		t.Errorf("the good spec: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(goodSpec))
	files, err := filepath.Glob("../*/connector.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		spec, err := rest.Parse("acme", src)
		if (spec == nil) == (err == nil) {
			t.Fatalf("Parse gave %v and %v", spec, err)
		}
	})
}
