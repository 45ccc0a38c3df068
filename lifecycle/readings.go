package lifecycle

import "strings"

// readings fold the values that the scores had at the ends of UTC days into bands. Today is not among them: it counts as
// it stands.
type readings struct {
	facts *Facts
	// begin is when the day of the first reading lies, always while nobody knows; last is the moment of the last reading
	// taken, always for none.
	begin, last int64
	// latches are one per score.
	latches []latch
}

// newReadings begins the readings of a customer.
func (p *Policy) newReadings(facts Facts) *readings {
	r := &readings{facts: &facts, begin: always, last: always, latches: make([]latch, len(p.scores))}
	if !facts.Since.IsZero() {
		r.begin = facts.Since.UnixMicro()
	}
	return r
}

// readUntil takes the readings of the days that end before a moment. A day on which nothing can have changed counts as the
// reading before it once more.
func (w *walker) readUntil(until int64) {
	rd, f, p := w.read, w.frame, w.policy
	if rd == nil {
		return
	}
	at := rd.last + day
	if rd.last == always {
		if rd.begin == always {
			if len(f.ledger.entries) == 0 {
				return
			}
			rd.begin = f.ledger.entries[0].at
		}
		at = floorDay(rd.begin) + day - 1
	}
	taken := make([]reading, len(p.scores))
	for at < until {
		w.advance(at)
		t := rd.facts.trustOn(at)
		stop := min(until, rd.facts.trustEnds(at))
		if w.applied < len(f.ledger.entries) {
			stop = min(stop, f.ledger.entries[w.applied].at)
		}
		for i := range p.scores {
			r, next := p.reading(f, i, t)
			taken[i] = r
			rd.latches[i] = p.scores[i].step(rd.latches[i], r, floorDay(at))
			stop = min(stop, next)
		}
		same := max(0, (stop-1-at)/day)
		for i := range taken {
			rd.latches[i] = p.scores[i].repeat(rd.latches[i], taken[i], floorDay(at)+day, same)
		}
		at += (same + 1) * day
		rd.last = at - day
	}
}

// trustEnds returns the first moment after the end of a day at which a kind that is not fresh ceases to be complete; never
// where that has been.
func (f *Facts) trustEnds(end int64) int64 {
	next := int64(never)
	for k, until := range f.Trusted {
		if t := until.UnixMicro(); !f.Sources[k] && t >= end {
			next = min(next, t+1)
		}
	}
	return next
}

// today takes the reading of a day that is not over.
type today struct {
	policy  *Policy
	latches []latch
	// midnight ends the day, next is the midnight at which a latch may change because today's reading comes once more.
	midnight, next int64
}

// now returns what takes today's readings, and the midnight at which a source that was complete may no longer be.
func (w *walker) now(t int64) (*today, int64) {
	midnight, next := floorDay(t)+day, int64(never)
	if ends := w.read.facts.trustEnds(midnight - 1); ends != never {
		next = max(midnight, floorDay(ends))
	}
	return &today{w.policy, w.read.latches, midnight, never}, next
}

// take returns a score's latch with today's reading.
func (d *today) take(score int, r reading) latch {
	set := &d.policy.scores[score]
	l := set.step(d.latches[score], r, d.midnight-day)
	if set.step(l, r, d.midnight) != l {
		d.next = d.midnight
	}
	return l
}

func (r *readings) write(s *scribe) {
	s.int(r.begin)
	s.int(r.last)
	for _, l := range r.latches {
		s.int(int64(l.card))
		s.int(int64(l.band))
		s.int(int64(l.pending))
		s.int(int64(l.count))
		s.int(l.since)
	}
}

func (p *Policy) readReadings(r *reader) *readings {
	out := &readings{begin: r.int(), last: r.int(), latches: make([]latch, len(p.scores))}
	for i := range out.latches {
		l := latch{card: int8(r.int()), band: int8(r.int()), pending: int8(r.int()), count: int16(r.int()), since: r.int()}
		if l.card < 0 || int(l.card) > len(p.scores[i].cards) || l.band < noBand || l.band > greenBand || l.pending < noBand || l.pending > greenBand {
			r.fail()
			return out
		}
		out.latches[i] = l
	}
	return out
}

// Scorecards names the policy's scorecards with their versions, in order.
func (p *Policy) Scorecards() string {
	var out []string
	for _, set := range p.scores {
		for _, c := range set.cards {
			out = append(out, set.name+"/"+c.key+"@"+c.version)
		}
	}
	return strings.Join(out, " ")
}
