package store

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
)

// chunk is the most rows or keys that one statement carries. Statements are prepared per size, so sizes are
// powers of two up to it.
const chunk = 128

// pieces calls fn with rows piece by piece: with how many these are, and with the values of all of them. Every row has the
// same length.
func pieces(rows [][]any, fn func(n int, args []any) error) error {
	for len(rows) > 0 {
		n := 1
		for n*2 <= len(rows) && n < chunk {
			n *= 2
		}
		args := make([]any, 0, n*len(rows[0]))
		for _, r := range rows[:n] {
			args = append(args, r...)
		}
		if err := fn(n, args); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// insert writes rows by multi-row statements: "head VALUES (…), (…) tail".
func (t *Tx) insert(ctx context.Context, head, tail string, rows [][]any) error {
	return pieces(rows, func(n int, args []any) error {
		return t.exec(ctx, head+" VALUES "+t.tuples(n, len(args)/n)+" "+tail, args...)
	})
}

// insertIDs is insert for a table with a growing key. It returns the new keys by the value of the column
// name, which must be unique among rows: SQL does not promise the order of what RETURNING gives.
func (t *Tx) insertIDs(ctx context.Context, head, name string, rows [][]any) (map[string]int64, error) {
	ids := make(map[string]int64, len(rows))
	err := pieces(rows, func(n int, args []any) error {
		_, err := scan(func() (*sql.Rows, error) {
			return t.query(ctx, head+" VALUES "+t.tuples(n, len(args)/n)+" RETURNING id, "+name, args...)
		}, func(r *sql.Rows) (struct{}, error) {
			var id int64
			var v string
			err := r.Scan(&id, &v)
			ids[v] = id
			return struct{}{}, err
		})
		return err
	})
	return ids, err
}

// tuples returns "($1,$2),($3,$4)" for rows × cols.
func (t *Tx) tuples(rows, cols int) string {
	size := [2]int{rows, cols}
	s := t.db.tuples[size]
	if s == "" {
		s = tuples(rows, cols)
		t.db.tuples[size] = s
	}
	return s
}

func tuples(rows, cols int) string {
	var b strings.Builder
	n := 1
	for r := range rows {
		if r > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('(')
		for c := range cols {
			if c > 0 {
				b.WriteByte(',')
			}
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
			n++
		}
		b.WriteByte(')')
	}
	return b.String()
}

// each calls fn with pieces of keys whose lengths are padded to a power of two by repeating the last key,
// and with the placeholders "$from,…" for them.
func each[K any](keys []K, from int, fn func(placeholders string, args []any) error) error {
	for len(keys) > 0 {
		n := min(len(keys), chunk)
		size := 1
		for size < n {
			size *= 2
		}
		args := make([]any, size)
		for i := range args {
			args[i] = keys[min(i, n-1)]
		}
		var b strings.Builder
		for i := range size {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(from + i))
		}
		if err := fn(b.String(), args); err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}

// scan runs a query and reads all its rows.
func scan[T any](query func() (*sql.Rows, error), row func(*sql.Rows) (T, error)) (out []T, err error) {
	rows, err := query()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		v, err := row(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// in runs "query IN (keys)" piece by piece and reads all rows. The query ends where the list begins; tail
// follows it. lead are the arguments before the list.
func in[K, T any](ctx context.Context, t *Tx, query, tail string, lead []any, keys []K, row func(*sql.Rows) (T, error)) ([]T, error) {
	var out []T
	err := each(keys, len(lead)+1, func(ph string, args []any) error {
		got, err := scan(func() (*sql.Rows, error) {
			return t.query(ctx, query+" IN ("+ph+") "+tail, append(append([]any{}, lead...), args...)...)
		}, row)
		out = append(out, got...)
		return err
	})
	return out, err
}
