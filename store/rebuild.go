package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// ReplayMark says how far a replay has come; zero is its beginning.
type ReplayMark struct {
	RecordedAt         int64
	Connection, Stream string
	Record             int64
	Version, Observed  int64
	Hash               string
}

// ReplayStep is what one transaction once took in of one stream.
type ReplayStep struct {
	RecordedAt         time.Time
	Connection, Stream string
	Records            []canon.Record
	// End is where the next step begins.
	End ReplayMark
}

// plannedAtOnce is how many versions one transaction notes.
const plannedAtOnce = 5000

// PlanReplay notes every version that live holds in db, in the order in which live recorded them, and returns how many
// there are. A plan that was begun before is made anew.
func (db *DB) PlanReplay(ctx context.Context, live *DB) (int64, error) {
	err := db.InTx(ctx, time.Now(), func(t *Tx) error {
		for _, s := range []string{"DROP TABLE IF EXISTS replay",
			`CREATE TABLE replay (recorded_at BIGINT NOT NULL, connection ` + db.dialect.text + ` NOT NULL, stream ` + db.dialect.text + ` NOT NULL,
			record BIGINT NOT NULL, version BIGINT NOT NULL, observed_at BIGINT NOT NULL, hash ` + db.dialect.text + ` NOT NULL)`} {
			if err := t.exec(ctx, s); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	var total int64
	for at := (ReplayMark{}); ; {
		ms, err := live.versionsFrom(ctx, at, plannedAtOnce)
		if err != nil {
			return total, err
		}
		if len(ms) == 0 {
			break
		}
		rows := make([][]any, len(ms))
		for i, m := range ms {
			rows[i] = []any{m.RecordedAt, m.Connection, m.Stream, m.Record, m.Version, m.Observed, m.Hash}
		}
		err = db.InTx(ctx, time.Now(), func(t *Tx) error {
			return t.insert(ctx, "INSERT INTO replay (recorded_at, connection, stream, record, version, observed_at, hash)", "", rows)
		})
		if err != nil {
			return total, err
		}
		total += int64(len(ms))
		at = ms[len(ms)-1]
	}
	return total, db.InTx(ctx, time.Now(), func(t *Tx) error {
		return t.exec(ctx, "CREATE INDEX replay_order ON replay (recorded_at, connection, stream, record, version, observed_at, hash)")
	})
}

// versionsFrom returns the keys of at most limit versions, in the order of the table's own key, behind at.
func (db *DB) versionsFrom(ctx context.Context, at ReplayMark, limit int) ([]ReplayMark, error) {
	return scan(func() (*sql.Rows, error) {
		return db.rows(ctx, `SELECT v.recorded_at, r.connection, r.stream, v.record, v.version, v.observed_at, v.hash FROM versions v JOIN records r ON r.id = v.record
			WHERE (v.record, v.version, v.observed_at, v.hash) > (CAST($1 AS BIGINT), CAST($2 AS BIGINT), CAST($3 AS BIGINT), $4) ORDER BY v.record, v.version, v.observed_at, v.hash LIMIT $5`,
			at.Record, at.Version, at.Observed, at.Hash, limit)
	}, readMark)
}

func readMark(r *sql.Rows) (ReplayMark, error) {
	var m ReplayMark
	err := r.Scan(&m.RecordedAt, &m.Connection, &m.Stream, &m.Record, &m.Version, &m.Observed, &m.Hash)
	return m, err
}

// ReplayStep returns what comes behind after in the plan, at most limit versions with their bodies out of live. At the
// end it has no records.
func (db *DB) ReplayStep(ctx context.Context, live *DB, after ReplayMark, limit int) (ReplayStep, error) {
	ms, err := scan(func() (*sql.Rows, error) {
		return db.rows(ctx, `SELECT recorded_at, connection, stream, record, version, observed_at, hash FROM replay
			WHERE (recorded_at, connection, stream, record, version, observed_at, hash) > (CAST($1 AS BIGINT), $2, $3, CAST($4 AS BIGINT), CAST($5 AS BIGINT), CAST($6 AS BIGINT), $7)
			ORDER BY recorded_at, connection, stream, record, version, observed_at, hash LIMIT $8`,
			after.RecordedAt, after.Connection, after.Stream, after.Record, after.Version, after.Observed, after.Hash, limit)
	}, readMark)
	if err != nil || len(ms) == 0 {
		return ReplayStep{}, err
	}
	first := ms[0]
	s := ReplayStep{RecordedAt: instant(first.RecordedAt), Connection: first.Connection, Stream: first.Stream}
	for _, m := range ms {
		if m.RecordedAt != first.RecordedAt || m.Connection != first.Connection || m.Stream != first.Stream {
			break
		}
		r, err := live.version(ctx, m)
		if err != nil {
			return s, err
		}
		s.Records, s.End = append(s.Records, r), m
	}
	return s, nil
}

func (db *DB) version(ctx context.Context, m ReplayMark) (canon.Record, error) {
	rec := canon.Record{Ref: canon.Ref{Connection: m.Connection, Stream: m.Stream}, Version: m.Version, ObservedAt: instant(m.Observed)}
	var deleted int64
	var raw []byte
	err := db.row(ctx, `SELECT r.rid, v.deleted, v.raw, v.reason, v.merged_into FROM versions v JOIN records r ON r.id = v.record
		WHERE v.record = $1 AND v.version = $2 AND v.observed_at = $3 AND v.hash = $4`, m.Record, m.Version, m.Observed, m.Hash).
		Scan(&rec.ID, &deleted, &raw, &rec.Reason, &rec.Into)
	if err != nil {
		return rec, fmt.Errorf("version of record %d: %w", m.Record, err)
	}
	rec.Deleted = deleted == 1
	if rec.Raw, err = db.unpack.DecodeAll(raw, nil); err != nil {
		return rec, fmt.Errorf("raw record %s: %w", rec.Ref, err)
	}
	return rec, nil
}

// Pulse is by what two looks at a store tell whether the records or decisions in it are the same, and how far its clock
// has come.
type Pulse struct {
	Versions, LastVersion, LastDecision int64
	// At is when something was last recorded.
	At time.Time
}

// Pulse returns the store's pulse.
func (db *DB) Pulse(ctx context.Context) (Pulse, error) {
	var p Pulse
	var events, assessments int64
	err := db.row(ctx, `SELECT (SELECT COUNT(*) FROM versions), (SELECT COALESCE(MAX(recorded_at), 0) FROM versions), (SELECT COALESCE(MAX(seq), 0) FROM decisions),
		(SELECT COALESCE(MAX(recorded_at), 0) FROM events), (SELECT COALESCE(MAX(recorded_at), 0) FROM assessments)`).
		Scan(&p.Versions, &p.LastVersion, &p.LastDecision, &events, &assessments)
	p.At = instant(max(p.LastVersion, events, assessments))
	return p, err
}
