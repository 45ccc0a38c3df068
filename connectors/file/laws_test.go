package file_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/file"
)

// TestWhatWasWrittenIsRead: any table that encoding/csv writes is read back as it was, whatever the page
// size, delimiter and line ends, though every page is read after a restart.
func TestWhatWasWrittenIsRead(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(r *rapid.T) {
		cell := rapid.OneOf(rapid.SampledFrom([]string{"", "\"", ",", ";", "\n", "a\nb", " x ", "\"\"", "é", "{}"}), rapid.StringMatching(`[ -~\n]{0,12}`))
		table := rapid.SliceOfN(rapid.SliceOfN(cell, 3, 3), 0, 30).Draw(r, "table")
		delimiter := rapid.SampledFrom([]string{",", ";", "tab"}).Draw(r, "delimiter")
		name := rapid.SampledFrom([]string{"t.csv", "t.csv.gz"}).Draw(r, "name")
		var text bytes.Buffer
		w := csv.NewWriter(&text)
		w.Comma = []rune(strings.Replace(delimiter, "tab", "\t", 1))[0]
		rows := append([][]string{{"id", "a", "b", "c"}}, nil...)
		var want []string
		for i, cells := range table {
			row := append([]string{strconv.Itoa(i)}, cells...)
			rows = append(rows, row)
			want = append(want, strings.Join(row, "\x00"))
		}
		if err := w.WriteAll(rows); err != nil {
			r.Fatal(err)
		}
		write(t, dir, name, text.String(), modified)
		records, rejects := all(round(t, dir, options{"path": name, "id": "id", "delimiter": delimiter, "page": strconv.Itoa(rapid.IntRange(1, 9).Draw(r, "page"))}, "", true))
		var got []string
		for _, rec := range records {
			var object map[string]string
			if err := json.Unmarshal(rec.Raw, &object); err != nil {
				r.Fatal(err)
			}
			got = append(got, strings.Join([]string{object["id"], object["a"], object["b"], object["c"]}, "\x00"))
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || len(rejects) > 0 {
			r.Fatalf("rejects %v (-want +got):\n%s", rejects, diff)
		}
	})
}

// TestMemoryIsBounded reads a table of 20 MB whose first row opens a quote that nothing closes.
func TestMemoryIsBounded(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "a.csv"))
	if err != nil {
		t.Fatal(err)
	}
	const rows = 100_000
	fmt.Fprintln(f, "id,note\n0,\"open")
	filler := strings.Repeat("x", 190)
	for i := 1; i < rows; i++ {
		if _, err := fmt.Fprintf(f, "%d,%s\n", i, filler); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	conn := connect(t, dir, options{"path": "a.csv", "id": "id", "page": "1000"})
	var records, rejects int
	var most uint64
	for page := (connectors.Page{More: true}); page.More; {
		if page, err = conn.Pull(t.Context(), "rows", page.Next); err != nil {
			t.Fatal(err)
		}
		records += len(page.Records)
		rejects += len(page.Rejects)
		if records%20_000 < 1000 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapInuse)
		}
	}
	if records != rows-1 || rejects != 1 {
		t.Errorf("%d records and %d rejects, want %d and 1", records, rejects, rows-1)
	}
	if most > 12<<20 {
		t.Errorf("%d MB in use", most>>20)
	}
}

func TestDefinitionIsDocumented(t *testing.T) {
	def := file.Definition()
	for _, s := range def.Settings {
		if s.Title == "" || s.Doc == "" {
			t.Errorf("setting %s is not documented", s.Name)
		}
	}
	for _, option := range []string{"path", "id", "version", "format", "delimiter", "encoding", "header", "page", "types", "skip_empty", "distinct", "join", "kinds"} {
		if !strings.Contains(def.Behavior, "**"+option+"**") {
			t.Errorf("the option %s is not documented", option)
		}
	}
}

func FuzzRows(f *testing.F) {
	f.Add("id,name\n1,a\n2,\"b\nc\"\n", false)
	f.Add("id\n\"\n\"\"\n1,\"", false)
	f.Add("\ufeffid;name\r\n1;x\r\n", false)
	f.Add("{\"id\":1}\n{\"id\":\"2\",\"a\":[{}]}\nnull\n", true)
	f.Add("id,name\n1,a\"b\n\xff,2\n\n\n3,\"x\"\"y\"", false)
	f.Fuzz(func(t *testing.T, text string, jsonl bool) {
		dir := t.TempDir()
		write(t, dir, "a.csv", text, modified)
		o := options{"path": "a.csv", "id": "id", "page": "2"}
		if jsonl {
			o["format"] = "jsonl"
		}
		if conn := connect(t, dir, o); conn.Check(t.Context()) != nil {
			return // no usable header
		}
		pages := round(t, dir, o, "", false)
		records, rejects := all(pages)
		again, rejectedAgain := all(round(t, dir, o, "", true))
		if diff := cmp.Diff(records, again) + cmp.Diff(rejects, rejectedAgain); diff != "" {
			t.Fatalf("after restarts (-open +fresh):\n%s", diff)
		}
		if n := len(records) + len(rejects); n > strings.Count(text, "\n")+1 {
			t.Errorf("%d rows of %d lines", n, strings.Count(text, "\n")+1)
		}
		for _, r := range records {
			if !json.Valid(r.Raw) || r.ID == "" {
				t.Errorf("record %+v", r)
			}
		}
		for _, d := range rejects {
			if d.Raw != nil && !json.Valid(d.Raw) {
				t.Errorf("reject %+v", d)
			}
		}
	})
}
