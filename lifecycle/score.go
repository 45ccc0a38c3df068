package lifecycle

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// reading evaluates a score, given by its position, at the end of the frame's UTC day, in numbers alone. Next is the
// first later UTC midnight at which it may change with time alone.
func (p *Policy) reading(f *frame, score int, t trust) (r reading, next int64) {
	set := &p.scores[score]
	w := weigher{frame: f, trust: t, next: never}
	n := w.pick(set)
	if n < 0 {
		return reading{card: -1}, w.next
	}
	w.card = set.cards[n]
	r = w.read()
	r.card = int8(n)
	return r, w.next
}

// pick returns the position of the first card that applies, −1 where none does.
func (w *weigher) pick(set *scoreSet) int {
	for i, c := range set.cards {
		if !slices.Contains(c.appliesTo, w.frame.stage) {
			continue
		}
		if c.when != nil {
			w.watch(c.when, true)
			if c.when.truth.truth(w.frame) != yes {
				continue
			}
		}
		return i
	}
	return -1
}

// scoreAll fills in the scores of an assessment for the frame's moment, with reasons. Each score's reading is
// today's. It returns when one may next change with time alone.
func (p *Policy) scoreAll(f *frame, facts *Facts, now *today, a *canon.Assessment) (next int64) {
	next = never
	a.Scores = nil
	for i := range p.scores {
		s, change := p.score(f, i, facts, now)
		next = min(next, change)
		if s.Name == healthName {
			a.Health = s
			continue
		}
		a.Scores = append(a.Scores, s)
	}
	return min(next, now.next)
}

// score says how the frame's moment stands in a score, with reasons.
func (p *Policy) score(f *frame, score int, facts *Facts, now *today) (canon.Score, int64) {
	set := &p.scores[score]
	s := canon.Score{Name: set.name, Band: bandUnknown}
	w := weigher{frame: f, trust: facts.trustOn(floorDay(f.t) + day - 1), next: never}
	if n := w.pick(set); n < 0 {
		now.take(score, reading{card: -1})
		s.Contributions = set.silent(p.notScored(set, f.stage))
	} else {
		w.card, w.sheet = set.cards[n], newSheet(set.cards[n], facts)
		r := w.read()
		r.card = int8(n)
		w.sheet.finish(&w, &s, r, now.take(score, r))
	}
	return s, min(w.next, overrule(&s, set, facts.Overrides, f.t))
}

// overrule puts a human's word in the place of what was computed, which stays beside it, and returns the next moment
// at which an override begins or ends.
func overrule(s *canon.Score, set *scoreSet, list []canon.Override, t int64) int64 {
	value, next := inForce(list, s.Name+".value", t)
	band, change := inForce(list, s.Name+".band", t)
	if value == nil && band == nil {
		return min(next, change)
	}
	computed := canon.Computed{Value: s.Value, Band: s.Band}
	if value != nil {
		if v, err := strconv.ParseFloat(value.Value, 64); err == nil && isWorth(v) {
			s.Value, s.Band = &v, bandName(set.cards[0].plain(v))
			for _, c := range set.cards {
				if c.key == s.Card {
					s.Band = bandName(c.plain(v))
				}
			}
			s.Computed, s.Held, s.BandSince = &computed, false, value.From
		}
	}
	if band != nil && bandOf(band.Value) != noBand {
		s.Band, s.Computed, s.Held, s.BandSince = band.Value, &computed, false, band.From
	}
	return min(next, change)
}

// notScored says why a customer in the stage has no score.
func (p *Policy) notScored(set *scoreSet, stage string) string {
	var labels []string
	at := "while nothing is known of the customer"
	for _, s := range p.stages {
		if slices.ContainsFunc(set.cards, func(c *scorecard) bool { return slices.Contains(c.appliesTo, s.Key) }) {
			labels = append(labels, s.Label)
		}
		if s.Key == stage {
			at = "in stage " + s.Label
		}
	}
	return fmt.Sprintf("Not scored %s, only in %s", at, strings.Join(labels, ", "))
}

// silent is a row per measure of the last card with one reason for all.
func (set *scoreSet) silent(why string) []canon.Contribution {
	var rows []canon.Contribution
	for _, g := range set.cards[len(set.cards)-1].groups {
		for _, m := range g.measures {
			rows = append(rows, canon.Contribution{Measure: m.key, Title: m.title, Group: g.title, Unit: m.unit, NA: why, Reason: why})
		}
	}
	return rows
}
