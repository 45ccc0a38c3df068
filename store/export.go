package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// Exported is one row of a table as people may read it: columns by name, times as times, documents as JSON.
type Exported map[string]any

// part is a query for what belongs to a scope; its list of values follows.
type part struct {
	table, query string
	values       func(canon.Scope, *told) []any
}

// told are the changes and deliveries found on the way.
type told struct{ changes, deliveries []any }

func list[T any](values []T) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}

func ofRecords(s canon.Scope, _ *told) []any   { return list(s.Records) }
func ofEntities(s canon.Scope, _ *told) []any  { return list(s.Entities) }
func ofCustomers(s canon.Scope, _ *told) []any { return list(s.Customers) }
func ofKeys(s canon.Scope, _ *told) []any      { return list(s.Keys) }
func ofChanges(_ canon.Scope, t *told) []any   { return t.changes }
func ofTries(_ canon.Scope, t *told) []any     { return t.deliveries }

// parts are all that may belong to a scope. What they leave out is how the store itself works, or is worked out from
// these: keys by which records are found, what a full list held, fields, drift, streams and meta.
var parts = []part{
	{"records", "SELECT * FROM records WHERE id", ofRecords},
	{"versions", "SELECT * FROM versions WHERE record", ofRecords},
	{"entities", "SELECT * FROM entities WHERE id", ofEntities},
	{"keys", "SELECT * FROM keys WHERE entity", ofEntities},
	{"events", "SELECT * FROM events WHERE entity > 0 AND entity", ofEntities},
	{"events", "SELECT * FROM events WHERE entity = 0 AND customer", ofCustomers},
	{"customers", "SELECT * FROM customers WHERE id", ofCustomers},
	{"assessments", "SELECT * FROM assessments WHERE customer", ofCustomers},
	{"firings", "SELECT * FROM firings WHERE customer", ofCustomers},
	{"outbox", "SELECT * FROM outbox WHERE change", ofChanges},
	{"deliveries", "SELECT * FROM deliveries WHERE change", ofChanges},
	{"attempts", "SELECT * FROM attempts WHERE delivery", ofTries},
	{"pushed", "SELECT * FROM pushed WHERE connection || '/' || stream || '/' || rid", ofRefs},
	{"dead_letters", "SELECT * FROM dead_letters WHERE connection || '/' || stream || '/' || rid", ofRefs},
	{"overrides", "SELECT * FROM overrides WHERE customer", ofCustomers},
	{"decisions", "SELECT * FROM decisions WHERE a", ofKeys},
	{"decisions", "SELECT * FROM decisions WHERE b", ofKeys},
	{"moves", "SELECT * FROM moves WHERE entity", ofEntities},
	{"candidates", "SELECT * FROM candidates WHERE a", ofEntities},
	{"candidates", "SELECT * FROM candidates WHERE b", ofEntities},
}

func ofRefs(s canon.Scope, _ *told) []any {
	out := make([]any, len(s.Refs))
	for i, r := range s.Refs {
		out[i] = r.String()
	}
	return out
}

// Export hands every row that belongs to a scope to fn, table by table.
func (db *DB) Export(ctx context.Context, s canon.Scope, fn func(table string, row Exported) error) error {
	t := &told{}
	if err := db.changesOf(ctx, s, t); err != nil {
		return err
	}
	for _, p := range parts {
		seen := map[string]bool{}
		err := each(distinct(p.values(s, t)), 1, func(ph string, args []any) error {
			return db.exportRows(ctx, p.query+" IN ("+ph+")", args, func(row Exported) error {
				if p.table == "deliveries" {
					t.deliveries = append(t.deliveries, row["id"])
				}
				key := fmt.Sprint(row)
				if seen[key] {
					return nil
				}
				seen[key] = true
				return fn(p.table, row)
			})
		})
		if err != nil {
			return fmt.Errorf("export of %s: %w", p.table, err)
		}
	}
	return nil
}

func distinct(values []any) []any {
	seen := map[any]bool{}
	var out []any
	for _, v := range values {
		if !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}

// changesOf finds the changes that told of a scope's entities and customers.
func (db *DB) changesOf(ctx context.Context, s canon.Scope, t *told) error {
	err := each(s.Entities, 1, func(ph string, args []any) error {
		ids, err := scan(func() (*sql.Rows, error) {
			return db.rows(ctx, "SELECT eid, revision FROM events WHERE entity > 0 AND entity IN ("+ph+")", args...)
		}, readChangeID)
		t.changes = append(t.changes, list(ids)...)
		return err
	})
	if err != nil {
		return err
	}
	return each(s.Customers, 1, func(ph string, args []any) error {
		ids, err := scan(func() (*sql.Rows, error) {
			return db.rows(ctx, "SELECT change FROM outbox WHERE customer IN ("+ph+")", args...)
		}, readID)
		t.changes = append(t.changes, list(ids)...)
		return err
	})
}

func (db *DB) exportRows(ctx context.Context, query string, args []any, fn func(Exported) error) (err error) {
	rows, err := db.rows(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	for rows.Next() {
		values, to := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			to[i] = &values[i]
		}
		if err := rows.Scan(to...); err != nil {
			return err
		}
		row := Exported{}
		for i, c := range columns {
			if row[c], err = db.readable(c, values[i]); err != nil {
				return err
			}
		}
		if err := fn(row); err != nil {
			return err
		}
	}
	return rows.Err()
}

// readable turns what a column holds into what people read: moments are microseconds in the columns named so, raw
// records are compressed, and documents are JSON.
func (db *DB) readable(column string, v any) (any, error) {
	switch v := v.(type) {
	case int64:
		if column == "at" || column == "stage_since" || strings.HasSuffix(column, "_at") {
			if v == 0 {
				return nil, nil
			}
			return instant(v), nil
		}
	case []byte:
		if b, err := db.unpack.DecodeAll(v, nil); err == nil {
			v = b
		}
		return document(string(v)), nil
	case string:
		return document(v), nil
	}
	return v, nil
}

// document returns what is a JSON object or list as such, and other text as it is.
func document(s string) any {
	if s != "" && (s[0] == '{' || s[0] == '[') && json.Valid([]byte(s)) {
		return json.RawMessage(s)
	}
	return s
}
