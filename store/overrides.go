package store

import (
	"context"
	"database/sql"
	"strconv"

	"github.com/lifecyclehub/hub/canon"
)

const overrideQuery = `SELECT o.id, o.customer, o.field, o.value, o.author, o.reason, o.from_at, o.until_at, o.recorded_at,
	COALESCE((SELECT MIN(r.recorded_at) FROM overrides r WHERE r.revokes = o.id), 0) FROM overrides o WHERE o.revokes = ''`

func readOverride(r *sql.Rows) (canon.Override, error) {
	var o canon.Override
	var from, until, recorded, revoked int64
	err := r.Scan(&o.ID, &o.Customer, &o.Field, &o.Value, &o.Author, &o.Reason, &from, &until, &recorded, &revoked)
	o.From, o.Until, o.RecordedAt, o.RevokedAt = instant(from), instant(until), instant(recorded), instant(revoked)
	return o, err
}

// AddOverride keeps a human's word against a computed answer, marks the customer as to be assessed, and returns the
// override with its id and when it was recorded. What is said twice in one moment is said once.
func (t *Tx) AddOverride(ctx context.Context, o canon.Override) (canon.Override, error) {
	for _, s := range []*string{&o.Customer, &o.Field, &o.Value, &o.Author, &o.Reason} {
		*s = text(*s)
	}
	o.RecordedAt = instant(micros(t.now))
	if o.From.IsZero() {
		o.From = o.RecordedAt
	}
	o.From, o.Until, o.RevokedAt = instant(micros(o.From)), instant(micros(o.Until)), instant(0)
	o.ID = canon.ID("ovr", o.Customer, o.Field, o.Author, strconv.FormatInt(micros(t.now), 10))
	err := t.insert(ctx, "INSERT INTO overrides (id, customer, field, value, author, reason, from_at, until_at, recorded_at)", "ON CONFLICT (id) DO NOTHING",
		[][]any{{o.ID, o.Customer, o.Field, o.Value, o.Author, o.Reason, micros(o.From), micros(o.Until), micros(t.now)}})
	if err != nil {
		return o, err
	}
	return o, t.MarkDirty(ctx, []string{o.Customer})
}

// RevokeOverride takes an override back from now on, and marks the customer as to be assessed. It returns it, and false
// where there is none of the id. One that was taken back before stays as it is.
func (t *Tx) RevokeOverride(ctx context.Context, id, author, reason string) (canon.Override, bool, error) {
	found, err := scan(func() (*sql.Rows, error) { return t.query(ctx, overrideQuery+" AND o.id = $1", id) }, readOverride)
	if err != nil || len(found) == 0 {
		return canon.Override{}, false, err
	}
	o := found[0]
	if !o.RevokedAt.IsZero() {
		return o, true, nil
	}
	o.RevokedAt = instant(micros(t.now))
	err = t.insert(ctx, "INSERT INTO overrides (id, customer, field, value, author, reason, from_at, until_at, recorded_at, revokes)", "ON CONFLICT (id) DO NOTHING",
		[][]any{{canon.ID("ovr", o.ID, "revoke"), o.Customer, o.Field, "", text(author), text(reason), 0, 0, micros(t.now), o.ID}})
	if err != nil {
		return o, true, err
	}
	return o, true, t.MarkDirty(ctx, []string{o.Customer})
}

// Overrides returns what was ever said against computed answers of customers, the oldest first.
func (t *Tx) Overrides(ctx context.Context, customers []string) ([]canon.Override, error) {
	return in(ctx, t, overrideQuery+" AND o.customer", "ORDER BY o.seq", nil, customers, readOverride)
}

// HasOverrides says whether anything was ever said against a computed answer.
func (t *Tx) HasOverrides(ctx context.Context) (bool, error) {
	n, err := t.number(ctx, "SELECT COUNT(*) FROM (SELECT 1 FROM overrides LIMIT 1) o")
	return n > 0, err
}

// OverridesOf returns what was ever said against computed answers of a customer, the newest first; of all customers
// where it is "".
func (db *DB) OverridesOf(ctx context.Context, customer string) ([]canon.Override, error) {
	os, err := scan(func() (*sql.Rows, error) {
		return db.rows(ctx, overrideQuery+" AND (o.customer = $1 OR CAST($2 AS BIGINT) = 1) ORDER BY o.seq DESC", customer, flag(customer == ""))
	}, readOverride)
	if os == nil {
		os = []canon.Override{}
	}
	return os, err
}

// CopyOverrides takes over what another store holds of overrides, as it stands there.
func (t *Tx) CopyOverrides(ctx context.Context, from *DB) error {
	rows, err := scan(func() (*sql.Rows, error) {
		return from.rows(ctx, "SELECT id, customer, field, value, author, reason, from_at, until_at, recorded_at, revokes FROM overrides ORDER BY seq")
	}, func(r *sql.Rows) ([]any, error) {
		var s [7]string
		var n [3]int64
		err := r.Scan(&s[0], &s[1], &s[2], &s[3], &s[4], &s[5], &n[0], &n[1], &n[2], &s[6])
		return []any{s[0], s[1], s[2], s[3], s[4], s[5], n[0], n[1], n[2], s[6]}, err
	})
	if err != nil {
		return err
	}
	return t.insert(ctx, "INSERT INTO overrides (id, customer, field, value, author, reason, from_at, until_at, recorded_at, revokes)", "ON CONFLICT (id) DO NOTHING", rows)
}
