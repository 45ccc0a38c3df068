package evidence

import (
	"fmt"
	"math"
	"slices"
)

const (
	// nearSure and nearGone are the AUC on the day before the decision from which on, and the AUC at the gap below which, an
	// input is taken to come with the decision rather than before it.
	nearSure = 0.90
	nearGone = 0.60
	// tooSure is the AUC of a single input from which on it is taken to know the outcome.
	tooSure = 0.97
	// nearSupport is how many decisions these need.
	nearSupport = 15
)

// nearLeaks names inputs that know the outcome on the day before the decision but not at the lead gap, and inputs that are
// sure of it all the time. They are left out of what is fitted and of the baselines, and out of the card's score.
func (s *Study) nearLeaks(r *Report, p Panel) {
	s.muted = map[int]bool{}
	y := make([]bool, len(s.rows))
	for i := range s.rows {
		y[i] = s.rows[i].Label
	}
	for j, f := range p.Features {
		if f.Group == GroupWorth {
			continue
		}
		at := sided(AUC(s.column(j), y))
		near := sided(s.nearAUC(j))
		switch {
		case at >= tooSure && r.Counts.Positives >= nearSupport:
			s.mute(r, j, fmt.Sprintf("it alone ranks the outcome almost without fault (AUC %.3f): it knows it rather than foretells it", at))
		case near >= nearSure && at < nearGone && len(s.ends) >= nearSupport:
			s.mute(r, j, fmt.Sprintf("on the day before the decision it knows the outcome (AUC %.2f), %d days before it does not (%.2f): it comes with the decision", near, s.o.Gap, at))
		}
	}
	if len(s.muted) > 0 {
		s.rescore()
	}
}

func (s *Study) mute(r *Report, j int, why string) {
	f := s.schema.features[j]
	kind := "measure"
	if f.Group == GroupBasic {
		kind = "figure of the timeline"
	}
	r.Leaks = append(r.Leaks, Reject{Input: f.Key, Kind: kind, Reason: why, Excluded: true})
	s.muted[j] = true
	for _, m := range s.schema.measures {
		if m.value == j {
			s.muted[m.worth] = true
		}
	}
}

// sided is how well a ranking tells two classes apart, whichever way round.
func sided(auc float64) float64 {
	if math.IsNaN(auc) {
		return 0.5
	}
	return max(auc, 1-auc)
}

func (s *Study) column(j int) []float64 {
	out := make([]float64, len(s.rows))
	for i := range s.rows {
		out[i] = s.rows[i].X[j]
	}
	return out
}

// nearAUC compares what was known on the day before decisions with what was known on such days of customers without one.
func (s *Study) nearAUC(j int) float64 {
	if len(s.controls) < nearSupport {
		return math.NaN()
	}
	v, y := make([]float64, 0, len(s.ends)+len(s.controls)), make([]bool, 0, len(s.ends)+len(s.controls))
	for i := range s.ends {
		v, y = append(v, s.ends[i].x[j]), append(y, true)
	}
	for _, x := range s.controls {
		v, y = append(v, x[j]), append(y, false)
	}
	return AUC(v, y)
}

// rescore works the scores out again without the measures that were muted, their weight going to the others.
func (s *Study) rescore() {
	for i := range s.rows {
		r := &s.rows[i]
		touched := false
		for k, m := range s.schema.measures {
			touched = touched || s.muted[m.worth] && r.weights[k] > 0 && m.card == s.o.Score
		}
		if touched {
			r.Score = s.without(r, func(m measureColumns) bool { return s.muted[m.worth] })
		}
	}
}

// without is the score of a row when some measures do not count and the others share their weight; NaN where none is left.
func (s *Study) without(r *sample, out func(measureColumns) bool) float64 {
	sum, weight := 0.0, 0.0
	for k, m := range s.schema.measures {
		w := float64(r.weights[k])
		if m.card != s.o.Score || w == 0 || out(m) || math.IsNaN(r.X[m.worth]) {
			continue
		}
		sum += w * r.X[m.worth]
		weight += w
	}
	if math.IsNaN(r.Score) {
		return r.Score
	}
	return ratio(sum, weight)
}

// clean is the panel without what was muted.
func (s *Study) clean(p Panel) Panel {
	var keep []int
	out := Panel{Rows: make([]Row, len(p.Rows)), Censored: p.Censored, Notes: p.Notes}
	for j, f := range p.Features {
		if !s.muted[j] {
			keep = append(keep, j)
			out.Features = append(out.Features, f)
		}
	}
	copy(out.Rows, p.Rows)
	if len(keep) == len(p.Features) {
		return out
	}
	for i := range out.Rows {
		x := make([]float64, len(keep))
		for k, j := range keep {
			x[k] = p.Rows[i].X[j]
		}
		out.Rows[i].X = x
	}
	return out
}

// protocol tries the card and what is simpler than it on later rows that were settled for nobody who learned from them.
func (s *Study) protocol(r *Report, p Panel) {
	r.Card = s.measured("card", s.rows, nil, s.cardRisk)
	r.WithinMoments = s.withinMoments()
	r.Base = r.Card.Base
	lost, all := 0.0, 0.0
	for i := range s.rows {
		all += s.rows[i].MRR
		if s.rows[i].Label {
			lost += s.rows[i].MRR
		}
	}
	r.BaseMRR = Number(ratio(lost, all))
	if len(s.rows) == 0 {
		r.Split = "there are no rows to try anything on"
		return
	}
	c := s.clean(p)
	rows := c.all()
	folds := walkForward(c, rows, s.embargo(), []float64{0.7})
	if folds == nil {
		r.Split = "the rows do not reach far enough to learn from earlier ones and try on later ones; baselines were tried on other customers"
		if !enough(c, rows, 5) {
			r.Split = "there are too few outcomes to try anything that learns"
			return
		}
		folds = groupedFolds(c, rows, 5, s.o.Seed)
	} else {
		s.later = folds[0]
		at := c.Rows[folds[0].test[0]].At
		r.Split = fmt.Sprintf("learned from %d rows settled before %s, tried on %d later ones", len(folds[0].train), at.Format("2006-01-02"), len(folds[0].test))
	}
	t := newTrials(c, s.tenureIn(c), s.fitOptions())
	for _, b := range []*candidate{t.card, t.single, t.age, t.chance, t.same} {
		b.begin()
	}
	for _, f := range folds {
		t.simpler(f)
	}
	r.Baselines = slices.DeleteFunc(t.baselines(c, s.o.Seed, widening(folds)), func(f Figures) bool { return f.Name == "hand-made card" })
	if name, _ := t.favourite(); name != "" {
		for i := range r.Baselines {
			if r.Baselines[i].Name == "best single measure" {
				r.Baselines[i].Name += ": " + name
			}
		}
	}
	s.laterCard(r, folds)
}

// laterCard tries the card, with forecasts learned from earlier rows, and its previous version on the later rows.
func (s *Study) laterCard(r *Report, folds []split) {
	risk, y := make([]float64, len(s.rows)), make([]bool, len(s.rows))
	for i := range s.rows {
		risk[i], y[i] = s.cardRisk(&s.rows[i]), s.rows[i].Label
	}
	p := unknown(len(s.rows))
	var tried []int
	for _, f := range folds {
		var tr []float64
		var ty []bool
		for _, i := range f.train {
			tr, ty = append(tr, risk[i]), append(ty, y[i])
		}
		forecast := Calibrate(tr, ty)
		for _, i := range f.test {
			p[i] = forecast(risk[i])
		}
		tried = append(tried, f.test...)
	}
	slices.Sort(tried)
	rows, ps := make([]sample, len(tried)), make([]float64, len(tried))
	for k, i := range tried {
		rows[k], ps[k] = s.rows[i], p[i]
	}
	s.tried, s.forecasts = rows, ps
	r.LaterRows = s.measured("card", rows, ps, s.cardRisk)
	if s.o.Previous != nil {
		r.Baselines = append(r.Baselines, s.measured("previous version, "+s.o.Previous.Name(), rows, nil, func(m *sample) float64 { return s.risk(m.previous) }))
	}
}

func (s *Study) tenureIn(p Panel) int {
	return slices.IndexFunc(p.Features, func(f Feature) bool { return f.Key == "tenure_days" })
}

// fit tries a fitted model beside the card. Where that is not possible the report says why.
func (s *Study) fit(r *Report, p Panel) {
	if len(s.rows) == 0 {
		return
	}
	c := s.clean(p)
	v, err := Validate(c, s.tenureIn(c), s.fitOptions())
	if err != nil {
		r.Warnings = append(r.Warnings, "no model could be fitted: "+err.Error())
		return
	}
	r.Fitted = &Fitted{Validation: v}
	if v.Model != nil {
		r.Fitted.Weights, r.Fitted.Notes = v.Model.Weights, v.Model.Notes
	}
}
