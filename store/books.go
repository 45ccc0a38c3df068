package store

import (
	"context"
	"database/sql"
	"maps"
	"slices"

	"github.com/lifecyclehub/hub/canon"
)

// A customer's book is what assessing them takes of the events that are in force. Whatever changes these lets the book go
// or, where events were only added and the book was not brought up to date in the same transaction, lets it go at the
// end of that: a book that is there holds all events.

// Books returns the books of customers, by customer.
func (t *Tx) Books(ctx context.Context, customers []string) (map[string][]byte, error) {
	type book struct {
		customer string
		doc      []byte
	}
	rows, err := in(ctx, t, "SELECT customer, doc FROM books WHERE customer", "", nil, customers, func(r *sql.Rows) (b book, err error) {
		err = r.Scan(&b.customer, &b.doc)
		return b, err
	})
	out := make(map[string][]byte, len(rows))
	for _, b := range rows {
		out[b.customer] = b.doc
	}
	return out, err
}

// PutBooks stores books that hold every event in force, also those that the transaction has added.
func (t *Tx) PutBooks(ctx context.Context, books map[string][]byte) error {
	rows := make([][]any, 0, len(books))
	for _, customer := range slices.Sorted(maps.Keys(books)) {
		rows = append(rows, []any{customer, books[customer]})
		delete(t.added, customer)
	}
	return t.insert(ctx, "INSERT INTO books (customer, doc)", "ON CONFLICT (customer) DO UPDATE SET doc = excluded.doc", rows)
}

// KeepBooks says that the books of customers hold every event in force as they are.
func (t *Tx) KeepBooks(customers []string) {
	for _, customer := range customers {
		delete(t.added, customer)
	}
}

// DropBooks lets books go.
func (t *Tx) DropBooks(ctx context.Context, customers []string) error {
	if len(customers) == 0 {
		return nil
	}
	return erase(ctx, t, "books WHERE customer", customers)
}

// DropAllBooks lets every book go.
func (t *Tx) DropAllBooks(ctx context.Context) error { return t.exec(ctx, "DELETE FROM books") }

// addedTo notes that a customer has facts that their book lacks.
func (t *Tx) addedTo(customer string) {
	if customer == "" {
		return
	}
	if t.added == nil {
		t.added = map[string]bool{}
	}
	t.added[customer] = true
}

// shut lets the books go that lack what the transaction has added.
func (t *Tx) shut(ctx context.Context) error {
	return t.DropBooks(ctx, slices.Sorted(maps.Keys(t.added)))
}

// movesBooks lets the books go of the customers that lose or get events of entities.
func (t *Tx) movesBooks(ctx context.Context, es []*canon.StoredEntity) error {
	to := make(map[int64]string, len(es))
	rows := make([]int64, len(es))
	for i, e := range es {
		rows[i], to[e.Row] = e.Row, e.Customer
	}
	type is struct {
		entity   int64
		customer string
	}
	held, err := in(ctx, t, "SELECT DISTINCT entity, customer FROM events WHERE entity > 0 AND superseded_at = 0 AND entity", "", nil, rows, func(r *sql.Rows) (i is, err error) {
		err = r.Scan(&i.entity, &i.customer)
		return i, err
	})
	if err != nil {
		return err
	}
	changed := map[string]bool{}
	for _, h := range held {
		if h.customer != to[h.entity] {
			changed[h.customer], changed[to[h.entity]] = true, true
		}
	}
	return t.DropBooks(ctx, slices.Sorted(maps.Keys(changed)))
}
