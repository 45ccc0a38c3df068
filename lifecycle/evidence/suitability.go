package evidence

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/lifecycle"
)

// Suitability says of every measure whether it belongs into a card: does it tell those apart of whom the outcome came
// about, as its curve says, and early enough?
type Suitability struct {
	ID      string    `json:"definition"`
	Policy  string    `json:"policy"`
	Label   string    `json:"label"`
	Outcome string    `json:"outcome"`
	Counts  Counts    `json:"counts"`
	Base    Figure    `json:"base_rate"`
	Segment string    `json:"segment,omitempty"`
	Suits   []Suiting `json:"measures"`
	Leaks   []Reject  `json:"rejected_inputs"`
	// Warnings are the linter's on measures of the card that say the same.
	Warnings []lifecycle.Warning `json:"warnings,omitempty"`
}

// The verdicts on a measure.
const (
	SuitKeep  = "keep"
	SuitTrial = "trial"
	SuitDrop  = "drop"
)

// Suiting is what speaks for and against one measure.
type Suiting struct {
	Key   string `json:"measure"`
	Title string `json:"title"`
	Group string `json:"group"`
	// Coverage is the share of rows on which it is known; N1 and N0 count those of whom the outcome came about and not.
	Coverage Number `json:"coverage"`
	N1       int    `json:"n_outcome"`
	N0       int    `json:"n_other"`
	// Median1 and Median0 are the medians of both.
	Median1 Number `json:"median_outcome"`
	Median0 Number `json:"median_other"`
	// AUC ranks by the raw value in the direction in which it tells the outcome; Rises says that more means likelier.
	AUC   Figure `json:"auc"`
	Rises bool   `json:"rises"`
	// P is Mann and Whitney's, by the means of customers so that nobody counts twice; Q is it after Benjamini and Hochberg.
	P Number `json:"p"`
	Q Number `json:"q"`
	// Declared is the direction that the card gives the measure: 1 more is good, -1 less is, 0 the best lies in the middle,
	// and the AUC then ranks by what the curve makes of it. Agrees says whether history goes the same way.
	Declared int   `json:"declared_direction"`
	Agrees   *bool `json:"direction_agrees,omitempty"`
	// Lead is how many days ahead it still tells, 0 where it does not.
	Lead int `json:"lead_days"`
	// Rho is its largest rank correlation with another measure, With whose that is.
	Rho  Number `json:"max_correlation"`
	With string `json:"correlates_with,omitempty"`
	// Gain is what it adds to the card's AUC, LiftGain to the lift of the riskiest tenth.
	Gain     Number `json:"auc_gain"`
	LiftGain Number `json:"lift_gain"`
	// Influenceable says that somebody could do something about it, Play names the play that answers it, "" for none, Leading
	// that it is declared to move before the outcome does, and Hypothesis why it is thought to tell. A metric that stands in
	// no card has none of them.
	Influenceable *bool  `json:"influenceable,omitempty"`
	Play          string `json:"play,omitempty"`
	Leading       bool   `json:"leading,omitempty"`
	Hypothesis    string `json:"hypothesis,omitempty"`
	// Weight is its share of the card, 0 to 1.
	Weight  float64 `json:"weight,omitempty"`
	Verdict string  `json:"verdict"`
	Reason  string  `json:"reason"`
	// told says that the cards agree on a direction, middled that its best lies in the middle, alarming that a card which is
	// no forecast rests on it.
	told, middled, alarming bool
}

// Suitability judges every measure of every card, and the policy's metrics.
func (s *Study) Suitability() *Suitability {
	return s.suitability(&Report{Counts: s.left, Leaks: s.leaks})
}

// Drivers judges the measures stage by stage: what moves customers on, or out, from where they are.
func (s *Study) Drivers() []*Suitability {
	s.sort()
	var stages []string
	for _, st := range s.o.Policy.Stages() {
		stages = append(stages, st.Key)
	}
	whole := s.rows
	defer func() { s.rows = whole }()
	out := []*Suitability{}
	for _, stage := range stages {
		s.rows = slices.DeleteFunc(slices.Clone(whole), func(m sample) bool { return m.Segment != stage })
		hits := 0
		for i := range s.rows {
			hits += int(outcome(s.rows[i].Label))
		}
		if len(s.rows) < fewestRows || hits < fewestEvents || len(s.rows)-hits < fewestEvents {
			continue
		}
		one := s.suitability(&Report{Counts: s.left, Leaks: s.leaks})
		one.Segment = stage
		one.Counts = Counts{Customers: one.Counts.Customers, Rows: len(s.rows), Positives: hits}
		out = append(out, one)
	}
	return out
}

func (s *Study) suitability(r *Report) *Suitability {
	s.sort()
	p := s.Panel()
	s.nearLeaks(r, p)
	c := columnsOf(s.rows, s.cardRisk)
	s.ablate(r)
	out := &Suitability{ID: "suitability.v1", Policy: s.o.Policy.Name(), Label: s.o.Label.Text, Outcome: s.o.Label.Title, Counts: r.Counts, Base: BaseRate(c.positive), Leaks: nonNil(r.Leaks)}
	var at []int
	for j, f := range s.schema.features {
		if f.Group != GroupMeasure && f.Group != GroupMetric || s.muted[j] {
			continue
		}
		one := s.suiting(j, c)
		for _, a := range r.Ablation {
			if f.Key == measureKey(s.o.Score, a.Measure) {
				one.Gain, one.LiftGain = a.Gain, a.LiftGain
			}
		}
		out.Suits, at = append(out.Suits, one), append(at, j)
	}
	s.correlate(out.Suits, at)
	out.Warnings = lifecycle.LintCorrelation(s.o.Policy, s.alike(out.Suits))
	ps := make([]float64, len(out.Suits))
	for i := range out.Suits {
		ps[i] = float64(out.Suits[i].P)
	}
	for i, q := range BenjaminiHochberg(ps) {
		out.Suits[i].Q = Number(q)
		out.Suits[i].judge()
	}
	slices.SortStableFunc(out.Suits, func(a, b Suiting) int {
		return cmp.Or(cmp.Compare(rankOf(a.Verdict), rankOf(b.Verdict)), -compareKnown(a.AUC.Value.Value, b.AUC.Value.Value))
	})
	out.Suits = nonNil(out.Suits)
	return out
}

func rankOf(verdict string) int {
	return slices.Index([]string{SuitKeep, SuitTrial, SuitDrop}, verdict)
}

// compareKnown puts what is not known lowest.
func compareKnown(a, b float64) int {
	if math.IsNaN(a) {
		a = -1
	}
	if math.IsNaN(b) {
		b = -1
	}
	return cmp.Compare(a, b)
}

// suiting works out what one column tells.
func (s *Study) suiting(j int, c columns) Suiting {
	f := s.schema.features[j]
	v := s.column(j)
	one := Suiting{Key: f.Key, Title: f.Title, Group: f.Group, Gain: Number(math.NaN()), LiftGain: Number(math.NaN())}
	one.declare(s.o.Policy.Measures())
	var with, without []float64
	for i, x := range v {
		switch {
		case math.IsNaN(x):
		case c.positive[i]:
			with = append(with, x)
		default:
			without = append(without, x)
		}
	}
	one.N1, one.N0 = len(with), len(without)
	one.Coverage = Number(ratio(float64(len(with)+len(without)), float64(len(v))))
	one.Median1, one.Median0 = Number(Median(with)), Number(Median(without))
	if one.middled {
		v = s.column(j + 1)
	}
	one.Rises = AUC(v, c.positive) >= 0.5
	sign := -1.0
	if one.Rises {
		sign = 1
	}
	risk := make([]float64, len(v))
	for i, x := range v {
		risk[i] = sign * x
	}
	rank := NewRanking(risk, c.positive)
	one.AUC = Figure{"auc.rank.v1", "AUC", ClusterBootstrap(c.customer, rank.AUC, Boot{Seed: s.o.Seed, Replicates: min(s.o.Replicates, 200)}), rank.Len()}
	one.P = Number(s.byCustomer(v))
	one.direction(s, j)
	one.Lead = s.leadOf(risk)
	return one
}

// byCustomer is Mann and Whitney's p between customers of whom the outcome came about in some row and those of whom it never
// did, each with the mean of its rows: rows of one customer are not independent.
func (s *Study) byCustomer(v []float64) float64 {
	type one struct {
		sum, n float64
		label  bool
	}
	all := map[string]*one{}
	for i, x := range v {
		m := all[s.rows[i].Customer]
		if m == nil {
			m = &one{}
			all[s.rows[i].Customer] = m
		}
		if s.rows[i].Label && !m.label {
			// Of those of whom it came about only the rows before it count.
			*m = one{label: true}
		}
		if !math.IsNaN(x) && m.label == s.rows[i].Label {
			m.sum += x
			m.n++
		}
	}
	var a, b []float64
	for _, m := range all {
		switch {
		case m.n == 0:
		case m.label:
			a = append(a, m.sum/m.n)
		default:
			b = append(b, m.sum/m.n)
		}
	}
	_, p := MannWhitney(a, b)
	return p
}

const (
	// tellsAUC is from which AUC on a measure tells anything, leadStep the days of a step by which lead times are told.
	tellsAUC = 0.55
	leadStep = 30
)

// leadOf is how many days ahead a measure still tells: outcomes are parted by how far ahead they lie.
func (s *Study) leadOf(risk []float64) int {
	if s.o.Label.momentless() {
		return 0
	}
	lead := 0
	for from := s.o.Gap; from < s.o.reach(); from += leadStep {
		var v []float64
		var y []bool
		hits := 0
		for i := range s.rows {
			m := &s.rows[i]
			if m.Label && (m.lead < float64(from) || m.lead >= float64(from+leadStep)) {
				continue
			}
			v, y = append(v, risk[i]), append(y, m.Label)
			hits += int(outcome(m.Label))
		}
		if hits < fewestEvents || !(AUC(v, y) >= tellsAUC) {
			break
		}
		lead = from + leadStep
	}
	return min(lead, s.o.reach())
}

// correlateRows bounds the rows that correlations are worked out on.
const correlateRows = 5000

// correlate finds for each measure the other that is most like it.
func (s *Study) correlate(suits []Suiting, at []int) {
	step := max(1, len(s.rows)/correlateRows)
	cols := make([][]float64, len(at))
	for k, j := range at {
		for i := 0; i < len(s.rows); i += step {
			cols[k] = append(cols[k], s.rows[i].X[j])
		}
	}
	for a := range suits {
		suits[a].Rho = Number(math.NaN())
	}
	for a := range suits {
		for b := a + 1; b < len(suits); b++ {
			if strings.HasSuffix(suits[a].Key, "."+lastPart(suits[b].Key)) {
				continue
			}
			rho := math.Abs(RankCorrelation(cols[a], cols[b]))
			for _, pair := range [2][2]int{{a, b}, {b, a}} {
				if one := &suits[pair[0]]; !math.IsNaN(rho) && !(float64(one.Rho) >= rho) {
					one.Rho, one.With = Number(round(rho, 4)), suits[pair[1]].Key
				}
			}
		}
	}
}

// alike are the pairs of measures of the card that are most like each other, each once.
func (s *Study) alike(suits []Suiting) []lifecycle.Correlation {
	var out []lifecycle.Correlation
	for _, one := range suits {
		key, ours := strings.CutPrefix(one.Key, s.o.Score+".")
		with, theirs := strings.CutPrefix(one.With, s.o.Score+".")
		c := lifecycle.Correlation{Score: s.o.Score, A: min(key, with), B: max(key, with), Rho: float64(one.Rho)}
		if ours && theirs && !math.IsNaN(c.Rho) && !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out
}

// lastPart is a measure's key without its card's: cards that share a measure are not two measures.
func lastPart(key string) string { return key[strings.LastIndexByte(key, '.')+1:] }
