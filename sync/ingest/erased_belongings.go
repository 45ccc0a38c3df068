package ingest

import (
	"context"
	"slices"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/identity"
)

// belongings finds the subject's other entities, and the records and customers that are nobody else's.
func (s *search) belongings(ctx context.Context) error {
	refs, customers := map[canon.Ref]bool{}, map[string]bool{}
	for _, p := range s.parties {
		if s.in[p.row] {
			refs[p.ref] = true
			customers[p.customer] = true
		}
	}
	// Everything of a company goes, and of a person who is a customer.
	whole := func(customer string) bool {
		return customer != "" && customers[customer] && (s.subject.Kind == SubjectCompany || !s.companies[customer])
	}
	mails := map[string]bool{}
	for _, m := range s.subject.Emails {
		mails[m] = true
	}
	theirs := func(o canon.Owner) bool {
		return refs[o.Ref] || o.Ref.IsZero() && mails[identity.EmailKey(o.Email)]
	}
	records, others := map[int64]bool{}, map[int64]bool{}
	of := map[int64][]canon.StoredEntity{}
	rest := map[string]bool{}
	var found []canon.StoredEntity
	err := s.each(ctx, func(e canon.StoredEntity) {
		if mine := s.in[e.Row] || !isNode(e.Entity.Kind) && belongTo(e, theirs, whole); mine {
			records[e.Record] = true
			found = append(found, canon.StoredEntity{Row: e.Row, Record: e.Record, Customer: e.Customer, Cluster: e.Cluster, Node: e.Node, Why: e.Entity.Key(), Entity: canon.Entity{Kind: e.Entity.Kind, Ref: e.Entity.Ref}})
			return
		}
		others[e.Record] = true
		rest[e.Customer], rest[e.Node] = true, true
	})
	if err != nil {
		return err
	}
	for _, e := range found {
		if others[e.Record] {
			rest[e.Customer] = true
			continue
		}
		of[e.Record] = append(of[e.Record], e)
	}
	s.scope(records, of, rest, whole)
	return nil
}

// belongTo says whether an entity is only the subject's.
func belongTo(e canon.StoredEntity, theirs func(canon.Owner) bool, whole func(string) bool) bool {
	people, mine, companies := 0, 0, 0
	for _, o := range e.Entity.Owners {
		switch {
		case o.Kind == canon.KindCompany && !o.Ref.IsZero():
			companies++
		default:
			people++
			if theirs(o) {
				mine++
			}
		}
	}
	if people > 0 && mine == people && alone(e.Entity.Kind) {
		return true
	}
	return whole(e.Customer)
}

func (s *search) scope(records map[int64]bool, of map[int64][]canon.StoredEntity, rest map[string]bool, whole func(string) bool) {
	sub := &s.subject
	sub.Kinds = map[string]int64{}
	affected, gone := map[string]bool{}, map[string]bool{}
	for row := range records {
		es := of[row]
		if len(es) == 0 {
			continue
		}
		sub.Scope.Records = append(sub.Scope.Records, row)
		sub.Scope.Refs = append(sub.Scope.Refs, es[0].Entity.Ref)
		for _, e := range es {
			sub.Scope.Entities = append(sub.Scope.Entities, e.Row)
			sub.Scope.Keys = append(sub.Scope.Keys, e.Why)
			sub.Kinds[string(e.Entity.Kind)]++
			for _, id := range []string{e.Customer, e.Node, e.Cluster} {
				gone[id] = true
			}
			affected[e.Customer] = true
			if isNode(e.Entity.Kind) && whole(e.Customer) {
				s.subject.owners = append(s.subject.owners, e.Entity.Ref)
			}
		}
	}
	for id := range gone {
		if id != "" && !rest[id] {
			sub.Scope.Customers = append(sub.Scope.Customers, id)
		}
	}
	for id := range affected {
		if id != "" {
			sub.Affected = append(sub.Affected, id)
		}
	}
	slices.Sort(sub.Scope.Records)
	slices.Sort(sub.Scope.Entities)
	slices.Sort(sub.Scope.Customers)
	slices.Sort(sub.Affected)
	slices.Sort(sub.Scope.Keys)
	slices.SortFunc(sub.Scope.Refs, canon.Ref.Compare)
}
