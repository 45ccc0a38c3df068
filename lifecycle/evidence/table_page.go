package evidence

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/lifecyclehub/hub/lifecycle/chart"
)

// Page draws the report as one HTML file.
func (r *TableReport) Page(generated time.Time) chart.Page {
	p := chart.Page{Title: fmt.Sprintf("What tells %s = %s", r.Label, r.Value), Generated: generated,
		Subtitle: fmt.Sprintf("%d rows of %d customers; the base rate is %.1f %%.", r.Used, r.Customers, 100*r.Base.Value.Value)}
	p.Sections = append(p.Sections, r.pageSummary())
	if r.Card != nil {
		p.Sections = append(p.Sections, pageTrial("The table's score", *r.Card))
	}
	if r.Fit != nil {
		s := pageTrial("The fitted model", r.Fit.Held)
		s.Text = capital(r.Fit.Split) + ". " + capital(r.Model) + "."
		s.Parts = append(s.Parts, r.pageSimpler())
		p.Sections = append(p.Sections, s)
		if r.Fit.Held.Verdict != NoEvidence {
			p.Sections = append(p.Sections, r.pageWeights())
		}
	}
	p.Sections = append(p.Sections, r.pageColumns())
	return p
}

// readable is a figure as text, with its unit.
func readable(v float64, share bool) string {
	switch {
	case math.IsNaN(v):
		return "not known"
	case share:
		return fmt.Sprintf("%.1f %%", 100*v)
	}
	return fmt.Sprintf("%.3f", v)
}

func (r *TableReport) pageSummary() chart.Section {
	b := r.Base.Value
	items := []chart.Figure{{Label: "Base rate", Value: readable(b.Value, true), Note: fmt.Sprintf("%s to %s of %d rows, %s", readable(b.Low, true), readable(b.High, true), r.Base.N, r.Base.ID)}}
	add := func(label string, f Figures) {
		auc := f.AUC()
		items = append(items, chart.Figure{Label: label, Value: readable(auc.Value, false), Tone: toneOf(f.Verdict),
			Note: fmt.Sprintf("%s to %s, n %d, auc.rank.v1", readable(auc.Low, false), readable(auc.High, false), f.N)})
	}
	if r.Card != nil {
		add("AUC of the score", *r.Card)
	}
	if r.Fit != nil {
		add("AUC of the fitted model", r.Fit.Held)
	}
	s := chart.Section{ID: "summary", Title: "Summary", Parts: []chart.Part{chart.Figures{Items: items}}}
	for _, w := range r.Warnings {
		s.Parts = append(s.Parts, chart.Note{Text: capital(w) + ".", Tone: chart.Fair})
	}
	for _, n := range r.Notes {
		s.Parts = append(s.Parts, chart.Note{Text: capital(n) + "."})
	}
	return s
}

// pageTrial draws the figures and curves of a trial.
func pageTrial(title string, f Figures) chart.Section {
	t := chart.Table{Columns: []chart.Column{{Title: "Figure"}, {Title: "Value", Numeric: true}, {Title: "95 %", Numeric: true}, {Title: "n", Numeric: true}, {Title: "Definition"}}}
	for _, x := range f.Figures {
		between := ""
		if !math.IsNaN(x.Value.Low) {
			between = fmt.Sprintf("%.3f to %.3f", x.Value.Low, x.Value.High)
		}
		t.Rows = append(t.Rows, []string{x.Title, readable(x.Value.Value, false), between, fmt.Sprint(x.N), x.ID})
	}
	s := chart.Section{Title: title, Parts: []chart.Part{chart.Note{Text: capital(f.Sentence) + ".", Tone: toneOf(f.Verdict)}, t}}
	share := func(label string) chart.Axis {
		return chart.Axis{Label: label, Unit: chart.Percent(), Min: chart.Value(0), Max: chart.Value(1)}
	}
	chance := chart.Series{Name: "chance", Tone: chart.Muted, Points: []chart.Point{{X: 0, Y: 0}, {X: 1, Y: 1}}}
	s.Parts = append(s.Parts,
		chart.Line{Title: "ROC", X: share("false alarms among those who stayed"), Y: share("found among the positives"), Series: []chart.Series{{Name: f.Name, Points: thinned(f.ROC)}, chance}},
		chart.Line{Title: "Gain", X: share("the riskiest rows"), Y: share("share of the positives among them"), Series: []chart.Series{{Name: f.Name, Points: thinned(f.Gain)}, chance}})
	if f.Calibration != nil {
		c := chart.Scatter{Title: "Calibration", X: share("forecast"), Y: share("came"), Diagonal: true}
		var points []chart.Point
		for _, b := range f.Calibration.Bins {
			points = append(points, chart.Point{X: b.Forecast, Y: b.Rate.Value, Low: b.Rate.Low, High: b.Rate.High, Label: fmt.Sprintf("n %d", b.N)})
		}
		c.Series = []chart.Series{{Name: "bins of like size", Points: points}}
		s.Parts = append(s.Parts, c)
	}
	return s
}

// thinned holds a curve to 200 points.
func thinned(points []Point) []chart.Point {
	const most = 200
	var out []chart.Point
	for i, p := range points {
		if len(points) <= most || i%(len(points)/most+1) == 0 || i == len(points)-1 {
			out = append(out, chart.Point{X: p.X, Y: p.Y})
		}
	}
	return out
}

func (r *TableReport) pageSimpler() chart.Part {
	b := chart.Bars{Title: "AUC beside what is simpler", Unit: chart.Number(3), Note: "0.5 is chance"}
	rows := append([]Figures{r.Fit.Held}, r.Fit.Baselines...)
	if r.Fit.HeldOut != nil {
		rows = append(rows, *r.Fit.HeldOut)
	}
	if r.WithoutSuspected != nil {
		rows = append(rows, *r.WithoutSuspected)
	}
	for _, f := range rows {
		auc := f.AUC()
		b.Items = append(b.Items, chart.Bar{Label: f.Name, Value: auc.Value, Low: auc.Low, High: auc.High, Tone: toneOf(f.Verdict), Note: string(f.Verdict)})
	}
	return b
}

func (r *TableReport) pageWeights() chart.Section {
	b := chart.Bars{Title: "Points of 100", Unit: chart.Number(1)}
	for _, w := range r.Weights[:min(30, len(r.Weights))] {
		b.Items = append(b.Items, chart.Bar{Label: w.Title, Value: w.Points.Value, Low: w.Points.Low, High: w.Points.High})
	}
	t := chart.Table{Title: "What each level does", Folded: true, Columns: []chart.Column{{Title: "Measure"}, {Title: "Level"}, {Title: "Log odds against the average", Numeric: true}}}
	for _, w := range r.Weights {
		for _, l := range w.Levels {
			t.Rows = append(t.Rows, []string{w.Title, l.Level, fmt.Sprintf("%+.2f", l.LogOdds)})
		}
	}
	s := chart.Section{ID: "weights", Title: "Proposed weights", Text: "What each measure is worth of 100 points, by how much of the spread of risk between customers comes from it. Nothing is changed by this.", Parts: []chart.Part{b}}
	if len(t.Rows) > 0 {
		s.Parts = append(s.Parts, t)
	}
	return s
}

func (r *TableReport) pageColumns() chart.Section {
	used := chart.Table{Title: "Used", Columns: []chart.Column{{Title: "Column"}, {Title: "Kind"}, {Title: "Known", Numeric: true}, {Title: "Values", Numeric: true}, {Title: "AUC alone", Numeric: true}}}
	for _, c := range slices.SortedStableFunc(slices.Values(r.Columns), func(a, b ColumnReport) int { return cmp.Compare(b.AUC, a.AUC) }) {
		used.Rows = append(used.Rows, []string{c.Name, c.Kind, readable(float64(c.Known), true), fmt.Sprint(c.Distinct), readable(float64(c.AUC), false)})
	}
	out := chart.Table{Title: "Not used", Columns: []chart.Column{{Title: "Column"}, {Title: "Code"}, {Title: "Why"}}}
	for _, e := range r.Excluded {
		out.Rows = append(out.Rows, []string{e.Column, e.Code, e.Reason})
	}
	return chart.Section{ID: "columns", Title: "Columns", Parts: []chart.Part{out, used}}
}
