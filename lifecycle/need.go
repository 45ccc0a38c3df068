package lifecycle

import "slices"

// need says what of a pattern's past its askers look at, so that a book can let the rest go.
type need struct {
	// noted is set once somebody who asks has said what for; where nobody did, everything is kept. So it is with whole.
	noted, whole bool
	// newestPer and each say what whole is for, so that less need be kept: the newest event of each key, and every event
	// of the last eachWithin days.
	newestPer  []perKey
	each       bool
	eachWithin int
	// exact is for how many days back an event's own hour counts, dated for how many its day does.
	exact, dated int
	// proofs are the functions that look among the pattern's events for those that still count.
	proofs []func(*state, entry) bool
}

// perKey is the newest event of each key in the last days.
type perKey struct {
	by     eventText
	within int
}

// all says whether every event must be kept, because nobody said what for.
func (n *need) all() bool { return !n.noted || n.whole && !n.each && len(n.newestPer) == 0 }

// asksNewest says whether of all that lies in a window only the newest event matters.
func (n *invocation) asksNewest() bool {
	return slices.Contains([]string{"exists", "days_since", "last_value"}, n.name)
}

// note keeps what a call asks of its pattern.
func (c *compiler) note(inv *invocation) {
	n := &c.patterns[inv.pattern].need
	n.noted = true
	if !inv.asksNewest() {
		days := inv.reach()
		if inv.fn.age == fromEvents {
			for _, d := range c.limits {
				days = max(days, d)
			}
		}
		n.dated = max(n.dated, days)
		if !c.dated {
			n.exact = max(n.exact, days)
		}
	}
	cited := &c.patterns[inv.cited].need
	cited.noted = true
	if inv.fn.proves != nil {
		cited.proofs = append(cited.proofs, inv.fn.proves)
	}
}
