package lifecycle

// cut is where two bands meet: a value falls below it where it is under down, and rises above it where it reaches up.
// In between it stays where it was. Plain is what counts for a value without a past.
type cut struct{ down, up, plain float64 }

// latch is a band with its memory: what a score's readings so far have come to. Its zero value is a score without any.
type latch struct {
	// card is the position, from 1, of the scorecard that the band belongs to among those of its name.
	card int8
	band int8
	// pending is the band that the last count readings asked for.
	pending int8
	count   int16
	// since is the UTC midnight, in microseconds, of the day of the reading by which the band began.
	since int64
}

// knowledge is how much a reading tells.
type knowledge int8

const (
	// insufficient: too little is known, and not for want of a fresh source.
	insufficient knowledge = iota
	// heldBack: too little is known for want of a fresh source.
	heldBack
	// sufficient: the value holds.
	sufficient
)

// reading is a score's value at the end of a UTC day. The value lies between low and high whatever the sources may have
// told that cannot be trusted; where all can, both are the value.
type reading struct {
	card             int8 // position among the cards of the name, −1 where none applies
	known            knowledge
	value, low, high float64
	// raw is the value before caps, of the measures that are known.
	raw    float64
	capped bool
}

// plain returns the band of a value without a past.
func (c *scorecard) plain(v float64) int8 {
	switch {
	case v >= c.cuts[1].plain:
		return greenBand
	case v >= c.cuts[0].plain:
		return yellowBand
	}
	return redBand
}

// sideCuts are those of cards that have no number: their readings are bands.
var sideCuts = [2]cut{{1.5, 1.5, 1.5}, {2.5, 2.5, 2.5}}

// bandOf returns the band of a reading's value without a past.
func (c *scorecard) bandOf(v float64) int8 {
	if c.method == sideBySide {
		return int8(v)
	}
	return c.plain(v)
}

// target returns the band that a reading asks for where the band is given. It moves down only where even the highest
// possible value is too low, and up only where even the lowest is high enough: a source that cannot be trusted never
// moves a band.
func (c *scorecard) target(band int8, low, high float64) int8 {
	cuts := &c.cuts
	if c.method == sideBySide {
		cuts = &sideCuts
	}
	out := redBand
	for i := range cuts {
		above := low >= cuts[i].up
		if band >= yellowBand+int8(i) {
			above = high >= cuts[i].down
		}
		if above {
			out++
		}
	}
	return out
}

// step folds the reading of a day, given by its UTC midnight, into the latch.
func (set *scoreSet) step(l latch, r reading, midnight int64) latch {
	if r.card < 0 {
		return latch{}
	}
	if l.card != r.card+1 {
		if r.known == heldBack {
			return l
		}
		l = latch{card: r.card + 1, since: midnight}
	}
	c := set.cards[r.card]
	switch {
	case r.known == insufficient:
		if l.band != noBand {
			l = latch{card: l.card, since: midnight}
		}
		l.pending, l.count = 0, 0
		return l
	case l.band == noBand:
		if r.known == sufficient {
			l = latch{card: l.card, band: c.bandOf(r.value), since: midnight}
		}
		return l
	}
	target := c.target(l.band, r.low, r.high)
	if target == l.band {
		l.pending, l.count = 0, 0
		return l
	}
	if target != l.pending {
		l.pending, l.count = target, 0
	}
	l.count++
	if l.count >= c.confirm || r.capped && target < l.band {
		l = latch{card: l.card, band: target, since: midnight}
	}
	return l
}

// repeat folds the same reading of several days, of which the first is given, into the latch.
func (set *scoreSet) repeat(l latch, r reading, midnight, days int64) latch {
	for i := range days {
		before := l
		l = set.step(l, r, midnight+i*day)
		if l == before {
			return l // the same reading once more would change nothing either
		}
	}
	return l
}
