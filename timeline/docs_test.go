package timeline

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the table of types in docs")

// TestTheTypesAreDocumented holds the table of the how-to to the catalogue.
func TestTheTypesAreDocumented(t *testing.T) {
	path := filepath.Join("..", "docs", "how-to", "read-a-timeline.md")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- types: written by `go test ./timeline -run TheTypesAreDocumented -update` -->\n", "<!-- end of types -->"
	head, rest, ok := strings.Cut(string(b), begin)
	_, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatal("the page has no place for the table")
	}
	var table strings.Builder
	table.WriteString("| type | told when | amount, value, data | personal data |\n|---|---|---|---|\n")
	for _, typ := range Types() {
		var holds []string
		if typ.Amount != "" {
			holds = append(holds, "amount: "+typ.Amount)
		}
		if typ.Value != "" {
			holds = append(holds, "value: "+typ.Value)
		}
		if len(typ.Data) > 0 {
			holds = append(holds, "`"+strings.Join(typ.Data, "`, `")+"`")
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", typ.Type, typ.Sentence, strings.Join(holds, "; "), typ.PII)
	}
	want := head + begin + table.String() + end + tail
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(want, string(b)); diff != "" {
		t.Errorf("the table is not the catalogue's; run: go test ./timeline -run TheTypesAreDocumented -update\n%s", diff)
	}
}
