package mapping_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/mapping"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// vendorMap parses the mapping that ships with a connector, in an installation that has HubSpot.
func vendorMap(t testing.TB, vendor string) *mapping.Map {
	t.Helper()
	src, err := os.ReadFile(filepath.Join("..", "connectors", vendor, "mapping.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return mustParse(t, vendor+"/mapping.yaml", src)
}

func mustParse(t testing.TB, name string, src []byte) *mapping.Map {
	t.Helper()
	m, err := mapping.Parse(name, src, mapping.Options{Connection: func(connector string) string {
		if connector == "hubspot" {
			return "crm"
		}
		return ""
	}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// result is what a golden file shows of one record.
type result struct {
	Record      string         `json:"record"`
	Entities    []canon.Entity `json:"entities"`
	DeadLetters []letter       `json:"dead_letters,omitempty"`
}

// letter is a dead letter without what it copies from the record.
type letter struct{ Code, Path, Reason, Hint string }

// TestApply maps the records of testdata/apply. A file names the vendor whose mapping it uses, or brings a
// mapping.yaml of its own.
func TestApply(t *testing.T) {
	files, err := filepath.Glob("testdata/apply/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			applyArchive(t, name, a)
		})
	}
}

func applyArchive(t *testing.T, name string, a *txtar.Archive) {
	t.Helper()
	var m *mapping.Map
	for line := range strings.Lines(string(a.Comment)) {
		if vendor, ok := strings.CutPrefix(strings.TrimSpace(line), "mapping: "); ok {
			m = vendorMap(t, vendor)
		}
	}
	var results []result
	var want []byte
	kept := a.Files[:0]
	for _, f := range a.Files {
		switch f.Name {
		case "want.json":
			want = f.Data
			continue
		case "mapping.yaml":
			m = mustParse(t, f.Name, f.Data)
		default:
			results = append(results, applyFile(t, m, f))
		}
		kept = append(kept, f)
	}
	got := encode(t, results)
	if *update {
		a.Files = append(kept, txtar.File{Name: "want.json", Data: got})
		if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s: run with -update if this is wanted (-want +got):\n%s", name, diff)
	}
}

func applyFile(t *testing.T, m *mapping.Map, f txtar.File) result {
	t.Helper()
	var rec canon.Record
	if err := json.Unmarshal(f.Data, &rec); err != nil {
		t.Fatalf("%s: %v", f.Name, err)
	}
	entities, letters := m.Apply(rec)
	out := result{Record: rec.Ref.String(), Entities: entities}
	for _, d := range letters {
		out.DeadLetters = append(out.DeadLetters, letter{d.Code, d.Path, d.Reason, d.Hint})
	}
	checkRoundTrip(t, entities)
	return out
}

// checkRoundTrip proves that entities survive the way through JSON, as they do in the store.
func checkRoundTrip(t *testing.T, entities []canon.Entity) {
	t.Helper()
	for _, e := range entities {
		b, err := json.Marshal(e)
		if err != nil {
			t.Fatalf("%s: %v", e.Key(), err)
		}
		var back canon.Entity
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatalf("%s: %v", e.Key(), err)
		}
		if diff := cmp.Diff(e, back); diff != "" {
			t.Errorf("%s changes on its way through JSON:\n%s", e.Key(), diff)
		}
	}
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", " ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
