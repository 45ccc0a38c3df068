package chart

import (
	"math"
	"time"
)

// Axis says what an axis shows.
type Axis struct {
	Label string
	Unit  Unit
	// Time marks an axis of moments, which At places.
	Time bool
	// Min and Max widen the axis to these values where they are set.
	Min, Max *float64
}

// Value returns a pointer to v, for the bounds of an axis.
func Value(v float64) *float64 { return &v }

// format writes a value of the axis.
func (a Axis) format(v float64) string {
	if a.Time {
		t := moment(v)
		if t.Hour() == 0 && t.Minute() == 0 {
			return t.Format("2 Jan 2006")
		}
		return t.Format("2 Jan 2006 15:04")
	}
	return a.Unit.Format(v)
}

// scale maps values to places.
type scale struct{ min, max, from, to float64 }

func (s scale) at(v float64) float64 {
	if s.max == s.min {
		return (s.from + s.to) / 2
	}
	return s.from + (v-s.min)/(s.max-s.min)*(s.to-s.from)
}

// span collects the extent of values.
type span struct {
	min, max float64
	any      bool
}

func (s *span) add(vs ...float64) {
	for _, v := range vs {
		if !finite(v) {
			continue
		}
		if !s.any {
			s.min, s.max, s.any = v, v, true
		}
		s.min, s.max = math.Min(s.min, v), math.Max(s.max, v)
	}
}

// widen takes the axis' own bounds in and sees that there is some extent.
func (s *span) widen(a Axis) {
	for _, b := range []*float64{a.Min, a.Max} {
		if b != nil {
			s.add(*b)
		}
	}
	if !s.any {
		s.min, s.max = 0, 1
	}
	if s.max-s.min < 1e-9*math.Max(1, math.Abs(s.max)) {
		d := math.Max(math.Abs(s.max)/10, 0.5)
		if a.Unit.Scale > 1 {
			d = math.Max(math.Abs(s.max)/10, 0.05)
		}
		if a.Time {
			d = 43200
		}
		s.min, s.max = s.min-d, s.max+d
	}
}

// ticks returns round values between min and max, and the step between them.
func ticks(lo, hi float64, n int) ([]float64, float64) {
	raw := (hi - lo) / float64(max(n, 1))
	if !finite(raw) || raw <= 0 {
		return nil, 0
	}
	p := math.Pow(10, math.Floor(math.Log10(raw)))
	step := 10 * p
	for _, m := range []float64{1, 2, 2.5, 5} {
		if raw <= m*p*1.0000001 {
			step = m * p
			break
		}
	}
	var out []float64
	for i := math.Ceil(lo/step - 1e-9); i*step <= hi+step*1e-9 && len(out) < 50; i++ {
		out = append(out, i*step)
	}
	return out, step
}

// timeTicks returns the beginnings of days, weeks, months, quarters or years between two moments, with how they are
// written.
func timeTicks(lo, hi float64, n int) (at []float64, labels []string) {
	from, to := moment(lo), moment(hi)
	days := to.Sub(from).Hours() / 24
	months, stride, layout := 0, 1, "2 Jan"
	switch per := days / float64(max(n, 1)); {
	case per <= 1:
	case per <= 2:
		stride = 2
	case per <= 7:
		stride = 7
	case per <= 14:
		stride = 14
	case per <= 31:
		months, layout = 1, "Jan 2006"
	case per <= 92:
		months, layout = 3, "Jan 2006"
	case per <= 183:
		months, layout = 6, "Jan 2006"
	default:
		months, layout = 12*int(math.Ceil(per/366)), "2006"
	}
	t := time.Date(from.Year(), from.Month(), from.Day(), 0, 0, 0, 0, time.UTC)
	if months > 0 {
		first := 0
		if months < 12 {
			first = (int(from.Month()) - 1) / months * months
		}
		t = time.Date(from.Year(), time.Month(first+1), 1, 0, 0, 0, 0, time.UTC)
	}
	for i := 0; i < 400 && !t.After(to); i++ {
		if !t.Before(from) {
			at, labels = append(at, At(t)), append(labels, t.Format(layout))
		}
		if months > 0 {
			t = t.AddDate(0, months, 0)
		} else {
			t = t.AddDate(0, 0, stride)
		}
	}
	return at, labels
}
