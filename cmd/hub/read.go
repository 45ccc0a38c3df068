package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

// withStore runs fn on the store of the configuration.
func (c *cli) withStore(ctx context.Context, fn func(*store.DB) error) error {
	db, err := c.readStore(ctx)
	if err != nil {
		return err
	}
	err = fn(db)
	if cerr := db.Close(); err == nil {
		err = cerr
	}
	return err
}

// newTable returns a plain table with the head.
func newTable(w io.Writer, head ...string) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	row := make(table.Row, len(head))
	for i, h := range head {
		row[i] = h
	}
	t.AppendHeader(row)
	style := table.StyleLight
	style.Options = table.Options{SeparateHeader: true}
	style.Format.Header = text.FormatDefault
	t.SetStyle(style)
	return t
}

func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02")
}

func minute(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04")
}

func scoreText(v *float64) string {
	if v == nil {
		return "–"
	}
	return fmt.Sprintf("%.0f", *v)
}

func (c *cli) customers() *cobra.Command {
	var f canon.CustomerFilter
	cmd := &cobra.Command{
		Use:     "customers [SEARCH]",
		Short:   "List customers with stage, health and recurring revenue, or show one",
		Example: "  hub customers\n  hub customers acme\n  hub customers --stage churned --sort mrr\n  hub customers --band red --json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				f.Search = args[0]
			}
			if bands := []string{"green", "yellow", "red", "unknown"}; f.Band != "" && !slices.Contains(bands, f.Band) {
				return canon.Errorf("usage", "there is no band %.80q", f.Band).WithHint("--band is %s", strings.Join(bands, ", "))
			}
			return c.withStore(cmd.Context(), func(db *store.DB) error {
				page, err := db.Customers(cmd.Context(), f)
				if err != nil {
					return err
				}
				if c.json {
					return c.print(page)
				}
				if len(page.Customers) == 0 {
					fmt.Fprintln(c.out, "no customer matches")
					return nil
				}
				t := newTable(c.out, "customer", "name", "stage", "since", "health", "MRR", "last event")
				for _, r := range page.Customers {
					mrr := ""
					if r.MRR != nil {
						mrr = r.MRR.String()
					}
					t.AppendRow(table.Row{r.ID, cmp.Or(r.Name, r.Domain), cmp.Or(r.Stage, "–"), day(r.StageSince), scoreText(r.Score) + " " + r.Band, mrr, minute(r.LastEventAt)})
				}
				t.Render()
				fmt.Fprintf(c.out, "%d of %d", len(page.Customers), page.Total)
				if page.Next != "" {
					fmt.Fprintf(c.out, "; --after %s shows the next", page.Next)
				}
				fmt.Fprintln(c.out)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&f.Stage, "stage", "", "only customers in this stage")
	cmd.Flags().StringVar(&f.Band, "band", "", "only customers whose health is green, yellow, red or unknown")
	cmd.Flags().StringVar(&f.Sort, "sort", "name", "name, score, mrr or since")
	cmd.Flags().StringVar(&f.After, "after", "", "continue behind this page")
	cmd.Flags().IntVar(&f.Limit, "limit", 50, "the most customers to list")
	return cmd
}

func (c *cli) explain() *cobra.Command {
	var at, known string
	cmd := &cobra.Command{
		Use:     "explain CUSTOMER",
		Short:   "Say where a customer stands, how they are doing, and why",
		Example: "  hub explain cus_0123456789abcdef0123\n  hub explain stripe/customers/cus_9 --json\n  hub explain stripe/customers/cus_9 --at 2026-01-31",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withStore(cmd.Context(), func(db *store.DB) error {
				cust, err := db.Customer(cmd.Context(), args[0])
				if err == nil && at+known != "" {
					cust.Assessment, err = assessmentAt(cmd.Context(), db, args[0], at, known)
				}
				if err != nil {
					return err
				}
				if c.json {
					return c.print(cust)
				}
				writeExplain(c.out, cust)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&at, "at", "", "where the customer stood on this day or at this moment")
	cmd.Flags().StringVar(&known, "known-at", "", "by what was known on this day or at this moment")
	return cmd
}

func writeExplain(w io.Writer, cust canon.Customer) {
	fmt.Fprintf(w, "%s  (%s, %s)\n\n", cust.Name, cust.Type, cust.ID)
	for _, f := range cust.Fields {
		fmt.Fprintf(w, "  %-16s %s  [%s, %s]\n", f.Name, f.Value, f.Source, f.Rule)
	}
	fmt.Fprintf(w, "\nmembers\n")
	for i, m := range cust.Members {
		if i == 12 {
			fmt.Fprintf(w, "  … and %d more\n", len(cust.Members)-i)
			break
		}
		fmt.Fprintf(w, "  %-8s %-34s %s\n", m.Kind, m.Ref, strings.TrimSpace(m.Name+" "+m.Why))
	}
	a := cust.Assessment
	if a == nil || a.Policy == "" {
		fmt.Fprintln(w, "\nnot assessed yet: the first round is not over")
		return
	}
	fmt.Fprintf(w, "\nstage   %s since %s\n        %s\n", cmp.Or(a.StageLabel, a.Stage, "none"), day(a.StageSince), a.StageReason)
	if len(a.Flags) > 0 {
		fmt.Fprintf(w, "flags   %s\n", strings.Join(a.Flags, ", "))
	}
	fmt.Fprintf(w, "health  %s %s (%.0f %% of the weight is known; policy %s)\n\n", scoreText(a.Health.Value), a.Health.Band, a.Health.Coverage*100, a.Policy)
	t := newTable(w, "group", "measure", "value", "points", "lost", "why")
	for _, k := range a.Health.Contributions {
		value := "no data"
		if k.Value != nil {
			value = strings.TrimSpace(fmt.Sprintf("%.4g %s", *k.Value, k.Unit))
		}
		t.AppendRow(table.Row{k.Group, k.Title, value, fmt.Sprintf("%.1f", k.Points), fmt.Sprintf("%.1f", k.PointsLost), cmp.Or(k.Reason, k.NA)})
	}
	t.Render()
	for _, k := range a.Health.Caps {
		fmt.Fprintf(w, "capped at %.0f: %s\n", k.Max, k.Reason)
	}
}
