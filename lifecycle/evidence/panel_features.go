package evidence

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// schema says in which column of a row each feature stands.
type schema struct {
	features []Feature
	at       map[string]int
	// measures are the columns of the card's measures: that of the raw value and that of its worth.
	measures []measureColumns
	families []string
	survey   *Survey
}

type measureColumns struct {
	card, key, title string
	value, worth     int
}

// The basic features of a family of events.
const (
	basicSince  = "days_since"
	basicRhythm = "days_since_over_usual"
	basicShort  = "count_30d"
	basicLong   = "count_90d"
	basicEver   = "count"
	basicAmount = "amount"
	basicRecent = "amount_90d"
	basicValue  = "value_30d"
	basicTrend  = "trend_30d_over_90d"
)

func newSchema(v *Survey) *schema {
	s := &schema{at: map[string]int{}, survey: v}
	seen := slices.SortedFunc(maps.Values(v.measures), func(a, b measureSeen) int { return cmp.Compare(a.order, b.order) })
	for _, m := range seen {
		k := measureKey(m.card, m.key)
		if v.unkept[k] {
			continue
		}
		value := s.add(Feature{Key: k, Title: m.title, Group: GroupMeasure})
		worth := s.add(Feature{Key: k + ":worth", Title: m.title + " (points)", Group: GroupWorth, Direction: 1})
		s.measures = append(s.measures, measureColumns{m.card, m.key, m.title, value, worth})
	}
	for _, k := range slices.Sorted(maps.Keys(v.metrics)) {
		if !v.unkept[k] {
			s.add(Feature{Key: "metric." + k, Title: k, Group: GroupMetric})
		}
	}
	s.families = slices.Sorted(maps.Keys(v.families))
	for _, f := range s.families {
		for _, b := range basicsOf(v.families[f]) {
			s.add(Feature{Key: f + "." + b, Title: strings.ReplaceAll(f+" "+b, "_", " "), Group: GroupBasic})
		}
	}
	for _, k := range []string{"tenure_days", "mrr"} {
		s.add(Feature{Key: k, Title: strings.ReplaceAll(k, "_", " "), Group: GroupBasic})
	}
	return s
}

func basicsOf(f *familySeen) []string {
	list := []string{basicSince, basicRhythm, basicShort, basicLong, basicEver, basicTrend}
	if f.amount {
		list = append(list, basicAmount, basicRecent)
	}
	if f.value {
		list = append(list, basicValue)
	}
	return list
}

func (s *schema) add(f Feature) int {
	if i, ok := s.at[f.Key]; ok {
		return i
	}
	s.at[f.Key] = len(s.features)
	s.features = append(s.features, f)
	return len(s.features) - 1
}

func (s *schema) set(x []float64, key string, v float64) {
	if i, ok := s.at[key]; ok {
		x[i] = v
	}
}

// row fills in the features of a customer as known at t.
func (s *schema) row(a *canon.Assessment, events []canon.Event, t time.Time) []float64 {
	x := make([]float64, len(s.features))
	for i := range x {
		x[i] = math.NaN()
	}
	eachScore(a, func(score *canon.Score) {
		for i := range score.Contributions {
			c := &score.Contributions[i]
			if c.NA != "" {
				continue
			}
			k := measureKey(score.Name, c.Measure)
			if c.Value != nil {
				s.set(x, k, *c.Value)
			}
			s.set(x, k+":worth", c.Curve)
		}
	})
	for k, v := range a.Metrics {
		s.set(x, "metric."+k, v)
	}
	s.basics(x, events, t)
	if len(events) > 0 {
		s.set(x, "tenure_days", daysIn(t.Sub(events[0].OccurredAt)))
	}
	if a.MRR != nil {
		s.set(x, "mrr", major(a.MRR))
	}
	return x
}

func daysIn(d time.Duration) float64 { return d.Hours() / 24 }

// major is an amount in major units, for weighing only: no money is ever reckoned with it.
func major(m *canon.Money) float64 { return float64(m.Minor) / math.Pow10(canon.Exponent(m.Currency)) }

// tally is what the events of one family come to.
type tally struct {
	n, short, long        int
	first, last           time.Time
	amount, recent, value float64
}

// basics fills in recency, frequency and money by family of events.
func (s *schema) basics(x []float64, events []canon.Event, t time.Time) {
	tallies := map[string]*tally{}
	for i := range events {
		e := &events[i]
		name, _, _ := strings.Cut(e.Type, ".")
		f := tallies[name]
		if f == nil {
			f = &tally{first: e.OccurredAt}
			tallies[name] = f
		}
		f.take(e, t)
	}
	for _, name := range s.families {
		if s.survey.families[name].first.After(t) {
			// The source had not begun: its silence says nothing.
			continue
		}
		f := tallies[name]
		if f == nil {
			f = &tally{}
		}
		f.write(func(basic string, v float64) { s.set(x, name+"."+basic, v) }, t)
	}
}

func (f *tally) take(e *canon.Event, t time.Time) {
	age := t.Sub(e.OccurredAt)
	f.n++
	f.last = e.OccurredAt
	amount := 0.0
	if e.Amount != nil {
		amount = major(e.Amount)
	}
	f.amount += amount
	if age <= 90*24*time.Hour {
		f.long++
		f.recent += amount
	}
	if age <= 30*24*time.Hour {
		f.short++
		if e.Value != nil {
			f.value += *e.Value
		}
	}
}

func (f *tally) write(set func(string, float64), t time.Time) {
	set(basicEver, float64(f.n))
	set(basicLong, float64(f.long))
	set(basicShort, float64(f.short))
	set(basicAmount, f.amount)
	set(basicRecent, f.recent)
	set(basicValue, f.value)
	if f.n == 0 {
		return
	}
	since := daysIn(t.Sub(f.last))
	set(basicSince, since)
	if f.n > 1 && f.last.After(f.first) {
		set(basicRhythm, since/(daysIn(f.last.Sub(f.first))/float64(f.n-1)))
	}
	if f.long > f.short && t.Sub(f.first) > 90*24*time.Hour {
		set(basicTrend, float64(f.short)/(float64(f.long)/3))
	}
}
