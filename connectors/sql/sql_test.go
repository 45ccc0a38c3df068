package sqlsource_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	sqlsource "github.com/lifecyclehub/hub/connectors/sql"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type options = map[string]string

// engine is a database of a test's own.
type engine struct {
	name, url string
	db        *sql.DB
}

// exec runs statements beside the connector.
func (e engine) exec(t testing.TB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := e.db.ExecContext(context.Background(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// engines runs a test against each database that is there.
func engines(t *testing.T, fn func(t *testing.T, e engine)) {
	t.Run("sqlite", func(t *testing.T) { fn(t, openSQLite(t)) })
	t.Run("postgres", func(t *testing.T) {
		url := os.Getenv("HUB_TEST_POSTGRES")
		if url == "" {
			t.Skip("postgres: HUB_TEST_POSTGRES is not set")
		}
		admin := engine{db: opened(t, "pgx", url)}
		schema := fmt.Sprintf("hub_sql_%d_%d", os.Getpid(), time.Now().UnixNano())
		admin.exec(t, "CREATE SCHEMA "+schema)
		t.Cleanup(func() { admin.exec(t, "DROP SCHEMA "+schema+" CASCADE") })
		separator := "?"
		if strings.Contains(url, "?") {
			separator = "&"
		}
		url += separator + "search_path=" + schema
		fn(t, engine{name: "postgres", url: url, db: opened(t, "pgx", url)})
	})
	t.Run("mysql", func(t *testing.T) {
		dsn := os.Getenv("HUB_TEST_MYSQL")
		if dsn == "" {
			t.Skip("mysql: HUB_TEST_MYSQL is not set (user:password@tcp(host:port)/)")
		}
		admin := engine{db: opened(t, "mysql", dsn)}
		name := fmt.Sprintf("hub_sql_%d_%d", os.Getpid(), time.Now().UnixNano())
		admin.exec(t, "CREATE DATABASE "+name)
		t.Cleanup(func() { admin.exec(t, "DROP DATABASE "+name) })
		cfg, err := mysql.ParseDSN(dsn)
		if err != nil {
			t.Fatal(err)
		}
		cfg.DBName = name
		fn(t, engine{name: "mysql", url: cfg.FormatDSN(), db: opened(t, "mysql", cfg.FormatDSN())})
	})
}

func opened(t *testing.T, driver, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func openSQLite(t *testing.T) engine {
	t.Helper()
	path := filepath.Join(t.TempDir(), "shop #1.db")
	return engine{name: "sqlite", url: path, db: opened(t, "sqlite", path)}
}

var now = time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)

func (e engine) connect(t testing.TB, o options) (connectors.Conn, error) {
	t.Helper()
	conn, err := sqlsource.Definition().Open(context.Background(), connectors.Settings{"driver": e.name, "url": e.url, "timeout": "1m"},
		connectors.Env{Connection: "shop", Now: func() time.Time { return now }, Streams: []connectors.StreamConfig{{Name: "rows", Options: o}}})
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn, nil
}

// round pulls a round page by page.
func (e engine) round(t testing.TB, o options, from canon.Cursor) []connectors.Page {
	t.Helper()
	conn, err := e.connect(t, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Check(context.Background()); err != nil {
		t.Fatal(err)
	}
	var out []connectors.Page
	for range 1000 {
		page, err := conn.Pull(context.Background(), "rows", from)
		if err != nil {
			t.Fatal(err)
		}
		if page.More && page.Next == from {
			t.Fatal("the round does not move on")
		}
		out = append(out, page)
		if !page.More {
			return out
		}
		from = page.Next
	}
	t.Fatal("the round does not end")
	return nil
}

func ids(pages []connectors.Page) []string {
	out := []string{}
	for _, p := range pages {
		for _, r := range p.Records {
			out = append(out, r.ID)
		}
	}
	return out
}

func last(pages []connectors.Page) canon.Cursor { return pages[len(pages)-1].Next }

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestLaws(t *testing.T) {
	e := openSQLite(t)
	e.exec(t, "CREATE TABLE accounts (id INTEGER PRIMARY KEY, name TEXT, at TEXT)",
		"INSERT INTO accounts VALUES (1,'Brightwater Foods','2026-01-01T10:00:00Z'),(2,'Old Mill','2026-01-01T10:00:00Z'),(3,'Ōkubo Seiki','2026-01-02T10:00:00Z'),(4,'x','2026-01-02T10:00:00Z'),(5,'y','2026-01-02T10:00:00Z')")
	// The user declares the streams and brings the mapping, which the law asks of vendors only.
	def := sqlsource.Definition()
	def.Category = "file"
	connectortest.Run(t, def, connectortest.Options{
		Settings: connectors.Settings{"driver": "sqlite", "url": filepath.Base(e.url)}, Dir: filepath.Dir(e.url), Now: now,
		Streams: []connectors.StreamConfig{
			{Name: "accounts", Options: options{"query": "SELECT * FROM accounts", "id": "id", "cursor": "at", "page": "2"}},
			{Name: "whole", Options: options{"query": "SELECT id, name FROM accounts", "id": "id+name", "page": "2"}},
		},
	})
}

// TestRoundsGoOn: rows of one cursor value are drained by id, later rounds read what changed, late rows
// within the overlap are found.
func TestRoundsGoOn(t *testing.T) {
	engines(t, func(t *testing.T, e engine) {
		e.exec(t, "CREATE TABLE people (id VARCHAR(20) PRIMARY KEY, at TIMESTAMP(6), gone INTEGER)")
		for i := range 9 {
			e.exec(t, fmt.Sprintf("INSERT INTO people VALUES ('%c%d', '2026-01-01 10:00:00.5', 0)", "aB"[i%2], i))
		}
		o := options{"query": "SELECT * FROM people -- all of them", "id": "ID", "cursor": "at", "deleted": "gone", "page": "2", "overlap": "1m"}
		first := e.round(t, o, "")
		got := ids(first)
		slices.Sort(got)
		same(t, "the first round", []string{"B1", "B3", "B5", "B7", "a0", "a2", "a4", "a6", "a8"}, got)
		if want := time.Date(2026, 1, 1, 10, 0, 0, 5e8, time.UTC).UnixMicro(); first[0].Records[0].Version != want {
			t.Errorf("version %d, want %d", first[0].Records[0].Version, want)
		}
		e.exec(t, "UPDATE people SET at = '2026-01-03 00:00:00', gone = 1 WHERE id = 'a0'", "INSERT INTO people VALUES ('A1', '2026-01-01 09:59:30', 0)",
			"INSERT INTO people VALUES ('z', '2026-01-01 09:58:59', 0)", "INSERT INTO people VALUES ('never', NULL, 0)")
		second := e.round(t, o, last(first))
		got = ids(second)
		if len(got) != 10 || got[0] != "A1" || got[9] != "a0" {
			t.Errorf("the second round: %v", got)
		}
		for _, p := range second {
			for _, r := range p.Records {
				if r.Deleted != (r.ID == "a0") {
					t.Errorf("%s is deleted: %v", r.ID, r.Deleted)
				}
			}
		}
		same(t, "the third round", []string{"a0"}, ids(e.round(t, o, last(second))))
	})
}

func TestNumbersAsCursor(t *testing.T) {
	engines(t, func(t *testing.T, e engine) {
		e.exec(t, "CREATE TABLE log (id BIGINT PRIMARY KEY, seq DECIMAL(20,0))")
		const big = 9007199254740993 // a float cannot hold it
		for i := range 5 {
			e.exec(t, fmt.Sprintf("INSERT INTO log VALUES (%d, %d)", int64(big)+int64(i), int64(big)+int64(i)))
		}
		o := options{"query": "SELECT id, seq FROM log", "id": "id", "cursor": "seq", "page": "2"}
		first := e.round(t, o, "")
		want := []string{}
		for i := range 5 {
			want = append(want, fmt.Sprint(int64(big)+int64(i)))
		}
		same(t, "ids", want, ids(first))
		if v := first[2].Records[0].Version; v != big+4 {
			t.Errorf("version %d", v)
		}
		same(t, "without overlap", want[4:], ids(e.round(t, o, last(first))))
		o["overlap"] = "2"
		same(t, "with overlap", want[2:], ids(e.round(t, o, last(first))))
	})
}

func TestFullListsSweep(t *testing.T) {
	engines(t, func(t *testing.T, e engine) {
		e.exec(t, "CREATE TABLE plans (code VARCHAR(20), region INTEGER)", "INSERT INTO plans VALUES ('a+b', 1), ('a', 2), ('A', 1), ('a', 1), (NULL, 1)")
		o := options{"query": "SELECT code, region FROM plans", "id": "code+region", "page": "2", "guard": "0.5"}
		first := e.round(t, o, "")
		got := ids(first)
		slices.Sort(got)
		same(t, "ids", []string{"A+1", "a%2Bb+1", "a+1", "a+2"}, got)
		for _, p := range append(first, e.round(t, o, last(first))...) {
			if p.Sweep == nil || p.Sweep.Round != "2026-02-01T12:00:00Z" || p.Sweep.Guard != 0.5 {
				t.Errorf("sweep %+v", p.Sweep)
			}
		}
	})
}

func TestDuplicatesAreTold(t *testing.T) {
	e := openSQLite(t)
	e.exec(t, "CREATE TABLE history (id INTEGER, at INTEGER, x TEXT)", "INSERT INTO history VALUES (1,1,'a'),(1,1,'b'),(1,2,'c'),(2,2,'d')")
	pages := e.round(t, options{"query": "SELECT * FROM history", "id": "id", "cursor": "at"}, "")
	same(t, "ids", []string{"1", "1", "2"}, ids(pages))
	if len(pages) != 2 || len(pages[0].Rejects) != 1 || pages[0].Rejects[0].Code != "sql.duplicate" {
		t.Errorf("pages %+v", pages)
	}
	// Also where the page ends between the two.
	pages = e.round(t, options{"query": "SELECT * FROM history", "id": "id", "cursor": "at", "page": "1"}, "")
	same(t, "ids on small pages", []string{"1", "1", "2"}, ids(pages))
	if len(pages[0].Rejects) != 1 {
		t.Errorf("pages %+v", pages)
	}
}

func TestSettleWaits(t *testing.T) {
	e := openSQLite(t)
	e.exec(t, "CREATE TABLE t (id INTEGER, at TEXT)", "INSERT INTO t VALUES (1,'2026-02-01 11:58:00'),(2,'2026-02-01 11:59:30'),(3,'2026-02-01 11:59:50')")
	o := options{"query": "SELECT * FROM t", "id": "id", "cursor": "at", "settle": "20s"}
	pages := e.round(t, o, "")
	same(t, "ids", []string{"1", "2"}, ids(pages))
	if !strings.Contains(string(last(pages)), "11:59:30") {
		t.Errorf("cursor %s", last(pages))
	}
}

func TestValues(t *testing.T) {
	values := map[string][]string{
		"sqlite": {"CREATE TABLE v (id INTEGER, n NUMERIC, r REAL, big INTEGER, t DATETIME, d DATE, b BLOB, s TEXT, z TEXT, ok BOOLEAN)",
			`INSERT INTO v VALUES (1, 12.5, 0.1, 9223372036854775807, '2026-01-01 10:00:00.25', '2026-01-02', x'00ff', '<é "q">', NULL, 1)`,
			`{"id":1,"n":12.5,"r":0.1,"big":9223372036854775807,"t":"2026-01-01T10:00:00.25Z","d":"2026-01-02","b":"AP8=","s":"<é \"q\">","z":null,"ok":1}`},
		"postgres": {"CREATE TABLE v (id INT, n NUMERIC(30,10), r FLOAT8, big BIGINT, t TIMESTAMPTZ, u TIMESTAMP, d DATE, b BYTEA, s TEXT, z TEXT, ok BOOLEAN, j JSONB, g UUID, a INT[])",
			`INSERT INTO v VALUES (1, 12345678901234567890.0123456789, 0.1, 9223372036854775807, '2026-01-01 10:00:00.25+02', '2026-01-01 10:00', '2026-01-02', '\x00ff', '<é "q">', NULL, true, '{"a": [1]}', '6ba7b810-9dad-11d1-80b4-00c04fd430c8', '{1,2}')`,
			`{"id":1,"n":12345678901234567890.0123456789,"r":0.1,"big":9223372036854775807,"t":"2026-01-01T08:00:00.25Z","u":"2026-01-01T10:00:00Z","d":"2026-01-02","b":"AP8=","s":"<é \"q\">","z":null,"ok":true,"j":{"a":[1]},"g":"6ba7b810-9dad-11d1-80b4-00c04fd430c8","a":"{1,2}"}`},
		"mysql": {"CREATE TABLE v (id INT, n DECIMAL(30,10), r DOUBLE, big BIGINT UNSIGNED, t TIMESTAMP(2), u DATETIME, d DATE, b VARBINARY(9), s TEXT, z TEXT, ok TINYINT(1))",
			`INSERT INTO v VALUES (1, 12345678901234567890.0123456789, 0.1, 18446744073709551615, '2026-01-01 10:00:00.25', '2026-01-01 10:00', '2026-01-02', x'00ff', '<é "q">', NULL, true)`,
			`{"id":1,"n":12345678901234567890.0123456789,"r":0.1,"big":18446744073709551615,"t":"2026-01-01T10:00:00.25Z","u":"2026-01-01T10:00:00Z","d":"2026-01-02","b":"AP8=","s":"<é \"q\">","z":null,"ok":1}`},
	}
	engines(t, func(t *testing.T, e engine) {
		v := values[e.name]
		e.exec(t, v[0], v[1])
		for _, o := range []options{{"query": "SELECT * FROM v", "id": "id"}, {"query": "SELECT * FROM v;", "id": "id", "cursor": "d"}} {
			same(t, "raw", v[2], string(e.round(t, o, "")[0].Records[0].Raw))
		}
	})
}

// TestEveryRowIsReadOnce: whatever the cursor values and the page size, a round holds each row once.
func TestEveryRowIsReadOnce(t *testing.T) {
	e := openSQLite(t)
	e.exec(t, "CREATE TABLE t (id, at)")
	rapid.Check(t, func(r *rapid.T) {
		e.exec(t, "DELETE FROM t")
		want := map[string]bool{}
		for _, id := range rapid.SliceOfNDistinct(rapid.StringMatching(`[aAbB'+%é]{1,3}`), 0, 25, rapid.ID[string]).Draw(r, "ids") {
			if _, err := e.db.ExecContext(context.Background(), "INSERT INTO t VALUES (?, ?)", id, rapid.IntRange(-2, 2).Draw(r, "at")); err != nil {
				r.Fatal(err)
			}
			want[id] = true
		}
		o := options{"query": "SELECT * FROM t", "id": "id", "page": fmt.Sprint(rapid.IntRange(1, 5).Draw(r, "page"))}
		if rapid.Bool().Draw(r, "with cursor") {
			o["cursor"] = "at"
		}
		got := ids(e.round(t, o, ""))
		for _, id := range got {
			delete(want, id)
		}
		if len(want) > 0 || len(got) != len(slices.Compact(slices.Sorted(slices.Values(got)))) {
			r.Fatalf("got %q, missing %v", got, want)
		}
	})
}
