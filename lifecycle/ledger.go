package lifecycle

import (
	"cmp"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// day is the unit of every window and age, in microseconds.
const day = int64(24 * time.Hour / time.Microsecond)

// floorDay returns the UTC midnight at or before t.
func floorDay(t int64) int64 {
	r := t % day
	if r < 0 {
		r += day
	}
	return t - r
}

// entry is an event with its moment in microseconds since 1970. The rank puts events of one moment into
// the order in which they must have happened: a thing begins before it changes, and changes before it ends.
type entry struct {
	at   int64
	rank int8
	ev   *canon.Event
}

// rankOf returns the rank of an event type.
func rankOf(typ string) int8 {
	switch typ[strings.LastIndexByte(typ, '.')+1:] {
	case "created", "opened", "issued", "trial_started", "sent":
		return 0
	case "started":
		return 1
	case "won", "lost", "paid", "voided", "uncollectible", "solved", "accepted", "rejected":
		return 3
	case "ended", "rated":
		return 4
	case "deleted":
		return 5
	case "restored":
		return 6
	}
	return 2
}

// series holds the events that one pattern takes, oldest first, as points. A point is one event or, in a book, all
// events of a stretch of the past that no answer needs to tell apart.
type series struct {
	// at is when a point's newest event occurred, first when the series' first one did.
	at    []int64
	first int64
	// held are the positions in the ledger of the events that are still there themselves, oldest first.
	held []int32
	// n counts the points up to the ledger's cursor.
	n int
	// counts are sums: counts[i] is how many events the first i points have. It is nil while every point is one.
	counts []int32
	// values are sums of Event.Value (1 where an event has none): values[i] is that of the first i points.
	values []float64
	// money are sums of Event.Amount per currency, in order of first sight.
	money []moneySums
}

type moneySums struct {
	currency string
	sums     []int64
}

// ledger is a customer's history in the form that rules ask of: per-pattern series with prefix sums.
type ledger struct {
	patterns []pattern
	sorting  *sorting
	entries  []entry
	series   []series
}

// sorting remembers which patterns take which event type. A timeline has few types, and foreign ones are not remembered
// without bound.
type sorting struct {
	mu sync.RWMutex
	by map[string][]match
}

// mostSorted is how many event types are remembered.
const mostSorted = 4096

func (s *sorting) of(patterns []pattern, typ string) []match {
	s.mu.RLock()
	found, ok := s.by[typ]
	s.mu.RUnlock()
	if ok {
		return found
	}
	found = matches(patterns, typ)
	s.mu.Lock()
	if s.by == nil {
		s.by = map[string][]match{}
	}
	if len(s.by) < mostSorted {
		s.by[strings.Clone(typ)] = found
	}
	s.mu.Unlock()
	return found
}

// newLedger sorts the facts' events by (occurred_at, rank, id), drops repeats, what lies after now, and results
// of earlier assessments, and deals them out to the policy's patterns.
func newLedger(patterns []pattern, events []canon.Event, now int64) *ledger {
	l := &ledger{patterns: patterns, sorting: &sorting{}, series: make([]series, len(patterns))}
	l.extend(entriesOf(events, now))
	return l
}

// isFact says whether an event is told by the world, and not by an earlier assessment.
func isFact(typ string) bool {
	return !strings.HasPrefix(typ, "stage.") && !strings.HasPrefix(typ, "score.")
}

// entriesOf puts the facts among events that occurred by now into their order, each once.
func entriesOf(events []canon.Event, now int64) []entry {
	out := make([]entry, 0, len(events))
	for i := range events {
		e := &events[i]
		if at := e.OccurredAt.UnixMicro(); at <= now && isFact(e.Type) {
			out = append(out, entry{at, rankOf(e.Type), e})
		}
	}
	slices.SortFunc(out, compareEntries)
	return slices.CompactFunc(out, func(a, b entry) bool { return a.at == b.at && a.ev.ID == b.ev.ID })
}

// extend deals out entries that lie behind those that are there.
func (l *ledger) extend(entries []entry) {
	l.entries = slices.Grow(l.entries, len(entries))
	for _, e := range entries {
		at := int32(len(l.entries))
		l.entries = append(l.entries, e)
		for _, m := range l.sorting.of(l.patterns, e.ev.Type) {
			if m.takes(e.ev) {
				l.series[m.series].add(e, at)
			}
		}
	}
}

// takes says whether a match takes an event of its type.
func (m match) takes(e *canon.Event) bool {
	if m.where != nil && m.where(e) != yes {
		return false
	}
	if m.directions == nil {
		return true
	}
	direction, _ := e.Data["direction"].(string)
	return slices.Contains(m.directions, direction)
}

// add appends an event, which stands at a position in the ledger, as a point.
func (s *series) add(e entry, position int32) {
	if len(s.at) == 0 {
		s.first = e.at
		s.values = append(s.values, 0)
	}
	s.at, s.held = append(s.at, e.at), append(s.held, position)
	if s.counts != nil {
		s.counts = append(s.counts, s.counts[len(s.counts)-1]+1)
	}
	v := 1.0
	if e.ev.Value != nil {
		v = *e.ev.Value
	}
	s.values = append(s.values, s.values[len(s.values)-1]+v)
	for i := range s.money {
		m := &s.money[i]
		m.sums = append(m.sums, m.sums[len(m.sums)-1])
	}
	if e.ev.Amount == nil {
		return
	}
	i := slices.IndexFunc(s.money, func(m moneySums) bool { return m.currency == e.ev.Amount.Currency })
	if i < 0 {
		i = len(s.money)
		s.money = append(s.money, moneySums{e.ev.Amount.Currency, make([]int64, len(s.at)+1)})
	}
	s.money[i].sums[len(s.at)] += e.ev.Amount.Minor
}

// compareEntries orders by moment, rank, id. Equal ids at one moment are repeats; should their content
// differ, the content decides which one stays, so that the order of arrival does not.
func compareEntries(a, b entry) int {
	if c := cmp.Compare(a.at, b.at); c != 0 {
		return c
	}
	if c := cmp.Compare(a.rank, b.rank); c != 0 {
		return c
	}
	if c := strings.Compare(a.ev.ID, b.ev.ID); c != 0 || a.ev == b.ev {
		return c
	}
	return strings.Compare(a.ev.Content(), b.ev.Content())
}

// upto returns how many points the series has at or before t. It is fast where t only grows.
func (s *series) upto(t int64) int {
	if s.n > 0 && s.at[s.n-1] > t {
		s.n = after(s.at, t)
	}
	for s.n < len(s.at) && s.at[s.n] <= t {
		s.n++
	}
	return s.n
}

// after returns the position of the first moment later than t.
func after(at []int64, t int64) int {
	return sort.Search(len(at), func(i int) bool { return at[i] > t })
}

// held returns the positions in the ledger of a series' events by t that are still there themselves, oldest first.
func (l *ledger) held(i int, t int64) []int32 {
	held := l.series[i].held
	return held[:l.behind(held, t)]
}

// behind returns the place of the first of the positions, which are in order, whose event is later than t.
func (l *ledger) behind(held []int32, t int64) int {
	if n := len(held); n == 0 || l.entries[held[n-1]].at <= t {
		return n
	}
	return sort.Search(len(held), func(i int) bool { return l.entries[held[i]].at > t })
}

// count returns how many events the points [from, to) have.
func (l *ledger) count(i, from, to int) int {
	if c := l.series[i].counts; c != nil {
		return int(c[to] - c[from])
	}
	return to - from
}

// value returns the sum of the values of the points [from, to).
func (l *ledger) value(i, from, to int) float64 {
	s := &l.series[i]
	if from == to {
		return 0
	}
	return s.values[to] - s.values[from]
}

// amount returns the sum of the amounts of the points [from, to): of several currencies the largest sum.
// The currency is "" where none of them has an amount.
func (l *ledger) amount(i, from, to int) canon.Money {
	var best canon.Money
	for _, m := range l.series[i].money {
		sum := m.sums[to] - m.sums[from]
		if sum > best.Minor || best.Currency == "" && sum != 0 {
			best = canon.Money{Minor: sum, Currency: m.currency}
		}
	}
	return best
}
