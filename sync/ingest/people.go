package ingest

import (
	"context"
	"slices"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/identity"
)

// person is the records of one person.
type person struct {
	id      string
	members []*canon.StoredEntity
	// why says, by row, why they are one; nil where they were not grouped anew.
	why map[int64]string
	// owners are the keys by which the person's company is found, barred those of companies that it is not.
	owners, barred []string
}

// contacts groups contacts into persons and finds where each belongs. clusters are those whose company may
// have changed. It returns the keys whose meaning changed.
func (r *resolution) contacts(ctx context.Context, ds []*delta, oldKeys map[int64][]string, clusters []string) ([]string, error) {
	people, err := r.people(ctx, ds, oldKeys, clusters)
	if err != nil {
		return nil, err
	}
	var keys []string
	for i := range people {
		p := &people[i]
		p.owners, p.barred = r.ownerKeys(p.members)
		keys = append(append(keys, p.owners...), p.barred...)
	}
	found, err := r.find(ctx, keys)
	if err != nil {
		return nil, err
	}
	changed := changedRows(ds, canon.KindContact)
	var moved, keyed []*canon.StoredEntity
	for _, p := range people {
		customer, by := identity.Pick(p.owners, found, p.barred...)
		if customer == "" || r.p.Rules.Grain == identity.GrainPerson {
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

// people returns the persons to find a customer for: those whose records changed, those of the clusters, and those that
// decisions name together with a company that changed.
func (r *resolution) people(ctx context.Context, ds []*delta, oldKeys map[int64][]string, clusters []string) ([]person, error) {
	groups, nodes, err := r.cluster(ctx, canon.KindContact, ds, oldKeys)
	if err != nil {
		return nil, err
	}
	named, err := r.tx.EntitiesByName(ctx, distinct(r.named))
	if err != nil {
		return nil, err
	}
	for _, e := range named {
		if h := r.hold(e); h.Cluster != "" {
			clusters = append(clusters, h.Cluster)
		}
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
	clusters = slices.DeleteFunc(distinct(clusters), func(c string) bool { return done[c] })
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
	return people, nil
}

// ownerKeys returns by what a person's company is found, and which company it is not.
func (r *resolution) ownerKeys(members []*canon.StoredEntity) (owners, barred []string) {
	es := make([]canon.Entity, len(members))
	for i, m := range members {
		es[i] = m.Entity
	}
	return r.p.Rules.CompanyKeys(es, r.rules.decisions)
}
