package lifecycle

import (
	"cmp"
	"math"
	"slices"

	"github.com/lifecyclehub/hub/canon"
)

// ScoreMove is how one measure moved a score from one assessment to another.
type ScoreMove struct {
	Measure string `json:"measure"`
	Title   string `json:"title"`
	Group   string `json:"group"`
	// Before and After are the measure's values, nil where it was not known.
	Before *float64 `json:"before"`
	After  *float64 `json:"after"`
	// Points is what the measure adds now less what it added then: over all measures they add up to how far the score
	// moved before caps.
	Points float64 `json:"points"`
	Reason string  `json:"reason"`
}

// Delta says what moved a score from one assessment to another, what moved it most first. Measures that neither moved
// the score nor their value are left out.
func Delta(before, after canon.Score) []ScoreMove {
	was := map[string]canon.Contribution{}
	for _, c := range before.Contributions {
		was[c.Measure] = c
	}
	var out []ScoreMove
	add := func(c ScoreMove) {
		if c.Points != 0 || !sameNumber(c.Before, c.After) {
			out = append(out, c)
		}
	}
	for _, c := range after.Contributions {
		old := was[c.Measure]
		delete(was, c.Measure)
		add(ScoreMove{c.Measure, c.Title, c.Group, old.Value, c.Value, c.Points - old.Points, c.Reason})
	}
	for _, c := range before.Contributions {
		if _, gone := was[c.Measure]; gone {
			add(ScoreMove{c.Measure, c.Title, c.Group, c.Value, nil, -c.Points, "No longer part of the score"})
		}
	}
	slices.SortStableFunc(out, func(a, b ScoreMove) int { return cmp.Compare(math.Abs(b.Points), math.Abs(a.Points)) })
	return out
}

func sameNumber(a, b *float64) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
