package evidence

import (
	"fmt"
	"math"
	"time"
)

// Report is what a backtest found. Every number names the definition that it follows.
type Report struct {
	ID     string `json:"definition"`
	Policy string `json:"policy"`
	Score  string `json:"score"`
	Label  string `json:"label"`
	// Outcome says in words what the label is.
	Outcome string    `json:"outcome"`
	Horizon int       `json:"horizon_days"`
	Gap     int       `json:"gap_days"`
	Tenure  int       `json:"min_tenure_days"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	End     time.Time `json:"observed_until"`
	Moments int       `json:"moments"`
	Known   Knowledge `json:"as_known"`
	// Imported and Late are shares of the events: those that came as history, and those recorded over a day late.
	Imported float64 `json:"imported_share"`
	Late     float64 `json:"late_share"`
	Counts   Counts  `json:"counts"`

	Verdict  Verdict `json:"verdict"`
	Sentence string  `json:"sentence"`
	// Base are the base rates, by customers and by recurring revenue.
	Base    Figure `json:"base_rate"`
	BaseMRR Number `json:"base_rate_mrr"`
	// Card are the card's figures on all rows, WithinMoments its AUC when customers are compared at the same moment only.
	Card          Figures `json:"card"`
	WithinMoments Figure  `json:"auc_within_moments"`
	// LaterRows are the card's figures on the later rows, the same on which Baselines and Fitted are tried.
	LaterRows Figures   `json:"card_later_rows"`
	Split     string    `json:"split"`
	Baselines []Figures `json:"baselines"`
	Fitted    *Fitted   `json:"fitted,omitempty"`

	Leaks []Reject `json:"rejected_inputs"`
	// NotTested lists measures and metrics that rest on fields without a history.
	NotTested []string  `json:"not_backtestable"`
	Figures   []Finding `json:"figures"`
	Bands     []BandRow `json:"bands"`
	Lead      Lead      `json:"lead_time"`
	Attention Attention `json:"attention"`
	Migration []Move    `json:"migration"`
	Segments  []Segment `json:"segments"`
	Ablation  []Ablated `json:"ablation"`
	Coverage  Coverage  `json:"coverage"`
	Folds     []Fold    `json:"folds"`
	Autopsy   Autopsy   `json:"autopsy"`
	Curves    Curves    `json:"curves"`
	// Deadlines are the figures by how long before the deadline customers were looked at, nil where it was month by month.
	Deadlines *Deadlines `json:"deadlines,omitempty"`
	WhatIf    *WhatIf    `json:"what_if,omitempty"`
	Warnings  []string   `json:"warnings"`
}

// Finding is a figure with the bar that practitioners hold it to, as advice.
type Finding struct {
	Figure
	// Unit is "", "%", "d" or "x".
	Unit string `json:"unit,omitempty"`
	// Bar says what is expected, Meets whether it is so; nil where it cannot be told.
	Bar   string `json:"bar,omitempty"`
	Meets *bool  `json:"meets_bar,omitempty"`
	Note  string `json:"note,omitempty"`
}

// Fitted is a model that was fitted on the study's rows. It is only ever proposed.
type Fitted struct {
	*Validation
	Weights []Weight `json:"proposed_weights"`
	Notes   []string `json:"model_notes,omitempty"`
}

// Run works a study out. With fit a model is fitted beside the card.
func (s *Study) Run(fit bool) (*Report, error) {
	s.sort()
	p := s.Panel()
	r := &Report{
		ID: "backtest.v1", Policy: s.o.Policy.Name(), Score: s.o.Score, Label: s.o.Label.Text, Outcome: s.o.Label.Title,
		Horizon: s.o.Horizon, Gap: s.o.Gap, Tenure: s.o.MinTenure, End: s.o.End, Moments: len(s.moments), Known: s.o.Known,
		Imported: ratioOr0(float64(s.survey.Imported), float64(s.survey.Events)), Late: ratioOr0(float64(s.survey.Late), float64(s.survey.Events)),
		Counts: s.left, Leaks: s.leaks, NotTested: s.survey.Unkept(),
	}
	if len(s.rows) > 0 {
		r.From, r.To = s.rows[0].At, s.rows[len(s.rows)-1].At
	}
	s.nearLeaks(r, p)
	s.protocol(r, p)
	if fit {
		s.fit(r, p)
	}
	s.figures(r)
	s.migration(r)
	s.segments(r)
	s.ablate(r)
	s.coverage(r)
	s.folds(r)
	r.Autopsy = Autopsy{FalseGreens: nonNil(s.greens.list), FalseReds: nonNil(s.reds.list)}
	s.curves(r)
	s.judge(r)
	s.deadlines(r)
	s.warn(r)
	return r, nil
}

func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func ratioOr0(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// Good says that the outcome is good for the customer.
func (l *Label) Good() bool {
	return l.kind == outcomeExpansion || l.kind == outcomeEnter || l.kind == outcomeAdvance
}

// risk is how likely the outcome is by a score: the lower the likelier, or the higher where the outcome is good.
func (s *Study) risk(score float64) float64 {
	if s.o.Label.Good() {
		return score
	}
	return 100 - score
}

func (s *Study) embargo() time.Duration {
	return time.Duration(s.o.reach()) * 24 * time.Hour
}

func (s *Study) fitOptions() FitOptions {
	return FitOptions{Embargo: s.embargo(), Good: s.o.Label.Good(), Seed: s.o.Seed}
}

// columns are the parts of rows that figures ask for.
type columns struct {
	risk, mrr []float64
	positive  []bool
	customer  []string
	worth     bool
}

// columnsOf gathers rows by the risk that of gives.
func columnsOf(rows []sample, of func(*sample) float64) columns {
	var c columns
	for i := range rows {
		r := &rows[i]
		c.risk, c.mrr = append(c.risk, of(r)), append(c.mrr, r.MRR)
		c.positive, c.customer = append(c.positive, r.Label), append(c.customer, r.Customer)
		c.worth = c.worth || r.MRR != 0
	}
	return c
}

// measured are the figures of a way to rank rows.
func (s *Study) measured(name string, rows []sample, p []float64, of func(*sample) float64) Figures {
	c := columnsOf(rows, of)
	t := Trial{Name: name, Risk: [][]float64{c.risk}, P: p, Positive: c.positive, Customer: c.customer, Seed: s.o.Seed}
	if c.worth {
		t.MRR = c.mrr
	}
	return Measure(t)
}

func (s *Study) cardRisk(r *sample) float64 { return s.risk(r.Score) }

// judge sums up. A ranking without an outcome to rank is no evidence either way, and says why.
func (s *Study) judge(r *Report) {
	r.Verdict, r.Sentence = r.Card.Verdict, r.Card.Sentence
	switch {
	case r.Counts.Rows == 0:
		r.Verdict, r.Sentence = NoEvidence, "no evidence: there is no moment at which the question arises and whose outcome is known"
	case r.Counts.Positives == 0:
		r.Verdict, r.Sentence = NoEvidence, fmt.Sprintf("no evidence: of %d rows, none came to the outcome (%s)", r.Counts.Rows, r.Outcome)
	case r.Counts.Unscored == r.Counts.Rows:
		r.Verdict, r.Sentence = NoEvidence, fmt.Sprintf("no evidence: too little was ever known for a score of %s", r.Score)
	case r.Verdict == Evidence && r.WithinMoments.Value.Low <= 0.5:
		r.Verdict = NoEvidence
		r.Sentence = fmt.Sprintf("no evidence: at one and the same moment the card does not tell customers apart (AUC %.3f, between %.3f and %.3f); what it follows is time",
			r.WithinMoments.Value.Value, r.WithinMoments.Value.Low, r.WithinMoments.Value.High)
	}
}

// withinMoments is the chance that of two customers looked at on the same day the one of whom the outcome came about has
// the higher risk. It is blind to what moves all customers at once.
func (s *Study) withinMoments() Figure {
	c := columnsOf(s.rows, s.cardRisk)
	byMoment := map[int][]int{}
	for i := range s.rows {
		byMoment[s.rows[i].moment] = append(byMoment[s.rows[i].moment], i)
	}
	type stratum struct {
		rows []int
		rank *Ranking
	}
	var strata []stratum
	for m := range s.moments {
		rows := byMoment[m]
		if len(rows) == 0 {
			continue
		}
		risk, pos := make([]float64, len(rows)), make([]bool, len(rows))
		for k, i := range rows {
			risk[k], pos[k] = c.risk[i], c.positive[i]
		}
		strata = append(strata, stratum{rows, NewRanking(risk, pos)})
	}
	n := 0
	for _, v := range c.risk {
		if !math.IsNaN(v) {
			n++
		}
	}
	value := ClusterBootstrap(c.customer, func(weight []float64) float64 {
		sum, pairs := 0.0, 0.0
		for _, st := range strata {
			var w []float64
			if weight != nil {
				w = make([]float64, len(st.rows))
				for k, i := range st.rows {
					w[k] = weight[i]
				}
			}
			pos, neg := st.rank.totals(w)
			if auc := st.rank.AUC(w); !math.IsNaN(auc) {
				sum += auc * pos * neg
				pairs += pos * neg
			}
		}
		return ratio(sum, pairs)
	}, Boot{Seed: s.o.Seed, Replicates: replicates(len(s.rows))})
	return Figure{ID: "auc.within.v1", Title: "AUC among customers of the same moment", Value: value, N: n}
}
