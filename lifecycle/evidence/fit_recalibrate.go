package evidence

import (
	"math"
	"slices"
	"sort"
)

// logit is the log odds of a probability, which is kept off 0 and 1.
func logit(p float64) float64 {
	p = min(1-1e-9, max(1e-9, p))
	return math.Log(p / (1 - p))
}

// sigmoid is the probability of log odds.
func sigmoid(z float64) float64 {
	if z >= 0 {
		return 1 / (1 + math.Exp(-z))
	}
	e := math.Exp(z)
	return e / (1 + e)
}

// recalibrate fits the outcome on the forecasts' log odds: the slope with an intercept of its own, and the intercept that
// is left where the slope is held at 1.
func recalibrate(p []float64, positive []bool, rows []int) (slope, intercept float64) {
	x, y := make([]float64, len(rows)), make([]float64, len(rows))
	for k, i := range rows {
		x[k], y[k] = logit(p[i]), outcome(positive[i])
	}
	if constant(y) {
		return math.NaN(), math.NaN()
	}
	intercept = shift(x, y)
	if constant(x) {
		return math.NaN(), intercept
	}
	slope, _ = line(x, y, 1e-9)
	return slope, intercept
}

// shift is the a that maximises the likelihood of y ~ sigmoid(a + x), by Newton's steps.
func shift(x, y []float64) float64 {
	a := 0.0
	for range 100 {
		g, h := 0.0, 1e-12
		for i := range x {
			p := sigmoid(a + x[i])
			g += y[i] - p
			h += p * (1 - p)
		}
		step := max(-2, min(2, g/h))
		a += step
		if math.Abs(step) < 1e-10 {
			break
		}
	}
	return a
}

// line maximises the likelihood of y ~ sigmoid(b·x + a) less ridge·b²/2, by Newton's steps with halving.
func line(x, y []float64, ridge float64) (b, a float64) {
	loss := func(b, a float64) float64 {
		sum := ridge * b * b / 2
		for i := range x {
			sum += softplus(b*x[i]+a) - y[i]*(b*x[i]+a)
		}
		return sum
	}
	now := loss(b, a)
	for range 100 {
		gb, ga, hbb, hab, haa := -ridge*b, 0.0, ridge, 0.0, 0.0
		for i := range x {
			p := sigmoid(b*x[i] + a)
			d, v := y[i]-p, p*(1-p)
			gb, ga = gb+d*x[i], ga+d
			hbb, hab, haa = hbb+v*x[i]*x[i], hab+v*x[i], haa+v
		}
		det := hbb*haa - hab*hab
		if !(det > 1e-18) {
			break
		}
		sb, sa := (haa*gb-hab*ga)/det, (hbb*ga-hab*gb)/det
		size, next := 1.0, loss(b+sb, a+sa)
		for next > now && size > 1e-6 {
			size /= 2
			next = loss(b+size*sb, a+size*sa)
		}
		if next > now || math.Abs(size*sb)+math.Abs(size*sa) < 1e-10 {
			break
		}
		b, a, now = b+size*sb, a+size*sa, next
	}
	return b, a
}

// softplus is log(1 + e^z) without overflow.
func softplus(z float64) float64 {
	if z > 0 {
		return z + math.Log1p(math.Exp(-z))
	}
	return math.Log1p(math.Exp(z))
}

// Platt turns scores into probabilities by a logistic curve of two parameters, fitted with the smoothed targets that keep
// it from certainty on few outcomes. It is the choice below about a thousand outcomes. Without both classes it gives the
// smoothed base rate for everything.
func Platt(score []float64, positive []bool) func(float64) float64 {
	rows := known(score)
	pos := 0.0
	for _, i := range rows {
		pos += outcome(positive[i])
	}
	neg := float64(len(rows)) - pos
	if pos == 0 || neg == 0 {
		rate := (pos + 1) / (pos + neg + 2)
		return func(s float64) float64 { return forecastOf(s, rate) }
	}
	x, y := make([]float64, len(rows)), make([]float64, len(rows))
	mean, spread := moments(score, rows)
	for k, i := range rows {
		x[k] = (score[i] - mean) / spread
		if y[k] = 1 / (neg + 2); positive[i] {
			y[k] = (pos + 1) / (pos + 2)
		}
	}
	b, a := line(x, y, 1e-9)
	return func(s float64) float64 { return forecastOf(s, sigmoid(b*(s-mean)/spread+a)) }
}

// forecastOf is the forecast for a score, NaN where the score is not known.
func forecastOf(score, p float64) float64 {
	if math.IsNaN(score) {
		return score
	}
	return p
}

// moments are the mean of rows and their standard deviation, 1 where they do not vary.
func moments(v []float64, rows []int) (mean, spread float64) {
	for _, i := range rows {
		mean += v[i]
	}
	mean /= float64(len(rows))
	for _, i := range rows {
		spread += (v[i] - mean) * (v[i] - mean)
	}
	if spread = math.Sqrt(spread / float64(len(rows))); !(spread > 0) || math.IsInf(spread, 0) {
		spread = 1
	}
	return mean, spread
}

// Isotonic turns scores into probabilities by the best fitting curve that never falls, joined by straight lines between
// its steps. It is the choice above about a thousand outcomes. Without rows it gives NaN.
func Isotonic(score []float64, positive []bool) func(float64) float64 {
	type block struct{ lo, hi, sum, n float64 }
	rank := NewRanking(score, positive)
	var blocks []block
	for g := len(rank.ends) - 1; g >= 0; g-- {
		start := 0
		if g > 0 {
			start = rank.ends[g-1]
		}
		rows := rank.order[start:rank.ends[g]]
		b := block{lo: score[rows[0]], hi: score[rows[0]], n: float64(len(rows))}
		for _, i := range rows {
			b.sum += outcome(positive[i])
		}
		for len(blocks) > 0 && blocks[len(blocks)-1].sum*b.n >= b.sum*blocks[len(blocks)-1].n {
			last := blocks[len(blocks)-1]
			b = block{lo: last.lo, hi: b.hi, sum: last.sum + b.sum, n: last.n + b.n}
			blocks = blocks[:len(blocks)-1]
		}
		blocks = append(blocks, b)
	}
	var xs, ys []float64
	for _, b := range blocks {
		xs, ys = append(xs, b.lo), append(ys, b.sum/b.n)
		if b.hi > b.lo {
			xs, ys = append(xs, b.hi), append(ys, b.sum/b.n)
		}
	}
	return func(s float64) float64 { return interpolate(xs, ys, s) }
}

// interpolate reads a curve given by ascending xs; beyond its ends it stays level.
func interpolate(xs, ys []float64, x float64) float64 {
	if len(xs) == 0 || math.IsNaN(x) {
		return math.NaN()
	}
	i := sort.SearchFloat64s(xs, x)
	switch {
	case i == 0:
		return ys[0]
	case i == len(xs):
		return ys[len(ys)-1]
	}
	f := (x - xs[i-1]) / (xs[i] - xs[i-1])
	return ys[i-1] + f*(ys[i]-ys[i-1])
}

// Calibrate is Isotonic from a thousand positives on and Platt below.
func Calibrate(score []float64, positive []bool) func(float64) float64 {
	hits := 0
	for i, s := range score {
		if positive[i] && !math.IsNaN(s) {
			hits++
		}
	}
	if hits >= 1000 {
		return Isotonic(score, positive)
	}
	return Platt(slices.Clone(score), slices.Clone(positive))
}
