package report

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the generated part of the how-to anew")

// The how-to names every report and every definition, as the code has them.
func TestTheHowToIsCurrent(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "how-to", "report.md")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const from = "<!-- generated: the rest of this page is written by `go test ./lifecycle/report -run HowTo -update` -->\n"
	head, _, ok := strings.Cut(string(raw), from)
	if !ok {
		t.Fatalf("%s has no line %q", file, from)
	}
	want := head + from + generated()
	if want == string(raw) {
		return
	}
	if !*update {
		t.Fatalf("%s is not current: run `go test ./lifecycle/report -run HowTo -update`", file)
	}
	if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
		t.Fatal(err)
	}
}

func generated() string {
	var b strings.Builder
	b.WriteString("\n## The reports\n\n| report | answers | needs |\n|---|---|---|\n")
	for _, k := range Kinds() {
		b.WriteString("| `" + k.Name + "` | " + k.Question + " | " + k.Needs + " |\n")
	}
	b.WriteString("\n## The dictionary\n\nWhat a number leaves out or assumes stands in the last column. Another way of working a number out gets another id.\n\n| definition | number | unit | formula | mind |\n|---|---|---|---|---|\n")
	for _, d := range Definitions() {
		b.WriteString("| `" + d.ID + "` | " + d.Title + " | " + d.Unit + " | " + d.Formula + " | " + d.Mind + " |\n")
	}
	return b.String()
}

func TestDefinitionsAreComplete(t *testing.T) {
	units := []string{percent, counted, money, inDays, inHours, ratioOf, points}
	seen := map[string]bool{}
	for _, d := range Definitions() {
		switch {
		case seen[d.ID]:
			t.Errorf("%s stands twice", d.ID)
		case d.Title == "" || d.Formula == "" || !slices.Contains(units, d.Unit):
			t.Errorf("%+v", d)
		case !strings.Contains(d.ID, ".v") || strings.ContainsAny(d.Formula+d.Mind, "|\n"):
			t.Errorf("%s is badly written", d.ID)
		}
		seen[d.ID] = true
	}
	names := map[string]bool{}
	for _, k := range Kinds() {
		if names[k.Name] || k.Title == "" || k.Question == "" || k.open == nil {
			t.Errorf("%+v", k)
		}
		names[k.Name] = true
	}
}
