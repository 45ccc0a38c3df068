package file_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/file"
)

func TestRowsThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.csv", strings.Join([]string{
		"id,seats,at", // line 1
		"1,5,2024-01-01",
		"2,5\",2024-01-02",
		"3,\"a\"b,2024-01-03",
		"4,1",
		",1,2024-01-05",
		"6,many,2024-01-06",
		"7,1,soon",
		"8,\xff,2024-01-08",
		"9," + strings.Repeat("x", 1<<20) + ",2024-01-09",
		"10,1,",
		"11,\"never closed,2024-01-11",
		"12,2,2024-01-12 10:00:00",
	}, "\n"), modified)
	records, rejects := all(round(t, dir, options{"path": "a.csv", "id": "id", "version": "at", "types": "seats=int,at=time"}, "", false))
	var ids []string
	for _, r := range records {
		ids = append(ids, r.ID)
	}
	if diff := cmp.Diff([]string{"1", "10", "12"}, ids); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	var got []string
	for _, d := range rejects {
		if d.Code != "file.row" || d.Hint == "" || !d.OccurredAt.Equal(modified) || (d.Raw != nil && !json.Valid(d.Raw)) {
			t.Errorf("reject %+v", d)
		}
		got = append(got, d.RecordID+" "+d.Path+" "+d.Reason)
	}
	want := []string{
		`  a.csv:3:4: line 3: bare " in non-quoted-field`,
		`  a.csv:4:5: line 4: extraneous or missing " in quoted-field`,
		`  a.csv:5: line 5: it has 2 fields, the header has 3`,
		` id a.csv:6: line 6: the id column id is empty`,
		`6 seats a.csv:7: line 7: the column seats holds "many", which is not of type int`,
		`7 at a.csv:8: line 8: the column at holds "soon", which is not of type time`,
		`  a.csv:9: line 9: the text is not UTF-8 (set the option encoding)`,
		`  a.csv:10: line 10: it is longer than 1048576 bytes`,
		`  a.csv:12:29: line 12: extraneous or missing " in quoted-field`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rejects (-want +got):\n%s", diff)
	}
	if v := records[0].Version; v != time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro() {
		t.Errorf("version = %d", v)
	}
	if records[1].Version != 0 {
		t.Errorf("the version of an empty value = %d", records[1].Version)
	}
}

func TestObjectsThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.jsonl", "{\"id\":1,\"v\":7}\n[1]\nnull\n{\"id\":null}\n{\"id\":\"2\"\n{\"id\":{\"a\":1}}\n", modified)
	records, rejects := all(round(t, dir, options{"path": "a.jsonl", "id": "id", "version": "v"}, "", false))
	if diff := cmp.Diff([]string{`1 {"id":1,"v":7}`, `{"a":1} {"id":{"a":1}}`}, raws(records)); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	if len(rejects) != 4 || records[0].Version != 7 {
		t.Errorf("got %d rejects, version %d", len(rejects), records[0].Version)
	}
}

func TestErrors(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.csv", "id,name\n1,x\n", modified)
	write(t, dir, "twice.csv", "id,id\n1,x\n", modified)
	write(t, dir, "empty.csv", "", modified)
	write(t, dir, "cut.csv.gz", strings.Repeat("id,name\n1,x\n", 100), modified)
	if err := os.Truncate(filepath.Join(dir, "cut.csv.gz"), 20); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "fake.csv.gz.txt", "id\n", modified)
	if err := os.Rename(filepath.Join(dir, "fake.csv.gz.txt"), filepath.Join(dir, "fake.csv.gz")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		o          options
		code, text string
	}{
		{options{"path": "b.csv", "id": "id"}, "file.missing", "no file b.csv"},
		{options{"path": "a.csv", "id": "key+id"}, "file.header", `no column "key", which the option id names; it has id, name`},
		{options{"path": "a.csv", "id": "id", "version": "at"}, "file.header", `"at"`},
		{options{"path": "twice.csv", "id": "id"}, "file.header", "twice"},
		{options{"path": "empty.csv", "id": "id"}, "file.header", "is empty"},
		{options{"path": "cut.csv.gz", "id": "id"}, "file.unreadable", "cut.csv.gz"},
		{options{"path": "fake.csv.gz", "id": "id"}, "file.unreadable", "fake.csv.gz"},
		{options{"path": "a.csv", "id": "id", "join": "name=none.csv:a:b"}, "file.missing", "none.csv"},
		{options{"path": "a.csv", "id": "id", "join": "name=a.csv:a:b"}, "file.header", `"a"`},
		{options{"path": "a.csv"}, "file.option", "needs the option id"},
		{options{"id": "id"}, "file.option", "needs the option path"},
		{options{"path": "a.csv", "id": "id", "pages": "1"}, "file.option", `no option "pages"`},
		{options{"path": "a.csv", "id": "id", "page": "0"}, "file.option", "page"},
		{options{"path": "a.csv", "id": "id", "format": "xml"}, "file.option", "format"},
		{options{"path": "a.csv", "id": "id", "delimiter": "--"}, "file.option", "delimiter"},
		{options{"path": "a.csv", "id": "id", "encoding": "ebcdic"}, "file.option", "encoding"},
		{options{"path": "a.csv", "id": "id", "kinds": "firm"}, "file.option", "firm"},
		{options{"path": "a.csv", "id": "id", "types": "id=money"}, "file.option", "types"},
		{options{"path": "a.csv", "id": "id", "join": "x"}, "file.option", "join"},
		{options{"path": "a.csv", "id": "a++b"}, "file.option", "id"},
		{options{"path": "[", "id": "a"}, "file.option", "pattern"},
	} {
		env := connectors.Env{Connection: "files", Dir: dir, Streams: []connectors.StreamConfig{{Name: "rows", Options: c.o}}}
		conn, err := file.Definition().Open(t.Context(), connectors.Settings{}, env)
		checked := err
		if err == nil {
			checked = conn.Check(t.Context())
			_, err = conn.Pull(t.Context(), "rows", "")
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
		}
		for _, err := range []error{err, checked} {
			var e *canon.Error
			if !errors.As(err, &e) || e.Code != c.code || !strings.Contains(e.Message, c.text) || e.Hint == "" {
				t.Errorf("%v: got %v, want %s with %q", c.o, err, c.code, c.text)
			}
		}
	}
}

func TestOtherFaults(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.csv", "id\n1\n2\n", modified)
	conn := connect(t, dir, options{"path": "a.csv", "id": "id", "kinds": "company,usage"})
	if err := conn.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]canon.Kind{canon.KindCompany, canon.KindUsage}, conn.Streams()[0].Kinds); diff != "" {
		t.Error(diff)
	}
	if _, err := conn.Pull(t.Context(), "other", ""); canon.CodeOf(err) != "stream.unknown" {
		t.Errorf("another stream: %v", err)
	}
	for _, from := range []canon.Cursor{"x", `{"offset":-1}`, `{"offset":1,"tail":9}`} {
		if _, err := conn.Pull(t.Context(), "rows", from); canon.CodeOf(err) != "cursor.invalid" {
			t.Errorf("cursor %s: %v", from, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := conn.Pull(ctx, "rows", ""); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := file.Definition().Open(t.Context(), nil, connectors.Env{}); canon.CodeOf(err) != "file.option" {
		t.Errorf("no streams: %v", err)
	}
	pages := round(t, dir, options{"path": "none-*.csv", "id": "id"}, "", false)
	if len(pages) != 1 || len(pages[0].Records) != 0 {
		t.Errorf("a pattern without files: %+v", pages)
	}
}
