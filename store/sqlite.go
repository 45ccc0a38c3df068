package store

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite", without cgo
)

// sqlite writes through one connection and reads through a pool beside it. WAL lets both go on at once;
// synchronous=FULL keeps what was committed through a power cut, and costs little because whole pages of
// records are committed together.
var sqlite = dialect{
	name:  "sqlite",
	key:   "INTEGER PRIMARY KEY AUTOINCREMENT",
	bytes: "BLOB",
	text:  "TEXT",
	packs: true, packed: "BLOB",
	begin: "BEGIN IMMEDIATE",
	// Named placeholders cost SQLite a walk over all names for each value that is bound, which is half the
	// time of a statement of 128 rows.
	rewrite: nameless,
	open: func(_ context.Context, path string) (*sql.DB, *sql.DB, error) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, nil, err
		}
		w, err := sql.Open("sqlite", dsn(path, "journal_mode(WAL)", "synchronous(FULL)", "journal_size_limit(67108864)", "wal_autocheckpoint(8000)", "cache_size(-32000)"))
		if err != nil {
			return nil, nil, err
		}
		w.SetMaxOpenConns(1)
		r, err := sql.Open("sqlite", dsn(path, "query_only(1)", "cache_size(-4000)"))
		if err != nil {
			return nil, nil, errors.Join(err, w.Close())
		}
		r.SetMaxOpenConns(8)
		r.SetMaxIdleConns(8)
		return w, r, nil
	},
	// The first connection turns a new file to WAL, which suffers no second one beside it; so the lock is a
	// file of its own, and is taken before.
	lock: func(ctx context.Context, path string, _ *sql.DB) (func(), error) {
		db, err := sql.Open("sqlite", dsn(path+".lock"))
		if err != nil {
			return nil, err
		}
		db.SetMaxOpenConns(1)
		if _, err := db.ExecContext(ctx, "BEGIN EXCLUSIVE"); err != nil {
			return nil, errors.Join(err, db.Close())
		}
		return func() { _ = db.Close() }, nil
	},
}

// nameless turns $1, $2… into question marks, where each stands once and in order.
func nameless(query string) string {
	parts := strings.Split(query, "$")
	for i := 1; i < len(parts); i++ {
		digits := len(parts[i]) - len(strings.TrimLeft(parts[i], "0123456789"))
		if parts[i][:digits] != strconv.Itoa(i) {
			return query
		}
		parts[i] = parts[i][digits:]
	}
	return strings.Join(parts, "?")
}

// dsn names the file at path with its pragmas, which every new connection runs.
func dsn(path string, extra ...string) string {
	q := url.Values{}
	q["_pragma"] = append([]string{"busy_timeout(10000)", "foreign_keys(0)", "temp_store(2)"}, extra...)
	p := filepath.ToSlash(path)
	if !strings.HasPrefix(p, "/") && filepath.VolumeName(path) != "" {
		p = "/" + p
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: p}).EscapedPath(), RawQuery: q.Encode()}).String()
}
