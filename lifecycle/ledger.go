package lifecycle

import (
	"cmp"
	"slices"
	"sort"
	"strings"
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

// series holds the events that one pattern takes, oldest first.
type series struct {
	at []int64
	of []int32 // positions in the ledger
	// n counts the events up to the ledger's cursor.
	n int
	// values are sums of Event.Value (1 where an event has none): values[i] is the sum of the first i.
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
	entries []entry
	series  []series
}

// newLedger sorts the facts' events by (occurred_at, rank, id), drops repeats, what lies after now, and results
// of earlier assessments, and deals them out to the policy's patterns.
func newLedger(patterns []pattern, events []canon.Event, now int64) *ledger {
	l := &ledger{entries: make([]entry, 0, len(events)), series: make([]series, len(patterns))}
	for i := range events {
		e := &events[i]
		at := e.OccurredAt.UnixMicro()
		if at > now || strings.HasPrefix(e.Type, "stage.") || strings.HasPrefix(e.Type, "score.") {
			continue
		}
		l.entries = append(l.entries, entry{at, rankOf(e.Type), e})
	}
	slices.SortFunc(l.entries, compareEntries)
	l.entries = slices.CompactFunc(l.entries, func(a, b entry) bool { return a.at == b.at && a.ev.ID == b.ev.ID })
	cache := map[string][]match{}
	for i, e := range l.entries {
		found, ok := cache[e.ev.Type]
		if !ok {
			found = matches(patterns, e.ev.Type)
			cache[e.ev.Type] = found
		}
		for _, m := range found {
			if m.directions != nil {
				direction, _ := e.ev.Data["direction"].(string)
				if !slices.Contains(m.directions, direction) {
					continue
				}
			}
			s := &l.series[m.series]
			s.at, s.of = append(s.at, e.at), append(s.of, int32(i))
		}
	}
	return l
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

// upto returns how many events the series has at or before t. It is fast where t only grows.
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

// value returns the sum of the values of events [from, to).
func (l *ledger) value(i, from, to int) float64 {
	s := &l.series[i]
	if s.values == nil {
		s.values = make([]float64, len(s.at)+1)
		for k, of := range s.of {
			v := 1.0
			if p := l.entries[of].ev.Value; p != nil {
				v = *p
			}
			s.values[k+1] = s.values[k] + v
		}
	}
	return s.values[to] - s.values[from]
}

// amount returns the sum of the amounts of events [from, to): of several currencies the largest sum.
// The currency is "" where none of them has an amount.
func (l *ledger) amount(i, from, to int) canon.Money {
	s := &l.series[i]
	if s.money == nil {
		s.money = l.moneyOf(s)
	}
	var best canon.Money
	for _, m := range s.money {
		sum := m.sums[to] - m.sums[from]
		if sum > best.Minor || best.Currency == "" && sum != 0 {
			best = canon.Money{Minor: sum, Currency: m.currency}
		}
	}
	return best
}

func (l *ledger) moneyOf(s *series) []moneySums {
	out := []moneySums{}
	for k, of := range s.of {
		for c := range out {
			out[c].sums[k+1] = out[c].sums[k]
		}
		amount := l.entries[of].ev.Amount
		if amount == nil {
			continue
		}
		c := slices.IndexFunc(out, func(m moneySums) bool { return m.currency == amount.Currency })
		if c < 0 {
			c = len(out)
			out = append(out, moneySums{amount.Currency, make([]int64, len(s.at)+1)})
		}
		out[c].sums[k+1] += amount.Minor
	}
	return out
}
