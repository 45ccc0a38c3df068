package evidence

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// keptDays are how many days back kept assessments are looked up: within the last 30 days, and within the 90 before.
func keptDays() (now, before []int) { return []int{0, 15, 29}, []int{45, 75, 105} }

// KeptDrift watches by kept assessments whether scores move. Of every customer it takes what held on the same few days; one
// without an assessment on a day is not counted for it. It says nothing of whether a score is still true.
type KeptDrift struct {
	at     time.Time
	scores map[string]*keptScore
}

type keptScore struct {
	value    [2][]float64
	measures map[string]*[2][]float64
	versions map[string]bool
	// customers are how many were counted in each stretch.
	customers [2]int
}

// NewKeptDrift begins a watch as of a moment.
func NewKeptDrift(at time.Time) *KeptDrift {
	return &KeptDrift{at: at, scores: map[string]*keptScore{}}
}

// Add takes in one customer's kept assessments, the newest first.
func (k *KeptDrift) Add(kept []canon.Assessment) {
	now, before := keptDays()
	counted := map[string][2]bool{}
	for side, days := range [2][]int{before, now} {
		for _, d := range days {
			t := k.at.AddDate(0, 0, -d)
			i := slices.IndexFunc(kept, func(a canon.Assessment) bool { return !a.At.After(t) })
			if i < 0 {
				continue
			}
			eachScore(&kept[i], func(s *canon.Score) {
				k.score(s.Name).take(side, s)
				c := counted[s.Name]
				c[side] = true
				counted[s.Name] = c
			})
		}
	}
	for name, c := range counted {
		for side, is := range c {
			k.scores[name].customers[side] += int(outcome(is))
		}
	}
}

func (k *KeptDrift) score(name string) *keptScore {
	s := k.scores[name]
	if s == nil {
		s = &keptScore{measures: map[string]*[2][]float64{}, versions: map[string]bool{}}
		k.scores[name] = s
	}
	return s
}

func (k *keptScore) take(side int, s *canon.Score) {
	value := math.NaN()
	if s.Value != nil {
		value = *s.Value
	}
	n := len(k.value[side])
	k.value[side] = append(k.value[side], value)
	k.versions[s.Version] = true
	for i := range s.Contributions {
		c := &s.Contributions[i]
		if c.Value == nil || c.NA != "" {
			continue
		}
		m := k.measures[c.Measure]
		if m == nil {
			m = &[2][]float64{}
			k.measures[c.Measure] = m
		}
		// What was not known before counts as that.
		for len(m[side]) < n {
			m[side] = append(m[side], math.NaN())
		}
		m[side] = append(m[side], *c.Value)
	}
}

// Moved is a score that drifted, with what moved most.
type Moved struct {
	Score string
	PSI   float64
	// Customers are how many were counted, in the stretch where that were fewer.
	Customers int
	// Measures are those that moved most, with their index; Versions are several where the card was changed meanwhile.
	Measures []string
	Versions []string
}

// mostMoved is how many measures are named.
const mostMoved = 3

// Moved returns the scores that drifted, in order of name. Of a score that too few customers had in either stretch
// nothing is said.
func (k *KeptDrift) Moved() []Moved {
	var out []Moved
	for _, name := range slices.Sorted(maps.Keys(k.scores)) {
		s := k.scores[name]
		n := min(s.customers[0], s.customers[1])
		if n < fewestDrift || len(known(s.value[0])) == 0 && len(known(s.value[1])) == 0 {
			continue
		}
		if psi := PSI(s.value[0], s.value[1], 10); stateOf(psi) == DriftMoved {
			out = append(out, Moved{name, psi, n, s.moved(), slices.Sorted(maps.Keys(s.versions))})
		}
	}
	return out
}

func (k *keptScore) moved() []string {
	type shift struct {
		key string
		psi float64
	}
	var all []shift
	for key, m := range k.measures {
		for side := range m {
			for len(m[side]) < len(k.value[side]) {
				m[side] = append(m[side], math.NaN())
			}
		}
		if psi := PSI(m[0], m[1], 10); stateOf(psi) != DriftCalm {
			all = append(all, shift{key, psi})
		}
	}
	slices.SortFunc(all, func(a, b shift) int { return cmp.Or(cmp.Compare(b.psi, a.psi), strings.Compare(a.key, b.key)) })
	var out []string
	for _, s := range all[:min(len(all), mostMoved)] {
		out = append(out, fmt.Sprintf("%s %.2f", s.key, s.psi))
	}
	return out
}
