package file

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/lifecyclehub/hub/canon"
)

// maxRow bounds one row in bytes, and what an unclosed quote can swallow before it is found out.
const maxRow = 1 << 20

// line is one physical line with its end, and where it begins.
type line struct {
	text    []byte
	offset  int64
	number  int
	tooLong bool
}

// row is one readable row. Its value tells a column's text and whether the row has the column.
type row struct {
	line  int
	raw   json.RawMessage
	value func(column string) (string, bool)
}

// fault is why a row cannot be used.
type fault struct {
	line, column int
	text         string
	raw          []byte
	// row says that line counts rows.
	row bool
}

// rows reads a file row by row. Behind a row, offset, number and last say where the next one begins.
type rows struct {
	file   found
	stream *stream
	source *source
	// offset and number are where the next physical line is read; ahead are lines read already.
	offset int64
	number int
	ahead  []line
	// last is the text of the last line used, by which a grown file is told from a replaced one.
	last []byte

	header []string
	index  map[string]int
	// scratch is reused, as each row is parsed by a csv.Reader of its own.
	scratch *bufio.Reader
	// table reads Parquet; nil for files of text.
	table *table
}

// openRows opens a file and reads its header. The caller closes the rows.
func (c *conn) openRows(st *stream, f found) (*rows, error) {
	if st.parquet {
		return openTable(st, f)
	}
	src, err := openSource(f, st)
	if err != nil {
		return nil, unreadable(f.name, err)
	}
	r := &rows{file: f, stream: st, source: src, number: 1, scratch: bufio.NewReaderSize(nil, 4096)}
	if err := r.readHeader(); err != nil {
		return nil, errors.Join(err, src.Close())
	}
	return r, nil
}

func (r *rows) close() error {
	if r.table != nil {
		return r.table.close()
	}
	return r.source.Close()
}

func (r *rows) readHeader() error {
	if r.stream.jsonl {
		return nil
	}
	r.header = r.stream.header
	if r.header == nil {
		fields, _, bad, err := r.record()
		switch {
		case errors.Is(err, io.EOF):
			return canon.Errorf("file.header", "%s is empty", r.file.name).WithHint("the first line must name the columns, or set the option header")
		case err != nil:
			return unreadable(r.file.name, err)
		case bad != nil:
			return canon.Errorf("file.header", "%s: the header cannot be read: %s", place(r.file.name, bad.line, bad.column), bad.text).
				WithHint("check the options delimiter and encoding")
		}
		r.header = fields
	}
	return r.indexHeader()
}

// indexHeader looks for the columns that the options name.
func (r *rows) indexHeader() error {
	r.index = map[string]int{}
	for i, name := range r.header {
		name = strings.TrimSpace(name)
		if name == "" {
			name = fmt.Sprintf("column_%d", i+1)
		}
		if _, twice := r.index[name]; twice {
			return canon.Errorf("file.header", "%s: the column %q is there twice", place(r.file.name, 1, 0), name).WithHint("name the columns yourself with the option header")
		}
		r.header[i] = name
		r.index[name] = i
	}
	for _, want := range r.stream.columns() {
		if _, ok := r.index[want[1]]; !ok {
			return canon.Errorf("file.header", "%s has no column %q, which the option %s names; it has %s",
				place(r.file.name, 1, 0), want[1], want[0], strings.Join(r.header, ", ")).
				WithHint("correct the stream's options, or set delimiter or header")
		}
	}
	return nil
}

// position returns where the next row begins; in Parquet rows take the place of bytes and lines.
func (r *rows) position() (offset int64, number int) {
	if r.table != nil {
		return r.table.row, int(r.table.row) + 1
	}
	if len(r.ahead) > 0 {
		return r.ahead[0].offset, r.ahead[0].number
	}
	return r.offset, r.number
}

// seek moves to a position that position returned, and reports whether the line before it is still the one
// that ended there.
func (r *rows) seek(at cursor) (same bool, err error) {
	if r.table != nil {
		return r.table.seek(at.Offset)
	}
	from, _ := r.position()
	start := at.Offset - int64(at.Tail)
	if start < from {
		start = from
	}
	if err := r.source.skip(r.offset, start); err != nil {
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		return false, err
	}
	r.ahead = nil
	r.last = make([]byte, at.Offset-start)
	if _, err := io.ReadFull(r.source.buf, r.last); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return false, nil
		}
		return false, err
	}
	r.offset, r.number = at.Offset, at.Line
	return canon.Hash(r.last) == at.Hash, nil
}

// take returns the next physical line.
func (r *rows) take() (line, error) {
	if len(r.ahead) > 0 {
		l := r.ahead[0]
		r.ahead = r.ahead[1:]
		return l, nil
	}
	l := line{offset: r.offset, number: r.number}
	for {
		part, err := r.source.buf.ReadSlice('\n')
		r.offset += int64(len(part))
		if len(l.text)+len(part) > maxRow {
			l.tooLong = true
		}
		if !l.tooLong {
			l.text = append(l.text, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && r.offset > l.offset, err == nil:
			r.number++
			return l, nil
		}
		return line{}, err
	}
}

// record reads the fields of the next CSV row that is not blank, and its first line. A quote that is never
// closed costs its own line only: what was read ahead in search of its end is read again as rows.
func (r *rows) record() ([]string, int, *fault, error) {
	first, err := r.take()
	for err == nil && !first.tooLong && len(bytes.TrimRight(first.text, "\r\n")) == 0 {
		first, err = r.take()
	}
	if err != nil {
		return nil, 0, nil, err
	}
	if bad := r.usable(first); bad != nil {
		return nil, first.number, bad, nil
	}
	text, more, err := r.quoted(first)
	if err != nil {
		return nil, 0, nil, err
	}
	fields, bad := r.split(text, first.number)
	if bad != nil && len(more) > 0 {
		r.ahead = append(more, r.ahead...)
		if _, alone := r.split(first.text, first.number); alone != nil {
			bad = alone // what is wrong with this line, not with those read ahead
		}
	} else if len(more) > 0 {
		r.last = more[len(more)-1].text
	}
	return fields, first.number, bad, nil
}

// quoted adds the lines to first that its open quote reaches over.
func (r *rows) quoted(first line) (text []byte, more []line, err error) {
	text = first.text
	odd := bytes.Count(text, []byte{'"'})%2 == 1
	for odd {
		next, err := r.take()
		if errors.Is(err, io.EOF) {
			return text, more, nil
		}
		if err != nil {
			return nil, nil, err
		}
		more = append(more, next)
		if next.tooLong || len(text)+len(next.text) > maxRow {
			return text, more, nil
		}
		if len(more) == 1 {
			text = bytes.Clone(text)
		}
		text = append(text, next.text...)
		odd = bytes.Count(next.text, []byte{'"'})%2 == 0
	}
	return text, more, nil
}

func (r *rows) split(text []byte, number int) ([]string, *fault) {
	if !utf8.Valid(text) {
		return nil, &fault{line: number, text: "the text is not UTF-8 (set the option encoding)", raw: text}
	}
	r.scratch.Reset(bytes.NewReader(text))
	cr := csv.NewReader(r.scratch)
	cr.Comma = r.stream.delimiter
	cr.FieldsPerRecord = -1
	fields, err := cr.Read()
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return nil, &fault{line: number + parse.Line - 1, column: parse.Column, text: parse.Err.Error(), raw: text}
	}
	if err != nil {
		return nil, &fault{line: number, text: "the row cannot be read: " + err.Error(), raw: text}
	}
	if r.index != nil && len(fields) != len(r.header) {
		return nil, &fault{line: number, text: fmt.Sprintf("it has %d fields, the header has %d", len(fields), len(r.header)), raw: text}
	}
	return fields, nil
}

func (r *rows) usable(l line) *fault {
	r.last = l.text
	if l.tooLong {
		r.last = nil // the line was not kept whole, so it proves nothing
		return &fault{line: l.number, text: fmt.Sprintf("it is longer than %d bytes", maxRow)}
	}
	return nil
}

// next returns the next row, or why it cannot be used, or io.EOF.
func (r *rows) next() (row, *fault, error) {
	if r.table != nil {
		return r.nextTableRow()
	}
	if r.stream.jsonl {
		return r.nextObject()
	}
	fields, number, bad, err := r.record()
	if bad != nil || err != nil {
		return row{}, bad, err
	}
	var raw bytes.Buffer
	raw.WriteByte('{')
	for i, name := range r.header {
		if i > 0 {
			raw.WriteByte(',')
		}
		raw.Write(quote(name))
		raw.WriteByte(':')
		raw.Write(quote(fields[i]))
	}
	raw.WriteByte('}')
	return row{line: number, raw: raw.Bytes(), value: func(column string) (string, bool) {
		i, ok := r.index[column]
		if !ok {
			return "", false
		}
		return fields[i], true
	}}, nil, nil
}

func (r *rows) nextObject() (row, *fault, error) {
	l, err := r.take()
	for err == nil && !l.tooLong && len(bytes.TrimSpace(l.text)) == 0 {
		l, err = r.take()
	}
	if err != nil {
		return row{}, nil, err
	}
	if bad := r.usable(l); bad != nil {
		return row{}, bad, nil
	}
	text := bytes.TrimSpace(l.text)
	var object map[string]json.RawMessage
	if err := json.Unmarshal(text, &object); err != nil || object == nil || !utf8.Valid(text) {
		return row{}, &fault{line: l.number, text: "it is not a JSON object in UTF-8", raw: text}, nil
	}
	return row{line: l.number, raw: text, value: func(column string) (string, bool) {
		v, ok := object[column]
		return scalar(v), ok
	}}, nil, nil
}

// scalar returns a JSON string's text, other values as they are written, and "" for null.
func scalar(v json.RawMessage) string {
	var s string
	if len(v) == 0 || json.Unmarshal(v, &s) == nil {
		return s
	}
	return string(v)
}

// quote writes s as a JSON string, with <, > and & as they are.
func quote(s string) []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return []byte(`""`) // a string always encodes
	}
	return bytes.TrimRight(out.Bytes(), "\n")
}
