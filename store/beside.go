package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// besideName is the file, or the end of the schema's name, of a store that is worked out beside another.
const besideName = "rebuild"

// Beside returns the url of the store beside the one at url: another file in the same folder, or another schema of the
// same PostgreSQL database.
func Beside(url string) (string, error) {
	if !isPostgres(url) {
		return filepath.Join(filepath.Dir(url), besideName+".db"), nil
	}
	u, _, err := besideSchema(url)
	return u, err
}

func isPostgres(url string) bool {
	return strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://")
}

func besideSchema(address string) (beside, schema string, err error) {
	u, err := url.Parse(address)
	if err != nil {
		// The error would quote the password.
		return "", "", canon.Errorf("store.open", "store.url is no address").WithHint("write it as postgres://user:password@host/database")
	}
	q := u.Query()
	first, _, _ := strings.Cut(q.Get("search_path"), ",")
	if first = strings.Trim(strings.TrimSpace(first), `"`); first == "" {
		first = "public"
	}
	schema = first + "_" + besideName
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String(), schema, nil
}

// OpenBeside opens the store beside the one at url, and makes it where there is none.
func OpenBeside(ctx context.Context, url string) (*DB, error) {
	if isPostgres(url) {
		if err := inSchema(ctx, url, `CREATE SCHEMA IF NOT EXISTS "%s"`); err != nil {
			return nil, openError(postgres, err)
		}
	}
	beside, err := Beside(url)
	if err != nil {
		return nil, err
	}
	return Open(ctx, beside)
}

// DropBeside removes the store beside the one at url, if there is one. It must not be open.
func DropBeside(ctx context.Context, url string) error {
	if isPostgres(url) {
		return inSchema(ctx, url, `DROP SCHEMA IF EXISTS "%s" CASCADE`)
	}
	path, err := Beside(url)
	if err != nil {
		return err
	}
	// The database itself goes first: what is left of a log without one is nothing.
	for _, end := range []string{"", "-wal", "-shm", ".lock"} {
		if err := os.Remove(path + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// inSchema runs a statement about the schema beside the one of url.
func inSchema(ctx context.Context, url, statement string) error {
	_, schema, err := besideSchema(url)
	if err != nil {
		return err
	}
	db, err := sql.Open("pgx", url)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, fmt.Sprintf(statement, strings.ReplaceAll(schema, `"`, `""`)))
	return errors.Join(err, db.Close())
}
