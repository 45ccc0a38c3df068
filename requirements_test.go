package hub_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestRequirementsAreTrue holds docs/requirements.md against the tree: every requirement of the domain has a row, every
// place named in a row exists, every test named is there, and what is not delivered says why.
func TestRequirementsAreTrue(t *testing.T) {
	page, err := os.ReadFile("docs/requirements.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := testNames(t)
	seen := map[string]bool{}
	ticked := regexp.MustCompile("`([^`]+)`")
	for _, line := range strings.Split(string(page), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) < 2 || !regexp.MustCompile(`^ R\d{3} $`).MatchString(cells[1]) {
			continue
		}
		id := strings.TrimSpace(cells[1])
		if len(cells) != 7 {
			t.Errorf("%s: the row has %d cells, want 5: number, requirement, status, where, test", id, len(cells)-2)
			continue
		}
		if seen[id] {
			t.Errorf("%s stands twice", id)
		}
		seen[id] = true
		status, where, test := strings.TrimSpace(cells[3]), ticked.FindAllStringSubmatch(cells[4], -1), ticked.FindAllStringSubmatch(cells[5], -1)
		switch status {
		case "delivered", "in part":
			if len(where) == 0 || len(test) == 0 {
				t.Errorf("%s is %s, but names no place or no test", id, status)
			}
		case "subscriber", "later":
			if strings.TrimSpace(cells[4]) == "" {
				t.Errorf("%s is left to a %s without a reason", id, status)
			}
		default:
			t.Errorf("%s: status %q is not one of delivered, in part, subscriber, later", id, status)
		}
		for _, w := range where {
			if _, err := os.Stat(w[1]); strings.Contains(w[1], "/") && err != nil {
				t.Errorf("%s names %s, which does not exist", id, w[1])
			}
		}
		for _, n := range test {
			if !tests[n[1]] {
				t.Errorf("%s names %s, which is no test", id, n[1])
			}
		}
	}
	for i := 1; i <= 142; i++ {
		if id := fmt.Sprintf("R%03d", i); !seen[id] {
			t.Errorf("%s has no row", id)
		}
	}
}

// testNames collects the names of all tests of the module.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
	names := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		src, err := os.ReadFile(path)
		for _, m := range declared.FindAllStringSubmatch(string(src), -1) {
			names[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
