package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// EnsureCustomers adds the customers that are not there yet, and marks all of them as to be assessed.
func (t *Tx) EnsureCustomers(ctx context.Context, ps []canon.Profile) error {
	var rows [][]any
	seen := map[string]bool{}
	for _, p := range ps {
		// PostgreSQL refuses to meet a row twice in one statement.
		if !seen[p.ID] {
			seen[p.ID] = true
			rows = append(rows, []any{p.ID, p.Type, p.Name, strings.ToLower(p.Name), p.Domain})
		}
	}
	return t.insert(ctx, "INSERT INTO customers (id, type, name, search, domain)", "ON CONFLICT (id) DO UPDATE SET dirty = 1, gone = 0", rows)
}

// The marks of customers: touched, whose golden record is to be made anew as well, and stale, who are only to be assessed.
const (
	touched = 1
	stale   = 2
)

// MarkDirty marks customers as to be assessed, and their golden records as to be made anew.
func (t *Tx) MarkDirty(ctx context.Context, ids []string) error {
	return each(ids, 1, func(ph string, args []any) error {
		return t.exec(ctx, "UPDATE customers SET dirty = 1 WHERE dirty <> 1 AND id IN ("+ph+")", args...)
	})
}

// MarkAllDirty marks every customer as MarkDirty does.
func (t *Tx) MarkAllDirty(ctx context.Context) error {
	return t.exec(ctx, "UPDATE customers SET dirty = 1 WHERE dirty <> 1")
}

// MarkStale marks the customers who are in one of the stages as to be assessed, all of them where none is named.
func (t *Tx) MarkStale(ctx context.Context, stages []string) error {
	if len(stages) == 0 {
		return t.exec(ctx, "UPDATE customers SET dirty = $1 WHERE dirty = 0", stale)
	}
	return each(stages, 2, func(ph string, args []any) error {
		return t.exec(ctx, "UPDATE customers SET dirty = $1 WHERE dirty = 0 AND (stage IN ("+ph+") OR id IN (SELECT customer FROM overrides))", append([]any{stale}, args...)...)
	})
}

// Unmark takes the marks off customers whose stored assessment is what they would get.
func (t *Tx) Unmark(ctx context.Context, ids []string) error {
	return each(ids, 1, func(ph string, args []any) error {
		return t.exec(ctx, "UPDATE customers SET dirty = 0 WHERE id IN ("+ph+")", args...)
	})
}

// Dirty returns at most limit customers that are to be assessed.
func (t *Tx) Dirty(ctx context.Context, limit int) ([]string, error) {
	return scan(func() (*sql.Rows, error) {
		return t.query(ctx, "SELECT id FROM customers WHERE dirty > 0 ORDER BY id LIMIT $1", limit)
	}, readID)
}

// DueCustomers returns at most limit customers whose answer changes with time alone by the moment at.
func (t *Tx) DueCustomers(ctx context.Context, at int64, limit int) ([]string, error) {
	return scan(func() (*sql.Rows, error) {
		return t.query(ctx, "SELECT id FROM customers WHERE next_at > 0 AND next_at <= $1 ORDER BY next_at, id LIMIT $2", at, limit)
	}, readID)
}

func readID(r *sql.Rows) (string, error) {
	var id string
	err := r.Scan(&id)
	return id, err
}

// CustomerStates returns what is kept of customers.
func (t *Tx) CustomerStates(ctx context.Context, ids []string) (map[string]canon.CustomerState, error) {
	rows, err := in(ctx, t, "SELECT id, type, name, domain, fields, gone, dirty, assessment, assessed, first_seen_at, last_event_at FROM customers WHERE id", "", nil, ids, t.db.readState)
	out := make(map[string]canon.CustomerState, len(rows))
	for _, s := range rows {
		out[s.ID] = s
	}
	return out, err
}

func (db *DB) readState(r *sql.Rows) (canon.CustomerState, error) {
	var s canon.CustomerState
	var fields, doc sql.RawBytes
	var gone, dirty, first, last int64
	if err := r.Scan(&s.ID, &s.Type, &s.Profile.Name, &s.Profile.Domain, &fields, &gone, &dirty, &doc, &s.Assessed, &first, &last); err != nil {
		return s, err
	}
	s.Profile.ID, s.Profile.Type, s.Profile.Gone, s.Touched = s.ID, s.Type, gone == 1, dirty == touched
	s.FirstSeenAt, s.LastEventAt = instant(first), instant(last)
	if err := json.Unmarshal(fields, &s.Profile.Fields); err != nil {
		return s, fmt.Errorf("stored golden record of %s: %w", s.ID, err)
	}
	if len(doc) > 0 {
		plain, err := db.unpacked(doc)
		if err != nil {
			return s, fmt.Errorf("stored assessment of %s: %w", s.ID, err)
		}
		s.Doc, s.Assessment = bytes.Clone(plain), &canon.Assessment{}
		if err := json.Unmarshal(s.Doc, s.Assessment); err != nil {
			return s, fmt.Errorf("stored assessment of %s: %w", s.ID, err)
		}
	}
	return s, nil
}

// PutProfiles stores golden records.
func (t *Tx) PutProfiles(ctx context.Context, ps []canon.Profile) error {
	rows := make([][]any, len(ps))
	for i, p := range ps {
		doc, err := json.Marshal(p.Fields)
		if err != nil {
			return err
		}
		rows[i] = []any{p.ID, p.Type, p.Name, strings.ToLower(p.Name), p.Domain, string(doc), flag(p.Gone), parentOf(p)}
	}
	return update{table: "customers", columns: "id TEXT, type TEXT, name TEXT, search TEXT, domain TEXT, fields TEXT, gone BIGINT, parent TEXT"}.exec(ctx, t, rows)
}

// parentOf returns the customer that a golden record names as the owner of this one.
func parentOf(p canon.Profile) string {
	for _, f := range p.Fields {
		if f.Name == "parent" {
			return f.Value
		}
	}
	return ""
}

// PutCustomerStates stores what is kept of customers and takes their mark off. A state's Doc, where there is one, is that
// of its assessment.
func (t *Tx) PutCustomerStates(ctx context.Context, ss []canon.CustomerState) error {
	rows := make([][]any, len(ss))
	for i, s := range ss {
		a, doc := s.Assessment, s.Doc
		if a == nil {
			a, doc = &canon.Assessment{}, nil
		}
		if len(doc) == 0 {
			var err error
			if doc, err = json.Marshal(a); err != nil {
				return err
			}
		}
		var mrr, score any
		currency := ""
		if a.MRR != nil {
			mrr, currency = a.MRR.Minor, a.MRR.Currency
		}
		if a.Health.Value != nil {
			score = *a.Health.Value
		}
		rows[i] = []any{s.ID, 0, a.Stage, micros(a.StageSince), score, a.Health.Band, mrr, currency, micros(a.NextAt), s.Assessed, t.packedFor(s.ID, doc), micros(s.FirstSeenAt), micros(s.LastEventAt)}
	}
	return update{table: "customers", columns: `id TEXT, dirty BIGINT, stage TEXT, stage_since BIGINT, score DOUBLE PRECISION, band TEXT, mrr BIGINT, currency TEXT,
		next_at BIGINT, assessed BIGINT, assessment ` + t.db.dialect.packed + `, first_seen_at BIGINT, last_event_at BIGINT`}.exec(ctx, t, rows)
}

// NextSequences draws n change numbers of each customer and returns the first of each.
func (t *Tx) NextSequences(ctx context.Context, n map[string]int64) (map[string]int64, error) {
	var rows [][]any
	// In order, so that two processes never wait for each other.
	for _, id := range slices.Sorted(maps.Keys(n)) {
		rows = append(rows, []any{id, n[id]})
	}
	out := make(map[string]int64, len(n))
	u := update{table: "customers", columns: "id TEXT, n BIGINT", set: "sequence = sequence + v.column2", returning: "id, sequence"}
	return out, u.query(ctx, t, rows, func(r *sql.Rows) error {
		var id string
		var last int64
		err := r.Scan(&id, &last)
		out[id] = last - n[id] + 1
		return err
	})
}

// AddAssessments appends the assessments of customers, each by its number, to their history.
func (t *Tx) AddAssessments(ctx context.Context, ss []canon.CustomerState) error {
	rows := make([][]any, len(ss))
	for i, s := range ss {
		doc := s.Doc
		if len(doc) == 0 {
			var err error
			if doc, err = json.Marshal(s.Assessment); err != nil {
				return err
			}
		}
		rows[i] = []any{s.ID, s.Assessed, micros(s.Assessment.At), micros(t.now), t.packedFor(s.ID, doc)}
	}
	return t.insert(ctx, "INSERT INTO assessments (customer, n, at, recorded_at, doc)", "ON CONFLICT (customer, n) DO NOTHING", rows)
}
