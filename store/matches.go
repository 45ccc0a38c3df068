package store

import (
	"context"
	"database/sql"

	"github.com/lifecyclehub/hub/canon"
)

// Matches tells how much of what is known is known across systems: of customers that records of several connections
// belong to. It is of living companies and contacts, of the events in force, and of recurring revenue.
type Matches struct {
	Customers Share `json:"customers"`
	Records   Share `json:"records"`
	// Events leaves out those that assessments tell. Unowned counts events of nobody's, such as a deal without company.
	Events  Share `json:"events"`
	Unowned int64 `json:"events_unowned"`
	// MRR goes by currency, Connections by connection, of records.
	MRR         map[string]Share `json:"mrr"`
	Connections map[string]Share `json:"connections"`
	// Linked counts the records that were brought to another one, Decided those of them that a decision brought there.
	Linked  int64 `json:"linked"`
	Decided int64 `json:"decided"`
	// Generic are the keys that more records hold than limit, the most held first; Large the customers and persons with
	// the most records, of at least large.
	Generic []Counted `json:"generic"`
	Large   []Counted `json:"large"`
}

// Share is a part of a whole.
type Share struct {
	Matched int64 `json:"matched"`
	Total   int64 `json:"total"`
}

// Counted is a name and a number.
type Counted struct {
	Name  string `json:"name"`
	Count int64  `json:"count"`
}

// across selects the customers that records of several connections belong to.
const across = `SELECT e.customer FROM entities e JOIN records r ON r.id = e.record WHERE e.kind IN ('company', 'contact') AND e.deleted = 0 AND e.customer <> ''
	GROUP BY e.customer HAVING COUNT(DISTINCT r.connection) > 1`

// Matches works out how much is known across systems. It looks at everything.
func (db *DB) Matches(ctx context.Context, limit, large int) (Matches, error) {
	m := Matches{MRR: map[string]Share{}, Connections: map[string]Share{}, Generic: []Counted{}, Large: []Counted{}}
	err := db.row(ctx, `WITH x AS (`+across+`) SELECT
		(SELECT COUNT(*) FROM x), (SELECT COUNT(*) FROM customers WHERE gone = 0),
		(SELECT COUNT(*) FROM events WHERE superseded_at = 0 AND entity > 0 AND customer IN (SELECT customer FROM x)),
		(SELECT COUNT(*) FROM events WHERE superseded_at = 0 AND entity > 0),
		(SELECT COUNT(*) FROM events WHERE superseded_at = 0 AND entity > 0 AND customer = ''),
		(SELECT COUNT(*) FROM entities WHERE kind IN ('company', 'contact') AND deleted = 0 AND node <> customer),
		(SELECT COUNT(*) FROM entities WHERE kind IN ('company', 'contact') AND deleted = 0 AND node <> customer AND why LIKE 'decision %')`).
		Scan(&m.Customers.Matched, &m.Customers.Total, &m.Events.Matched, &m.Events.Total, &m.Unowned, &m.Linked, &m.Decided)
	if err != nil {
		return m, err
	}
	if m.Connections, err = db.shares(ctx, `WITH x AS (`+across+`) SELECT r.connection, SUM(CASE WHEN e.customer IN (SELECT customer FROM x) THEN 1 ELSE 0 END), COUNT(*)
		FROM entities e JOIN records r ON r.id = e.record WHERE e.kind IN ('company', 'contact') AND e.deleted = 0 GROUP BY r.connection`); err != nil {
		return m, err
	}
	for _, s := range m.Connections {
		m.Records.Matched, m.Records.Total = m.Records.Matched+s.Matched, m.Records.Total+s.Total
	}
	if m.MRR, err = db.shares(ctx, `WITH x AS (`+across+`) SELECT currency, CAST(SUM(CASE WHEN id IN (SELECT customer FROM x) THEN mrr ELSE 0 END) AS BIGINT), CAST(SUM(mrr) AS BIGINT)
		FROM customers WHERE gone = 0 AND mrr IS NOT NULL GROUP BY currency`); err != nil {
		return m, err
	}
	if m.Generic, err = db.counted(ctx, `SELECT name, COUNT(*) FROM keys WHERE role = 'e' AND name NOT LIKE 'ref:%' GROUP BY name HAVING COUNT(*) > $1
		ORDER BY COUNT(*) DESC, name LIMIT 100`, limit); err != nil {
		return m, err
	}
	m.Large, err = db.counted(ctx, `SELECT cluster, COUNT(*) FROM entities WHERE kind IN ('company', 'contact') AND deleted = 0 AND cluster <> '' GROUP BY cluster
		HAVING COUNT(*) >= $1 ORDER BY COUNT(*) DESC, cluster LIMIT 100`, large)
	return m, err
}

func (db *DB) shares(ctx context.Context, query string) (map[string]Share, error) {
	type named struct {
		name string
		Share
	}
	ns, err := scan(func() (*sql.Rows, error) { return db.rows(ctx, query) }, func(r *sql.Rows) (named, error) {
		var n named
		err := r.Scan(&n.name, &n.Matched, &n.Total)
		return n, err
	})
	out := make(map[string]Share, len(ns))
	for _, n := range ns {
		out[n.name] = n.Share
	}
	return out, err
}

func (db *DB) counted(ctx context.Context, query string, args ...any) ([]Counted, error) {
	cs, err := scan(func() (*sql.Rows, error) { return db.rows(ctx, query, args...) }, func(r *sql.Rows) (Counted, error) {
		var c Counted
		err := r.Scan(&c.Name, &c.Count)
		return c, err
	})
	if cs == nil {
		cs = []Counted{}
	}
	return cs, err
}

// observed fills in when the records that values came from were observed.
func (db *DB) observed(ctx context.Context, fields []canon.Field) error {
	at := map[canon.Ref]int64{}
	for i := range fields {
		f := &fields[i]
		if !f.ObservedAt.IsZero() || f.Source.IsZero() {
			continue
		}
		us, asked := at[f.Source]
		if !asked {
			if err := db.row(ctx, "SELECT COALESCE(MAX(observed_at), 0) FROM records WHERE connection = $1 AND stream = $2 AND rid = $3",
				f.Source.Connection, f.Source.Stream, f.Source.ID).Scan(&us); err != nil {
				return err
			}
			at[f.Source] = us
		}
		f.ObservedAt = instant(us)
	}
	return nil
}
