// Package file is the connector for CSV, JSONL and Parquet files in a folder: exports of systems that have no API,
// or history of times before Hub.
//
// It knows nothing of what the columns mean: that is for the mapping file, which the user must bring. It
// writes no file, watches no folder and sends nothing.
package file

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// Definition returns the facts of the connector.
func Definition() connectors.Definition {
	return connectors.Definition{
		Name:     "file",
		Title:    "Files (CSV, JSONL, Parquet)",
		Doc:      "Reads CSV and JSONL files, gzipped or not, and Parquet files. Every stream names a file, or several by a pattern, and its id columns; a mapping file of your own says what the columns mean.",
		Category: "file",
		Settings: []connectors.Setting{
			{Name: "folder", Title: "Folder", Doc: "Where the files are, relative to hub.yaml.", Default: "."},
		},
		Behavior: behavior,
		Open:     open,
	}
}

const behavior = `- **Streams** are declared in hub.yaml, with the options below. Nothing is read that is not declared.
- **path** (required) is relative to ` + "`folder`" + ` and may hold ` + "`* ? [a-z]`" + `; matching files are read in the order of their names. ` + "`.gz`" + ` is read as it is.
- **id** (required) names the column, or several joined by ` + "`+`" + `. Where two rows have one id, both are records: the higher version counts, without ` + "`version`" + ` the later line.
- **version** names a column with a time or a whole number that grows with each change of the row. Without it, the file's time stands for it.
- **format** csv, jsonl or parquet (default: by extension) · **delimiter** one character or ` + "`tab`" + ` · **encoding** utf-8, latin1 or windows-1252 · **header** the column names, for a file that has none · **page** rows per page (default 500).
- **types** checks columns: ` + "`seats=int,signup=time`" + ` (int, number, time, bool). **skip_empty** leaves out rows without a value in a column. **distinct** keeps the first row per value of a column, file by file.
- **join** adds a column of another file: ` + "`column=other.csv:key:wanted`" + `, several separated by ` + "`;`" + `. Where several rows have one key, the last counts; where none has, the column is empty.
- **kinds** tells, separated by commas, which kinds of entity the rows become; then Hub can tell a source that is silent from one that is absent.
- **A file that has not changed is not read again**; one that has is read from its start, and rows that are the same give nothing new. A row that disappears is not a deletion.
- **A row that cannot be read** (wrong number of fields, a stray quote, no id) becomes a dead letter with its line, and the rest goes on.
- **Parquet** keeps its types: numbers (decimals with all their digits), true and false, times in UTC, lists, maps and nested columns; bytes without a type become base64. ` + "`delimiter`, `encoding` and `header`" + ` do not apply, and a Parquet file must not be gzipped.
- CSV values stay text, so account numbers keep their leading zeros; an empty field is "".
`

// conn is one folder of files. It is safe for concurrent use.
type conn struct {
	connection string
	folder     string
	streams    []stream

	mu sync.Mutex
	// open holds, by stream, the file that the last page came from, so that the next page goes on
	// without opening it again. The cursor alone always suffices.
	open   map[string]reading
	joined map[string]joined
	closed bool
}

// reading is a file being read; left open behind a page, it serves only the pull whose cursor is at.
type reading struct {
	at   canon.Cursor
	rows *rows
	// seen holds the values of the distinct column so far; nil without that option.
	seen map[string]struct{}
	// offset, line and tail are where the row begins that was read last, and the line before it. held is
	// that row where the page ended in front of it.
	offset int64
	line   int
	tail   []byte
	held   *row
}

func open(_ context.Context, s connectors.Settings, env connectors.Env) (connectors.Conn, error) {
	folder := s["folder"]
	if folder == "" {
		folder = "."
	}
	if !filepath.IsAbs(folder) {
		folder = filepath.Join(env.Dir, folder)
	}
	c := &conn{connection: env.Connection, folder: folder, open: map[string]reading{}, joined: map[string]joined{}}
	if len(env.Streams) == 0 {
		return nil, canon.Errorf("file.option", "connection %s declares no streams", env.Connection).
			WithHint("add streams: with a name and options path and id for each file")
	}
	for _, sc := range env.Streams {
		st, err := parseStream(sc)
		if err != nil {
			return nil, err
		}
		c.streams = append(c.streams, st)
	}
	return c, nil
}

// Check reads the header of every stream's first file and looks for the columns that the options name.
func (c *conn) Check(ctx context.Context) error {
	for i := range c.streams {
		if err := ctx.Err(); err != nil {
			return err
		}
		st := &c.streams[i]
		files, err := c.files(st)
		if err != nil {
			return err
		}
		if len(files) == 0 {
			return c.missing(st)
		}
		rs, err := c.openRows(st, files[0])
		if err != nil {
			return err
		}
		if err := rs.close(); err != nil {
			return unreadable(files[0].name, err)
		}
		for _, j := range st.joins {
			if _, err := c.join(ctx, st, j); err != nil {
				return err
			}
		}
	}
	return nil
}

// Streams lists the declared streams.
func (c *conn) Streams() []connectors.Stream {
	out := make([]connectors.Stream, len(c.streams))
	for i, st := range c.streams {
		out[i] = connectors.Stream{Name: st.name, Title: st.path, Kinds: st.kinds}
	}
	return out
}

// Close closes the files left open behind pages.
func (c *conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	c.closed = true
	for name, rd := range c.open {
		errs = append(errs, rd.rows.close())
		delete(c.open, name)
	}
	return errors.Join(errs...)
}

func (c *conn) stream(name string) (*stream, error) {
	for i := range c.streams {
		if c.streams[i].name == name {
			return &c.streams[i], nil
		}
	}
	return nil, canon.Errorf("stream.unknown", "connection %s has no stream %q", c.connection, name).
		WithHint("declare it under streams: in hub.yaml")
}

func (c *conn) missing(st *stream) error {
	return canon.Errorf("file.missing", "stream %s: no file %s in %s", st.name, st.path, c.folder).
		WithHint("check the stream's path and the connection's folder")
}

func unreadable(name string, err error) error {
	return canon.Errorf("file.unreadable", "%s cannot be read: %w", name, err).
		WithHint("check the file's permissions and that it is whole")
}

// place names a line of a file in a sentence.
func place(name string, line, column int) string {
	if column > 0 {
		return fmt.Sprintf("%s:%d:%d", name, line, column)
	}
	return fmt.Sprintf("%s:%d", name, line)
}
