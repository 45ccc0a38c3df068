package lifecycle

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// The words of a metric's of, per and across.
const (
	overEvents   = "count sum avg min max distinct last days_since trend k_of_n"
	overMetrics  = "ratio percentile expression"
	perPerson    = "count sum avg min max"
	acrossPeople = "sum avg max min count_over"
)

// aggregate compiles a metric that looks at events into a call of a function of its own.
func (c *compiler) aggregate(m *metricSpec) (number, error) {
	if !slices.Contains(strings.Fields(overEvents), m.Of) {
		return nil, fmt.Errorf("of must be one of %s %s, not %q", overEvents, overMetrics, m.Of)
	}
	by, over, err := m.sorted()
	if err != nil {
		return nil, err
	}
	series, err := c.filtered(m)
	if err != nil {
		return nil, err
	}
	fn := &function{}
	inv := &invocation{call: call{pattern: series, cited: series}, name: "metric", fn: fn}
	if err := m.windowed(inv); err != nil {
		return nil, err
	}
	if m.Of != "days_since" {
		c.limits = nil
	}
	if err := m.figure(inv, by, over); err != nil {
		return nil, err
	}
	c.dependOn(inv, series)
	if inv.whole {
		m.keep(&c.patterns[series].need, by)
	}
	return inv, nil
}

// filtered returns the number of the series of the metric's events.
func (c *compiler) filtered(m *metricSpec) (int, error) {
	if m.Events == "" {
		return 0, fmt.Errorf("of: %s needs events: with an event pattern", m.Of)
	}
	where := m.Where
	if m.Of == "k_of_n" && len(m.Features) > 0 {
		only := fmt.Sprintf("feature in [%s]", quotedList(m.Features))
		if where = only; m.Where != "" {
			where = only + " and (" + m.Where + ")"
		}
	}
	text := m.Events
	if where != "" {
		text += " where " + where
	}
	if m.single() {
		// A series of its own, because a book must keep its single events.
		text += fmt.Sprintf(" one by one by %s per %s", m.By, m.Per)
	}
	if text == m.Events {
		return c.pattern(text)
	}
	if i := slices.IndexFunc(c.patterns, func(p pattern) bool { return p.text == text }); i >= 0 {
		return i, nil
	}
	p, err := parsePattern(m.Events)
	if err != nil {
		return 0, err
	}
	if where != "" {
		if p.where, err = newFilter(where); err != nil {
			return 0, fmt.Errorf("where: %w", err)
		}
	}
	p.text = text
	c.patterns = append(c.patterns, p)
	return len(c.patterns) - 1, nil
}

// single says whether the figure takes single events into account, and not only their sums.
func (m *metricSpec) single() bool {
	switch {
	case m.Per == "person":
		return true
	case m.Of == "count", m.Of == "trend", m.Of == "days_since", m.Of == "sum" && m.Over == "amount":
		return false
	}
	return m.Of != "sum" && m.Of != "avg" && m.Of != "last" || m.Over != "" && m.Over != "value"
}

// keep says what a book must keep of the figure's series. Of distinct keys only the newest event of each can ever count
// again; of anything else every event of the window can.
func (m *metricSpec) keep(n *need, by eventText) {
	n.whole = true
	within := maxDays
	if days, err := parseDays(m.Window); err == nil && days > 0 {
		within = days
	}
	if m.Of == "distinct" || m.Of == "k_of_n" {
		n.newestPer = append(n.newestPer, perKey{by, within})
		return
	}
	n.each = true
	n.eachWithin = max(n.eachWithin, within)
}

func quotedList(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = fmt.Sprintf("%q", s)
	}
	return strings.Join(out, ", ")
}

// windowed sets which of the events count.
func (m *metricSpec) windowed(inv *invocation) error {
	switch m.Window {
	case "", "all":
	case "stage":
		inv.fn.since = func(f *frame) int64 { return f.since + 1 }
	case "cycle":
		inv.fn.since = func(f *frame) int64 { return f.cycleSince }
	default:
		days, err := parseDays(m.Window)
		if err != nil {
			return fmt.Errorf("window: %w", err)
		}
		inv.days = []int{days}
	}
	if m.Of == "trend" {
		base, err := parseDays(m.Base)
		if err != nil || len(inv.days) == 0 {
			return errors.New("a trend needs window: and base:, both in days, as in 30d and 90d")
		}
		inv.days = append(inv.days, base)
	}
	if m.Of == "days_since" && m.Window != "" && m.Window != "all" {
		return errors.New("days_since looks all the way back and takes no window")
	}
	return nil
}

// parseDays reads "30d".
func parseDays(s string) (int, error) {
	length, err := parseDwell(s)
	if err != nil || s == "" || length == 0 || length%day != 0 {
		return 0, fmt.Errorf("%q is not a number of days, as in 30d (or all, stage, cycle)", s)
	}
	return int(length / day), nil
}

// figure sets what is worked out of the events.
func (m *metricSpec) figure(inv *invocation, by eventText, over eventNumber) error {
	fn, c := inv.fn, inv.call
	switch {
	case m.Per == "person":
		return m.perPerson(inv, over)
	case m.Per != "" && m.Per != "customer":
		return fmt.Errorf("per must be customer or person, not %q", m.Per)
	}
	switch m.Of {
	case "count":
		fn.number = func(f *frame, _ call) (float64, bool) {
			from, to := f.span(c, fn.since)
			return float64(f.ledger.count(c.pattern, from, to)), true
		}
	case "days_since":
		fn.age, fn.number = fromEvents, (*frame).daysSince
	case "trend":
		fn.number = (*frame).trend
	case "distinct", "k_of_n":
		inv.whole = true
		fn.number = m.distinct(c, fn, by)
	case "sum", "avg", "last":
		if m.plain(inv) {
			return nil
		}
		inv.whole = true
		fn.number = m.folded(c, fn, over)
	default:
		inv.whole = true
		fn.number = m.folded(c, fn, over)
	}
	return nil
}

// plain sets the figures that the series has sums of, and says whether it is one. As everywhere, an event without a value
// counts as 1 in sums and means.
func (m *metricSpec) plain(inv *invocation) bool {
	fn, c := inv.fn, inv.call
	if m.Of == "sum" && m.Over == "amount" {
		fn.amount = func(f *frame, _ call) *canon.Money {
			from, to := f.span(c, fn.since)
			money := f.ledger.amount(c.pattern, from, to)
			return &money
		}
		fn.number = minor(fn.amount)
		return true
	}
	if m.Over != "" && m.Over != "value" {
		return false
	}
	fn.number = func(f *frame, _ call) (float64, bool) {
		from, to := f.span(c, fn.since)
		switch {
		case m.Of == "sum":
			return f.ledger.value(c.pattern, from, to), true
		case from == to:
			return 0, false
		case m.Of == "avg":
			return f.ledger.value(c.pattern, from, to) / float64(f.ledger.count(c.pattern, from, to)), true
		}
		if e := f.newest(c.pattern); e != nil && e.Value != nil {
			return *e.Value, true
		}
		return 0, false
	}
	return true
}

// sorted resolves by and over.
func (m *metricSpec) sorted() (by eventText, over eventNumber, err error) {
	name := m.By
	switch {
	case m.Of == "k_of_n":
		if len(m.Features) == 0 {
			return nil, nil, errors.New("k_of_n needs features: with the names of the features")
		}
		name = "feature"
	case m.Of == "distinct" && name == "":
		return nil, nil, errors.New("distinct needs by: person, ref, feature, type, day or data.NAME")
	}
	if name != "" {
		var ok bool
		if by, ok = keyings()[name]; !ok {
			field, found := strings.CutPrefix(name, "data.")
			if !found || field == "" {
				return nil, nil, fmt.Errorf("by must be person, ref, feature, type, day or data.NAME, not %q", name)
			}
			by = textInData(field)
		}
	}
	name = m.Over
	if name == "" {
		name = "value"
	}
	var ok bool
	if over, ok = weighings()[name]; !ok {
		field, found := strings.CutPrefix(name, "data.")
		if !found || field == "" {
			return nil, nil, fmt.Errorf("over must be value, amount or data.NAME, not %q", name)
		}
		over = numberInData(field)
	}
	return by, over, nil
}

// folded is a figure of all the cells of the window together.
func (m *metricSpec) folded(c call, fn *function, over eventNumber) func(*frame, call) (float64, bool) {
	return func(f *frame, _ call) (float64, bool) {
		var all cell
		f.cells(c, fn.since, nil, over, func(one cell) { all.join(one) })
		return all.aggregate(m.Of)
	}
}

// distinct counts the keys of the window; at_least turns the number into yes (1) or no (0).
func (m *metricSpec) distinct(c call, fn *function, by eventText) func(*frame, call) (float64, bool) {
	least := m.AtLeast
	return func(f *frame, _ call) (float64, bool) {
		seen := map[string]struct{}{}
		f.cells(c, fn.since, by, nil, func(one cell) { seen[one.key] = struct{}{} })
		n := float64(len(seen))
		if least == nil {
			return n, true
		}
		if n >= *least {
			return 1, true
		}
		return 0, true
	}
}

// perPerson works the figure out for each person, and then one of them all.
func (m *metricSpec) perPerson(inv *invocation, over eventNumber) error {
	if !slices.Contains(strings.Fields(perPerson), m.Of) {
		return fmt.Errorf("per person only %s can be worked out, not %s", perPerson, m.Of)
	}
	if !slices.Contains(strings.Fields(acrossPeople), m.Across) {
		return fmt.Errorf("per: person needs across: one of %s", acrossPeople)
	}
	if m.Across == "count_over" && m.Threshold == nil {
		return errors.New("across: count_over needs threshold: with a number")
	}
	fn, c := inv.fn, inv.call
	inv.whole = true
	fn.number = func(f *frame, _ call) (float64, bool) {
		people := map[string]*cell{}
		f.cells(c, fn.since, personOf, over, func(one cell) {
			if all, ok := people[one.key]; ok {
				all.join(one)
				return
			}
			people[one.key] = &one
		})
		return m.across(people)
	}
	return nil
}

// across puts the figures of the people together. Those who have none are left aside.
func (m *metricSpec) across(people map[string]*cell) (float64, bool) {
	var all cell
	over := 0.0
	// Sorted, because sums of fractions depend on their order.
	for _, key := range slices.Sorted(maps.Keys(people)) {
		v, ok := people[key].aggregate(m.Of)
		if !ok {
			continue
		}
		all.join(cell{sum: v, min: v, max: v, last: v, valued: 1})
		if m.Threshold != nil && v >= *m.Threshold {
			over++
		}
	}
	switch m.Across {
	case "count_over":
		return over, true
	case "sum":
		return all.sum, true
	}
	return all.aggregate(m.Across)
}
