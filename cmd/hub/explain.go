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
	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
	"github.com/lifecyclehub/hub/store"
)

// explainSince is how far back the assessment lies that the present one is held against.
const explainSince = 30 * 24 * time.Hour

// explainedCustomer is a customer with what can be said of their scores.
type explainedCustomer struct {
	canon.Customer
	Reasons []lifecycle.ScoreReasons `json:"reasons"`
}

func (c *cli) explain() *cobra.Command {
	var at, known, since string
	cmd := &cobra.Command{
		Use:   "explain CUSTOMER",
		Short: "Say where a customer stands, how they are doing, why, and what would change it",
		Example: "  hub explain cus_0123456789abcdef0123\n  hub explain stripe/customers/cus_9 --json\n  hub explain stripe/customers/cus_9 --at 2026-01-31\n" +
			"  hub explain stripe/customers/cus_9 --since 2025-12-31",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := c.load()
			if err != nil {
				return err
			}
			return c.withStore(cmd.Context(), func(db *store.DB) error {
				policy, err := policyInForce(cmd.Context(), db, cfg)
				if err != nil {
					return err
				}
				cust, err := db.Customer(cmd.Context(), args[0])
				if err == nil && at+known != "" {
					cust.Assessment, err = assessmentAt(cmd.Context(), db, args[0], at, known)
				}
				if err != nil {
					return err
				}
				x := explainedCustomer{Customer: cust, Reasons: []lifecycle.ScoreReasons{}}
				if assessed(cust) {
					earlier, err := earlierThan(cmd.Context(), db, cust, since)
					if err != nil {
						return err
					}
					x.Reasons = policy.Reasons(cust.Assessment, earlier)
				}
				if c.json {
					return c.print(x)
				}
				writeExplain(c.out, x)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&at, "at", "", "where the customer stood on this day or at this moment")
	cmd.Flags().StringVar(&known, "known-at", "", "by what was known on this day or at this moment")
	cmd.Flags().StringVar(&since, "since", "", "what moved the scores since this day or moment (default: 30 days before)")
	return cmd
}

func assessed(cust canon.Customer) bool {
	return cust.Assessment != nil && cust.Assessment.Policy != ""
}

// earlierThan returns the assessment that was in force at a moment, by default 30 days before the customer's; nil where
// there was none yet.
func earlierThan(ctx context.Context, db *store.DB, cust canon.Customer, since string) (*canon.Assessment, error) {
	when := cust.Assessment.At.Add(-explainSince)
	if since != "" {
		var err error
		if when, err = parseEnd(since); err != nil {
			return nil, err
		}
	}
	a, err := db.AssessmentAt(ctx, cust.ID, when, time.Time{})
	if canon.CodeOf(err) == "assessment.unknown" {
		return nil, nil
	}
	return &a, err
}

func writeExplain(w io.Writer, x explainedCustomer) {
	cust := x.Customer
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
	if !assessed(cust) {
		fmt.Fprintln(w, "\nnot assessed yet: the first round is not over")
		return
	}
	fmt.Fprintf(w, "\nstage   %s since %s\n", cmp.Or(a.StageLabel, a.Stage, "none"), day(a.StageSince))
	if a.StageReason != "" {
		fmt.Fprintf(w, "        then: %s\n", a.StageReason) // its figures are those of that day
	}
	if len(a.Flags) > 0 {
		fmt.Fprintf(w, "flags   %s\n", strings.Join(a.Flags, ", "))
	}
	if a.Verdict != "" {
		fmt.Fprintf(w, "verdict %s: %s\n", a.Verdict, a.VerdictReason)
	}
	for _, o := range a.Overrides {
		fmt.Fprintf(w, "override %s = %s by %s until %s: %s\n", o.Field, o.Value, o.Author, minute(o.Until), o.Reason)
	}
	for i, s := range append([]canon.Score{a.Health}, a.Scores...) {
		writeScore(w, s, x.Reasons[i])
	}
	fmt.Fprintf(w, "\nassessed %s by policy %s\n", minute(a.At), a.Policy)
}

// writeScore tells one score: what it is, what it is made of, what holds it down, what would change it and what moved it.
func writeScore(w io.Writer, s canon.Score, r lifecycle.ScoreReasons) {
	fmt.Fprintf(w, "\n%-7s %s %s%s\n", s.Name, scoreText(s.Value), s.Band, scoreNotes(s))
	if r.Intent != "" {
		fmt.Fprintf(w, "        %s\n", r.Intent)
	}
	if s.Card == "" {
		if len(s.Contributions) > 0 {
			fmt.Fprintf(w, "        %s\n", s.Contributions[0].NA)
		}
		return
	}
	t := newTable(w, "group", "measure", "value", "points", "lost", "why")
	for _, k := range s.Contributions {
		value := "no data"
		if k.Value != nil {
			value = valueText(*k.Value, k.Unit)
		}
		t.AppendRow(table.Row{k.Group, k.Title, value, fmt.Sprintf("%.1f", k.Points), fmt.Sprintf("%.1f", k.PointsLost), cmp.Or(k.Reason, k.NA)})
	}
	t.Render()
	for _, k := range s.Caps {
		until := ""
		if !k.Until.IsZero() {
			until = " (until " + day(k.Until) + ")"
		}
		fmt.Fprintf(w, "capped at %.0f%s: %s\n", k.Max, until, k.Reason)
	}
	for _, c := range r.WouldChange {
		fmt.Fprintf(w, "would change it: %s\n", c.Sentence)
	}
	for _, m := range r.Moved[:min(3, len(r.Moved))] {
		if m.Points != 0 {
			fmt.Fprintf(w, "moved it since %s: %s %+.1f points\n", day(r.Since), m.Title, m.Points)
		}
	}
}

// valueText tells a measure's value with its unit; a share in percent.
func valueText(v float64, unit string) string {
	if unit == "share" {
		return fmt.Sprintf("%.4g %%", v*100)
	}
	return strings.TrimSpace(fmt.Sprintf("%.4g %s", v, unit))
}

// scoreNotes says in brackets what one must know beside a score's number.
func scoreNotes(s canon.Score) string {
	var notes []string
	if s.Card != "" {
		notes = append(notes, fmt.Sprintf("%.0f %% of the weight is known", s.Coverage*100))
	}
	if !s.BandSince.IsZero() {
		notes = append(notes, "since "+day(s.BandSince))
	}
	if s.Held {
		notes = append(notes, "the band is the last known one: a source is not fresh")
	}
	if s.Value == nil && s.Raw != nil {
		notes = append(notes, fmt.Sprintf("what is known comes to %.0f", *s.Raw))
	}
	if s.Value != nil && s.Raw != nil && *s.Raw != *s.Value {
		notes = append(notes, fmt.Sprintf("%.0f before it was held down", *s.Raw))
	}
	if s.Computed != nil {
		notes = append(notes, fmt.Sprintf("overridden; computed: %s %s", scoreText(s.Computed.Value), s.Computed.Band))
	}
	if !s.Oldest.IsZero() {
		notes = append(notes, "oldest input of "+day(s.Oldest))
	}
	if s.Version != "" {
		notes = append(notes, cardName(s))
	}
	if len(notes) == 0 {
		return ""
	}
	return "  (" + strings.Join(slices.DeleteFunc(notes, func(n string) bool { return n == "" }), "; ") + ")"
}

// cardName is a scorecard with its version.
func cardName(s canon.Score) string {
	if s.Card == "" || s.Card == s.Name {
		return s.Version
	}
	return s.Version + " " + s.Card
}
