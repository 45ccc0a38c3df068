package lifecycle

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFunctionsAreDocumented holds the table of the how-to to the functions.
func TestFunctionsAreDocumented(t *testing.T) {
	path := filepath.Join("..", "docs", "how-to", "lifecycle.md")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- functions: written by `go test ./lifecycle -run FunctionsAreDocumented -update` -->\n", "<!-- end of functions -->"
	head, rest, ok := strings.Cut(string(b), begin)
	_, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatal("the page has no place for the table")
	}
	var table strings.Builder
	table.WriteString("| function | gives |\n|---|---|\n")
	for _, f := range Functions() {
		fmt.Fprintf(&table, "| `%s` | %s |\n", f.Name, f.Doc)
	}
	want := head + begin + table.String() + end + tail
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(b)); diff != "" {
		t.Errorf("the table is not that of the functions; run: go test ./lifecycle -run FunctionsAreDocumented -update\n%s", diff)
	}
}
