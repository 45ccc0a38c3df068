package program

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// what a line is. The zero value is a line that cannot be understood.
type what int

const (
	unknown what = iota
	nothing
	isRecord
	isState
	isActivation
)

// event is a line as both protocols mean it.
type event struct {
	what what
	// data is the record or the state.
	data json.RawMessage
	// at is when the program read the record, list the version of the table that it belongs to.
	at   time.Time
	list string
}

// run is one round of one stream: a program and where it stands.
type run struct {
	conn *conn
	st   stream
	src  source
	proc *process
	// at is the cursor behind the last page: only who continues there gets the running program.
	at  canon.Cursor
	cur cursor
	// key and version are the paths of the fields for id and version.
	key     [][]string
	version []string
	// held is a record that did not go on the page before.
	held *canon.Record
	// all, own and unread count records of any stream, of this one, and lines that could not be read, since
	// the last state.
	all, own, unread int
	total            int64
	// failure, incomplete, limited and reset are what an Airbyte source told of itself.
	failure             *canon.Error
	incomplete, limited bool
	reset               time.Time
	// failed ends the run behind a page that holds what came before it.
	failed error
	// reaper ends a program that nobody continues.
	reaper *time.Timer
}

// Pull reads the page at from. The program of the page before goes on where the cursor is the one behind it;
// else it is started with the cursor's state.
func (c *conn) Pull(ctx context.Context, name string, from canon.Cursor) (connectors.Page, error) {
	cur, err := parseCursor(from)
	if err != nil {
		return connectors.Page{}, err
	}
	r, err := c.resume(ctx, name, from, cur)
	if err != nil {
		return connectors.Page{}, err
	}
	page, err := r.page(ctx, from)
	if err != nil || !page.More {
		return page, errors.Join(err, r.stop())
	}
	return page, c.park(r)
}

// resume takes the run that stands at the cursor, or starts one.
func (c *conn) resume(ctx context.Context, name string, from canon.Cursor, cur cursor) (*run, error) {
	c.mu.Lock()
	r := c.runs[name]
	delete(c.runs, name)
	c.mu.Unlock()
	if r != nil {
		r.reaper.Stop()
		if r.at == from {
			return r, nil
		}
		if err := r.stop(); err != nil {
			return nil, err
		}
	}
	st, src, err := c.stream(ctx, name)
	if err != nil {
		return nil, err
	}
	if cur.Part > 0 {
		cur.Part, cur.Again = 0, cur.Again+1
	}
	if !st.incremental(src) && cur.Round == "" {
		cur = cursor{Round: c.now().UTC().Format(time.RFC3339Nano), Active: cur.Active}
	}
	r = &run{conn: c, st: *st, src: src, cur: cur, key: st.keyOf(src), version: st.versionOf(src)}
	if r.proc, err = c.start(ctx, c.dialect.read(st, src, cur.State)); err != nil {
		return nil, err
	}
	return r, nil
}

// park leaves the program running behind a page, in place of an earlier one of the stream.
func (c *conn) park(r *run) error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return r.stop()
	}
	old := c.runs[r.st.name]
	c.runs[r.st.name] = r
	r.reaper = time.AfterFunc(c.set.timeout, func() { c.reap(r) })
	c.mu.Unlock()
	if old == nil {
		return nil
	}
	old.reaper.Stop()
	return old.stop()
}

// reap ends a run that nobody continues; its cursor alone suffices. Close waits for it.
func (c *conn) reap(r *run) {
	c.mu.Lock()
	if c.runs[r.st.name] != r {
		c.mu.Unlock()
		return
	}
	delete(c.runs, r.st.name)
	c.reaping.Add(1)
	c.mu.Unlock()
	defer c.reaping.Done()
	if err := r.stop(); err != nil {
		c.log.Warn("a program did not end as it should", "connection", c.connection, "stream", r.st.name, "error", err)
	}
}

func (r *run) stop() error { return r.proc.stop() }

// foreign says whether a message speaks of another stream.
func (r *run) foreign(name string) bool {
	return name != r.src.name && (r.src.alias == "" || name != r.src.alias)
}

const (
	// pageBytes ends a page early.
	pageBytes = 8 << 20
	// stretch is how many times its size a page may grow in wait for a state.
	stretch = 4
)

// builder is a page in the making.
type builder struct {
	page connectors.Page
	ids  map[string]string
	size int
}

func (b *builder) count() int { return len(b.page.Records) + len(b.page.Rejects) }

// page reads lines until a state comes behind enough of them, or the program ends. What was read before a
// fault goes out first; the fault follows with the next call.
func (r *run) page(ctx context.Context, from canon.Cursor) (connectors.Page, error) {
	b := &builder{ids: map[string]string{}}
	if r.failed != nil {
		return connectors.Page{}, r.failed
	}
	if r.held != nil {
		b.add(*r.held)
		r.held = nil
	}
	for {
		l, err := r.proc.next(ctx)
		if errors.Is(err, io.EOF) {
			return r.ended(ctx, b)
		}
		full := false
		if err == nil {
			full, err = r.line(b, l)
		}
		if err != nil {
			if ctx.Err() != nil {
				return connectors.Page{}, ctx.Err()
			}
			return r.broken(b, err)
		}
		if full && r.cur.encode() != from {
			return r.cut(b), nil
		}
	}
}

// line takes one line in and reports whether the page may end behind it.
func (r *run) line(b *builder, l line) (full bool, err error) {
	if l.tooLong {
		r.reject(b, canon.DeadLetter{Code: "program.line", Reason: "a line of the program is too long to be read",
			Hint: "raise the setting max_line_mb, or leave large fields out at the program"})
		return r.overfull(b), nil
	}
	if text := bytes.TrimSpace(l.text); len(text) == 0 || text[0] != '{' {
		// Many programs let their libraries print.
		if len(text) > 0 && !l.cut {
			r.conn.log.Debug("program", "connection", r.conn.connection, "said", r.proc.tail.add(string(text)))
		}
		return false, nil
	}
	if l.cut && !json.Valid(l.text) {
		return false, nil // the program ended in the middle of it, which its end tells of
	}
	e, err := r.conn.dialect.take(r, l.text)
	if err != nil {
		return false, err
	}
	switch e.what {
	case unknown:
		text := r.conn.redact(string(bytes.ToValidUTF8(l.text[:min(len(l.text), rejectBytes)], []byte("\ufffd"))))
		r.reject(b, canon.DeadLetter{Code: "program.line", Raw: encode(text), Reason: "a line of the program is no message of its protocol",
			Hint: "this is a fault of the program; update it, or tell its makers"})
	case isRecord:
		return r.record(b, e), nil
	case isState:
		return r.state(b, e.data)
	case isActivation:
		r.cur.Active = e.list
	}
	return r.overfull(b), nil
}

// state takes a state over. One that says what the one before said moves nothing.
func (r *run) state(b *builder, data json.RawMessage) (full bool, err error) {
	var value bytes.Buffer
	if len(data) == 0 || json.Compact(&value, data) != nil || value.String() == "null" {
		return r.overfull(b), nil
	}
	if value.Len() > maxState {
		return false, canon.Errorf("program.state", "the program's state is larger than %d bytes", maxState).
			WithHint("select less at the program, so that it has less to remember")
	}
	if !bytes.Equal(r.cur.State, value.Bytes()) {
		r.cur.State, r.cur.Part, r.cur.Again = value.Bytes(), 0, 0
	}
	return b.count() >= r.st.page || b.size >= pageBytes, nil
}

// overfull says whether the page must end even without a state.
func (r *run) overfull(b *builder) bool {
	return b.count() >= stretch*r.st.page || b.size >= 2*pageBytes
}

// sweep is the full list that the page belongs to.
func (r *run) sweep() *canon.Sweep {
	switch {
	case r.cur.Round != "":
		return &canon.Sweep{Round: r.cur.Round, Guard: r.st.guard}
	case r.cur.List != "":
		return &canon.Sweep{Round: "version " + r.cur.List, Guard: r.st.guard}
	}
	return nil
}

// cut ends a page that more follows.
func (r *run) cut(b *builder) connectors.Page {
	b.page.Total, b.page.Sweep = r.total, r.sweep()
	b.page.Next, b.page.More = r.cur.encode(), true
	r.at = b.page.Next
	return b.page
}

// broken ends a run on an error, behind what was read before it.
func (r *run) broken(b *builder, err error) (connectors.Page, error) {
	r.failed = err
	if b.count() == 0 {
		return connectors.Page{}, err
	}
	return r.cut(b), nil
}

// ended judges how the program ended. Only a full list that was read to its end shows what is missing.
func (r *run) ended(ctx context.Context, b *builder) (connectors.Page, error) {
	if err := r.verdict(ctx); err != nil {
		if ctx.Err() != nil {
			return connectors.Page{}, ctx.Err()
		}
		return r.broken(b, err)
	}
	sweep := r.sweep()
	if r.cur.Round == "" && r.cur.List != r.cur.Active || r.cur.Holes {
		sweep = nil
	}
	next := cursor{State: r.cur.State, Active: r.cur.Active}
	if r.cur.Round != "" {
		next.State = nil // a full list begins without one
	}
	b.page.Total, b.page.Sweep, b.page.Next = r.total, sweep, next.encode()
	return b.page, nil
}

func (r *run) verdict(ctx context.Context) error {
	err := r.proc.result(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if r.failure != nil {
		if r.limited {
			return r.throttled(r.failure.Message)
		}
		return r.failure
	}
	if err == nil && !r.incomplete {
		return nil
	}
	if r.limited {
		return r.throttled("the program ended while it waited for its vendor's limit")
	}
	if err == nil {
		e := canon.Errorf("program.incomplete", "the program did not read the stream to its end%s", r.proc.tail.quote()).
			WithHint("what it read is kept; Hub goes on by itself later")
		e.Retry = true
		return e
	}
	return err
}

func (r *run) throttled(said string) error {
	e := canon.Errorf("rate.limited", "%s", said).WithHint("Hub goes on by itself later")
	if !r.reset.IsZero() {
		e.Hint = "the vendor allows more from " + r.reset.Format(time.RFC3339) + "; Hub goes on by itself later"
	}
	e.Retry = true
	return e
}
