package ingest

import (
	"context"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/identity"
)

// resolve finds out whose the changed entities are, and whose others have become because of them.
func (w *work) resolve(ctx context.Context, ds []*delta, oldKeys map[int64][]string) error {
	return w.resolution(ds, oldKeys).settle(ctx, ds, oldKeys)
}

// resolution begins a batch's change of who is who.
func (w *work) resolution(ds []*delta, oldKeys map[int64][]string) *resolution {
	r := &resolution{work: w, byRow: map[int64]*canon.StoredEntity{}, fresh: map[int64]bool{}, forgotten: map[canon.Kind][]string{},
		profiles: map[string]canon.Profile{}, compared: map[int64]*canon.StoredEntity{}, meaning: map[string]bool{}}
	for _, d := range ds {
		if d.forget {
			r.forgotten[d.entity.Entity.Kind] = append(r.forgotten[d.entity.Entity.Kind], oldKeys[d.entity.Row]...)
			continue
		}
		r.byRow[d.entity.Row] = d.entity
		r.fresh[d.entity.Row] = !d.known
	}
	return r
}

// settle resolves: first which companies are one, then which contacts are one and where they belong, then what belongs
// to both.
func (r *resolution) settle(ctx context.Context, ds []*delta, oldKeys map[int64][]string) error {
	ds = slices.DeleteFunc(slices.Clone(ds), func(d *delta) bool { return d.forget })
	var err error
	if r.rules, err = r.ruled(ctx); err != nil {
		return err
	}
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
	if err := r.compare(ctx, ds); err != nil {
		return err
	}
	return r.adopt(ctx, r.adopted)
}

// resolution is one batch's change of who is who.
type resolution struct {
	*work
	// rules are what holds of the decisions.
	rules *ruling
	// byRow holds every entity met, so that each is one value.
	byRow map[int64]*canon.StoredEntity
	// fresh are the entities that this batch added; they have no events yet. adopted are older ones that
	// had no customer before.
	fresh   map[int64]bool
	adopted []*canon.StoredEntity
	// forgotten are the keys, by kind, that entities held which are no more, or that mean something else now.
	forgotten map[canon.Kind][]string
	profiles  map[string]canon.Profile
	// meaning are the keys of companies that may mean another customer than before.
	meaning map[string]bool
	// named are the contacts that decisions name together with a company whose own key is among these.
	named []string
	// compared are the nodes, by row, whose likes are to be found anew; clusters are those that were worked out.
	compared map[int64]*canon.StoredEntity
	clusters []identity.Cluster
	members  map[string]*canon.StoredEntity
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
	rows, counts, err := l.r.tx.RowsByKeys(ctx, kind, keys, limit)
	if err != nil {
		return nil, nil, err
	}
	// Most are the changed ones themselves.
	unmet := slices.DeleteFunc(slices.Clone(rows), func(row int64) bool { return l.r.byRow[row] != nil })
	es, err := l.r.tx.EntitiesByRow(ctx, unmet)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range es {
		l.r.hold(e)
	}
	nodes := make([]identity.Node, 0, len(rows))
	for _, row := range rows {
		if h := l.r.byRow[row]; h != nil {
			n := identity.NewNode(h.Entity, h.At)
			l.got[n.Key] = h
			nodes = append(nodes, n)
		}
	}
	return nodes, counts, nil
}

// cluster groups the changed nodes of a kind, and all that they may be linked to, anew. It returns the
// clusters, and the nodes by key. Clusters are nil where nothing of the kind changed.
func (r *resolution) cluster(ctx context.Context, kind canon.Kind, ds []*delta, oldKeys map[int64][]string) ([]identity.Cluster, map[string]*canon.StoredEntity, error) {
	l := loader{r, map[string]*canon.StoredEntity{}}
	seed := identity.Seed{Kind: kind, Keys: r.forgotten[kind]}
	for _, d := range ds {
		if d.entity.Entity.Kind != kind || !d.save && !d.again {
			continue
		}
		n := identity.NewNode(d.entity.Entity, d.entity.At)
		l.got[n.Key] = d.entity
		seed.Nodes = append(seed.Nodes, n)
		seed.Keys = append(seed.Keys, oldKeys[d.entity.Row]...)
	}
	if len(seed.Nodes) == 0 && len(seed.Keys) == 0 {
		return nil, nil, nil
	}
	nodes, generic, err := r.p.Rules.Closure(ctx, seed, l, r.rules.decisions)
	if err != nil {
		return nil, nil, err
	}
	clusters := r.p.Rules.Cluster(nodes, identity.Known{Generic: generic, Decisions: r.rules.decisions})
	r.met(clusters, l.got)
	return clusters, l.got, nil
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
			r.means(e, e.Customer != c.ID, changed[e.Row], oldKeys[e.Row])
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
	for _, k := range r.forgotten[canon.KindCompany] {
		r.meaning[k] = true
	}
	for k := range r.meaning {
		r.named = append(r.named, r.rules.partners[k]...)
	}
	keys, err := r.commit(ctx, moved, keyed, oldKeys)
	return append(keys, r.forgotten[canon.KindCompany]...), err
}

// means notes which keys of a company mean another customer: all of one that moved, those that one which changed no longer
// holds or did not hold before.
func (r *resolution) means(e *canon.StoredEntity, moved, changed bool, old []string) {
	if !moved && !changed {
		return
	}
	now := r.evidence(e)
	for _, list := range [][2][]string{{now, old}, {old, now}} {
		for _, k := range list[0] {
			if moved || !slices.Contains(list[1], k) {
				r.meaning[k] = true
			}
		}
	}
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
		keys = append(keys, r.owned(e.Entity)...)
	}
	found, err := r.find(ctx, keys)
	if err != nil {
		return err
	}
	var moved []*canon.StoredEntity
	for _, e := range es {
		customer, why := identity.Pick(r.owned(e.Entity), found)
		if customer != e.Customer {
			r.move(e, "", customer, why)
			moved = append(moved, e)
		}
	}
	_, err = r.commit(ctx, moved, nil, nil)
	return err
}

// owned returns the keys by which a belonging finds its customer, the surest first: where customers are persons, those
// of persons first.
func (r *resolution) owned(e canon.Entity) []string {
	keys := r.p.Rules.OwnerKeys(e)
	if r.p.Rules.Grain == identity.GrainPerson {
		slices.SortStableFunc(keys, func(a, b string) int { return ofPerson(a) - ofPerson(b) })
	}
	return keys
}

// ofPerson is 0 for keys that find persons, 1 for others.
func ofPerson(key string) int {
	if strings.HasPrefix(key, "ref:contact:") || strings.HasPrefix(key, "mail:") {
		return 0
	}
	return 1
}

// move says that an entity has come to a customer.
func (r *resolution) move(e *canon.StoredEntity, cluster, customer, why string) {
	r.touch(e.Customer)
	r.touch(customer)
	if e.Customer == "" && !r.fresh[e.Row] {
		r.adopted = append(r.adopted, e)
	}
	if e.Customer != customer {
		r.leaving(e)
	}
	if e.Cluster != cluster {
		r.compared[e.Row] = e
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
		keys = append(keys, r.evidence(e)...)
		keys = append(keys, oldKeys[e.Row]...)
	}
	slices.Sort(keys)
	return slices.Compact(keys), nil
}

// evidence returns the keys that link an entity.
func (r *resolution) evidence(e *canon.StoredEntity) []string {
	if e.Evidence == nil {
		e.Evidence = r.p.Rules.Evidence(identity.NewNode(e.Entity, e.At))
	}
	return e.Evidence
}

// profile notes a customer that must be there, with a first name for it.
func (r *resolution) profile(id, kind string, e *canon.StoredEntity) {
	if _, there := r.profiles[id]; there {
		return
	}
	gold := r.p.Rules.Golden([]canon.StoredEntity{*e}, nil, r.now)
	r.profiles[id] = canon.Profile{ID: id, Type: kind, Name: gold.Name, Domain: gold.Domain}
}
