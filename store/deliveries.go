package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// AddDeliveries stores deliveries; one that is there already is left as it is.
func (t *Tx) AddDeliveries(ctx context.Context, ds []canon.Delivery) error {
	rows := make([][]any, len(ds))
	for i, d := range ds {
		rows[i] = []any{d.ID, d.Endpoint, d.Change, d.Type, d.Customer, d.State, d.Reason, micros(d.NextAt), micros(t.now), micros(d.EndedAt), string(d.Body)}
	}
	return t.insert(ctx, "INSERT INTO deliveries (id, endpoint, change, type, customer, state, reason, next_at, created_at, ended_at, body)",
		"ON CONFLICT (id) DO NOTHING", rows)
}

const deliveryColumns = "id, endpoint, change, type, customer, state, reason, attempts, next_at, created_at, ended_at, last_status, body"

func readDelivery(r *sql.Rows) (canon.Delivery, error) {
	var d canon.Delivery
	var next, created, ended int64
	var body string
	err := r.Scan(&d.ID, &d.Endpoint, &d.Change, &d.Type, &d.Customer, &d.State, &d.Reason, &d.Attempts, &next, &created, &ended, &d.LastStatus, &body)
	d.NextAt, d.CreatedAt, d.EndedAt, d.Body = instant(next), instant(created), instant(ended), []byte(body)
	return d, err
}

// ClaimDeliveries leases at most n due deliveries of an endpoint until now + lease, so that nobody else gets
// them. Where ordered is set, only the oldest pending delivery of each customer is due.
func (t *Tx) ClaimDeliveries(ctx context.Context, endpoint string, lease time.Duration, n int, ordered bool) ([]canon.Delivery, error) {
	first := ""
	if ordered {
		first = firstOfCustomer
	}
	now := micros(t.now)
	ds, err := scan(func() (*sql.Rows, error) {
		// Without MATERIALIZED, PostgreSQL may run the inner select once per row and claim more than n.
		return t.query(ctx, `WITH due AS MATERIALIZED (SELECT d.n FROM deliveries d
			WHERE d.endpoint = $2 AND d.state = 'pending' AND d.next_at <= $3 AND d.leased_until <= $3`+first+`
			ORDER BY d.next_at, d.n LIMIT $4`+t.db.dialect.forUpdate+`)
			UPDATE deliveries SET leased_until = $1 WHERE n IN (SELECT n FROM due) RETURNING `+deliveryColumns,
			now+lease.Microseconds(), endpoint, now, n)
	}, readDelivery)
	return ds, err
}

// SettleDelivery records an attempt and how it leaves its delivery, and ends the lease. Of a delivery that is
// no longer pending nothing changes.
func (t *Tx) SettleDelivery(ctx context.Context, id string, o canon.Outcome) error {
	ended := int64(0)
	if o.State != canon.DeliveryPending {
		ended = micros(t.now)
	}
	tried := 1
	if o.Try.No == 0 {
		tried = 0
	} else if err := t.exec(ctx, `INSERT INTO attempts (delivery, no, at, took, status, error, response)
		SELECT $1, attempts + 1, $2, $3, $4, $5, $6 FROM deliveries WHERE id = $1 AND state = 'pending' ON CONFLICT (delivery, no) DO NOTHING`,
		id, micros(o.Try.At), o.Try.Took.Microseconds(), o.Try.Status, o.Try.Error, o.Try.Response); err != nil {
		return err
	}
	return t.exec(ctx, `UPDATE deliveries SET state = $1, reason = $2, next_at = $3, ended_at = $4, last_status = $5, attempts = attempts + $6, leased_until = 0
		WHERE id = $7 AND state = 'pending'`, o.State, o.Reason, micros(o.NextAt), ended, o.Try.Status, tried, id)
}

// NextDelivery returns when the next delivery that ClaimDeliveries considers is due and not leased; zero for
// never.
func (db *DB) NextDelivery(ctx context.Context, endpoint string, ordered bool) (time.Time, error) {
	first := ""
	if ordered {
		first = firstOfCustomer
	}
	var at sql.NullInt64
	err := db.row(ctx, `SELECT MIN(CASE WHEN d.leased_until > d.next_at THEN d.leased_until ELSE d.next_at END)
		FROM deliveries d WHERE d.endpoint = $1 AND d.state = 'pending'`+first, endpoint).Scan(&at)
	if err != nil || !at.Valid {
		return time.Time{}, err
	}
	// A delivery without a moment is due since 1970: zero would say that there is none.
	return time.UnixMicro(at.Int64).UTC(), nil
}

// firstOfCustomer keeps only the oldest pending delivery of each customer.
const firstOfCustomer = " AND NOT EXISTS (SELECT 1 FROM deliveries o WHERE o.endpoint = d.endpoint AND o.customer = d.customer AND o.state = 'pending' AND o.n < d.n)"

// SkipDeliveries ends every pending delivery of an endpoint as skipped, with the reason.
func (t *Tx) SkipDeliveries(ctx context.Context, endpoint, reason string) error {
	return t.exec(ctx, "UPDATE deliveries SET state = 'skipped', reason = $1, ended_at = $2, next_at = 0 WHERE endpoint = $3 AND state = 'pending'",
		reason, micros(t.now), endpoint)
}

// DueDeliveries returns how many deliveries have not ended and are due by at, or are being tried.
func (db *DB) DueDeliveries(ctx context.Context, at time.Time) (int64, error) {
	var n int64
	err := db.row(ctx, "SELECT COUNT(*) FROM deliveries WHERE state = 'pending' AND (next_at <= $1 OR leased_until > 0)", micros(at)).Scan(&n)
	return n, err
}

// Deliveries returns deliveries, the newest first, without their bodies.
func (db *DB) Deliveries(ctx context.Context, f canon.DeliveryFilter) (canon.DeliveryPage, error) {
	limit := bounded(f.Limit, 50, 500)
	w := where{}
	w.add("endpoint = ", f.Endpoint, f.Endpoint != "")
	w.add("customer = ", f.Customer, f.Customer != "")
	page := canon.DeliveryPage{Deliveries: []canon.Delivery{}, Counts: map[string]int64{}}
	type count struct {
		state string
		n     int64
	}
	counts, err := scan(func() (*sql.Rows, error) {
		return db.rows(ctx, "SELECT state, COUNT(*) FROM deliveries"+w.String()+" GROUP BY state", w.args...)
	}, func(r *sql.Rows) (count, error) {
		var c count
		err := r.Scan(&c.state, &c.n)
		return c, err
	})
	if err != nil {
		return page, err
	}
	for _, c := range counts {
		page.Counts[c.state] = c.n
	}
	w.add("state = ", f.State, f.State != "")
	if f.After != "" {
		after, err := pageNumber(f.After)
		if err != nil {
			return page, err
		}
		w.add("n < ", after, true)
	}
	type row struct {
		canon.Delivery
		n int64
	}
	rows, err := scan(func() (*sql.Rows, error) {
		return db.rows(ctx, fmt.Sprintf("SELECT n, id, endpoint, change, type, customer, state, reason, attempts, next_at, created_at, ended_at, last_status FROM deliveries%s ORDER BY n DESC LIMIT %d", w.String(), limit+1), w.args...)
	}, func(r *sql.Rows) (row, error) {
		var d row
		var next, created, ended int64
		err := r.Scan(&d.n, &d.ID, &d.Endpoint, &d.Change, &d.Type, &d.Customer, &d.State, &d.Reason, &d.Attempts, &next, &created, &ended, &d.LastStatus)
		d.NextAt, d.CreatedAt, d.EndedAt = instant(next), instant(created), instant(ended)
		return d, err
	})
	for i, r := range rows {
		if i == limit {
			page.Next = fmt.Sprint(rows[i-1].n)
			break
		}
		page.Deliveries = append(page.Deliveries, r.Delivery)
	}
	return page, err
}

// Attempts returns the tries of a delivery, the first one first.
func (db *DB) Attempts(ctx context.Context, delivery string) ([]canon.Attempt, error) {
	as, err := scan(func() (*sql.Rows, error) {
		return db.rows(ctx, "SELECT no, at, took, status, error, response FROM attempts WHERE delivery = $1 ORDER BY no", delivery)
	}, func(r *sql.Rows) (canon.Attempt, error) {
		a := canon.Attempt{Delivery: delivery}
		var at, took int64
		err := r.Scan(&a.No, &at, &took, &a.Status, &a.Error, &a.Response)
		a.At, a.Took = instant(at), time.Duration(took)*time.Microsecond
		return a, err
	})
	if err != nil || len(as) > 0 {
		return as, err
	}
	var n int
	if err := db.row(ctx, "SELECT COUNT(*) FROM deliveries WHERE id = $1", delivery).Scan(&n); err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, canon.Errorf("delivery.unknown", "no delivery has the id %.80q", delivery).WithHint("`hub webhooks deliveries` lists them")
	}
	return []canon.Attempt{}, nil
}

// where collects the conditions of a query.
type where struct {
	conds []string
	args  []any
}

// add appends "cond $n" where on is set.
func (w *where) add(cond string, arg any, on bool) {
	if on {
		w.args = append(w.args, arg)
		w.conds = append(w.conds, fmt.Sprintf("%s$%d", cond, len(w.args)))
	}
}

func (w *where) String() string {
	if len(w.conds) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conds, " AND ")
}

func bounded(n, standard, most int) int {
	if n <= 0 {
		return standard
	}
	return min(n, most)
}

func pageNumber(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, canon.Errorf("request.invalid", "page token %.40q is not one of ours", s).WithHint("use the next token of the page before, or none")
	}
	return n, nil
}

// ReleaseDeliveries ends every lease: whoever held one is gone. Only who is alone on the store may say so.
func (t *Tx) ReleaseDeliveries(ctx context.Context) error {
	return t.exec(ctx, "UPDATE deliveries SET leased_until = 0 WHERE state = 'pending' AND leased_until > 0")
}
