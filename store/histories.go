package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/lifecyclehub/hub/canon"
)

// Histories calls fn with customers in batches, in order of id, each with its golden record, its events and its last
// assessment. Memory is that of one batch, and a batch belongs to fn. A customer of whom no live record is left comes
// with Profile.Gone set where something of its past is still told, because who left is part of every history.
// Each batch is read as it is at that moment: what is written meanwhile may be in later batches and not in earlier ones.
func (db *DB) Histories(ctx context.Context, ask canon.HistoryAsk, fn func([]canon.History) error) error {
	r := historian{db: db, ask: ask, limit: bounded(ask.Batch, 500, 10000)}
	if len(ask.Customers) > 0 {
		return r.named(ctx, fn)
	}
	after := ""
	for {
		hs, err := r.heads(ctx, "id > $1 ORDER BY id LIMIT $2", after, r.limit)
		if err != nil || len(hs) == 0 {
			return err
		}
		after = hs[len(hs)-1].Profile.ID
		if err := r.tell(ctx, hs, fn); err != nil {
			return err
		}
	}
}

// historian answers one question for histories.
type historian struct {
	db    *DB
	ask   canon.HistoryAsk
	limit int
}

// named reads the customers that were asked for by name.
func (r historian) named(ctx context.Context, fn func([]canon.History) error) error {
	ids := make([]string, 0, len(r.ask.Customers))
	for _, c := range r.ask.Customers {
		id, err := r.db.Resolve(ctx, c)
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for part := range slices.Chunk(slices.Compact(ids), r.limit) {
		var hs []canon.History
		err := each(part, 1, func(ph string, args []any) error {
			got, err := r.heads(ctx, "id IN ("+ph+") ORDER BY id", args...)
			hs = append(hs, got...)
			return err
		})
		if err != nil {
			return err
		}
		if err := r.tell(ctx, hs, fn); err != nil {
			return err
		}
	}
	return nil
}

// heads reads the golden records and last assessments.
func (r historian) heads(ctx context.Context, cond string, args ...any) ([]canon.History, error) {
	return scan(func() (*sql.Rows, error) {
		return r.db.rows(ctx, "SELECT id, type, name, domain, fields, gone, assessed, assessment FROM customers WHERE "+cond, args...)
	}, func(rows *sql.Rows) (canon.History, error) {
		var h canon.History
		var fields string
		doc := r.db.document()
		var gone, assessed int64
		p := &h.Profile
		if err := rows.Scan(&p.ID, &p.Type, &p.Name, &p.Domain, &fields, &gone, &assessed, doc); err != nil {
			return h, err
		}
		p.Gone = gone == 1
		if err := json.Unmarshal([]byte(fields), &p.Fields); err != nil {
			return h, fmt.Errorf("stored fields of %s: %w", p.ID, err)
		}
		if assessed > 0 && len(doc.doc) > 0 && !p.Gone {
			h.Assessment = &canon.Assessment{}
			if err := doc.read(h.Assessment); err != nil {
				return h, fmt.Errorf("stored assessment of %s: %w", p.ID, err)
			}
		}
		return h, nil
	})
}

// tell fills in the events and assessments of a batch, and hands it to fn.
func (r historian) tell(ctx context.Context, hs []canon.History, fn func([]canon.History) error) error {
	ids := make([]string, len(hs))
	index := make(map[string]*canon.History, len(hs))
	for i := range hs {
		ids[i] = hs[i].Profile.ID
		index[ids[i]] = &hs[i]
	}
	if err := r.events(ctx, ids, index); err != nil {
		return err
	}
	if r.ask.Assessments {
		if err := r.assessments(ctx, ids, index); err != nil {
			return err
		}
	}
	hs = slices.DeleteFunc(hs, func(h canon.History) bool { return h.Profile.Gone && len(h.Events) == 0 })
	if len(hs) == 0 {
		return ctx.Err()
	}
	return fn(hs)
}

// events reads what is in force and, where it was asked for, what is no longer: each has an index of its own.
func (r historian) events(ctx context.Context, ids []string, index map[string]*canon.History) error {
	if err := r.statements(ctx, "superseded_at = 0", ids, index); err != nil || !r.ask.Revisions {
		return err
	}
	if err := r.statements(ctx, "superseded_at > 0", ids, index); err != nil {
		return err
	}
	for _, h := range index {
		slices.SortFunc(h.Events, func(a, b canon.Event) int {
			return cmp.Or(a.OccurredAt.Compare(b.OccurredAt), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Revision, b.Revision))
		})
	}
	return nil
}

func (r historian) statements(ctx context.Context, cond string, ids []string, index map[string]*canon.History) error {
	return each(ids, 1, func(ph string, args []any) error {
		_, err := scan(func() (*sql.Rows, error) {
			return r.db.rows(ctx, "SELECT customer, revision, recorded_at, superseded_at, doc FROM events WHERE "+cond+
				" AND customer IN ("+ph+") ORDER BY customer, occurred_at, eid", args...)
		}, func(rows *sql.Rows) (struct{}, error) {
			var customer, doc string
			var revision, recorded, superseded int64
			if err := rows.Scan(&customer, &revision, &recorded, &superseded, &doc); err != nil {
				return struct{}{}, err
			}
			var e canon.Event
			if err := json.Unmarshal([]byte(doc), &e); err != nil {
				return struct{}{}, fmt.Errorf("stored event of %s: %w", customer, err)
			}
			e.Customer, e.RecordedAt = customer, instant(recorded)
			if r.ask.Revisions {
				e.Revision, e.SupersededAt = int(revision), instant(superseded)
			}
			h := index[customer]
			h.Events = append(h.Events, e)
			return struct{}{}, nil
		})
		return err
	})
}

func (r historian) assessments(ctx context.Context, ids []string, index map[string]*canon.History) error {
	return each(ids, 1, func(ph string, args []any) error {
		_, err := scan(func() (*sql.Rows, error) {
			return r.db.rows(ctx, "SELECT customer, recorded_at, doc FROM assessments WHERE customer IN ("+ph+") ORDER BY customer, n", args...)
		}, func(rows *sql.Rows) (struct{}, error) {
			var customer string
			doc := r.db.document()
			var recorded int64
			if err := rows.Scan(&customer, &recorded, doc); err != nil {
				return struct{}{}, err
			}
			var a canon.Assessment
			if err := doc.read(&a); err != nil {
				return struct{}{}, fmt.Errorf("stored assessment of %s: %w", customer, err)
			}
			a.RecordedAt = instant(recorded)
			h := index[customer]
			h.Assessments = append(h.Assessments, a)
			return struct{}{}, nil
		})
		return err
	})
}
