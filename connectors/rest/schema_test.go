package rest_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/lifecyclehub/hub/connectors/rest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestSchema: the schema is the one in testdata, takes every connector that Hub ships, and refuses mistakes.
func TestSchema(t *testing.T) {
	got, err := rest.Schema()
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "connector.schema.json")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("run the test with -update where the change is meant:\n%s", diff)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(got))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("connector.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("connector.json")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../*/connector.yaml")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rest.Parse("any", src); err != nil {
			continue // what does not parse is told by its own test
		}
		if err := schema.Validate(asJSON(t, src)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	for _, bad := range []string{"base_url: x\n", goodSpec + "    paging: {}\n", goodSpec + "    sweep: {evry: 1h}\n", goodSpec + "    changes: {mode: guess}\n"} {
		if schema.Validate(asJSON(t, []byte(bad))) == nil {
			t.Errorf("the schema takes\n%s", bad)
		}
	}
}

func asJSON(t *testing.T, src []byte) any {
	t.Helper()
	var tree any
	if err := yaml.Unmarshal(src, &tree); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return v
}
