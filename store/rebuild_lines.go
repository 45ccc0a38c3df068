package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// EntityLine is an entity as two stores are compared by it.
type EntityLine struct {
	Name string
	// Ref is its record, empty where the store lacks it.
	Ref                     canon.Ref
	Hash, Cluster, Customer string
	// DueAt is when time alone tells an event of it.
	DueAt time.Time
}

// EntityLines returns at most limit entities behind a name, by name.
func (db *DB) EntityLines(ctx context.Context, after string, limit int) ([]EntityLine, error) {
	return scan(func() (*sql.Rows, error) {
		return db.rows(ctx, `SELECT e.name, COALESCE(r.connection, ''), COALESCE(r.stream, ''), COALESCE(r.rid, ''), e.hash, e.cluster, e.customer, e.due_at
			FROM entities e LEFT JOIN records r ON r.id = e.record WHERE e.name > $1 ORDER BY e.name LIMIT $2`, after, limit)
	}, func(r *sql.Rows) (EntityLine, error) {
		var l EntityLine
		var due int64
		err := r.Scan(&l.Name, &l.Ref.Connection, &l.Ref.Stream, &l.Ref.ID, &l.Hash, &l.Cluster, &l.Customer, &due)
		l.DueAt = instant(due)
		return l, err
	})
}

// EventLine is an event in force as two stores are compared by it.
type EventLine struct {
	ID, Type, Content, Customer string
	// Entity is what it was derived from, "" where an assessment told it; Ref is the entity's record.
	Entity string
	Ref    canon.Ref
}

// EventLines returns at most limit events in force behind an id, by id. What only the history of assessments tells is
// left out.
func (db *DB) EventLines(ctx context.Context, after string, limit int) ([]EventLine, error) {
	return scan(func() (*sql.Rows, error) {
		return db.rows(ctx, `SELECT v.eid, v.type, v.content, v.customer, COALESCE(e.name, ''), COALESCE(r.connection, ''), COALESCE(r.stream, ''), COALESCE(r.rid, '')
			FROM events v LEFT JOIN entities e ON e.id = v.entity LEFT JOIN records r ON r.id = e.record
			WHERE v.eid > $1 AND v.superseded_at = 0 AND v.type NOT LIKE 'score.%' ORDER BY v.eid LIMIT $2`, after, limit)
	}, func(r *sql.Rows) (EventLine, error) {
		var l EventLine
		err := r.Scan(&l.ID, &l.Type, &l.Content, &l.Customer, &l.Entity, &l.Ref.Connection, &l.Ref.Stream, &l.Ref.ID)
		return l, err
	})
}

// CustomerLine is a customer as two stores are compared by it.
type CustomerLine struct {
	ID string
	// Golden is the golden record, Standing where the customer stands, each as one text.
	Golden, Standing string
	// Pending says that the answer waits to be brought up to date, NextAt when time alone changes it.
	Pending bool
	NextAt  time.Time
}

// CustomerLines returns at most limit customers that have live records, behind an id, by id.
func (db *DB) CustomerLines(ctx context.Context, after string, limit int) ([]CustomerLine, error) {
	return scan(func() (*sql.Rows, error) {
		return db.rows(ctx, `SELECT id, type || ' ' || name || ' ' || domain || ' ' || fields,
			stage || ' since ' || CAST(stage_since AS TEXT) || ', band ' || band || ', score ' || COALESCE(CAST(CAST(ROUND(CAST(score AS NUMERIC)) AS BIGINT) AS TEXT), 'none')
			|| ', MRR ' || COALESCE(CAST(mrr AS TEXT), 'none') || ' ' || currency, dirty, next_at
			FROM customers WHERE id > $1 AND gone = 0 ORDER BY id LIMIT $2`, after, limit)
	}, func(r *sql.Rows) (CustomerLine, error) {
		var l CustomerLine
		var dirty, next int64
		err := r.Scan(&l.ID, &l.Golden, &l.Standing, &dirty, &next)
		l.Pending, l.NextAt = dirty > 0, instant(next)
		return l, err
	})
}

// Orphans returns the rows of those entities, by their keys, whose record the store does not hold.
func (t *Tx) Orphans(ctx context.Context, names []string) ([]canon.StoredEntity, error) {
	return in(ctx, t, "SELECT "+entityColumns+" FROM entities WHERE NOT EXISTS (SELECT 1 FROM records r WHERE r.id = entities.record) AND name", "ORDER BY id", nil, names, readEntity)
}

// Relink gives those of the events in force, by id, whose entity is no more to the entity at row, and returns whose
// they are.
func (t *Tx) Relink(ctx context.Context, row int64, events []string) (string, error) {
	const lost = "superseded_at = 0 AND NOT EXISTS (SELECT 1 FROM entities e WHERE e.id = events.entity) AND eid"
	customers, err := in(ctx, t, "SELECT DISTINCT customer FROM events WHERE "+lost, "", nil, events, readID)
	if err != nil || len(customers) == 0 {
		return "", err
	}
	return customers[0], each(events, 2, func(ph string, args []any) error {
		return t.exec(ctx, "UPDATE events SET entity = $1 WHERE "+lost+" IN ("+ph+")", append([]any{row}, args...)...)
	})
}

// Told returns those of the changes, by id, that the outbox holds.
func (t *Tx) Told(ctx context.Context, ids []string) ([]canon.Change, error) {
	return in(ctx, t, "SELECT doc FROM outbox WHERE change", "", nil, ids, func(r *sql.Rows) (canon.Change, error) {
		var c canon.Change
		doc := t.db.document()
		if err := r.Scan(doc); err != nil {
			return c, err
		}
		return c, doc.read(&c)
	})
}

// Recall says of the first statement of an event, which this transaction added, that it was recorded at a moment before.
func (t *Tx) Recall(ctx context.Context, event string, at time.Time) error {
	return t.exec(ctx, "UPDATE events SET recorded_at = $1 WHERE eid = $2 AND revision = 1 AND recorded_at = $3 AND superseded_at = 0", micros(at), event, micros(t.now))
}

// Waits says whether a customer waits to be assessed, or an entity for the clock, at a moment.
func (db *DB) Waits(ctx context.Context, customer, entity string, at time.Time) (bool, error) {
	var n int
	err := db.row(ctx, `SELECT (SELECT COUNT(*) FROM customers WHERE id = $1 AND (dirty = 1 OR next_at > 0 AND next_at <= $2))
		+ (SELECT COUNT(*) FROM entities WHERE name = $3 AND due_at > 0 AND due_at <= $4)`, customer, micros(at), entity, micros(at)).Scan(&n)
	return n > 0, err
}

// The kinds of what a rebuild found to differ.
const (
	// DifferentRecord is a record whose entities or events differ, DifferentOrphan an entity that comes from no record
	// held, DifferentCustomer a customer whose golden record or standing differs.
	DifferentRecord   = "record"
	DifferentOrphan   = "orphan"
	DifferentCustomer = "customer"
)

// Difference is one thing that differs: a record's reference, or the Name of an orphan or customer.
type Difference struct {
	Kind string
	Ref  canon.Ref
	Name string
}

// ResetDifferences makes db, which is beside another store, note differences from the beginning.
func (db *DB) ResetDifferences(ctx context.Context) error {
	text := db.dialect.text
	return db.InTx(ctx, time.Now(), func(t *Tx) error {
		if err := t.exec(ctx, "DROP TABLE IF EXISTS differences"); err != nil {
			return err
		}
		return t.exec(ctx, "CREATE TABLE differences (kind "+text+" NOT NULL, connection "+text+" NOT NULL, stream "+text+" NOT NULL, name "+text+" NOT NULL, PRIMARY KEY (kind, connection, stream, name))")
	})
}

// AddDifferences notes differences; one that is noted already stays.
func (db *DB) AddDifferences(ctx context.Context, ds []Difference) error {
	seen := map[Difference]bool{}
	var rows [][]any
	for _, d := range ds {
		if !seen[d] {
			seen[d] = true
			rows = append(rows, []any{d.Kind, d.Ref.Connection, d.Ref.Stream, d.Ref.ID + d.Name})
		}
	}
	return db.InTx(ctx, time.Now(), func(t *Tx) error {
		return t.insert(ctx, "INSERT INTO differences (kind, connection, stream, name)", "ON CONFLICT (kind, connection, stream, name) DO NOTHING", rows)
	})
}

// Differences returns at most limit differences of a kind behind one, which is zero at first, in order.
func (db *DB) Differences(ctx context.Context, kind string, after Difference, limit int) ([]Difference, error) {
	return scan(func() (*sql.Rows, error) {
		return db.rows(ctx, "SELECT connection, stream, name FROM differences WHERE kind = $1 AND (connection, stream, name) > ($2, $3, $4) ORDER BY connection, stream, name LIMIT $5",
			kind, after.Ref.Connection, after.Ref.Stream, after.Ref.ID+after.Name, limit)
	}, func(r *sql.Rows) (Difference, error) {
		d := Difference{Kind: kind}
		var name string
		err := r.Scan(&d.Ref.Connection, &d.Ref.Stream, &name)
		if kind == DifferentRecord {
			d.Ref.ID = name
		} else {
			d.Name = name
		}
		return d, err
	})
}
