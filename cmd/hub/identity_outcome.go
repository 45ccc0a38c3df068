package main

import (
	"context"
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
	meant := meanings(r, decisions, companies, out.customer)
	for _, p := range r.Cluster(contacts, known) {
		members, names := make([]canon.Entity, len(p.Members)), make([]string, len(p.Members))
		for i, m := range p.Members {
			members[i], names[i] = contacts[byKey[m.Key]].Entity, m.Key
		}
		customer, why := identity.Pick(companyKeys(r.PersonKeys(members, decisions)), meant, decisions.Barred(names)...)
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

// companyKeys are those of a person's keys by which a company is found.
func companyKeys(keys []string) []string {
	return slices.DeleteFunc(keys, func(k string) bool { return !strings.HasPrefix(k, "ref:company:") && !strings.HasPrefix(k, "dom:") })
}

// meanings returns the customer that a company's key means to others, where it means one: the record itself says more
// than others that name it, and a domain belongs to who declares it.
func meanings(r *identity.Rules, decisions *identity.Decisions, companies []identity.Node, customers map[string]string) map[string]string {
	meant, own, several := map[string]string{}, map[string]bool{}, map[string]bool{}
	mean := func(key, customer string) {
		if before, there := meant[key]; there && before != customer {
			several[key] = true
		}
		meant[key] = customer
	}
	for _, n := range companies {
		for _, key := range r.Anchors(n) {
			mean(key, customers[n.Key])
		}
		for _, key := range r.Evidence(n) {
			if strings.HasPrefix(key, "ref:") && !own[key] {
				mean(key, customers[n.Key])
			}
		}
		self := "ref:" + string(n.Kind) + ":" + n.Ref.String()
		if n.Entity.Part == "" {
			meant[self], own[self] = customers[n.Key], true
			delete(several, self)
		}
	}
	for key := range several {
		if !own[key] {
			delete(meant, key)
		}
	}
	for _, d := range decisions.About(keysOf(meant)) {
		if d.Kind == canon.DecideGeneric {
			delete(meant, d.Key)
		}
	}
	return meant
}

func keysOf(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	return out
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
