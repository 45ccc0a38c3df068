package main

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/identity"
)

// outcome is who is who: by entity key the customer, and why.
type outcome struct {
	customer, why map[string]string
}

// resolveAll works out whose every company and contact is, as taking them in one by one does.
func resolveAll(r *identity.Rules, decisions *identity.Decisions, companies, contacts []identity.Node) outcome {
	out := outcome{customer: make(map[string]string, len(companies)+len(contacts)), why: make(map[string]string, len(companies)+len(contacts))}
	known := identity.Known{Decisions: decisions}
	for _, c := range r.Cluster(companies, known) {
		for _, m := range c.Members {
			out.customer[m.Key], out.why[m.Key] = c.ID, m.Why
		}
	}
	byKey := make(map[string]int, len(contacts))
	for i := range contacts {
		byKey[contacts[i].Key] = i
	}
	meant := identity.Meant(holders(r, companies, out.customer), decisions)
	for _, p := range r.Cluster(contacts, known) {
		members := make([]canon.Entity, len(p.Members))
		for i, m := range p.Members {
			members[i] = contacts[byKey[m.Key]].Entity
		}
		keys, barred := r.CompanyKeys(members, decisions)
		customer, why := identity.Pick(keys, meant, barred...)
		for _, m := range p.Members {
			if customer == "" || r.Grain == identity.GrainPerson {
				out.customer[m.Key], out.why[m.Key] = p.ID, m.Why
			} else {
				out.customer[m.Key], out.why[m.Key] = customer, why
			}
		}
	}
	return out
}

// holders tells which keys the companies hold by which others find them, and whose they are.
func holders(r *identity.Rules, companies []identity.Node, customers map[string]string) iter.Seq[canon.KeyHolder] {
	return func(yield func(canon.KeyHolder) bool) {
		for _, n := range companies {
			self := n.Ref.Key(n.Kind)
			keys := slices.DeleteFunc(r.Evidence(n), func(k string) bool { return !strings.HasPrefix(k, "ref:") })
			for _, key := range append(keys, r.Anchors(n)...) {
				if !yield(canon.KeyHolder{Key: key, Kind: n.Kind, Self: key == self, Customer: customers[n.Key]}) {
					return
				}
			}
		}
	}
}

// nodesAtOnce is how many nodes are read together.
const nodesAtOnce = 5000

// everybody reads all companies and contacts, and whose they are now.
func (w *who) everybody(ctx context.Context) (companies, contacts []identity.Node, now map[string]string, err error) {
	now = map[string]string{}
	for kind, to := range map[canon.Kind]*[]identity.Node{canon.KindCompany: &companies, canon.KindContact: &contacts} {
		for after := int64(0); ; {
			es, err := w.db.Nodes(ctx, kind, after, nodesAtOnce)
			if err != nil {
				return nil, nil, nil, err
			}
			for _, e := range es {
				n := identity.NewNode(e.Entity, e.At)
				*to = append(*to, n)
				now[n.Key] = e.Customer
				after = e.Row
			}
			if len(es) < nodesAtOnce {
				break
			}
		}
	}
	return companies, contacts, now, nil
}
