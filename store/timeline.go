package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// Timeline returns a part of a customer's timeline; customer "" asks for everybody's.
func (db *DB) Timeline(ctx context.Context, customer string, win canon.Window) (canon.EventPage, error) {
	page := canon.EventPage{Events: []canon.Event{}}
	if customer != "" {
		id, err := db.resolveAt(ctx, customer, micros(win.KnownAt))
		if err != nil {
			return page, err
		}
		customer = id
	}
	q := telling{win: win, customer: customer, limit: bounded(win.Limit, 100, 1000)}
	if err := q.seek(); err != nil {
		return page, err
	}
	if win.Person != "" {
		var err error
		if q.person, err = db.person(ctx, win.Person); err != nil {
			return page, err
		}
	}
	query, args := q.sql()
	es, err := scan(func() (*sql.Rows, error) { return db.rows(ctx, query, args...) }, q.read)
	if err != nil {
		return page, err
	}
	return q.page(es), nil
}

// position is an event's place in a timeline: the order is by moment, id and revision.
type position struct {
	at       int64
	id       string
	revision int64
}

// statement is an event as it was told, with its place.
type statement struct {
	canon.Event
	position
}

// telling is one question to the events table.
type telling struct {
	win      canon.Window
	customer string
	limit    int
	person   person
	// from is where the page begins, exclusive; nil at the start. back says that the page ends there instead.
	from *position
	back bool
	args []any
}

// descending says in which direction the table is read.
func (q *telling) descending() bool { return q.win.Newest != q.back }

// many says that an id may have several statements in the answer.
func (q *telling) many() bool { return q.win.Revisions }

func (q *telling) seek() error {
	token := q.win.After
	if q.win.Before != "" {
		if token != "" {
			return canon.Errorf("request.invalid", "a page cannot lie both after one token and before another").WithHint("give after or before, not both")
		}
		token, q.back = q.win.Before, true
	}
	if token == "" {
		return nil
	}
	p, err := parsePosition(token)
	q.from = &p
	return err
}

// arg adds an argument and returns its placeholder.
func (q *telling) arg(v any) string {
	q.args = append(q.args, v)
	return "$" + strconv.Itoa(len(q.args))
}

func (q *telling) list(vs []string) string {
	ps := make([]string, len(vs))
	for i, v := range vs {
		ps[i] = q.arg(v)
	}
	return strings.Join(ps, ", ")
}

// sql returns the query and its arguments. Each of its parts reads one index in order and stops at the limit, so that a
// page costs what it holds, wherever it lies.
func (q *telling) sql() (string, []any) {
	dir := ""
	if q.descending() {
		dir = " DESC"
	}
	common := q.conditions()
	order := fmt.Sprintf("ORDER BY occurred_at%[1]s, eid%[1]s LIMIT %[2]d", dir, q.limit+1)
	if q.many() {
		order = fmt.Sprintf("ORDER BY occurred_at%[1]s, eid%[1]s, revision%[1]s LIMIT %[2]d", dir, q.limit+1)
	}
	var parts []string
	for _, p := range q.parts() {
		parts = append(parts, "SELECT eid, entity, "+q.whose()+" AS customer, revision, occurred_at, recorded_at, superseded_at, doc FROM events e WHERE "+
			strings.Join(append(p, common...), " AND ")+" "+order)
	}
	if len(parts) == 1 {
		return parts[0], q.args
	}
	for i, p := range parts {
		parts[i] = "SELECT * FROM (" + p + ") AS p" + strconv.Itoa(i)
	}
	return strings.Join(parts, " UNION ALL ") + " " + order, q.args
}

// whose is the customer that an event was known to be of: before an entity's next move, it was with whom the move found
// it.
func (q *telling) whose() string {
	if q.win.KnownAt.IsZero() {
		return "e.customer"
	}
	return "COALESCE((SELECT m.origin FROM moves m WHERE m.entity = e.entity AND m.at > " + q.known() + " ORDER BY m.at, m.seq LIMIT 1), e.customer)"
}

// known is the moment of knowledge as a number: times are no foreign text.
func (q *telling) known() string { return strconv.FormatInt(micros(q.win.KnownAt), 10) }

// parts returns the conditions of the parts that the answer is put together from: what is in force, what is not any
// more, and what has since moved to others.
func (q *telling) parts() [][]string {
	mine := []string{}
	if q.customer != "" {
		mine = append(mine, "e.customer = "+q.arg(q.customer))
		if !q.win.KnownAt.IsZero() {
			// Said so that PostgreSQL does not take it for rare, and sorts a whole timeline instead of reading it in order.
			mine = append(mine, "CASE WHEN "+q.whose()+" = "+q.arg(q.customer)+" THEN 1 ELSE 0 END > 0")
		}
	}
	with := func(conds ...string) []string { return append(conds, mine...) }
	if q.win.KnownAt.IsZero() {
		parts := [][]string{with("e.superseded_at = 0")}
		if q.win.Revisions {
			parts = append(parts, with("e.superseded_at > 0"))
		}
		return parts
	}
	recorded := "e.recorded_at <= " + q.known()
	past := []string{"e.superseded_at > 0", recorded}
	if !q.win.Revisions {
		past = append(past, "e.superseded_at > "+q.known(), "e.superseded_at > e.recorded_at")
	}
	parts := [][]string{with("e.superseded_at = 0", recorded), with(past...)}
	if q.customer != "" {
		away := []string{
			"e.entity > 0", recorded, "e.customer <> " + q.arg(q.customer), q.whose() + " = " + q.arg(q.customer),
			"e.entity IN (SELECT entity FROM moves WHERE origin = " + q.arg(q.customer) + " AND at > " + q.known() + ")",
		}
		if !q.win.Revisions {
			away = append(away, "(e.superseded_at = 0 OR e.superseded_at > "+q.known()+" AND e.superseded_at > e.recorded_at)")
		}
		parts = append(parts, away)
	}
	return parts
}

// conditions are those of every part.
func (q *telling) conditions() []string {
	var conds []string
	bound := func(cond string, v int64) {
		if v != 0 {
			conds = append(conds, cond+q.arg(v))
		}
	}
	bound("e.occurred_at >= ", micros(q.win.From))
	bound("e.occurred_at < ", micros(q.win.To))
	bound("e.occurred_at <= ", micros(q.win.At))
	if p := q.from; p != nil {
		cmp := ">"
		if q.descending() {
			cmp = "<"
		}
		conds = append(conds, fmt.Sprintf("(e.occurred_at, e.eid, e.revision) %s (%s, %s, %s)", cmp, q.arg(p.at), q.arg(p.id), q.arg(p.revision)))
	}
	conds = append(conds, q.types()...)
	conds = append(conds, q.sources()...)
	if q.win.Person != "" {
		conds = append(conds, "e.entity > 0", q.belongs())
	}
	return conds
}

// types keeps the types that are named, or that begin with one that ends in a dot.
func (q *telling) types() []string {
	var alt []string
	for _, n := range q.win.Types {
		if strings.HasSuffix(n, ".") {
			// The byte behind "." bounds the range of what begins with it.
			alt = append(alt, "(e.type >= "+q.arg(n)+" AND e.type < "+q.arg(n[:len(n)-1]+"/")+")")
		} else {
			alt = append(alt, "e.type = "+q.arg(n))
		}
	}
	return either(alt)
}

// sources keeps kinds, connections and streams. They are looked for in what the event says, because its entity may have
// been forgotten since. Inside of a JSON string no quote stands bare, so that nothing written by others is mistaken for
// them.
func (q *telling) sources() []string {
	holds := func(text string) string { return "replace(e.doc, " + q.arg(text) + ", '') <> e.doc" }
	var kinds, from []string
	for _, k := range q.win.Kinds {
		kinds = append(kinds, holds(`},"kind":`+quote(string(k))))
	}
	for _, c := range q.win.Connections {
		from = append(from, holds(`"ref":{"connection":`+quote(c)+`,"stream":`))
	}
	for _, s := range q.win.Streams {
		if c, name, both := strings.Cut(s, "/"); both {
			from = append(from, holds(`"ref":{"connection":`+quote(c)+`,"stream":`+quote(name)+`,"id":`))
		} else {
			from = append(from, holds(`,"stream":`+quote(s)+`,"id":`))
		}
	}
	return append(either(kinds), either(from)...)
}

func quote(s string) string {
	// A string always marshals.
	b, _ := json.Marshal(s)
	return string(b)
}

// belongs keeps the events of the person's own entities and of those that find their customer by the person.
func (q *telling) belongs() string {
	own := make([]string, len(q.person.rows))
	for i, r := range q.person.rows {
		own[i] = strconv.FormatInt(r, 10)
	}
	cond := "e.entity IN (SELECT x.id FROM entities x WHERE x.id IN (" + strings.Join(own, ", ") + ")"
	if len(q.person.keys) > 0 {
		cond += " UNION SELECT x.id FROM keys k JOIN entities x ON x.id = k.entity WHERE x.kind NOT IN ('company', 'contact') AND k.role = '" + roleOwner +
			"' AND k.name IN (" + q.list(q.person.keys) + ")"
	}
	return cond + ")"
}

func either(alt []string) []string {
	if len(alt) == 0 {
		return nil
	}
	return []string{"(" + strings.Join(alt, " OR ") + ")"}
}

func (q *telling) read(r *sql.Rows) (statement, error) {
	var s statement
	var entity, recorded, superseded int64
	var customer, doc string
	if err := r.Scan(&s.id, &entity, &customer, &s.revision, &s.at, &recorded, &superseded, &doc); err != nil {
		return s, err
	}
	if err := json.Unmarshal([]byte(doc), &s.Event); err != nil {
		return s, fmt.Errorf("stored event %s: %w", s.id, err)
	}
	s.Customer, s.RecordedAt = customer, instant(recorded)
	if q.win.Revisions {
		s.Revision = int(s.revision)
		if known := micros(q.win.KnownAt); known == 0 || superseded <= known {
			s.SupersededAt = instant(superseded)
		}
	}
	return s, nil
}

// page makes the page of what was read, one statement more than the limit where there is more.
func (q *telling) page(es []statement) canon.EventPage {
	more := len(es) > q.limit
	es = es[:min(len(es), q.limit)]
	if q.back {
		slices.Reverse(es)
	}
	page := canon.EventPage{Events: make([]canon.Event, 0, len(es))}
	for _, e := range es {
		page.Events = append(page.Events, e.Event)
	}
	ahead, behind := more, q.from != nil
	if q.back {
		ahead, behind = true, more
	}
	if len(es) == 0 {
		// The token's own event lies on the other side of the page.
		switch {
		case q.back:
			page.Next = q.beside(false).token()
		case behind:
			page.Prev = q.beside(true).token()
		}
		return page
	}
	if ahead {
		page.Next = es[len(es)-1].token()
	}
	if behind {
		page.Prev = es[0].token()
	}
	return page
}

// beside returns the place just after the token's, or just before it, in reading order.
func (q *telling) beside(after bool) position {
	p := *q.from
	if after != q.win.Newest {
		p.revision++
	} else {
		p.revision--
	}
	return p
}

func (p position) token() string {
	return pageToken(strconv.FormatInt(p.at, 10), strconv.FormatInt(p.revision, 10), p.id)
}

func parsePosition(token string) (p position, err error) {
	err = pageParts(token, 3, func(parts []string) (err error) {
		p.id = parts[2]
		if p.at, err = strconv.ParseInt(parts[0], 10, 64); err == nil {
			p.revision, err = strconv.ParseInt(parts[1], 10, 64)
		}
		return err
	})
	return p, err
}
