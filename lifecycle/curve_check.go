package lifecycle

import (
	"errors"
	"fmt"
	"math"
)

// newCurve checks a curve against the kind of value that it is for.
func newCurve(s curveSpec, isTruth bool) (curve, error) {
	given := 0
	for _, has := range []bool{s.Linear != nil, s.Bands != nil, s.Boolean != nil, s.Decay != nil, s.UShape != nil, s.Trend != nil, s.Percentile != nil, s.KOfN != nil} {
		if has {
			given++
		}
	}
	c := curve{linear: s.Linear, bands: s.Bands, boolean: s.Boolean, decay: s.Decay, uShape: s.UShape, trend: s.Trend, percentile: s.Percentile, kOfN: s.KOfN}
	switch {
	case given != 1:
		return c, errors.New("a curve is exactly one of linear, bands, boolean, decay, u_shape, trend, percentile and k_of_n")
	case isTruth != (s.Boolean != nil):
		return c, errors.New("a boolean curve is for values that are true or false, and only for those")
	case s.Linear != nil && (!isFinite(s.Linear.Worst) || !isFinite(s.Linear.Best)):
		return c, errors.New("worst and best of a linear curve must be finite numbers")
	case s.Linear != nil && s.Linear.Worst == s.Linear.Best:
		return c, errors.New("worst and best of a linear curve are the same")
	case s.Decay != nil && !(s.Decay.HalfLife > 0 && isFinite(s.Decay.HalfLife)):
		return c, errors.New("the half_life of a decay curve must be above 0 days")
	case s.Boolean != nil && (!isWorth(s.Boolean.Yes) || !isWorth(s.Boolean.No)):
		return c, errors.New("yes and no must be from 0 to 100")
	case s.UShape != nil:
		return c, s.UShape.check()
	case s.Trend != nil && !(s.Trend.Worst > 0 && s.Trend.Best > 0 && isFinite(s.Trend.Worst) && isFinite(s.Trend.Best) && s.Trend.Worst != s.Trend.Best):
		return c, errors.New("worst and best of a trend are two different ratios above 0, 1 for no change")
	case s.Trend != nil && (s.Trend.Baseline < 0 || s.Trend.Baseline > 1e6):
		return c, errors.New("the baseline of a trend is the number of events that the time before must have had")
	case s.Percentile != nil && s.Percentile.Best != "high" && s.Percentile.Best != "low":
		return c, errors.New("best of a percentile must be high or low")
	case s.KOfN != nil && !(s.KOfN.K > 0 && s.KOfN.K <= s.KOfN.N && isFinite(s.KOfN.N)):
		return c, errors.New("k of k_of_n must be above 0 and at most n")
	case s.Bands != nil:
		return c, s.Bands.check()
	}
	return c, nil
}

func (u *uShapeSpec) check() error {
	switch {
	case !isFinite(u.Low) || !isFinite(u.High) || !(u.Low < u.PeakFrom && u.PeakFrom <= u.PeakTo && u.PeakTo < u.High):
		return errors.New("a u_shape ascends: low, peak_from, peak_to, high")
	case !isWorth(u.LowWorth) || !isWorth(u.HighWorth):
		return errors.New("low_worth and high_worth must be from 0 to 100")
	}
	return nil
}

// check wants bands that ascend, do not overlap and leave no value out.
func (s *stepsSpec) check() error {
	if s.Inclusive != "" && s.Inclusive != "lower" && s.Inclusive != "upper" {
		return errors.New("inclusive must be lower or upper: to which of two bands the value belongs at which they meet")
	}
	bands := s.Steps
	if len(bands) == 0 {
		return errors.New("the curve has no bands")
	}
	for i, b := range bands {
		last := i == len(bands)-1
		switch {
		case !isWorth(b.Worth):
			return fmt.Errorf("band %d: worth must be from 0 to 100, is %s", i+1, decimal(b.Worth))
		case b.UpTo == nil && !last:
			return fmt.Errorf("band %d has no up_to and overlaps the bands after it: only the last may leave it out", i+1)
		case b.UpTo != nil && last:
			return errors.New("the last band must leave up_to out, or values above it would have no worth")
		case b.UpTo != nil && !isFinite(*b.UpTo):
			return fmt.Errorf("band %d: up_to must be a finite number", i+1)
		case i > 0 && b.UpTo != nil && *b.UpTo <= *bands[i-1].UpTo:
			return fmt.Errorf("bands overlap: up_to %s comes after up_to %s", decimal(*b.UpTo), decimal(*bands[i-1].UpTo))
		}
	}
	return nil
}

func isWorth(v float64) bool { return v >= 0 && v <= 100 }

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
