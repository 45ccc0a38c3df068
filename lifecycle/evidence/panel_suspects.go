package evidence

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// suspect is a row on which the card was badly wrong.
type suspect struct {
	Customer string    `json:"customer"`
	At       time.Time `json:"at"`
	Score    float64   `json:"score"`
	Band     string    `json:"band"`
	MRR      float64   `json:"mrr"`
	// DecidedAt is when the outcome was decided, zero where it did not come about or has no moment of its own.
	DecidedAt     time.Time      `json:"decided_at,omitzero"`
	Contributions []contribution `json:"contributions"`
	Caps          []string       `json:"caps,omitempty"`
}

// contribution is what a measure added then.
type contribution struct {
	Measure string   `json:"measure"`
	Title   string   `json:"title"`
	Value   *float64 `json:"value"`
	Points  float64  `json:"points"`
	Lost    float64  `json:"points_lost"`
	Reason  string   `json:"reason"`
}

func suspectOf(row *sample, score *canon.Score, d decision) suspect {
	s := suspect{Customer: row.Customer, At: row.At, Score: row.Score, Band: row.Band, MRR: row.MRR, Contributions: []contribution{}}
	if row.Label {
		s.DecidedAt = d.decided
	}
	for _, c := range score.Contributions {
		if c.Weight > 0 || c.NA == "" {
			s.Contributions = append(s.Contributions, contribution{c.Measure, c.Title, c.Value, c.Points, c.PointsLost, c.Reason})
		}
	}
	for _, c := range score.Caps {
		s.Caps = append(s.Caps, c.Reason)
	}
	return s
}

// top returns the contributions that weighed most, the points of one that stood well and the points lost of one that
// stood badly.
func (s suspect) top(n int) []contribution {
	list := slices.Clone(s.Contributions)
	slices.SortStableFunc(list, func(a, b contribution) int {
		if s.Band == bandRed {
			return cmp.Compare(b.Lost, a.Lost)
		}
		return cmp.Compare(b.Points, a.Points)
	})
	return list[:min(n, len(list))]
}

// mostSuspects is how many rows an autopsy shows.
const mostSuspects = 20

// worst keeps the rows on which the card was most wrong, one for each customer.
type worst struct {
	list []suspect
}

// keep keeps a suspect where it belongs to the worst: those with the highest score where high is set, else the lowest.
func (w *worst) keep(s suspect, high bool) {
	harm := func(s suspect) float64 {
		if high {
			return s.Score
		}
		return -s.Score
	}
	order := func(a, b suspect) int {
		return cmp.Or(cmp.Compare(harm(b), harm(a)), cmp.Compare(b.MRR, a.MRR), a.At.Compare(b.At), cmp.Compare(a.Customer, b.Customer))
	}
	if i := slices.IndexFunc(w.list, func(o suspect) bool { return o.Customer == s.Customer }); i >= 0 {
		if order(s, w.list[i]) >= 0 {
			return
		}
		w.list = slices.Delete(w.list, i, i+1)
	}
	at, _ := slices.BinarySearchFunc(w.list, s, order)
	if at == mostSuspects {
		return
	}
	w.list = slices.Insert(w.list, at, s)
	w.list = w.list[:min(len(w.list), mostSuspects)]
}

// round keeps numbers for people short.
func round(v float64, digits int) float64 {
	p := math.Pow(10, float64(digits))
	return math.Round(v*p) / p
}
