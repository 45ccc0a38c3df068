package main

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/lifecyclehub/hub/canon"
)

// planTally counts what becomes of customers.
type planTally struct {
	stages, verdicts map[[2]string]int
	bands            map[string]map[[2]string]int
	moved            map[string]int
	segments         map[string]*planSegment
}

func newPlanTally() *planTally {
	return &planTally{stages: map[[2]string]int{}, verdicts: map[[2]string]int{}, bands: map[string]map[[2]string]int{}, moved: map[string]int{}, segments: map[string]*planSegment{}}
}

// unnamed is what an answer is called that a policy does not give.
const unnamed = "none"

// take counts a customer, and says what changes for it.
func (t *planTally) take(p *planned, plays []string) (x planCustomer, changed bool) {
	a, b := &p.now, &p.then
	x = planCustomer{ID: p.history.Profile.ID, Name: p.history.Profile.Name, Plays: plays}
	stage := [2]string{cmp.Or(a.Stage, unnamed), cmp.Or(b.Stage, unnamed)}
	if t.stages[stage]++; stage[0] != stage[1] {
		x.Stage = &planChange{From: stage[0], To: stage[1], Reason: b.StageReason}
	}
	verdict := [2]string{cmp.Or(a.Verdict, unnamed), cmp.Or(b.Verdict, unnamed)}
	if t.verdicts[verdict]++; verdict[0] != verdict[1] {
		x.Verdict = &planChange{From: verdict[0], To: verdict[1], Reason: b.VerdictReason}
	}
	x.Bands = t.score(scoresOf(a), scoresOf(b))
	x.Joins, x.Leaves = t.segment(a.Segments, b.Segments)
	x.Assessed = &planAnswer{Stage: b.Stage, Verdict: b.Verdict, Bands: map[string]string{}, Segments: b.Segments}
	for name, s := range scoresOf(b) {
		x.Assessed.Bands[name] = s.Band
	}
	return x, x.Stage != nil || x.Verdict != nil || len(x.Bands)+len(x.Joins)+len(x.Leaves)+len(plays) > 0
}

// scoresOf are the scores of an assessment by name.
func scoresOf(a *canon.Assessment) map[string]*canon.Score {
	out := map[string]*canon.Score{}
	if a.Health.Name != "" {
		out[a.Health.Name] = &a.Health
	}
	for i := range a.Scores {
		out[a.Scores[i].Name] = &a.Scores[i]
	}
	return out
}

// score counts the bands of all scores, and tells those that change.
func (t *planTally) score(before, after map[string]*canon.Score) (out []planChange) {
	names := slices.Collect(maps.Keys(before))
	for name := range after {
		if before[name] == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		a, b := before[name], after[name]
		move := [2]string{bandIn(a), bandIn(b)}
		if t.bands[name] == nil {
			t.bands[name] = map[[2]string]int{}
		}
		t.bands[name][move]++
		if valueIn(a) != valueIn(b) {
			t.moved[name]++
		}
		if move[0] != move[1] {
			out = append(out, planChange{Score: name, From: move[0], To: move[1], Before: valueIn(a), After: valueIn(b), Reason: bandReason(a, b)})
		}
	}
	return out
}

func bandIn(s *canon.Score) string {
	if s == nil {
		return unnamed
	}
	return s.Band
}

// valueIn is a score as people see it, "" where it is unknown.
func valueIn(s *canon.Score) string {
	if s == nil || s.Value == nil {
		return ""
	}
	return fmt.Sprintf("%.0f", *s.Value)
}

// bandReason says what moves a score most.
func bandReason(a, b *canon.Score) string {
	switch {
	case b == nil:
		return "the policy has no such score for them"
	case b.Value == nil:
		return fmt.Sprintf("too little is known: %.0f %% of the weight", 100*b.Coverage)
	case a == nil || a.Value == nil:
		return fmt.Sprintf("scored by %s", b.Version)
	}
	for _, c := range b.Caps {
		if !slices.ContainsFunc(a.Caps, func(x canon.Cap) bool { return x.Name == c.Name && x.Max == c.Max }) {
			return c.Reason
		}
	}
	points := map[string]float64{}
	for _, m := range a.Contributions {
		points[m.Measure] = m.Points
	}
	best, reason := 0.05, ""
	for _, m := range b.Contributions {
		was, known := points[m.Measure]
		delete(points, m.Measure)
		if d := math.Abs(m.Points - was); d > best {
			best, reason = d, fmt.Sprintf("%s: %.1f → %.1f points (%s)", m.Title, was, m.Points, m.Reason)
			if !known {
				reason = fmt.Sprintf("%s is new: %.1f points (%s)", m.Title, m.Points, m.Reason)
			}
		}
	}
	for _, m := range a.Contributions {
		if was, gone := points[m.Measure]; gone && was > best {
			best, reason = was, fmt.Sprintf("%s no longer counts: it gave %.1f points", m.Title, was)
		}
	}
	return cmp.Or(reason, "its bands are drawn otherwise, or its past readings count otherwise")
}

// segment counts membership, and tells which segments a customer joins and leaves.
func (t *planTally) segment(before, after []string) (joins, leaves []string) {
	of := func(key string) *planSegment {
		if t.segments[key] == nil {
			t.segments[key] = &planSegment{Segment: key}
		}
		return t.segments[key]
	}
	for _, key := range before {
		of(key).Before++
		if !slices.Contains(after, key) {
			of(key).Leaves++
			leaves = append(leaves, key)
		}
	}
	for _, key := range after {
		of(key).After++
		if !slices.Contains(before, key) {
			of(key).Joins++
			joins = append(joins, key)
		}
	}
	return joins, leaves
}

// tell writes the counts into a plan.
func (t *planTally) tell(p *policyPlan) {
	p.Stages, p.Verdicts = movesOf(t.stages), movesOf(t.verdicts)
	p.Scores, p.Segments, p.List = []planScore{}, []planSegment{}, slices.Concat([]planCustomer{}, p.List)
	for _, name := range slices.Sorted(maps.Keys(t.bands)) {
		s := planScore{Score: name, Moved: t.moved[name], Bands: movesOf(t.bands[name])}
		for _, m := range s.Bands {
			if m.From != m.To {
				s.Changed += m.Customers
			}
		}
		p.Scores = append(p.Scores, s)
	}
	for _, key := range slices.Sorted(maps.Keys(t.segments)) {
		p.Segments = append(p.Segments, *t.segments[key])
	}
}

// movesOf are counts in order, with their shares.
func movesOf(counts map[[2]string]int) []planMove {
	total := map[string]int{}
	for k, n := range counts {
		total[k[0]] += n
	}
	out := []planMove{}
	for k, n := range counts {
		out = append(out, planMove{k[0], k[1], n, float64(n) / float64(total[k[0]])})
	}
	slices.SortFunc(out, func(a, b planMove) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To)) })
	return out
}
