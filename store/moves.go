package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/lifecyclehub/hub/canon"
)

// AddMoves appends to the journal of who was whose, given the rows of the moves' entities.
func (t *Tx) AddMoves(ctx context.Context, rows []int64, moves []canon.Move) error {
	vals := make([][]any, len(moves))
	for i, m := range moves {
		vals[i] = []any{rows[i], m.From, m.To, m.Why, micros(t.now)}
	}
	return t.insert(ctx, "INSERT INTO moves (entity, origin, destination, why, at)", "", vals)
}

// Moves returns the newest moves of an entity, named by its key, or from and to a customer, named by its id. The key of
// an entity that is forgotten is "".
func (db *DB) Moves(ctx context.Context, customerOrEntity string, limit int) ([]canon.Move, error) {
	ms, err := scan(func() (*sql.Rows, error) {
		return db.rows(ctx, fmt.Sprintf(`SELECT m.seq, COALESCE(e.name, ''), m.origin, m.destination, m.why, m.at FROM moves m LEFT JOIN entities e ON e.id = m.entity
			WHERE m.origin = $1 OR m.destination = $2 OR m.entity IN (SELECT id FROM entities WHERE name = $3) ORDER BY m.seq DESC LIMIT %d`, bounded(limit, 100, 10_000)),
			customerOrEntity, customerOrEntity, customerOrEntity)
	}, func(r *sql.Rows) (canon.Move, error) {
		var m canon.Move
		var at int64
		err := r.Scan(&m.Seq, &m.Entity, &m.From, &m.To, &m.Why, &at)
		m.At = instant(at)
		return m, err
	})
	if ms == nil {
		ms = []canon.Move{}
	}
	return ms, err
}
