package evidence

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Weight is what a model makes of one measure: a proposal for a scorecard.
type Weight struct {
	Key   string `json:"key"`
	Title string `json:"title"`
	// Points is the measure's share of 100: how much of the spread of risk between customers comes from it.
	Points Interval `json:"points"`
	// Effect is by how much the log odds of the outcome rise with one standard deviation of a number; NaN for categories.
	Effect Interval `json:"effect"`
	// Declared is the direction that was declared, in words, "" for none. Finding says whether history agrees: "agrees",
	// "contradicts", "undecided" or "" where nothing is declared.
	Declared string `json:"declared,omitempty"`
	Finding  string `json:"finding,omitempty"`
	// Levels are the log odds of a category's levels against the average customer, highest first.
	Levels []LevelEffect `json:"levels,omitempty"`
}

// LevelEffect is what one level of a category does.
type LevelEffect struct {
	Level   string  `json:"level"`
	LogOdds float64 `json:"log_odds"`
}

const (
	weighRows  = 20_000
	weighDraws = 200
)

// weigher holds what the weights of all features are computed from.
type weigher struct {
	model  *Model
	groups [][]int       // columns by feature
	spread [][][]float64 // covariance of a feature's columns
	with   [][]float64   // covariance of a feature's columns with its value, over the value's standard deviation
}

// weigh proposes weights. Their intervals come from drawing the model anew: each customer's pull on it is multiplied by a
// random number, which is a bootstrap by customer without fitting again.
func weigh(m *Model, p Panel, rows []int, o FitOptions) []Weight {
	sample := thin(p, rows, weighRows, o.Seed+3)
	d := m.encoder.encodeRows(p, sample)
	w := &weigher{model: m}
	w.measure(p.Features, d)
	var draws [][]float64
	if d.d <= mostColumns {
		draws = m.redraw(d, p, sample, math.Sqrt(float64(len(sample))/float64(len(rows))), o.Seed)
	} else {
		m.Notes = append(m.Notes, fmt.Sprintf("weights come without intervals: there are %d columns", d.d))
	}
	points, effects := w.shares(m.beta)
	pointDraws, effectDraws := make([][]float64, len(p.Features)), make([][]float64, len(p.Features))
	for _, beta := range draws {
		ps, es := w.shares(beta)
		for j := range ps {
			pointDraws[j] = append(pointDraws[j], ps[j])
			effectDraws[j] = append(effectDraws[j], es[j])
		}
	}
	var out []Weight
	for j, f := range p.Features {
		if len(w.groups[j]) == 0 {
			continue
		}
		weight := Weight{Key: f.Key, Title: f.Title, Points: centred(points[j], pointDraws[j]), Effect: percentiles(effects[j], effectDraws[j])}
		weight.judge(f.Direction, o.Good)
		if _, category := o.Levels[f.Key]; category {
			weight.Levels = w.levels(j)
		}
		out = append(out, weight)
	}
	slices.SortStableFunc(out, func(a, b Weight) int { return cmp.Compare(b.Points.Value, a.Points.Value) })
	return out
}

// centred is the interval of points. Noise of a draw adds to the spread of every measure, so draws of weak ones lie too high
// and of strong ones too low: they are moved to where their middle is the estimate.
func centred(estimate float64, draws []float64) Interval {
	i := percentiles(estimate, draws)
	if len(draws) == 0 || math.IsNaN(estimate) {
		return i
	}
	// percentiles has sorted the draws.
	off := estimate - quantileSorted(draws, 0.5)
	i.Low = max(0, min(estimate, quantileSorted(draws, 0.025)+off))
	i.High = min(100, max(estimate, quantileSorted(draws, 0.975)+off))
	return i
}

// judge compares the sign that history gives with the declared one.
func (w *Weight) judge(direction int, good bool) {
	if direction == 0 {
		return
	}
	w.Declared = "more is good"
	if direction < 0 {
		w.Declared = "more is bad"
	}
	// More of what is good for the customer should make a bad outcome rarer.
	want := -float64(direction)
	if good {
		want = -want
	}
	switch {
	case math.IsNaN(w.Effect.Low) || w.Effect.Includes(0):
		w.Finding = "undecided"
	case w.Effect.Value*want > 0:
		w.Finding = "agrees"
	default:
		w.Finding = "contradicts"
	}
}

// measure computes the covariances within features.
func (w *weigher) measure(features []Feature, d design) {
	w.groups = make([][]int, len(features))
	for c, col := range w.model.encoder.columns {
		w.groups[col.feature] = append(w.groups[col.feature], c)
	}
	main := make([]int, len(features))
	for j := range main {
		main[j] = -1
	}
	for _, pl := range w.model.encoder.plans {
		if !pl.category {
			main[pl.feature] = pl.value
		}
	}
	mean := make([]float64, d.d)
	n := float64(len(d.y))
	for i := range d.y {
		for c, v := range d.row(i) {
			mean[c] += float64(v) / n
		}
	}
	w.spread, w.with = make([][][]float64, len(features)), make([][]float64, len(features))
	for j, group := range w.groups {
		w.spread[j] = covariance(d, group, mean)
		if main[j] < 0 {
			continue
		}
		at := slices.Index(group, main[j])
		sd := math.Sqrt(w.spread[j][at][at])
		for k := range group {
			w.with[j] = append(w.with[j], w.spread[j][k][at]/max(sd, 1e-12))
		}
	}
}

// covariance is that of a few columns of a design.
func covariance(d design, group []int, mean []float64) [][]float64 {
	out := make([][]float64, len(group))
	for a := range out {
		out[a] = make([]float64, len(group))
	}
	n := float64(len(d.y))
	for i := range d.y {
		row := d.row(i)
		for a, ca := range group {
			va := float64(row[ca]) - mean[ca]
			for b := 0; b <= a; b++ {
				out[a][b] += va * (float64(row[group[b]]) - mean[group[b]]) / n
			}
		}
	}
	for a := range out {
		for b := range a {
			out[b][a] = out[a][b]
		}
	}
	return out
}

// shares are each feature's points and effect under slopes.
func (w *weigher) shares(beta []float64) (points, effects []float64) {
	points, effects = make([]float64, len(w.groups)), make([]float64, len(w.groups))
	total := 0.0
	for j, group := range w.groups {
		variance := 0.0
		for a, ca := range group {
			for b, cb := range group {
				variance += beta[ca] * beta[cb] * w.spread[j][a][b]
			}
		}
		points[j] = math.Sqrt(max(0, variance))
		total += points[j]
		effects[j] = math.NaN()
		if w.with[j] != nil {
			effects[j] = 0
			for a, ca := range group {
				effects[j] += beta[ca] * w.with[j][a]
			}
		}
	}
	for j := range points {
		if total > 0 {
			points[j] *= 100 / total
		}
	}
	return points, effects
}

// levels are the effects of a category's levels, highest first.
func (w *weigher) levels(j int) []LevelEffect {
	average := 0.0
	cols := w.model.encoder.columns
	for _, c := range w.groups[j] {
		average += w.model.beta[c] / cols[c].scale * cols[c].mean
	}
	var out []LevelEffect
	for _, c := range w.groups[j] {
		out = append(out, LevelEffect{Level: cols[c].name, LogOdds: w.model.beta[c]/cols[c].scale - average})
	}
	slices.SortStableFunc(out, func(a, b LevelEffect) int { return cmp.Compare(b.LogOdds, a.LogOdds) })
	return out
}

// redraw draws the slopes anew. shrink makes up for a sample that is smaller than what was fitted.
func (m *Model) redraw(d design, p Panel, rows []int, shrink float64, seed uint64) [][]float64 {
	size := d.d + 1
	n := float64(len(d.y))
	curvature := mat.NewSymDense(size, nil)
	customers := make([]string, len(rows))
	for k, i := range rows {
		customers[k] = p.Rows[i].Customer
	}
	of, clusters := clusterNumbers(customers)
	pull := make([]float64, len(d.y))
	full := make([]float64, size)
	raw := curvature.RawSymmetric()
	for k := range d.y {
		row := d.row(k)
		prob := sigmoid(predict(m.beta, row))
		pull[k] = (d.y[k] - prob) / n
		for j, v := range row {
			full[j] = float64(v)
		}
		full[d.d] = 1
		v := prob * (1 - prob) / n
		for a, x := range full {
			s := v * x
			line := raw.Data[a*raw.Stride : a*raw.Stride+size]
			for b := a; b < size; b++ {
				line[b] += s * full[b]
			}
		}
	}
	for j := range d.d {
		curvature.SetSym(j, j, curvature.At(j, j)+m.Lambda)
	}
	curvature.SetSym(d.d, d.d, curvature.At(d.d, d.d)+1e-9)
	var root mat.Cholesky
	if !root.Factorize(curvature) {
		m.Notes = append(m.Notes, "weights come without intervals: the measures depend on each other too much")
		return nil
	}
	rng := rand.New(rand.NewPCG(seed, 0x51ed270b))
	luck := make([]float64, clusters)
	var out [][]float64
	for range weighDraws {
		for c := range luck {
			luck[c] = rng.NormFloat64()
		}
		out = append(out, m.redrawOnce(d, &root, func(k int) float64 { return pull[k] * luck[of[k]] * shrink }))
	}
	return out
}

// redrawOnce moves the slopes by one draw of the customers' pulls.
func (m *Model) redrawOnce(d design, root *mat.Cholesky, pull func(k int) float64) []float64 {
	sum := make([]float64, d.d+1)
	for k := range d.y {
		g := pull(k)
		for j, v := range d.row(k) {
			sum[j] += g * float64(v)
		}
		sum[d.d] += g
	}
	step := mat.NewVecDense(len(sum), nil)
	beta := slices.Clone(m.beta)
	// A matrix near to singular still gives a step; it is as good as its condition.
	var condition mat.Condition
	if err := root.SolveVecTo(step, mat.NewVecDense(len(sum), sum)); err != nil && !errors.As(err, &condition) {
		return beta
	}
	for j := range beta {
		beta[j] += step.AtVec(j)
	}
	return beta
}
