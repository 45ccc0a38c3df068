package sqlsource

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// pageBytes ends a page early, so that large rows cannot fill the memory.
const pageBytes = 8 << 20

// Pull reads the page at from. Inside a round it goes on behind the last row; a new round begins at the last
// cursor value, or as far before it as the overlap says. Without a cursor column every round is a full list.
func (c *conn) Pull(ctx context.Context, name string, from canon.Cursor) (connectors.Page, error) {
	st, err := c.stream(name)
	if err != nil {
		return connectors.Page{}, err
	}
	cur, err := parseCursor(from, st)
	if err != nil {
		return connectors.Page{}, err
	}
	if st.cursor == "" && cur.Round == "" {
		cur = cursor{Round: c.now().UTC().Format(time.RFC3339Nano)}
	}
	p := &pull{conn: c, stream: st, cur: cur, now: c.now().UTC(), ids: map[string]bool{}}
	if err := c.session(ctx, p.read); err != nil {
		if ctx.Err() != nil {
			return connectors.Page{}, ctx.Err()
		}
		return connectors.Page{}, c.fault(st, err)
	}
	return p.page, nil
}

// pull is one call of Pull.
type pull struct {
	conn   *conn
	stream *stream
	plan   *plan
	cur    cursor
	now    time.Time
	page   connectors.Page
	ids    map[string]bool
	size   int
}

// statement is a query in the making, with its arguments in order.
type statement struct {
	dialect dialect
	text    strings.Builder
	args    []any
}

func (s *statement) compare(c column, operator string, k key) {
	v, _ := k.argument() // parseCursor made sure of it
	s.args = append(s.args, v)
	fmt.Fprintf(&s.text, "%s %s %s", s.dialect.ordered(c.ref, c.typ), operator, s.dialect.placeholder(len(s.args), c.typ))
}

// behind writes the condition that a row follows the keys, in the order of the columns.
func (s *statement) behind(columns []column, keys []key) {
	s.compare(columns[0], ">", keys[0])
	if len(columns) == 1 {
		return
	}
	s.text.WriteString(" OR (")
	s.compare(columns[0], "=", keys[0])
	s.text.WriteString(" AND (")
	s.behind(columns[1:], keys[1:])
	s.text.WriteString("))")
}

// statement asks for one row more than the page holds, to know whether there are more.
func (p *pull) statement() *statement {
	d := p.conn.dialect
	s := &statement{dialect: d}
	s.text.WriteString("SELECT hub_q.*")
	for _, c := range p.plan.order {
		s.text.WriteString(", " + d.told(c.ref))
	}
	// The line end closes a comment at the query's end.
	s.text.WriteString(" FROM (" + p.stream.query + "\n) AS hub_q WHERE ")
	for i, c := range p.plan.order {
		if i > 0 {
			s.text.WriteString(" AND ")
		}
		s.text.WriteString(c.ref + " IS NOT NULL")
	}
	var keys []key
	if p.cur.At != nil {
		keys = append(keys, *p.cur.At)
	}
	switch keys = append(keys, p.cur.ID...); {
	case len(keys) == len(p.plan.order):
		// The first part is implied, and lets the database use an index.
		s.text.WriteString(" AND ")
		s.compare(p.plan.order[0], ">=", keys[0])
		s.text.WriteString(" AND (")
		s.behind(p.plan.order, keys)
		s.text.WriteString(")")
	case p.cur.At != nil:
		s.text.WriteString(" AND ")
		s.compare(p.plan.order[0], ">=", p.cur.At.back(p.stream))
	}
	for i, c := range p.plan.order {
		if i == 0 {
			s.text.WriteString(" ORDER BY ")
		} else {
			s.text.WriteString(", ")
		}
		s.text.WriteString(d.ordered(c.ref, c.typ))
	}
	fmt.Fprintf(&s.text, " LIMIT %d", p.stream.page+1)
	return s
}

func (p *pull) read(ctx context.Context, tx *sql.Tx) error {
	var err error
	if p.plan, err = p.conn.plan(ctx, tx, p.stream); err != nil {
		return err
	}
	s := p.statement()
	rows, err := tx.QueryContext(ctx, s.text.String(), s.args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	columns := columnsOf(types[:len(types)-len(p.plan.order)])
	values := make([]any, len(types))
	into := make([]any, len(types))
	for i := range values {
		into[i] = &values[i]
	}
	more, fetched := false, 0
	for !more && rows.Next() {
		fetched++
		if err := rows.Scan(into...); err != nil {
			return err
		}
		var end bool
		if more, end, err = p.row(columns, values); err != nil {
			return err
		}
		if end {
			fetched = 0
			break
		}
	}
	if err := rows.Err(); err != nil && !more {
		return err
	}
	p.finish(more || fetched > p.stream.page)
	return nil
}

// row takes a row onto the page, or reports that it begins the next one, or that the round ends before it.
func (p *pull) row(columns []column, values []any) (more, end bool, err error) {
	keys := make([]key, len(p.plan.order))
	for i := range keys {
		var ok bool
		if keys[i], ok = keyOf(values[len(columns)+i]); !ok {
			return false, false, canon.Errorf("sql.columns", "rows cannot be ordered by the column %s", p.plan.order[i].name).
				WithHint("choose columns with numbers, times or texts")
		}
	}
	next := cursor{ID: keys, Round: p.cur.Round}
	if p.stream.cursor != "" {
		next.At, next.ID = &keys[0], keys[1:]
		if p.stream.settle > 0 {
			t, _, ok := keys[0].time()
			if !ok {
				return false, false, canon.Errorf("sql.option", "stream %s: option settle needs a time, and the cursor holds %q", p.stream.name, clip(keys[0].Text)).
					WithHint("leave settle out, or choose another column")
			}
			if t.After(p.now.Add(-p.stream.settle)) {
				return false, true, nil // rows come in order, so all that follow are as young
			}
		}
	}
	id := joinID(next.ID)
	// A row like the one before cannot wait: behind the page nothing would lead to it.
	again := sameKeys(next, p.cur)
	if !again && (len(p.page.Records)+len(p.page.Rejects) >= p.stream.page || p.size >= pageBytes || p.ids[id]) {
		return true, false, nil
	}
	rec := p.record(columns, values, next)
	p.size += len(rec.Raw)
	if again {
		p.page.Rejects = append(p.page.Rejects, canon.DeadLetter{
			RecordID: id, Code: "sql.duplicate", Raw: rec.Raw, OccurredAt: p.now,
			Reason: "another row has the same id and cursor", Hint: "name more columns in the option id, or write the query so that an id stands once",
		})
	} else {
		p.page.Records = append(p.page.Records, rec)
	}
	p.ids[id], p.cur = true, next
	return false, false, nil
}

func sameKeys(a, b cursor) bool {
	if len(a.ID) != len(b.ID) || (a.At == nil) != (b.At == nil) || a.At != nil && *a.At != *b.At {
		return false
	}
	for i := range a.ID {
		if a.ID[i] != b.ID[i] {
			return false
		}
	}
	return true
}

func (p *pull) record(columns []column, values []any, at cursor) canon.Record {
	rec := canon.Record{Ref: canon.Ref{Connection: p.conn.connection, Stream: p.stream.name, ID: joinID(at.ID)}, ObservedAt: p.now}
	if at.At != nil {
		rec.Version = at.At.version()
	}
	raw := []byte{'{'}
	for i, c := range columns {
		if i > 0 {
			raw = append(raw, ',')
		}
		raw = append(append(raw, c.quoted...), ':')
		raw = appendJSON(raw, values[i], c.typ)
		if c.name == p.plan.deleted && p.plan.deleted != "" && truthy(values[i]) {
			rec.Deleted, rec.Reason = true, "deleted"
		}
	}
	rec.Raw = append(raw, '}')
	return rec
}

// finish sets the cursor behind the page. Behind a round, a row's id no longer matters: the next one begins at
// the cursor value, whatever ids came to have it meanwhile.
func (p *pull) finish(more bool) {
	full := p.stream.cursor == ""
	if full {
		p.page.Sweep = &canon.Sweep{Round: p.cur.Round, Guard: p.stream.guard}
	}
	p.page.More = more
	if !more {
		p.cur = cursor{At: p.cur.At}
	}
	p.page.Next = p.cur.encode()
}
