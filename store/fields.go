package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

const fieldColumns = "path, types, first_seen, last_seen, samples, gone_at, declared, label, doc, vendor_type, custom, computed"

func readField(r *sql.Rows) (canon.FieldState, error) {
	var f canon.FieldState
	var types string
	var first, last, gone, declared, custom, computed int64
	err := r.Scan(&f.Path, &types, &first, &last, &f.Samples, &gone, &declared, &f.Label, &f.Doc, &f.VendorType, &custom, &computed)
	f.Types = strings.Fields(types)
	f.FirstSeen, f.LastSeen, f.GoneAt = instant(first), instant(last), instant(gone)
	f.Declared, f.Custom, f.Computed = declared == 1, custom == 1, computed == 1
	return f, err
}

// FieldsOf returns what is known of a stream's fields, sorted by path.
func (t *Tx) FieldsOf(ctx context.Context, connection, stream string) ([]canon.FieldState, error) {
	return scan(func() (*sql.Rows, error) {
		return t.query(ctx, "SELECT "+fieldColumns+" FROM fields WHERE connection = $1 AND stream = $2 ORDER BY path", connection, stream)
	}, readField)
}

// PutFields keeps what is known of fields. Paths must be distinct.
func (t *Tx) PutFields(ctx context.Context, connection, stream string, fields []canon.FieldState) error {
	rows := make([][]any, len(fields))
	for i, f := range fields {
		rows[i] = []any{connection, stream, f.Path, strings.Join(f.Types, " "), micros(f.FirstSeen), micros(f.LastSeen), f.Samples, micros(f.GoneAt),
			flag(f.Declared), f.Label, f.Doc, f.VendorType, flag(f.Custom), flag(f.Computed)}
	}
	return t.insert(ctx, "INSERT INTO fields (connection, stream, "+fieldColumns+")", `ON CONFLICT (connection, stream, path) DO UPDATE SET types = excluded.types,
		first_seen = excluded.first_seen, last_seen = excluded.last_seen, samples = excluded.samples, gone_at = excluded.gone_at, declared = excluded.declared,
		label = excluded.label, doc = excluded.doc, vendor_type = excluded.vendor_type, custom = excluded.custom, computed = excluded.computed`, rows)
}

// AddDrift appends to the list of what changed in the make-up of records.
func (t *Tx) AddDrift(ctx context.Context, ds []canon.Drift) error {
	rows := make([][]any, len(ds))
	for i, d := range ds {
		rows[i] = []any{d.Connection, d.Stream, d.Path, d.What, d.Detail, micros(d.At)}
	}
	return t.insert(ctx, "INSERT INTO drift (connection, stream, path, what, detail, at)", "", rows)
}

// Backfilled says whether a stream has been read to its end once.
func (t *Tx) Backfilled(ctx context.Context, connection, stream string) (bool, error) {
	n, err := t.number(ctx, "SELECT backfilled_at FROM streams WHERE connection = $1 AND stream = $2", connection, stream)
	return n > 0, err
}

// Fields returns what is known of a stream's fields, sorted by path.
func (db *DB) Fields(ctx context.Context, connection, stream string) ([]canon.FieldState, error) {
	fs, err := scan(func() (*sql.Rows, error) {
		return db.rows(ctx, "SELECT "+fieldColumns+" FROM fields WHERE connection = $1 AND stream = $2 AND (declared = 1 OR first_seen > 0 OR gone_at > 0) ORDER BY path", connection, stream)
	}, readField)
	if fs == nil {
		fs = []canon.FieldState{}
	}
	return fs, err
}

// Drift returns how the records of a connection, or of one of its streams, changed in their make-up, the newest
// first.
func (db *DB) Drift(ctx context.Context, connection, stream string, limit int) ([]canon.Drift, error) {
	w := where{}
	w.add("connection = ", connection, true)
	w.add("stream = ", stream, stream != "")
	ds, err := scan(func() (*sql.Rows, error) {
		return db.rows(ctx, fmt.Sprintf("SELECT connection, stream, path, what, detail, at FROM drift%s ORDER BY id DESC LIMIT %d", w.String(), bounded(limit, 100, 1000)), w.args...)
	}, func(r *sql.Rows) (canon.Drift, error) {
		var d canon.Drift
		var at int64
		err := r.Scan(&d.Connection, &d.Stream, &d.Path, &d.What, &d.Detail, &at)
		d.At = instant(at)
		return d, err
	})
	if ds == nil {
		ds = []canon.Drift{}
	}
	return ds, err
}
