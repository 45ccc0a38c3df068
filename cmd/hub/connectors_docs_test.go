package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPagesAreCurrent: what docs/connectors says is what the connectors tell of themselves.
func TestPagesAreCurrent(t *testing.T) {
	dir := filepath.Join("..", "..", "docs", "connectors")
	pages := connectorPages(t.Context(), shipped())
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Errorf("%v; run: go generate ./cmd/hub", err)
			continue
		}
		if diff := cmp.Diff(string(got), pages[name]); diff != "" {
			t.Errorf("%s is not current; run: go generate ./cmd/hub\n%s", name, diff)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if _, ok := pages[f.Name()]; !ok {
			t.Errorf("docs/connectors/%s is about no connector; remove it", f.Name())
		}
	}
}

// TestConnectorsTellWhatTheyCan: a connector with streams of its own can be asked how it reads them, without a credential.
func TestConnectorsTellWhatTheyCan(t *testing.T) {
	for _, e := range shipped() {
		p := powersOf(t.Context(), e)
		if len(p.Streams) == 0 || e.Name == "tracking" {
			continue
		}
		if p.Reads == "as configured" {
			_, err := probe(t.Context(), e.Definition)
			t.Errorf("%s does not tell how it reads (%v)", e.Name, err)
		}
		for _, s := range p.Streams {
			if len(s.Kinds) == 0 || s.Title == "" {
				t.Errorf("%s/%s: %+v", e.Name, s.Name, s)
			}
		}
		if strings.Contains(p.summary(), "oauth") != p.OAuth {
			t.Errorf("%s: %s", e.Name, p.summary())
		}
	}
}
