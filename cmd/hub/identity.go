package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/config"
	"github.com/lifecyclehub/hub/identity"
	"github.com/lifecyclehub/hub/store"
)

func (c *cli) identity() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "identity",
		Short: "Say who is who and why, try other rules, and decide what no rule can",
		Long: `Which records are one customer follows from the records, from the rules under identity: in hub.yaml, and from what you
decide here. Decisions are kept in a log and never change a record, so that each of them can be taken back. Who is meant
is said by a customer's id (cus_…), a record (connection/stream/id) or an entity's key (connection/stream/id#company).`,
		Example: "  hub identity explain stripe/customers/cus_9\n  hub identity review\n  hub identity link hubspot/companies/7 stripe/customers/cus_9 --reason 'same VAT id on the contract'\n  hub identity dry-run --rules rules.yaml",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.identityExplain(), c.identityWhyNot(), c.identityDryRun(), c.identityReview(), c.identityStats(), c.identityScore(), c.identityDecisions(),
		c.identityLink(), c.identityUnlink(), c.identityDetach(), c.identityGeneric(), c.identityPin(), c.identityRevoke())
	return cmd
}

// who is an open store with the rules by which its customers are made.
type who struct {
	c   *cli
	cfg *config.Config
	db  *store.DB
	// vendors are those of cfg; rules and decisions are those that hold now.
	vendors   []*vendor
	rules     *identity.Rules
	log       []canon.Decision
	decisions *identity.Decisions
	now       time.Time
}

// withWho runs fn on the store of the configuration. Vendors are not called.
func (c *cli) withWho(ctx context.Context, fn func(*who) error) (err error) {
	w := &who{c: c}
	if w.cfg, err = c.load(); err != nil {
		return err
	}
	if w.db, err = c.readStore(ctx); err != nil {
		return err
	}
	defer func() {
		for _, v := range w.vendors {
			if v.conn != nil {
				err = errors.Join(err, v.conn.Close())
			}
		}
		err = errors.Join(err, w.db.Close())
	}()
	keys, err := loadKeys(w.cfg, c.env)
	if err != nil {
		return err
	}
	known, err := knownConnectors(w.cfg)
	if err != nil {
		return err
	}
	around := surroundings{cfg: w.cfg, log: newLog(c.err, w.cfg.Log), known: known, db: w.db, keys: &keys, budgets: nil}
	if w.vendors, err = openVendors(ctx, around); err != nil {
		return err
	}
	if w.rules, err = rulesAtHand(ctx, w.db, w.cfg, w.vendors); err != nil {
		return err
	}
	w.now = clock(w.cfg)()
	if w.log, err = w.db.Decisions(ctx); err != nil {
		return err
	}
	w.decisions, _ = identity.InForce(w.log, w.now)
	return fn(w)
}

// in runs fn in one transaction of the store, in which nothing changes under its eyes.
func (w *who) in(ctx context.Context, fn func(*store.Tx) error) error {
	return w.db.InTx(ctx, time.Now(), fn)
}

// named returns the companies and contacts that an id means: of a customer's id the record that it was derived from,
// or else the customer's own; of a record those that it became, the company first.
func (w *who) named(ctx context.Context, id string) (es []canon.StoredEntity, err error) {
	err = w.in(ctx, func(tx *store.Tx) error {
		if strings.HasPrefix(id, "cus_") {
			return nil
		}
		es, err = tx.EntitiesByName(ctx, []string{id, id + "#company", id + "#contact"})
		return err
	})
	if err == nil && len(es) == 0 {
		es, err = w.founding(ctx, id)
	}
	es = slices.DeleteFunc(es, func(e canon.StoredEntity) bool { return !isNode(e.Entity.Kind) })
	slices.SortFunc(es, func(a, b canon.StoredEntity) int { return strings.Compare(a.Entity.Key(), b.Entity.Key()) })
	if err == nil && len(es) == 0 {
		err = canon.Errorf("entity.unknown", "no company or contact has the id %.80q", id).
			WithHint("give a customer's id (cus_…), a record (connection/stream/id) or an entity's key (connection/stream/id#company)")
	}
	return es, err
}

// founding returns the record that a customer's id was derived from, or, where that is no more, one that the customer of
// the id has now.
func (w *who) founding(ctx context.Context, id string) ([]canon.StoredEntity, error) {
	customer, err := w.db.Resolve(ctx, id)
	if err != nil {
		return nil, err
	}
	members, err := w.members(ctx, customer)
	if err != nil {
		return nil, err
	}
	best := slices.IndexFunc(members, func(e canon.StoredEntity) bool { return e.Node == id })
	if best < 0 {
		best = slices.IndexFunc(members, func(e canon.StoredEntity) bool { return e.Node == customer })
	}
	if best < 0 && len(members) > 0 {
		best = 0
	}
	if best < 0 {
		return nil, nil
	}
	return members[best : best+1], nil
}

// members returns the companies and contacts of a customer, companies first.
func (w *who) members(ctx context.Context, customer string) (es []canon.StoredEntity, err error) {
	err = w.in(ctx, func(tx *store.Tx) error {
		es, err = tx.Members(ctx, []string{customer})
		return err
	})
	slices.SortFunc(es, func(a, b canon.StoredEntity) int {
		return cmp.Or(strings.Compare(string(a.Entity.Kind), string(b.Entity.Kind)), strings.Compare(a.Entity.Key(), b.Entity.Key()))
	})
	return es, err
}

// pair returns one entity for each of two ids: of one kind where there are such, or else a contact and a company.
func (w *who) pair(ctx context.Context, a, b string) (x, y canon.StoredEntity, err error) {
	as, err := w.named(ctx, a)
	if err != nil {
		return x, y, err
	}
	bs, err := w.named(ctx, b)
	if err != nil {
		return x, y, err
	}
	for _, kind := range []canon.Kind{canon.KindCompany, canon.KindContact} {
		of := func(e canon.StoredEntity) bool { return e.Entity.Kind == kind }
		if i, j := slices.IndexFunc(as, of), slices.IndexFunc(bs, of); i >= 0 && j >= 0 {
			return as[i], bs[j], nil
		}
	}
	return as[0], bs[0], nil
}

func isNode(k canon.Kind) bool { return k == canon.KindCompany || k == canon.KindContact }

// nodeLoader gives identity the nodes that it asks for, and remembers them.
type nodeLoader struct {
	tx  *store.Tx
	got map[string]canon.StoredEntity
}

// NodesByKeys implements identity.Loader.
func (l nodeLoader) NodesByKeys(ctx context.Context, kind canon.Kind, keys []string, limit int) ([]identity.Node, map[string]int, error) {
	es, counts, err := l.tx.NodesByKeys(ctx, kind, keys, limit)
	if err != nil {
		return nil, nil, err
	}
	nodes := make([]identity.Node, 0, len(es))
	for _, e := range es {
		n := identity.NewNode(e.Entity, e.At)
		l.got[n.Key] = e
		nodes = append(nodes, n)
	}
	return nodes, counts, nil
}

// closure is all that has to do with some entities of one kind.
type closure struct {
	nodes []identity.Node
	known identity.Known
	// stored are the entities by key.
	stored map[string]canon.StoredEntity
}

// closure loads all that may be linked to the entities, which are of one kind.
func (w *who) closure(ctx context.Context, es []canon.StoredEntity) (out closure, err error) {
	if len(es) == 0 {
		return out, nil
	}
	seed := identity.Seed{Kind: es[0].Entity.Kind}
	l := nodeLoader{got: map[string]canon.StoredEntity{}}
	for _, e := range es {
		n := identity.NewNode(e.Entity, e.At)
		l.got[n.Key] = e
		seed.Nodes = append(seed.Nodes, n)
	}
	err = w.in(ctx, func(tx *store.Tx) error {
		l.tx = tx
		out.nodes, out.known.Generic, err = w.rules.Closure(ctx, seed, l, w.decisions)
		return err
	})
	out.known.Decisions, out.stored = w.decisions, l.got
	return out, err
}

// notice warns where the customers were made by other rules than those at hand.
func (w *who) notice(ctx context.Context) error {
	made, err := w.db.Meta(ctx, rulesMark)
	if err == nil && made != "" && made != w.rules.Version() {
		fmt.Fprintln(w.c.err, "the customers were made by other rules than those of this configuration; `hub sync` or `hub run` resolves them anew")
	}
	return err
}

// title is what a record calls itself.
func title(e canon.Entity) string {
	switch b := e.Body.(type) {
	case *canon.Company:
		return strings.TrimSpace(cmp.Or(b.Name, strings.Join(b.Domains, ", "), b.Email))
	case *canon.Contact:
		name := strings.TrimSpace(cmp.Or(strings.TrimSpace(b.FirstName+" "+b.LastName), b.Name))
		if len(b.Emails) > 0 {
			name = strings.TrimSpace(name + " " + b.Emails[0])
		}
		return name
	}
	return ""
}

// short is an entity's key as people read it: the kind only where it is not a company's.
func short(key string) string { return strings.TrimSuffix(key, "#"+string(canon.KindCompany)) }
