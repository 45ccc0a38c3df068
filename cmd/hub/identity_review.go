package main

import (
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

func (c *cli) identityDecisions() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:     "decisions",
		Short:   "List what was decided, by whom and why, and whether it holds",
		Example: "  hub identity decisions\n  hub identity decisions --all --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withWho(cmd.Context(), func(w *who) error {
				states := w.states()
				type line struct {
					canon.Decision
					State string `json:"state"`
				}
				lines := []line{}
				for _, d := range w.log {
					if all || states[d.ID] == inForce {
						lines = append(lines, line{d, states[d.ID]})
					}
				}
				if c.json {
					return c.print(lines)
				}
				if len(lines) == 0 {
					fmt.Fprintln(c.out, "nothing is decided; records and rules alone say who is who")
					return nil
				}
				for _, l := range lines {
					fmt.Fprintf(c.out, "%s  %-8s %s\n", l.ID, l.Kind, decisionText(l.Decision))
					if l.State != inForce && l.Kind != canon.DecideRevoke {
						fmt.Fprintf(c.out, "  %s\n", l.State)
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "also what no longer holds, and the revocations")
	return cmd
}

func (c *cli) identityReview() *cobra.Command {
	var f store.CandidateFilter
	var kind, customer string
	cmd := &cobra.Command{
		Use:   "review",
		Short: "List pairs of records that may be the same and that nobody has decided about",
		Long: `review lists the pairs that are alike, or whose evidence is contested, the most alike first: both sides, what speaks for
and against, and how to accept or reject. What is decided leaves the list.`,
		Example: "  hub identity review\n  hub identity review --kind company --min-score 0.8\n  hub identity review --customer cus_0123456789abcdef0123 --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if kind != "" && kind != string(canon.KindCompany) && kind != string(canon.KindContact) {
				return canon.Errorf("usage", "there are no candidates of the kind %q", kind).WithHint("--kind is company or contact")
			}
			if !(f.MinScore >= 0 && f.MinScore <= 1) {
				return canon.Errorf("usage", "--min-score cannot be %g", f.MinScore).WithHint("write a number from 0 to 1, as 0.8")
			}
			f.Kind = canon.Kind(kind)
			return c.withWho(cmd.Context(), func(w *who) (err error) {
				if customer != "" {
					if f.Customer, err = w.db.Resolve(cmd.Context(), customer); err != nil {
						return err
					}
				}
				f.Now = w.now
				ks, next, err := w.db.Candidates(cmd.Context(), f)
				if err != nil {
					return err
				}
				if c.json {
					return c.print(map[string]any{"candidates": ks, "next": next})
				}
				if len(ks) == 0 {
					fmt.Fprintln(c.out, "nothing awaits a decision")
					return nil
				}
				for _, k := range ks {
					c.writeCandidate(k)
				}
				if next != "" {
					fmt.Fprintf(c.out, "--after %s shows the next\n", next)
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&kind, "kind", "", "only company or contact")
	cmd.Flags().Float64Var(&f.MinScore, "min-score", 0, "only pairs that are at least so alike, 0 to 1")
	cmd.Flags().StringVar(&customer, "customer", "", "only pairs with a record of this customer")
	cmd.Flags().StringVar(&f.After, "after", "", "continue behind this page")
	cmd.Flags().IntVar(&f.Limit, "limit", 20, "the most pairs to list")
	return cmd
}

// writeCandidate shows a pair side by side.
func (c *cli) writeCandidate(k store.OpenCandidate) {
	contested := ""
	if k.Contested {
		contested = ", contested"
	}
	fmt.Fprintf(c.out, "%s  %s, alike to %.2f (rank %d%s)\n", k.ID, k.Kind, k.Score, k.Rank, contested)
	t := newTable(c.out, "", short(k.A), short(k.B))
	left, right := sideOf(k.Left), sideOf(k.Right)
	for i := range left {
		if left[i][1] != "" || right[i][1] != "" {
			t.AppendRow(table.Row{left[i][0], left[i][1], right[i][1]})
		}
	}
	t.Render()
	for _, why := range k.Why {
		fmt.Fprintf(c.out, "  %s\n", why)
	}
	fmt.Fprintf(c.out, "accept: hub identity link %s --reason '…'\nreject: hub identity unlink %s --reason '…'\n\n", k.ID, k.ID)
}

// sideOf is what there is to compare of one side, as names and values.
func sideOf(s store.CandidateSide) [][2]string {
	place := func(parts ...string) string {
		return strings.Join(strings.Fields(strings.Join(parts, " ")), " ")
	}
	rows := [][2]string{{"customer", strings.TrimSpace(s.Customer + " " + s.CustomerName)}}
	switch b := s.Entity.Body.(type) {
	case *canon.Company:
		rows = append(rows, [2]string{"name", b.Name}, [2]string{"domains", strings.Join(b.Domains, ", ")}, [2]string{"email", b.Email}, [2]string{"phone", b.Phone},
			[2]string{"address", place(b.Street, b.PostalCode, b.City, b.Region, b.Country)}, [2]string{"VAT id", b.VATID}, [2]string{"register", b.RegistrationID})
	case *canon.Contact:
		rows = append(rows, [2]string{"name", strings.TrimSpace(place(b.FirstName, b.LastName) + " " + b.Name)}, [2]string{"emails", strings.Join(b.Emails, ", ")}, [2]string{"phone", b.Phone},
			[2]string{"address", place(b.Street, b.PostalCode, b.City, b.Region, b.Country)}, [2]string{"born", b.BirthDate}, [2]string{"national id", b.NationalID}, [2]string{"title", b.Title})
	default:
		// Every side has as many rows as the other.
		rows = append(rows, make([][2]string, 7)...)
	}
	return append(rows, [2]string{"since", day(s.Entity.CreatedAt)})
}
