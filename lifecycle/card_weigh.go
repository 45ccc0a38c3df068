package lifecycle

import "math"

// standing is how a measure stands at a moment.
type standing int8

const (
	// told: its value is known, or its silence is worth nothing by its policy.
	told standing = iota
	// assumed: nothing is known, which counts as 50.
	assumed
	// lacking: nothing is known; its weight goes to the others. vetoing: then nothing is known of the whole.
	lacking
	vetoing
	// outdated: the newest word on it is too old.
	outdated
	// distrusted: a source that would tell is not fresh. undelivered: there is none.
	distrusted
	undelivered
	// inapplicable: the measure is not meant for the customer.
	inapplicable
)

// judged is a measure at a moment.
type judged struct {
	standing standing
	// valued says that there is a value; where there is none the silence itself has the worth.
	valued       bool
	value, worth float64
	// newest is when the newest event that it rests on occurred, always where there is none.
	newest int64
	halved bool
}

// known says whether the measure has a worth.
func (j *judged) known() bool { return j.standing == told || j.standing == assumed }

// weigher evaluates a scorecard at the end of a frame's UTC day.
type weigher struct {
	card  *scorecard
	frame *frame
	trust trust
	// sheet takes notes of every measure, nil where only the number is wanted.
	sheet *sheet
	// next is the first later UTC midnight at which the outcome may change with time alone.
	next int64
	// The sums are of weights, 0 to 1: of the measures that count, of those that are known, missing or distrusted.
	all, delivered, knownSum, missing, stale float64
	vetoed, vetoStale                        bool
	// row is what the table says of groups side by side.
	row *tableRow
}

// watch notes when an expression may change. A settled age does not: every later age has the same worth.
func (w *weigher) watch(x *expression, settled bool) {
	if settled && x.ages {
		rest := *x
		rest.ages = false
		x = &rest
	}
	w.next = min(w.next, w.frame.nextMidnight(x))
}

// judge evaluates a measure.
func (w *weigher) judge(m *measure) (j judged) {
	j.newest = always
	if m.only != "" && m.only != w.frame.customerType {
		j.standing = inapplicable
		return j
	}
	if m.ofSources() {
		w.judgeSources(m, &j)
		return j
	}
	if m.needsSet&^(w.trust.fresh|w.trust.stale) != 0 {
		j.standing = undelivered
		return j
	}
	if m.rests&w.trust.stale != 0 {
		j.standing = distrusted
		return j
	}
	if m.onlyIf != nil {
		w.watch(m.onlyIf, true)
		if m.onlyIf.truth.truth(w.frame) != yes {
			j.standing = inapplicable
			return j
		}
	}
	quantiles := w.frame.cohorts[m.curve.cohort]
	v, ok := m.number(w.frame)
	if ok && m.curve.percentile != nil {
		_, ok = rankIn(quantiles, v)
	}
	if ok && m.baseline != nil {
		w.watch(m.baseline, false)
		base, _ := m.baseline.number.number(w.frame)
		ok = base >= m.minBaseline
	}
	if !ok {
		w.watch(m.value, true)
		j.standing, j.worth = m.silence()
		return j
	}
	j.valued, j.value, j.worth = true, v, m.curve.worth(v, quantiles)
	w.watch(m.value, m.settled(w.frame, v))
	w.date(m, &j)
	return j
}

// date finds how old the word is that a value rests on, and what that makes of it.
func (w *weigher) date(m *measure, j *judged) {
	f := w.frame
	for _, r := range m.value.reads {
		s := &f.ledger.series[r.pattern]
		if n := s.upto(f.t); n > 0 {
			j.newest = max(j.newest, s.at[n-1])
		}
	}
	if m.maxAge == 0 || j.newest <= always {
		return
	}
	if ends := floorDay(j.newest) + int64(m.maxAge+1)*day; ends > f.t {
		w.next = min(w.next, ends)
		return
	}
	if m.halve {
		j.halved = true
		return
	}
	j.standing = outdated
}

// judgeSources evaluates a measure of sources.
func (w *weigher) judgeSources(m *measure, j *judged) {
	delivered := w.trust.fresh | w.trust.stale
	of, among := m.delivered, delivered
	if m.fresh != 0 {
		// Of what nobody delivers nothing can be old.
		of, among = m.fresh&delivered, w.trust.fresh
	}
	if of == 0 {
		j.standing = undelivered
		return
	}
	j.valued, j.value = true, float64((of&among).size())/float64(of.size())
	j.worth = m.curve.worth(j.value, nil)
}

// silence is what it means that a fresh source tells nothing.
func (m *measure) silence() (standing, float64) {
	switch m.missing {
	case neutral:
		return assumed, 50
	case structuralZero:
		return told, 0
	case wholeNA:
		return vetoing, 0
	}
	return lacking, 0
}

// number evaluates the measure's expression, a truth as 1 and 0.
func (m *measure) number(f *frame) (float64, bool) {
	if m.value.truth != nil {
		switch m.value.truth.truth(f) {
		case yes:
			return 1, true
		case no:
			return 0, true
		}
		return 0, false
	}
	v, ok := m.value.number.number(f)
	return v, ok && !math.IsNaN(v) && !math.IsInf(v, 0)
}

// settled says whether the value will be worth the same for as long as no event comes in. That is only
// told of an age on its own, which can but grow.
func (m *measure) settled(f *frame, v float64) bool {
	inv, ok := m.value.number.(*invocation)
	if !ok {
		return false
	}
	return m.curve.settled(v) || inv.fn.resting != nil && inv.fn.resting(f)
}

// count adds a measure to the sums by its share of the whole weight.
func (w *weigher) count(m *measure, j *judged, share float64) {
	if j.standing == inapplicable {
		return
	}
	w.all += share
	if j.standing == undelivered && w.card.excludeAbsent {
		return
	}
	w.delivered += share
	switch j.standing {
	case told:
		w.knownSum += share
	case assumed:
	case distrusted:
		w.stale += share
		w.vetoStale = w.vetoStale || m.missing == wholeNA
	case vetoing:
		w.vetoed = true
		w.missing += share
	default:
		w.missing += share
		w.vetoed = w.vetoed || m.missing == wholeNA
	}
}

// knowledge judges by the sums how much is known.
func (w *weigher) knowledge() knowledge {
	const slack = 1e-9
	enough := func(known, missing float64) bool {
		return known > 0 && known >= w.card.sufficiency*w.delivered-slack && missing <= w.card.redistribute*w.delivered+slack
	}
	switch {
	case w.vetoed:
		return insufficient
	case !w.vetoStale && enough(w.knownSum, w.missing+w.stale):
		return sufficient
	case enough(w.knownSum+w.stale, w.missing):
		return heldBack
	}
	return insufficient
}

// read evaluates the card.
func (w *weigher) read() reading {
	var r reading
	switch w.card.method {
	case sideBySide:
		r = w.sideBySide()
	case allOrNone, gradedAllOrNone:
		r = w.allOrNone()
	default:
		r = w.weighted()
	}
	r.value, r.low, r.high = tidy(r.value), tidy(r.low), tidy(r.high)
	r.raw = r.value
	w.cap(&r)
	return r
}

// tidy takes the noise of adding up out of a score, so that no band depends on the order of measures.
func tidy(v float64) float64 { return min(max(math.Round(v*1e9)/1e9, 0), 100) }

// weighted is the mean of the groups, each the mean of its measures. What is missing gives its weight to the others of
// its group first; a group of which nothing is known gives its own to the other groups.
func (w *weigher) weighted() (r reading) {
	var sum, low, high, weight, widest float64
	for i := range w.card.groups {
		g := &w.card.groups[i]
		known, worth, stale := w.group(g)
		if known > 0 {
			sum += g.weight * worth / known
			weight += g.weight
		}
		if known+stale > 0 {
			low += g.weight * worth / (known + stale)
			high += g.weight * (worth + 100*stale) / (known + stale)
			widest += g.weight
		}
	}
	r.known = w.knowledge()
	if weight > 0 {
		r.value = sum / weight
	}
	if widest > 0 {
		r.low, r.high = low/widest, high/widest
	}
	return r
}

// group adds up a group's measures: the weight of those known, that weight times their worth, and the weight of those
// whose source is not fresh.
func (w *weigher) group(g *group) (known, worth, stale float64) {
	for i := range g.measures {
		m := &g.measures[i]
		j := w.judge(m)
		weight := m.weight
		if j.halved {
			weight /= 2
		}
		switch {
		case j.known():
			known += weight
			worth += weight * j.worth
		case j.standing == distrusted:
			stale += weight
		}
		w.count(m, &j, g.weight*m.weight/1e4)
		if w.sheet != nil {
			w.sheet.note(w, g, m, j)
		}
	}
	return known, worth, stale
}
