package file_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/file"
)

// account is a row with most of what Parquet has.
type account struct {
	ID      int64            `parquet:"id"`
	Name    *string          `parquet:"name,optional"`
	Paid    int64            `parquet:"paid,decimal(2:18)"`
	At      time.Time        `parquet:"at,timestamp(microsecond)"`
	Day     int32            `parquet:"day,date"`
	Key     [16]byte         `parquet:"key,uuid"`
	Share   float64          `parquet:"share"`
	Active  bool             `parquet:"active"`
	Count   uint32           `parquet:"count"`
	Bytes   []byte           `parquet:"bytes"`
	Tags    []string         `parquet:"tags,list"`
	Plain   []int32          `parquet:"plain"`
	Labels  map[string]int64 `parquet:"labels"`
	Address *address         `parquet:"address,optional"`
	Lines   []line           `parquet:"lines,list"`
}

type address struct {
	City *string   `parquet:"city,optional"`
	Geo  []float32 `parquet:"geo,list"`
}

type line struct {
	SKU   string   `parquet:"sku"`
	Notes []string `parquet:"notes,list"`
}

// table writes rows as a Parquet file, so many to a row group.
func table[T any](t testing.TB, path string, rows []T, group int) {
	t.Helper()
	var out bytes.Buffer
	w := parquet.NewGenericWriter[T](&out, parquet.Compression(&parquet.Snappy))
	for i, r := range rows {
		if i > 0 && i%group == 0 {
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.Write([]T{r}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, modified, modified); err != nil {
		t.Fatal(err)
	}
}

func TestParquetValues(t *testing.T) {
	dir := t.TempDir()
	name, city := `<Brightwater> "é"`, "Kyōto"
	at := time.Date(2026, 1, 2, 3, 4, 5, 678000, time.FixedZone("", 3600))
	table(t, filepath.Join(dir, "a.parquet"), []account{
		{ID: 1 << 60, Name: &name, Paid: -1205, At: at, Day: 20455, Key: [16]byte{0x6b, 0xa7, 15: 0xc8}, Share: 0.1, Active: true, Count: 1<<32 - 1,
			Bytes: []byte{0, 255}, Tags: []string{"a", ""}, Plain: []int32{1, 2}, Labels: map[string]int64{"x": 1},
			Address: &address{City: &city, Geo: []float32{0.5, -1}}, Lines: []line{{SKU: "s", Notes: []string{"n", "m"}}, {SKU: "t"}}},
		{ID: 2, At: time.Unix(0, 0), Paid: 5, Address: &address{}},
	}, 100)
	records, rejects := all(round(t, dir, options{"path": "a.parquet", "id": "id", "version": "at"}, "", false))
	want := []string{
		`1152921504606846976 {"id":1152921504606846976,"name":"<Brightwater> \"é\"","paid":-12.05,"at":"2026-01-02T02:04:05.000678Z","day":"2026-01-02",` +
			`"key":"6ba70000-0000-0000-0000-0000000000c8","share":0.1,"active":true,"count":4294967295,"bytes":"AP8=","tags":["a",""],"plain":[1,2],"labels":{"x":1},` +
			`"address":{"city":"Kyōto","geo":[0.5,-1]},"lines":[{"sku":"s","notes":["n","m"]},{"sku":"t","notes":[]}]}`,
		`2 {"id":2,"name":null,"paid":0.05,"at":"1970-01-01T00:00:00Z","day":"1970-01-01","key":"00000000-0000-0000-0000-000000000000","share":0,"active":false,` +
			`"count":0,"bytes":"","tags":[],"plain":[],"labels":{},"address":{"city":null,"geo":[]},"lines":[]}`,
	}
	if diff := cmp.Diff(want, raws(records)); diff != "" || len(rejects) > 0 {
		t.Errorf("rejects %v (-want +got):\n%s", rejects, diff)
	}
	if records[0].Version != at.UnixMicro() {
		t.Errorf("version %d", records[0].Version)
	}
}

// TestParquetOfOtherPrograms reads files that Impala, Spark and Arrow wrote.
func TestParquetOfOtherPrograms(t *testing.T) {
	for _, c := range []struct{ name, id, want string }{
		{"nested_lists.snappy", "b", `{"a":[[["a","b"],["c"]],[null,["d"]]],"b":1}`},
		{"nested_maps.snappy", "b", `{"a":{"a":{"1":true,"2":false}},"b":1,"c":1}`},
		{"fixed_length_decimal", "value", `{"value":1.00}`},
		{"alltypes_plain", "id", `{"id":4,"bool_col":true,"tinyint_col":0,"smallint_col":0,"int_col":0,"bigint_col":0,"float_col":0,"double_col":0,"date_string_col":"MDMvMDEvMDk=","string_col":"MA==","timestamp_col":"2009-03-01T00:00:00Z"}`},
		{"nullable.impala", "id", `{"id":1,"int_array":[1,2,3],"int_array_Array":[[1,2],[3,4]],"int_map":{"k1":1,"k2":100},"int_Map_Array":[{"k1":1}],"nested_struct":{"A":1,"b":[1],"C":{"d":[[{"E":10,"F":"aaa"},{"E":-10,"F":"bbb"}],[{"E":11,"F":"c"}]]},"g":{"foo":{"H":{"i":[1.1]}}}}}`},
	} {
		records, rejects := all(round(t, "testdata", options{"path": c.name + ".parquet", "id": c.id}, "", false))
		if len(records) == 0 || len(rejects) > 0 {
			t.Errorf("%s: %d records, rejects %v", c.name, len(records), rejects)
			continue
		}
		if diff := cmp.Diff(c.want, string(records[0].Raw)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// TestParquetPages: whatever the sizes of groups and pages, every row is read once, though every page is read
// after a restart, also with the options that look at columns.
func TestParquetPages(t *testing.T) {
	type row struct {
		ID    int64   `parquet:"id"`
		Group *string `parquet:"group,optional"`
		List  []int32 `parquet:"list,list"`
	}
	dir := t.TempDir()
	rapid.Check(t, func(r *rapid.T) {
		var rows []row
		want, seen := []string{}, map[string]bool{}
		distinct := rapid.Bool().Draw(r, "distinct")
		for i := range rapid.IntRange(0, 200).Draw(r, "rows") {
			w := row{ID: int64(i), List: rapid.SliceOfN(rapid.Int32(), 0, 3).Draw(r, "list")}
			if rapid.Bool().Draw(r, "has group") {
				w.Group = new(string)
				*w.Group = rapid.SampledFrom([]string{"a", "b", "c"}).Draw(r, "group")
			}
			rows = append(rows, w)
			if !distinct || w.Group != nil && !seen[*w.Group] {
				want = append(want, fmt.Sprint(i))
			}
			if w.Group != nil {
				seen[*w.Group] = true
			}
		}
		table(t, filepath.Join(dir, "p.parquet"), rows, rapid.IntRange(1, 90).Draw(r, "group size"))
		o := options{"path": "p.parquet", "id": "id", "page": fmt.Sprint(rapid.IntRange(1, 80).Draw(r, "page"))}
		if distinct {
			o["distinct"], o["skip_empty"] = "group", "group"
		}
		got := []string{}
		records, _ := all(round(t, dir, o, "", true))
		for _, rec := range records {
			got = append(got, rec.ID)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			r.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

func TestParquetLaws(t *testing.T) {
	dir := t.TempDir()
	type row struct {
		ID   int64  `parquet:"id"`
		Name string `parquet:"name"`
	}
	table(t, filepath.Join(dir, "a.parquet"), []row{{1, "a"}, {2, "b"}, {3, "c"}, {4, "d"}, {5, "e"}}, 2)
	connectortest.Run(t, file.Definition(), connectortest.Options{
		Now: modified.Add(time.Hour), Dir: dir,
		Streams: []connectors.StreamConfig{{Name: "accounts", Options: options{"path": "a.parquet", "id": "id", "page": "2"}}},
	})
}

// TestAReplacedParquetFile is read from its start.
func TestAReplacedParquetFile(t *testing.T) {
	dir := t.TempDir()
	type row struct {
		ID int64 `parquet:"id"`
	}
	path := filepath.Join(dir, "a.parquet")
	table(t, path, []row{{1}, {2}, {3}}, 9)
	o := options{"path": "a.parquet", "id": "id", "page": "2"}
	first := round(t, dir, o, "", false)
	table(t, path, []row{{7}, {8}, {9}}, 9)
	if err := os.Chtimes(path, modified, modified.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	records, _ := all(round(t, dir, o, first[0].Next, false))
	if len(records) != 3 || records[0].ID != "7" {
		t.Errorf("got %v", raws(records))
	}
}

func TestParquetFaults(t *testing.T) {
	dir := t.TempDir()
	type row struct {
		ID   *int64 `parquet:"id,optional"`
		Name string `parquet:"name"`
	}
	one := int64(1)
	table(t, filepath.Join(dir, "a.parquet"), []row{{&one, "x"}, {nil, "y"}}, 9)
	_, rejects := all(round(t, dir, options{"path": "a.parquet", "id": "id"}, "", false))
	if len(rejects) != 1 || rejects[0].Reason != "a.parquet:2: row 2: the id column id is empty" {
		t.Errorf("rejects %+v", rejects)
	}
	whole, err := os.ReadFile(filepath.Join(dir, "a.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "cut.parquet", string(whole[:len(whole)-5]), modified)
	write(t, dir, "no.parquet", "id,name\n1,x\n", modified)
	write(t, dir, "empty.parquet", "", modified)
	write(t, dir, "a.parquet.gz", string(whole), modified)
	for _, name := range []string{"num_values_exceeds_data.parquet", "negative_page_size.parquet"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, name, string(b), modified)
	}
	for _, c := range []struct{ path, id, code string }{
		{"cut.parquet", "id", "file.unreadable"}, {"no.parquet", "id", "file.unreadable"}, {"empty.parquet", "id", "file.unreadable"},
		{"a.parquet.gz", "id", "file.option"}, {"a.parquet", "key", "file.header"},
		{"num_values_exceeds_data.parquet", "", "file.unreadable"}, {"negative_page_size.parquet", "", "file.unreadable"},
	} {
		if c.id == "" {
			c.id = firstColumn(t, filepath.Join(dir, c.path))
		}
		_, err := pullAll(connect(t, dir, options{"path": c.path, "id": c.id}))
		if e := canon.AsError(err); e == nil || e.Code != c.code || !strings.Contains(e.Message, c.path) || e.Hint == "" {
			t.Errorf("%s: %v", c.path, err)
		}
	}
}

// firstColumn asks the library for the name of a file's first column.
func firstColumn(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	p, err := parquet.OpenFile(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	return p.Schema().Fields()[0].Name()
}

func pullAll(conn connectors.Conn) (out []canon.Record, err error) {
	page := connectors.Page{More: true}
	for range 10_000 {
		if !page.More {
			return out, nil
		}
		if page, err = conn.Pull(context.Background(), "rows", page.Next); err != nil {
			return out, err
		}
		out = append(out, page.Records...)
	}
	return out, fmt.Errorf("the round does not end")
}

func TestParquetMemoryIsBounded(t *testing.T) {
	dir := t.TempDir()
	type row struct {
		ID   int64  `parquet:"id"`
		Note string `parquet:"note"`
	}
	rows := make([]row, 100_000)
	for i := range rows {
		rows[i] = row{int64(i), strings.Repeat(fmt.Sprint(i), 40)}
	}
	table(t, filepath.Join(dir, "a.parquet"), rows, 10_000)
	conn := connect(t, dir, options{"path": "a.parquet", "id": "id", "page": "1000"})
	var most uint64
	count := 0
	for page := (connectors.Page{More: true}); page.More; {
		var err error
		if page, err = conn.Pull(t.Context(), "rows", page.Next); err != nil {
			t.Fatal(err)
		}
		if count += len(page.Records); count%20_000 < 1000 {
			// Twice, as what lies in pools is let go by the second.
			runtime.GC()
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
	}
	if count != 100_000 || most > 24<<20 {
		t.Errorf("%d records, %d MB in use", count, most>>20)
	}
}

// FuzzParquet damages a good file: it gives rows or an error, and never a panic.
func FuzzParquet(f *testing.F) {
	type row struct {
		ID   int64    `parquet:"id"`
		Name *string  `parquet:"name,optional"`
		Tags []string `parquet:"tags,list"`
	}
	name := "x"
	path := filepath.Join(f.TempDir(), "a.parquet")
	table(f, path, []row{{1, &name, []string{"a", "b"}}, {2, nil, nil}, {3, &name, []string{""}}}, 2)
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	for i := 7; i < len(whole); i += 41 {
		b := bytes.Clone(whole)
		b[i] ^= 0x41
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		write(t, dir, "a.parquet", string(b), modified)
		records, _ := pullAll(connect(t, dir, options{"path": "a.parquet", "id": "id", "page": "2"}))
		for _, r := range records {
			if !json.Valid(r.Raw) {
				t.Errorf("record %s", r.Raw)
			}
		}
	})
}
