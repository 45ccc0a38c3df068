package rest_test

import (
	"errors"
	"strings"
	"testing"
	"time"

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
		{"near miss", "full:", "ful:", `unknown field "ful" (did you mean full?)`},
		{"list for text", "name: things", "name: [things]", "acme/connector.yaml:4:11: this must be a single value"},
		{"text for list", "    id: id\n", "    id: id\n    kinds: company\n", "acme/connector.yaml:7:12: this must be a list"},
		{"text for keys", "{path: /things}", "/things", "acme/connector.yaml:8:16: this must hold keys"},
		{"number", "request: {path: /things}", "request: {path: /things}\n      paging: {kind: page, size: many}", `this must be a whole number ("many" is not)`},
		{"flag", "    id: id\n", "    id: id\n    push: sometimes\n", "this must be true or false"},
		{"two mistakes", "base_url: https://acme.example\n", "bse_url: x\nheders: {}\n", `connector.yaml:2:1: unknown field "heders"`},
		{"fetch without id", "    id: id\n", "    id: id\n    fetch: {request: {path: /x}}\n", "fetch names no record (use ${id}"},
		{"parent behind", "    id: id\n", "    id: id\n    partitions: {parent: firms}\n", `stream "firms" is not declared before this one`},
		{"hook of another", "check:", "hooks: [{id: id, stream: {path: x, map: {a: firms}}}]\ncheck:", `stream "firms" is not declared`},
		{"max_pages alone", "    id: id\n", "    id: id\n    changes: {mode: window, reset: {path: at}, feed: {request: {path: /x}}}\n", "reset needs records"},
		{"form with GET", "{path: /things}", "{path: /things, form: {a: b}}", "form needs method"},
		{"delayed alone", "    id: id\n", "    id: id\n    delayed: {lag: 1h}\n", "delayed does not fit here"},
		{"sweep of continue", "    id: id\n", "    id: id\n    changes: {mode: continue}\n    sweep: {every: 1h}\n", "mode continue cannot sweep"},
		{"time zone", "    id: id\n", "    id: id\n    changes: {mode: window, timezone: Mars, feed: {request: {path: /x}}}\n", `time zone "Mars" is unknown`},
		{"alias of itself", "{path: /things}", "{path: /things, method: POST, body: &b [*b]}", "anchors and aliases make it too large"},
		{"growing aliases", "{path: /things}", "{path: /x, body: [&a [1,1,1,1,1,1,1,1,1,1], &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a], &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b], &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c], &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d], [*e,*e,*e,*e]]}", "anchors and aliases make it too large"},
		{"deep", "{path: /things}", "{path: /things, body: " + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "}", "too long or too deep"},
		{"many lines", "check:", strings.Repeat("# more\n", 9000) + "check:", "larger than 256 KiB or 8000 lines"},
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

// TestAllComplaintsAtOnce: a file with several mistakes is told about all of them, in the order of their places.
func TestAllComplaintsAtOnce(t *testing.T) {
	src := strings.NewReplacer("/check", "check", "/things", "things", "id: id", "id: id\n    kinds: [gadget]").Replace(goodSpec)
	_, err := rest.Parse("acme", []byte(src))
	var all rest.Complaints
	if !errors.As(err, &all) || len(all) != 3 {
		t.Fatalf("got %d complaints: %v", len(all), err)
	}
	for i, want := range []string{"check.path", "streams[0].kinds", "streams[0].full.request.path"} {
		if c := all[i]; c.Path != want || c.File != "acme/connector.yaml" || c.Line == 0 || c.Column == 0 || c.Message == "" {
			t.Errorf("complaint %d is %+v, want one about %s", i, c, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	// Small seeds only: the fuzzer spends a minute on shrinking every variant of a large one.
	for _, s := range []string{goodSpec, hookSpec, aboutSpec, eventSpec, feedSpec(jobSpec), "a: &a [*a]\n<<: *a\n? x\n- |\n  x\n", "!!map {a: !t b}\n---\n", "check: {path: /, body: [&b {c: *b}]}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		began := time.Now()
		spec, err := rest.Parse("acme", src)
		if took := time.Since(began); took > 5*time.Second {
			t.Fatalf("Parse took %v for %d bytes", took, len(src))
		}
		if (spec == nil) == (err == nil) {
			t.Fatalf("Parse gave %v and %v", spec, err)
		}
	})
}
