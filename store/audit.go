package store

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/lifecyclehub/hub/canon"
)

// AddAudit appends to the list of what was done to what is held of people.
func (t *Tx) AddAudit(ctx context.Context, e canon.AuditEntry) error {
	counts, err := json.Marshal(e.Counts)
	if err != nil {
		return err
	}
	return t.exec(ctx, "INSERT INTO audit (at, actor, action, object, subject, counts) VALUES ($1, $2, $3, $4, $5, $6)",
		micros(t.now), e.Actor, e.Action, e.Object, e.Subject, string(counts))
}

// Audit returns at most limit of what was done, the newest first, before the entry with the number before (0 for
// all).
func (db *DB) Audit(ctx context.Context, before int64, limit int) ([]canon.AuditEntry, error) {
	es, err := scan(func() (*sql.Rows, error) {
		return db.rows(ctx, "SELECT seq, at, actor, action, object, subject, counts FROM audit WHERE seq < $1 OR CAST($2 AS BIGINT) = 1 ORDER BY seq DESC LIMIT $3",
			before, flag(before <= 0), bounded(limit, 100, 1000))
	}, func(r *sql.Rows) (canon.AuditEntry, error) {
		var e canon.AuditEntry
		var at int64
		var counts string
		if err := r.Scan(&e.Seq, &at, &e.Actor, &e.Action, &e.Object, &e.Subject, &counts); err != nil {
			return e, err
		}
		e.At = instant(at)
		return e, json.Unmarshal([]byte(counts), &e.Counts)
	})
	if es == nil {
		es = []canon.AuditEntry{}
	}
	return es, err
}
