package file

import (
	"context"
	"errors"
	"io"
	"maps"
	"strings"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// pageBytes ends a page early, so that long rows cannot fill the memory.
const pageBytes = 8 << 20

// Pull reads the page at from. A round visits the files in the order of their names and ends behind the last
// one; files that are as they were when they were last done are left out.
func (c *conn) Pull(ctx context.Context, name string, from canon.Cursor) (connectors.Page, error) {
	st, err := c.stream(name)
	if err != nil {
		return connectors.Page{}, err
	}
	cur, err := parseCursor(from)
	if err != nil {
		return connectors.Page{}, err
	}
	files, err := c.files(st)
	if err != nil {
		return connectors.Page{}, err
	}
	p := &pull{conn: c, stream: st, files: files, joins: make([]joined, len(st.joins))}
	for i, j := range st.joins {
		if p.joins[i], err = c.join(ctx, st, j); err != nil {
			return connectors.Page{}, err
		}
	}
	f, ok := p.due(cur)
	if !ok {
		return connectors.Page{Next: p.ended(cur).encode()}, nil
	}
	page, err := p.read(ctx, f, cur, from)
	if err != nil {
		return connectors.Page{}, sourceError(f.name, err)
	}
	return page, nil
}

// pull is one call of Pull.
type pull struct {
	conn   *conn
	stream *stream
	files  []found
	joins  []joined
}

// state is a file's signature together with those of the files joined to it: a row changes with either.
func (p *pull) state(f found) string {
	s := f.signature()
	for _, j := range p.joins {
		s += "+" + j.state
	}
	return s
}

// due returns the file to go on with: the one begun, or the next by name that is not done.
func (p *pull) due(cur cursor) (found, bool) {
	for _, f := range p.files {
		if f.name == cur.File {
			return f, true
		}
		if f.name > max(cur.File, cur.After) && cur.Done[f.name] != p.state(f) {
			return f, true
		}
	}
	return found{}, false
}

// ended returns the cursor behind a round. Files that are gone are forgotten.
func (p *pull) ended(cur cursor) cursor {
	done := map[string]string{}
	for _, f := range p.files {
		if state, ok := cur.Done[f.name]; ok {
			done[f.name] = state
		}
	}
	return cursor{Done: done}
}

func (p *pull) read(ctx context.Context, f found, cur cursor, from canon.Cursor) (page connectors.Page, err error) {
	rd, err := p.resume(ctx, f, cur, from)
	if err != nil {
		return connectors.Page{}, err
	}
	kept := false
	defer func() {
		if !kept {
			err = errors.Join(err, rd.rows.close())
		}
	}()
	more, err := p.fill(ctx, &rd, &page)
	if err != nil {
		return connectors.Page{}, err
	}
	next := cursor{Done: maps.Clone(cur.Done), After: cur.After}
	if more {
		next.File, next.State = f.name, p.state(f)
		if rd.held == nil {
			rd.offset, rd.line = rd.rows.position()
			rd.tail = rd.rows.last
		}
		next.Tail, next.Hash = len(rd.tail), canon.Hash(rd.tail)
		next.Offset, next.Line = rd.offset, rd.line
		page.Next, page.More = next.encode(), true
		rd.at = page.Next
		kept = p.conn.keep(p.stream.name, rd)
		return page, nil
	}
	if next.Done == nil {
		next.Done = map[string]string{}
	}
	next.Done[f.name], next.After = p.state(f), f.name
	if _, page.More = p.due(next); !page.More {
		next = p.ended(next)
	}
	page.Next = next.encode()
	return page, nil
}

// resume returns the file at the cursor: left open behind the last page, or opened anew. A file that only
// grew is gone on with; one that was replaced, or is joined to one that changed, is read from its start.
func (p *pull) resume(ctx context.Context, f found, cur cursor, from canon.Cursor) (reading, error) {
	if rd, ok := p.conn.kept(p.stream.name, from); ok {
		if rd.rows.file == f && cur.State == p.state(f) {
			return rd, nil
		}
		if err := rd.rows.close(); err != nil {
			return reading{}, err
		}
	}
	signature, was, _ := strings.Cut(cur.State, "+")
	_, is, _ := strings.Cut(p.state(f), "+")
	rd, err := p.begin(f)
	if err != nil || cur.File != f.name || was != is || p.stream.parquet && signature != f.signature() {
		return rd, err // a Parquet file cannot grow: it is replaced
	}
	same, err := p.forward(ctx, rd, cur)
	if err != nil {
		return reading{}, errors.Join(err, rd.rows.close())
	}
	if same {
		return rd, nil
	}
	if err := rd.rows.close(); err != nil {
		return reading{}, err
	}
	return p.begin(f)
}

func (p *pull) begin(f found) (reading, error) {
	r, err := p.conn.openRows(p.stream, f)
	if err != nil {
		return reading{}, err
	}
	rd := reading{rows: r}
	if p.stream.distinct != "" {
		rd.seen = map[string]struct{}{}
	}
	return rd, nil
}

// forward moves to the cursor's place and reports whether the file is still the one that it was in. With
// distinct, the rows before have to be read again, as their values are not kept in the cursor.
func (p *pull) forward(ctx context.Context, rd reading, cur cursor) (same bool, err error) {
	if rd.seen == nil {
		return rd.rows.seek(cur)
	}
	for n := 0; ; n++ {
		if n%256 == 0 && ctx.Err() != nil {
			return false, ctx.Err()
		}
		if at, _ := rd.rows.position(); at >= cur.Offset {
			return at == cur.Offset && canon.Hash(rd.rows.last) == cur.Hash, nil
		}
		rw, bad, err := rd.rows.next()
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if bad == nil {
			if _, err := p.wanted(rw, rd); err != nil {
				return false, err
			}
		}
	}
}

// fill reads rows into the page until it is full, and reports whether the file may have more. An id stands
// once on a page: its second row begins the next one.
func (p *pull) fill(ctx context.Context, rd *reading, page *connectors.Page) (more bool, err error) {
	size, ids := 0, map[string]bool{}
	for len(page.Records)+len(page.Rejects) < p.stream.page && size < pageBytes {
		rw, bad, err := p.next(ctx, rd)
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if bad != nil {
			page.Rejects = append(page.Rejects, reject(rd.rows.file, *bad, "", ""))
			size += min(len(bad.raw), rejectBytes)
			continue
		}
		rec, column, why := p.record(rw, rd.rows.file)
		if why != "" {
			page.Rejects = append(page.Rejects, reject(rd.rows.file, fault{line: rw.line, text: why, raw: rw.raw, row: p.stream.parquet}, rec.ID, column))
			size += len(rw.raw)
			continue
		}
		if ids[rec.ID] {
			rd.held = &rw
			return true, nil
		}
		ids[rec.ID] = true
		page.Records = append(page.Records, rec)
		size += len(rec.Raw)
	}
	return true, nil
}

// next returns the next row that is wanted, or one that cannot be read.
func (p *pull) next(ctx context.Context, rd *reading) (row, *fault, error) {
	if rd.held != nil {
		rw := *rd.held
		rd.held = nil
		return rw, nil, nil
	}
	for n := 0; ; n++ {
		if n%256 == 0 && ctx.Err() != nil {
			return row{}, nil, ctx.Err()
		}
		rd.offset, rd.line = rd.rows.position()
		rd.tail = rd.rows.last
		rw, bad, err := rd.rows.next()
		if bad != nil || err != nil {
			return row{}, bad, err
		}
		if ok, err := p.wanted(rw, *rd); ok || err != nil {
			return rw, nil, err
		}
	}
}

// wanted applies skip_empty and distinct, which leave rows out without a word.
func (p *pull) wanted(rw row, rd reading) (bool, error) {
	if p.stream.skipEmpty != "" {
		if v, _ := rw.value(p.stream.skipEmpty); v == "" {
			return false, nil
		}
	}
	if rd.seen == nil {
		return true, nil
	}
	v, _ := rw.value(p.stream.distinct)
	if _, ok := rd.seen[v]; ok {
		return false, nil
	}
	if len(rd.seen) == maxValues {
		return false, tooMany(rd.rows.file.name, p.stream.distinct)
	}
	rd.seen[v] = struct{}{}
	return true, nil
}

// kept hands over the file left open for the cursor; the caller then owns it. One left open for another
// cursor stays.
func (c *conn) kept(stream string, at canon.Cursor) (reading, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	rd, ok := c.open[stream]
	if !ok || rd.at != at || at == "" {
		return reading{}, false
	}
	delete(c.open, stream)
	return rd, true
}

// keep leaves a file open behind a page, in place of an earlier one of the stream, and reports whether it did.
func (c *conn) keep(stream string, rd reading) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	if old, ok := c.open[stream]; ok {
		_ = old.rows.close() // it was only read, so closing it can lose nothing
	}
	c.open[stream] = rd
	return true
}
