package evidence

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"
)

// shown writes a figure for people: "–" where it is not known.
func shown(v float64, unit string) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	switch unit {
	case "%":
		return fmt.Sprintf("%.1f %%", 100*v)
	case "d":
		return fmt.Sprintf("%.0f d", v)
	case "x":
		return fmt.Sprintf("%.2f ×", v)
	}
	return fmt.Sprintf("%.3f", v)
}

// shownRange writes a figure with its range.
func shownRange(i Interval, unit string) string {
	text := shown(i.Value, unit)
	if math.IsNaN(i.Value) || math.IsNaN(i.Low) || math.IsNaN(i.High) {
		return text
	}
	return fmt.Sprintf("%s  (%s to %s)", text, shown(i.Low, unit), shown(i.High, unit))
}

// printer writes sections of aligned lines.
type printer struct {
	w   io.Writer
	tab *tabwriter.Writer
}

func (p *printer) section(title string) {
	p.flush()
	fmt.Fprintf(p.w, "\n%s\n", title)
	p.tab = tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
}

func (p *printer) row(cells ...string) { fmt.Fprintln(p.tab, "  "+strings.Join(cells, "\t")) }

func (p *printer) flush() {
	if p.tab != nil {
		// The terminal has gone where this fails: nothing can be told to it.
		_ = p.tab.Flush()
		p.tab = nil
	}
}

// WriteText prints the report, the base rate first and the warnings last.
func (r *Report) WriteText(w io.Writer) {
	p := &printer{w: w}
	fmt.Fprintf(w, "%s of %s against: %s (%s)\n", r.Score, r.Policy, r.Outcome, r.Label)
	fmt.Fprintf(w, "%d moments from %s to %s, observed until %s; %s; facts as %s\n",
		r.Moments, date(r.From), date(r.To), date(r.End), r.distance(), r.Known)
	fmt.Fprintf(w, "\n%s\n", strings.ToUpper(r.Sentence[:1])+r.Sentence[1:])
	p.section("what was looked at")
	c := r.Counts
	p.row("base rate", shownRange(r.Base.Value, "%"), fmt.Sprintf("%d of %d rows, %d customers; by MRR %s", c.Positives, c.Rows, c.Customers, shown(float64(r.BaseMRR), "%")))
	p.row("left out", fmt.Sprintf("%d censored, %d decided within the gap, %d decided before, %d not customers then, %d too young", c.Censored, c.InGap, c.Decided, c.Inactive, c.Young))
	r.writeLeaks(p)
	p.section("figures of the card, all rows")
	for _, f := range r.Figures {
		p.row(f.Title, shownRange(f.Value, f.Unit), f.verdict(), fmt.Sprintf("n %d", f.N), f.ID, f.Note)
	}
	r.writeBands(p)
	r.writeDeadlines(p)
	r.writeComparison(p)
	r.writeDetail(p)
	if r.WhatIf != nil {
		r.WhatIf.write(p)
	}
	r.writeAutopsy(p)
	p.section("mind")
	for _, t := range r.Warnings {
		p.row("- " + t)
	}
	p.flush()
}

func (f Finding) verdict() string {
	switch {
	case f.Bar == "":
		return ""
	case f.Meets == nil:
		return "bar " + f.Bar
	case *f.Meets:
		return "meets " + f.Bar
	}
	return "misses " + f.Bar
}

func (r *Report) writeLeaks(p *printer) {
	if len(r.Leaks) == 0 {
		return
	}
	p.section("inputs that know the outcome, rejected")
	for _, l := range r.Leaks {
		p.row(l.Kind, l.Input, l.Reason)
	}
}

func (r *Report) writeBands(p *printer) {
	p.section("by band")
	p.row("band", "rows", "share", "outcome", "rate", "MRR", "MRR lost")
	for _, b := range r.Bands {
		p.row(b.Band, fmt.Sprint(b.N), shown(float64(b.Share), "%"), fmt.Sprint(b.Positives), shownRange(b.Rate.Value, "%"), fmt.Sprintf("%.0f", b.MRR), fmt.Sprintf("%.0f", b.LostMRR))
	}
}

// writeComparison puts the card beside what is simpler, on the same later rows.
func (r *Report) writeComparison(p *printer) {
	p.section("beside what is simpler, on the same rows: " + r.Split)
	p.row("", "AUC", "lift of the riskiest 10 %", "verdict")
	all := append([]Figures{r.LaterRows}, r.Baselines...)
	if r.Fitted != nil {
		all = append(all, r.Fitted.Held)
	}
	for _, f := range all {
		if f.Name != "" {
			p.row(f.Name, shownRange(f.AUC(), ""), shownRange(f.Find("lift.top10.v1"), "x"), string(f.Verdict))
		}
	}
	if r.Fitted == nil {
		return
	}
	p.section("fitted model: " + r.Fitted.Held.Sentence)
	p.row(r.Fitted.Split)
	for _, w := range r.Fitted.Weights[:min(len(r.Fitted.Weights), 15)] {
		p.row(weightLine(w)...)
	}
	p.row("Weights are proposals; nothing was activated.")
}

func (r *Report) writeDetail(p *printer) {
	p.section("what each measure adds")
	p.row("measure", "AUC alone", "card without it", "gain", "known on")
	known := map[string]float64{}
	for _, m := range r.Coverage.Measures {
		known[m.Measure] = float64(m.Known)
	}
	var never []string
	for _, a := range r.Ablation {
		if known[a.Measure] == 0 {
			never = append(never, a.Title)
			continue
		}
		p.row(a.Title, shown(float64(a.Alone), ""), shown(float64(a.Without), ""), signed(float64(a.Gain)), shown(known[a.Measure], "%"))
	}
	p.flush()
	if len(never) > 0 {
		fmt.Fprintf(p.w, "  never known: %s\n", strings.Join(never, ", "))
	}
	p.section("over time")
	p.row("from", "rows", "outcome", "rate", "AUC", "red ÷ green", "PSI")
	for _, f := range r.Folds {
		p.row(date(f.From), fmt.Sprint(f.N), fmt.Sprint(f.Positives), shown(float64(f.Rate), "%"), shown(float64(f.AUC), ""), shown(float64(f.RedGreen), "x"), shown(float64(f.PSI), ""))
	}
	p.section("by segment")
	p.row("segment", "rows", "outcome", "rate", "AUC")
	for _, g := range r.Segments {
		p.row(g.Segment, fmt.Sprint(g.N), fmt.Sprint(g.Positives), shownRange(g.Rate.Value, "%"), shownRange(g.AUC.Value, ""), g.Note)
	}
	p.section("a month later")
	p.row("from", "to", "rows", "share")
	for _, m := range r.Migration {
		if m.N > 0 {
			p.row(m.From, m.To, fmt.Sprint(m.N), shown(float64(m.Share), "%"))
		}
	}
}

// textSuspects is how many rows of an autopsy the terminal shows; the page and JSON hold all.
const textSuspects = 5

func (r *Report) writeAutopsy(p *printer) {
	for _, part := range []struct {
		title string
		list  []suspect
	}{{"worst false greens", r.Autopsy.FalseGreens}, {"worst false reds", r.Autopsy.FalseReds}} {
		if len(part.list) == 0 {
			continue
		}
		p.section(fmt.Sprintf("%s (%d of %d; the page and JSON hold all)", part.title, min(textSuspects, len(part.list)), len(part.list)))
		for _, s := range part.list[:min(textSuspects, len(part.list))] {
			p.row(s.Customer, date(s.At), fmt.Sprintf("score %.0f", s.Score), s.why())
		}
	}
}

// why names what weighed most: the points of a false green, the points lost of a false red.
func (s suspect) why() string {
	var parts []string
	for _, c := range s.top(3) {
		v := "points"
		n := c.Points
		if s.Band == bandRed {
			v, n = "lost", c.Lost
		}
		parts = append(parts, fmt.Sprintf("%s %.0f %s", c.Title, n, v))
	}
	parts = append(parts, s.Caps...)
	return strings.Join(parts, "; ")
}

// weightLine is a proposed weight for people.
func weightLine(w Weight) []string {
	return []string{w.Title, fmt.Sprintf("%.0f points (%.0f to %.0f)", w.Points.Value, w.Points.Low, w.Points.High), w.Finding}
}

// date is a day in UTC, "–" where there is none.
func date(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format(time.DateOnly)
}
