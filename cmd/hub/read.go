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
				if err := c.knownStage(cmd.Context(), db, f.Stage); err != nil {
					return err
				}
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

// knownStage refuses a stage that the policy in force does not have; "" is none.
func (c *cli) knownStage(ctx context.Context, db *store.DB, key string) error {
	if key == "" {
		return nil
	}
	cfg, err := c.load()
	if err != nil {
		return err
	}
	policy, err := policyInForce(ctx, db, cfg)
	if err != nil {
		return err
	}
	var keys []string
	for _, s := range policy.Stages() {
		keys = append(keys, s.Key)
	}
	if !slices.Contains(keys, key) {
		return canon.Errorf("usage", "there is no stage %.80q", key).WithHint("--stage is %s", strings.Join(keys, ", "))
	}
	return nil
}
