package evidence

import (
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lifecyclehub/hub/lifecycle/chart"
)

// capital begins a sentence.
func capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}

func (r *Report) pageTime() chart.Section {
	auc := chart.Line{Title: "AUC over time", X: chart.Axis{Time: true}, Y: chart.Axis{Unit: chart.Number(2)}}
	rate := chart.Line{Title: "How often it came about, over time", X: chart.Axis{Time: true}, Y: chart.Axis{Unit: chart.Percent()}}
	t := chart.Table{Title: "By quarter", Folded: true, Columns: []chart.Column{{Title: "From"}, {Title: "Rows", Numeric: true}, {Title: "Outcome", Numeric: true}, {Title: "AUC", Numeric: true}, {Title: "Red ÷ green", Numeric: true}, {Title: "PSI", Numeric: true}}}
	var a, b chart.Series
	a.Tone, b.Tone = chart.Accent, chart.Poor
	for _, f := range r.Folds {
		place := func(v Number) chart.Point {
			return chart.Point{X: chart.At(f.From), Y: float64(v), Low: math.NaN(), High: math.NaN(), Label: fmt.Sprintf("n %d", f.N)}
		}
		a.Points, b.Points = append(a.Points, place(f.AUC)), append(b.Points, place(f.Rate))
		t.Rows = append(t.Rows, []string{date(f.From), fmt.Sprint(f.N), fmt.Sprint(f.Positives), shown(float64(f.AUC), ""), shown(float64(f.RedGreen), "x"), shown(float64(f.PSI), "")})
	}
	auc.Series, rate.Series = []chart.Series{a}, []chart.Series{b}
	seg := chart.Table{Title: "By segment", Columns: []chart.Column{{Title: "Segment"}, {Title: "Rows", Numeric: true}, {Title: "Outcome", Numeric: true}, {Title: "Rate", Numeric: true}, {Title: "AUC", Numeric: true}, {Title: ""}}}
	for _, g := range r.Segments {
		seg.Rows = append(seg.Rows, []string{g.Segment, fmt.Sprint(g.N), fmt.Sprint(g.Positives), shown(g.Rate.Value.Value, "%"), shownRange(g.AUC.Value, ""), g.Note})
	}
	return chart.Section{ID: "time", Title: "Over time, and by segment", Parts: []chart.Part{auc, rate, t, seg}}
}

func (r *Report) pageMeasures() chart.Section {
	t := chart.Table{Title: "What each measure adds", Columns: []chart.Column{{Title: "Measure"}, {Title: "AUC alone", Numeric: true}, {Title: "Card without it", Numeric: true}, {Title: "Gain", Numeric: true}, {Title: "Known on", Numeric: true}}}
	known := map[string]float64{}
	b := chart.Bars{Title: "Known on so many rows", Unit: chart.Percent()}
	for _, m := range r.Coverage.Measures {
		known[m.Measure] = float64(m.Known)
		b.Items = append(b.Items, chart.Bar{Label: m.Title, Value: float64(m.Known), Low: math.NaN(), High: math.NaN()})
	}
	for _, a := range r.Ablation {
		t.Rows = append(t.Rows, []string{a.Title, shown(float64(a.Alone), ""), shown(float64(a.Without), ""), signed(float64(a.Gain)), shown(known[a.Measure], "%")})
	}
	c := &r.Coverage
	f := chart.Figures{Items: []chart.Figure{
		{Label: "Rows with a score", Value: shown(c.Scored.Value.Value, "%"), Note: fmt.Sprintf("n %d", c.Scored.N)},
		{Label: "Rate with a score", Value: shown(c.Rate.Value.Value, "%"), Note: fmt.Sprintf("n %d", c.Rate.N)},
		{Label: "Rate without", Value: shown(c.Unknown.Value.Value, "%"), Note: fmt.Sprintf("n %d", c.Unknown.N)},
	}}
	return chart.Section{ID: "measures", Title: "Measures and coverage", Parts: []chart.Part{f, t, b}}
}

func signed(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	return fmt.Sprintf("%+.3f", v)
}

func (w *WhatIf) section() chart.Section {
	gain := w.Gain.Value
	f := chart.Figures{Items: []chart.Figure{
		{Label: "AUC under " + w.From, Value: shown(w.Before.AUC().Value, "")},
		{Label: "AUC under " + w.To, Value: shown(w.After.AUC().Value, "")},
		{Label: "Gain", Value: signed(gain.Value), Note: fmt.Sprintf("%s to %s", signed(gain.Low), signed(gain.High))},
		{Label: "Another band", Value: shown(w.Changed.Value.Value, "%"), Note: fmt.Sprintf("of %d rows", w.Rows)},
	}}
	t := chart.Table{Title: "Triggers that would have fired", Columns: []chart.Column{{Title: "Trigger"}, {Title: "Before", Numeric: true}, {Title: "Right", Numeric: true}, {Title: "After", Numeric: true}, {Title: "Right", Numeric: true}, {Title: "Both", Numeric: true}}}
	for _, x := range w.Triggers {
		t.Rows = append(t.Rows, []string{x.Trigger, fmt.Sprint(x.Before.N), shown(x.Before.Precision.Value, "%"), fmt.Sprint(x.After.N), shown(x.After.Precision.Value, "%"), fmt.Sprint(x.Both)})
	}
	parts := []chart.Part{f, movesMap("Bands before (rows) and after (columns)", w.Moves, bands()), t}
	if len(w.Plays) > 0 {
		t := chart.Table{Title: "Plays that would have fired", Note: "Right: the outcome was decided within gap and horizon. Held back: by cooldowns, blackouts and the other guards.",
			Columns: []chart.Column{{Title: "Play"}, {Title: "Before", Numeric: true}, {Title: "Held back", Numeric: true}, {Title: "Right", Numeric: true}, {Title: "After", Numeric: true}, {Title: "Held back", Numeric: true}, {Title: "Right", Numeric: true}}}
		for _, x := range w.Plays {
			t.Rows = append(t.Rows, []string{x.Title, fmt.Sprint(x.Before.Fired), fmt.Sprint(x.Before.Suppressed), shown(x.Before.Right.Value, "%"), fmt.Sprint(x.After.Fired), fmt.Sprint(x.After.Suppressed), shown(x.After.Right.Value, "%")})
		}
		parts = append(parts, t)
	}
	parts = append(parts, bandParts(w.BandsNew, "How often it came about, by the new band")...)
	return chart.Section{ID: "what-if", Title: "What if: " + w.To, Text: "History replayed under both policies, on the same rows.", Parts: parts}
}

func (r *Report) pageFitted() chart.Section {
	b := chart.Bars{Title: "Proposed weights", Unit: chart.Number(0), Note: "Points of 100. Nothing was activated."}
	for _, w := range r.Fitted.Weights {
		b.Items = append(b.Items, chart.Bar{Label: w.Title, Value: w.Points.Value, Low: w.Points.Low, High: w.Points.High, Note: w.Finding})
	}
	return chart.Section{ID: "fitted", Title: "A fitted model", Text: capital(r.Fitted.Held.Sentence) + ". " + capital(r.Fitted.Split) + ".", Parts: []chart.Part{b}}
}

func (r *Report) pageAutopsy() chart.Section {
	s := chart.Section{ID: "autopsy", Title: "Where it was most wrong", Text: "One row for each customer, with what the score rested on."}
	for _, part := range []struct {
		title string
		list  []suspect
	}{{"Green, and it came about", r.Autopsy.FalseGreens}, {"Red, and it did not", r.Autopsy.FalseReds}} {
		t := chart.Table{Title: part.title, Columns: []chart.Column{{Title: "Customer"}, {Title: "At"}, {Title: "Score", Numeric: true}, {Title: "MRR", Numeric: true}, {Title: "Decided"}, {Title: "What weighed most"}}}
		for _, x := range part.list {
			t.Rows = append(t.Rows, []string{x.Customer, date(x.At), fmt.Sprintf("%.0f", x.Score), chart.Thousands(fmt.Sprintf("%.0f", x.MRR)), date(x.DecidedAt), x.story()})
		}
		if len(t.Rows) == 0 {
			s.Parts = append(s.Parts, chart.Note{Text: part.title + ": no such row."})
			continue
		}
		s.Parts = append(s.Parts, t)
	}
	return s
}

// story tells the contributions that weighed most, each with its reason.
func (s suspect) story() string {
	var parts []string
	for _, c := range s.top(4) {
		parts = append(parts, fmt.Sprintf("%s: %s (%.0f of %.0f points)", c.Title, c.Reason, c.Points, c.Points+c.Lost))
	}
	for _, c := range s.Caps {
		parts = append(parts, "capped: "+c)
	}
	return strings.Join(parts, "; ")
}

func (r *Report) pageInputs() chart.Section {
	s := chart.Section{ID: "inputs", Title: "What was left out"}
	c := r.Counts
	left := chart.Table{Columns: []chart.Column{{Title: "Moments"}, {Title: "Count", Numeric: true}}, Rows: [][]string{
		{"censored: observation ends before the outcome can be told", fmt.Sprint(c.Censored)},
		{"decided within the lead gap", fmt.Sprint(c.InGap)},
		{"decided before", fmt.Sprint(c.Decided)},
		{"not customers then", fmt.Sprint(c.Inactive)},
		{"customers for too short a time", fmt.Sprint(c.Young)},
	}}
	s.Parts = append(s.Parts, left)
	if len(r.Leaks) == 0 {
		s.Parts = append(s.Parts, chart.Note{Text: "No input seems to know the outcome."})
	} else {
		t := chart.Table{Title: "Inputs that know the outcome", Columns: []chart.Column{{Title: "Input"}, {Title: "Kind"}, {Title: "Why"}}}
		for _, l := range r.Leaks {
			t.Rows = append(t.Rows, []string{l.Input, l.Kind, l.Reason})
		}
		s.Parts = append(s.Parts, t)
	}
	if len(r.NotTested) > 0 {
		s.Parts = append(s.Parts, chart.Note{Text: "Without a history, so not tried: " + strings.Join(r.NotTested, ", ") + ".", Tone: chart.Fair})
	}
	return s
}
