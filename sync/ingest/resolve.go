package ingest

import (
	"context"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/identity"
)

// resolve finds out whose the changed entities are, and whose others have become because of them: first
// which companies are one, then which contacts are one and where they belong, then what belongs to both.
func (w *work) resolve(ctx context.Context, ds []*delta, oldKeys map[int64][]string) error {
	r := &resolution{work: w, byRow: map[int64]*canon.StoredEntity{}, fresh: map[int64]bool{}, forgotten: map[canon.Kind][]string{}, profiles: map[string]canon.Profile{}}
	var kept []*delta
	for _, d := range ds {
		if d.forget {
			r.forgotten[d.entity.Entity.Kind] = append(r.forgotten[d.entity.Entity.Kind], oldKeys[d.entity.Row]...)
			continue
		}
		kept = append(kept, d)
		r.byRow[d.entity.Row] = d.entity
		r.fresh[d.entity.Row] = !d.known
	}
	ds = kept
	keys, err := r.companies(ctx, ds, oldKeys)
	if err != nil {
		return err
	}
	clusters, others, err := r.dependents(ctx, keys)
	if err != nil {
		return err
	}
	more, err := r.contacts(ctx, ds, oldKeys, clusters)
	if err != nil {
		return err
	}
	_, rest, err := r.dependents(ctx, more)
	if err != nil {
		return err
	}
	if err := r.belongings(ctx, ds, append(others, rest...)); err != nil {
		return err
	}
	return r.adopt(ctx, r.adopted)
}

// resolution is one batch's change of who is who.
type resolution struct {
	*work
	// byRow holds every entity met, so that each is one value.
	byRow map[int64]*canon.StoredEntity
	// fresh are the entities that this batch added; they have no events yet. adopted are older ones that
	// had no customer before.
	fresh   map[int64]bool
	adopted []*canon.StoredEntity
	// forgotten are the keys, by kind, that entities held which are no more.
	forgotten map[canon.Kind][]string
	profiles  map[string]canon.Profile
}

// hold returns the one value of an entity that was read.
func (r *resolution) hold(e canon.StoredEntity) *canon.StoredEntity {
	if h := r.byRow[e.Row]; h != nil {
		return h
	}
	r.byRow[e.Row] = &e
	return &e
}

// loader gives identity the nodes that it asks for, and remembers them.
type loader struct {
	r   *resolution
	got map[string]*canon.StoredEntity
}

// NodesByKeys implements identity.Loader.
func (l loader) NodesByKeys(ctx context.Context, kind canon.Kind, keys []string, limit int) ([]identity.Node, map[string]int, error) {
	es, counts, err := l.r.tx.NodesByKeys(ctx, kind, keys, limit)
	if err != nil {
		return nil, nil, err
	}
	nodes := make([]identity.Node, 0, len(es))
	for _, e := range es {
		h := l.r.hold(e)
		n := identity.NewNode(h.Entity)
		l.got[n.Key] = h
		nodes = append(nodes, n)
	}
	return nodes, counts, nil
}

// cluster groups the changed nodes of a kind, and all that they may be linked to, anew. It returns the
// clusters, and the nodes by key. Clusters are nil where nothing of the kind changed.
func (r *resolution) cluster(ctx context.Context, kind canon.Kind, ds []*delta, oldKeys map[int64][]string) ([]identity.Cluster, map[string]*canon.StoredEntity, error) {
	l := loader{r, map[string]*canon.StoredEntity{}}
	seed := identity.Seed{Kind: kind, Keys: r.forgotten[kind]}
	for _, d := range ds {
		if d.entity.Entity.Kind != kind || !d.save {
			continue
		}
		n := identity.NewNode(d.entity.Entity)
		l.got[n.Key] = d.entity
		seed.Nodes = append(seed.Nodes, n)
		seed.Keys = append(seed.Keys, oldKeys[d.entity.Row]...)
	}
	if len(seed.Nodes) == 0 && len(seed.Keys) == 0 {
		return nil, nil, nil
	}
	nodes, generic, err := r.p.Rules.Closure(ctx, seed, l)
	if err != nil {
		return nil, nil, err
	}
	return r.p.Rules.Cluster(nodes, generic), l.got, nil
}

// companies groups companies into customers. It returns the keys whose meaning changed.
func (r *resolution) companies(ctx context.Context, ds []*delta, oldKeys map[int64][]string) ([]string, error) {
	clusters, nodes, err := r.cluster(ctx, canon.KindCompany, ds, oldKeys)
	if err != nil || clusters == nil {
		return nil, err
	}
	changed := changedRows(ds, canon.KindCompany)
	var moved, keyed []*canon.StoredEntity
	for _, c := range clusters {
		for _, m := range c.Members {
			e := nodes[m.Key]
			if e.Customer != c.ID || e.Why != m.Why {
				r.move(e, c.ID, c.ID, m.Why)
				moved = append(moved, e)
				keyed = append(keyed, e)
				r.profile(c.ID, "company", e)
			} else if changed[e.Row] {
				keyed = append(keyed, e)
			}
		}
	}
	keys, err := r.commit(ctx, moved, keyed, oldKeys)
	return append(keys, r.forgotten[canon.KindCompany]...), err
}

// contacts groups contacts into persons and finds where each belongs. clusters are those whose company may
// have changed. It returns the keys whose meaning changed.
func (r *resolution) contacts(ctx context.Context, ds []*delta, oldKeys map[int64][]string, clusters []string) ([]string, error) {
	groups, nodes, err := r.cluster(ctx, canon.KindContact, ds, oldKeys)
	if err != nil {
		return nil, err
	}
	type person struct {
		id      string
		members []*canon.StoredEntity
		why     map[int64]string
	}
	var people []person
	done := map[string]bool{}
	for _, g := range groups {
		p := person{id: g.ID, why: map[int64]string{}}
		for _, m := range g.Members {
			p.members = append(p.members, nodes[m.Key])
			p.why[nodes[m.Key].Row] = m.Why
			done[nodes[m.Key].Cluster] = true
		}
		done[g.ID] = true
		people = append(people, p)
	}
	clusters = slices.DeleteFunc(clusters, func(c string) bool { return done[c] })
	others, err := r.tx.ByCluster(ctx, clusters)
	if err != nil {
		return nil, err
	}
	byCluster := map[string][]*canon.StoredEntity{}
	for _, e := range others {
		byCluster[e.Cluster] = append(byCluster[e.Cluster], r.hold(e))
	}
	for _, c := range clusters {
		if len(byCluster[c]) > 0 {
			people = append(people, person{id: c, members: byCluster[c]})
		}
	}
	var keys []string
	owners := make([][]string, len(people))
	for i, p := range people {
		owners[i] = r.ownerKeys(p.members)
		keys = append(keys, owners[i]...)
	}
	found, err := r.find(ctx, keys)
	if err != nil {
		return nil, err
	}
	changed := changedRows(ds, canon.KindContact)
	var moved, keyed []*canon.StoredEntity
	for i, p := range people {
		customer, by := identity.Pick(owners[i], found)
		if customer == "" {
			customer = p.id
		}
		if customer == p.id && p.why == nil {
			p.why = r.reasons(p.members)
		}
		for _, e := range p.members {
			why := by
			if customer == p.id {
				why = p.why[e.Row]
			}
			if e.Customer != customer || e.Cluster != p.id || e.Why != why {
				r.move(e, p.id, customer, why)
				moved = append(moved, e)
				keyed = append(keyed, e)
				if customer == p.id {
					r.profile(customer, "person", e)
				}
			} else if changed[e.Row] {
				keyed = append(keyed, e)
			}
		}
	}
	more, err := r.commit(ctx, moved, keyed, oldKeys)
	return append(more, r.forgotten[canon.KindContact]...), err
}

// ownerKeys returns by what a person's company is found. A person is not found by their own addresses.
func (r *resolution) ownerKeys(members []*canon.StoredEntity) []string {
	es := make([]canon.Entity, len(members))
	for i, m := range members {
		es[i] = m.Entity
	}
	return slices.DeleteFunc(r.p.Rules.PersonKeys(es), func(k string) bool {
		return !strings.HasPrefix(k, "ref:company:") && !strings.HasPrefix(k, "dom:")
	})
}

// belongings finds whose the changed entities of other kinds are, and those of rows.
func (r *resolution) belongings(ctx context.Context, ds []*delta, rows []int64) error {
	var es []*canon.StoredEntity
	met := map[int64]bool{}
	for _, d := range ds {
		if !isNode(d.entity.Entity.Kind) {
			es = append(es, d.entity)
			met[d.entity.Row] = true
		}
	}
	slices.Sort(rows)
	rows = slices.DeleteFunc(slices.Compact(rows), func(row int64) bool { return met[row] })
	stored, err := r.tx.EntitiesByRow(ctx, rows)
	if err != nil {
		return err
	}
	for _, e := range stored {
		if !isNode(e.Entity.Kind) {
			es = append(es, r.hold(e))
		}
	}
	var keys []string
	for _, e := range es {
		keys = append(keys, r.p.Rules.OwnerKeys(e.Entity)...)
	}
	found, err := r.find(ctx, keys)
	if err != nil {
		return err
	}
	var moved []*canon.StoredEntity
	for _, e := range es {
		customer, why := identity.Pick(r.p.Rules.OwnerKeys(e.Entity), found)
		if customer != e.Customer {
			r.move(e, "", customer, why)
			moved = append(moved, e)
		}
	}
	_, err = r.commit(ctx, moved, nil, nil)
	return err
}

// move says that an entity has come to a customer.
func (r *resolution) move(e *canon.StoredEntity, cluster, customer, why string) {
	r.touch(e.Customer)
	r.touch(customer)
	if e.Customer == "" && !r.fresh[e.Row] {
		r.adopted = append(r.adopted, e)
	}
	e.Cluster, e.Customer, e.Why = cluster, customer, why
}

// commit writes what moved and returns the keys of the entities in keyed, old and new, sorted.
func (r *resolution) commit(ctx context.Context, moved, keyed []*canon.StoredEntity, oldKeys map[int64][]string) ([]string, error) {
	ids := make([]string, 0, len(r.profiles))
	for id := range r.profiles {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	ps := make([]canon.Profile, len(ids))
	for i, id := range ids {
		ps[i] = r.profiles[id]
	}
	clear(r.profiles)
	if err := r.tx.EnsureCustomers(ctx, ps); err != nil {
		return nil, err
	}
	slices.SortFunc(moved, func(a, b *canon.StoredEntity) int { return int(a.Row - b.Row) })
	if err := r.tx.SetOwners(ctx, moved); err != nil {
		return nil, err
	}
	older := slices.DeleteFunc(slices.Clone(moved), func(e *canon.StoredEntity) bool { return r.fresh[e.Row] })
	if err := r.tx.MoveEvents(ctx, older); err != nil {
		return nil, err
	}
	var keys []string
	for _, e := range keyed {
		keys = append(keys, r.p.Rules.Evidence(identity.NewNode(e.Entity))...)
		keys = append(keys, oldKeys[e.Row]...)
	}
	slices.Sort(keys)
	return slices.Compact(keys), nil
}

// profile notes a customer that must be there, with a first name for it.
func (r *resolution) profile(id, kind string, e *canon.StoredEntity) {
	if _, there := r.profiles[id]; there {
		return
	}
	name, domain, _ := r.p.Rules.Golden([]canon.Entity{e.Entity})
	r.profiles[id] = canon.Profile{ID: id, Type: kind, Name: name, Domain: domain}
}
