package evidence

import (
	"math"
	"slices"
	"sync"

	"gonum.org/v1/gonum/optimize"
)

// logistic is a regularised logistic regression: the mean log loss plus lambda/2 times the squared slopes. The last
// parameter is the intercept, which is not held down.
type logistic struct {
	design
	lambda float64
	// coarse is near enough to choose between strengths.
	coarse bool
	// at and grad remember the last point, because loss and gradient are asked for one after the other.
	at, grad []float64
	loss     float64
}

// parts is into how many pieces rows are parted. It does not depend on the machine, so sums come out the same everywhere.
const parts = 8

// evaluate computes loss and gradient at beta.
func (l *logistic) evaluate(beta []float64) {
	if l.at != nil && slices.Equal(l.at, beta) {
		return
	}
	n := len(l.y)
	grads := make([][]float64, parts)
	losses := make([]float64, parts)
	one := func(part int) {
		grads[part] = make([]float64, len(beta))
		losses[part] = l.part(beta, n*part/parts, n*(part+1)/parts, grads[part])
	}
	if n*l.d < 1<<18 {
		for part := range parts {
			one(part)
		}
	} else {
		var wait sync.WaitGroup
		for part := range parts {
			wait.Go(func() { one(part) })
		}
		wait.Wait()
	}
	l.at = append(l.at[:0], beta...)
	l.grad = make([]float64, len(beta))
	l.loss = 0
	for part := range parts {
		l.loss += losses[part] / float64(n)
		for j, g := range grads[part] {
			l.grad[j] += g / float64(n)
		}
	}
	for j, b := range beta[:l.d] {
		l.loss += l.lambda / 2 * b * b
		l.grad[j] += l.lambda * b
	}
}

// part sums loss and gradient over rows from and up to but not including to.
func (l *logistic) part(beta []float64, from, to int, grad []float64) float64 {
	sum, product := 0.0, 1.0
	grad, last := grad[:l.d:l.d], &grad[l.d]
	for i := from; i < to; i++ {
		row := l.row(i)
		z := predict(beta, row)
		// One exponential gives both the loss and the probability.
		e := math.Exp(-math.Abs(z))
		p := 1 / (1 + e)
		if z < 0 {
			p *= e
		}
		// One logarithm of a product of factors below 2 is cheaper than one of each.
		if product *= 1 + e; product > 1<<60 {
			sum += math.Log(product)
			product = 1
		}
		sum += max(z, 0) - l.y[i]*z
		g := p - l.y[i]
		for j, v := range row {
			grad[j] += g * float64(v)
		}
		*last += g
	}
	return sum + math.Log(product)
}

// predict is the log odds of an encoded row.
func predict(beta []float64, row []float32) float64 {
	slopes := beta[:len(row)]
	var a, b float64
	j := 0
	// Two sums at a time, because one would wait for itself.
	for ; j+1 < len(row); j += 2 {
		a += slopes[j] * float64(row[j])
		b += slopes[j+1] * float64(row[j+1])
	}
	if j < len(row) {
		a += slopes[j] * float64(row[j])
	}
	return beta[len(row)] + a + b
}

// solve minimises the loss from a starting point. A search that ends early for want of precision has found as good a
// point as numbers of this size allow.
func (l *logistic) solve(start []float64) []float64 {
	l.at = nil
	problem := optimize.Problem{
		Func: func(x []float64) float64 { l.evaluate(x); return l.loss },
		Grad: func(grad, x []float64) { l.evaluate(x); copy(grad, l.grad) },
	}
	settings := &optimize.Settings{GradientThreshold: 1e-6, MajorIterations: 300, Converger: &optimize.FunctionConverge{Relative: 1e-9, Iterations: 8}}
	if l.coarse {
		settings.GradientThreshold, settings.Converger = 1e-4, &optimize.FunctionConverge{Relative: 1e-6, Iterations: 3}
	}
	// The error says only why the search ended; the point is the best one seen either way.
	result, _ := optimize.Minimize(problem, start, settings, &optimize.LBFGS{Store: 10, Linesearcher: &optimize.MoreThuente{}})
	if result == nil || len(result.X) != len(start) || math.IsNaN(result.F) {
		return slices.Clone(start)
	}
	return result.X
}

// origin is the model without slopes: everybody has the base rate, kept off certainty.
func (d *design) origin() []float64 {
	beta := make([]float64, d.d+1)
	sum := 0.0
	for _, y := range d.y {
		sum += y
	}
	beta[d.d] = logit((sum + 0.5) / (float64(len(d.y)) + 1))
	return beta
}

// lambdas are the strengths of regularisation that are tried, strongest first.
func lambdas() []float64 {
	return []float64{1, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001}
}
