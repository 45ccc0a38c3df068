package lifecycle

import (
	"math"
	"slices"
)

// curve turns a measure's value into its worth, 0 to 100. One of its parts is set.
type curve struct {
	linear     *linearSpec
	bands      *stepsSpec
	boolean    *booleanSpec
	decay      *decaySpec
	uShape     *uShapeSpec
	trend      *trendSpec
	percentile *percentileSpec
	kOfN       *kOfNSpec
	// cohort is the metric whose quantiles the percentile is taken of.
	cohort string
}

// worth returns what a value is worth. Quantiles are those of the cohort, which only a percentile needs.
func (c *curve) worth(v float64, quantiles []float64) float64 {
	switch {
	case c.linear != nil:
		return 100 * clamp((v-c.linear.Worst)/(c.linear.Best-c.linear.Worst))
	case c.decay != nil:
		return 100 * math.Exp2(-max(v, 0)/c.decay.HalfLife)
	case c.boolean != nil:
		if v != 0 {
			return c.boolean.Yes
		}
		return c.boolean.No
	case c.uShape != nil:
		return c.uShape.worth(v)
	case c.trend != nil:
		if v <= 0 {
			return 0
		}
		return 100 * clamp(math.Log(v/c.trend.Worst)/math.Log(c.trend.Best/c.trend.Worst))
	case c.percentile != nil:
		return c.percentile.worth(v, quantiles)
	case c.kOfN != nil:
		return 100 * clamp(v/c.kOfN.K)
	}
	return c.bands.worth(v)
}

func clamp(share float64) float64 { return min(max(share, 0), 1) }

func (s *stepsSpec) worth(v float64) float64 {
	for _, b := range s.Steps {
		if b.UpTo == nil || v < *b.UpTo || v == *b.UpTo && s.Inclusive != "upper" {
			return b.Worth
		}
	}
	return s.Steps[len(s.Steps)-1].Worth
}

func (u *uShapeSpec) worth(v float64) float64 {
	switch {
	case v <= u.Low:
		return u.LowWorth
	case v < u.PeakFrom:
		return u.LowWorth + (100-u.LowWorth)*(v-u.Low)/(u.PeakFrom-u.Low)
	case v <= u.PeakTo:
		return 100
	case v < u.High:
		return 100 + (u.HighWorth-100)*(v-u.PeakTo)/(u.High-u.PeakTo)
	}
	return u.HighWorth
}

// worth is the value's place among the cohort's. Without a cohort there is none, and who asks must have seen to that.
func (p *percentileSpec) worth(v float64, quantiles []float64) float64 {
	rank, _ := rankIn(quantiles, v)
	if p.Best == "low" {
		return 100 - rank
	}
	return rank
}

// value is what has a place among the cohort's.
func (p *percentileSpec) value(worth float64, quantiles []float64) []float64 {
	if len(quantiles) != 101 {
		return nil
	}
	if p.Best == "low" {
		worth = 100 - worth
	}
	below := int(min(max(worth, 0), 99))
	share := min(max(worth, 0), 100) - float64(below)
	return append([]float64{quantiles[below] + share*(quantiles[below+1]-quantiles[below])}, quantiles...)
}

// settled says whether no value above v has another worth.
func (c *curve) settled(v float64) bool {
	switch {
	case c.linear != nil:
		return v >= max(c.linear.Worst, c.linear.Best)
	case c.boolean != nil:
		return v != 0
	case c.uShape != nil:
		return v >= c.uShape.High
	case c.trend != nil:
		return v >= max(c.trend.Worst, c.trend.Best)
	case c.kOfN != nil:
		return v >= c.kOfN.K
	case c.bands != nil:
		last := len(c.bands.Steps) - 1
		return last < 1 || v > *c.bands.Steps[last-1].UpTo
	}
	return false
}

// rises says whether more is worth more: 1 for never less, −1 for never more, 0 for neither.
func (c *curve) rises() int {
	switch {
	case c.linear != nil:
		return sign(c.linear.Best - c.linear.Worst)
	case c.decay != nil:
		return -1
	case c.boolean != nil:
		return sign(c.boolean.Yes - c.boolean.No)
	case c.trend != nil:
		return sign(c.trend.Best - c.trend.Worst)
	case c.percentile != nil:
		if c.percentile.Best == "low" {
			return -1
		}
		return 1
	case c.kOfN != nil:
		return 1
	case c.bands != nil:
		up := slices.IsSortedFunc(c.bands.Steps, func(a, b bandSpec) int { return sign(a.Worth - b.Worth) })
		down := slices.IsSortedFunc(c.bands.Steps, func(a, b bandSpec) int { return sign(b.Worth - a.Worth) })
		switch {
		case up && !down:
			return 1
		case down && !up:
			return -1
		}
	}
	return 0
}

func sign(v float64) int {
	switch {
	case v > 0:
		return 1
	case v < 0:
		return -1
	}
	return 0
}

// values returns those that may be the nearest ones worth exactly so much, or the first ones worth at least or at most
// so much; who asks must check. The curve is inverted exactly, and a band gives where it begins and ends.
func (c *curve) values(worth float64, quantiles []float64) []float64 {
	share := clamp(worth / 100)
	switch {
	case c.linear != nil:
		return []float64{c.linear.Worst + share*(c.linear.Best-c.linear.Worst)}
	case c.decay != nil:
		if share == 0 {
			return nil
		}
		return []float64{-c.decay.HalfLife * math.Log2(share)}
	case c.boolean != nil:
		return []float64{0, 1}
	case c.uShape != nil:
		return c.uShape.values(worth)
	case c.trend != nil:
		return []float64{c.trend.Worst * math.Pow(c.trend.Best/c.trend.Worst, share), 0}
	case c.percentile != nil:
		return c.percentile.value(worth, quantiles)
	case c.kOfN != nil:
		return []float64{share * c.kOfN.K}
	}
	var out []float64
	for _, b := range c.bands.Steps {
		if b.UpTo != nil {
			// The value itself lies in one band, its neighbours in both.
			out = append(out, *b.UpTo, math.Nextafter(*b.UpTo, math.Inf(1)), math.Nextafter(*b.UpTo, math.Inf(-1)))
		}
	}
	return out
}

func (u *uShapeSpec) values(worth float64) []float64 {
	out := []float64{u.Low, u.High}
	if u.LowWorth != 100 {
		out = append(out, u.Low+(u.PeakFrom-u.Low)*clamp((worth-u.LowWorth)/(100-u.LowWorth)))
	}
	if u.HighWorth != 100 {
		out = append(out, u.PeakTo+(u.High-u.PeakTo)*clamp((100-worth)/(100-u.HighWorth)))
	}
	return out
}
