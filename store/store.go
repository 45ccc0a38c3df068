// Package store keeps everything in SQL: one implementation over database/sql whose query texts run
// unchanged on SQLite (the default) and PostgreSQL, with what differs in a small dialect per engine.
//
// It decides nothing: what a record means, who a customer is and what is told to the outside is computed
// by the other rooms and handed in.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/lifecyclehub/hub/canon"
)

// DB is an open store. It is safe for concurrent use.
type DB struct {
	dialect dialect
	write   *sql.DB
	read    *sql.DB
	pack    *zstd.Encoder
	unpack  *zstd.Decoder

	// writing is held by the one write transaction at a time; SQLite allows no second, and on
	// PostgreSQL it keeps the outbox positions of this process in the order of commits. It guards conn
	// and stmts.
	writing sync.Mutex
	// conn is the connection that all writes go through, with its prepared statements.
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

// dialect is what differs between the engines.
type dialect struct {
	name string
	// key is the column type of a growing integer primary key, bytes that of raw bytes.
	key, bytes string
	// forUpdate is appended to a claim's inner select.
	forUpdate string
	// begin starts a transaction that writes.
	begin string
	open  func(url string) (write, read *sql.DB, err error)
	// lock takes the lock that lets one process at a time migrate, or write for long.
	lock func(ctx context.Context, db *sql.DB) (unlock func(), err error)
}

// Open opens the store at url: "postgres://…" or the path of a SQLite file, and brings its tables up to
// date. It returns a canon.Error with code store.open.
func Open(ctx context.Context, url string) (*DB, error) {
	d := sqlite
	if strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://") {
		d = postgres
	}
	w, r, err := d.open(url)
	if err != nil {
		return nil, openError(d, err)
	}
	db := &DB{dialect: d, write: w, read: r, stmts: map[string]*sql.Stmt{}}
	if db.pack, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1)); err == nil {
		db.unpack, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(256<<20))
	}
	if err == nil {
		err = db.migrate(ctx)
	}
	if err != nil {
		return nil, errors.Join(openError(d, err), db.Close())
	}
	return db, nil
}

func openError(d dialect, err error) error {
	e := canon.Errorf("store.open", "the %s store cannot be opened: %w", d.name, err)
	if d.name == postgres.name {
		return e.WithHint("check store.url in hub.yaml, that the server runs, and that the user may create tables")
	}
	return e.WithHint("check that data_dir in hub.yaml exists, is writable and is used by no other hub")
}

// Close closes the store.
func (db *DB) Close() error {
	db.writing.Lock()
	defer db.writing.Unlock()
	errs := []error{db.drop()}
	if db.read != db.write {
		errs = append(errs, db.read.Close())
	}
	errs = append(errs, db.write.Close())
	if db.unpack != nil {
		db.unpack.Close()
	}
	return errors.Join(errs...)
}

// drop gives the write connection up, with its statements.
func (db *DB) drop() error {
	var errs []error
	for _, s := range db.stmts {
		errs = append(errs, s.Close())
	}
	clear(db.stmts)
	if db.conn != nil {
		errs = append(errs, db.conn.Close())
		db.conn = nil
	}
	return errors.Join(errs...)
}

// Engine returns "sqlite" or "postgres".
func (db *DB) Engine() string { return db.dialect.name }

// Tx is one transaction. Its methods take whole batches.
type Tx struct {
	db *DB
	// now is recorded_at of everything that the transaction writes.
	now time.Time
}

// InTx runs fn in one transaction, which is committed where fn returns nil and leaves no trace otherwise.
// now becomes the recorded_at of what is written.
func (db *DB) InTx(ctx context.Context, now time.Time, fn func(*Tx) error) error {
	db.writing.Lock()
	defer db.writing.Unlock()
	if db.conn == nil {
		c, err := db.write.Conn(ctx)
		if err != nil {
			return fmt.Errorf("connect: %w", err)
		}
		db.conn = c
	}
	t := &Tx{db: db, now: now.UTC()}
	if _, err := db.conn.ExecContext(ctx, db.dialect.begin); err != nil {
		// A connection that cannot begin is of no more use: the next call dials anew.
		return errors.Join(fmt.Errorf("begin: %w", err), db.drop())
	}
	err := fn(t)
	if err == nil {
		_, err = db.conn.ExecContext(ctx, "COMMIT")
		if err == nil {
			return nil
		}
		err = fmt.Errorf("commit: %w", err)
	}
	if _, rb := db.conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK"); rb != nil {
		// What was not rolled back ends with its connection.
		err = errors.Join(err, db.drop())
	}
	return err
}

// Now returns the transaction's recorded_at.
func (t *Tx) Now() time.Time { return t.now }

func (t *Tx) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if s := t.db.stmts[query]; s != nil {
		return s, nil
	}
	s, err := t.db.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("prepare %.60q: %w", query, err)
	}
	t.db.stmts[query] = s
	return s, nil
}

func (t *Tx) exec(ctx context.Context, query string, args ...any) error {
	s, err := t.stmt(ctx, query)
	if err != nil {
		return err
	}
	if _, err = s.ExecContext(ctx, args...); err != nil {
		return fmt.Errorf("run %.60q: %w", query, err)
	}
	return nil
}

func (t *Tx) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := t.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(ctx, args...)
	if err != nil {
		return nil, fmt.Errorf("run %.60q: %w", query, err)
	}
	return rows, nil
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func instant(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
