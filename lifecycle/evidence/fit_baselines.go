package evidence

import (
	"fmt"
	"math"

	"github.com/lifecyclehub/hub/canon"
)

// trials tries the model and what is simpler on the same folds.
type trials struct {
	panel   Panel
	options FitOptions
	tenure  int
	model   *candidate
	card    *candidate
	single  *candidate
	age     *candidate
	chance  *candidate
	same    *candidate
	chosen  map[int]int
	folds   int
}

func newTrials(p Panel, tenure int, o FitOptions) *trials {
	t := &trials{panel: p, options: o, tenure: tenure, chosen: map[int]int{}}
	t.model, t.card, t.single, t.age, t.chance, t.same = newCandidate(p), newCandidate(p), newCandidate(p), newCandidate(p), newCandidate(p), newCandidate(p)
	return t
}

func canonTooFew(p Panel) error {
	return canon.Errorf("fit.outcomes", "%d rows are too few to part into what is learned from and what is tried on", len(p.Rows)).
		WithHint("take more rows, or a longer period")
}

// repeat tries everything once on each fold.
func (t *trials) repeat(folds []split) error {
	for _, c := range []*candidate{t.model, t.card, t.single, t.age, t.chance, t.same} {
		c.begin()
	}
	for _, s := range folds {
		train := Panel{Features: t.panel.Features, Rows: pick(t.panel.Rows, s.train)}
		m, err := Fit(train, t.options)
		if err != nil {
			return err
		}
		risk, p := make([]float64, len(s.test)), make([]float64, len(s.test))
		for k, i := range s.test {
			x := t.panel.Rows[i].X
			risk[k], p[k] = m.Risk(x), m.Probability(x)
		}
		t.model.tell(s.test, risk, p)
		t.simpler(s)
	}
	return nil
}

// simpler tries the baselines on a fold.
func (t *trials) simpler(s split) {
	t.folds++
	best, bestAUC := -1, -1.0
	var one *single
	for j := range t.panel.Features {
		c := learnSingle(t.panel, s.train, j, t.options.Levels)
		if c.auc > bestAUC {
			best, bestAUC, one = j, c.auc, c
		}
		if j == t.tenure {
			t.age.tell(s.test, c.foresee(t.panel, s.test), nil)
		}
	}
	if one != nil {
		t.chosen[best]++
		t.single.tell(s.test, one.foresee(t.panel, s.test), nil)
	}
	base := 0.0
	for _, i := range s.train {
		base += outcome(t.panel.Rows[i].Label) / float64(len(s.train))
	}
	n := len(s.test)
	card, luck, level, rate := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	for k, i := range s.test {
		card[k] = 100 - t.panel.Rows[i].Score
		if t.options.Good {
			card[k] = t.panel.Rows[i].Score
		}
		luck[k] = hashOf(fmt.Sprint(t.panel.Rows[i].Customer, i), t.options.Seed+uint64(1000+t.folds))
		rate[k] = base
	}
	t.card.tell(s.test, card, nil)
	t.chance.tell(s.test, luck, nil)
	t.same.tell(s.test, level, rate)
}

// baselines are the figures of what is simpler than the model. The best single measure is learned, so it is widened too.
func (t *trials) baselines(p Panel, seed uint64, widen float64) []Figures {
	best := t.single.trial(p, "best single measure", seed)
	best.Widen = widen
	out := []Figures{Measure(t.same.trial(p, "constant", seed)), Measure(t.chance.trial(p, "random", seed)), Measure(best)}
	if t.tenure >= 0 {
		out = append(out, Measure(t.age.trial(p, "tenure only", seed)))
	}
	if card := t.card.trial(p, "hand-made card", seed); len(card.Positive) > 0 {
		out = append(out, Measure(card))
	}
	return out
}

// favourite is the measure that was the best single one in most folds.
func (t *trials) favourite() (string, float64) {
	best, n := -1, 0
	for j := range t.panel.Features {
		if t.chosen[j] > n {
			best, n = j, t.chosen[j]
		}
	}
	if best < 0 {
		return "", 0
	}
	return t.panel.Features[best].Title, float64(n) / float64(t.folds)
}

// single foresees by one feature alone: a number by its rank in the direction that training rows give, a category by the
// rate of each level, drawn towards the base rate where rows are few. What is missing has a rate of its own.
type single struct {
	feature  int
	auc      float64
	sign     float64
	fill     float64
	category bool
	rates    []float64
	missing  float64
}

func learnSingle(p Panel, rows []int, j int, levels map[string][]string) *single {
	s := &single{feature: j, auc: math.NaN(), sign: 1}
	names, category := levels[p.Features[j].Key]
	s.category = category
	base := 0.0
	for _, i := range rows {
		base += outcome(p.Rows[i].Label) / float64(len(rows))
	}
	if category {
		s.learnRates(p, rows, len(names), base)
	} else {
		values := make([]float64, 0, len(rows))
		for _, i := range rows {
			values = append(values, p.Rows[i].X[j])
		}
		s.fill = Median(values)
	}
	positive := make([]bool, len(rows))
	for k, i := range rows {
		positive[k] = p.Rows[i].Label
	}
	s.auc = AUC(s.foresee(p, rows), positive)
	if s.auc < 0.5 && !category {
		s.sign, s.auc = -1, 1-s.auc
	}
	return s
}

// learnRates learns the rate of each level.
func (s *single) learnRates(p Panel, rows []int, n int, base float64) {
	const prior = 10
	hits, counts := make([]float64, n+1), make([]float64, n+1)
	for _, i := range rows {
		k, ok := levelOf(p.Rows[i].X[s.feature], n)
		if !ok {
			k = n
		}
		hits[k] += outcome(p.Rows[i].Label)
		counts[k]++
	}
	s.rates = make([]float64, n)
	for k := range counts {
		rate := (hits[k] + prior*base) / (counts[k] + prior)
		if k == n {
			s.missing = rate
		} else {
			s.rates[k] = rate
		}
	}
}

func (s *single) foresee(p Panel, rows []int) []float64 {
	out := make([]float64, len(rows))
	for k, i := range rows {
		x := p.Rows[i].X[s.feature]
		switch {
		case s.category:
			out[k] = s.missing
			if l, ok := levelOf(x, len(s.rates)); ok {
				out[k] = s.rates[l]
			}
		case math.IsNaN(x):
			out[k] = s.sign * s.fill
		default:
			out[k] = s.sign * x
		}
	}
	return out
}
