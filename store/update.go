package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// update changes many rows by one statement per piece: "UPDATE table SET … FROM (VALUES …) WHERE …".
type update struct {
	table string
	// columns are the names and types of a row's values, "id BIGINT, hash TEXT"; the first one is the key
	// that says which rows to change. Types are told because PostgreSQL takes a bare value for text.
	columns string
	// set is what to set where it is not simply each column behind the key; the row's values are
	// v.column1, v.column2…
	set string
	// where is a further condition, returning what query returns.
	where, returning string
}

// sized is an update of so many rows.
type sized struct {
	update
	rows int
}

// exec runs the update. Of several rows with one key the last one counts.
func (u update) exec(ctx context.Context, t *Tx, rows [][]any) error {
	return u.pieces(t, rows, func(query string, args []any) error { return t.exec(ctx, query, args...) })
}

// query is exec for an update that returns something: row reads it.
func (u update) query(ctx context.Context, t *Tx, rows [][]any, row func(*sql.Rows) error) error {
	return u.pieces(t, rows, func(query string, args []any) error {
		_, err := scan(func() (*sql.Rows, error) { return t.query(ctx, query, args...) }, func(r *sql.Rows) (struct{}, error) { return struct{}{}, row(r) })
		return err
	})
}

func (u update) pieces(t *Tx, rows [][]any, run func(query string, args []any) error) error {
	return pieces(lastOfEach(rows), func(n int, args []any) error {
		if t.db.updates[sized{u, n}] == "" {
			t.db.updates[sized{u, n}] = u.text(n)
		}
		return run(t.db.updates[sized{u, n}], args)
	})
}

// text is the statement for n rows.
func (u update) text(n int) string {
	columns := strings.Split(u.columns, ",")
	names, types := make([]string, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		names[i], types[i], _ = strings.Cut(strings.TrimSpace(c), " ")
	}
	set := u.set
	if set == "" {
		var parts []string
		for i := 1; i < len(names); i++ {
			parts = append(parts, fmt.Sprintf("%s = v.column%d", names[i], i+1))
		}
		set = strings.Join(parts, ", ")
	}
	var values strings.Builder
	for r := range n {
		for c := range names {
			sep := ", "
			if c == 0 {
				sep = "), ("
				if r == 0 {
					sep = "("
				}
			}
			fmt.Fprintf(&values, "%sCAST($%d AS %s)", sep, r*len(names)+c+1, types[c])
		}
	}
	query := fmt.Sprintf("UPDATE %s SET %s FROM (VALUES %s)) AS v WHERE %s = v.column1", u.table, set, values.String(), names[0])
	if u.where != "" {
		query += " AND " + u.where
	}
	if u.returning != "" {
		query += " RETURNING " + u.returning
	}
	return query
}

// lastOfEach keeps the last row of each key, in the order of their first.
func lastOfEach(rows [][]any) [][]any {
	at := make(map[any]int, len(rows))
	out := make([][]any, 0, len(rows))
	for _, r := range rows {
		if i, ok := at[r[0]]; ok {
			out[i] = r
			continue
		}
		at[r[0]] = len(out)
		out = append(out, r)
	}
	return out
}
