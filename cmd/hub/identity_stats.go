package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

// largeFrom is from how many records on a company or person is worth a look.
const largeFrom = 25

// identityStats is how well who is who is known.
type identityStats struct {
	store.Matches
	// Waiting counts the pairs that await a decision, Contested those of them whose evidence is contested.
	Waiting   int `json:"waiting"`
	Contested int `json:"contested"`
	// Decisions counts those in force, by kind.
	Decisions map[string]int `json:"decisions"`
}

func (c *cli) identityStats() *cobra.Command {
	return &cobra.Command{
		Use:   "stats",
		Short: "Say how well who is who is known: match rates, what is contested, what is generic",
		Long: `stats says how much is known across systems, which means: of customers with records of several connections. It is counted
by customer, by record, by event and by recurring revenue, as a rate by record alone says little where a few large
customers are missed.`,
		Example: "  hub identity stats\n  hub identity stats --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withWho(cmd.Context(), func(w *who) (err error) {
				out := identityStats{Decisions: map[string]int{}}
				if out.Matches, err = w.db.Matches(cmd.Context(), max(w.rules.GenericLimit, 2), largeFrom); err != nil {
					return err
				}
				for f := (store.CandidateFilter{Limit: 1000, Now: w.now}); ; {
					ks, next, err := w.db.Candidates(cmd.Context(), f)
					if err != nil {
						return err
					}
					for _, k := range ks {
						out.Waiting++
						if k.Contested {
							out.Contested++
						}
					}
					if f.After = next; next == "" {
						break
					}
				}
				states := w.states()
				for _, d := range w.log {
					if states[d.ID] == inForce {
						out.Decisions[d.Kind]++
					}
				}
				if c.json {
					return c.print(out)
				}
				out.write(c)
				return nil
			})
		},
	}
}

func (s identityStats) write(c *cli) {
	t := newTable(c.out, "known across systems", "matched", "of", "rate")
	row := func(name string, x store.Share, text func(int64) string) {
		t.AppendRow(table.Row{name, text(x.Matched), text(x.Total), rate(x)})
	}
	number := func(n int64) string { return fmt.Sprint(n) }
	row("customers", s.Customers, number)
	row("records", s.Records, number)
	row("events", s.Events, number)
	for _, currency := range slices.Sorted(maps.Keys(s.MRR)) {
		row("MRR "+currency, s.MRR[currency], func(n int64) string { return canon.Money{Minor: n, Currency: currency}.String() })
	}
	for _, name := range slices.Sorted(maps.Keys(s.Connections)) {
		row("records of "+name, s.Connections[name], number)
	}
	t.Render()
	fmt.Fprintf(c.out, "%d linked: %d by evidence, %d by decisions; %d events of nobody's\n", s.Linked, s.Linked-s.Decided, s.Decided, s.Unowned)
	fmt.Fprintf(c.out, "%d pairs await a decision, %d of them contested (hub identity review)\n", s.Waiting, s.Contested)
	for _, list := range []struct {
		title string
		of    []store.Counted
	}{{"generic values, which link nobody", s.Generic}, {"companies and persons of many records", s.Large}} {
		shown := section(c.out, list.title, len(list.of), 20)
		for _, x := range list.of[:shown] {
			fmt.Fprintf(c.out, "  %6d  %s\n", x.Count, x.Name)
		}
		if len(list.of) > shown {
			fmt.Fprintf(c.out, "  … and %d more (--json)\n", len(list.of)-shown)
		}
	}
	if len(s.Decisions) > 0 {
		fmt.Fprintln(c.out, "\ndecisions in force")
		kinds := slices.SortedFunc(maps.Keys(s.Decisions), func(a, b string) int { return cmp.Or(s.Decisions[b]-s.Decisions[a], cmp.Compare(a, b)) })
		for _, kind := range kinds {
			fmt.Fprintf(c.out, "  %6d  %s\n", s.Decisions[kind], kind)
		}
	}
}

func rate(s store.Share) string {
	if s.Total == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(s.Matched)/float64(s.Total))
}
