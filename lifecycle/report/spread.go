package report

import (
	"maps"
	"math"
	"slices"
	"time"

	"github.com/lifecyclehub/hub/lifecycle/evidence"
)

// spread is a distribution in bounded room. Values are kept to a fixed precision, so that neither the order in which
// they come nor the way in which they are split into batches matters.
type spread struct {
	// over counts cases that are over by their value, open those that are not by how long they have lasted.
	over, open map[float64]int64
}

func (s *spread) put(v float64, over bool) {
	m := &s.over
	if !over {
		m = &s.open
	}
	if *m == nil {
		*m = map[float64]int64{}
	}
	(*m)[v]++
}

// lasted takes a time in, in days: to the minute below a day, the hour below 30 days, else the day.
func (s *spread) lasted(d time.Duration, over bool) {
	s.put(exact(d).Hours()/24, over)
}

func exact(d time.Duration) time.Duration {
	switch {
	case d < 0:
		return 0
	case d < day:
		return d.Truncate(time.Minute)
	case d < 30*day:
		return d.Truncate(time.Hour)
	}
	return d.Truncate(day)
}

// amount takes an amount in, to three significant digits.
func (s *spread) amount(minor int64) {
	v, unit := minor, int64(1)
	for v >= 1000 || v <= -1000 {
		v, unit = v/10, unit*10
	}
	s.put(float64(v*unit), true)
}

func size(m map[float64]int64) (n int64) {
	for _, k := range m {
		n += k
	}
	return n
}

// counts returns how many cases are over, and how many there are.
func (s *spread) counts() (over, all int64) {
	over = size(s.over)
	return over, over + size(s.open)
}

// quantile is that of the cases that are over, between order statistics where q lies between them.
func (s *spread) quantile(q float64) float64 {
	n := size(s.over)
	if n == 0 {
		return math.NaN()
	}
	values := slices.Sorted(maps.Keys(s.over))
	at := q * float64(n-1)
	lo := s.nth(values, int64(math.Floor(at)))
	hi := s.nth(values, int64(math.Ceil(at)))
	return lo + (hi-lo)*(at-math.Floor(at))
}

func (s *spread) nth(values []float64, n int64) float64 {
	for _, v := range values {
		if n -= s.over[v]; n < 0 {
			return v
		}
	}
	return values[len(values)-1]
}

// share is the part of all cases that were over within so long. Open ones that have not lasted so long are left aside.
func (s *spread) within(limit float64) (k, n int64) {
	for v, c := range s.over {
		n += c
		if v <= limit {
			k += c
		}
	}
	for v, c := range s.open {
		if v >= limit {
			n += c
		}
	}
	return k, n
}

// survival is the share of cases that last at least so long.
type survival struct {
	at, share, low, high float64
	risk, over           int64
}

// survive is the Kaplan–Meier estimate, with Greenwood's variance on the log(−log) scale. Cases that are over count
// before open ones of the same length.
func (s *spread) survive() []survival {
	ends := map[float64]bool{}
	for v := range s.over {
		ends[v] = true
	}
	for v := range s.open {
		ends[v] = true
	}
	_, risk := s.counts()
	out := []survival{{share: 1, low: 1, high: 1, risk: risk}}
	left, green := 1.0, 0.0
	for _, at := range slices.Sorted(maps.Keys(ends)) {
		if d := s.over[at]; d > 0 {
			left *= 1 - float64(d)/float64(risk)
			green += float64(d) / (float64(risk) * float64(risk-d))
			p := survival{at: at, share: left, low: left, high: left, risk: risk, over: d}
			if left > 0 && left < 1 {
				se := math.Sqrt(green) / math.Abs(math.Log(left))
				p.low, p.high = math.Pow(left, math.Exp(evidence.Z95*se)), math.Pow(left, math.Exp(-evidence.Z95*se))
			}
			out = append(out, p)
		}
		risk -= s.over[at] + s.open[at]
	}
	return out
}

// lasting is the time by which a share q of all cases is over by the Kaplan–Meier estimate, NaN where so many never are.
func (s *spread) lasting(q float64) float64 {
	for _, p := range s.survive() {
		if p.share <= 1-q+1e-12 && p.over > 0 {
			return p.at
		}
	}
	return math.NaN()
}
