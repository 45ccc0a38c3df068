package lifecycle

import (
	"errors"
	"fmt"
	"math"
)

// curve turns a measure's value into its worth, 0 to 100.
type curve struct {
	linear  *linearSpec
	bands   []bandSpec
	boolean *booleanSpec
	decay   *decaySpec
}

func (c curve) worth(v float64) float64 {
	switch {
	case c.linear != nil:
		share := (v - c.linear.Worst) / (c.linear.Best - c.linear.Worst)
		return 100 * min(max(share, 0), 1)
	case c.decay != nil:
		return 100 * math.Exp2(-max(v, 0)/c.decay.HalfLife)
	case c.boolean != nil:
		if v != 0 {
			return c.boolean.Yes
		}
		return c.boolean.No
	}
	for _, b := range c.bands {
		if b.UpTo == nil || v <= *b.UpTo {
			return b.Worth
		}
	}
	return c.bands[len(c.bands)-1].Worth
}

// settled says whether no value above v has another worth.
func (c curve) settled(v float64) bool {
	switch {
	case c.linear != nil:
		return v >= max(c.linear.Worst, c.linear.Best)
	case c.decay != nil:
		return false
	case c.boolean != nil:
		return v != 0
	}
	last := len(c.bands) - 1
	return last < 1 || v > *c.bands[last-1].UpTo
}

// newCurve checks a curve against the kind of value that it is for.
func newCurve(s curveSpec, isTruth bool) (curve, error) {
	given := 0
	for _, has := range []bool{s.Linear != nil, s.Bands != nil, s.Boolean != nil, s.Decay != nil} {
		if has {
			given++
		}
	}
	c := curve{s.Linear, s.Bands, s.Boolean, s.Decay}
	switch {
	case given != 1:
		return c, errors.New("a curve is exactly one of linear, bands, boolean and decay")
	case isTruth != (s.Boolean != nil):
		return c, errors.New("a boolean curve is for values that are true or false, and only for those")
	case s.Linear != nil && (!isFinite(s.Linear.Worst) || !isFinite(s.Linear.Best)):
		return c, errors.New("worst and best of a linear curve must be finite numbers")
	case s.Linear != nil && s.Linear.Worst == s.Linear.Best:
		return c, errors.New("worst and best of a linear curve are the same")
	case s.Decay != nil && !(s.Decay.HalfLife > 0):
		return c, errors.New("the half_life of a decay curve must be above 0 days")
	case s.Boolean != nil && (!isWorth(s.Boolean.Yes) || !isWorth(s.Boolean.No)):
		return c, errors.New("yes and no must be from 0 to 100")
	}
	return c, checkBands(s.Bands)
}

// checkBands wants bands that ascend, do not overlap and leave no value out.
func checkBands(bands []bandSpec) error {
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
