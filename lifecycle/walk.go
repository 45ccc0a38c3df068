package lifecycle

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

const (
	never = math.MaxInt64
	// always lies before every moment that an event can have, with room for windows to reach back.
	always = math.MinInt64 / 4
)

// cursor walks the moments at which a rule's answer may change: a series' moments put off by some days,
// or one moment on its own.
type cursor struct {
	rule   int
	at     []int64
	offset int64
	pos    int
	// newest leaves out the moments by which a later event has come.
	newest bool
}

// next returns the first moment after t.
func (c *cursor) next(t int64) int64 {
	for c.pos < len(c.at) && (c.at[c.pos]+c.offset <= t || c.newest && c.pos+1 < len(c.at) && c.at[c.pos+1] <= c.at[c.pos]+c.offset) {
		c.pos++
	}
	if c.pos == len(c.at) {
		return never
	}
	return c.at[c.pos] + c.offset
}

// walker folds the rules over time. Only the rules that lead out of the present stage are looked at, and
// each only at the moments at which it may change.
type walker struct {
	policy   *Policy
	frame    *frame
	customer string
	stage    int // position of the stage, len(stages) before the first
	applied  int // entries that the state has taken in
	cursors  []cursor
	// dirty marks rules to evaluate; holding is since when a rule holds, never while it does not; spent
	// marks those that were held back and must cease to hold before they may lead anywhere.
	dirty, spent []bool
	holding      []int64
	path         []canon.Event
	last         step
	// read takes the scores' readings on the way; nil where nobody asks for them.
	read *readings
}

// step is how the customer came into the present stage.
type step struct {
	rule     *rule
	at       int // the rule's position
	reason   string
	evidence []string
}

func newWalker(p *Policy, f *frame, customer string) *walker {
	w := &walker{policy: p, frame: f, customer: customer, stage: len(p.stages), dirty: make([]bool, len(p.rules)), spent: make([]bool, len(p.rules)), holding: make([]int64, len(p.rules))}
	for i := range w.holding {
		w.holding[i] = never
	}
	f.cycleSince = always
	w.watch(always)
	return w
}

// resume sets the cursors behind t, up to which the walk has come before, once later events are known.
func (w *walker) resume(t int64) {
	w.cursors = w.cursors[:0]
	for _, i := range w.policy.leaving[w.stage] {
		w.cursors = w.frame.cursors(w.cursors, i, w.policy.rules[i].when, t)
	}
}

// run walks from behind t up to now, which is included, and leaves frame and state there.
func (w *walker) run(t, now int64) {
	for {
		t = w.next(t)
		w.readUntil(min(t, floorDay(now)))
		if t > now {
			break
		}
		w.advance(t)
		w.settle(t)
	}
	w.advance(now)
}

// next returns the first moment after t at which a rule may change, and marks the rules that may.
func (w *walker) next(t int64) int64 {
	first := int64(never)
	for i := range w.cursors {
		first = min(first, w.cursors[i].next(t))
	}
	for _, r := range w.policy.leaving[w.stage] {
		if due := w.due(r); due > t {
			first = min(first, due)
		}
	}
	if first == never {
		return never
	}
	for i := range w.cursors {
		if w.cursors[i].next(t) == first {
			w.dirty[w.cursors[i].rule] = true
		}
	}
	return first
}

// due is when a rule that holds has held for long enough.
func (w *walker) due(r int) int64 {
	if w.holding[r] == never || w.spent[r] {
		return never
	}
	return w.holding[r] + w.policy.rules[r].dwell
}

// advance takes in the events up to t.
func (w *walker) advance(t int64) {
	entries := w.frame.ledger.entries
	for w.applied < len(entries) && entries[w.applied].at <= t {
		w.frame.state.apply(entries[w.applied])
		w.applied++
	}
	w.frame.t, w.frame.clock = t, t
}

// settle makes the transitions of one moment. No stage is entered twice in it, nor the one that it began
// in, so that rules which contradict each other cannot turn in a circle: a rule that would close one is
// held back until it has ceased to hold once.
func (w *walker) settle(t int64) {
	visited := []int{w.stage}
	for {
		best := -1
		for _, i := range w.policy.leaving[w.stage] {
			w.evaluate(i, t)
			if w.spent[i] || w.due(i) > t {
				continue
			}
			if slices.Contains(visited, w.policy.rules[i].to) {
				w.spent[i] = true
				continue
			}
			if best < 0 || w.policy.rules[i].precedence > w.policy.rules[best].precedence {
				best = i
			}
		}
		if best < 0 {
			return
		}
		w.transit(best, t)
		visited = append(visited, w.stage)
	}
}

// evaluate brings a dirty rule up to date.
func (w *walker) evaluate(i int, t int64) {
	if !w.dirty[i] {
		return
	}
	w.dirty[i] = false
	if w.policy.rules[i].when.truth.truth(w.frame) != yes {
		w.holding[i], w.spent[i] = never, false
	} else if w.holding[i] == never {
		w.holding[i] = t
	}
}

// watch sets the cursors of the rules that lead out of the present stage. A rule that led out of the stage
// before as well goes on holding; all others begin anew.
func (w *walker) watch(t int64) {
	leaving := w.policy.leaving[w.stage]
	w.cursors = w.cursors[:0]
	for i := range w.holding {
		w.dirty[i], w.spent[i] = slices.Contains(leaving, i), false
		if !w.dirty[i] {
			w.holding[i] = never
		}
	}
	for _, i := range leaving {
		w.cursors = w.frame.cursors(w.cursors, i, w.policy.rules[i].when, t)
	}
}

// cursors appends those of an expression, set behind t.
func (f *frame) cursors(list []cursor, rule int, x *expression, t int64) []cursor {
	for _, r := range x.reads {
		at := f.ledger.series[r.pattern].at
		if len(at) == 0 {
			continue
		}
		for _, d := range r.days {
			offset := int64(d) * day
			list = append(list, cursor{rule: rule, at: at, offset: offset, pos: after(at, t-offset)})
		}
		for _, d := range r.newest {
			offset := int64(d) * day
			list = append(list, cursor{rule: rule, at: at, offset: offset, pos: after(at, t-offset), newest: true})
		}
	}
	if f.stage != "" {
		for _, d := range x.stageDays {
			list = append(list, cursor{rule: rule, at: []int64{f.since}, offset: int64(d) * day})
		}
	}
	if f.isCustomer {
		for _, d := range x.tenureDays {
			list = append(list, cursor{rule: rule, at: []int64{f.tenureSince}, offset: int64(d) * day})
		}
	}
	return list
}

// transit moves the customer and writes the event.
func (w *walker) transit(best int, t int64) {
	p, f := w.policy, w.frame
	r := &p.rules[best]
	var cited citation
	r.when.truth.cite(f, &cited)
	w.last = step{r, best, r.reason.say(f, ""), cited.ids(f.ledger)}
	from, to := Stage{}, p.stages[r.to].Stage
	if w.stage < len(p.stages) {
		from = p.stages[w.stage].Stage
	}
	direction := "forward"
	switch {
	case from.Key == "":
		direction = "enter"
		f.cycle = 1
	case from.Exit && !to.Exit:
		direction = "reentry"
		f.cycle++
		f.cycleSince = t
		f.state.newCycle()
	case to.Exit:
		direction = "exit"
	case r.to < w.stage:
		direction = "back"
	}
	if r.nextCycle && direction != "enter" && direction != "reentry" {
		if direction == "back" {
			direction = "reentry" // another turn is no step back
		}
		f.cycle++
		f.cycleSince = t
		f.state.newCycle()
	}
	if to.Customer && !f.isCustomer {
		f.tenureSince = t
	}
	f.stage, f.since, f.isCustomer = to.Key, t, to.Customer
	w.stage = r.to
	w.path = append(w.path, w.event(from, to, direction))
	w.watch(t)
}

// event is the stage.changed event of the step just made.
func (w *walker) event(from, to Stage, direction string) canon.Event {
	summary := fmt.Sprintf("Moved from %s to %s: %s", from.Label, to.Label, w.last.reason)
	if from.Key == "" {
		summary = fmt.Sprintf("Entered %s: %s", to.Label, w.last.reason)
	}
	t := w.frame.since
	data := map[string]any{
		"from": from.Key, "to": to.Key, "direction": direction, "rule": w.last.rule.name,
		"policy": w.policy.Name(), "cycle": float64(w.frame.cycle),
	}
	if w.last.rule.code != "" {
		data["reason_code"] = w.last.rule.code
	}
	if len(w.last.evidence) > 0 {
		data["evidence"] = strings.Join(w.last.evidence, ",")
	}
	return canon.Event{
		ID:         canon.ID("ev", w.customer, "stage", strconv.FormatInt(t, 10), from.Key, to.Key),
		Type:       "stage.changed",
		Customer:   w.customer,
		OccurredAt: time.UnixMicro(t).UTC(),
		Summary:    summary,
		Data:       data,
	}
}
