package main

import (
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

// few is how many companies the worlds of these tests have.
func few() int {
	if slow {
		return 8
	}
	return 20
}

// rebuildIn runs hub rebuild in dir and returns what it printed.
func rebuildIn(t *testing.T, dir string, wantOK bool, args ...string) rebuilt {
	t.Helper()
	cmd, _ := program(t.Context(), t, dir, append([]string{"rebuild", "--json"}, args...)...)
	var errs strings.Builder
	cmd.Stdout, cmd.Stderr = nil, &errs
	out, err := cmd.Output()
	if (err == nil) != wantOK {
		t.Fatalf("rebuild %v: %v\n%s%s", args, err, out, &errs)
	}
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != exitFailed || !strings.Contains(errs.String(), "rebuild.different")) {
		t.Errorf("rebuild %v: %v\n%s", args, err, &errs)
	}
	var r rebuilt
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v\n%s%s", err, out, &errs)
	}
	return r
}

// kept is what a rebuild must leave as it is: what has been told, delivered, written and read.
func kept(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	inSQL(t, dir, func(db *sql.DB) {
		for _, q := range []string{"SELECT position || ' ' || doc FROM outbox ORDER BY position", "SELECT id || state || attempts || body FROM deliveries ORDER BY n",
			"SELECT connection || stream || rid || field || wanted || acked || state || at FROM pushed ORDER BY 1", "SELECT connection || stream || cursor_text || status || records || changed FROM streams ORDER BY 1",
			"SELECT name || ' ' || value FROM meta ORDER BY 1", "SELECT id || ' ' || sequence FROM customers ORDER BY 1", "SELECT customer || n || at || recorded_at || doc FROM assessments ORDER BY 1",
			"SELECT eid || revision || recorded_at || superseded_at || content FROM events ORDER BY 1", "SELECT seq || entity || origin || destination FROM moves ORDER BY seq",
			"SELECT seq || id FROM decisions ORDER BY seq", "SELECT connection || name || changed_at FROM vault ORDER BY 1"} {
			out.WriteString(column(t, db, q))
		}
	})
	return out.String()
}

// inSQL opens the database of a hub that was stopped without the hub's own words.
func inSQL(t *testing.T, dir string, fn func(*sql.DB)) {
	t.Helper()
	inFile(t, filepath.Join(dir, "hub-data", "hub.db"), fn)
}

func inFile(t *testing.T, path string, fn func(*sql.DB)) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	fn(db)
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func run1(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	res, err := db.ExecContext(t.Context(), statement)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	if n, err := res.RowsAffected(); n == 0 || err != nil {
		t.Fatalf("%s: concerns %d rows (%v)", statement, n, err)
	}
}

// recorded lists what is told by records, and when that was recorded.
func recorded(t *testing.T, dir, name string) string {
	t.Helper()
	out := ""
	inFile(t, filepath.Join(dir, "hub-data", name), func(db *sql.DB) {
		out = column(t, db, "SELECT eid || ' ' || revision || ' ' || recorded_at || ' ' || superseded_at FROM events WHERE entity > 0 AND clock = 0 ORDER BY 1")
	})
	return out
}

// column returns what a query of one column finds, a line each.
func column(t *testing.T, db *sql.DB, query string) string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := rows.Close(); err != nil {
			t.Error(err)
		}
	}()
	var out strings.Builder
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out.WriteString(s + "\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// aside says whether the store beside the live one is there.
func aside(t *testing.T, dir string) bool {
	t.Helper()
	_, err := os.Stat(filepath.Join(dir, "hub-data", "rebuild.db"))
	return err == nil
}

// contactPair returns two contacts of different customers.
func contactPair(t *testing.T, dir string) [2]string {
	t.Helper()
	var pair [2]string
	inSQL(t, dir, func(db *sql.DB) {
		err := db.QueryRowContext(t.Context(), `SELECT a.name, b.name FROM entities a JOIN entities b ON b.name > a.name AND b.customer <> a.customer
			WHERE a.kind = 'contact' AND b.kind = 'contact' AND a.deleted = 0 AND b.deleted = 0 ORDER BY a.name, b.name LIMIT 1`).Scan(&pair[0], &pair[1])
		if err != nil {
			t.Fatal(err)
		}
	})
	return pair
}

func decideIn(t *testing.T, dir string, d canon.Decision) {
	t.Helper()
	inStore(t, dir, func(db *store.DB) {
		err := db.InTx(t.Context(), d.At, func(tx *store.Tx) error {
			_, err := tx.AddDecision(t.Context(), d)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// damages are what may befall a store, and in what respect a rebuild must notice.
var damages = []struct{ statement, what string }{
	{"UPDATE entities SET doc = REPLACE(doc, 'name', 'nome'), hash = 'x' WHERE id = (SELECT MIN(id) FROM entities WHERE kind = 'contact')", inEntities},
	{"DELETE FROM entities WHERE id = (SELECT MIN(id) FROM entities WHERE kind = 'deal' AND customer <> '')", inEntities},
	{"INSERT INTO entities (name, record, kind, hash, deleted, version, at, doc, customer) SELECT 'hubspot/deals/ghost#deal', 999999, kind, hash, deleted, version, at, doc, customer FROM entities WHERE kind = 'deal' AND customer <> '' LIMIT 1", inEntities},
	{"UPDATE entities SET customer = (SELECT MAX(id) FROM customers WHERE gone = 0) WHERE id = (SELECT MIN(id) FROM entities WHERE kind = 'contact' AND customer <> (SELECT MAX(id) FROM customers WHERE gone = 0))", inMembers},
	{"DELETE FROM events WHERE id IN (SELECT id FROM events WHERE entity > 0 AND superseded_at = 0 ORDER BY id LIMIT 3)", inEvents},
	{"UPDATE events SET customer = 'cus_nobody' WHERE id = (SELECT MAX(id) FROM events WHERE entity > 0 AND superseded_at = 0)", inEvents},
	{"UPDATE customers SET name = 'Nobody' WHERE id = (SELECT MIN(id) FROM customers WHERE gone = 0)", inGolden},
	{"UPDATE customers SET stage = 'lost' WHERE id = (SELECT MAX(id) FROM customers WHERE gone = 0 AND stage <> 'lost')", inStanding},
}
