package odoo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

const (
	// overlap is read again in every round: a record is stamped with the moment at which its transaction began, and
	// an import may take a quarter of an hour until others see it.
	overlap = 20 * time.Minute
	// settle is by how much the clocks of Hub and Odoo may differ.
	settle = time.Minute
	// sweepEvery is how often everything is listed, for what was deleted for good; guarded is the largest share that
	// may turn out missing at once.
	sweepEvery = 24 * time.Hour
	guarded    = 0.05
)

// The phases of a round. Between rounds the phase is "".
const (
	phaseFull    = "full"
	phaseChanges = "changes"
)

// cursor is what canon.Cursor holds. Times are microseconds.
type cursor struct {
	Phase string `json:"phase,omitempty"`
	// Start is when the running round began, Mark the watermark, Swept when the last full list began, which is also
	// the name of a running one.
	Start int64 `json:"start,omitempty"`
	Mark  int64 `json:"mark,omitempty"`
	Swept int64 `json:"swept,omitempty"`
	// Last is the id behind which the next page begins. Lists are read by id: a record that changes meanwhile stays
	// where it is, and its new moment of change is within the next round's window.
	Last int64 `json:"last,omitempty"`
	// Fields stands for the fields that are read.
	Fields string `json:"fields,omitempty"`
}

func readCursor(from canon.Cursor) (cursor, error) {
	var c cursor
	if from == "" {
		return c, nil
	}
	dec := json.NewDecoder(bytes.NewReader([]byte(from)))
	dec.DisallowUnknownFields()
	err := dec.Decode(&c)
	if err == nil && c.Phase != "" && c.Phase != phaseFull && c.Phase != phaseChanges {
		err = fmt.Errorf("unknown phase %q", c.Phase)
	}
	if err != nil {
		return c, canon.Errorf("cursor.invalid", "the stream's cursor cannot be read: %w", err).
			WithHint("Reset the stream to read it from the beginning.")
	}
	return c, nil
}

// begin starts a round: of everything at first, once a day, and where there are other fields than before; else of
// what changed.
func (c cursor) begin(now time.Time, fields string) cursor {
	next := cursor{Phase: phaseChanges, Start: now.UnixMicro(), Mark: c.Mark, Swept: c.Swept, Fields: fields}
	if c.Mark == 0 || c.Fields != fields || now.Sub(time.UnixMicro(c.Swept)) >= sweepEvery {
		next.Phase, next.Swept = phaseFull, next.Start
	}
	return next
}

// Pull reads the page at from. Besides the errors of connectors/rest it fails with page.loop.
func (c *conn) Pull(ctx context.Context, stream string, from canon.Cursor) (connectors.Page, error) {
	o, err := objectOf(stream)
	if err != nil {
		return connectors.Page{}, err
	}
	cur, err := readCursor(from)
	if err != nil {
		return connectors.Page{}, err
	}
	have, err := c.describe(ctx, o.model, true)
	if err != nil {
		return connectors.Page{}, err
	}
	columns := o.columns(have)
	if cur.Phase == "" {
		cur = cur.begin(c.now().UTC(), canon.Hash([]byte(strings.Join(columns, ",")))[:12])
	}
	if _, given := connectors.PriorityOf(ctx); !given {
		p := connectors.PriorityIncremental
		if cur.Phase == phaseFull {
			p = connectors.PriorityBackfill
		}
		ctx = connectors.WithPriority(ctx, p)
	}
	var rows []json.RawMessage
	if err := c.do(ctx, call{o.model, "search_read", c.query(o, cur, columns), true}, &rows); err != nil {
		return connectors.Page{}, err
	}
	return c.page(stream, cur, page{rows, have})
}

// query asks for what lies behind the last id. Archived records are asked for too.
func (c *conn) query(o object, cur cursor, columns []string) map[string]any {
	domain := append([]any{}, o.domain...)
	if cur.Phase == phaseChanges {
		since := time.UnixMicro(cur.Mark).Add(-overlap).UTC().Format(time.DateTime)
		domain = append(domain, []any{"write_date", ">=", since})
	}
	domain = append(domain, []any{"id", ">", cur.Last})
	return map[string]any{"domain": domain, "fields": columns, "order": "id asc", "limit": c.pageSize, "context": map[string]any{"active_test": false}}
}

// page is what was read, and what is known of its fields.
type page struct {
	rows []json.RawMessage
	have map[string]field
}

func (c *conn) page(stream string, cur cursor, p page) (connectors.Page, error) {
	now := c.now().UTC()
	var out connectors.Page
	last := cur.Last
	for _, raw := range p.rows {
		rec, id := c.record(stream, raw, p.have)
		if id == 0 {
			out.Rejects = append(out.Rejects, canon.DeadLetter{
				Code: "record.no_id", Path: "id", Raw: raw, OccurredAt: now, RecordedAt: now,
				Reason: "The object has no id, so it cannot be told from others.",
				Hint:   "Look at the object in Odoo; nothing else of the page was lost.",
			})
			continue
		}
		if id <= cur.Last {
			return connectors.Page{}, canon.Errorf("page.loop", "the pages of %s lead in a circle: record %d was listed behind %d", stream, id, cur.Last).
				WithHint("Something between Hub and Odoo may answer from a store of its own: requests by POST must not be cached.")
		}
		last = max(last, id)
		out.Records = append(out.Records, rec)
	}
	if cur.Phase == phaseFull {
		out.Sweep = &canon.Sweep{Round: strconv.FormatInt(cur.Swept, 10), Guard: guarded}
	}
	if out.More = len(p.rows) >= c.pageSize && last > cur.Last; out.More {
		cur.Last = last
	} else {
		cur = cursor{Mark: cur.Start - settle.Microseconds(), Swept: cur.Swept, Fields: cur.Fields}
	}
	b, err := json.Marshal(cur)
	out.Next = canon.Cursor(b)
	return out, err
}

// record makes a record of a row. Odoo writes false where a field is empty; such members are left out, but for
// those that are true or false.
func (c *conn) record(stream string, raw json.RawMessage, have map[string]field) (canon.Record, int64) {
	var row map[string]any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if dec.Decode(&row) != nil {
		return canon.Record{}, 0
	}
	number, _ := row["id"].(json.Number)
	id, err := number.Int64()
	if err != nil || id <= 0 {
		return canon.Record{}, 0
	}
	for name, v := range row {
		if v == false && have[name].Type != "boolean" {
			delete(row, name)
		}
	}
	rec := canon.Record{Ref: canon.Ref{Connection: c.connection, Stream: stream, ID: number.String()}, ObservedAt: c.now().UTC()}
	if at, err := time.Parse(time.DateTime, fmt.Sprint(row["write_date"])); err == nil && at.Year() > 1970 {
		rec.Version = at.UnixMicro()
	}
	if row["active"] == false && !lost(stream, row) {
		rec.Deleted, rec.Reason = true, "archived"
	}
	if rec.Raw, err = json.Marshal(row); err != nil {
		return canon.Record{}, 0
	}
	return rec, id
}

// lost reports an opportunity that is archived because it was lost: that is how Odoo marks it.
func lost(stream string, row map[string]any) bool {
	if stream != "leads" {
		return false
	}
	if word, ok := row["won_status"].(string); ok {
		return word == "lost"
	}
	n, _ := row["probability"].(json.Number)
	p, err := n.Float64()
	return err == nil && p == 0
}
