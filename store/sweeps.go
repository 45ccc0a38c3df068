package store

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/lifecyclehub/hub/canon"
)

// The states of a sweep.
const (
	sweepOpen = "open"
	// sweepRefused found more missing than its guard allows, and waits for an operator or the next round.
	sweepRefused = "refused"
	sweepDone    = "done"
)

// marksAtOnce bounds how many marks of old rounds one batch clears away.
const marksAtOnce = 4096

// OpenSweep returns the sweep of a stream's round, which it begins where the round is new; ok is false where the
// round has ended already or a newer one has begun since, so that a page that comes late changes nothing.
//
// A round starts when the pull that it belongs to began, or when its first page was read. Older rounds that never
// came to their end are given up.
func (t *Tx) OpenSweep(ctx context.Context, b canon.Batch) (s canon.SweepRound, ok bool, err error) {
	s, err = t.sweep(ctx, "connection = $1 AND stream = $2 AND round = $3 ORDER BY id DESC LIMIT 1", b.Connection, b.Stream, b.Sweep.Round)
	if err != nil || s.ID > 0 {
		return s, s.Open, err
	}
	newest, err := t.sweep(ctx, "connection = $1 AND stream = $2 ORDER BY started_at DESC, id DESC LIMIT 1", b.Connection, b.Stream)
	if err != nil || newest.ID > 0 && !b.ReadAt.After(newest.StartedAt) {
		return s, false, err
	}
	started := micros(b.ReadAt)
	begun, err := t.number(ctx, "SELECT COALESCE(MAX(started_at), 0) FROM streams WHERE connection = $1 AND stream = $2", b.Connection, b.Stream)
	if err != nil {
		return s, false, err
	}
	if begun > micros(newest.StartedAt) && begun < started {
		started = begun
	}
	if err := t.exec(ctx, "UPDATE sweeps SET state = $1 WHERE connection = $2 AND stream = $3 AND state = $4", sweepDone, b.Connection, b.Stream, sweepOpen); err != nil {
		return s, false, err
	}
	ids, err := t.insertIDs(ctx, "INSERT INTO sweeps (connection, stream, round, started_at, state)", "round",
		[][]any{{b.Connection, b.Stream, b.Sweep.Round, started, sweepOpen}})
	if err != nil {
		return s, false, err
	}
	return canon.SweepRound{ID: ids[text(b.Sweep.Round)], StartedAt: instant(started), Open: true, Fresh: true}, true, nil
}

// CurrentSweep returns the newest round of a stream that is under way or waits for an operator, or with refused set
// only one that waits; its ID is 0 where there is none.
func (t *Tx) CurrentSweep(ctx context.Context, connection, stream string, refused bool) (canon.SweepRound, error) {
	other := sweepOpen
	if refused {
		other = sweepRefused
	}
	return t.sweep(ctx, "connection = $1 AND stream = $2 AND state IN ($3, $4) ORDER BY id DESC LIMIT 1", connection, stream, sweepRefused, other)
}

func (t *Tx) sweep(ctx context.Context, where string, args ...any) (canon.SweepRound, error) {
	found, err := scan(func() (*sql.Rows, error) {
		return t.query(ctx, "SELECT id, started_at, state FROM sweeps WHERE "+where, args...)
	}, func(r *sql.Rows) (canon.SweepRound, error) {
		var s canon.SweepRound
		var started int64
		var state string
		err := r.Scan(&s.ID, &started, &state)
		s.StartedAt, s.Open = instant(started), state == sweepOpen
		return s, err
	})
	if err != nil || len(found) == 0 {
		return canon.SweepRound{}, err
	}
	return found[0], nil
}

// MarkSeen notes that a round's pages held the records with these ids. Those that are not held are passed over.
func (t *Tx) MarkSeen(ctx context.Context, s canon.SweepRound, connection, stream string, ids []string) error {
	return each(ids, 4, func(ph string, args []any) error {
		return t.exec(ctx, `INSERT INTO seen (sweep, record) SELECT CAST($1 AS BIGINT), id FROM records WHERE connection = $2 AND stream = $3 AND rid IN (`+ph+`)
			ORDER BY id ON CONFLICT (sweep, record) DO NOTHING`, append([]any{s.ID, connection, stream}, args...)...)
	})
}

// missed is the condition for a record that was held alive when a round began, has not changed since and was on
// none of its pages. Versions beyond the year 2200 are sequence numbers and tell no time.
const missed = `r.connection = $1 AND r.stream = $2 AND r.deleted = 0 AND r.observed_at < $3 AND (r.version < $3 OR r.version >= 7258118400000000)
	AND NOT EXISTS (SELECT 1 FROM seen s WHERE s.sweep = $4 AND s.record = r.id)`

// CountMissing returns how many records a finished round did not hold, and how many are held alive in all.
func (t *Tx) CountMissing(ctx context.Context, s canon.SweepRound, connection, stream string) (gone, held int64, err error) {
	if held, err = t.number(ctx, "SELECT COUNT(*) FROM records WHERE connection = $1 AND stream = $2 AND deleted = 0", connection, stream); err != nil {
		return 0, 0, err
	}
	gone, err = t.number(ctx, "SELECT COUNT(*) FROM records r WHERE "+missed, connection, stream, micros(s.StartedAt), s.ID)
	return gone, held, err
}

// Missing returns at most limit records that a finished round did not hold.
func (t *Tx) Missing(ctx context.Context, s canon.SweepRound, connection, stream string, limit int) ([]canon.Held, error) {
	return scan(func() (*sql.Rows, error) {
		return t.query(ctx, "SELECT "+heldColumns+" FROM records r WHERE "+missed+" ORDER BY r.id LIMIT $5", connection, stream, micros(s.StartedAt), s.ID, limit)
	}, readHeld(connection, stream))
}

// EndSweep ends a stream's round. A notice says that what is missing was not deleted: the round is then kept until
// an operator accepts it or the next one ends. Rounds before it are over.
func (t *Tx) EndSweep(ctx context.Context, s canon.SweepRound, connection, stream string, notice *canon.Error) error {
	state, doc := sweepDone, ""
	if notice != nil {
		b, err := json.Marshal(notice)
		if err != nil {
			return err
		}
		state, doc = sweepRefused, string(b)
	}
	if err := t.exec(ctx, "UPDATE sweeps SET state = $1 WHERE connection = $2 AND stream = $3 AND id < $4", sweepDone, connection, stream, s.ID); err != nil {
		return err
	}
	if err := t.exec(ctx, "UPDATE sweeps SET state = $1 WHERE id = $2", state, s.ID); err != nil {
		return err
	}
	return t.exec(ctx, "UPDATE streams SET notice = $1 WHERE connection = $2 AND stream = $3", doc, connection, stream)
}

// ClearMarks removes a bounded number of the marks of a stream's rounds that are over, and forgets those of which
// none is left. The newest is remembered, so that its pages are known should they come again.
func (t *Tx) ClearMarks(ctx context.Context, connection, stream string) error {
	over, err := scan(func() (*sql.Rows, error) {
		return t.query(ctx, "SELECT id FROM sweeps WHERE connection = $1 AND stream = $2 AND state = $3 ORDER BY id LIMIT 1", connection, stream, sweepDone)
	}, func(r *sql.Rows) (int64, error) {
		var id int64
		err := r.Scan(&id)
		return id, err
	})
	if err != nil || len(over) == 0 {
		return err
	}
	if err := t.exec(ctx, `DELETE FROM seen WHERE sweep = $1 AND record <=
		(SELECT COALESCE(MAX(record), 0) FROM (SELECT record FROM seen WHERE sweep = $1 ORDER BY record LIMIT $2) few)`, over[0], marksAtOnce); err != nil {
		return err
	}
	return t.exec(ctx, `DELETE FROM sweeps WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM seen WHERE sweep = $1)
		AND id < (SELECT MAX(id) FROM sweeps WHERE connection = $2 AND stream = $3)`, over[0], connection, stream)
}

// At returns a stream's cursor as it stands in this transaction.
func (t *Tx) At(ctx context.Context, connection, stream string) (canon.Cursor, error) {
	found, err := scan(func() (*sql.Rows, error) {
		return t.query(ctx, "SELECT cursor_text FROM streams WHERE connection = $1 AND stream = $2", connection, stream)
	}, readID)
	if err != nil || len(found) == 0 {
		return "", err
	}
	return canon.Cursor(found[0]), nil
}

// number runs a query for one number.
func (t *Tx) number(ctx context.Context, query string, args ...any) (int64, error) {
	found, err := scan(func() (*sql.Rows, error) { return t.query(ctx, query, args...) }, func(r *sql.Rows) (int64, error) {
		var n int64
		err := r.Scan(&n)
		return n, err
	})
	if err != nil || len(found) == 0 {
		return 0, err
	}
	return found[0], nil
}

// RecordsFrom returns at most limit records of a stream behind the row after, in the order of their rows.
func (t *Tx) RecordsFrom(ctx context.Context, connection, stream string, after int64, limit int) ([]canon.Held, error) {
	return scan(func() (*sql.Rows, error) {
		return t.query(ctx, "SELECT "+heldColumns+" FROM records WHERE connection = $1 AND stream = $2 AND id > $3 ORDER BY id LIMIT $4", connection, stream, after, limit)
	}, readHeld(connection, stream))
}

// Forget removes entities and their keys, as though they had never been. Their events are left to Supersede.
func (t *Tx) Forget(ctx context.Context, rows []int64) error {
	for _, table := range []string{"keys WHERE entity", "candidates WHERE a", "candidates WHERE b", "entities WHERE id"} {
		if err := each(rows, 1, func(ph string, args []any) error {
			return t.exec(ctx, "DELETE FROM "+table+" IN ("+ph+")", args...)
		}); err != nil {
			return err
		}
	}
	return nil
}
