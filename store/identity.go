package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// maxHops bounds how far the moves of a customer's members are followed.
const maxHops = 32

// Resolve returns the id of the customer that id means: a customer's own, or that of any of its members or records, or
// one that was absorbed, also where the record that it was named after is no more. It returns a canon.Error
// customer.unknown where there is none.
func (db *DB) Resolve(ctx context.Context, id string) (string, error) {
	var got string
	for hop, at := 0, id; hop <= maxHops; hop++ {
		var next string
		err := db.row(ctx, `SELECT COALESCE(
			(SELECT id FROM customers WHERE id = $1 AND gone = 0),
			(SELECT MIN(customer) FROM entities WHERE node = $2 AND node <> '' AND customer <> ''),
			(SELECT MIN(customer) FROM entities WHERE (name = $3 OR name = $4 OR name = $5) AND customer <> ''), ''),
			COALESCE((SELECT destination FROM moves WHERE origin = $6 AND origin <> '' AND destination <> '' ORDER BY seq DESC LIMIT 1), '')`,
			at, at, at, at+"#company", at+"#contact", at).Scan(&got, &next)
		if err != nil {
			return "", err
		}
		if got != "" {
			return got, nil
		}
		if next == "" {
			break
		}
		at = next
	}
	err := db.row(ctx, "SELECT COALESCE((SELECT id FROM customers WHERE id = $1), '')", id).Scan(&got)
	if err == nil && got == "" {
		return "", canon.Errorf("customer.unknown", "no customer has the id %.80q", id).
			WithHint("give a customer's id (cus_…) or one of its records (connection/stream/id); `hub customers` lists them")
	}
	return got, err
}

// Meta returns a kept value, "" where there is none.
func (t *Tx) Meta(ctx context.Context, name string) (string, error) {
	vs, err := scan(func() (*sql.Rows, error) { return t.query(ctx, "SELECT value FROM meta WHERE name = $1", name) }, readID)
	if err != nil || len(vs) == 0 {
		return "", err
	}
	return vs[0], nil
}

// EntitiesByName returns entities by their keys, without the keys that link them.
func (t *Tx) EntitiesByName(ctx context.Context, names []string) ([]canon.StoredEntity, error) {
	return in(ctx, t, "SELECT "+entityColumns+" FROM entities WHERE name", "ORDER BY id", nil, names, readEntity)
}

// EntitiesFrom returns at most limit entities behind the row after, in the order of their rows: of one kind, or of every
// kind that is neither company nor contact where kind is "".
func (t *Tx) EntitiesFrom(ctx context.Context, kind canon.Kind, after int64, limit int) ([]canon.StoredEntity, error) {
	cond := "kind = $1"
	if kind == "" {
		cond = "kind <> $1 AND kind NOT IN ('company', 'contact')"
	}
	return scan(func() (*sql.Rows, error) {
		return t.query(ctx, "SELECT "+entityColumns+" FROM entities WHERE "+cond+" AND id > $2 ORDER BY id LIMIT $3", string(kind), after, limit)
	}, readEntity)
}

// Nodes returns at most limit companies or contacts behind the row after, in the order of their rows.
func (db *DB) Nodes(ctx context.Context, kind canon.Kind, after int64, limit int) ([]canon.StoredEntity, error) {
	return scan(func() (*sql.Rows, error) {
		return db.rows(ctx, fmt.Sprintf("SELECT %s FROM entities WHERE kind = $1 AND id > $2 ORDER BY id LIMIT %d", entityColumns, bounded(limit, 1000, 100_000)), string(kind), after)
	}, readEntity)
}

// Known tells of those of the customers that changes were told of, as of now.
func (t *Tx) Known(ctx context.Context, customers []string) (map[string]bool, error) {
	ids, err := in(ctx, t, "SELECT id FROM customers WHERE sequence > 0 AND id", "", nil, customers, readID)
	return set(ids), err
}

// Manned counts the companies and contacts that are members of each of the customers, as of now.
func (t *Tx) Manned(ctx context.Context, customers []string) (map[string]int, error) {
	type count struct {
		id string
		n  int
	}
	cs, err := in(ctx, t, "SELECT customer, COUNT(*) FROM entities WHERE kind IN ('company', 'contact') AND customer", "GROUP BY customer", nil, customers, func(r *sql.Rows) (count, error) {
		var c count
		err := r.Scan(&c.id, &c.n)
		return c, err
	})
	out := make(map[string]int, len(cs))
	for _, c := range cs {
		out[c.id] = c.n
	}
	return out, err
}

func set(ids []string) map[string]bool {
	out := make(map[string]bool, len(ids))
	for _, id := range ids {
		out[id] = true
	}
	return out
}

// BlockHolders returns the companies or contacts that are found by any of the keys, by row and without their bodies. Of
// a key with more than limit holders (0: no limit) only the number is returned, which is counted no further than beyond the
// limit.
func (t *Tx) BlockHolders(ctx context.Context, keys []string, limit, beyond int) ([]canon.KeyHolder, map[string]int, error) {
	hs, counts, err := lookup[canon.KeyHolder]{
		columns: "k.name, e.id, e.kind, e.cluster, e.customer", from: "keys k JOIN entities e ON e.id = k.entity WHERE k.role = $1 AND k.name", lead: []any{roleBlock},
		read: func(r *sql.Rows) (canon.KeyHolder, error) {
			var h canon.KeyHolder
			err := r.Scan(&h.Key, &h.Row, &h.Kind, &h.Cluster, &h.Customer)
			return h, err
		},
		key: func(h canon.KeyHolder) string { return h.Key },
	}.holders(ctx, t, keys, limit, beyond)
	slices.SortStableFunc(hs, func(a, b canon.KeyHolder) int { return cmp.Compare(a.Row, b.Row) })
	return hs, counts, err
}

// Children returns the customers whose parent is the customer, by name.
func (db *DB) Children(ctx context.Context, customer string) ([]canon.CustomerRow, error) {
	id, err := db.Resolve(ctx, customer)
	if err != nil {
		return nil, err
	}
	rows, err := scan(func() (*sql.Rows, error) {
		return db.rows(ctx, `SELECT id, type, name, domain, stage, stage_since, score, band, mrr, currency, last_event_at FROM customers
			WHERE parent = $1 AND parent <> '' AND gone = 0 ORDER BY search, id LIMIT 1000`, id)
	}, readCustomerRow)
	if rows == nil {
		rows = []canon.CustomerRow{}
	}
	return rows, err
}

// lookup says where to look up who holds keys: columns of from, which ends where the keys follow. lead are its arguments.
type lookup[T comparable] struct {
	columns, from string
	lead          []any
	read          func(*sql.Rows) (T, error)
	// key returns the key that was held.
	key func(T) string
}

// holders returns the rows of keys that no more than limit hold (0: no limit), each once, and how many hold each key. A key
// that everybody holds costs no more than one that few do: it is counted no further than beyond the limit, and not read.
func (q lookup[T]) holders(ctx context.Context, t *Tx, keys []string, limit, beyond int) ([]T, map[string]int, error) {
	counts, seen := map[string]int{}, map[T]bool{}
	if limit > 0 {
		var err error
		if keys, err = q.uncrowded(ctx, t, keys, [2]int{limit, limit + beyond + 1}, counts); err != nil {
			return nil, nil, err
		}
	}
	rows, err := in(ctx, t, "SELECT "+q.columns+" FROM "+q.from, "", q.lead, keys, q.read)
	var all []T
	for _, r := range rows {
		// A key that was asked for twice is answered twice.
		if !seen[r] {
			seen[r] = true
			counts[q.key(r)]++
			all = append(all, r)
		}
	}
	return all, counts, err
}

// uncrowded returns those keys that some hold, but no more than bounds[0], and notes how many hold the others, counted up to
// bounds[1].
func (q lookup[T]) uncrowded(ctx context.Context, t *Tx, keys []string, bounds [2]int, counts map[string]int) ([]string, error) {
	var few []string
	// The bound is an argument, so that the statement is the same for all.
	lead := append(slices.Clone(q.lead), bounds[1])
	err := each(keys, len(lead)+1, func(ph string, args []any) error {
		query := fmt.Sprintf("SELECT v.column1, (SELECT COUNT(*) FROM (SELECT 1 FROM %s = v.column1 LIMIT $%d) capped) FROM (VALUES (%s)) v",
			q.from, len(lead), strings.ReplaceAll(ph, ",", "),("))
		_, err := scan(func() (*sql.Rows, error) { return t.query(ctx, query, append(slices.Clone(lead), args...)...) }, func(r *sql.Rows) (struct{}, error) {
			var key string
			var n int
			err := r.Scan(&key, &n)
			switch {
			case n > bounds[0]:
				counts[key] = n
			case n > 0:
				few = append(few, key)
			}
			return struct{}{}, err
		})
		return err
	})
	return few, err
}
