package lifecycle

import (
	"maps"
	"slices"

	"github.com/lifecyclehub/hub/canon"
)

// fold takes the older part of a long tail into sums and states.
func (b *Book) fold(facts Facts, now int64) {
	n, through := b.due(now)
	if n == 0 && through == always {
		return
	}
	// A moment is folded whole, so that what comes late at it is seen to lie before.
	for n > 0 && n < len(b.tail) && b.tail[n-1].at == b.tail[n].at {
		n--
	}
	if len(b.tail) < b.policy.tails.stale {
		if part := b.trustedPart(facts, n); part < n || through > b.through && len(doubted(facts, lastReading(through))) > 0 {
			n, through = part, always
		}
	}
	if n > 0 {
		through = max(through, b.tail[n-1].at)
	}
	if through <= b.through {
		return
	}
	b.ledger.extend(b.tail[:n])
	b.walker.facts(facts)
	b.walker.resume(b.through)
	b.walker.run(b.through, through)
	b.tail, b.through, b.doc, b.folded = slices.Clone(b.tail[n:]), through, nil, nil
	b.terms.trust = b.policy.trust(facts, b.walker.read.last)
	b.letGo()
}

// due returns how many events of the tail are to be folded, and the moment up to which time is to be folded with them: what
// lies some days back, so that few days are walked over again and again.
func (b *Book) due(now int64) (n int, through int64) {
	through = always
	seen := b.seen(now)
	if seen == 0 && b.through == always {
		return 0, always
	}
	if settled := floorDay(now) - int64(b.policy.tails.days)*day; settled > b.through+int64(b.policy.tails.days)*day {
		n, through = b.seen(settled), settled
	}
	if seen-n > b.policy.tails.most {
		n = seen - b.policy.tails.least
	}
	return n, through
}

// trustedPart returns how many of the first n events of the tail lie on days on which every source could be trusted.
func (b *Book) trustedPart(facts Facts, n int) int {
	for n > 0 {
		if last := lastReading(b.tail[n-1].at); b.walker.read.begin > last || len(doubted(facts, last)) == 0 {
			break
		}
		n--
	}
	for n > 0 && n < len(b.tail) && b.tail[n-1].at == b.tail[n].at {
		n--
	}
	return n
}

// lastReading is the end of the last day before t.
func lastReading(t int64) int64 { return floorDay(t) - 1 }

// doubted lists the kinds that are delivered but could not be trusted at t.
func doubted(facts Facts, t int64) []trusted {
	var out []trusted
	for _, k := range canon.Kinds() {
		if fresh, delivered := facts.Sources[k]; delivered && !fresh && facts.Trusted[k].UnixMicro() < t {
			until := int64(always)
			if at := facts.Trusted[k]; !at.IsZero() {
				until = at.UnixMicro()
			}
			out = append(out, trusted{k, until})
		}
	}
	return out
}

// trust tells what the readings up to last rest on: the kinds that nobody delivers, and those that could not be trusted.
func (p *Policy) trust(facts Facts, last int64) []trusted {
	if last == always {
		return nil
	}
	out := doubted(facts, last)
	for _, k := range canon.Kinds() {
		if _, delivered := facts.Sources[k]; !delivered {
			out = append(out, trusted{k, never})
		}
	}
	return out
}

// letGo drops what no answer for a later moment can need.
func (b *Book) letGo() {
	l, f := b.ledger, b.walker.frame
	kept := make([]bool, len(l.entries))
	// What the tail tells of may yet live again.
	stays := map[canon.Ref]bool{}
	for _, e := range b.tail {
		stays[e.ev.Ref] = true
	}
	lives := func(e *canon.Event) bool { return stays[e.Ref] || f.state.isLive(e) }
	over := map[canon.Ref]bool{}
	for i := range l.series {
		l.series[i].merge(b.through, f, l.patterns[i].need)
		for _, at := range l.hold(i, holding{f.state, lives, b.through}) {
			kept[at] = true
			if len(l.patterns[i].need.proofs) > 0 {
				over[l.entries[at].ev.Ref] = true
			}
		}
	}
	maps.Copy(stays, over)
	b.closed = f.state.letGo(b.closed, stays)
	l.compact(kept)
	b.walker.applied = len(l.entries)
}

// merge makes one point of all points that no later answer tells apart.
func (s *series) merge(through int64, f *frame, n need) {
	s.n = 0
	if n.all() || len(s.at) < 3 {
		return
	}
	type stretch struct {
		day                 int64
		afterStage, inCycle bool
	}
	of := func(at int64) stretch {
		d := int64(never)
		if floorDay(at)+int64(n.dated+1)*day >= floorDay(through) {
			d = floorDay(at)
		}
		return stretch{d, at > f.since, at >= f.cycleSince}
	}
	// The first point stays by itself: when a series began is a moment at which answers change.
	ends := []int{0}
	for i := 1; i < len(s.at); i++ {
		last := i == len(s.at)-1
		if last || s.at[i]+int64(n.exact)*day > through && n.exact > 0 || of(s.at[i]) != of(s.at[i+1]) {
			ends = append(ends, i)
		}
	}
	if len(ends) == len(s.at) {
		return
	}
	s.keep(ends)
}

// keep merges points into those at the given places, each with all before it.
func (s *series) keep(ends []int) {
	at, counts, values := make([]int64, 0, len(ends)+tailMost), make([]int32, 1, len(ends)+tailMost), make([]float64, 1, len(ends)+tailMost)
	for _, i := range ends {
		at = append(at, s.at[i])
		values = append(values, s.values[i+1])
		if s.counts != nil {
			counts = append(counts, s.counts[i+1])
		} else {
			counts = append(counts, int32(i+1))
		}
	}
	for m := range s.money {
		sums := make([]int64, 1, len(ends)+tailMost)
		for _, i := range ends {
			sums = append(sums, s.money[m].sums[i+1])
		}
		s.money[m].sums = sums
	}
	s.at, s.counts, s.values = at, counts, values
}

// holding is what the events that are kept are chosen by.
type holding struct {
	state *state
	// lives says whether what an event tells of may still change, through is up to when the book is folded.
	lives   func(*canon.Event) bool
	through int64
}

// hold leaves of a series' events those that may be told of: the newest, and what still counts.
func (l *ledger) hold(i int, h holding) []int32 {
	s, n := &l.series[i], l.patterns[i].need
	if n.all() || len(s.held) <= mostEvidence {
		return s.held
	}
	keep := make(map[int32]bool, 2*mostEvidence)
	for _, at := range s.held[len(s.held)-mostEvidence:] {
		keep[at] = true
	}
	back := func(days int) int64 { return floorDay(h.through) - int64(days)*day }
	for k := len(s.held) - 1; k >= 0 && n.each && l.entries[s.held[k]].at >= back(n.eachWithin); k-- {
		keep[s.held[k]] = true
	}
	for _, per := range n.newestPer {
		seen := map[string]bool{}
		for k := len(s.held) - 1; k >= 0 && l.entries[s.held[k]].at >= back(per.within); k-- {
			if key, ok := per.by(l.entries[s.held[k]].ev); ok && !seen[key] {
				seen[key], keep[s.held[k]] = true, true
			}
		}
	}
	for _, proves := range n.proofs {
		live, settled := map[canon.Ref]int{}, 0
		for k := len(s.held) - 1; k >= 0; k-- {
			at := s.held[k]
			e := l.entries[at]
			switch {
			case h.lives(e.ev):
				if live[e.ev.Ref] < mostEvidence {
					live[e.ev.Ref]++
					keep[at] = true
				}
			case settled < mostEvidence && proves(h.state, e):
				settled++
				keep[at] = true
			}
		}
	}
	s.held = slices.DeleteFunc(slices.Clone(s.held), func(at int32) bool { return !keep[at] })
	return s.held
}

// compact leaves only the entries that are kept.
func (l *ledger) compact(kept []bool) {
	to := make([]int32, len(l.entries))
	out := make([]entry, 0, len(l.entries))
	for i, e := range l.entries {
		if kept[i] {
			to[i] = int32(len(out))
			out = append(out, e)
		}
	}
	for i := range l.series {
		held := make([]int32, len(l.series[i].held))
		for k, at := range l.series[i].held {
			held[k] = to[at]
		}
		l.series[i].held = held
	}
	l.entries = out
}
