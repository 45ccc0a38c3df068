package ingest

import (
	"context"
	"slices"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/identity"
)

// reasons returns, by row, why the records of one person are one, where they were not grouped anew.
func (r *resolution) reasons(members []*canon.StoredEntity) map[int64]string {
	nodes, rows := make([]identity.Node, len(members)), map[string]int64{}
	for i, e := range members {
		nodes[i] = identity.NewNode(e.Entity, e.At)
		rows[nodes[i].Key] = e.Row
	}
	why := map[int64]string{}
	for _, c := range r.p.Rules.Cluster(nodes, identity.Known{Decisions: r.rules.decisions}) {
		for _, m := range c.Members {
			why[rows[m.Key]] = m.Why
		}
	}
	return why
}

// dependents returns the clusters of the contacts, and the rows of the other entities, that find their
// customer by any of the keys.
func (r *resolution) dependents(ctx context.Context, keys []string) (clusters []string, rows []int64, err error) {
	hs, err := r.tx.Dependents(ctx, keys)
	if err != nil {
		return nil, nil, err
	}
	var contacts []int64
	for _, h := range hs {
		switch {
		case h.Kind == canon.KindContact:
			contacts = append(contacts, h.Row)
		case h.Kind != canon.KindCompany:
			rows = append(rows, h.Row)
		case r.meaning[h.Key]:
			// Its golden record names the customer that its parent's key means.
			r.touch(h.Customer)
		}
	}
	slices.Sort(contacts)
	es, err := r.tx.EntitiesByRow(ctx, slices.Compact(contacts))
	if err != nil {
		return nil, nil, err
	}
	for _, e := range es {
		if h := r.hold(e); h.Cluster != "" {
			clusters = append(clusters, h.Cluster)
		}
	}
	slices.Sort(clusters)
	return slices.Compact(clusters), rows, nil
}

// find returns the customer that each key means, where it means one.
func (r *resolution) find(ctx context.Context, keys []string) (map[string]string, error) {
	slices.Sort(keys)
	hs, err := r.tx.Holders(ctx, slices.Compact(keys))
	if err != nil {
		return nil, err
	}
	return identity.Meant(slices.Values(hs), r.rules.decisions), nil
}

func changedRows(ds []*delta, kind canon.Kind) map[int64]bool {
	rows := map[int64]bool{}
	for _, d := range ds {
		if d.entity.Entity.Kind == kind && d.save {
			rows[d.entity.Row] = true
		}
	}
	return rows
}
