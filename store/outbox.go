package store

import (
	"context"
	"database/sql"
	"errors"
)

// OutboxBefore returns the position behind which the changes lie that were recorded at us, in microseconds since
// 1970, or later; 0 where all were. It reads a few rows only, whatever the outbox holds.
func (db *DB) OutboxBefore(ctx context.Context, us int64) (int64, error) {
	end, err := db.OutboxEnd(ctx)
	if err != nil {
		return 0, err
	}
	// Positions and times of recording grow together.
	lo, hi := int64(0), end
	for lo < hi {
		mid := lo + (hi-lo)/2
		var position, recorded int64
		err := db.row(ctx, "SELECT position, recorded_at FROM outbox WHERE position > $1 ORDER BY position LIMIT 1", mid).Scan(&position, &recorded)
		switch {
		case errors.Is(err, sql.ErrNoRows) || err == nil && recorded >= us:
			hi = mid
		case err != nil:
			return 0, err
		default:
			lo = position
		}
	}
	return lo, nil
}
