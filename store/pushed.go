package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/lifecyclehub/hub/canon"
)

const pushedColumns = "connection, stream, rid, field, wanted, acked, has_acked, state, reason, customer, at"

func readPushed(r *sql.Rows) (canon.PushedField, error) {
	var p canon.PushedField
	var acked, at int64
	err := r.Scan(&p.Ref.Connection, &p.Ref.Stream, &p.Ref.ID, &p.Field, &p.Wanted, &p.Acked, &acked, &p.State, &p.Reason, &p.Customer, &at)
	p.HasAcked, p.At = acked == 1, instant(at)
	return p, err
}

// PushedOf returns what is known of the fields written to records of one stream, by record and field.
func (db *DB) PushedOf(ctx context.Context, refs []canon.Ref) (map[canon.Ref]map[string]canon.PushedField, error) {
	out := map[canon.Ref]map[string]canon.PushedField{}
	byStream := map[[2]string][]string{}
	for _, r := range refs {
		k := [2]string{r.Connection, r.Stream}
		byStream[k] = append(byStream[k], r.ID)
	}
	for k, ids := range byStream {
		err := each(ids, 3, func(ph string, args []any) error {
			ps, err := scan(func() (*sql.Rows, error) {
				return db.rows(ctx, "SELECT "+pushedColumns+" FROM pushed WHERE connection = $1 AND stream = $2 AND rid IN ("+ph+")", append([]any{k[0], k[1]}, args...)...)
			}, readPushed)
			for _, p := range ps {
				if out[p.Ref] == nil {
					out[p.Ref] = map[string]canon.PushedField{}
				}
				out[p.Ref][p.Field] = p
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// PutPushed stores outcomes of writes.
func (t *Tx) PutPushed(ctx context.Context, ps []canon.PushedField) error {
	seen := map[string]int{}
	var rows [][]any
	for _, p := range ps {
		row := []any{p.Ref.Connection, p.Ref.Stream, p.Ref.ID, p.Field, p.Wanted, p.Acked, flag(p.HasAcked), p.State, p.Reason, p.Customer, micros(p.At)}
		k := p.Ref.String() + "#" + p.Field
		if i, ok := seen[k]; ok {
			rows[i] = row
			continue
		}
		seen[k] = len(rows)
		rows = append(rows, row)
	}
	return t.insert(ctx, "INSERT INTO pushed ("+pushedColumns+")", `ON CONFLICT (connection, stream, rid, field) DO UPDATE SET wanted = excluded.wanted,
		acked = excluded.acked, has_acked = excluded.has_acked, state = excluded.state, reason = excluded.reason, customer = excluded.customer, at = excluded.at`, rows)
}

// Pushed returns the newest outcomes of writes, of one state or of all (""), and of one customer or of all.
func (db *DB) Pushed(ctx context.Context, state, customer string, limit int) ([]canon.PushedField, error) {
	w := where{}
	w.add("state = ", state, state != "")
	w.add("customer = ", customer, customer != "")
	ps, err := scan(func() (*sql.Rows, error) {
		return db.rows(ctx, fmt.Sprintf("SELECT %s FROM pushed%s ORDER BY at DESC, connection, stream, rid, field LIMIT %d", pushedColumns, w.String(), bounded(limit, 100, 1000)), w.args...)
	}, readPushed)
	if ps == nil {
		ps = []canon.PushedField{}
	}
	return ps, err
}

// PushRow is a vendor's record that tells of a customer, with the customer's assessment.
type PushRow struct {
	Ref        canon.Ref
	Customer   string
	Assessment canon.Assessment
}

// PushRows returns the live records of one stream and kind that belong to customers which were assessed.
func (db *DB) PushRows(ctx context.Context, connection, stream string, kind canon.Kind, customers []string) ([]PushRow, error) {
	var out []PushRow
	err := each(customers, 4, func(ph string, args []any) error {
		rows, err := scan(func() (*sql.Rows, error) {
			return db.rows(ctx, `SELECT r.rid, c.id, c.assessment FROM customers c JOIN entities e ON e.customer = c.id JOIN records r ON r.id = e.record
				WHERE r.connection = $1 AND r.stream = $2 AND e.kind = $3 AND e.deleted = 0 AND c.gone = 0 AND c.assessed > 0 AND c.id IN (`+ph+`) ORDER BY r.rid`,
				append([]any{connection, stream, string(kind)}, args...)...)
		}, func(r *sql.Rows) (PushRow, error) {
			row := PushRow{Ref: canon.Ref{Connection: connection, Stream: stream}}
			doc := db.document()
			err := r.Scan(&row.Ref.ID, &row.Customer, doc)
			if err == nil {
				err = doc.read(&row.Assessment)
			}
			return row, err
		})
		out = append(out, rows...)
		return err
	})
	return out, err
}

// Unpushed returns the customers of which a field was refused or not confirmed by a target's vendor.
func (db *DB) Unpushed(ctx context.Context, connection, stream string) ([]string, error) {
	return scan(func() (*sql.Rows, error) {
		return db.rows(ctx, "SELECT DISTINCT customer FROM pushed WHERE connection = $1 AND stream = $2 AND state NOT IN ('verified', 'conflict') ORDER BY customer", connection, stream)
	}, readID)
}

// Fleet returns how many records of a stream hold values that Hub wrote.
func (db *DB) Fleet(ctx context.Context, connection, stream string) (int, error) {
	var n int
	err := db.row(ctx, "SELECT COUNT(DISTINCT rid) FROM pushed WHERE connection = $1 AND stream = $2 AND has_acked = 1", connection, stream).Scan(&n)
	return n, err
}
