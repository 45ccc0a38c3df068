package airbyte_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/airbyte"
)

// TestReferences: a reference takes what it leads to, keys beside it win, and a key that holds the whole path wins over
// the way through objects; parameters go down, nearer ones win.
func TestReferences(t *testing.T) {
	src := `
definitions:
  base: {url_base: https://api.example.com, http_method: GET, path: wrong, request_parameters: {a: 1}}
  base/deep: {url_base: https://deep.example.com}
  requester: {$ref: "#/definitions/base", request_parameters: {b: "{{ parameters['kind'] }}"}}
  list: [{url_base: https://list.example.com}]
streams:
- $parameters: {name: one, path: p1, kind: outer, primary_key: id}
  retriever:
    $parameters: {kind: inner}
    requester: {$ref: "#/definitions/requester", path: ""}
    record_selector: {extractor: {field_path: []}}
- $parameters: {name: two, path: p2}
  retriever: {requester: "#/definitions/base/deep", record_selector: {extractor: {field_path: []}}}
- $parameters: {name: three, path: p3}
  retriever: {requester: "#/definitions/list/0", record_selector: {extractor: {field_path: []}}}
`
	def := airbyte.Define("t", parse(t, src), nil)
	s := &script{answers: []string{`[]`}}
	c := open(t, def, nil, s)
	for _, st := range c.Streams() {
		if _, err := c.Pull(t.Context(), st.Name, ""); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"https://api.example.com/p1?b=inner", "https://deep.example.com/p2", "https://list.example.com/p3"}, s.asked); diff != "" {
		t.Error(diff)
	}
}

func TestComplaints(t *testing.T) {
	for src, want := range map[string]string{
		"":                       "empty",
		"a: [":                   "bad/manifest.yaml",
		"version: 1":             "no streams",
		"streams: ['#/nowhere']": "leads nowhere",
		"definitions:\n  a: {$ref: '#/definitions/b'}\n  b: {$ref: '#/definitions/a'}\nstreams:\n- $ref: '#/definitions/a'\n": "leads back to itself",
		"type: Other\nstreams: []":        "bad/manifest.yaml:1:1: the type is",
		"x: " + strings.Repeat("[", 5000): "nests deeper",
		"a: &a [*a]\nstreams: []":         "stands for nothing",
		"streams:\n- {retriever: {requester: {url_base: a}, record_selector: {extractor: {field_path: []}}}}": "bad/manifest.yaml:2:4: a stream has no name",
	} {
		_, err := airbyte.Parse("bad", []byte(src))
		if canon.CodeOf(err) != "manifest.invalid" || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q gives %v, want %q", src, err, want)
		}
	}
}

// TestUnsupported: what is not read marks its stream, and the others work.
func TestUnsupported(t *testing.T) {
	m := parse(t, one("", "", "")+`
- {name: py, retriever: {type: CustomRetriever, class_name: source_x.components.Foo}}
- {name: bad, retriever: {requester: {url_base: "{{ a b }}"}, record_selector: {extractor: {field_path: []}}}}
- {name: async, retriever: {type: AsyncRetriever}}
- {name: child, retriever: {requester: {url_base: a}, record_selector: {extractor: {field_path: []}}, partition_router: {type: SubstreamPartitionRouter, parent_stream_configs: [{parent_key: id, partition_field: p, stream: {name: py, retriever: {type: CustomRetriever, class_name: Foo}}}]}}}
`)
	var got []string
	for _, r := range m.Unsupported() {
		reason, _, _ := strings.Cut(r.Reason, " (")
		got = append(got, r.Stream+": "+reason)
	}
	want := []string{"py: the retriever is Python code", `bad: the expression "{{ a b }}" is not understood: "b" at 3 is not understood`, "async: the retriever AsyncRetriever is not supported", "child: the retriever is Python code"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"t"}, m.Streams()); diff != "" {
		t.Error(diff)
	}
	_, err := open(t, airbyte.Define("t", m, nil), nil, &script{answers: []string{nothing}}).Pull(t.Context(), "py", "")
	if canon.CodeOf(err) != "stream.unsupported" {
		t.Error(err)
	}
}

// TestSettings: the form's properties become settings, and settings become the config that templates see.
func TestSettings(t *testing.T) {
	m := parse(t, one(`path: "{{ config }}"`, "", "")+`
spec:
  connection_specification:
    required: [credentials]
    properties:
      n: {type: integer, default: 3, order: 1}
      ids: {type: array, items: {type: integer}, order: 2}
      flag: {type: boolean, order: 3}
      credentials:
        type: object
        order: 0
        oneOf:
        - {properties: {auth: {const: key, type: string}, api_key: {type: string, airbyte_secret: true}}, required: [api_key]}
        - {properties: {auth: {const: oauth, type: string}, client_secret: {type: string}, region: {type: string, default: eu}}, required: [client_secret]}
`)
	var names []string
	for _, s := range m.Settings() {
		name := s.Name
		if s.Secret {
			name += " (secret)"
		}
		names = append(names, name)
	}
	if diff := cmp.Diff([]string{"credentials.auth", "credentials.api_key (secret)", "credentials.client_secret (secret)", "credentials.region", "n", "ids", "flag"}, names); diff != "" {
		t.Error(diff)
	}
	for _, x := range []struct {
		s    connectors.Settings
		want string
	}{
		{connectors.Settings{"credentials.api_key": "k"}, "{'n': 3, 'credentials': {'auth': 'key', 'api_key': 'k'}}"},
		{connectors.Settings{"credentials.client_secret": "s", "n": "4", "ids": "1, 2", "flag": "true"}, "{'n': 4, 'ids': [1, 2], 'flag': True, 'credentials': {'auth': 'oauth', 'client_secret': 's', 'region': 'eu'}}"},
		{connectors.Settings{"credentials.auth": "oauth", "credentials.client_secret": "s", "credentials.api_key": "k"}, "{'n': 3, 'credentials': {'auth': 'oauth', 'client_secret': 's', 'region': 'eu'}}"},
	} {
		h := &script{answers: []string{nothing}}
		if _, err := open(t, airbyte.Define("t", m, nil), x.s, h).Pull(t.Context(), "t", ""); err != nil {
			t.Fatal(err)
		}
		got := strings.NewReplacer("%27", "'", "%20", " ", "%7B", "{", "%7D", "}", "%5B", "[", "%5D", "]").Replace(strings.TrimPrefix(h.asked[0], "https://api.example.com/"))
		if got != x.want {
			t.Errorf("config is %s, want %s", got, x.want)
		}
	}
	_, err := airbyte.Define("t", m, nil).Open(t.Context(), connectors.Settings{"n": "many"}, connectors.Env{})
	if canon.CodeOf(err) != "settings.type" {
		t.Errorf("got %v, want settings.type", err)
	}
}

func TestScan(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	good := one("", "", "")
	put("a/manifest.yaml", "# Licensed under the MIT License\n"+good)
	put("b/manifest.yaml", good)
	put("b/LICENSE", "MIT License\n\nCopyright")
	put("c/manifest.yaml", good+"- {name: py, retriever: {type: CustomRetriever, class_name: Foo}}\n")
	put("c/metadata.yaml", "data:\n  license: MIT\n")
	put("d/manifest.yaml", good)
	put("e/manifest.yaml", "a: 1")
	list, err := airbyte.Scan(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := airbyte.Report(&out, list); err != nil {
		t.Fatal(err)
	}
	want := `a: 1 of 1 stream (MIT)
b: 1 of 1 stream (MIT)
c: 1 of 2 streams (MIT)
  py: the retriever is Python code (CustomRetriever Foo) (line 16)
d: 1 of 1 stream (ELv2 (default))
e: e/manifest.yaml:1:1: the manifest has no streams [manifest.invalid]
5 manifests, 3 whole; 4 of 5 streams can be read
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}
