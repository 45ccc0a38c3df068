package evidence

import (
	"maps"
	"slices"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
)

// probe is what a policy says of a customer at a moment: by events alone, and with the fields of its golden record as well,
// nil where there are none.
type probe struct {
	bare canon.Assessment
	full *canon.Assessment
}

// mostProbes is at how many moments a customer is probed.
const mostProbes = 4

// probe asks the policy about a customer at several moments, to learn which measures and metrics there are and which of
// them rest on fields that have no history. The last moment comes first.
func (v *Survey) probe(s *subject) []probe {
	if len(s.final) == 0 {
		return nil
	}
	out := make([]probe, mostProbes)
	bare, full := newForward(v.o.Policy, s.told), newForward(v.o.Policy, s.told)
	span := v.o.End.Sub(s.final[0].OccurredAt)
	for i := mostProbes - 1; i >= 0; i-- {
		t := v.o.End.Add(-span * time.Duration(i) / mostProbes)
		// Which measures there are does not rest on what was read before.
		facts := lifecycle.Facts{Customer: s.id, Type: s.typ, Sources: v.o.Sources, Since: s.end}
		out[i].bare, _ = bare.assess(facts, t)
		if len(s.fields) > 0 {
			facts.Fields = s.fields
			a, _ := full.assess(facts, t)
			out[i].full = &a
		}
	}
	return out
}

// eachScore calls fn with the health score and every other.
func eachScore(a *canon.Assessment, fn func(*canon.Score)) {
	fn(&a.Health)
	for i := range a.Scores {
		if a.Scores[i].Name != a.Health.Name {
			fn(&a.Scores[i])
		}
	}
}

func measureKey(card, measure string) string { return card + "." + measure }

func (v *Survey) learn(a *canon.Assessment) {
	eachScore(a, func(s *canon.Score) {
		for _, c := range s.Contributions {
			k := measureKey(s.Name, c.Measure)
			if _, ok := v.measures[k]; !ok {
				v.measures[k] = measureSeen{s.Name, c.Measure, c.Title, len(v.measures)}
			}
		}
	})
	for k := range a.Metrics {
		v.metrics[k] = true
	}
}

// compare notes what is known only where fields are.
func (v *Survey) compare(bare, full *canon.Assessment) {
	values := map[string]*float64{}
	eachScore(bare, func(s *canon.Score) {
		for _, c := range s.Contributions {
			values[measureKey(s.Name, c.Measure)] = c.Value
		}
	})
	eachScore(full, func(s *canon.Score) {
		for _, c := range s.Contributions {
			k := measureKey(s.Name, c.Measure)
			if !sameValue(values[k], c.Value) {
				v.unkept[k] = true
			}
		}
	})
	for k, with := range full.Metrics {
		if without, ok := bare.Metrics[k]; !ok || without != with {
			v.unkept[k] = true
		}
	}
}

func sameValue(a, b *float64) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// Unkept lists the measures and metrics that rest on fields without a history, which no backtest can try.
func (v *Survey) Unkept() []string { return slices.Sorted(maps.Keys(v.unkept)) }
