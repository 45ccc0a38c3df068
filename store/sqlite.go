package store

import (
	"context"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
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
	begin: "BEGIN IMMEDIATE",
	open: func(path string) (*sql.DB, *sql.DB, error) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, nil, err
		}
		dsn := func(extra ...string) string {
			q := url.Values{}
			q["_pragma"] = append([]string{"busy_timeout(10000)", "foreign_keys(0)", "temp_store(2)", "cache_size(-32000)"}, extra...)
			p := filepath.ToSlash(path)
			if !strings.HasPrefix(p, "/") && filepath.VolumeName(path) != "" {
				p = "/" + p
			}
			return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: p}).EscapedPath(), RawQuery: q.Encode()}).String()
		}
		w, err := sql.Open("sqlite", dsn("journal_mode(WAL)", "synchronous(FULL)", "journal_size_limit(67108864)"))
		if err != nil {
			return nil, nil, err
		}
		w.SetMaxOpenConns(1)
		r, err := sql.Open("sqlite", dsn("query_only(1)"))
		if err != nil {
			return nil, nil, err
		}
		r.SetMaxOpenConns(8)
		r.SetMaxIdleConns(8)
		// The write connection sets the journal mode that the readers then find.
		return w, r, w.Ping()
	},
	lock: func(context.Context, *sql.DB) (func(), error) { return func() {}, nil },
}
