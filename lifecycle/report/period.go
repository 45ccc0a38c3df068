package report

import "time"

// maxPeriods bounds the steps of a series.
const maxPeriods = 240

// period is a part of the whole, From inclusive, To exclusive.
type period struct {
	from, to time.Time
	name     string
}

// periods cuts a time into weeks, months or quarters. The first and the last may be cut short.
func periods(from, to time.Time, every string) []period {
	var out []period
	start := beginning(from, every)
	for start.Before(to) && len(out) <= maxPeriods {
		p := period{start, following(start, every), name(start, every)}
		if p.from.Before(from) {
			p.from = from
		}
		if p.to.After(to) {
			p.to = to
		}
		out = append(out, p)
		start = following(start, every)
	}
	return out
}

// beginning is the start of the step that t lies in.
func beginning(t time.Time, every string) time.Time {
	t = t.UTC()
	switch every {
	case "week":
		t = t.AddDate(0, 0, -(int(t.Weekday())+6)%7)
		return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	case "quarter":
		return time.Date(t.Year(), (t.Month()-1)/3*3+1, 1, 0, 0, 0, 0, time.UTC)
	}
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

func following(t time.Time, every string) time.Time {
	switch every {
	case "week":
		return t.AddDate(0, 0, 7)
	case "quarter":
		return t.AddDate(0, 3, 0)
	}
	return t.AddDate(0, 1, 0)
}

func name(t time.Time, every string) string {
	switch every {
	case "week":
		return t.Format("2006-01-02")
	case "quarter":
		return t.Format("2006") + "-Q" + string(rune('1'+(int(t.Month())-1)/3))
	}
	return t.Format("2006-01")
}

// within is the place of the period that holds t, -1 where none does. Periods follow each other without a gap.
func within(ps []period, t time.Time) int {
	lo, hi := 0, len(ps)
	for lo < hi {
		mid := (lo + hi) / 2
		if ps[mid].to.After(t) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	if lo < len(ps) && !t.Before(ps[lo].from) {
		return lo
	}
	return -1
}

// monthsAfter is t some months later, on the same day or the last of a shorter month.
func monthsAfter(t time.Time, months int) time.Time {
	first := time.Date(t.Year(), t.Month()+time.Month(months), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), last)-1)
}
