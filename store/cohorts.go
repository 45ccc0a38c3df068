package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
)

// Metrics hands the metrics in the stored assessments of at most limit customers to fn. As ids are derived by hashing, the
// first ones are as good as any others, and the same as long as the customers are.
func (db *DB) Metrics(ctx context.Context, limit int, fn func(map[string]float64)) error {
	const page = 500
	after := ""
	for limit > 0 {
		type row struct {
			id  string
			doc []byte
		}
		rows, err := scan(func() (*sql.Rows, error) {
			return db.rows(ctx, "SELECT id, assessment FROM customers WHERE id > $1 AND gone = 0 AND assessment <> '' ORDER BY id LIMIT $2", after, min(page, limit))
		}, func(r *sql.Rows) (v row, err error) {
			doc := db.document()
			err = r.Scan(&v.id, doc)
			v.doc = doc.doc
			return v, err
		})
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, r := range rows {
			var a struct {
				Metrics map[string]float64 `json:"metrics"`
			}
			if err := json.Unmarshal(r.doc, &a); err != nil {
				return fmt.Errorf("stored assessment of %s: %w", r.id, err)
			}
			fn(a.Metrics)
			after = r.id
		}
		limit -= len(rows)
	}
	return nil
}
