package evidence

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Brier is the mean squared distance of forecasts from what came, 0 to 1; forecasts that are not known are left out.
func Brier(p []float64, positive []bool) float64 {
	brier, _ := forecastError(p, positive, nil)
	return brier
}

// Skill is how much better than forecasting the base rate for everybody a forecast is: 1 is perfect, 0 no better.
func Skill(p []float64, positive []bool) float64 {
	_, skill := forecastError(p, positive, nil)
	return skill
}

// forecastError is Brier and Skill by weights, nil for 1 each.
func forecastError(p []float64, positive []bool, w []float64) (brier, skill float64) {
	sum, base, n := 0.0, 0.0, 0.0
	for i, v := range p {
		if math.IsNaN(v) {
			continue
		}
		weight, d := weightOf(w, i), v-outcome(positive[i])
		sum += weight * d * d
		base += weight * outcome(positive[i])
		n += weight
	}
	brier = ratio(sum, n)
	rate := ratio(base, n)
	return brier, 1 - ratio(brier, rate*(1-rate))
}

func outcome(positive bool) float64 {
	if positive {
		return 1
	}
	return 0
}

// CalibrationBin is rows of like forecasts: what was forecast on average, and what share came.
type CalibrationBin struct {
	N        int      `json:"n"`
	Forecast float64  `json:"forecast"`
	Rate     Interval `json:"rate"`
}

// Calibrated says whether forecasts can be taken at their word.
type Calibrated struct {
	Bins []CalibrationBin `json:"bins"`
	// ECE is the mean distance between forecast and rate, weighted by rows.
	ECE Number `json:"ece"`
	// Slope is that of a logistic fit of the outcome on the forecast's log odds, 1 where the forecasts spread as they
	// should; Intercept is the shift of log odds that would make the mean right, 0 where it is.
	Slope     Number `json:"slope"`
	Intercept Number `json:"intercept"`
}

// Calibration compares forecasts with outcomes in bins of equal size; equal forecasts are never parted.
func Calibration(p []float64, positive []bool, bins int) Calibrated {
	order := known(p)
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	c := Calibrated{ECE: Number(math.NaN()), Slope: Number(math.NaN()), Intercept: Number(math.NaN())}
	if len(order) == 0 {
		return c
	}
	gap, start := 0.0, 0
	for b := 1; b <= bins && start < len(order); b++ {
		end := max(start+1, len(order)*b/bins)
		for end < len(order) && p[order[end]] == p[order[end-1]] {
			end++
		}
		bin := calibrationBin(p, positive, order[start:end])
		gap += float64(bin.N) * math.Abs(bin.Forecast-bin.Rate.Value)
		c.Bins = append(c.Bins, bin)
		start = end
	}
	c.ECE = Number(gap / float64(len(order)))
	slope, intercept := recalibrate(p, positive, order)
	c.Slope, c.Intercept = Number(slope), Number(intercept)
	return c
}

func calibrationBin(p []float64, positive []bool, rows []int) CalibrationBin {
	hits, sum := 0, 0.0
	for _, i := range rows {
		sum += p[i]
		if positive[i] {
			hits++
		}
	}
	return CalibrationBin{N: len(rows), Forecast: sum / float64(len(rows)), Rate: Wilson(float64(hits), float64(len(rows)), Z95)}
}

// known returns the indexes of the values that are not NaN.
func known(v []float64) []int {
	out := make([]int, 0, len(v))
	for i, x := range v {
		if !math.IsNaN(x) {
			out = append(out, i)
		}
	}
	return out
}

// Z95 is the quantile of the normal distribution that a two-sided 95 % interval needs.
const Z95 = 1.959963984540054

// Wilson is the score interval of k positives among n for z standard deviations.
func Wilson(k, n, z float64) Interval {
	if n == 0 {
		return Interval{math.NaN(), math.NaN(), math.NaN()}
	}
	p, z2 := k/n, z*z
	mid := (p + z2/(2*n)) / (1 + z2/n)
	half := z / (1 + z2/n) * math.Sqrt(p*(1-p)/n+z2/(4*n*n))
	// At the ends the formula gives 0 and 1 but for rounding.
	return Interval{Value: p, Low: min(p, max(0, mid-half)), High: max(p, min(1, mid+half))}
}

// MannWhitney tests whether the values of a tend to be larger than those of b: U counts the pairs in which they are, ties
// as half, and p is two-sided, by the normal approximation with corrections for ties and continuity. NaN are left out.
func MannWhitney(a, b []float64) (u, p float64) {
	type value struct {
		v   float64
		ofA bool
	}
	var all []value
	n1, n2 := 0.0, 0.0
	for _, v := range a {
		if !math.IsNaN(v) {
			all = append(all, value{v, true})
			n1++
		}
	}
	for _, v := range b {
		if !math.IsNaN(v) {
			all = append(all, value{v, false})
			n2++
		}
	}
	if n1 == 0 || n2 == 0 {
		return math.NaN(), math.NaN()
	}
	slices.SortFunc(all, func(x, y value) int { return cmp.Compare(x.v, y.v) })
	rankSum, ties := 0.0, 0.0
	for i := 0; i < len(all); {
		j, inA := i, 0.0
		for ; j < len(all) && all[j].v == all[i].v; j++ {
			if all[j].ofA {
				inA++
			}
		}
		t := float64(j - i)
		rankSum += inA * (float64(i+j+1) / 2)
		ties += t*t*t - t
		i = j
	}
	n := n1 + n2
	u = rankSum - n1*(n1+1)/2
	sd := math.Sqrt(n1 * n2 / 12 * ((n + 1) - ties/(n*(n-1))))
	if !(sd > 0) {
		return u, 1
	}
	z := max(0, math.Abs(u-n1*n2/2)-0.5) / sd
	return u, min(1, 2*distuv.UnitNormal.Survival(z))
}

// BenjaminiHochberg returns the p-values adjusted so that those below q hold a share q of false ones at most. NaN stay NaN.
func BenjaminiHochberg(p []float64) []float64 {
	out := slices.Clone(p)
	order := known(p)
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	least := 1.0
	for rank := len(order); rank >= 1; rank-- {
		i := order[rank-1]
		least = min(least, p[i]*float64(len(order))/float64(rank))
		out[i] = least
	}
	return out
}

// Correlation is Pearson's, over the rows where both are known; NaN where there are fewer than two or one does not vary.
func Correlation(a, b []float64) float64 {
	x, y := both(a, b)
	if len(x) < 2 || constant(x) || constant(y) {
		return math.NaN()
	}
	return max(-1, min(1, stat.Correlation(x, y, nil)))
}

// RankCorrelation is Spearman's, over the rows where both are known.
func RankCorrelation(a, b []float64) float64 {
	x, y := both(a, b)
	return Correlation(ranks(x), ranks(y))
}

// both returns the pairs of which both are known.
func both(a, b []float64) (x, y []float64) {
	for i := range a {
		if !math.IsNaN(a[i]) && !math.IsNaN(b[i]) {
			x, y = append(x, a[i]), append(y, b[i])
		}
	}
	return x, y
}

func constant(v []float64) bool { return slices.Min(v) == slices.Max(v) }

// ranks returns the ranks of known values from 1 on, ties sharing the mean of theirs.
func ranks(v []float64) []float64 {
	order := known(v)
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(v[a], v[b]) })
	out := slices.Clone(v)
	for i := 0; i < len(order); {
		j := i
		for ; j < len(order) && v[order[j]] == v[order[i]]; j++ {
		}
		for _, row := range order[i:j] {
			out[row] = float64(i+j+1) / 2
		}
		i = j
	}
	return out
}

// PSI is the population stability index: how far the values now have moved from those before. Bins are quantiles of those
// before, and what is not known is a bin of its own. Below 0.1 is calm, above 0.25 drift. An empty bin counts as half a row.
func PSI(before, now []float64, bins int) float64 {
	if len(before) == 0 || len(now) == 0 {
		return math.NaN()
	}
	sorted := sortedKnown(before)
	var cuts []float64
	for b := 1; b < bins && len(sorted) > 0; b++ {
		if c := quantileSorted(sorted, float64(b)/float64(bins)); len(cuts) == 0 || c > cuts[len(cuts)-1] {
			cuts = append(cuts, c)
		}
	}
	tally := func(values []float64) []float64 {
		counts := make([]float64, len(cuts)+2)
		for _, v := range values {
			if math.IsNaN(v) {
				counts[len(cuts)+1]++
				continue
			}
			at, _ := slices.BinarySearch(cuts, v)
			counts[at]++
		}
		return counts
	}
	return PSICounts(tally(before), tally(now))
}

// PSICounts is the index of two tallies of the same bins; bins that are empty in both are left out.
func PSICounts(before, now []float64) float64 {
	totalBefore, totalNow := 0.0, 0.0
	for i := range before {
		totalBefore += before[i]
		totalNow += now[i]
	}
	if totalBefore == 0 || totalNow == 0 {
		return math.NaN()
	}
	sum := 0.0
	for i := range before {
		if before[i] == 0 && now[i] == 0 {
			continue
		}
		a := max(before[i], 0.5) / totalBefore
		b := max(now[i], 0.5) / totalNow
		sum += (b - a) * math.Log(b/a)
	}
	return sum
}
