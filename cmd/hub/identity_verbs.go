package main

import (
	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/api"
	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/identity"
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
		RunE:    c.deciding(canon.DecideLink, &r, twoNamed),
	}
	r.flags(cmd)
	return cmd
}

// twoNamed takes two records, or a pair that awaits a decision, as whom a decision is about.
func twoNamed(ask *api.Ruling, args []string) {
	if ask.A = args[0]; len(args) > 1 {
		ask.B = args[1]
	}
}

func (c *cli) identityUnlink() *cobra.Command {
	var r ruling
	cmd := &cobra.Command{
		Use:     "unlink A B | CANDIDATE --reason TEXT",
		Short:   "Decide that two records are not one, whatever the evidence",
		Long:    "unlink keeps A and B apart, whatever their evidence and whatever else links them; of a person and a company it says that the\nperson does not belong there. It beats every link.",
		Example: "  hub identity unlink hubspot/companies/7 stripe/customers/cus_9 --reason 'two companies at one address'",
		Args:    cobra.RangeArgs(1, 2),
		RunE:    c.deciding(canon.DecideUnlink, &r, twoNamed),
	}
	r.flags(cmd)
	return cmd
}

func (c *cli) identityDetach() *cobra.Command {
	var r ruling
	cmd := &cobra.Command{
		Use:     "detach A",
		Short:   "Decide that a record is linked by nothing but decisions",
		Long:    "detach takes a record out of its customer and keeps it out: no evidence links it any more, only `hub identity link` does.",
		Example: "  hub identity detach stripe/customers/cus_9 --reason 'a test account'",
		Args:    cobra.ExactArgs(1),
		RunE:    c.deciding(canon.DecideDetach, &r, func(ask *api.Ruling, args []string) { ask.A = args[0] }),
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
		RunE:    c.deciding(canon.DecideGeneric, &r, func(ask *api.Ruling, args []string) { ask.Key = args[0] }),
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
		RunE:    c.deciding(canon.DecidePin, &r, func(ask *api.Ruling, args []string) { ask.A, ask.Field, ask.Value = args[0], args[1], args[2] }),
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
		RunE:    c.deciding(canon.DecideRevoke, &r, func(ask *api.Ruling, args []string) { ask.Revokes = args[0] }),
	}
	cmd.Flags().StringVar(&r.author, "author", "", "who decides (default $USER)")
	cmd.Flags().StringVar(&r.reason, "reason", "", "why, in your words")
	return cmd
}

// inForce is the state of a decision that holds.
const inForce = "in force"

// states tells of each decision of the log whether it holds.
func (w *who) states() map[string]string {
	stands, out := identity.Standings(w.log, w.now), map[string]string{}
	for _, d := range w.log {
		switch s := stands[d.ID]; {
		case s.Expired:
			out[d.ID] = "expired " + minute(d.ExpiresAt)
		case s.RevokedBy != "":
			out[d.ID] = "revoked by " + s.RevokedBy
		case d.Kind == canon.DecideRevoke:
			out[d.ID] = "revokes " + d.Revokes
		default:
			out[d.ID] = inForce
		}
	}
	return out
}
