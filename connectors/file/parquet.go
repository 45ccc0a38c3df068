package file

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/parquet-go/parquet-go"

	"github.com/lifecyclehub/hub/canon"
)

// tableBatch is how many rows are read at once.
const tableBatch = 64

// table reads a Parquet file row by row, one row group after another.
type table struct {
	file   *os.File
	groups []parquet.RowGroup
	root   *node
	// rows is the open row group, number at the groups' list; left is how many of its rows are still to come.
	rows  parquet.Rows
	group int
	left  int64
	// row is the next row, counted from the start of the file.
	row   int64
	batch []parquet.Row
	ready []parquet.Row
	// row's values by leaf, and how many of each are used.
	values [][]parquet.Value
	used   []int
}

// openTable opens a Parquet file and reads its schema. The caller closes the rows.
func openTable(st *stream, f found) (*rows, error) {
	if strings.HasSuffix(strings.ToLower(f.path), ".gz") {
		return nil, canon.Errorf("file.option", "%s is zipped, and a Parquet file can only be read as it is", f.name).
			WithHint("unzip the file; Parquet compresses by itself")
	}
	file, err := os.Open(f.path)
	if err != nil {
		return nil, unreadable(f.name, err)
	}
	t := &table{file: file, batch: make([]parquet.Row, tableBatch)}
	r := &rows{file: f, stream: st, table: t}
	err = t.safely(func() error {
		if err := footerFits(file, f.size); err != nil {
			return err
		}
		p, err := parquet.OpenFile(file, f.size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
		if err != nil {
			return err
		}
		t.groups = p.RowGroups()
		t.root, err = schemaOf(p.Metadata().Schema)
		return err
	})
	if err != nil {
		return nil, errors.Join(unreadable(f.name, err), file.Close())
	}
	t.values, t.used = make([][]parquet.Value, t.root.end), make([]int, t.root.end)
	for _, n := range t.root.children {
		r.header = append(r.header, n.name)
	}
	if err := r.indexHeader(); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

// maxFooter is far more than the description of any file takes.
const maxFooter = 256 << 20

// footerFits looks at the length that a file gives for its own description, as the library makes room for
// whatever stands there.
func footerFits(file *os.File, size int64) error {
	const ends = 8 // a length and PAR1
	if size < ends+4 {
		return errors.New("it is too short for a Parquet file")
	}
	var end [ends]byte
	if _, err := file.ReadAt(end[:], size-ends); err != nil {
		return err
	}
	if n := int64(binary.LittleEndian.Uint32(end[:4])); n > min(size-ends-4, maxFooter) {
		return errors.New("the file is damaged: its footer does not fit into it")
	}
	return nil
}

// safely turns a panic into an error: the library trusts what a damaged file says of itself.
func (t *table) safely(fn func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the file is damaged: %v", r)
		}
	}()
	return fn()
}

func (t *table) close() error {
	var err error
	if t.rows != nil {
		err = t.safely(t.rows.Close)
		t.rows = nil
	}
	return errors.Join(err, t.file.Close())
}

// seek moves to a row, and reports whether the file has that many.
func (t *table) seek(row int64) (bool, error) {
	if err := t.leave(); err != nil {
		return false, err
	}
	t.group, t.row = 0, 0
	for t.group < len(t.groups) && t.row+t.groups[t.group].NumRows() <= row {
		t.row += t.groups[t.group].NumRows()
		t.group++
	}
	if t.group == len(t.groups) {
		return t.row == row, nil
	}
	behind := row - t.row
	t.row = row
	return true, t.safely(func() error {
		t.rows = t.groups[t.group].Rows()
		t.left = t.groups[t.group].NumRows() - behind
		return t.rows.SeekToRow(behind)
	})
}

// leave closes the open row group.
func (t *table) leave() error {
	t.ready = nil
	if t.rows == nil {
		return nil
	}
	rows := t.rows
	t.rows = nil
	return t.safely(rows.Close)
}

// fill makes the next rows ready. It returns io.EOF behind the last row group.
func (t *table) fill() error {
	for len(t.ready) == 0 {
		if t.rows == nil {
			if t.group == len(t.groups) {
				return io.EOF
			}
			t.rows, t.left = t.groups[t.group].Rows(), t.groups[t.group].NumRows()
		}
		n, err := t.rows.ReadRows(t.batch)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		t.ready = t.batch[:n]
		if t.left -= int64(n); n > 0 {
			continue
		}
		if t.left != 0 || err == nil {
			return fmt.Errorf("the file is damaged: row group %d lacks %d rows", t.group, t.left)
		}
		if err := t.leave(); err != nil {
			return err
		}
		t.group++
	}
	return nil
}

// next returns the next row as JSON, and where in it each column's value is.
func (t *table) next() (raw []byte, ends []int, err error) {
	err = t.safely(func() error {
		if err := t.fill(); err != nil {
			return err
		}
		values := t.ready[0]
		t.ready = t.ready[1:]
		for i := range t.values {
			t.values[i], t.used[i] = t.values[i][:0], 0
		}
		for _, v := range values {
			i := v.Column()
			if i < 0 || i >= len(t.values) {
				return fmt.Errorf("the file is damaged: row %d has a value of no column", t.row+1)
			}
			t.values[i] = append(t.values[i], v)
		}
		var err error
		if raw, ends, err = t.object(); err != nil {
			return fmt.Errorf("row %d: %w", t.row+1, err)
		}
		t.row++
		return nil
	})
	return raw, ends, err
}

// object assembles the row.
func (t *table) object() (raw []byte, ends []int, err error) {
	raw = append(raw, '{')
	for i, n := range t.root.children {
		if i > 0 {
			raw = append(raw, ',')
		}
		raw = append(append(raw, n.quoted...), ':')
		if raw, err = t.write(raw, n, level{}); err != nil {
			return nil, nil, err
		}
		ends = append(ends, len(raw))
	}
	for i := range t.values {
		if t.used[i] != len(t.values[i]) {
			return nil, nil, errors.New("the file is damaged: it has more values than its schema has places")
		}
	}
	return append(raw, '}'), ends, nil
}

// nextTableRow returns the next row of a Parquet file.
func (r *rows) nextTableRow() (row, *fault, error) {
	raw, ends, err := r.table.next()
	if err != nil {
		return row{}, nil, err
	}
	return row{line: int(r.table.row), raw: raw, value: func(column string) (string, bool) {
		i, ok := r.index[column]
		if !ok {
			return "", false
		}
		begin := 1
		if i > 0 {
			begin = ends[i-1] + 1
		}
		return scalar(json.RawMessage(raw[begin+len(r.table.root.children[i].quoted)+1 : ends[i]])), true
	}}, nil, nil
}
