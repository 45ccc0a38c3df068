package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"

	"github.com/lifecyclehub/hub/canon"
)

// segmented is what is read of an assessment to know the segments.
type segmented struct {
	Segments []string `json:"segments"`
}

// SegmentCounts counts the members of each segment that anybody is in, and the customers altogether.
func (db *DB) SegmentCounts(ctx context.Context) (counts map[string]int64, total int64, err error) {
	counts = map[string]int64{}
	after := ""
	for {
		type row struct {
			id  string
			doc []byte
		}
		rows, err := scan(func() (*sql.Rows, error) {
			return db.rows(ctx, "SELECT id, assessment FROM customers WHERE gone = 0 AND id > $1 ORDER BY id LIMIT 1000", after)
		}, func(r *sql.Rows) (x row, err error) {
			doc := db.document()
			err = r.Scan(&x.id, doc)
			x.doc = doc.doc
			return x, err
		})
		if err != nil || len(rows) == 0 {
			return counts, total, err
		}
		for _, x := range rows {
			var s segmented
			if len(x.doc) > 0 {
				if err := json.Unmarshal(x.doc, &s); err != nil {
					return counts, total, err
				}
			}
			total++
			for _, key := range s.Segments {
				counts[key]++
			}
		}
		after = rows[len(rows)-1].id
	}
}

// SegmentMembers returns one page of the customers in a segment, in order of their ids. Only assessments are decoded that
// hold the key in quotes, as no other segment's does; what matches by a text of a reason is left out then.
func (db *DB) SegmentMembers(ctx context.Context, segment, after string, limit int) (canon.CustomerPage, error) {
	page := canon.CustomerPage{Customers: []canon.CustomerRow{}}
	limit = bounded(limit, 50, 1000)
	key, err := json.Marshal(segment)
	if err != nil {
		return page, err
	}
	at := ""
	if after != "" {
		if err := pageParts(after, 1, func(parts []string) error { at = parts[0]; return nil }); err != nil {
			return page, err
		}
	}
	for len(page.Customers) <= limit {
		type row struct {
			id  string
			doc []byte
		}
		rows, err := scan(func() (*sql.Rows, error) {
			return db.rows(ctx, "SELECT id, assessment FROM customers WHERE gone = 0 AND id > $1 AND assessment <> '' ORDER BY id LIMIT 200", at)
		}, func(r *sql.Rows) (x row, err error) {
			doc := db.document()
			err = r.Scan(&x.id, doc)
			x.doc = doc.doc
			return x, err
		})
		if err != nil {
			return page, err
		}
		if len(rows) == 0 {
			break
		}
		for _, x := range rows {
			at = x.id
			if !bytes.Contains(x.doc, key) {
				continue
			}
			var s segmented
			if err := json.Unmarshal(x.doc, &s); err != nil {
				return page, err
			}
			for _, k := range s.Segments {
				if k == segment {
					page.Customers = append(page.Customers, canon.CustomerRow{ID: x.id})
				}
			}
			if len(page.Customers) > limit {
				break
			}
		}
	}
	if len(page.Customers) > limit {
		page.Customers = page.Customers[:limit]
		page.Next = pageToken(page.Customers[limit-1].ID)
	}
	return page, db.fillRows(ctx, page.Customers)
}

// fillRows reads what lists show of customers.
func (db *DB) fillRows(ctx context.Context, rows []canon.CustomerRow) error {
	at := map[string]int{}
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i], at[r.ID] = r.ID, i
	}
	return each(ids, 1, func(ph string, args []any) error {
		full, err := scan(func() (*sql.Rows, error) {
			return db.rows(ctx, "SELECT id, type, name, domain, stage, stage_since, score, band, mrr, currency, last_event_at FROM customers WHERE id IN ("+ph+")", args...)
		}, readCustomerRow)
		for _, r := range full {
			rows[at[r.ID]] = r
		}
		return err
	})
}
