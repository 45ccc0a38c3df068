package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/lifecyclehub/hub/canon"
)

const eventColumns = "id, entity, customer, revision, clock, recorded_at, doc"

func readEvent(r *sql.Rows) (canon.StoredEvent, error) {
	var e canon.StoredEvent
	var customer, doc string
	var clock, recorded int64
	if err := r.Scan(&e.Row, &e.Entity, &customer, &e.Revision, &clock, &recorded, &doc); err != nil {
		return e, err
	}
	if err := json.Unmarshal([]byte(doc), &e.Event); err != nil {
		return e, fmt.Errorf("stored event %d: %w", e.Row, err)
	}
	e.Customer, e.Clock, e.RecordedAt = customer, clock == 1, instant(recorded)
	return e, nil
}

// EventsOf returns the events in force of entities.
func (t *Tx) EventsOf(ctx context.Context, entities []int64) ([]canon.StoredEvent, error) {
	return in(ctx, t, "SELECT "+eventColumns+" FROM events WHERE entity > 0 AND superseded_at = 0 AND entity", "ORDER BY id", nil, entities, readEvent)
}

// CustomerEvents returns the events in force of customers, the oldest first within each.
func (t *Tx) CustomerEvents(ctx context.Context, customers []string) ([]canon.StoredEvent, error) {
	return in(ctx, t, "SELECT "+eventColumns+" FROM events WHERE superseded_at = 0 AND customer", "ORDER BY customer, occurred_at, eid", nil, customers, readEvent)
}

// Revisions returns the highest revision stored of each event id.
func (t *Tx) Revisions(ctx context.Context, ids []string) (map[string]int, error) {
	type rev struct {
		id string
		n  int
	}
	rs, err := in(ctx, t, "SELECT eid, MAX(revision) FROM events WHERE eid", "GROUP BY eid", nil, ids, func(r *sql.Rows) (rev, error) {
		var v rev
		err := r.Scan(&v.id, &v.n)
		return v, err
	})
	out := make(map[string]int, len(rs))
	for _, r := range rs {
		out[r.id] = r.n
	}
	return out, err
}

// AddEvents appends events.
func (t *Tx) AddEvents(ctx context.Context, es []canon.StoredEvent) error {
	rows := make([][]any, len(es))
	for i, e := range es {
		plain := e.Event
		plain.Customer = ""
		plain.RecordedAt = instant(0)
		doc, err := json.Marshal(plain)
		if err != nil {
			return fmt.Errorf("event %s: %w", e.ID, err)
		}
		if e.Entity > 0 {
			t.addedTo(e.Customer)
		}
		rows[i] = []any{e.ID, e.Revision, e.Type, e.Entity, e.Customer, flag(e.Clock), micros(e.OccurredAt), micros(t.now), e.Content(), string(doc)}
	}
	return t.insert(ctx, "INSERT INTO events (eid, revision, type, entity, customer, clock, occurred_at, recorded_at, content, doc)", "", rows)
}

// Supersede takes events out of force. They stay, with the moment at which they stopped being believed.
func (t *Tx) Supersede(ctx context.Context, rows []int64) error {
	if err := each(rows, 1, func(ph string, args []any) error {
		return t.exec(ctx, "DELETE FROM books WHERE customer IN (SELECT customer FROM events WHERE entity > 0 AND id IN ("+ph+"))", args...)
	}); err != nil {
		return err
	}
	return each(rows, 2, func(ph string, args []any) error {
		return t.exec(ctx, "UPDATE events SET superseded_at = $1 WHERE id IN ("+ph+")", append([]any{micros(t.now)}, args...)...)
	})
}

// SetClock marks events as told by time alone, or as told by a state.
func (t *Tx) SetClock(ctx context.Context, rows []int64, clock bool) error {
	return each(rows, 2, func(ph string, args []any) error {
		return t.exec(ctx, "UPDATE events SET clock = $1 WHERE id IN ("+ph+")", append([]any{flag(clock)}, args...)...)
	})
}

// AddChanges puts changes into the outbox, in order. A change that is there already is left as it is.
func (t *Tx) AddChanges(ctx context.Context, cs []canon.Change) error {
	rows := make([][]any, len(cs))
	for i, c := range cs {
		doc, err := t.packedChange(c)
		if err != nil {
			return fmt.Errorf("change %s: %w", c.ID, err)
		}
		rows[i] = []any{c.ID, c.Customer, c.Type, micros(t.now), doc}
	}
	if t.db.dialect.inOrder != "" && len(rows) > 0 {
		if err := t.exec(ctx, t.db.dialect.inOrder); err != nil {
			return err
		}
	}
	return t.insert(ctx, "INSERT INTO outbox (change, customer, type, recorded_at, doc)", "ON CONFLICT (change) DO NOTHING", rows)
}

// Outbox returns at most limit changes behind position after, in order.
func (db *DB) Outbox(ctx context.Context, after int64, limit int) ([]canon.Change, error) {
	return scan(func() (*sql.Rows, error) {
		return db.rows(ctx, "SELECT position, doc FROM outbox WHERE position > $1 ORDER BY position LIMIT $2", after, limit)
	}, func(r *sql.Rows) (canon.Change, error) {
		var c canon.Change
		var position int64
		doc := db.document()
		if err := r.Scan(&position, doc); err != nil {
			return c, err
		}
		if err := doc.read(&c); err != nil {
			return c, fmt.Errorf("stored change %d: %w", position, err)
		}
		c.Position = position
		return c, nil
	})
}

// OutboxEnd returns the position of the newest change, 0 where there is none.
func (db *DB) OutboxEnd(ctx context.Context) (int64, error) {
	var n int64
	err := db.row(ctx, "SELECT COALESCE(MAX(position), 0) FROM outbox").Scan(&n)
	return n, err
}

// Meta returns a kept value, "" where there is none.
func (db *DB) Meta(ctx context.Context, name string) (string, error) {
	var v string
	err := db.row(ctx, "SELECT COALESCE(MAX(value), '') FROM meta WHERE name = $1", name).Scan(&v)
	return v, err
}

// SetMeta keeps a value.
func (t *Tx) SetMeta(ctx context.Context, name, value string) error {
	return t.exec(ctx, "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value)
}
