package evidence

import (
	"fmt"
	"math"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// FitOptions say how a model is fitted. The zero value is meant to be right.
type FitOptions struct {
	// Levels names the levels of features that are categories: their X are indexes into it.
	Levels map[string][]string
	// Embargo is how long it takes until the outcome of a row is settled: what learns from the past learns only from rows
	// that were settled by then.
	Embargo time.Duration
	// Good says that the outcome is good for the customer, as an expansion is; it turns the declared directions round.
	Good bool
	// Seed makes the same draws come again.
	Seed uint64
	// MaxRows bounds the rows that are fitted, whole customers at a time; 0 means 200,000.
	MaxRows int
	// Plain leaves out proposals of weights, for models that are only tried.
	Plain bool
}

const (
	mostRows = 200_000
	// tuneRows is how many rows choose strength and form.
	tuneRows = 30_000
	// mostCells bounds the numbers that a design holds.
	mostCells = 60_000_000
	// mostColumns is up to how many columns weights come with intervals.
	mostColumns = 1000
)

// Model is a fitted logistic regression. It proposes; nothing here makes it count.
type Model struct {
	// Rows and Positives are what it was fitted on.
	Rows      int
	Positives int
	// Lambda is the strength of regularisation and Form how numbers enter, both chosen by Chosen.
	Lambda float64
	Form   string
	Chosen string
	// Calibration says how log odds became probabilities.
	Calibration string
	// Weights are what each measure is worth, the largest first.
	Weights []Weight
	Notes   []string

	encoder   *encoder
	beta      []float64
	calibrate func(float64) float64
}

// Risk is the log odds of the outcome: the higher, the likelier. It ranks; Probability forecasts.
func (m *Model) Risk(x []float64) float64 {
	row := make([]float32, len(m.encoder.columns))
	m.encoder.encode(x, row)
	return predict(m.beta, row)
}

// Probability is the calibrated chance of the outcome.
func (m *Model) Probability(x []float64) float64 { return m.calibrate(m.Risk(x)) }

// Fit fits a regularised logistic regression to a panel. How strongly it is held down, and whether numbers get steps
// beside their slope, is chosen on parts of the panel that were not learned from: later ones where rows were observed at
// several moments, else other customers.
func Fit(train Panel, o FitOptions) (*Model, error) {
	if len(train.Features) == 0 {
		return nil, canon.Errorf("fit.empty", "there is nothing to learn from: the panel has no features").
			WithHint("see the list of excluded columns; name the ones to keep")
	}
	rows := train.all()
	if !enough(train, rows, 4) {
		pos := 0
		for _, i := range rows {
			pos += int(outcome(train.Rows[i].Label))
		}
		return nil, canon.Errorf("fit.outcomes", "%d of %d rows are positive: too few of one kind to learn from", pos, len(rows)).
			WithHint("at least 4 of each are needed, 50 for figures that are more than a direction; check the label, or take a longer period")
	}
	most := o.MaxRows
	if most == 0 {
		most = mostRows
	}
	m := &Model{}
	if kept := thin(train, rows, most, o.Seed); len(kept) < len(rows) {
		m.Notes = append(m.Notes, fmt.Sprintf("fitted on %d of %d rows, whole customers drawn by hash", len(kept), len(rows)))
		rows = kept
	}
	c := choose(train, rows, o)
	m.Lambda, m.Form, m.Chosen = c.lambda, c.form.String(), c.by
	m.encoder = learn(train, rows, o.Levels, c.form)
	d := m.encoder.encodeRows(train, rows)
	l := logistic{design: d, lambda: c.lambda}
	m.beta = l.solve(d.origin())
	m.Rows = len(rows)
	for _, y := range d.y {
		m.Positives += int(y)
	}
	m.calibrated(c)
	if !o.Plain {
		m.Weights = weigh(m, train, rows, o)
	}
	return m, nil
}

// calibrated turns log odds into probabilities by what was forecast of rows that were not learned from.
func (m *Model) calibrated(c choice) {
	m.Calibration = "platt"
	pos := 0
	for _, p := range c.positive {
		pos += int(outcome(p))
	}
	if pos >= 1000 {
		m.Calibration = "isotonic"
	}
	m.calibrate = Calibrate(c.odds, c.positive)
	lo, hi := Quantile(c.odds, 0.01), Quantile(c.odds, 0.99)
	if m.calibrate(hi) < m.calibrate(lo) {
		// What ranks the wrong way round where it was tried has nothing to say: everybody gets the base rate.
		rate := (float64(pos) + 1) / (float64(len(c.positive)) + 2)
		m.calibrate = func(z float64) float64 { return forecastOf(z, rate) }
		m.Calibration = "base rate"
	}
}

// choice is the form and strength that did best where they were tried, with the log odds that they gave there.
type choice struct {
	form     form
	lambda   float64
	by       string
	odds     []float64
	positive []bool
}

// choose tries forms and strengths on folds. The richer form is taken where it is better by more than the standard error
// of the difference.
func choose(p Panel, rows []int, o FitOptions) choice {
	rows = thin(p, rows, tuneRows, o.Seed+1)
	folds, by := innerFolds(p, rows, o)
	best := trial(p, folds, formLine, o)
	if steps := learn(p, rows, o.Levels, formSteps); len(steps.columns) > best.columns && len(steps.columns)*len(rows) <= mostCells/2 {
		richer := trial(p, folds, formSteps, o)
		if mean, se := difference(best.loss, richer.loss); mean > se {
			best = richer
		}
	}
	c := choice{form: best.form, lambda: best.lambda, by: by, odds: best.odds}
	for _, s := range folds {
		for _, i := range s.test {
			c.positive = append(c.positive, p.Rows[i].Label)
		}
	}
	return c
}

// innerFolds are the folds on which form and strength are chosen.
func innerFolds(p Panel, rows []int, o FitOptions) ([]split, string) {
	if timed(p, rows) {
		if folds := walkForward(p, rows, o.Embargo, []float64{0.4, 0.6, 0.8}); folds != nil {
			return folds, fmt.Sprintf("%d folds forward in time", len(folds))
		}
	}
	k := 5
	if len(rows) > 5000 {
		k = 3
	}
	return groupedFolds(p, rows, k, o.Seed+2), fmt.Sprintf("%d folds by customer", k)
}

// tried is a form at its best strength.
type tried struct {
	form    form
	lambda  float64
	columns int
	// loss and odds are those of every row tried, in the order of the folds.
	loss, odds []float64
}

// stage is a fold made ready for one form: its design, and the slopes reached so far.
type stage struct {
	train, test design
	beta        []float64
}

// trial tries one form on all folds, from the strongest regularisation down to where the rows tried get worse twice in a
// row.
func trial(p Panel, folds []split, f form, o FitOptions) tried {
	stages := make([]stage, len(folds))
	out := tried{form: f}
	for k, s := range folds {
		e := learn(p, s.train, o.Levels, f)
		out.columns = max(out.columns, len(e.columns))
		stages[k] = stage{train: e.encodeRows(p, s.train), test: e.encodeRows(p, s.test)}
		stages[k].beta = stages[k].train.origin()
	}
	best, worse := math.Inf(1), 0
	for _, lambda := range lambdas() {
		var losses, odds []float64
		for k := range stages {
			s := &stages[k]
			l := logistic{design: s.train, lambda: lambda, coarse: true}
			s.beta = l.solve(s.beta)
			for i, y := range s.test.y {
				z := predict(s.beta, s.test.row(i))
				losses, odds = append(losses, softplus(z)-y*z), append(odds, z)
			}
		}
		if mean := meanOf(losses); mean < best {
			best, worse = mean, 0
			out.lambda, out.loss, out.odds = lambda, losses, odds
		} else if worse++; worse == 2 {
			break
		}
	}
	return out
}

func meanOf(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// difference is the mean of a-b and its standard error.
func difference(a, b []float64) (mean, se float64) {
	n := float64(len(a))
	for i := range a {
		mean += (a[i] - b[i]) / n
	}
	for i := range a {
		d := a[i] - b[i] - mean
		se += d * d / n
	}
	return mean, math.Sqrt(se / n)
}
