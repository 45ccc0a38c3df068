package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/api"
	"github.com/lifecyclehub/hub/canon"
	playing "github.com/lifecyclehub/hub/lifecycle/play"
	"github.com/lifecyclehub/hub/store"
)

func (c *cli) plays() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plays",
		Short: "Say what is done for which customers and when, and what held it back",
		Long: `A play is what is done for customers who come to a moment: their health falls, an invoice is overdue, a renewal draws near.
The policy says when (see "hub lifecycle show"); hub writes down every time that a play came or was held back, with the
reason, and tells live ones to webhook endpoints and NATS subscribers as play.fired. The shipped plays are in shadow mode:
they are only written down.`,
		Example: "  hub plays list\n  hub plays log --suppressed\n  hub plays test churn_mitigation cus_0123456789abcdef0123\n  hub plays set-mode overdue_invoice live --reason 'agreed with finance'",
	}
	cmd.AddCommand(c.playsList(), c.playsShow(), c.playsLog(), c.playsTest(), c.playsNext(), c.playsSetMode(), c.playsMarkdown())
	return cmd
}

// withPlays runs fn on the plays of the configured policy.
func (c *cli) withPlays(ctx context.Context, fn func(playsAPI) error) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	return c.withStore(ctx, func(db *store.DB) error {
		policy, err := policyInForce(ctx, db, cfg)
		if err != nil {
			return err
		}
		return fn(playsAPI{db, policy, clock(cfg)})
	})
}

func (c *cli) playsList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the plays in order of precedence, with what came of each lately", Args: cobra.NoArgs,
		Example: "  hub plays list\n  hub plays list --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withPlays(cmd.Context(), func(p playsAPI) error {
				all, err := p.Plays(cmd.Context())
				if err != nil {
					return err
				}
				if c.json {
					return c.print(map[string]any{"plays": orEmpty(all)})
				}
				t := newTable(c.out, "play", "category", "mode", "comes when", "came", "told", "held out", "held back")
				for _, x := range all {
					t.AppendRow(table.Row{x.Key, x.Category, x.Mode, x.When, x.Count.Fired, x.Count.Told, x.Count.Holdout, suppressedWords(x.Count.Suppressed)})
				}
				t.Render()
				fmt.Fprintf(c.out, "counts are of the last %d days\n", countedDays)
				return nil
			})
		},
	}
}

func orEmpty[T any](v []T) []T {
	if v == nil {
		return []T{}
	}
	return v
}

// suppressedWords writes counts by guard, the largest first.
func suppressedWords(counts map[string]int64) string {
	keys := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	var out []string
	for _, k := range keys {
		out = append(out, fmt.Sprintf("%d %s", counts[k], k))
	}
	return strings.Join(out, ", ")
}

func (c *cli) playsShow() *cobra.Command {
	return &cobra.Command{
		Use: "show PLAY", Short: "Show a play: when it comes, what may hold it back, what to do", Args: cobra.ExactArgs(1),
		Example: "  hub plays show churn_mitigation",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withPlays(cmd.Context(), func(p playsAPI) error {
				if _, err := p.find(args[0]); err != nil {
					return err
				}
				all, err := p.Plays(cmd.Context())
				if err != nil {
					return err
				}
				x := all[slices.IndexFunc(all, func(x api.Play) bool { return x.Key == args[0] })]
				if c.json {
					return c.print(x)
				}
				c.writePlay(x)
				return nil
			})
		},
	}
}

func (c *cli) writePlay(x api.Play) {
	fmt.Fprintf(c.out, "%s  (%s, %s)\n", x.Title, x.Key, x.Category)
	for _, line := range [][2]string{{"", strings.TrimSpace(x.Doc)}, {"mode", x.Mode}, {"owner", x.Owner}, {"comes when", x.When}, {"offer", x.Offer}, {"do", x.Do}} {
		if line[1] != "" {
			fmt.Fprintf(c.out, "  %-11s %s\n", line[0], line[1])
		}
	}
	if x.SetBy != nil {
		fmt.Fprintf(c.out, "  %-11s by %s on %s: %s\n", "mode set", cmp.Or(x.SetBy.Author, "nobody named"), minute(x.SetBy.At), x.SetBy.Reason)
	}
	for i, g := range x.Guards {
		head := ""
		if i == 0 {
			head = "guards"
		}
		fmt.Fprintf(c.out, "  %-11s %s\n", head, g)
	}
	fmt.Fprintf(c.out, "  %-11s came %d, told %d, held out %d in %d days", "lately", x.Count.Fired, x.Count.Told, x.Count.Holdout, countedDays)
	if s := suppressedWords(x.Count.Suppressed); s != "" {
		fmt.Fprintf(c.out, "; held back: %s", s)
	}
	fmt.Fprintln(c.out)
}

func (c *cli) playsLog() *cobra.Command {
	var f canon.FiringFilter
	var since string
	cmd := &cobra.Command{
		Use: "log", Short: "List when plays came or were held back, and why, the newest first", Args: cobra.NoArgs,
		Example: "  hub plays log\n  hub plays log --play churn_mitigation --since 2026-01-01\n  hub plays log --customer cus_0123456789abcdef0123 --suppressed --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if f.Since, err = parseDay(since); err != nil {
				return err
			}
			return c.withPlays(cmd.Context(), func(p playsAPI) error {
				page, err := p.Firings(cmd.Context(), f)
				if err != nil {
					return err
				}
				if c.json {
					return c.print(page)
				}
				if len(page.Firings) == 0 {
					fmt.Fprintln(c.out, "none")
					return nil
				}
				t := newTable(c.out, "at", "play", "customer", "mode", "outcome", "because", "reason")
				for _, x := range page.Firings {
					t.AppendRow(table.Row{minute(x.At), x.Play, x.Customer, x.Mode, outcomeOf(x), x.Cause.Rule, x.Reason})
				}
				t.Render()
				if page.Next != "" {
					fmt.Fprintf(c.out, "--after %s shows the next\n", page.Next)
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&f.Play, "play", "", "only this play")
	cmd.Flags().StringVar(&f.Customer, "customer", "", "only of this customer")
	cmd.Flags().BoolVar(&f.Suppressed, "suppressed", false, "only those that were held back")
	cmd.Flags().BoolVar(&f.Told, "told", false, "only those that were told to the outside")
	cmd.Flags().StringVar(&since, "since", "", "only from this day or moment on")
	cmd.Flags().StringVar(&f.After, "after", "", "continue behind this page")
	cmd.Flags().IntVar(&f.Limit, "limit", 50, "the most to list")
	return cmd
}

func outcomeOf(f canon.Firing) string {
	switch {
	case f.Suppressed != "":
		return "held back: " + f.Suppressed
	case f.Holdout:
		return "held out"
	case f.Told():
		return "told"
	}
	return "noted"
}

func (c *cli) playsTest() *cobra.Command {
	return &cobra.Command{
		Use: "test PLAY CUSTOMER", Short: "Say why a play would or would not come for a customer now, guard by guard", Args: cobra.ExactArgs(2),
		Example: "  hub plays test churn_mitigation cus_0123456789abcdef0123\n  hub plays test renewal_campaign stripe/customers/cus_9 --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withPlays(cmd.Context(), func(p playsAPI) error {
				if _, err := p.find(args[0]); err != nil {
					return err
				}
				cust, state, m, err := p.asked(cmd.Context(), args[1])
				if err != nil {
					return err
				}
				answers, comes := playing.Explain(p.policy, args[0], state, m)
				if c.json {
					return c.print(map[string]any{"play": args[0], "customer": cust.ID, "comes": comes, "answers": answers})
				}
				t := newTable(c.out, "", "guard", "answer")
				for _, a := range answers {
					mark := "✗"
					if a.Passes {
						mark = "✓"
					}
					t.AppendRow(table.Row{mark, a.Guard, a.Words})
				}
				t.Render()
				if comes {
					fmt.Fprintf(c.out, "nothing holds %s back from %s: it comes when what triggers it begins\n", args[0], cmp.Or(cust.Name, cust.ID))
				} else {
					fmt.Fprintf(c.out, "%s would not come for %s now\n", args[0], cmp.Or(cust.Name, cust.ID))
				}
				return nil
			})
		},
	}
}

func (c *cli) playsNext() *cobra.Command {
	return &cobra.Command{
		Use: "next CUSTOMER", Short: "Name the next best action for a customer: the first play whose state holds and that nothing holds back", Args: cobra.ExactArgs(1),
		Example: "  hub plays next cus_0123456789abcdef0123",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withPlays(cmd.Context(), func(p playsAPI) error {
				cust, state, m, err := p.asked(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				x, ok := playing.Best(p.policy, state, m)
				if c.json {
					out := map[string]any{"customer": cust.ID, "play": nil}
					if ok {
						out["play"] = map[string]string{"key": x.Key, "title": x.Title, "do": x.Do, "owner": x.Owner, "offer_id": x.Offer}
					}
					return c.print(out)
				}
				if !ok {
					fmt.Fprintln(c.out, "nothing is to be done now")
					return nil
				}
				fmt.Fprintf(c.out, "%s (%s): %s\n", x.Title, x.Key, cmp.Or(x.Do, x.Doc))
				return nil
			})
		},
	}
}

func (c *cli) playsSetMode() *cobra.Command {
	var m canon.PlayMode
	cmd := &cobra.Command{
		Use: "set-mode PLAY live|shadow|suspended", Short: "Tell a play to the outside, only write it down, or hold it back", Args: cobra.ExactArgs(2),
		Example: "  hub plays set-mode overdue_invoice live --reason 'agreed with finance'\n  hub plays set-mode churn_mitigation suspended --reason 'the billing import is broken'",
		RunE: func(cmd *cobra.Command, args []string) error {
			m.Play, m.Mode = args[0], args[1]
			m.Author = c.author(m.Author)
			return c.withPlays(cmd.Context(), func(p playsAPI) error {
				set, err := p.SetMode(cmd.Context(), m)
				if err != nil {
					return err
				}
				if c.json {
					return c.print(set)
				}
				fmt.Fprintf(c.out, "%s is %s\n", set.Play, set.Mode)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&m.Reason, "reason", "", "why, in your words")
	cmd.Flags().StringVar(&m.Author, "author", "", "who decides (default $USER)")
	return cmd
}

func (c *cli) playsMarkdown() *cobra.Command {
	return &cobra.Command{
		Use: "markdown", Short: "Write the catalogue of plays as a page", Args: cobra.NoArgs, Example: "  hub plays markdown > plays.md",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withPlays(cmd.Context(), func(p playsAPI) error {
				modes, err := p.db.PlayModes(cmd.Context())
				if err != nil {
					return err
				}
				_, err = fmt.Fprint(c.out, playing.Markdown(p.policy, modes))
				return err
			})
		},
	}
}
