// Package store keeps everything in SQL: one implementation over database/sql whose query texts run
// unchanged on SQLite (the default) and PostgreSQL, with what differs in a small dialect per engine.
//
// It decides nothing: what a record means, who a customer is and what is told to the outside is computed
// by the other rooms and handed in.
package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
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
	// PostgreSQL it keeps the outbox positions of this process in the order of commits. It guards what
	// follows.
	writing sync.Mutex
	// conn is the connection that all writes go through, with its prepared statements.
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
	// tuples and updates are texts of statements that were made before.
	tuples  map[[2]int]string
	updates map[sized]string
}

// dialect is what differs between the engines.
type dialect struct {
	name string
	// key is the column type of a growing integer primary key, bytes that of raw bytes.
	key, bytes string
	// forUpdate is appended to a claim's inner select.
	forUpdate string
	// begin starts a transaction that writes. inOrder makes the processes that share the store draw outbox
	// positions in the order of their commits, so that no change appears behind one already sent; "" where
	// begin does so.
	begin, inOrder string
	// rewrite gives a query the placeholders that the engine is fastest with.
	rewrite func(query string) string
	// text is the column type of text: its order must be that of its bytes on every engine.
	text string
	// packs says that long documents are to be packed, as the engine does not; packed is the type that they are then of.
	packs  bool
	packed string
	open   func(ctx context.Context, url string) (write, read *sql.DB, err error)
	// lock takes the lock that lets one process at a time migrate.
	lock func(ctx context.Context, url string, db *sql.DB) (unlock func(), err error)
}

// Open opens the store at url: "postgres://…" or the path of a SQLite file, and brings its tables up to
// date. It returns a canon.Error with code store.open.
func Open(ctx context.Context, url string) (*DB, error) {
	d := sqlite
	if strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://") {
		d = postgres
	}
	w, r, err := d.open(ctx, url)
	if err != nil {
		return nil, openError(d, err)
	}
	db := &DB{dialect: d, write: w, read: r, stmts: map[string]*sql.Stmt{}, tuples: map[[2]int]string{}, updates: map[sized]string{}}
	if db.pack, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1)); err == nil {
		db.unpack, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(256<<20))
	}
	if err == nil {
		err = db.migrate(ctx, url)
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
	db.drop()
	var errs []error
	if db.read != db.write {
		errs = append(errs, db.read.Close())
	}
	errs = append(errs, db.write.Close())
	if db.unpack != nil {
		db.unpack.Close()
	}
	return errors.Join(errs...)
}

// drop gives the write connection up, with its statements and whatever transaction is open on it.
func (db *DB) drop() {
	// A statement or connection that does not close is of a server that is gone, which is why it is dropped.
	for _, s := range db.stmts {
		_ = s.Close()
	}
	clear(db.stmts)
	if db.conn != nil {
		// Closing alone would put the connection back into the pool, with its open transaction.
		_ = db.conn.Raw(func(any) error { return driver.ErrBadConn })
		_ = db.conn.Close()
		db.conn = nil
	}
}

// poolSize is the most connections that are open to a server.
const poolSize = 16

// Tx is one transaction. Its methods take whole batches.
type Tx struct {
	db *DB
	// now is recorded_at of everything that the transaction writes.
	now time.Time
	// added are the customers that got facts which their books lack.
	added map[string]bool
	// standings are the assessments of customers that were written.
	standings map[string]standing
}

// InTx runs fn in one transaction, which is committed where fn returns nil and leaves no trace otherwise.
// now becomes the recorded_at of what is written. Where the commit fails, fn may or may not have been
// committed: the server may have gone between the two.
func (db *DB) InTx(ctx context.Context, now time.Time, fn func(*Tx) error) error {
	db.writing.Lock()
	defer db.writing.Unlock()
	if err := db.begin(ctx); err != nil {
		return err
	}
	open := true
	defer func() {
		if !open {
			return
		}
		if _, err := db.conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK"); err != nil {
			// What was not rolled back ends with its connection.
			db.drop()
		}
	}()
	t := &Tx{db: db, now: now.UTC()}
	if err := fn(t); err != nil {
		return stopped(ctx, err)
	}
	if err := t.shut(ctx); err != nil {
		return stopped(ctx, err)
	}
	if _, err := db.conn.ExecContext(ctx, "COMMIT"); err != nil {
		return stopped(ctx, fmt.Errorf("commit: %w", err))
	}
	open = false
	return nil
}

// stopped lets err say that ctx has ended, where it has: an engine may only tell that its connection is gone.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return err
}

// begin starts a transaction on the write connection, or on another one where that is gone.
func (db *DB) begin(ctx context.Context) error {
	// After a restart of the server every connection of the pool is gone, and each tells so only when used.
	for tries := poolSize; ; tries-- {
		if db.conn == nil {
			c, err := db.write.Conn(ctx)
			if err != nil {
				return stopped(ctx, fmt.Errorf("connect: %w", err))
			}
			db.conn = c
		}
		_, err := db.conn.ExecContext(ctx, db.dialect.begin)
		if err == nil {
			return nil
		}
		gone := db.conn.PingContext(ctx) != nil
		db.drop()
		if !gone || tries == 0 || ctx.Err() != nil {
			return stopped(ctx, fmt.Errorf("begin: %w", err))
		}
	}
}

// Now returns the transaction's recorded_at.
func (t *Tx) Now() time.Time { return t.now }

func (t *Tx) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if s := t.db.stmts[query]; s != nil {
		return s, nil
	}
	s, err := t.db.conn.PrepareContext(ctx, t.db.dialect.rewrite(query))
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
	if _, err = s.ExecContext(ctx, texts(args)...); err != nil {
		return fmt.Errorf("run %.60q: %w", query, err)
	}
	return nil
}

func (t *Tx) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := t.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(ctx, texts(args)...)
	if err != nil {
		return nil, fmt.Errorf("run %.60q: %w", query, err)
	}
	return rows, nil
}

// rows asks outside of a transaction.
func (db *DB) rows(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return db.read.QueryContext(ctx, query, texts(args)...)
}

// row is rows for one row.
func (db *DB) row(ctx context.Context, query string, args ...any) *sql.Row {
	return db.read.QueryRowContext(ctx, query, texts(args)...)
}

// texts makes every string among args fit for every engine. It is the one gate to the engines, so that
// neither an id with a zero byte nor a search for one can stop the line.
func texts(args []any) []any {
	for i, a := range args {
		if s, ok := a.(string); ok {
			if t := text(s); len(t) != len(s) || t != s {
				args[i] = t
			}
		}
	}
	return args
}

// text makes a string fit for every engine: PostgreSQL refuses zero bytes and broken UTF-8.
func text(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
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
