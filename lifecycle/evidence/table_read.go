package evidence

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/lifecyclehub/hub/canon"
)

// grid is a table as it was read: the rows that were kept, as text.
type grid struct {
	header []string
	rows   []gridRow
	// total counts all rows, those that were not kept too, and tally the label's values in all of them.
	total int
	tally map[string]int
	notes []string
}

// gridRow is one row; ends says where each cell ends in text.
type gridRow struct {
	text string
	ends []uint32
	line int
	hash float64
}

func (r *gridRow) cell(c int) string {
	from := uint32(0)
	if c > 0 {
		from = r.ends[c-1]
	}
	return r.text[from:r.ends[c]]
}

const (
	// mostTableColumns and mostRecord bound what a table may ask of memory.
	mostTableColumns = 5000
	mostRecord       = 16 << 20
	mostCell         = 1 << 10
	mostLabels       = 10_000
)

// gridReader reads a table of comma, semicolon, tab or bar separated values.
type gridReader struct {
	csv    *csv.Reader
	meter  *meter
	grid   *grid
	most   int
	share  float64
	label  int
	id     int
	seed   uint64
	latin  bool
	ragged int
}

// readGrid reads a table. columns tells from the header which columns hold label and id, -1 for none. Beyond most rows,
// rows are kept by the hash of their customer: those of one come and stay away together, and the order of the file does
// not matter.
func readGrid(r io.Reader, most int, seed uint64, columns func(header []string) (label, id int, err error)) (*grid, error) {
	text, err := decoded(r)
	if err != nil {
		return nil, err
	}
	m := &meter{r: text, left: mostRecord}
	in := bufio.NewReaderSize(m, 1<<16)
	sample, err := in.Peek(1 << 15)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return nil, tableError(err)
	}
	g := &gridReader{csv: csv.NewReader(in), meter: m, grid: &grid{tally: map[string]int{}}, most: most, share: 1, seed: seed}
	g.csv.Comma = separator(sample)
	g.csv.FieldsPerRecord = -1
	g.csv.ReuseRecord = true
	if err := g.head(); err != nil {
		return nil, err
	}
	if g.label, g.id, err = columns(g.grid.header); err != nil {
		return nil, err
	}
	for {
		m.left = mostRecord
		record, err := g.csv.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, tableError(err)
		}
		if err := g.take(record); err != nil {
			return nil, err
		}
	}
	return g.done()
}

func (g *gridReader) done() (*grid, error) {
	if g.grid.total == 0 {
		return nil, canon.Errorf("table.empty", "the table has a header and no rows").WithHint("check the file; a table needs a row per customer")
	}
	if g.latin {
		g.grid.notes = append(g.grid.notes, "the file is not UTF-8: what is not was read as Windows-1252 (Latin-1)")
	}
	if g.ragged > 0 {
		g.grid.notes = append(g.grid.notes, fmt.Sprintf("%d rows end in separators beyond the header's; they are left out of them", g.ragged))
	}
	if len(g.grid.rows) < g.grid.total {
		g.grid.notes = append(g.grid.notes, fmt.Sprintf("%d of %d rows were drawn, whole customers by hash; the base rate is that of all", len(g.grid.rows), g.grid.total))
	}
	return g.grid, nil
}

// meter ends a record that never ends, as one does after a quote that is never closed.
type meter struct {
	r    io.Reader
	left int
}

var errEndless = errors.New("a row is longer than 16 MiB")

func (m *meter) Read(p []byte) (int, error) {
	if m.left <= 0 {
		return 0, errEndless
	}
	n, err := m.r.Read(p)
	m.left -= n
	return n, err
}

// tableError says where a table is off.
func tableError(err error) error {
	var off *csv.ParseError
	switch {
	case errors.As(err, &off):
		return canon.Errorf("table.read", "the table is off at line %d, column %d (the row begins at line %d): %w", off.Line, off.Column, off.StartLine, off.Err).
			WithHint("a quote within a quoted cell must be doubled, and a cell that holds quotes must be quoted")
	case errors.Is(err, errEndless):
		return canon.Errorf("table.read", "the table cannot be read: %w", err).WithHint("a quote may be open that is never closed")
	}
	return canon.Errorf("table.read", "the table cannot be read: %w", err).WithHint("check that the file is whole")
}

// decoded reads gzip, and UTF-16 and UTF-8 with a mark at the beginning.
func decoded(r io.Reader) (io.Reader, error) {
	in := bufio.NewReader(r)
	start, err := in.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, tableError(err)
	}
	if bytes.Equal(start, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, tableError(err)
		}
		in = bufio.NewReader(z)
	}
	if start, err = in.Peek(4); err != nil && !errors.Is(err, io.EOF) {
		return nil, tableError(err)
	}
	switch {
	case bytes.HasPrefix(start, []byte{0xef, 0xbb, 0xbf}):
		_, _ = in.Discard(3)
	case bytes.HasPrefix(start, []byte{0xff, 0xfe}), bytes.HasPrefix(start, []byte{0xfe, 0xff}):
		return transform.NewReader(in, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder()), nil
	case bytes.HasPrefix(start, []byte("PK\x03\x04")):
		return nil, canon.Errorf("table.kind", "this is a workbook or an archive, not a table of text").WithHint("save the sheet as CSV")
	}
	return in, nil
}

// separator is the one that parts the first lines most evenly.
func separator(sample []byte) rune {
	best, most := ',', 0
	for _, sep := range []rune{',', ';', '\t', '|'} {
		r := csv.NewReader(bytes.NewReader(sample))
		r.Comma, r.FieldsPerRecord, r.LazyQuotes = sep, -1, true
		head, err := r.Read()
		if err != nil {
			continue
		}
		even := 0
		for range 50 {
			row, err := r.Read()
			if err != nil {
				break
			}
			if len(row) == len(head) {
				even++
			}
		}
		if score := min(len(head), 1000)*(even+1) - 1; len(head) > 1 && score > most {
			best, most = sep, score
		}
	}
	return best
}

// head reads the header.
func (g *gridReader) head() error {
	record, err := g.csv.Read()
	if errors.Is(err, io.EOF) {
		return canon.Errorf("table.empty", "the file is empty").WithHint("a table begins with a line of column names")
	}
	if err != nil {
		return tableError(err)
	}
	for len(record) > 1 && strings.TrimSpace(record[len(record)-1]) == "" {
		record = record[:len(record)-1]
	}
	if len(record) > mostTableColumns {
		return canon.Errorf("table.wide", "the table has %d columns, more than %d", len(record), mostTableColumns).WithHint("leave out columns that tell nothing of the customer")
	}
	seen := map[string]int{}
	for i, name := range record {
		name = strings.Join(strings.Fields(clip(g.readable(name), 200)), " ")
		if name == "" {
			name = fmt.Sprintf("column %d", i+1)
		}
		if seen[name]++; seen[name] > 1 {
			plain := name
			for n := seen[name]; seen[name] > 0; n++ {
				name = fmt.Sprintf("%s (%d)", plain, n)
			}
			seen[name]++
			g.grid.notes = append(g.grid.notes, fmt.Sprintf("the column %q is there more than once; a later one is called %q", plain, name))
		}
		g.grid.header = append(g.grid.header, name)
	}
	return nil
}

// clip holds text to a number of bytes, at a border between characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// readable is text as UTF-8.
func (g *gridReader) readable(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	g.latin = true
	if out, err := charmap.Windows1252.NewDecoder().String(s); err == nil {
		return out
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// take keeps a row, or counts it only.
func (g *gridReader) take(record []string) error {
	line, _ := g.csv.FieldPos(0)
	width := len(g.grid.header)
	if len(record) == 1 && strings.TrimSpace(record[0]) == "" {
		return nil
	}
	if len(record) > width {
		for _, extra := range record[width:] {
			if strings.TrimSpace(extra) != "" {
				return canon.Errorf("table.ragged", "line %d has %d cells, the header has %d: %q is beyond the last column", line, len(record), width, clip(extra, 40)).
					WithHint("a cell that holds the separator must be quoted")
			}
		}
		record = record[:width]
		g.ragged++
	}
	if len(record) < width {
		return canon.Errorf("table.ragged", "line %d has %d cells, the header has %d: column %q is missing", line, len(record), width, g.grid.header[len(record)]).
			WithHint("every row needs as many separators as the header")
	}
	g.grid.total++
	if g.label >= 0 {
		value := strings.TrimSpace(g.readable(clip(record[g.label], mostCell)))
		if _, ok := g.grid.tally[value]; ok || len(g.grid.tally) < mostLabels {
			g.grid.tally[value]++
		}
	}
	key := fmt.Sprint(g.grid.total)
	if g.id >= 0 && strings.TrimSpace(record[g.id]) != "" {
		key = strings.TrimSpace(record[g.id])
	}
	hash := hashOf(key, g.seed)
	if hash >= g.share {
		return nil
	}
	g.keep(record, line, hash)
	for len(g.grid.rows) > g.most {
		g.halve()
	}
	return nil
}

func (g *gridReader) keep(record []string, line int, hash float64) {
	row := gridRow{line: line, hash: hash, ends: make([]uint32, len(record))}
	var text strings.Builder
	for i, cell := range record {
		text.WriteString(strings.TrimSpace(g.readable(clip(cell, mostCell))))
		row.ends[i] = uint32(text.Len())
	}
	row.text = text.String()
	g.grid.rows = append(g.grid.rows, row)
}

// halve lets half of the customers go.
func (g *gridReader) halve() {
	g.share /= 2
	kept := g.grid.rows[:0]
	for _, r := range g.grid.rows {
		if r.hash < g.share {
			kept = append(kept, r)
		}
	}
	clear(g.grid.rows[len(kept):])
	g.grid.rows = kept
}
