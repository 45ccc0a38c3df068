package file_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/file"
)

var modified = time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)

type options = map[string]string

// write puts a file into the folder, zipped where the name says so.
func write(t testing.TB, dir, name, text string, at time.Time) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(name, ".gz") {
		z := gzip.NewWriter(f)
		if _, err := z.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	} else if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func connect(t testing.TB, dir string, o options) connectors.Conn {
	t.Helper()
	env := connectors.Env{Connection: "files", Dir: dir, Streams: []connectors.StreamConfig{{Name: "rows", Options: o}}}
	conn, err := file.Definition().Open(context.Background(), connectors.Settings{"folder": "."}, env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

// round pulls pages from a cursor to the end of the round. With fresh, every page comes from a connection of
// its own, as after a restart.
func round(t testing.TB, dir string, o options, from canon.Cursor, fresh bool) (pages []connectors.Page) {
	t.Helper()
	conn := connect(t, dir, o)
	for range 100_000 {
		page, err := conn.Pull(context.Background(), "rows", from)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, page)
		if !page.More {
			return pages
		}
		from = page.Next
		if fresh {
			conn = connect(t, dir, o)
		}
	}
	t.Fatal("the round does not end")
	return nil
}

func all(pages []connectors.Page) (records []canon.Record, rejects []canon.DeadLetter) {
	for _, p := range pages {
		records = append(records, p.Records...)
		rejects = append(rejects, p.Rejects...)
	}
	return records, rejects
}

func raws(records []canon.Record) []string {
	out := []string{}
	for _, r := range records {
		out = append(out, r.ID+" "+string(r.Raw))
	}
	return out
}

func TestForms(t *testing.T) {
	want := []string{`1 {"id":"1","name":"Müller, \"Otto\"","note":"two\nlines"}`, `2 {"id":"2","name":"<b>&","note":""}`, `3 {"id":"3","name":"plain","note":"x"}`}
	csv := "id,name,note\n1,\"Müller, \"\"Otto\"\"\",\"two\nlines\"\n\n2,<b>&,\n3,plain,x"
	for _, c := range []struct {
		name, file, text string
		o                options
	}{
		{"csv", "a.csv", csv, nil},
		{"windows", "a.csv", "\ufeff" + strings.ReplaceAll(csv, "\n", "\r\n"), nil},
		{"gzip", "a.csv.gz", csv, nil},
		{"gzip with mark", "a.csv.gz", "\ufeff" + csv, nil},
		{"tab", "a.tsv", strings.ReplaceAll(strings.ReplaceAll(csv, ", ", "; "), ",", "\t"), nil},
		{"semicolon", "a.txt", strings.ReplaceAll(strings.ReplaceAll(csv, ", ", "@ "), ",", ";"), options{"delimiter": ";"}},
		{"latin1", "a.csv", strings.ReplaceAll(csv, "ü", "\xfc"), options{"encoding": "latin1"}},
		{"latin1 gzip", "a.csv.gz", strings.ReplaceAll(csv, "ü", "\xfc"), options{"encoding": "windows-1252"}},
		{"no header", "a.csv", strings.TrimPrefix(csv, "id,name,note\n"), options{"header": "id, name, note"}},
		{"jsonl", "a.jsonl", strings.ReplaceAll(strings.Join(want, "\n"), "\"id\":", " \"id\":"), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if strings.HasSuffix(c.file, "jsonl") {
				c.text = "{" + strings.Join(strings.Split(c.text, "{")[1:], "{")
				c.text = strings.ReplaceAll(strings.ReplaceAll(c.text, "\n2 ", "\n"), "\n3 ", "\r\n\r\n")
			}
			write(t, dir, c.file, c.text, modified)
			o := options{"path": c.file, "id": "id", "page": "2"}
			for k, v := range c.o {
				o[k] = v
			}
			records, rejects := all(round(t, dir, o, "", true))
			if len(rejects) > 0 {
				t.Errorf("rejects: %+v", rejects)
			}
			got := strings.NewReplacer("{ ", "{", "; ", ", ", "@ ", ", ").Replace(strings.Join(raws(records), "\n"))
			if diff := cmp.Diff(strings.Join(want, "\n"), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for i, r := range records {
				if !r.ObservedAt.Equal(modified) || r.Ref.Stream != "rows" || r.Ref.Connection != "files" {
					t.Errorf("record %+v", r)
				}
				if i > 0 && r.Version <= records[i-1].Version {
					t.Errorf("version %d is not behind %d", r.Version, records[i-1].Version)
				}
			}
		})
	}
}

func TestResumeFromEveryCursor(t *testing.T) {
	dir := t.TempDir()
	var text strings.Builder
	text.WriteString("id,note,group\n")
	for i := range 24 {
		switch i % 8 {
		case 3:
			fmt.Fprintf(&text, "%d,\"several\r\nlines, \"\"%d\"\"\",g%d\n", i, i, i%5)
		case 5:
			fmt.Fprintf(&text, "%d,5\" pipe,g%d\n", i, i%5)
		case 6:
			fmt.Fprintf(&text, "%d,short\n\n", i)
		default:
			fmt.Fprintf(&text, "%d,plain ü,g%d\n", i, i%5)
		}
	}
	write(t, dir, "b.csv", text.String(), modified)
	write(t, dir, "a.csv.gz", text.String(), modified)
	write(t, dir, "c.csv", "id,note,group\n", modified)
	write(t, dir, "d.csv", "id,note,group\n99,last,g1", modified)
	for _, o := range []options{
		{"path": "*.csv*", "id": "id"},
		{"path": "*.csv*", "id": "id", "distinct": "group"},
		{"path": "*.csv*", "id": "group"},
		{"path": "*.csv*", "id": "id", "skip_empty": "note", "encoding": "latin1"},
	} {
		for _, page := range []string{"1", "7", "500"} {
			o["page"] = page
			t.Run(fmt.Sprint(o), func(t *testing.T) {
				whole := round(t, dir, o, "", false)
				wantRecords, wantRejects := all(whole)
				if len(wantRecords) < 5 {
					t.Fatalf("only %d records", len(wantRecords))
				}
				from := canon.Cursor("")
				for i, p := range whole {
					once := map[string]bool{}
					for _, r := range p.Records {
						if once[r.ID] {
							t.Errorf("page %d has the id %s twice", i, r.ID)
						}
						once[r.ID] = true
					}
					records, rejects := all(round(t, dir, o, from, i%2 == 0))
					skipRecords, skipRejects := all(whole[:i])
					if diff := cmp.Diff(wantRecords[len(skipRecords):], records, cmpopts.EquateEmpty()); diff != "" {
						t.Fatalf("from page %d (-want +got):\n%s", i, diff)
					}
					if diff := cmp.Diff(wantRejects[len(skipRejects):], rejects, cmpopts.EquateEmpty()); diff != "" {
						t.Fatalf("rejects from page %d (-want +got):\n%s", i, diff)
					}
					from = p.Next
				}
			})
		}
	}
}

func TestUnchangedFilesAreNotReadAgain(t *testing.T) {
	dir := t.TempDir()
	o := options{"path": "x/*.csv", "id": "id"}
	write(t, dir, "x/a.csv", "id\n1\n", modified)
	write(t, dir, "x/b.csv", "id\n2\n", modified)
	ids := func(from canon.Cursor) (canon.Cursor, string) {
		pages := round(t, dir, o, from, false)
		records, _ := all(pages)
		var ids []string
		for _, r := range records {
			ids = append(ids, r.ID)
		}
		return pages[len(pages)-1].Next, strings.Join(ids, " ")
	}
	first, got := ids("")
	if got != "1 2" {
		t.Fatalf("first round: %q", got)
	}
	if second, got := ids(first); got != "" || second != first {
		t.Errorf("unchanged: %q, cursor moved: %v", got, second != first)
	}
	write(t, dir, "x/b.csv", "id\n2\n3\n", modified.Add(time.Second))
	third, got := ids(first)
	if got != "2 3" {
		t.Errorf("one changed: %q", got)
	}
	write(t, dir, "x/0.csv", "id\n0\n", modified)
	if err := os.Remove(filepath.Join(dir, "x", "a.csv")); err != nil {
		t.Fatal(err)
	}
	last, got := ids(third)
	if got != "0" || strings.Contains(string(last), "a.csv") {
		t.Errorf("one new, one gone: %q, cursor %s", got, last)
	}
}

func TestFileChangesWhileItIsRead(t *testing.T) {
	dir := t.TempDir()
	for _, distinct := range []string{"", "id"} {
		o := options{"path": "a.csv", "id": "id", "page": "2", "distinct": distinct}
		write(t, dir, "a.csv", "id\n1\n2\n3\n", modified)
		conn := connect(t, dir, o)
		page, err := conn.Pull(context.Background(), "rows", "")
		if err != nil || len(page.Records) != 2 {
			t.Fatalf("%d records, %v", len(page.Records), err)
		}
		write(t, dir, "a.csv", "id\n1\n2\n3\n4\n", modified.Add(time.Second))
		records, _ := all(round(t, dir, o, page.Next, false))
		if len(records) != 2 || records[0].ID != "3" || records[1].ID != "4" {
			t.Errorf("grown, distinct %q: %v", distinct, raws(records))
		}
		write(t, dir, "a.csv", "id\n7\n8\n9\n", modified.Add(2*time.Second))
		page, err = conn.Pull(context.Background(), "rows", page.Next)
		if err != nil || len(page.Records) != 2 || page.Records[0].ID != "7" {
			t.Errorf("replaced, distinct %q: %v, %v", distinct, raws(page.Records), err)
		}
		write(t, dir, "a.csv", "id\n7\n", modified.Add(3*time.Second))
		records, _ = all(round(t, dir, o, page.Next, false))
		if len(records) != 1 {
			t.Errorf("cut short, distinct %q: %v", distinct, raws(records))
		}
	}
}

func TestJoinDistinctSkip(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "usage.csv", "id,sub,n\n1,S1,5\n1,S2,6\n2,S3,7\n3,,8\n", modified)
	write(t, dir, "subs.csv", "sub,account\nS1,A1\nS2,A2\nbroken\nS2,A3\n", modified)
	o := options{"path": "usage.csv", "id": "id+sub", "join": "sub=subs.csv:sub:account", "skip_empty": "sub"}
	pages := round(t, dir, o, "", false)
	records, rejects := all(pages)
	want := []string{`1+S1 {"id":"1","sub":"S1","n":"5","account":"A1"}`, `1+S2 {"id":"1","sub":"S2","n":"6","account":"A3"}`, `2+S3 {"id":"2","sub":"S3","n":"7","account":""}`}
	if diff := cmp.Diff(want, raws(records)); diff != "" || len(rejects) > 0 {
		t.Errorf("%v (-want +got):\n%s", rejects, diff)
	}
	write(t, dir, "subs.csv", "sub,account\nS1,A9\n", modified.Add(time.Second))
	records, _ = all(round(t, dir, o, pages[len(pages)-1].Next, false))
	if len(records) != 3 || !strings.Contains(string(records[0].Raw), "A9") {
		t.Errorf("after a change of the joined file: %v", raws(records))
	}
	o = options{"path": "usage.csv", "id": "id", "distinct": "id"}
	if records, _ = all(round(t, dir, o, "", false)); len(records) != 3 {
		t.Errorf("distinct: %v", raws(records))
	}
}
