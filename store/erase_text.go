package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// textTable is a table that holds text which may name somebody.
type textTable struct {
	name string
	// key are the columns by which a row is found again; the ones in number hold numbers.
	key    []string
	number map[string]bool
	// text are the columns that are looked at. Those in fixed make up what the row is: it is removed where they
	// name somebody.
	text  []string
	fixed map[string]bool
	// refs are columns that name a record: connection, stream and id, or the key of an entity.
	refs []string
	// bytes are columns of bytes among text.
	bytes map[string]bool
	// packed are columns of documents among text, which may be packed.
	packed map[string]bool
}

func named(names ...string) map[string]bool {
	out := map[string]bool{}
	for _, n := range names {
		out[n] = true
	}
	return out
}

// textTables lists every table but that of the raw versions that may hold what somebody is known by. What it leaves
// out holds ids, times, numbers and sealed values; a test compares it with the tables that there are.
var textTables = []textTable{
	{name: "entities", key: []string{"id"}, number: named("id"), text: []string{"doc", "why", "search"}},
	{name: "keys", key: []string{"entity", "role", "n"}, number: named("entity", "n"), text: []string{"name"}, fixed: named("name")},
	{name: "events", key: []string{"id"}, number: named("id"), text: []string{"doc"}},
	{name: "customers", key: []string{"id"}, text: []string{"name", "search", "domain", "fields", "assessment"}, packed: named("assessment")},
	{name: "assessments", key: []string{"customer", "n"}, number: named("n"), text: []string{"doc"}, packed: named("doc")},
	{name: "outbox", key: []string{"position"}, number: named("position"), text: []string{"doc"}, packed: named("doc")},
	{name: "deliveries", key: []string{"n"}, number: named("n"), text: []string{"reason", "body"}},
	{name: "attempts", key: []string{"delivery", "no"}, number: named("no"), text: []string{"error", "response"}},
	{name: "pushed", key: []string{"connection", "stream", "rid", "field"}, text: []string{"wanted", "acked", "reason"}, refs: []string{"connection", "stream", "rid"}},
	{name: "dead_letters", key: []string{"id"}, text: []string{"path", "reason", "hint", "raw"}, bytes: named("raw"), refs: []string{"connection", "stream", "rid"}},
	{name: "streams", key: []string{"connection", "stream"}, text: []string{"error", "notice"}},
	{name: "fields", key: []string{"connection", "stream", "path"}, text: []string{"path"}, fixed: named("path")},
	{name: "drift", key: []string{"id"}, number: named("id"), text: []string{"path", "detail"}, fixed: named("path")},
	{name: "overrides", key: []string{"seq"}, number: named("seq"), text: []string{"value", "reason"}},
	{name: "decisions", key: []string{"seq"}, number: named("seq"), text: []string{"a", "b", "evidence", "value", "reason"},
		fixed: named("a", "b", "evidence", "value"), refs: []string{"a", "b"}},
	{name: "moves", key: []string{"seq"}, number: named("seq"), text: []string{"why"}},
	{name: "candidates", key: []string{"a", "b"}, number: named("a", "b"), text: []string{"why"}},
	{name: "firings", key: []string{"n"}, number: named("n"), text: []string{"doc"}},
	{name: "play_modes", key: []string{"seq"}, number: named("seq"), text: []string{"author", "reason"}},
	{name: "meta", key: []string{"name"}, text: []string{"value"}},
}

// textNames lists the tables that EachText and RedactTexts go through, in order; versions is that of the raw records.
func textNames() []string {
	out := []string{"versions"}
	for _, t := range textTables {
		out = append(out, t.name)
	}
	return out
}

// textRow is a row as it was read.
type textRow struct {
	canon.TextRow
	key []any
}

// columns lists what is selected.
func (t textTable) columns() string {
	return strings.Join(append(append(append([]string{}, t.key...), t.text...), t.refs...), ", ")
}

// page returns the query for the rows behind a key, and how many arguments the key takes.
func (t textTable) page(after []any, limit int) string {
	where := ""
	if after != nil {
		marks := make([]string, len(t.key))
		for i := range t.key {
			marks[i] = "$" + strconv.Itoa(i+1)
		}
		where = " WHERE (" + strings.Join(t.key, ", ") + ") > (" + strings.Join(marks, ", ") + ")"
	}
	return fmt.Sprintf("SELECT %s FROM %s%s ORDER BY %s LIMIT %d", t.columns(), t.name, where, strings.Join(t.key, ", "), limit)
}

func (t textTable) read(db *DB, r *sql.Rows) (textRow, error) {
	numbers, texts, raws := make([]int64, len(t.key)), make([]string, len(t.key)+len(t.text)+len(t.refs)), make([][]byte, len(t.text))
	var to []any
	for i, k := range t.key {
		if t.number[k] {
			to = append(to, &numbers[i])
		} else {
			to = append(to, &texts[i])
		}
	}
	for i, c := range t.text {
		if t.bytes[c] || t.packed[c] {
			to = append(to, &raws[i])
		} else {
			to = append(to, &texts[len(t.key)+i])
		}
	}
	for i := range t.refs {
		to = append(to, &texts[len(t.key)+len(t.text)+i])
	}
	if err := r.Scan(to...); err != nil {
		return textRow{}, err
	}
	row := textRow{TextRow: canon.TextRow{Table: t.name, Columns: t.text, Values: make([]string, len(t.text))}}
	for i, k := range t.key {
		if t.number[k] {
			row.key = append(row.key, numbers[i])
		} else {
			row.key = append(row.key, texts[i])
		}
	}
	for i, c := range t.text {
		row.Values[i] = texts[len(t.key)+i]
		switch {
		case t.bytes[c]:
			row.Values[i] = string(raws[i])
		case t.packed[c]:
			doc, err := db.unpacked(raws[i])
			if err != nil {
				return textRow{}, err
			}
			row.Values[i] = string(doc)
		}
	}
	row.Refs = refsOf(texts[len(t.key)+len(t.text):])
	return row, nil
}

// refsOf reads connection, stream and id, or keys of entities.
func refsOf(texts []string) []canon.Ref {
	if len(texts) == 3 {
		return []canon.Ref{{Connection: texts[0], Stream: texts[1], ID: texts[2]}}
	}
	var out []canon.Ref
	for _, s := range texts {
		if i := strings.LastIndexByte(s, '#'); i > 0 {
			s = s[:i]
		}
		if ref, err := canon.ParseRef(s); err == nil {
			out = append(out, ref)
		}
	}
	return out
}

// EachText hands every row with text to fn, also the raw versions of records. fn changes nothing.
func (db *DB) EachText(ctx context.Context, fn func(canon.TextRow) error) error {
	if err := db.eachVersion(ctx, fn); err != nil {
		return err
	}
	for _, t := range textTables {
		var after []any
		for {
			rows, err := scan(func() (*sql.Rows, error) { return db.rows(ctx, t.page(after, textsAtOnce), slices.Clone(after)...) }, func(r *sql.Rows) (textRow, error) { return t.read(db, r) })
			if err != nil {
				return fmt.Errorf("texts of %s: %w", t.name, err)
			}
			for _, r := range rows {
				if err := fn(r.TextRow); err != nil {
					return err
				}
			}
			if len(rows) < textsAtOnce {
				break
			}
			after = rows[len(rows)-1].key
		}
	}
	return nil
}

// textsAtOnce is how many rows are looked at together.
const textsAtOnce = 500

func (db *DB) eachVersion(ctx context.Context, fn func(canon.TextRow) error) error {
	for after := int64(0); ; {
		type version struct {
			record int64
			row    canon.TextRow
		}
		vs, err := scan(func() (*sql.Rows, error) {
			return db.rows(ctx, `SELECT r.id, r.connection, r.stream, r.rid, v.raw FROM versions v JOIN records r ON r.id = v.record
				WHERE r.id > $1 AND r.id <= (SELECT COALESCE(MAX(id), 0) FROM (SELECT id FROM records WHERE id > $1 ORDER BY id LIMIT 200) few) ORDER BY r.id`, after)
		}, func(r *sql.Rows) (version, error) {
			var v version
			var ref canon.Ref
			var raw []byte
			if err := r.Scan(&v.record, &ref.Connection, &ref.Stream, &ref.ID, &raw); err != nil {
				return v, err
			}
			b, err := db.unpack.DecodeAll(raw, nil)
			v.row = canon.TextRow{Table: "versions", Refs: []canon.Ref{ref}, Columns: []string{"raw"}, Values: []string{string(b)}}
			return v, err
		})
		if err != nil || len(vs) == 0 {
			return err
		}
		for _, v := range vs {
			if err := fn(v.row); err != nil {
				return err
			}
			after = v.record
		}
	}
}

// RedactTexts hands the next rows with text of a table to fn, which may change their values or ask for them to be
// removed. It begins behind the key after, nil for the first, and returns the last key, nil at the end of the table, and
// how many rows it changed or removed.
func (t *Tx) RedactTexts(ctx context.Context, table string, after []any, fn func(*canon.TextRow)) (next []any, changed int64, err error) {
	i := slices.IndexFunc(textTables, func(d textTable) bool { return d.name == table })
	if i < 0 {
		return nil, 0, nil
	}
	d := textTables[i]
	rows, err := scan(func() (*sql.Rows, error) { return t.query(ctx, d.page(after, textsAtOnce), slices.Clone(after)...) }, func(r *sql.Rows) (textRow, error) { return d.read(t.db, r) })
	if err != nil {
		return nil, 0, fmt.Errorf("texts of %s: %w", table, err)
	}
	for _, r := range rows {
		did, err := t.redact(ctx, d, r, fn)
		if err != nil {
			return nil, changed, err
		}
		changed += did
	}
	if len(rows) == textsAtOnce {
		next = rows[len(rows)-1].key
	} else if table == "events" {
		// Books hold what events said before. They are made anew from what they say now.
		err = t.DropAllBooks(ctx)
	}
	return next, changed, err
}

// TextTables names the tables that RedactTexts knows.
func (t *Tx) TextTables() []string { return textNames()[1:] }

func (t *Tx) redact(ctx context.Context, table textTable, r textRow, fn func(*canon.TextRow)) (int64, error) {
	is := r.TextRow
	is.Values = append([]string{}, r.Values...)
	fn(&is)
	var set []string
	var args []any
	for i, c := range table.text {
		if is.Values[i] == r.Values[i] {
			continue
		}
		is.Drop = is.Drop || table.fixed[c]
		var v any = is.Values[i]
		switch {
		case table.bytes[c]:
			v = []byte(is.Values[i])
		case table.packed[c]:
			v = t.db.packed([]byte(is.Values[i]))
		}
		args = append(args, v)
		set = append(set, c+" = $"+strconv.Itoa(len(args)))
	}
	if !is.Drop && len(set) == 0 {
		return 0, nil
	}
	if is.Drop {
		args = nil
	}
	where := make([]string, len(table.key))
	for i, k := range table.key {
		args = append(args, r.key[i])
		where[i] = k + " = $" + strconv.Itoa(len(args))
	}
	if is.Drop {
		return 1, t.exec(ctx, "DELETE FROM "+table.name+" WHERE "+strings.Join(where, " AND "), args...)
	}
	return 1, t.exec(ctx, "UPDATE "+table.name+" SET "+strings.Join(set, ", ")+" WHERE "+strings.Join(where, " AND "), args...)
}
