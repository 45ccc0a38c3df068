package main

import (
	"fmt"
	"io"
	"math"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle/evidence"
)

func (c *cli) suitability() *cobra.Command {
	var f backtestFlags
	cmd := &cobra.Command{
		Use:   "suitability",
		Short: "Say of every measure whether history shows that it belongs into the card",
		Long: `suitability says of every measure on how many rows it is known, how it differs between those of whom the outcome came about
and the others, whether that is more than chance (after Benjamini and Hochberg), whether it goes the way that its curve says,
how far ahead it tells, which other measure it repeats, what it adds to the card, whether anybody can influence it, and which
play answers it. Verdicts are keep, trial and drop.`,
		Example: "  hub backtest suitability\n  hub backtest suitability --label contraction:10% --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withTrial(cmd.Context(), &f, func(t *trial) error {
				s, err := t.prepared(cmd.Context(), f.label)
				if err != nil {
					return err
				}
				r := s.Suitability()
				if c.json {
					return c.print(r)
				}
				writeSuitability(c.out, r)
				return nil
			})
		},
	}
	f.addOwn(cmd)
	return cmd
}

// driversAnswer is what hub backtest drivers found, for machines.
type driversAnswer struct {
	Advance []*evidence.Suitability `json:"advance"`
	Exit    []*evidence.Suitability `json:"exit"`
}

func (c *cli) drivers() *cobra.Command {
	var f backtestFlags
	cmd := &cobra.Command{
		Use:   "drivers",
		Short: "Say, stage by stage, which measures go before customers move on, and which before they leave",
		Long: `drivers looks at each stage of the policy on its own: which measures differ between customers who then moved forward and
those who did not, and between those who then left and those who stayed. Stages with too few of either are left out.`,
		Example: "  hub backtest drivers\n  hub backtest drivers --horizon 60d --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.segment = "stage"
			return c.withTrial(cmd.Context(), &f, func(t *trial) error {
				var a driversAnswer
				for label, to := range map[string]*[]*evidence.Suitability{"advance": &a.Advance, "churn": &a.Exit} {
					one := *t
					s, err := one.prepared(cmd.Context(), label)
					if err != nil {
						return err
					}
					*to = s.Drivers()
				}
				if c.json {
					return c.print(a)
				}
				for _, r := range a.Advance {
					fmt.Fprintf(c.out, "\nstage %s: what goes before moving forward\n", r.Segment)
					writeSuitability(c.out, r)
				}
				for _, r := range a.Exit {
					fmt.Fprintf(c.out, "\nstage %s: what goes before leaving\n", r.Segment)
					writeSuitability(c.out, r)
				}
				if len(a.Advance)+len(a.Exit) == 0 {
					fmt.Fprintln(c.out, "no stage has enough customers who moved and enough who did not")
				}
				return nil
			})
		},
	}
	f.addOwn(cmd)
	return cmd
}

func (c *cli) drift() *cobra.Command {
	var f backtestFlags
	var since string
	cmd := &cobra.Command{
		Use:   "drift",
		Short: "Say how far the score and its measures moved between two stretches of time (PSI)",
		Long: `drift compares the score, its bands and every measure in two stretches of time by the population stability index: below
0.10 is calm, above 0.25 is drift. It exits with 1 where the score drifted, so that it can stand in a schedule.`,
		Example: "  hub backtest drift\n  hub backtest drift --since 2026-01-01 --from 2025-01-01",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cut, err := parseDay(since)
			if err != nil {
				return err
			}
			return c.withTrial(cmd.Context(), &f, func(t *trial) error {
				s, err := t.prepared(cmd.Context(), "none")
				if err != nil {
					return err
				}
				d := s.Drift(cut)
				if c.json {
					err = c.print(d)
				} else {
					writeDrift(c.out, d)
				}
				if err == nil && d.State == evidence.DriftMoved {
					err = canon.Errorf("backtest.drift", "%s", d.Reason).WithHint("`hub backtest` says whether the score still tells")
				}
				return err
			})
		},
	}
	f.addOwn(cmd)
	cmd.Flags().StringVar(&since, "since", "", "the later stretch begins on this day (default the last three months)")
	return cmd
}

// figure writes a number, "–" where it is not known.
func figure(v evidence.Number, format string) string {
	if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
		return "–"
	}
	return fmt.Sprintf(format, float64(v))
}

func writeSuitability(w io.Writer, r *evidence.Suitability) {
	fmt.Fprintf(w, "%s against: %s (%s); %d of %d rows\n", r.Policy, r.Outcome, r.Label, r.Counts.Positives, r.Counts.Rows)
	t := newTable(w, "verdict", "measure", "known", "AUC", "range", "median", "others", "q", "lead", "like", "way", "influence", "play", "why")
	for _, m := range r.Suits {
		like := ""
		if float64(m.Rho) > 0.8 {
			like = fmt.Sprintf("%s %.2f", m.With, float64(m.Rho))
		}
		t.AppendRow(table.Row{
			m.Verdict, m.Key, figure(m.Coverage*100, "%.0f %%"), figure(evidence.Number(m.AUC.Value.Value), "%.3f"),
			figure(evidence.Number(m.AUC.Value.Low), "%.2f") + "–" + figure(evidence.Number(m.AUC.Value.High), "%.2f"),
			figure(m.Median1, "%.4g"), figure(m.Median0, "%.4g"), figure(m.Q, "%.3f"), fmt.Sprintf("%d d", m.Lead), like, wayOf(m), influenceOf(m), m.Play, m.Reason,
		})
	}
	t.Render()
	for _, l := range r.Leaks {
		fmt.Fprintf(w, "rejected %s %s: %s\n", l.Kind, l.Input, l.Reason)
	}
	for _, warning := range r.Warnings {
		fmt.Fprintln(w, warning)
	}
}

// wayOf says which way a measure is declared to go, and whether history goes the same way.
func wayOf(m evidence.Suiting) string {
	if m.Influenceable == nil {
		return ""
	}
	way := map[int]string{1: "up", -1: "down", 0: "middle"}[m.Declared]
	if m.Agrees != nil && !*m.Agrees {
		way += ", not so"
	}
	return way
}

func influenceOf(m evidence.Suiting) string {
	switch {
	case m.Influenceable == nil:
		return ""
	case *m.Influenceable:
		return "yes"
	}
	return "no"
}

func writeDrift(w io.Writer, d *evidence.Drift) {
	fmt.Fprintf(w, "%s of %s: %s\n", d.Score, d.Policy, d.Reason)
	fmt.Fprintf(w, "%d rows from %s to %s against %d rows from %s to %s\n", d.Now.N, day(d.Now.From), day(d.Now.To), d.Before.N, day(d.Before.From), day(d.Before.To))
	t := newTable(w, "", "PSI", "state", "median before", "now", "known before", "now")
	for _, s := range append([]evidence.Shift{d.Whole, d.Bands}, d.Shifts...) {
		t.AppendRow(table.Row{s.Title, figure(evidence.Number(s.PSI.Value.Value), "%.3f"), s.State, figure(s.Median0, "%.4g"), figure(s.Median1, "%.4g"),
			figure(s.Known0*100, "%.0f %%"), figure(s.Known1*100, "%.0f %%")})
	}
	t.Render()
}
