package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/identity"
	"github.com/lifecyclehub/hub/store"
)

func (c *cli) identityLink() *cobra.Command {
	var r ruling
	cmd := &cobra.Command{
		Use:   "link A B | CANDIDATE --reason TEXT",
		Short: "Decide that two records are one company or person, or that a person belongs to a company",
		Long: `link says that A and B are one, whatever their evidence: two companies or two persons become one customer or person, a
person and a company belong together. It can be revoked, and then everything is as if it had never been. Instead of two
records, a pair that ` + "`hub identity review`" + ` lists can be named (can_…).`,
		Example: "  hub identity link hubspot/companies/7 stripe/customers/cus_9 --reason 'same VAT id on the contract'\n  hub identity link hubspot/contacts/3 hubspot/companies/7 --reason 'freelancer for them' --expires 2027-01-31",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.decide(cmd.Context(), func(w *who) (canon.Decision, bool, error) {
				d, err := w.tie(cmd.Context(), canon.DecideLink, args, &r)
				if err != nil {
					return d, false, err
				}
				if x, there := w.between(canon.DecideUnlink, d.A, d.B); there {
					return d, false, canon.Errorf("decision.barred", "%s says that they are not one, which beats every link", x.ID).WithHint("`hub identity revoke %s` first", x.ID)
				}
				d, already := w.alike(d)
				return d, already, nil
			})
		},
	}
	r.flags(cmd)
	return cmd
}

func (c *cli) identityUnlink() *cobra.Command {
	var r ruling
	cmd := &cobra.Command{
		Use:     "unlink A B | CANDIDATE --reason TEXT",
		Short:   "Decide that two records are not one, whatever the evidence",
		Long:    "unlink keeps A and B apart, whatever their evidence and whatever else links them; of a person and a company it says that the\nperson does not belong there. It beats every link.",
		Example: "  hub identity unlink hubspot/companies/7 stripe/customers/cus_9 --reason 'two companies at one address'",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.decide(cmd.Context(), func(w *who) (canon.Decision, bool, error) {
				d, err := w.tie(cmd.Context(), canon.DecideUnlink, args, &r)
				if err != nil {
					return d, false, err
				}
				d, already := w.alike(d)
				return d, already, nil
			})
		},
	}
	r.flags(cmd)
	return cmd
}

// tie makes a decision about two entities.
func (w *who) tie(ctx context.Context, kind string, args []string, r *ruling) (canon.Decision, error) {
	d := canon.Decision{Kind: kind}
	if err := r.complete(w.c, &d, true); err != nil {
		return d, err
	}
	if len(args) == 1 {
		k, err := w.candidate(ctx, args[0])
		d.A, d.B = k.A, k.B
		return d.WithID(), err
	}
	x, y, err := w.pair(ctx, args[0], args[1])
	if err != nil {
		return d, err
	}
	d.A, d.B = x.Entity.Key(), y.Entity.Key()
	if d.A == d.B {
		return d, canon.Errorf("usage", "%s and %s are the same record", args[0], args[1]).WithHint("name two records; `hub identity explain %s` lists those of the customer", args[0])
	}
	if x.Entity.Kind != y.Entity.Kind && w.rules.Grain == identity.GrainPerson {
		return d, canon.Errorf("decision.grain", "under `grain: person` a person belongs to no company, so nothing can be decided about that").
			WithHint("name two persons or two companies, or choose another grain under identity: in hub.yaml")
	}
	return d.WithID(), nil
}

// candidate returns the open candidate of an id.
func (w *who) candidate(ctx context.Context, id string) (store.OpenCandidate, error) {
	for f := (store.CandidateFilter{Limit: 1000, Now: w.now}); ; {
		ks, next, err := w.db.Candidates(ctx, f)
		if err != nil {
			return store.OpenCandidate{}, err
		}
		if i := slices.IndexFunc(ks, func(k store.OpenCandidate) bool { return k.ID == id }); i >= 0 {
			return ks[i], nil
		}
		if f.After = next; next == "" {
			return store.OpenCandidate{}, canon.Errorf("candidate.unknown", "no pair that awaits a decision has the id %.80q", id).
				WithHint("name two records, or a pair that `hub identity review` lists")
		}
	}
}

func (c *cli) identityDetach() *cobra.Command {
	var r ruling
	cmd := &cobra.Command{
		Use:     "detach A",
		Short:   "Decide that a record is linked by nothing but decisions",
		Long:    "detach takes a record out of its customer and keeps it out: no evidence links it any more, only `hub identity link` does.",
		Example: "  hub identity detach stripe/customers/cus_9 --reason 'a test account'",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.decide(cmd.Context(), func(w *who) (canon.Decision, bool, error) {
				d := canon.Decision{Kind: canon.DecideDetach}
				if err := r.complete(c, &d, false); err != nil {
					return d, false, err
				}
				es, err := w.named(cmd.Context(), args[0])
				if err != nil {
					return d, false, err
				}
				d.A = es[0].Entity.Key()
				d, already := w.alike(d)
				return d, already, nil
			})
		},
	}
	r.flags(cmd)
	return cmd
}

func (c *cli) identityGeneric() *cobra.Command {
	var r ruling
	cmd := &cobra.Command{
		Use:     "generic KEY",
		Short:   "Decide that a domain, an address or a VAT id tells nobody apart",
		Long:    "generic takes a value out of the evidence: an agency's domain, a mailbox that many share, the VAT id of a group.",
		Example: "  hub identity generic agency.example --reason 'our reseller'\n  hub identity generic billing@holding.example\n  hub identity generic 'vat DE123456789'",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.decide(cmd.Context(), func(w *who) (canon.Decision, bool, error) {
				d := canon.Decision{Kind: canon.DecideGeneric}
				err := r.complete(c, &d, false)
				if err == nil {
					d.Key, err = evidenceKey(args[0], w.rules.Region)
				}
				if err != nil {
					return d, false, err
				}
				d, already := w.alike(d)
				return d, already, nil
			})
		},
	}
	r.flags(cmd)
	return cmd
}

func (c *cli) identityPin() *cobra.Command {
	var r ruling
	cmd := &cobra.Command{
		Use:   "pin CUSTOMER FIELD VALUE --reason TEXT",
		Short: "Decide what a field of a customer says, whatever the sources say",
		Long: `pin gives a field of a customer's golden record a value that beats every source, until it expires or is revoked. It
hangs on a record of the customer (the one that gives the customer its id, or the one that you name) and goes where that
record goes. What a person does not want (opted_out, do_not_contact) can be pinned to true only.`,
		Example: "  hub identity pin cus_0123456789abcdef0123 name 'Acme Group' --reason 'as in the contract'\n  hub identity pin hubspot/companies/7 owner ana@example.com --reason 'stands in for Bo' --expires 2027-01-31",
		Args:    cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.decide(cmd.Context(), func(w *who) (canon.Decision, bool, error) {
				d := canon.Decision{Kind: canon.DecidePin, Field: args[1], Value: strings.TrimSpace(args[2])}
				if err := r.complete(c, &d, true); err != nil {
					return d, false, err
				}
				es, err := w.named(cmd.Context(), args[0])
				if err != nil {
					return d, false, err
				}
				d.A = es[0].Entity.Key()
				if err := w.rules.Pinnable(es[0].Entity.Kind, d.Field, d.Value); err != nil {
					return d, false, err
				}
				d, already := w.pinned(d)
				return d, already, nil
			})
		},
	}
	r.flags(cmd)
	return cmd
}

func (c *cli) identityRevoke() *cobra.Command {
	var r ruling
	cmd := &cobra.Command{
		Use:   "revoke DECISION",
		Short: "Take a decision back, as though it had never been made",
		Long: `revoke takes back what was decided. Who is who follows from the records, the rules and the decisions in force alone, so
that nothing that was decided later stands in the way: all of it is worked out anew. Revoking twice does nothing. A
revocation can itself be revoked.`,
		Example: "  hub identity revoke dec_0123456789abcdef0123 --reason 'it was another Acme'",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.decide(cmd.Context(), func(w *who) (canon.Decision, bool, error) { return w.revoke(args[0], &r) })
		},
	}
	cmd.Flags().StringVar(&r.author, "author", "", "who decides (default $USER)")
	cmd.Flags().StringVar(&r.reason, "reason", "", "why, in your words")
	return cmd
}

// revoke makes the decision that takes another one back.
func (w *who) revoke(id string, r *ruling) (canon.Decision, bool, error) {
	d := canon.Decision{Kind: canon.DecideRevoke}
	if err := r.complete(w.c, &d, false); err != nil {
		return d, false, err
	}
	var found []canon.Decision
	for _, x := range w.log {
		if x.ID == id || len(id) >= len("dec_")+4 && strings.HasPrefix(x.ID, id) {
			found = append(found, x)
		}
	}
	if len(found) != 1 {
		return d, false, canon.Errorf("decision.unknown", "there is no decision %.80q", id).WithHint("`hub identity decisions` lists them")
	}
	was := found[0]
	d.Revokes = was.ID
	state := w.states()[was.ID]
	if state != inForce && !strings.HasPrefix(state, "revokes") {
		return was, true, nil
	}
	return d, false, nil
}

// inForce is the state of a decision that holds.
const inForce = "in force"

// states tells of each decision of the log whether it holds.
func (w *who) states() map[string]string {
	byID, revokers := map[string]canon.Decision{}, map[string][]string{}
	for _, d := range w.log {
		byID[d.ID] = d
		if d.Kind == canon.DecideRevoke {
			revokers[d.Revokes] = append(revokers[d.Revokes], d.ID)
		}
	}
	out := map[string]string{}
	var state func(d canon.Decision) string
	state = func(d canon.Decision) string {
		if s, known := out[d.ID]; known {
			return s
		}
		s := inForce
		if d.Kind == canon.DecideRevoke {
			s = "revokes " + d.Revokes
		}
		for _, by := range revokers[d.ID] {
			if strings.HasPrefix(state(byID[by]), "revokes") {
				s = "revoked by " + by
			}
		}
		if !d.ExpiresAt.IsZero() && !w.now.Before(d.ExpiresAt) {
			s = "expired " + minute(d.ExpiresAt)
		}
		out[d.ID] = s
		return s
	}
	for _, d := range w.log {
		state(d)
	}
	return out
}
