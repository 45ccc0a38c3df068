package evidence

import (
	"fmt"
	"math"
	"time"

	"github.com/lifecyclehub/hub/lifecycle/chart"
)

// Page draws the report as one HTML file.
func (r *Report) Page(generated time.Time) chart.Page {
	p := chart.Page{
		Title: "Backtest of " + r.Score, Generated: generated,
		Subtitle: fmt.Sprintf("%s against “%s” (%s). %d moments from %s to %s, observed until %s; %s; facts as %s.",
			r.Policy, r.Outcome, r.Label, r.Moments, date(r.From), date(r.To), date(r.End), r.distance(), r.Known),
	}
	p.Sections = append(p.Sections, r.pageSummary(), r.pageFigures(), r.pageComparison(), r.pageCurves(), r.pageBands())
	if r.Deadlines != nil {
		p.Sections = append(p.Sections, r.pageDeadlines())
	}
	if r.Lead.Decisions > 0 {
		p.Sections = append(p.Sections, r.pageLead())
	}
	p.Sections = append(p.Sections, r.pageMigration(), r.pageTime(), r.pageMeasures())
	if r.WhatIf != nil {
		p.Sections = append(p.Sections, r.WhatIf.section())
	}
	if r.Fitted != nil {
		p.Sections = append(p.Sections, r.pageFitted())
	}
	return chart.Page{Title: p.Title, Subtitle: p.Subtitle, Generated: p.Generated, Sections: append(p.Sections, r.pageAutopsy(), r.pageInputs())}
}

func toneOf(v Verdict) chart.Tone {
	switch v {
	case Evidence:
		return chart.Good
	case Directional:
		return chart.Fair
	}
	return chart.Poor
}

func (r *Report) pageSummary() chart.Section {
	c := r.Counts
	auc := r.Card.AUC()
	items := []chart.Figure{
		{Label: "Base rate", Value: shown(r.Base.Value.Value, "%"), Note: fmt.Sprintf("%d of %d rows; %s to %s", c.Positives, c.Rows, shown(r.Base.Value.Low, "%"), shown(r.Base.Value.High, "%"))},
		{Label: "AUC of the card", Value: shown(auc.Value, ""), Note: fmt.Sprintf("%s to %s; 0.5 is chance", shown(auc.Low, ""), shown(auc.High, "")), Tone: toneOf(r.Verdict)},
		{Label: "At the same moment", Value: shown(r.WithinMoments.Value.Value, ""), Note: fmt.Sprintf("%s to %s", shown(r.WithinMoments.Value.Low, ""), shown(r.WithinMoments.Value.High, ""))},
		{Label: "Customers", Value: fmt.Sprint(c.Customers), Note: fmt.Sprintf("%d rows without a score", c.Unscored)},
	}
	s := chart.Section{ID: "summary", Title: "What was found", Parts: []chart.Part{chart.Note{Text: capital(r.Sentence) + ".", Tone: toneOf(r.Verdict)}, chart.Figures{Items: items}}}
	for _, w := range r.Warnings {
		s.Parts = append(s.Parts, chart.Note{Text: capital(w) + ".", Tone: chart.Fair})
	}
	return s
}

func (r *Report) pageFigures() chart.Section {
	t := chart.Table{Columns: []chart.Column{{Title: "Figure"}, {Title: "Value", Numeric: true}, {Title: "95 % range", Numeric: true}, {Title: "n", Numeric: true}, {Title: "Bar"}, {Title: "Definition"}}}
	for _, f := range r.Figures {
		span := ""
		if !math.IsNaN(f.Value.Low) && !math.IsNaN(f.Value.High) {
			span = shown(f.Value.Low, f.Unit) + " to " + shown(f.Value.High, f.Unit)
		}
		title := capital(f.Title)
		if f.Note != "" {
			title += " (" + f.Note + ")"
		}
		t.Rows = append(t.Rows, []string{title, shown(f.Value.Value, f.Unit), span, fmt.Sprint(f.N), f.verdict(), f.ID})
	}
	t.Note = "Bars are what practitioners use, as advice. Ranges come from drawing whole customers again and again, or from Wilson's formula for shares."
	return chart.Section{ID: "figures", Title: "Every figure", Parts: []chart.Part{t}}
}

func (r *Report) pageComparison() chart.Section {
	b := chart.Bars{Title: "AUC on the same rows", Unit: chart.Number(3), Note: "0.5 is chance."}
	all := append([]Figures{r.LaterRows}, r.Baselines...)
	if r.Fitted != nil {
		all = append(all, r.Fitted.Held)
	}
	for i, f := range all {
		if f.Name == "" {
			continue
		}
		v := f.AUC()
		tone := chart.Muted
		if i == 0 {
			tone = chart.Accent
		}
		b.Items = append(b.Items, chart.Bar{Label: capital(f.Name), Value: v.Value, Low: v.Low, High: v.High, Tone: tone})
	}
	return chart.Section{ID: "comparison", Title: "Beside what is simpler", Text: capital(r.Split) + ". A card that is no better than its best single measure, or than tenure alone, is decoration.", Parts: []chart.Part{b}}
}

// points turns a curve into points to draw.
func points(curve []Point) []chart.Point {
	out := make([]chart.Point, len(curve))
	for i, p := range curve {
		out[i] = chart.Point{X: p.X, Y: p.Y, Low: math.NaN(), High: math.NaN()}
	}
	return out
}

func (r *Report) pageCurves() chart.Section {
	share := func(label string) chart.Axis {
		return chart.Axis{Label: label, Unit: chart.Percent(), Min: chart.Value(0), Max: chart.Value(1)}
	}
	chance := []chart.Point{{X: 0, Y: 0, Low: math.NaN(), High: math.NaN()}, {X: 1, Y: 1, Low: math.NaN(), High: math.NaN()}}
	base := r.Base.Value.Value
	level := []chart.Point{{X: 0, Y: base, Low: math.NaN(), High: math.NaN()}, {X: 1, Y: base, Low: math.NaN(), High: math.NaN()}}
	line := func(title string, curve []Point, x, y string, other []chart.Point) chart.Line {
		l := chart.Line{Title: title, X: share(x), Y: share(y)}
		if len(curve) > 0 {
			l.Series = []chart.Series{{Name: "card", Tone: chart.Accent, Points: points(curve)}, {Name: "chance", Tone: chart.Muted, Points: other}}
		}
		return l
	}
	s := chart.Section{ID: "curves", Title: "How it ranks, and whether its odds are true", Parts: []chart.Part{
		line("ROC", r.Curves.ROC, "false alarms among those it did not come about for", "caught among those it did", chance),
		line("Precision and recall", r.Curves.PrecisionRecall, "caught", "right among those called", level),
		line("Gain", r.Curves.Gain, "riskiest share of rows", "outcomes caught", chance),
	}}
	if c := r.LaterRows.Calibration; c != nil {
		sc := chart.Scatter{Title: "Calibration on later rows", Diagonal: true, X: chart.Axis{Label: "forecast", Unit: chart.Percent()}, Y: chart.Axis{Label: "came about", Unit: chart.Percent()},
			Note: "Ten parts of equal size. Points on the line were forecast as often as they came about."}
		one := chart.Series{Name: "part of the rows", Tone: chart.Accent}
		for _, b := range c.Bins {
			one.Points = append(one.Points, chart.Point{X: b.Forecast, Y: b.Rate.Value, Low: b.Rate.Low, High: b.Rate.High, Label: fmt.Sprintf("n %d", b.N)})
		}
		if len(one.Points) > 0 {
			sc.Series = []chart.Series{one}
		}
		s.Parts = append(s.Parts, sc)
	}
	return s
}

func bandTone(band string) chart.Tone {
	switch band {
	case bandGreen:
		return chart.Good
	case bandYellow:
		return chart.Fair
	case bandRed:
		return chart.Poor
	}
	return chart.Unknown
}

func (r *Report) pageBands() chart.Section {
	return chart.Section{ID: "bands", Title: "By band", Parts: append(bandParts(r.Bands, "How often it came about, by band"), r.histogram())}
}

func bandParts(rows []BandRow, title string) []chart.Part {
	b := chart.Bars{Title: title, Unit: chart.Percent()}
	t := chart.Table{Columns: []chart.Column{{Title: "Band"}, {Title: "Rows", Numeric: true}, {Title: "Share", Numeric: true}, {Title: "Outcome", Numeric: true}, {Title: "Rate", Numeric: true}, {Title: "MRR", Numeric: true}, {Title: "MRR lost", Numeric: true}}}
	for _, x := range rows {
		v := x.Rate.Value
		b.Items = append(b.Items, chart.Bar{Label: x.Band, Value: v.Value, Low: v.Low, High: v.High, Tone: bandTone(x.Band), Note: fmt.Sprintf("n %d", x.N)})
		t.Rows = append(t.Rows, []string{x.Band, fmt.Sprint(x.N), shown(float64(x.Share), "%"), fmt.Sprint(x.Positives), shown(v.Value, "%"), chart.Thousands(fmt.Sprintf("%.0f", x.MRR)), chart.Thousands(fmt.Sprintf("%.0f", x.LostMRR))})
	}
	t.Note = "A customer counts once for each moment; so does its MRR."
	return []chart.Part{b, t}
}

func (r *Report) histogram() chart.Part {
	s := chart.Stacked{Title: "Scores", Unit: chart.Number(0), Series: []chart.StackedSeries{{Name: "did not come about", Tone: chart.Muted}, {Name: "came about", Tone: chart.Poor}}}
	for i, n := range r.Curves.Histogram {
		s.Columns = append(s.Columns, fmt.Sprintf("%d–%d", i*10, i*10+10))
		s.Series[0].Values = append(s.Series[0].Values, float64(n[0]))
		s.Series[1].Values = append(s.Series[1].Values, float64(n[1]))
	}
	return s
}

func (r *Report) pageLead() chart.Section {
	l := &r.Lead
	b := chart.Bars{Title: "Days from red to the decision", Unit: chart.Number(0)}
	for _, x := range l.Histogram {
		label := fmt.Sprintf("%d to %d days", x.From, x.To)
		if x.To == 0 {
			label = fmt.Sprintf("%d days and more", x.From)
		}
		b.Items = append(b.Items, chart.Bar{Label: label, Value: float64(x.N), Low: math.NaN(), High: math.NaN()})
	}
	f := chart.Figures{Items: []chart.Figure{
		{Label: "Median lead", Value: shown(l.Median.Value.Value, "d"), Note: fmt.Sprintf("middle half %s to %s; n %d", shown(float64(l.Q1), "d"), shown(float64(l.Q3), "d"), l.Median.N)},
		{Label: "Never red", Value: shown(l.NeverRed.Value.Value, "%"), Note: fmt.Sprintf("of %d decisions", l.Decisions)},
		{Label: "Green the day before", Value: shown(l.GreenAt.Value.Value, "%"), Note: fmt.Sprintf("n %d", l.GreenAt.N)},
		{Label: "MRR red 60 days before", Value: shown(float64(l.Detected), "%"), Note: fmt.Sprintf("%.0f of %.0f lost", l.DetectedMRR, l.LostMRR)},
	}}
	return chart.Section{ID: "lead", Title: "How early it was red", Parts: []chart.Part{f, b}}
}

func (r *Report) pageMigration() chart.Section {
	return chart.Section{ID: "migration", Title: "A month later", Text: "Of all that were in a band, how many were in which band at the next moment, or came to the outcome before it.",
		Parts: []chart.Part{movesMap("From one month to the next", r.Migration, append(bands(), bandLeft))}}
}

func movesMap(title string, moves []Move, to []string) chart.Part {
	h := chart.Heatmap{Title: title, Unit: chart.Percent(), Columns: to}
	at := map[[2]string]float64{}
	for _, m := range moves {
		at[[2]string{m.From, m.To}] = float64(m.Share)
	}
	for _, from := range bands() {
		row, any := make([]float64, len(to)), false
		for c, name := range to {
			v, ok := at[[2]string{from, name}]
			row[c], any = v, any || ok
		}
		if any {
			h.Rows, h.Values = append(h.Rows, from), append(h.Values, row)
		}
	}
	return h
}
