package evidence

import (
	"fmt"
	"math"
	"strings"
)

// Autopsy lists the rows on which the card was most wrong, with what it rested on.
type Autopsy struct {
	FalseGreens []suspect `json:"false_greens"`
	FalseReds   []suspect `json:"false_reds"`
}

// Curves are what is drawn of the card.
type Curves struct {
	ROC             []Point `json:"-"`
	PrecisionRecall []Point `json:"-"`
	Gain            []Point `json:"-"`
	// Histogram counts scores by tens, of whom the outcome came about and of whom it did not.
	Histogram [10][2]int `json:"histogram"`
}

func (s *Study) curves(r *Report) {
	c := columnsOf(s.rows, s.cardRisk)
	rank := NewRanking(c.risk, c.positive)
	pos, neg := rank.totals(nil)
	if pos > 0 && neg > 0 {
		r.Curves.ROC, r.Curves.PrecisionRecall, r.Curves.Gain = rank.ROC(), rank.PrecisionRecall(), rank.Gain()
	}
	for i := range s.rows {
		if v := s.rows[i].Score; !math.IsNaN(v) {
			r.Curves.Histogram[min(9, max(0, int(v/10)))][int(outcome(s.rows[i].Label))]++
		}
	}
}

// finder gathers findings.
type finder struct {
	list []Finding
}

// add adds a figure with its bar; meets is asked only where the figure is known.
func (f *finder) add(x Figure, unit, bar string, meets func(float64) bool) {
	out := Finding{Figure: x, Unit: unit, Bar: bar}
	if meets != nil && !math.IsNaN(x.Value.Value) {
		ok := meets(x.Value.Value)
		out.Meets = &ok
	}
	f.list = append(f.list, out)
}

func atLeast(bar float64) func(float64) bool { return func(v float64) bool { return v >= bar } }
func atMost(bar float64) func(float64) bool  { return func(v float64) bool { return v <= bar } }
func (f *finder) note(text string)           { f.list[len(f.list)-1].Note = text }

// point is a figure without a range.
func point(id, title string, v float64, n int) Figure {
	nan := math.NaN()
	return Figure{id, title, Interval{v, nan, nan}, n}
}

// figures lists every figure of the card beside the bars that practitioners use. They are advice.
func (s *Study) figures(r *Report) {
	s.bandTable(r)
	s.leadTimes(r)
	s.attention(r)
	f := &finder{}
	f.add(r.Base, "%", "", nil)
	f.add(point("base.rate.mrr.v1", "base rate by MRR", float64(r.BaseMRR), r.Counts.Rows), "%", "", nil)
	s.rankFigures(r, f)
	s.forecastFigures(r, f)
	s.bandFigures(r, f)
	s.timeFigures(r, f)
	r.Figures = f.list
}

func (s *Study) rankFigures(r *Report, f *finder) {
	base := r.Base.Value.Value
	for _, x := range r.Card.Figures {
		switch {
		case x.ID == "auc.rank.v1":
			f.add(x, "", "≥ 0.70", atLeast(0.70))
			f.add(r.WithinMoments, "", "≥ 0.70", atLeast(0.70))
		case x.ID == "ap.step.v1" && base < 0.1:
			f.add(x, "", fmt.Sprintf("≥ %.2f (2.5 × base rate)", 2.5*base), atLeast(2.5*base))
		case strings.HasPrefix(x.ID, "lift.top10"):
			f.add(x, "x", "≥ 2.5", atLeast(2.5))
		case x.ID == "capture.top10.v1":
			f.add(x, "%", "≥ 40 %", atLeast(0.4))
		case x.ID == "capture.mrr.top20.v1":
			f.add(x, "%", "≥ 65 %", atLeast(0.65))
		case strings.HasPrefix(x.ID, "capture."):
			f.add(x, "%", "", nil)
		case x.ID == "ks.gap.v1":
			f.add(x, "", "≥ 0.30", atLeast(0.3))
		default:
			f.add(x, "", "", nil)
		}
	}
	a := &r.Attention
	f.add(a.Precision, "%", "≥ 25 %", atLeast(0.25))
	f.note(fmt.Sprintf("K = %d customers of each moment", a.K))
	f.add(a.Recall, "%", "≥ 40 %", atLeast(0.4))
	p, q := a.Precision.Value.Value, a.Recall.Value.Value
	f.add(point("fbeta.k.v1", "F½ among the K riskiest", FBeta(p, q, 0.5), r.Counts.Rows), "", "", nil)
}

// forecastFigures are those of probabilities, on later rows.
func (s *Study) forecastFigures(r *Report, f *finder) {
	for _, x := range r.LaterRows.Figures {
		switch x.ID {
		case "brier.v1", "calibration.ece.v1", "calibration.intercept.v1":
			f.add(x, "", "", nil)
		case "brier.skill.v1":
			f.add(x, "", "> 0, aim at 0.20", func(v float64) bool { return v > 0 })
		case "calibration.slope.v1":
			f.add(x, "", "0.8 to 1.2", func(v float64) bool { return v >= 0.8 && v <= 1.2 })
		default:
			continue
		}
		f.note("on later rows, by a curve learned from earlier ones")
	}
	expected, lost := 0.0, 0.0
	for i := range s.tried {
		if p := s.forecasts[i]; !math.IsNaN(p) {
			expected += p * s.tried[i].MRR
			lost += outcome(s.tried[i].Label) * s.tried[i].MRR
		}
	}
	if lost > 0 {
		f.add(point("forecast.mrr.v1", "MRR forecast to be affected over what was", expected/lost, len(s.tried)), "x", "0.8 to 1.2", func(v float64) bool { return v >= 0.8 && v <= 1.2 })
		f.note("later rows; a customer counts once a month")
	}
}

func (s *Study) bandFigures(r *Report, f *finder) {
	red, yellow, green := bandRow(r.Bands, bandRed).Rate.Value, bandRow(r.Bands, bandYellow).Rate.Value, bandRow(r.Bands, bandGreen).Rate.Value
	if s.o.Label.Good() {
		red, green = green, red
	}
	f.add(point("red.over.green.v1", "rate in red over rate in green", ratio(red.Value, green.Value), r.Counts.Rows), "x", "≥ 3", atLeast(3))
	monotone := math.NaN()
	if !math.IsNaN(red.Value) && !math.IsNaN(green.Value) {
		monotone = outcome(!(yellow.Value > red.Value) && !(yellow.Value < green.Value) && red.Value >= green.Value)
	}
	f.add(point("bands.monotone.v1", "rates rise from green over yellow to red (1: yes)", monotone, r.Counts.Rows), "", "1", atLeast(1))
	a := &r.Attention
	f.add(a.Green, "%", "≤ 80 %", atMost(0.8))
	f.add(a.Middle, "%", "≤ 40 %", atMost(0.4))
	f.add(a.FalseRed, "%", "", nil)
	f.add(a.FireRate, "%", "≤ 5 %", atMost(0.05))
	f.add(a.Alerts, "", "≤ 5", atMost(5))
}

func (s *Study) timeFigures(r *Report, f *finder) {
	l, a := &r.Lead, &r.Attention
	if !s.o.Label.momentless() {
		f.add(l.Median, "d", "≥ 30 (90 for large accounts)", atLeast(30))
		if !l.Daily {
			f.note("to the month: the begin of red is that of the first red row")
		}
		f.add(l.NeverRed, "%", "", nil)
		f.add(l.GreenAt, "%", "≤ 10 %", atMost(0.1))
		f.add(point("detected.60d.v1", "MRR that was red 60 days before it was lost", float64(l.Detected), l.Decisions), "%", "", nil)
	}
	f.add(a.Flips, "", "", nil)
	f.add(a.PSI, "", "< 0.10 calm, > 0.25 drift", func(v float64) bool { return v < 0.25 })
}

// warn says what makes the figures lie.
func (s *Study) warn(r *Report) {
	add := func(format string, args ...any) { r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...)) }
	if r.Counts.Positives < FewestPositives && r.Counts.Positives > 0 {
		add("directional only: %d outcomes; a stable reading needs %d", r.Counts.Positives, FewestPositives)
	}
	if auc := r.Card.AUC().Value; auc > Suspicious {
		add("an AUC of %.3f is so high that a leak is likelier than foresight: look at what is written when the outcome is already known", auc)
	}
	if r.Imported > 0 && s.o.Known == KnownImported {
		add("%.0f %% of the events were imported as history and count as known when they occurred; what was entered late or edited before the import looks better known than it was (--as-known strict takes only what Hub saw itself)", r.Imported*100)
	}
	if s.o.Known == KnownOccurred {
		add("facts count as known when they occurred, also those that were told later: figures are an upper bound")
	}
	if len(r.NotTested) > 0 {
		add("%d measures rest on fields of which only the present value is kept, and were left out: %s", len(r.NotTested), strings.Join(r.NotTested, ", "))
	}
	if s.left.Sampled {
		add("%.0f %% of the customers were looked at, drawn by hash, so that memory stays bounded", s.share*100)
	}
	if r.Counts.Unscored > 0 {
		add("%d of %d rows have no score because too little was known; the outcome came about for %.1f %% of them, against %.1f %% of the others",
			r.Counts.Unscored, r.Counts.Rows, 100*r.Coverage.Unknown.Value.Value, 100*r.Coverage.Rate.Value.Value)
	}
	if s.o.Label.kind == outcomeChurn && s.silentShare() > 0.5 {
		add("most of the exits follow from silence by the policy's own rule: how long a customer has been silent is half of the outcome already")
	}
	add("customers who were saved by acting on the score look like false alarms, and no figure here tells them apart: keep a group without plays to know")
}

// silentShare is the share of the decisions that are the stage's change itself, without a contract's end.
func (s *Study) silentShare() float64 {
	n := 0.0
	for i := range s.ends {
		if s.ends[i].decided.Equal(s.ends[i].came) {
			n++
		}
	}
	return ratioOr0(n, float64(len(s.ends)))
}
