package sqlsource_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/lifecyclehub/hub/canon"
)

func TestFaults(t *testing.T) {
	engines(t, func(t *testing.T, e engine) {
		e.exec(t, "CREATE TABLE t (id INTEGER, at INTEGER)", "INSERT INTO t VALUES (1, 1)")
		for _, c := range []struct {
			o          options
			code, text string
		}{
			{options{"query": "SELECT * FROM nothing", "id": "id"}, "sql.query", "nothing"},
			{options{"query": "SELECT id FROM t WHERE", "id": "id"}, "sql.query", ""},
			{options{"query": "SELECT * FROM t", "id": "key"}, "sql.columns", `no column "key"`},
			{options{"query": "SELECT * FROM t", "id": "id", "cursor": "updated"}, "sql.columns", "updated"},
			{options{"query": "SELECT * FROM t", "id": "id", "cursor": "at", "settle": "1m"}, "sql.option", "settle"},
			{options{"query": "DELETE FROM t", "id": "id"}, "sql.query", `begins with "DELETE"`},
			{options{"query": "SELECT 1; DROP TABLE t", "id": "id"}, "sql.query", "more than one"},
			{options{"query": "SELECT 1) AS x WHERE (1=1", "id": "id"}, "sql.query", "bracket"},
			{options{"query": "WITH x AS (DELETE FROM t) SELECT * FROM x", "id": "id"}, "sql.query", "DELETE"},
			{options{"query": "SELECT '", "id": "id"}, "sql.query", "quote"},
			{options{"query": "SELECT 1 /* ", "id": "id"}, "sql.query", "comment"},
			{options{"id": "id"}, "sql.option", "query"},
			{options{"query": "SELECT 1", "id": "id", "settle": "1s"}, "sql.option", "cursor"},
			{options{"query": "SELECT 1", "id": "id", "pages": "1"}, "sql.option", "pages"},
			{options{"query": "SELECT 1", "id": "id", "overlap": "long"}, "sql.option", "overlap"},
		} {
			conn, err := e.connect(t, c.o)
			if err == nil {
				_, err = conn.Pull(t.Context(), "rows", "")
			}
			if x := canon.AsError(err); x == nil || x.Code != c.code || !strings.Contains(x.Message, c.text) || x.Hint == "" {
				t.Errorf("%v gave %v, want %s", c.o, err, c.code)
			}
		}
		// A query with side effects fails in the database.
		if e.name == "postgres" {
			e.exec(t, "CREATE FUNCTION put() RETURNS int LANGUAGE sql AS 'INSERT INTO t VALUES (2, 2) RETURNING id'")
			conn, err := e.connect(t, options{"query": "SELECT put() AS id", "id": "id"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err = conn.Pull(t.Context(), "rows", ""); canon.CodeOf(err) != "sql.query" {
				t.Errorf("a function that writes: %v", err)
			}
		}
		var n int
		if err := e.db.QueryRowContext(t.Context(), "SELECT count(*) FROM t").Scan(&n); err != nil || n != 1 {
			t.Errorf("%d rows, %v", n, err)
		}
	})
}

func TestAddresses(t *testing.T) {
	const password = "hunter2-hunter2"
	for driver, urls := range map[string][]string{
		"postgres": {"postgres://u:" + password + "@127.0.0.1:1/x"},
		"mysql":    {"mysql://u:" + password + "@127.0.0.1:1/x", "u:" + password + "@tcp(127.0.0.1:1)/x"},
		"sqlite":   {filepath.Join(t.TempDir(), "none.db")},
	} {
		for _, url := range urls {
			conn, err := engine{name: driver, url: url}.connect(t, options{"query": "SELECT 1 AS id", "id": "id"})
			if err != nil {
				t.Fatal(err)
			}
			err = conn.Check(t.Context())
			want := map[string]string{"sqlite": "sql.missing"}[driver]
			if want == "" {
				want = "net.unreachable"
			}
			if e := canon.AsError(err); e == nil || e.Code != want || strings.Contains(e.Message, password) {
				t.Errorf("%s: %v, want %s", driver, err, want)
			}
		}
	}
	for driver, url := range map[string]string{"postgres": password, "mysql": "mysql://" + password, "oracle": "x"} {
		_, err := engine{name: driver, url: url}.connect(t, options{"query": "SELECT 1 AS id", "id": "id"})
		if e := canon.AsError(err); e == nil || e.Code != "settings.invalid" || strings.Contains(e.Message, password) {
			t.Errorf("%s: %v", driver, err)
		}
	}
}
