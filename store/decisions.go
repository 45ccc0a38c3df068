package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

const decisionColumns = "seq, id, kind, a, b, evidence, field, value, revokes, author, reason, at, expires_at"

func readDecision(r *sql.Rows) (canon.Decision, error) {
	var d canon.Decision
	var at, expires int64
	err := r.Scan(&d.Seq, &d.ID, &d.Kind, &d.A, &d.B, &d.Key, &d.Field, &d.Value, &d.Revokes, &d.Author, &d.Reason, &at, &expires)
	d.At, d.ExpiresAt = instant(at), instant(expires)
	return d, err
}

// AddDecision appends a decision to the log and returns it with its id and place. A decision without a time is made at
// the transaction's; one that is in the log already is returned as it stands there.
func (t *Tx) AddDecision(ctx context.Context, d canon.Decision) (canon.Decision, error) {
	if d.At.IsZero() {
		d.At = t.now
	}
	// What is returned, and derived from, is what the log can hold.
	d.At, d.ExpiresAt = instant(micros(d.At)), instant(micros(d.ExpiresAt))
	for _, s := range []*string{&d.Kind, &d.A, &d.B, &d.Key, &d.Field, &d.Value, &d.Revokes, &d.Author, &d.Reason} {
		*s = text(*s)
	}
	d = d.WithID()
	if t.db.dialect.inOrder != "" {
		// Who reads the log up to a place must have all that stands before it.
		if err := t.exec(ctx, t.db.dialect.inOrder); err != nil {
			return d, err
		}
	}
	err := t.insert(ctx, "INSERT INTO decisions (id, kind, a, b, evidence, field, value, revokes, author, reason, at, expires_at)", "ON CONFLICT (id) DO NOTHING",
		[][]any{{d.ID, d.Kind, d.A, d.B, d.Key, d.Field, d.Value, d.Revokes, d.Author, d.Reason, micros(d.At), micros(d.ExpiresAt)}})
	if err != nil {
		return d, err
	}
	kept, err := scan(func() (*sql.Rows, error) {
		return t.query(ctx, "SELECT "+decisionColumns+" FROM decisions WHERE id = $1", d.ID)
	}, readDecision)
	if err == nil && len(kept) == 1 {
		d = kept[0]
	}
	return d, err
}

// Decisions returns the whole log of decisions, in order.
func (t *Tx) Decisions(ctx context.Context) ([]canon.Decision, error) {
	return scan(func() (*sql.Rows, error) {
		return t.query(ctx, "SELECT "+decisionColumns+" FROM decisions ORDER BY seq")
	}, readDecision)
}

// Decisions returns the whole log of decisions, in order.
func (db *DB) Decisions(ctx context.Context) ([]canon.Decision, error) {
	return scan(func() (*sql.Rows, error) {
		return db.rows(ctx, "SELECT "+decisionColumns+" FROM decisions ORDER BY seq")
	}, readDecision)
}

// LastDecision returns the place of the newest decision, 0 where there is none.
func (t *Tx) LastDecision(ctx context.Context) (int64, error) {
	return t.number(ctx, "SELECT COALESCE(MAX(seq), 0) FROM decisions")
}

// pairs returns the links and unlinks of a log that hold at a moment: those that have not expired and that nothing which
// holds revokes.
func pairs(log []canon.Decision, now time.Time) []canon.Decision {
	revokers := map[string][]canon.Decision{}
	for _, d := range log {
		if d.Kind == canon.DecideRevoke {
			revokers[d.Revokes] = append(revokers[d.Revokes], d)
		}
	}
	known := map[string]bool{}
	var holds func(d canon.Decision) bool
	holds = func(d canon.Decision) bool {
		if h, there := known[d.ID]; there {
			return h
		}
		known[d.ID] = false
		h := d.ExpiresAt.IsZero() || d.ExpiresAt.After(now)
		for _, by := range revokers[d.ID] {
			h = h && !holds(by)
		}
		known[d.ID] = h
		return h
	}
	var out []canon.Decision
	for _, d := range log {
		if (d.Kind == canon.DecideLink || d.Kind == canon.DecideUnlink) && holds(d) {
			out = append(out, d)
		}
	}
	return out
}
