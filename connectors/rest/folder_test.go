package rest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/rest"
	"github.com/lifecyclehub/hub/mapping"
)

// folder writes files and returns where.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "acme")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const aboutSpec = `about:
  title: Acme
  category: billing
  doc: Things.
  settings:
    - {name: token, title: Token, doc: A token., secret: true, required: true}
    - {name: base_url, title: Address, doc: Leave it., default: "https://acme.example"}
    - {name: hook_key, title: Key, doc: Of the webhook., secret: true}
  hook: {scheme: hmac, secret: hook_key, doc: Make it at Acme.}
base_url: ${setting.base_url}
auth: [{kind: bearer, token: "${setting.token}"}]
check: {path: /check}
streams: [{name: things, title: Things, kinds: [company], id: id, full: {request: {path: /things}}}]
`

func TestLoadDir(t *testing.T) {
	files := map[string]string{"connector.yaml": aboutSpec, "mapping.yaml": "streams: {}\n", "BEHAVIOR.md": "# None\n"}
	def, err := rest.LoadDir(folder(t, files))
	if err != nil {
		t.Fatal(err)
	}
	if def.Name != "acme" || def.Title != "Acme" || def.Category != "billing" || len(def.Settings) != 3 || !def.Settings[0].Secret || def.Hook == nil ||
		def.Hook.Secret != "hook_key" || len(def.Streams) != 1 || string(def.Mapping) != files["mapping.yaml"] || def.Behavior != files["BEHAVIOR.md"] {
		t.Errorf("got %+v", def)
	}
	conn, err := def.Open(t.Context(), connectors.Settings{"token": "a-secret-token"}, connectors.Env{Connection: "c", Transport: connectortest.Transport(says(`[{"id":1}]`))})
	if err != nil {
		t.Fatal(err)
	}
	if p, err := conn.Pull(t.Context(), "things", ""); err != nil || len(p.Records) != 1 {
		t.Errorf("got %+v, %v", p, err)
	}
	for name, c := range map[string]struct{ file, old, new, code, want string }{
		"no mapping":       {"mapping.yaml", "", "", "connector.files", "has no mapping.yaml"},
		"no about":         {"connector.yaml", aboutSpec, goodSpec, "spec.invalid", "does not say what it is"},
		"unknown setting":  {"connector.yaml", "{path: /check}", "{path: /check, query: {a: \"${setting.site}\"}}", "spec.invalid", `connector.yaml:12:35: setting "site" is not declared`},
		"secret default":   {"connector.yaml", "secret: true, required: true", "secret: true, default: x", "spec.invalid", "cannot have a default"},
		"unknown category": {"connector.yaml", "billing", "gadgets", "spec.invalid", `"gadgets" is unknown here`},
		"unknown key":      {"connector.yaml", "title: Acme", "titel: Acme", "spec.invalid", "did you mean title?"},
	} {
		t.Run(name, func(t *testing.T) {
			broken := map[string]string{}
			for k, v := range files {
				broken[k] = v
			}
			if broken[c.file] = strings.Replace(files[c.file], c.old, c.new, 1); c.old == "" {
				delete(broken, c.file)
			}
			_, err := rest.LoadDir(folder(t, broken))
			if e := canon.AsError(err); e == nil || e.Code != c.code || !strings.Contains(e.Message, c.want) || e.Hint == "" {
				t.Errorf("got %v, want %s with %q", err, c.code, c.want)
			}
		})
	}
}

// TestDraft: of one answer a connector is made that loads, and reads that answer.
func TestDraft(t *testing.T) {
	for _, c := range []struct{ name, url, sample, want, rule string }{
		{"token", "https://api.acme.example/v2/companies?limit=50&api_key=SECRETKEY", `{"data":[{"id":7,"name":"Old Mill","updated_at":"2026-01-02T03:04:05Z","created_at":1760000000,"tags":[{"id":1},{"id":2}]}],"next_cursor":"abc"}`,
			"version: {path: updated_at}|records: data|{kind: cursor, token: next_cursor}|name: api_key|limit: [\"50\"]|cursor: \"${token}\"", "kind: company"},
		{"flag", "https://api.acme.example/v1/people", `{"object":"list","has_more":true,"data":[{"id":"p1","email":"a@b.example","first_name":"Åse"},{"id":"p2"}]}`,
			"records: data|{kind: last_id, more: has_more}|starting_after", "emails: email"},
		{"wrapped", "https://acme.example/api/v2/subscriptions", `{"list":[{"subscription":{"id":"s","updated_at":1700000000},"card":{}}],"next_offset":"[1]"}`,
			"unwrap: subscription|token: next_offset|offset: \"${token}\"|version: {path: updated_at}", "status: {const: active}"},
		{"bare array", "http://localhost:8069/api/tickets?page=1&per_page=100&updated_since=2026-01-01T00:00:00Z", `[{"ticket_id":3,"subject":"Hi","meta":{"modified":"2026-01-01"}}]`,
			"id: ticket_id|{kind: page, start: 1, size: 100}|page: \"${token:-1}\"|mode: window|updated_since: \"${since}\"|version: {path: meta.modified}", "kind: ticket"},
		{"next link", "https://acme.example/odd.path/Deals", `{"links":{"next":null},"items":[{"Id":"x y","Stage.Name":"won","title":"Big"}]}`,
			"{kind: next_url, token: links.next}|id: Id|name: deals", "kind: deal"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files, err := rest.Draft("acme", []byte(c.sample), rest.DraftOptions{URL: c.url})
			if err != nil {
				t.Fatal(err)
			}
			texts := map[string]string{}
			for name, b := range files {
				texts[name] = string(b)
			}
			for want := range strings.SplitSeq(c.want, "|") {
				if !strings.Contains(texts["connector.yaml"], want) {
					t.Errorf("connector.yaml lacks %q:\n%s", want, texts["connector.yaml"])
				}
			}
			if strings.Contains(strings.Join([]string{texts["connector.yaml"], texts["mapping.yaml"], texts["BEHAVIOR.md"]}, ""), "SECRETKEY") {
				t.Error("the credential in the URL stands in a file")
			}
			if _, err := mapping.Parse("acme/mapping.yaml", files["mapping.yaml"], mapping.Options{}); err != nil || !strings.Contains(texts["mapping.yaml"], c.rule) {
				t.Errorf("mapping.yaml: %v\n%s", err, texts["mapping.yaml"])
			}
			def, err := rest.LoadDir(folder(t, texts))
			if err != nil {
				t.Fatal(err)
			}
			conn, err := def.Open(t.Context(), connectors.Settings{"token": "a-secret-token"}, connectors.Env{Connection: "c", Transport: connectortest.Transport(says(c.sample))})
			if err != nil {
				t.Fatal(err)
			}
			p, err := conn.Pull(t.Context(), def.Streams[0].Name, "")
			if err != nil || len(p.Records) == 0 || len(p.Rejects) > 0 {
				t.Errorf("got %+v, %v", p, err)
			}
		})
	}
	for name, c := range map[string]struct{ name, url, sample, code string }{
		"name": {"A!", "https://a.example/x", "[]", "draft.name"}, "url": {"a", "a.example", `[{"id":1}]`, "draft.url"},
		"no JSON": {"a", "https://a.example/x", "<html>", "draft.sample"}, "no list": {"a", "https://a.example/x", `{"id":1}`, "draft.sample"},
		"no id": {"a", "https://a.example/x", `[{"x":1},{"x":1}]`, "draft.sample"},
	} {
		if _, err := rest.Draft(c.name, []byte(c.sample), rest.DraftOptions{URL: c.url}); canon.CodeOf(err) != c.code {
			t.Errorf("%s: got %v, want %s", name, err, c.code)
		}
	}
}

func FuzzDraft(f *testing.F) {
	f.Add([]byte(`{"data":[{"id":7,"up\"dated":"2026-01-02","a.b":{"c: d":[{}]}}],"next":"x"}`), "https://a.example/é x/{y}?page[size]=1&q=%0a:")
	f.Add([]byte(`[{"\u0000id":1,"on":2}]`), "http://a/on")
	f.Fuzz(func(t *testing.T, sample []byte, url string) {
		files, err := rest.Draft("acme", sample, rest.DraftOptions{URL: url})
		if err != nil {
			if canon.CodeOf(err) == "internal" {
				t.Fatal(err)
			}
			return
		}
		if _, err := rest.Parse("acme", files["connector.yaml"]); err != nil {
			t.Fatal(err)
		}
		if _, err := mapping.Parse("acme", files["mapping.yaml"], mapping.Options{}); err != nil {
			t.Fatalf("%v\n%s", err, files["mapping.yaml"])
		}
	})
}
