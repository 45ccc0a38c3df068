package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/lifecyclehub/hub/canon"
)

// Held returns what is held of the records of one stream, by record id.
func (t *Tx) Held(ctx context.Context, connection, stream string, ids []string) (map[string]canon.Held, error) {
	rows, err := in(ctx, t, "SELECT "+heldColumns+" FROM records WHERE connection = $1 AND stream = $2 AND rid", "",
		[]any{connection, stream}, ids, readHeld(connection, stream))
	out := make(map[string]canon.Held, len(rows))
	for _, h := range rows {
		out[h.Ref.ID] = h
	}
	aliases(out, ids)
	return out, err
}

const heldColumns = "id, rid, version, observed_at, hash, deleted"

// readHeld reads a row of a stream's records.
func readHeld(connection, stream string) func(*sql.Rows) (canon.Held, error) {
	return func(r *sql.Rows) (canon.Held, error) {
		h := canon.Held{Ref: canon.Ref{Connection: connection, Stream: stream}}
		var at, deleted int64
		err := r.Scan(&h.Row, &h.Ref.ID, &h.Version, &at, &h.Hash, &deleted)
		h.ObservedAt, h.Deleted, h.Missing = instant(at), deleted > 0, deleted == missing
		return h, err
	}
}

// missing marks a tombstone that stands for what a full list no longer held.
const missing = 2

// graded is what the table of records holds of whether a record is gone.
func graded(deleted, miss bool) int64 {
	if deleted && miss {
		return missing
	}
	return flag(deleted)
}

// aliases makes what was found under a stored text found under the texts that it was stored for, too.
func aliases[V any](found map[string]V, asked []string) {
	for _, a := range asked {
		if t := text(a); t != a {
			if v, ok := found[t]; ok {
				found[a] = v
			}
		}
	}
}

// AddRecords stores records that were never seen, one version each, and returns their rows by record id.
func (t *Tx) AddRecords(ctx context.Context, recs []canon.Record) (map[string]int64, error) {
	if len(recs) == 0 {
		return nil, nil
	}
	rows, ids := make([][]any, len(recs)), make([]string, len(recs))
	for i, r := range recs {
		rows[i], ids[i] = []any{r.Connection, r.Stream, r.ID, r.Version, micros(r.ObservedAt), r.ContentHash(), graded(r.Deleted, r.Missing())}, r.ID
	}
	out, err := t.insertIDs(ctx, "INSERT INTO records (connection, stream, rid, version, observed_at, hash, deleted)", "rid", rows)
	aliases(out, ids)
	return out, err
}

// AddVersions stores versions of records, given the records' rows. A version that is there already is left
// as it is.
func (t *Tx) AddVersions(ctx context.Context, rows []int64, recs []canon.Record) error {
	vals := make([][]any, len(recs))
	for i, r := range recs {
		vals[i] = []any{rows[i], r.Version, micros(r.ObservedAt), r.ContentHash(), flag(r.Deleted), t.db.pack.EncodeAll(r.Raw, nil), micros(t.now), r.Reason, r.Into}
	}
	return t.insert(ctx, "INSERT INTO versions (record, version, observed_at, hash, deleted, raw, recorded_at, reason, merged_into)",
		"ON CONFLICT (record, version, observed_at, hash) DO NOTHING", vals)
}

// PutHeld moves what is held of records on to a newer version.
func (t *Tx) PutHeld(ctx context.Context, held []canon.Held) error {
	rows := make([][]any, len(held))
	for i, h := range held {
		rows[i] = []any{h.Row, h.Version, micros(h.ObservedAt), h.Hash, graded(h.Deleted, h.Missing)}
	}
	return update{table: "records", columns: "id BIGINT, version BIGINT, observed_at BIGINT, hash TEXT, deleted BIGINT"}.exec(ctx, t, rows)
}

// Versions returns every version of a record, the oldest first.
func (t *Tx) Versions(ctx context.Context, h canon.Held) ([]canon.Record, error) {
	return scan(func() (*sql.Rows, error) {
		return t.query(ctx, "SELECT version, observed_at, deleted, raw, reason, merged_into FROM versions WHERE record = $1 ORDER BY version, observed_at, hash", h.Row)
	}, func(r *sql.Rows) (canon.Record, error) {
		rec := canon.Record{Ref: h.Ref}
		var at, deleted int64
		var raw []byte
		if err := r.Scan(&rec.Version, &at, &deleted, &raw, &rec.Reason, &rec.Into); err != nil {
			return rec, err
		}
		b, err := t.db.unpack.DecodeAll(raw, nil)
		if err != nil {
			return rec, fmt.Errorf("raw record %s: %w", h.Ref, err)
		}
		rec.ObservedAt, rec.Deleted, rec.Raw = instant(at), deleted == 1, b
		return rec, nil
	})
}

// Begin marks a stream's round as running.
func (t *Tx) Begin(ctx context.Context, connection, connector, stream string) error {
	return t.exec(ctx, `INSERT INTO streams (connection, stream, connector, status, started_at) VALUES ($1, $2, $3, 'pulling', $4)
		ON CONFLICT (connection, stream) DO UPDATE SET connector = excluded.connector, status = 'pulling', started_at = excluded.started_at`,
		connection, stream, connector, micros(t.now))
}

// Advance counts a batch and moves the stream's cursor behind it, where the stored cursor is the one that
// the batch was read with. At the end of a round it marks the stream as succeeded.
func (t *Tx) Advance(ctx context.Context, b canon.Batch, changed int) error {
	if err := t.exec(ctx, `UPDATE streams SET records = records + $1, changed = changed + $2, total = CASE WHEN CAST($3 AS BIGINT) > 0 THEN $3 ELSE total END
		WHERE connection = $4 AND stream = $5`, len(b.Records), changed, b.Total, b.Connection, b.Stream); err != nil {
		return err
	}
	if b.Part {
		return nil
	}
	if !b.Last {
		return t.exec(ctx, "UPDATE streams SET cursor_text = $1 WHERE connection = $2 AND stream = $3 AND cursor_text = $4",
			string(b.Next), b.Connection, b.Stream, string(b.From))
	}
	return t.exec(ctx, `UPDATE streams SET cursor_text = $1, status = 'ok', error = '', succeeded_at = $2, total = 0,
		backfilled_at = CASE WHEN backfilled_at = 0 THEN $2 ELSE backfilled_at END
		WHERE connection = $3 AND stream = $4 AND cursor_text = $5`,
		string(b.Next), micros(t.now), b.Connection, b.Stream, string(b.From))
}

// Fail marks a stream's round as failed, with the reason.
func (t *Tx) Fail(ctx context.Context, connection, connector, stream string, why *canon.Error) error {
	doc, err := json.Marshal(why)
	if err != nil {
		return err
	}
	return t.exec(ctx, `INSERT INTO streams (connection, stream, connector, status, failed_at, error) VALUES ($1, $2, $3, 'failed', $4, $5)
		ON CONFLICT (connection, stream) DO UPDATE SET status = 'failed', failed_at = excluded.failed_at, error = excluded.error`,
		connection, stream, connector, micros(t.now), string(doc))
}

// Rewind forgets a stream's cursor, so that the next round reads it from the beginning.
func (t *Tx) Rewind(ctx context.Context, connection, stream string) error {
	return t.exec(ctx, "UPDATE streams SET cursor_text = '' WHERE connection = $1 AND stream = $2", connection, stream)
}

// PutDeadLetters stores dead letters; one that is there already is kept with the newest reason.
func (t *Tx) PutDeadLetters(ctx context.Context, letters []canon.DeadLetter) error {
	byID := map[string]canon.DeadLetter{}
	for _, d := range letters {
		d = d.WithID()
		byID[d.ID] = d
	}
	ids := make([]string, 0, len(byID))
	for id := range byID {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	rows := make([][]any, len(ids))
	for i, id := range ids {
		d := byID[id]
		rows[i] = []any{d.ID, d.Connection, d.Stream, d.RecordID, d.Code, d.Path, d.Reason, d.Hint, d.Version, []byte(d.Raw), micros(d.OccurredAt), micros(t.now)}
	}
	return t.insert(ctx, "INSERT INTO dead_letters (id, connection, stream, rid, code, path, reason, hint, version, raw, occurred_at, recorded_at)",
		`ON CONFLICT (id) DO UPDATE SET reason = excluded.reason, hint = excluded.hint, version = excluded.version, raw = excluded.raw, occurred_at = excluded.occurred_at`, rows)
}

// Lettered returns which of the records of a stream have dead letters.
func (t *Tx) Lettered(ctx context.Context, connection, stream string, ids []string) (map[string]bool, error) {
	rows, err := in(ctx, t, "SELECT DISTINCT rid FROM dead_letters WHERE connection = $1 AND stream = $2 AND rid", "", []any{connection, stream}, ids,
		func(r *sql.Rows) (string, error) {
			var id string
			err := r.Scan(&id)
			return id, err
		})
	out := map[string]bool{}
	for _, id := range rows {
		out[id] = true
	}
	aliases(out, ids)
	return out, err
}

// DropDeadLetters forgets the dead letters of records that have been understood since.
func (t *Tx) DropDeadLetters(ctx context.Context, connection, stream string, ids []string) error {
	return each(ids, 3, func(ph string, args []any) error {
		return t.exec(ctx, "DELETE FROM dead_letters WHERE connection = $1 AND stream = $2 AND rid IN ("+ph+")", append([]any{connection, stream}, args...)...)
	})
}
