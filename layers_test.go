// Package hub_test holds the house to its own rules: who may import whom, and how packages present
// themselves. It tests no behaviour.
package hub_test

import (
	"bufio"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/lifecyclehub/hub"

// rule says what the packages that match the pattern may import of ours. The first rule that matches counts.
type rule struct {
	pattern string
	allowed []string
}

// layers is the import table. A new folder fails the test until it has a line here.
var layers = []rule{
	{"canon", nil},
	{"config", nil},
	{"console", nil},
	{"sandbox", []string{"canon"}},
	{"connectors", []string{"canon"}},
	{"connectors/rest", []string{"canon", "connectors"}},
	{"connectors/connectortest", []string{"canon", "connectors"}},
	{"connectors/vendordoc", nil},
	{"connectors/airbyte", []string{"canon", "connectors", "connectors/rest"}},
	{"connectors/all", []string{"connectors", "connectors/*"}},
	{"connectors/*", []string{"canon", "connectors", "connectors/rest"}},
	{"mapping", []string{"canon"}},
	{"identity", []string{"canon"}},
	{"timeline", []string{"canon"}},
	{"lifecycle", []string{"canon"}},
	{"lifecycle/chart", nil},
	{"lifecycle/play", []string{"canon", "lifecycle"}},
	{"lifecycle/evidence", []string{"canon", "lifecycle", "lifecycle/chart"}},
	{"lifecycle/report", []string{"canon", "lifecycle", "lifecycle/chart", "lifecycle/evidence"}},
	{"webhooks", []string{"canon"}},
	{"bus", []string{"canon"}},
	{"store", []string{"canon"}},
	{"sync/pull", []string{"canon", "connectors"}},
	{"sync/receive", []string{"canon", "connectors"}},
	{"sync/ingest", []string{"canon", "mapping", "identity", "timeline", "lifecycle", "lifecycle/play"}},
	{"sync/push", []string{"canon", "connectors", "mapping"}},
	{"api", []string{"canon", "connectors", "lifecycle", "lifecycle/play"}},
	{"cmd/hub", []string{"*", "*/*"}},
}

// edge says which of our packages alone may import the modules with the prefix.
type edge struct {
	prefix string
	owners []string
}

// edges are the third-party modules that have one home.
var edges = []edge{
	// connectors/sql reads databases as sources.
	{"github.com/jackc/pgx", []string{"store", "connectors/sql"}},
	{"modernc.org/", []string{"store", "connectors/sql"}},
	{"github.com/go-sql-driver/mysql", []string{"connectors/sql"}},
	{"github.com/parquet-go/", []string{"connectors/file"}},
	{"github.com/pressly/goose", []string{"store"}},
	{"github.com/nats-io/", []string{"bus"}},
	// cmd/hub: the floor of hub bench is a loop over gjson.
	{"github.com/tidwall/", []string{"mapping", "connectors/rest", "connectors/file", "connectors/airbyte", "cmd/hub"}},
	{"gonum.org/", []string{"lifecycle/evidence"}},
	{"github.com/goccy/go-yaml", []string{"config", "mapping", "connectors/rest", "connectors/airbyte", "lifecycle"}},
	{"github.com/expr-lang/", []string{"lifecycle"}},
	{"github.com/danielgtaylor/huma", []string{"api"}},
	{"github.com/spf13/", []string{"cmd/hub"}},
	{"github.com/jedib0t/", []string{"cmd/hub"}},
	{"code.dny.dev/ssrf", []string{"webhooks"}},
	{"github.com/hashicorp/go-retryablehttp", []string{"connectors/rest", "connectors/hubspot", "connectors/stripe", "connectors/zendesk"}},
	{"github.com/invopop/jsonschema", []string{"config", "mapping", "connectors/rest"}},
}

// source is one parsed Go file.
type source struct {
	path, dir string
	file      *ast.File
}

// external reports whether the file is a test that stands outside of its package: such a test may hold
// several rooms against each other.
func (s source) external() bool { return strings.HasSuffix(s.file.Name.Name, "_test") }

func (s source) test() bool { return strings.HasSuffix(s.path, "_test.go") }

// sources parses every Go file of the module here, in this process: a test that asks the go command is
// answered from the test cache and misses what changed.
func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && p != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(p, ".go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		slashed := filepath.ToSlash(p)
		out = append(out, source{path: slashed, dir: path.Dir(slashed), file: file})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 20 {
		t.Fatalf("found only %d Go files", len(out))
	}
	return out
}

func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

func imports(s source) []string {
	var out []string
	for _, spec := range s.file.Imports {
		if name, err := strconv.Unquote(spec.Path.Value); err == nil {
			out = append(out, name)
		}
	}
	return out
}

func TestImportTable(t *testing.T) {
	for _, s := range sources(t) {
		if s.external() {
			continue
		}
		i := slices.IndexFunc(layers, func(r rule) bool { return matches(r.pattern, s.dir) })
		if i < 0 {
			t.Errorf("%s: the folder %s has no line in the import table", s.path, s.dir)
			continue
		}
		for _, name := range imports(s) {
			ours, ok := strings.CutPrefix(name, module+"/")
			if ok && !slices.ContainsFunc(layers[i].allowed, func(pattern string) bool { return matches(pattern, ours) }) {
				t.Errorf("%s: %s must not import %s, only %v", s.path, s.dir, ours, layers[i].allowed)
			}
		}
	}
}

func TestThirdPartyEdges(t *testing.T) {
	for _, s := range sources(t) {
		if s.test() {
			continue
		}
		for _, name := range imports(s) {
			for _, e := range edges {
				if strings.HasPrefix(name, e.prefix) && !slices.Contains(e.owners, s.dir) {
					t.Errorf("%s: only %v may import %s", s.path, e.owners, name)
				}
			}
		}
	}
}

func TestPackageNames(t *testing.T) {
	refused := []string{"sync", "util", "utils", "common", "helper", "helpers", "manager", "service", "handler", "models", "types"}
	for _, s := range sources(t) {
		if name := strings.TrimSuffix(s.file.Name.Name, "_test"); slices.Contains(refused, name) {
			t.Errorf("%s: a package must not be named %s", s.path, name)
		}
	}
}

func TestPackageComments(t *testing.T) {
	comments := map[string][]string{}
	for _, s := range sources(t) {
		if s.test() {
			continue
		}
		found := comments[s.dir]
		if s.file.Doc != nil {
			found = append(found, s.path)
		}
		comments[s.dir] = found // also where there is none, so that a package without a comment is seen
	}
	for dir, files := range comments {
		if len(files) != 1 {
			t.Errorf("%s has %d package comments, want 1: %v", dir, len(files), files)
		}
	}
}

func TestNoInitFunctions(t *testing.T) {
	for _, s := range sources(t) {
		for _, decl := range s.file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s has an init function: registration and state belong to values", s.path)
			}
		}
	}
}

// TestImportRulesBite holds the table against arrows that it must refuse.
func TestImportRulesBite(t *testing.T) {
	allowed := func(from, to string) bool {
		i := slices.IndexFunc(layers, func(r rule) bool { return matches(r.pattern, from) })
		return i >= 0 && slices.ContainsFunc(layers[i].allowed, func(pattern string) bool { return matches(pattern, to) })
	}
	for _, arrow := range [][2]string{{"identity", "store"}, {"canon", "config"}, {"connectors/stripe", "mapping"}, {"connectors/stripe", "connectors/hubspot"},
		{"connectors/rest", "connectors/stripe"}, {"sync/pull", "store"}, {"api", "store"}, {"newfolder", "canon"}, {"sync", "canon"}} {
		if allowed(arrow[0], arrow[1]) {
			t.Errorf("the table lets %s import %s", arrow[0], arrow[1])
		}
	}
	for _, arrow := range [][2]string{{"cmd/hub", "sync/ingest"}, {"connectors/all", "connectors/stripe"}, {"sync/ingest", "timeline"}} {
		if !allowed(arrow[0], arrow[1]) {
			t.Errorf("the table refuses that %s imports %s", arrow[0], arrow[1])
		}
	}
}

// TestSQLiteRuntime: modernc.org/sqlite is generated against one version of modernc.org/libc, and another
// one breaks it at run time only. So our go.mod must name exactly what sqlite's own names.
func TestSQLiteRuntime(t *testing.T) {
	sqlite, libc := required(t, "go.mod", "modernc.org/sqlite"), required(t, "go.mod", "modernc.org/libc")
	if sqlite == "" || libc == "" {
		t.Fatalf("go.mod requires modernc.org/sqlite %q and modernc.org/libc %q", sqlite, libc)
	}
	cache := os.Getenv("GOMODCACHE")
	if cache == "" {
		root := os.Getenv("GOPATH")
		if home, err := os.UserHomeDir(); root == "" && err == nil {
			root = filepath.Join(home, "go")
		}
		cache = filepath.Join(strings.Split(root, string(filepath.ListSeparator))[0], "pkg", "mod")
	}
	theirs := filepath.Join(cache, "modernc.org", "sqlite@"+sqlite, "go.mod")
	if _, err := os.Stat(theirs); err != nil {
		t.Skipf("needs modernc.org/sqlite in the module cache: %v", err)
	}
	if want := required(t, theirs, "modernc.org/libc"); libc != want {
		t.Errorf("go.mod has modernc.org/libc %s; sqlite %s needs %s", libc, sqlite, want)
	}
}

// required returns the version of a module that a go.mod requires, "" for none.
func required(t *testing.T, file, name string) string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(lines.Text()), "require "))
		if len(fields) >= 2 && fields[0] == name {
			return fields[1]
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return ""
}
