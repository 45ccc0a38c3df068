package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/identity"
)

// verdict is why two records are one customer, or not.
type verdict struct {
	identity.Answer
	// CustomerA and CustomerB are whose they are now.
	CustomerA string `json:"customer_a"`
	CustomerB string `json:"customer_b"`
	WhyA      string `json:"why_a"`
	WhyB      string `json:"why_b"`
	// Alike is how alike the two are where rules compare them, nil where they are too different to be proposed.
	Alike *canon.Candidate `json:"alike,omitempty"`
}

func (c *cli) identityWhyNot() *cobra.Command {
	return &cobra.Command{
		Use:   "why-not A B",
		Short: "Say why two records are, or are not, one customer, and what would change that",
		Long: `why-not says what links two records, what stands between them, what both hold that tells nobody apart, and what would
bring them together or part them. A and B are a customer's id, a record or an entity's key each.`,
		Example: "  hub identity why-not hubspot/companies/7 stripe/customers/cus_9",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withWho(cmd.Context(), func(w *who) error {
				if err := w.notice(cmd.Context()); err != nil {
					return err
				}
				out, err := w.whyNot(cmd.Context(), args[0], args[1])
				if err != nil {
					return err
				}
				if c.json {
					return c.print(out)
				}
				out.write(c.out)
				return nil
			})
		},
	}
}

func (w *who) whyNot(ctx context.Context, a, b string) (verdict, error) {
	var out verdict
	x, y, err := w.pair(ctx, a, b)
	if err != nil {
		return out, err
	}
	if x.Entity.Key() == y.Entity.Key() {
		return out, canon.Errorf("usage", "%s and %s are the same record", a, b).WithHint("name two records")
	}
	if y.Entity.Key() < x.Entity.Key() {
		x, y = y, x
	}
	if x.Entity.Kind == y.Entity.Kind {
		near, err := w.closure(ctx, []canon.StoredEntity{x, y})
		if err != nil {
			return out, err
		}
		out.Answer = w.rules.WhyNot(x.Entity.Key(), y.Entity.Key(), near.nodes, near.known)
		if k, ok := w.rules.Match(identity.NewNode(x.Entity, x.At), identity.NewNode(y.Entity, y.At)); ok && !out.Same {
			out.Alike = &k
		}
	} else {
		out.Answer = w.belonging(x, y)
	}
	out.CustomerA, out.CustomerB, out.WhyA, out.WhyB = x.Customer, y.Customer, x.Why, y.Why
	return out, nil
}

// belonging says why a contact is, or is not, at the customer of a company.
func (w *who) belonging(x, y canon.StoredEntity) identity.Answer {
	out := identity.Answer{A: x.Entity.Key(), B: y.Entity.Key(), Same: x.Customer == y.Customer}
	person, firm := x, y
	if x.Entity.Kind == canon.KindCompany {
		person, firm = y, x
	}
	key := person.Entity.Key()
	if out.Same {
		out.Path = []canon.Edge{{A: out.A, B: out.B, Key: person.Why}}
		out.Would = append(out.Would, fmt.Sprintf("`hub identity unlink %s %s` parts them.", key, firm.Entity.Key()))
		return out
	}
	for _, d := range w.decisions.About([]string{key}) {
		if d.Kind == canon.DecideUnlink && (d.A == firm.Entity.Key() || d.B == firm.Entity.Key()) {
			out.Against = append(out.Against, canon.Edge{A: out.A, B: out.B, Key: "decision " + d.ID, Rejected: "It keeps the person from that company."})
		}
	}
	own := append(w.rules.Evidence(identity.NewNode(firm.Entity, firm.At)), w.rules.Anchors(identity.NewNode(firm.Entity, firm.At))...)
	finds, _ := w.rules.CompanyKeys([]canon.Entity{person.Entity}, w.decisions)
	for _, k := range finds {
		if slices.Contains(own, k) {
			out.Against = append(out.Against, canon.Edge{A: out.A, B: out.B, Key: worded(k), Rejected: "Something surer speaks for another customer, or several customers hold it: " + person.Why + "."})
		}
	}
	out.Would = append(out.Would, fmt.Sprintf("`hub identity link %s %s` brings the person to that company.", key, firm.Entity.Key()))
	return out
}

// worded is a key by which companies are found, in words.
func worded(key string) string {
	if domain, ok := strings.CutPrefix(key, "dom:"); ok {
		return "domain " + domain
	}
	return "company " + strings.TrimPrefix(key, "ref:company:")
}

func (v verdict) write(out io.Writer) {
	is := "are two"
	if v.Same {
		is = "are one"
	}
	fmt.Fprintf(out, "%s and %s %s\n", short(v.A), short(v.B), is)
	fmt.Fprintf(out, "  %-40s %s  %s\n  %-40s %s  %s\n", short(v.A), v.CustomerA, v.WhyA, short(v.B), v.CustomerB, v.WhyB)
	writeEdges(out, "what brings them together", v.Path, len(v.Path))
	writeEdges(out, "what stands between them", v.Against, len(v.Against))
	section(out, "what both hold and tells nobody apart", len(v.Ignored), len(v.Ignored))
	for _, s := range v.Ignored {
		fmt.Fprintf(out, "  %s\n", s)
	}
	if v.Alike != nil {
		fmt.Fprintf(out, "\nalike to %.2f\n  %s\n", v.Alike.Score, strings.Join(v.Alike.Why, "\n  "))
	}
	section(out, "what would change it", len(v.Would), len(v.Would))
	for _, s := range v.Would {
		fmt.Fprintf(out, "  %s\n", s)
	}
}
