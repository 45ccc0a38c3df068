package store

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
)

// Lock takes the lock at path for this process, or fails at once where another one has it. The lock ends with
// unlock or with the process, however that ends: it is SQLite's own lock of a file, which works on every system.
func Lock(ctx context.Context, path string) (unlock func() error, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", dsn(path))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	db.SetConnMaxLifetime(0)
	// Of two pragmas of one name in the file's name the driver runs either one last.
	if _, err := db.ExecContext(ctx, "PRAGMA busy_timeout = 0"); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if _, err := db.ExecContext(ctx, "BEGIN EXCLUSIVE"); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db.Close, nil
}
