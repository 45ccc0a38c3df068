package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// EnsureCustomers adds the customers that are not there yet, and marks all of them as to be assessed.
func (t *Tx) EnsureCustomers(ctx context.Context, ps []canon.Profile) error {
	rows := make([][]any, len(ps))
	for i, p := range ps {
		rows[i] = []any{p.ID, p.Type, text(p.Name), text(strings.ToLower(p.Name)), text(p.Domain)}
	}
	return t.insert(ctx, "INSERT INTO customers (id, type, name, search, domain)", "ON CONFLICT (id) DO UPDATE SET dirty = 1, gone = 0", rows)
}

// MarkDirty marks customers as to be assessed.
func (t *Tx) MarkDirty(ctx context.Context, ids []string) error {
	return each(ids, 1, func(ph string, args []any) error {
		return t.exec(ctx, "UPDATE customers SET dirty = 1 WHERE dirty = 0 AND id IN ("+ph+")", args...)
	})
}

// MarkAllDirty marks every customer as to be assessed.
func (t *Tx) MarkAllDirty(ctx context.Context) error {
	return t.exec(ctx, "UPDATE customers SET dirty = 1 WHERE dirty = 0")
}

// Dirty returns at most limit customers that are to be assessed.
func (t *Tx) Dirty(ctx context.Context, limit int) ([]string, error) {
	return scan(func() (*sql.Rows, error) {
		return t.query(ctx, "SELECT id FROM customers WHERE dirty = 1 ORDER BY id LIMIT $1", limit)
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
	rows, err := in(ctx, t, "SELECT id, type, assessment, assessed, first_seen_at, last_event_at FROM customers WHERE id", "", nil, ids,
		func(r *sql.Rows) (canon.CustomerState, error) {
			var s canon.CustomerState
			var doc string
			var first, last int64
			if err := r.Scan(&s.ID, &s.Type, &doc, &s.Assessed, &first, &last); err != nil {
				return s, err
			}
			s.FirstSeenAt, s.LastEventAt = instant(first), instant(last)
			if doc != "" {
				s.Assessment = &canon.Assessment{}
				if err := json.Unmarshal([]byte(doc), s.Assessment); err != nil {
					return s, fmt.Errorf("stored assessment of %s: %w", s.ID, err)
				}
			}
			return s, nil
		})
	out := make(map[string]canon.CustomerState, len(rows))
	for _, s := range rows {
		out[s.ID] = s
	}
	return out, err
}

// PutProfiles stores golden records.
func (t *Tx) PutProfiles(ctx context.Context, ps []canon.Profile) error {
	for _, p := range ps {
		doc, err := json.Marshal(p.Fields)
		if err != nil {
			return err
		}
		if err := t.exec(ctx, "UPDATE customers SET type = $1, name = $2, search = $3, domain = $4, fields = $5, gone = $6 WHERE id = $7",
			p.Type, text(p.Name), text(strings.ToLower(p.Name)), text(p.Domain), text(string(doc)), flag(p.Gone), p.ID); err != nil {
			return err
		}
	}
	return nil
}

// PutCustomerStates stores what is kept of customers and takes their mark off.
func (t *Tx) PutCustomerStates(ctx context.Context, ss []canon.CustomerState) error {
	for _, s := range ss {
		a := s.Assessment
		if a == nil {
			a = &canon.Assessment{}
		}
		doc, err := json.Marshal(a)
		if err != nil {
			return err
		}
		var mrr, score any
		currency := ""
		if a.MRR != nil {
			mrr, currency = a.MRR.Minor, a.MRR.Currency
		}
		if a.Health.Value != nil {
			score = *a.Health.Value
		}
		if err := t.exec(ctx, `UPDATE customers SET dirty = 0, stage = $1, stage_since = $2, score = $3, band = $4, mrr = $5, currency = $6, next_at = $7,
			assessed = $8, assessment = $9, first_seen_at = $10, last_event_at = $11 WHERE id = $12`,
			a.Stage, micros(a.StageSince), score, a.Health.Band, mrr, currency, micros(a.NextAt),
			s.Assessed, text(string(doc)), micros(s.FirstSeenAt), micros(s.LastEventAt), s.ID); err != nil {
			return err
		}
	}
	return nil
}

// NextSequences draws n change numbers of each customer and returns the first of each.
func (t *Tx) NextSequences(ctx context.Context, n map[string]int64) (map[string]int64, error) {
	out := make(map[string]int64, len(n))
	for id, k := range n {
		got, err := scan(func() (*sql.Rows, error) {
			return t.query(ctx, "UPDATE customers SET sequence = sequence + $1 WHERE id = $2 RETURNING sequence", k, id)
		}, func(r *sql.Rows) (int64, error) {
			var v int64
			err := r.Scan(&v)
			return v, err
		})
		if err != nil {
			return nil, err
		}
		if len(got) == 1 {
			out[id] = got[0] - k + 1
		}
	}
	return out, nil
}

// AddAssessments appends to the history of assessments.
func (t *Tx) AddAssessments(ctx context.Context, ns []int64, as []canon.Assessment) error {
	rows := make([][]any, len(as))
	for i, a := range as {
		doc, err := json.Marshal(a)
		if err != nil {
			return err
		}
		rows[i] = []any{a.Customer, ns[i], micros(a.At), micros(t.now), text(string(doc))}
	}
	return t.insert(ctx, "INSERT INTO assessments (customer, n, at, recorded_at, doc)", "ON CONFLICT (customer, n) DO NOTHING", rows)
}
