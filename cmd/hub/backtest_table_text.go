package main

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/lifecyclehub/hub/lifecycle/evidence"
)

// writeTableReport prints what came of a table: the base rate first, because no figure means anything without it.
func writeTableReport(w io.Writer, r *evidence.TableReport) {
	fmt.Fprintf(w, "Base rate   %s of %d rows have %s = %s", percentRange(r.Base.Value), r.Base.N, r.Label, r.Value)
	if v := float64(r.BaseMRR); !math.IsNaN(v) {
		fmt.Fprintf(w, "; they are %s of the value", percent(v))
	}
	fmt.Fprintf(w, "  [%s]\nRows        %d used of %d, of %d customers; %d positives\n", r.Base.ID, r.Used, r.Rows, r.Customers, r.Positives)
	if r.Time != "" {
		fmt.Fprintf(w, "Observed    %s\n", r.Time)
	}
	writeExcluded(w, r)
	writeColumns(w, r)
	if r.Card != nil {
		writeFigures(w, "The table's score", *r.Card)
	}
	if r.Fit != nil {
		writeFit(w, r)
	}
	for _, s := range r.Warnings {
		fmt.Fprintf(w, "\nWarning: %s", s)
	}
	if len(r.Warnings) > 0 {
		fmt.Fprintln(w)
	}
	for _, s := range r.Notes {
		fmt.Fprintf(w, "\nNote: %s", s)
	}
	if len(r.Notes) > 0 {
		fmt.Fprintln(w)
	}
}

func writeExcluded(w io.Writer, r *evidence.TableReport) {
	if len(r.Excluded) == 0 {
		return
	}
	fmt.Fprintf(w, "\nColumns not used: %d\n", len(r.Excluded))
	t := newTable(w, "  column", "code", "why")
	for _, e := range r.Excluded {
		t.AppendRow(table.Row{"  " + e.Column, e.Code, e.Reason})
	}
	t.Render()
}

func writeColumns(w io.Writer, r *evidence.TableReport) {
	fmt.Fprintf(w, "\nColumns used: %d, the best ranking ones first\n", len(r.Columns))
	t := newTable(w, "  column", "kind", "known", "values", "AUC alone")
	t.SortBy([]table.SortBy{{Number: 5, Mode: table.DscNumeric}, {Number: 1}})
	for _, c := range r.Columns {
		t.AppendRow(table.Row{"  " + c.Name, c.Kind, percent(float64(c.Known)), c.Distinct, decimals(float64(c.AUC))})
	}
	t.Render()
}

// writeFit prints the fitted model's figures beside those of what is simpler, and the proposal.
func writeFit(w io.Writer, r *evidence.TableReport) {
	v := r.Fit
	fmt.Fprintf(w, "\nSplit       %s\nModel       %s\n", v.Split, r.Model)
	writeFigures(w, "The fitted model, on rows that it has not learned from", v.Held)
	fmt.Fprintln(w, "\nBeside what is simpler")
	t := newTable(w, "", "AUC", "average precision", "lift of 10 %", "verdict")
	rows := append([]evidence.Figures{v.Held}, v.Baselines...)
	if v.HeldOut != nil {
		rows = append(rows, *v.HeldOut)
	}
	if r.WithoutSuspected != nil {
		rows = append(rows, *r.WithoutSuspected)
	}
	for _, f := range rows {
		t.AppendRow(table.Row{"  " + f.Name, ranged(f.AUC()), ranged(f.Find("ap.step.v1")), ranged(f.Find("lift.top10.v1")), f.Verdict})
	}
	t.Render()
	for _, n := range v.Notes {
		fmt.Fprintf(w, "  %s\n", n)
	}
	if v.Held.Verdict == evidence.NoEvidence {
		fmt.Fprintln(w, "\nNo weights are proposed: there is no evidence for any.")
		return
	}
	writeWeights(w, r.Weights)
}

// writeFigures prints figures with their ranges and definitions.
func writeFigures(w io.Writer, title string, f evidence.Figures) {
	fmt.Fprintf(w, "\n%s\n  %s\n", title, f.Sentence)
	t := newTable(w, "  figure", "", "95 %", "n", "definition")
	for _, x := range f.Figures {
		t.AppendRow(table.Row{"  " + x.Title, decimals(x.Value.Value), between(x.Value), x.N, x.ID})
	}
	t.Render()
	if f.Unknown > 0 {
		fmt.Fprintf(w, "  %d rows have no score and are in none of these figures\n", f.Unknown)
	}
	if f.Calibration == nil {
		return
	}
	fmt.Fprint(w, "  forecast → came: ")
	for i, b := range f.Calibration.Bins {
		if i > 0 {
			fmt.Fprint(w, ", ")
		}
		fmt.Fprintf(w, "%s → %s", percent(b.Forecast), percent(b.Rate.Value))
	}
	fmt.Fprintln(w)
}

// writeWeights prints the proposal.
func writeWeights(w io.Writer, weights []evidence.Weight) {
	fmt.Fprintln(w, "\nProposed weights: what each measure is worth of 100 points. Nothing is changed by this.")
	t := newTable(w, "  measure", "points", "95 %", "effect", "95 %", "direction")
	for _, x := range weights {
		t.AppendRow(table.Row{"  " + x.Title, fmt.Sprintf("%.1f", x.Points.Value), fmt.Sprintf("%.1f to %.1f", x.Points.Low, x.Points.High),
			decimals(x.Effect.Value), between(x.Effect), direction(x)})
	}
	t.Render()
	fmt.Fprintln(w, "  effect: by how much the log odds of the outcome rise with one standard deviation of a number")
}

// direction says what more of a measure does, or what a category's ends are.
func direction(x evidence.Weight) string {
	if n := len(x.Levels); n > 0 {
		return fmt.Sprintf("from %s (%+.2f) to %s (%+.2f)", x.Levels[0].Level, x.Levels[0].LogOdds, x.Levels[n-1].Level, x.Levels[n-1].LogOdds)
	}
	words := []string{"not sure"}
	if x.Effect.Low > 0 {
		words[0] = "more is riskier"
	} else if x.Effect.High < 0 {
		words[0] = "more is safer"
	}
	if x.Finding != "" {
		words = append(words, fmt.Sprintf("%s %q", x.Finding, x.Declared))
	}
	return strings.Join(words, ", ")
}

func percent(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", 100*v)
}

func percentRange(i evidence.Interval) string {
	return fmt.Sprintf("%s (%.1f to %.1f)", percent(i.Value), 100*i.Low, 100*i.High)
}

func decimals(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	return fmt.Sprintf("%.3f", v)
}

func between(i evidence.Interval) string {
	if math.IsNaN(i.Low) || math.IsNaN(i.High) {
		return ""
	}
	return fmt.Sprintf("%.3f to %.3f", i.Low, i.High)
}

func ranged(i evidence.Interval) string {
	if math.IsNaN(i.Low) {
		return decimals(i.Value)
	}
	return fmt.Sprintf("%.3f (%.3f to %.3f)", i.Value, i.Low, i.High)
}
