package store

import (
	"bytes"
	"context"
	"embed"
	"io"
	"io/fs"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the tables up to date. The same migration files serve both engines: {{key}}, {{bytes}} and
// {{text}} stand for the column types that differ.
func (db *DB) migrate(ctx context.Context, url string) error {
	unlock, err := db.dialect.lock(ctx, url, db.write)
	if err != nil {
		return err
	}
	defer unlock()
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	engine := database.DialectSQLite3
	if db.dialect.name == postgres.name {
		engine = database.DialectPostgres
	}
	p, err := goose.NewProvider(engine, db.write, typed{files, strings.NewReplacer("{{key}}", db.dialect.key, "{{bytes}}", db.dialect.bytes, "{{text}}", db.dialect.text)})
	if err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}

// typed is a file system whose files have the dialect's column types filled in.
type typed struct {
	fs.FS
	types *strings.Replacer
}

func (f typed) Open(name string) (fs.File, error) {
	file, err := f.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return file, err
	}
	b, err := io.ReadAll(file)
	if err != nil {
		return nil, err
	}
	return &typedFile{file, bytes.NewReader([]byte(f.types.Replace(string(b))))}, nil
}

type typedFile struct {
	fs.File
	text *bytes.Reader
}

func (f *typedFile) Read(p []byte) (int, error) { return f.text.Read(p) }
