package rest_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/rest"
)

// TestMain lets TestRunDir start this binary as a program that is no test.
func TestMain(m *testing.M) {
	dir := os.Getenv("HUB_TEST_LAWS_DIR")
	if dir == "" {
		os.Exit(m.Run())
	}
	def, err := rest.LoadDir(dir)
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	ok, err := connectortest.RunDir(def, dir, os.Stdout)
	fmt.Println(ok, err)
}

const lawful = `
    version: {path: at}
    full: {request: {path: /things, query: {at: "${token}"}}, records: data, paging: {kind: cursor, token: next}}
    changes: {mode: window, settle: 1m, feed: {request: {path: /things, query: {since: "${since}", at: "${token}"}}, records: data, paging: {kind: cursor, token: next}}}
    sweep: {every: 24h}
    fetch: {request: {path: "/things/${id}"}}
hooks:
  - {stream: things, id: id, at: at}
`

const lawfulExchange = `{"now":"2026-03-01T12:00:00Z","settings":{"token":"a-token-of-acme","hook_key":"a-key-of-acme"},"answers":[
{"path":"/check","answer":{}},
{"path":"/things","query":{"at":"2","since":""},"answer":{"data":[{"id":3,"at":1760000000}]}},
{"path":"/things","query":{"at":"","since":""},"answer":{"data":[{"id":1,"at":1760000000},{"id":2,"at":1760000001}],"next":"2"}},
{"path":"/things","query":{"since":"*"},"answer":{"data":[{"id":2,"at":1772366500}]}},
{"path":"/things/1","answer":{"id":1,"at":1760000000}},
{"path":"/things/9","status":404,"answer":{}}],
"fetch":{"things":["1","9"]},"calls":[{"body":{"id":1,"at":1760000000}}]}`

// TestRunDir: a program can hold a folder to the laws; those that do not hold are told.
func TestRunDir(t *testing.T) {
	for _, c := range []struct{ name, old, new, want, wantNot string }{
		{"lawful", "", "", "true <nil>", "FAILS"},
		{"unlawful", `{"id":1,"at":1760000000},{"id":2`, `{"id":2,"at":1760000000},{"id":1`, "FAILS  records read alone are like those of the list", "\nPASS"},
		{"no exchange", lawfulExchange, "", "connector.exchange", "FAILS"},
	} {
		t.Run(c.name, func(t *testing.T) {
			exchange := strings.Replace(lawfulExchange, c.old, c.new, 1)
			if c.name == "unlawful" {
				exchange = strings.Replace(exchange, `"/things/1"`, `"/things/x"`, 1)
			}
			spec := strings.Replace(aboutSpec, ", full: {request: {path: /things}}}]", "}]", 1)
			head, _, _ := strings.Cut(spec, "streams:")
			spec = head + "streams:\n  - name: things\n    title: Things\n    kinds: [company]\n    id: id" + lawful
			dir := folder(t, map[string]string{"connector.yaml": spec, "mapping.yaml": "streams: {}\n", "BEHAVIOR.md": "# Nothing\n"})
			if err := os.Mkdir(filepath.Join(dir, "testdata"), 0o755); err != nil {
				t.Fatal(err)
			}
			if exchange != "" {
				if err := os.WriteFile(filepath.Join(dir, "testdata", "exchange.json"), []byte(exchange), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			program, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), program)
			cmd.Env = append(os.Environ(), "HUB_TEST_LAWS_DIR="+dir)
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Run(); err != nil {
				t.Errorf("%v", err)
			}
			if got := out.String(); !strings.Contains(got, c.want) || strings.Contains(got, c.wantNot) {
				t.Errorf("got\n%s", got)
			}
		})
	}
}
