package main

import (
	"cmp"
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
)

func (c *cli) segments() *cobra.Command {
	cmd := &cobra.Command{
		Use: "segments", Short: "List the segments of the policy and who is in them",
		Example: "  hub segments list\n  hub segments members unwell",
	}
	cmd.AddCommand(c.segmentsList(), c.segmentsMembers())
	return cmd
}

func (c *cli) segmentsList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the segments with how many customers are in each", Args: cobra.NoArgs, Example: "  hub segments list --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withPlays(cmd.Context(), func(p playsAPI) error {
				all, err := p.Segments(cmd.Context())
				if err != nil {
					return err
				}
				if c.json {
					return c.print(map[string]any{"segments": orEmpty(all)})
				}
				t := newTable(c.out, "segment", "customers", "who", "rule")
				for _, s := range all {
					t.AppendRow(table.Row{s.Key, s.Customers, s.Title, s.Rule})
				}
				t.Render()
				return nil
			})
		},
	}
}

func (c *cli) segmentsMembers() *cobra.Command {
	var after string
	var limit int
	cmd := &cobra.Command{
		Use: "members SEGMENT", Short: "List the customers in a segment", Args: cobra.ExactArgs(1), Example: "  hub segments members unwell --limit 200 --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withPlays(cmd.Context(), func(p playsAPI) error {
				page, err := p.Members(cmd.Context(), args[0], after, limit)
				if err != nil {
					return err
				}
				if c.json {
					return c.print(map[string]any{"customers": page.Customers, "next": page.Next})
				}
				if len(page.Customers) == 0 {
					fmt.Fprintln(c.out, "nobody is in it")
					return nil
				}
				t := newTable(c.out, "customer", "name", "stage", "health", "MRR")
				for _, r := range page.Customers {
					mrr := ""
					if r.MRR != nil {
						mrr = r.MRR.String()
					}
					t.AppendRow(table.Row{r.ID, cmp.Or(r.Name, r.Domain), cmp.Or(r.Stage, "–"), scoreText(r.Score) + " " + r.Band, mrr})
				}
				t.Render()
				if page.Next != "" {
					fmt.Fprintf(c.out, "--after %s shows the next\n", page.Next)
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&after, "after", "", "continue behind this page")
	cmd.Flags().IntVar(&limit, "limit", 50, "the most to list")
	return cmd
}
