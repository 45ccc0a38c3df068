package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// Customers returns one page of the customers that match.
func (db *DB) Customers(ctx context.Context, f canon.CustomerFilter) (canon.CustomerPage, error) {
	page := canon.CustomerPage{Customers: []canon.CustomerRow{}}
	w := where{conds: []string{"gone = 0"}}
	w.add("stage = ", f.Stage, f.Stage != "")
	w.add("band = ", f.Band, f.Band != "")
	if q := strings.ToLower(strings.TrimSpace(f.Search)); q != "" {
		like := "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(q) + "%"
		w.args = append(w.args, like, q)
		n := len(w.args)
		w.conds = append(w.conds, fmt.Sprintf(`(search LIKE $%d ESCAPE '\' OR domain LIKE $%d ESCAPE '\' OR id = $%d
			OR id IN (SELECT customer FROM entities WHERE search LIKE $%d ESCAPE '\'))`, n-1, n-1, n, n-1))
	}
	if err := db.row(ctx, "SELECT COUNT(*) FROM customers"+w.String(), w.args...).Scan(&page.Total); err != nil {
		return page, err
	}
	order, err := customerOrder(f.Sort)
	if err != nil {
		return page, err
	}
	skip := int64(0)
	if f.After != "" {
		if skip, err = pageNumber(f.After); err != nil {
			return page, err
		}
	}
	limit := bounded(f.Limit, 50, 1000)
	rows, err := scan(func() (*sql.Rows, error) {
		return db.rows(ctx, fmt.Sprintf("SELECT id, type, name, domain, stage, stage_since, score, band, mrr, currency, last_event_at FROM customers%s ORDER BY %s LIMIT %d OFFSET %d",
			w.String(), order, limit+1, skip), w.args...)
	}, readCustomerRow)
	if len(rows) > limit {
		rows = rows[:limit]
		page.Next = fmt.Sprint(skip + int64(limit))
	}
	page.Customers = append(page.Customers, rows...)
	return page, err
}

// customerOrder returns the ORDER BY of a sort. Every order is total, so that pages do not overlap.
func customerOrder(sort string) (string, error) {
	switch sort {
	case "", "name":
		return "search, id", nil
	case "score":
		return "CASE WHEN score IS NULL THEN 1 ELSE 0 END, score, search, id", nil
	case "mrr":
		return "CASE WHEN mrr IS NULL THEN 1 ELSE 0 END, mrr DESC, search, id", nil
	case "since":
		return "stage_since DESC, search, id", nil
	}
	return "", canon.Errorf("request.invalid", "customers cannot be sorted by %.40q", sort).WithHint("use name, score, mrr or since")
}

func readCustomerRow(r *sql.Rows) (canon.CustomerRow, error) {
	var c canon.CustomerRow
	var since, last int64
	var score sql.NullFloat64
	var mrr sql.NullInt64
	var currency string
	err := r.Scan(&c.ID, &c.Type, &c.Name, &c.Domain, &c.Stage, &since, &score, &c.Band, &mrr, &currency, &last)
	c.StageSince, c.LastEventAt = instant(since), instant(last)
	if score.Valid {
		c.Score = &score.Float64
	}
	if mrr.Valid {
		c.MRR = &canon.Money{Minor: mrr.Int64, Currency: currency}
	}
	return c, err
}
