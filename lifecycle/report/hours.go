package report

import "time"

// Hours are business hours: on these days, from one time of day to another, somewhere.
type Hours struct {
	Zone *time.Location
	Days [7]bool // by time.Weekday
	// Open and Close are times since midnight.
	Open, Close time.Duration
}

// between is how long business lasts between two moments; without hours, how long they are apart.
func (h *Hours) between(from, to time.Time) time.Duration {
	if h == nil {
		return to.Sub(from)
	}
	if !to.After(from) {
		return 0
	}
	// Beyond a year no more than an estimate is wanted, and the loop stays short.
	if limit := from.AddDate(1, 0, 0); to.After(limit) {
		return h.between(from, limit) + to.Sub(limit)
	}
	total := time.Duration(0)
	from, to = from.In(h.Zone), to.In(h.Zone)
	for d := time.Date(from.Year(), from.Month(), from.Day(), 0, 0, 0, 0, h.Zone); d.Before(to); d = d.AddDate(0, 0, 1) {
		if !h.Days[d.Weekday()] {
			continue
		}
		open, end := h.clock(d, h.Open), h.clock(d, h.Close)
		if open.Before(from) {
			open = from
		}
		if end.After(to) {
			end = to
		}
		if end.After(open) {
			total += end.Sub(open)
		}
	}
	return total
}

// clock is a time of day on a day, also where clocks are put forward or back on it.
func (h *Hours) clock(d time.Time, at time.Duration) time.Time {
	return time.Date(d.Year(), d.Month(), d.Day(), 0, int(at.Minutes()), 0, 0, h.Zone)
}
