package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/lifecyclehub/hub/canon"
)

const erasureColumns = "id, kind, state, author, reason, at, done_at, lifted_at, counts"

func readErasure(r *sql.Rows) (canon.Erasure, error) {
	var e canon.Erasure
	var at, done, lifted int64
	var counts string
	if err := r.Scan(&e.ID, &e.Kind, &e.State, &e.Author, &e.Reason, &at, &done, &lifted, &counts); err != nil {
		return e, err
	}
	e.At, e.DoneAt, e.LiftedAt = instant(at), instant(done), instant(lifted)
	return e, json.Unmarshal([]byte(counts), &e.Counts)
}

// AddErasure keeps that somebody is erased. One that is there already is left as it is.
func (t *Tx) AddErasure(ctx context.Context, e canon.Erasure) error {
	return t.exec(ctx, "INSERT INTO erasures (id, kind, state, author, reason, at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING",
		e.ID, e.Kind, e.State, e.Author, e.Reason, micros(e.At))
}

// PutErasure keeps how far an erasure has come.
func (t *Tx) PutErasure(ctx context.Context, e canon.Erasure) error {
	counts, err := json.Marshal(e.Counts)
	if err != nil {
		return err
	}
	return t.exec(ctx, "UPDATE erasures SET state = $1, done_at = $2, lifted_at = $3, counts = $4 WHERE id = $5",
		e.State, micros(e.DoneAt), micros(e.LiftedAt), string(counts), e.ID)
}

// AddMarks keeps by what the erased are recognised. Marks of an erasure that are there already stay.
func (t *Tx) AddMarks(ctx context.Context, ms []canon.Mark) error {
	rows := make([][]any, len(ms))
	for i, m := range ms {
		rows[i] = []any{m.Erasure, m.Kind, m.Sum, m.Hint}
	}
	return t.insert(ctx, "INSERT INTO marks (erasure, kind, mark, hint)", "ON CONFLICT (erasure, kind, mark) DO NOTHING", rows)
}

// DropMarks forgets the marks of an erasure.
func (t *Tx) DropMarks(ctx context.Context, erasure string) error {
	return t.exec(ctx, "DELETE FROM marks WHERE erasure = $1", erasure)
}

// Marks returns the marks that block.
func (t *Tx) Marks(ctx context.Context) ([]canon.Mark, error) {
	return scan(func() (*sql.Rows, error) {
		return t.query(ctx, "SELECT m.erasure, m.kind, m.mark, m.hint FROM marks m JOIN erasures e ON e.id = m.erasure ORDER BY m.erasure, m.kind, m.mark")
	}, func(r *sql.Rows) (canon.Mark, error) {
		var m canon.Mark
		err := r.Scan(&m.Erasure, &m.Kind, &m.Sum, &m.Hint)
		return m, err
	})
}

// Erasures returns every erasure, the newest first.
func (db *DB) Erasures(ctx context.Context) ([]canon.Erasure, error) {
	es, err := scan(func() (*sql.Rows, error) {
		return db.rows(ctx, "SELECT "+erasureColumns+" FROM erasures ORDER BY at DESC, id")
	}, readErasure)
	if es == nil {
		es = []canon.Erasure{}
	}
	return es, err
}

// Erasing says whether an erasure is under way or was interrupted.
func (db *DB) Erasing(ctx context.Context) (bool, error) {
	var n int64
	err := db.row(ctx, "SELECT COUNT(*) FROM erasures WHERE state = $1", canon.ErasurePending).Scan(&n)
	return n > 0, err
}

// HeldStreams returns the connections and streams of which records are held.
func (t *Tx) HeldStreams(ctx context.Context) ([][2]string, error) {
	return scan(func() (*sql.Rows, error) {
		return t.query(ctx, "SELECT DISTINCT connection, stream FROM records ORDER BY connection, stream")
	}, func(r *sql.Rows) (s [2]string, err error) {
		err = r.Scan(&s[0], &s[1])
		return s, err
	})
}

// RewriteVersion replaces what a version of a record says, where the record's versions do not hold the same already;
// it is then removed, as one that says nothing of its own. When it was recorded stays.
func (t *Tx) RewriteVersion(ctx context.Context, row int64, was, is canon.Record) error {
	key := []any{row, was.Version, micros(was.ObservedAt), was.ContentHash()}
	n, err := t.number(ctx, "SELECT COUNT(*) FROM versions WHERE record = $1 AND version = $2 AND observed_at = $3 AND hash = $4",
		row, is.Version, micros(is.ObservedAt), is.ContentHash())
	if err != nil {
		return err
	}
	if n > 0 {
		return t.exec(ctx, "DELETE FROM versions WHERE record = $1 AND version = $2 AND observed_at = $3 AND hash = $4", key...)
	}
	return t.exec(ctx, "UPDATE versions SET raw = $1, hash = $2 WHERE record = $3 AND version = $4 AND observed_at = $5 AND hash = $6",
		append([]any{t.db.pack.EncodeAll(is.Raw, nil), is.ContentHash()}, key...)...)
}

// EraseVersions removes versions of a record.
func (t *Tx) EraseVersions(ctx context.Context, row int64, versions []canon.Record) error {
	for _, v := range versions {
		if err := t.exec(ctx, "DELETE FROM versions WHERE record = $1 AND version = $2 AND observed_at = $3 AND hash = $4",
			row, v.Version, micros(v.ObservedAt), v.ContentHash()); err != nil {
			return err
		}
	}
	return nil
}

// EraseRecords removes records of one stream with every version, and all that is kept beside them.
func (t *Tx) EraseRecords(ctx context.Context, connection, stream string, held []canon.Held) error {
	rows, ids := make([]int64, len(held)), make([]string, len(held))
	for i, h := range held {
		rows[i], ids[i] = h.Row, h.Ref.ID
	}
	for _, where := range []string{"versions WHERE record", "seen WHERE record", "records WHERE id"} {
		if err := erase(ctx, t, where, rows); err != nil {
			return err
		}
	}
	for _, table := range []string{"dead_letters", "pushed"} {
		if err := each(ids, 3, func(ph string, args []any) error {
			return t.exec(ctx, "DELETE FROM "+table+" WHERE connection = $1 AND stream = $2 AND rid IN ("+ph+")", append([]any{connection, stream}, args...)...)
		}); err != nil {
			return err
		}
	}
	return nil
}

// erase deletes where a column, which ends where, holds one of the keys.
func erase[K any](ctx context.Context, t *Tx, where string, keys []K) error {
	return each(keys, 1, func(ph string, args []any) error { return t.exec(ctx, "DELETE FROM "+where+" IN ("+ph+")", args...) })
}

// readChangeID reads an event's id and revision, and returns the id of the change that told of it.
func readChangeID(r *sql.Rows) (string, error) {
	var event string
	var revision int
	err := r.Scan(&event, &revision)
	return canon.ChangeID(event, revision), err
}

// EraseEntities removes what was ever told of entities that are gone: events, also superseded ones, the changes and
// deliveries that told of them, and who they were taken for.
func (t *Tx) EraseEntities(ctx context.Context, rows []int64) error {
	if err := t.eraseEvents(ctx, "entity > 0 AND entity", rows); err != nil {
		return err
	}
	for _, where := range []string{"moves WHERE entity", "candidates WHERE a", "candidates WHERE b"} {
		if err := erase(ctx, t, where, rows); err != nil {
			return err
		}
	}
	return nil
}

// ErasePast removes what was told of entities and is not in force any more.
func (t *Tx) ErasePast(ctx context.Context, rows []int64) error {
	return t.eraseEvents(ctx, "entity > 0 AND superseded_at > 0 AND entity", rows)
}

// eraseEvents removes events of entities, and the changes that told of them. The column of the entity ends where.
func (t *Tx) eraseEvents(ctx context.Context, where string, rows []int64) error {
	changes, err := in(ctx, t, "SELECT eid, revision FROM events WHERE "+where, "", nil, rows, readChangeID)
	if err != nil {
		return err
	}
	if err := t.eraseChanges(ctx, "change", changes); err != nil {
		return err
	}
	owners, err := in(ctx, t, "SELECT DISTINCT customer FROM events WHERE "+where, "", nil, rows, readID)
	if err != nil {
		return err
	}
	if err := t.DropBooks(ctx, owners); err != nil {
		return err
	}
	return erase(ctx, t, "events WHERE "+where, rows)
}

// eraseChanges removes the changes, and the deliveries of them, of which a column holds one of the values. What tells of an
// erasure stays.
func (t *Tx) eraseChanges(ctx context.Context, column string, values []string) error {
	return each(values, 1, func(ph string, args []any) error {
		for _, q := range []string{
			"DELETE FROM attempts WHERE delivery IN (SELECT id FROM deliveries WHERE type <> '" + canon.ErasedType + "' AND " + column + " IN (" + ph + "))",
			"DELETE FROM deliveries WHERE type <> '" + canon.ErasedType + "' AND " + column + " IN (" + ph + ")",
			"DELETE FROM outbox WHERE type <> '" + canon.ErasedType + "' AND " + column + " IN (" + ph + ")",
		} {
			if err := t.exec(ctx, q, append([]any{}, args...)...); err != nil {
				return err
			}
		}
		return nil
	})
}

// EraseCustomers removes those of the customers that no entity belongs to any more, and all that was told of them. It
// returns how many that were.
func (t *Tx) EraseCustomers(ctx context.Context, ids []string) (int, error) {
	empty, err := in(ctx, t, "SELECT id FROM customers WHERE NOT EXISTS (SELECT 1 FROM entities e WHERE e.customer = customers.id OR e.node <> '' AND e.node = customers.id) AND id",
		"ORDER BY id", nil, ids, readID)
	if err != nil || len(empty) == 0 {
		return 0, err
	}
	if err := t.eraseChanges(ctx, "customer", empty); err != nil {
		return 0, err
	}
	for _, where := range []string{"events WHERE entity = 0 AND customer", "assessments WHERE customer", "books WHERE customer", "overrides WHERE customer", "pushed WHERE customer", "moves WHERE origin", "moves WHERE destination", "play_states WHERE customer", "firings WHERE customer", "customers WHERE id"} {
		if err := erase(ctx, t, where, empty); err != nil {
			return 0, err
		}
	}
	return len(empty), nil
}

// EveryEntity returns at most limit entities behind the row after, in the order of their rows, without their keys.
func (db *DB) EveryEntity(ctx context.Context, after int64, limit int) ([]canon.StoredEntity, error) {
	return scan(func() (*sql.Rows, error) {
		return db.rows(ctx, "SELECT "+entityColumns+" FROM entities WHERE id > $1 ORDER BY id LIMIT $2", after, limit)
	}, readEntity)
}

// Told returns which of the changes are in the outbox.
func (db *DB) Told(ctx context.Context, changes []string) (map[string]bool, error) {
	out := map[string]bool{}
	err := each(changes, 1, func(ph string, args []any) error {
		ids, err := scan(func() (*sql.Rows, error) {
			return db.rows(ctx, "SELECT change FROM outbox WHERE change IN ("+ph+")", args...)
		}, readID)
		for _, id := range ids {
			out[id] = true
		}
		return err
	})
	return out, err
}

// Wipe makes sure that nothing of what was removed or replaced is left in the store's files. SQLite keeps the bytes
// of removed rows in its pages until they are used again: the file is written anew, and the log beside it emptied.
// On PostgreSQL it lets the server reuse the space; when the bytes are overwritten there, and in its logs and
// backups, is the server's affair.
func (db *DB) Wipe(ctx context.Context) error {
	db.writing.Lock()
	defer db.writing.Unlock()
	// Statements that are still prepared would hold the file.
	db.drop()
	c, err := db.write.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = c.Close() }()
	for _, statement := range db.dialect.wipe() {
		if _, err := c.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	if db.dialect.name == postgres.name {
		return nil
	}
	for tries := 0; ; tries++ {
		var busy, frames, moved int64
		if err := c.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &moved); err != nil {
			return fmt.Errorf("empty the log: %w", err)
		}
		if busy == 0 {
			return nil
		}
		// Somebody reads what is in the log, for longer than a statement waits.
		if tries == wipeTries {
			return canon.Errorf("store.busy", "the store's log cannot be emptied, because it is being read all the time").WithHint("it is tried again; end long exports and backups")
		}
	}
}

// wipeTries is how often Wipe waits for readers, each time as long as any statement does.
const wipeTries = 6

// wipe lists what makes an engine forget the bytes of removed rows.
func (d dialect) wipe() []string {
	if d.name == postgres.name {
		var out []string
		for _, t := range textTables {
			out = append(out, "VACUUM "+t.name)
		}
		return append(out, "VACUUM records", "VACUUM versions")
	}
	// The copy that VACUUM makes on its way goes to a file, which has no name and ends with it: it may be larger
	// than the memory.
	return []string{"PRAGMA temp_store = 1", "VACUUM", "PRAGMA temp_store = 2"}
}

// EraseStray removes the deliveries of changes that were erased while they were on their way to becoming deliveries.
func (t *Tx) EraseStray(ctx context.Context) error {
	const stray = `deliveries WHERE NOT EXISTS (SELECT 1 FROM outbox o WHERE o.change = deliveries.change)
		AND created_at >= (SELECT COALESCE(MIN(recorded_at), 0) FROM outbox)`
	if err := t.exec(ctx, "DELETE FROM attempts WHERE delivery IN (SELECT id FROM "+stray+")"); err != nil {
		return err
	}
	return t.exec(ctx, "DELETE FROM "+stray)
}
