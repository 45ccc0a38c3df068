package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

const entityColumns = "id, record, hash, version, at, doc, node, cluster, customer, why, due_at, clocked"

func readEntity(r *sql.Rows) (canon.StoredEntity, error) {
	var e canon.StoredEntity
	var at, due, clocked int64
	var doc string
	if err := r.Scan(&e.Row, &e.Record, &e.Hash, &e.Version, &at, &doc, &e.Node, &e.Cluster, &e.Customer, &e.Why, &due, &clocked); err != nil {
		return e, err
	}
	e.At, e.DueAt, e.Clocked = instant(at), instant(due), clocked == 1
	if err := json.Unmarshal([]byte(doc), &e.Entity); err != nil {
		return e, fmt.Errorf("stored entity %d: %w", e.Row, err)
	}
	return e, nil
}

// EntitiesOf returns the entities of records, by the records' rows, without their keys.
func (t *Tx) EntitiesOf(ctx context.Context, records []int64) ([]canon.StoredEntity, error) {
	return in(ctx, t, "SELECT "+entityColumns+" FROM entities WHERE record", "ORDER BY id", nil, records, readEntity)
}

// EntitiesByRow returns entities by their rows, without their keys.
func (t *Tx) EntitiesByRow(ctx context.Context, rows []int64) ([]canon.StoredEntity, error) {
	return in(ctx, t, "SELECT "+entityColumns+" FROM entities WHERE id", "ORDER BY id", nil, rows, readEntity)
}

// DueEntities returns at most limit entities of which time alone tells something by the transaction's
// moment at.
func (t *Tx) DueEntities(ctx context.Context, at int64, limit int) ([]canon.StoredEntity, error) {
	return scan(func() (*sql.Rows, error) {
		return t.query(ctx, "SELECT "+entityColumns+" FROM entities WHERE due_at > 0 AND due_at <= $1 ORDER BY due_at, id LIMIT $2", at, limit)
	}, readEntity)
}

// Members returns the companies and contacts of customers.
func (t *Tx) Members(ctx context.Context, customers []string) ([]canon.StoredEntity, error) {
	return in(ctx, t, "SELECT "+entityColumns+" FROM entities WHERE kind IN ('company', 'contact') AND customer", "ORDER BY id", nil, customers, readEntity)
}

// PutEntities stores entities: those without a row are added and get one. Whose they are is left to
// SetOwners, and their keys to PutKeys.
func (t *Tx) PutEntities(ctx context.Context, es []*canon.StoredEntity) error {
	slices.SortFunc(es, func(a, b *canon.StoredEntity) int { return strings.Compare(a.Entity.Key(), b.Entity.Key()) })
	var fresh, known [][]any
	for _, e := range es {
		doc, err := json.Marshal(e.Entity)
		if err != nil {
			return fmt.Errorf("entity %s: %w", e.Entity.Key(), err)
		}
		if e.Row == 0 {
			fresh = append(fresh, []any{e.Entity.Key(), e.Record, string(e.Entity.Kind), e.Hash, flag(e.Entity.Deleted), e.Version, micros(e.At),
				string(doc), e.Node, e.Cluster, e.Customer, e.Why, micros(e.DueAt), flag(e.Clocked), searchText(e.Entity)})
			continue
		}
		known = append(known, []any{e.Row, e.Hash, flag(e.Entity.Deleted), e.Version, micros(e.At), string(doc), micros(e.DueAt), flag(e.Clocked), searchText(e.Entity)})
	}
	if err := (update{table: "entities", columns: "id BIGINT, hash TEXT, deleted BIGINT, version BIGINT, at BIGINT, doc TEXT, due_at BIGINT, clocked BIGINT, search TEXT"}).exec(ctx, t, known); err != nil {
		return err
	}
	ids, err := t.insertIDs(ctx, "INSERT INTO entities (name, record, kind, hash, deleted, version, at, doc, node, cluster, customer, why, due_at, clocked, search)", "name", fresh)
	if err != nil {
		return err
	}
	for _, e := range es {
		if e.Row == 0 {
			e.Row = ids[text(e.Entity.Key())]
		}
	}
	return nil
}

// searchText is what a search for customers may find of an entity.
func searchText(e canon.Entity) string {
	switch b := e.Body.(type) {
	case *canon.Company:
		return strings.ToLower(strings.Join(append([]string{b.Name}, b.Domains...), " "))
	case *canon.Contact:
		return strings.ToLower(strings.Join(append([]string{b.FirstName + " " + b.LastName, b.Name}, b.Emails...), " "))
	}
	return ""
}

// The roles of keys.
const (
	roleEvidence = "e"
	roleAnchor   = "a"
	roleOwner    = "o"
	roleBlock    = "b"
)

// KeysOf returns the keys of entities, by row; nothing else of them is filled in.
func (t *Tx) KeysOf(ctx context.Context, rows []int64) (map[int64]canon.StoredEntity, error) {
	type key struct {
		row  int64
		role string
		name string
	}
	ks, err := in(ctx, t, "SELECT entity, role, name FROM keys WHERE entity", "ORDER BY entity, role, n", nil, rows, func(r *sql.Rows) (key, error) {
		var k key
		err := r.Scan(&k.row, &k.role, &k.name)
		return k, err
	})
	out := make(map[int64]canon.StoredEntity, len(rows))
	for _, k := range ks {
		e := out[k.row]
		switch k.role {
		case roleOwner:
			e.OwnerKeys = append(e.OwnerKeys, k.name)
		case roleAnchor:
			e.Anchors = append(e.Anchors, k.name)
		case roleBlock:
			e.Blocks = append(e.Blocks, k.name)
		default:
			e.Evidence = append(e.Evidence, k.name)
		}
		out[k.row] = e
	}
	return out, err
}

// PutKeys replaces the keys of entities. fresh says of an entity that it had none.
func (t *Tx) PutKeys(ctx context.Context, es []*canon.StoredEntity, fresh map[int64]bool) error {
	var old []int64
	var rows [][]any
	for _, e := range es {
		if !fresh[e.Row] {
			old = append(old, e.Row)
		}
		for _, r := range []struct {
			role string
			keys []string
		}{{roleEvidence, e.Evidence}, {roleAnchor, e.Anchors}, {roleOwner, e.OwnerKeys}, {roleBlock, e.Blocks}} {
			for i, k := range r.keys {
				rows = append(rows, []any{e.Row, r.role, i, k})
			}
		}
	}
	if err := each(old, 1, func(ph string, args []any) error {
		return t.exec(ctx, "DELETE FROM keys WHERE entity IN ("+ph+")", args...)
	}); err != nil {
		return err
	}
	return t.insert(ctx, "INSERT INTO keys (entity, role, n, name)", "", rows)
}

// Holders returns the entities that a key may mean: for a domain those that it is the own domain of, for
// every other key those that hold it as evidence.
func (t *Tx) Holders(ctx context.Context, keys []string) ([]canon.KeyHolder, error) {
	var domains, others []string
	for _, k := range keys {
		if strings.HasPrefix(k, "dom:") {
			domains = append(domains, k)
		} else {
			others = append(others, k)
		}
	}
	a, err := t.byRole(ctx, roleAnchor, domains)
	if err != nil {
		return nil, err
	}
	b, err := t.byRole(ctx, roleEvidence, others)
	return append(a, b...), err
}

// Dependents returns the entities that find their customer by any of the keys.
func (t *Tx) Dependents(ctx context.Context, keys []string) ([]canon.KeyHolder, error) {
	return t.byRole(ctx, roleOwner, keys)
}

// byRole returns the entities that hold any of the keys in a role.
func (t *Tx) byRole(ctx context.Context, role string, keys []string) ([]canon.KeyHolder, error) {
	return in(ctx, t, "SELECT k.name, e.id, e.kind, e.name, e.customer FROM keys k JOIN entities e ON e.id = k.entity WHERE k.role = $1 AND k.name", "ORDER BY e.name",
		[]any{role}, keys, func(r *sql.Rows) (canon.KeyHolder, error) {
			var h canon.KeyHolder
			var name string
			err := r.Scan(&h.Key, &h.Row, &h.Kind, &name, &h.Customer)
			// An entity's own key is made of its ref, which its name begins with.
			if ref, perr := canon.ParseRef(strings.SplitN(name, "#"+string(h.Kind), 2)[0]); perr == nil {
				h.Self = h.Key == ref.Key(h.Kind)
			}
			return h, err
		})
}

// NodesByKeys returns the companies or contacts that hold any of the keys as evidence, and how many hold
// each. Of a key with more than limit holders (0: no limit) only the number is returned.
func (t *Tx) NodesByKeys(ctx context.Context, kind canon.Kind, keys []string, limit int) ([]canon.StoredEntity, map[string]int, error) {
	rows, counts, err := t.RowsByKeys(ctx, kind, keys, limit)
	if err != nil {
		return nil, nil, err
	}
	nodes, err := t.EntitiesByRow(ctx, rows)
	return nodes, counts, err
}

// mostCounted is how far beyond a limit the holders of a key are counted: further than one batch can take it.
const mostCounted = 20_000

// RowsByKeys is NodesByKeys for the rows alone, sorted. A key beyond the limit is counted no further than mostCounted.
func (t *Tx) RowsByKeys(ctx context.Context, kind canon.Kind, keys []string, limit int) ([]int64, map[string]int, error) {
	type holder struct {
		key string
		row int64
	}
	hs, counts, err := lookup[holder]{
		columns: "k.name, k.entity", from: "keys k JOIN entities e ON e.id = k.entity WHERE e.kind = $1 AND k.role = $2 AND k.name", lead: []any{string(kind), roleEvidence},
		read: func(r *sql.Rows) (holder, error) {
			var h holder
			err := r.Scan(&h.key, &h.row)
			return h, err
		},
		key: func(h holder) string { return h.key },
	}.holders(ctx, t, keys, limit, mostCounted)
	rows := make([]int64, len(hs))
	for i, h := range hs {
		rows[i] = h.row
	}
	slices.Sort(rows)
	return slices.Compact(rows), counts, err
}

// SetOwners writes cluster and customer of entities.
func (t *Tx) SetOwners(ctx context.Context, es []*canon.StoredEntity) error {
	rows := make([][]any, len(es))
	for i, e := range es {
		rows[i] = []any{e.Row, e.Cluster, e.Customer, e.Why}
	}
	return update{table: "entities", columns: "id BIGINT, cluster TEXT, customer TEXT, why TEXT",
		where: "(cluster <> v.column2 OR customer <> v.column3 OR why <> v.column4)"}.exec(ctx, t, rows)
}

// MoveEvents gives the events of entities to the entities' customers.
func (t *Tx) MoveEvents(ctx context.Context, es []*canon.StoredEntity) error {
	if err := t.movesBooks(ctx, es); err != nil {
		return err
	}
	rows := make([][]any, len(es))
	for i, e := range es {
		rows[i] = []any{e.Row, e.Customer}
	}
	return update{table: "events", columns: "entity BIGINT, customer TEXT", where: "entity > 0 AND customer <> v.column2"}.exec(ctx, t, rows)
}

// ByCluster returns the entities of clusters, without their keys.
func (t *Tx) ByCluster(ctx context.Context, clusters []string) ([]canon.StoredEntity, error) {
	return in(ctx, t, "SELECT "+entityColumns+" FROM entities WHERE cluster <> '' AND cluster", "ORDER BY id", nil, clusters, readEntity)
}
