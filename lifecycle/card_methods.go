package lifecycle

// The classes of a measure's worth.
const (
	unclassed int8 = iota
	poor
	fair
	good
)

func className(c int8) string { return [...]string{"", "poor", "fair", "good"}[c] }

func (m *measure) class(j *judged) int8 {
	switch {
	case !j.known():
		return unclassed
	case j.worth >= m.good:
		return good
	case j.worth >= m.fair:
		return fair
	}
	return poor
}

// classWorth is what a class of measures makes of a customer by a card that wants all of them good.
func (c *scorecard) classWorth(class int8) float64 {
	switch {
	case class == good:
		return 100
	case class == fair && c.method == gradedAllOrNone:
		return 50
	}
	return 0
}

// allOrNone holds a customer well only where every measure is good. A measure that is not required is left out while it
// is not known; without one that is required there is no answer.
func (w *weigher) allOrNone() (r reading) {
	worst := good
	var stale, lacking, awaited bool
	for i := range w.card.groups {
		g := &w.card.groups[i]
		for k := range g.measures {
			m := &g.measures[k]
			j := w.judge(m)
			w.count(m, &j, g.weight*m.weight/1e4)
			switch class := m.class(&j); {
			case class != unclassed:
				worst = min(worst, class)
			case j.standing == distrusted:
				stale, awaited = true, awaited || m.required
			case j.standing != inapplicable:
				lacking = lacking || m.required
			}
			if w.sheet != nil {
				w.sheet.note(w, g, m, j)
			}
		}
	}
	r.value = w.card.classWorth(worst)
	r.low, r.high = r.value, r.value
	if stale {
		r.low = 0
	}
	known := w.knownSum > 0
	switch {
	case lacking || w.vetoed || !known && !stale:
	case awaited || w.vetoStale || !known:
		r.known = heldBack
	default:
		r.known = sufficient
	}
	return r
}

// sideBySide makes no number of the groups: it looks their bands up in the table, and takes the worst of them where the
// table has no row for them.
func (w *weigher) sideBySide() (r reading) {
	var bands [mostGroups]int8
	worst, stale := greenBand+1, false
	for i := range w.card.groups {
		g := &w.card.groups[i]
		delivered, sum, late := w.delivered, w.knownSum, w.stale
		known, worth, _ := w.group(g)
		delivered, sum = w.delivered-delivered, w.knownSum-sum
		stale = stale || w.stale > late
		if known > 0 && sum > 0 && sum >= w.card.sufficiency*delivered-1e-9 {
			bands[i] = w.card.plain(tidy(worth / known))
			worst = min(worst, bands[i])
		}
	}
	w.row = w.card.lookup(bands[:len(w.card.groups)])
	if w.row != nil {
		worst = w.row.band
	}
	switch {
	case worst <= greenBand && !w.vetoed && !w.vetoStale:
		r.known = sufficient
	case stale && !w.vetoed:
		r.known = heldBack
	}
	r.value = float64(min(worst, greenBand))
	r.low, r.high = r.value, r.value
	if stale {
		r.low, r.high = float64(redBand), float64(greenBand)
	}
	return r
}

// lookup returns the first row of the table that the groups' bands fit.
func (c *scorecard) lookup(bands []int8) *tableRow {
	for i := range c.table {
		fits := true
		for k, b := range bands {
			fits = fits && c.table[i].when[k]&(1<<b) != 0
		}
		if fits {
			return &c.table[i]
		}
	}
	return nil
}

// cap holds the reading down.
func (w *weigher) cap(r *reading) {
	uncapped := r.value
	for i := range w.card.caps {
		c := &w.card.caps[i]
		ceiling := c.max
		if w.card.method == sideBySide {
			ceiling = float64(w.card.plain(c.max))
		}
		holds := w.holds(c)
		stale := c.rests&w.trust.stale != 0
		if holds || stale {
			r.low = min(r.low, ceiling)
		}
		if !holds {
			continue
		}
		if !stale && ceiling < r.high {
			r.high, r.capped = ceiling, true
		}
		r.value = min(r.value, ceiling)
		if w.sheet != nil && ceiling < uncapped {
			w.sheet.capped(w.frame, c)
		}
	}
}

// holds says whether a cap is in force.
func (w *weigher) holds(c *ceiling) bool {
	w.watch(c.when, true)
	if c.until <= w.frame.t {
		return false
	}
	if c.until != never {
		w.next = min(w.next, c.until)
	}
	if c.lapse != nil {
		w.watch(c.lapse, true)
		if c.lapse.truth.truth(w.frame) != yes {
			return false
		}
	}
	return c.when.truth.truth(w.frame) == yes
}
