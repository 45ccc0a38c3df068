package evidence

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// rejects says whether the guard named an input and kept it out.
func rejects(r *Report, kind, input string) bool {
	return slices.ContainsFunc(r.Leaks, func(l Reject) bool { return l.Kind == kind && l.Input == input && l.Excluded && l.Reason != "" })
}

// TestEventsWrittenByTheOutcomeAreRejected plants use that only those have who are about to leave: they carry their data
// away. Without the guard it would look like health.
func TestEventsWrittenByTheOutcomeAreRejected(t *testing.T) {
	w := world{customers: 2500, chance: falling, seed: 11, leak: func(c *worldCustomer, rnd *rand.Rand) {
		if !c.left.IsZero() {
			for range 3 {
				c.tell("usage.recorded", canon.KindUsage, c.left.Add(-time.Duration(1+rnd.IntN(96))*time.Hour), feature("offboarding_export"))
			}
		}
	}}
	hs, bayes := w.draw()
	o := worldOptions(t, worldPolicy)
	o.Gap, o.Horizon = 0, 120
	r := tryOn(t, o, hs, false)
	if !rejects(r, "event", "usage.recorded of offboarding_export") {
		t.Errorf("rejected: %+v", r.Leaks)
	}
	about(t, "AUC without the leak", r.Card.AUC().Value, bayes, 0.02)
}

// TestBackdatedEventsAreRejected plants tickets that are written after the customer left, with a date long before it.
func TestBackdatedEventsAreRejected(t *testing.T) {
	w := world{customers: 2500, chance: falling, seed: 13, leak: func(c *worldCustomer, rnd *rand.Rand) {
		if !c.left.IsZero() {
			c.tell("ticket.escalated", canon.KindTicket, worldAt.AddDate(0, 0, -1-rnd.IntN(20)), recorded(c.left.AddDate(0, 0, 1)))
		}
	}}
	hs, bayes := w.draw()
	o := worldOptions(t, worldPolicy)
	column := func(r *Report, s *Study) float64 {
		j := s.schema.at["ticket.count"]
		if _, ok := s.schema.at["ticket.count"]; !ok {
			return 0.5
		}
		y := make([]bool, len(s.rows))
		for i := range s.rows {
			y[i] = s.rows[i].Label
		}
		return sided(AUC(s.column(j), y))
	}
	for _, known := range []Knowledge{KnownImported, KnownOccurred} {
		o.Known = known
		s := studyOf(o, hs)
		r, err := s.Run(false)
		if err != nil {
			t.Fatal(err)
		}
		if !rejects(r, "event", "ticket.escalated") {
			t.Errorf("%s: rejected %+v", known, r.Leaks)
		}
		about(t, string(known)+": AUC", r.Card.AUC().Value, bayes, 0.02)
		if auc := column(r, s); auc > 0.55 {
			t.Errorf("%s: tickets still know the outcome (AUC %.3f)", known, auc)
		}
	}
}

// TestMeasuresThatComeWithTheDecisionAreRejected plants surveys that everybody answers at random, but that those who leave
// answer with 0 in the last days before.
func TestMeasuresThatComeWithTheDecisionAreRejected(t *testing.T) {
	w := world{customers: 2500, chance: falling, seed: 17, leak: func(c *worldCustomer, rnd *rand.Rand) {
		for k := range 4 {
			c.tell("survey.nps", canon.KindSurvey, worldAt.AddDate(0, -k, -1), valued(float64(5+rnd.IntN(6))))
		}
		if !c.left.IsZero() {
			c.tell("survey.nps", canon.KindSurvey, c.left.AddDate(0, 0, -3), valued(0))
		}
	}}
	hs, bayes := w.draw()
	r := tryOn(t, worldOptions(t, secondPolicy()), hs, false)
	if !rejects(r, "measure", "health.nps") {
		t.Errorf("rejected: %+v", r.Leaks)
	}
	about(t, "AUC without the measure", r.Card.AUC().Value, bayes, 0.02)
}

// TestHonestSignalsAreNotRejected plants tickets that foretell leaving strongly, but not surely, long before.
func TestHonestSignalsAreNotRejected(t *testing.T) {
	w := world{customers: 2500, chance: falling, seed: 19, leak: func(c *worldCustomer, rnd *rand.Rand) {
		odds := 0.06
		if !c.left.IsZero() {
			odds = 0.7
		}
		if rnd.Float64() < odds {
			c.tell("ticket.escalated", canon.KindTicket, worldAt.AddDate(0, 0, -1-rnd.IntN(60)))
		}
	}}
	hs, _ := w.draw()
	r := tryOn(t, worldOptions(t, worldPolicy), hs, false)
	if len(r.Leaks) != 0 {
		t.Errorf("rejected: %+v", r.Leaks)
	}
}

// TestFieldsWithoutAHistoryAreNotTried has a measure that rests on what the golden record says today.
func TestFieldsWithoutAHistoryAreNotTried(t *testing.T) {
	policy := withMeasure(`{key: seats, title: Seats, weight: 50, value: 'number("seats")', missing: redistribute, curve: {linear: {worst: 0, best: 10}}, reason: 'Seats {value}'}`)
	hs, _ := world{customers: 400, chance: falling, seed: 23}.draw()
	for i := range hs {
		hs[i].Profile.Fields = []canon.Field{{Name: "seats", Value: "7"}}
	}
	r := tryOn(t, worldOptions(t, policy), hs, false)
	if !slices.Contains(r.NotTested, "health.seats") {
		t.Errorf("not tested: %v", r.NotTested)
	}
	if !slices.ContainsFunc(r.Warnings, func(w string) bool { return strings.Contains(w, "health.seats") }) {
		t.Errorf("warnings: %v", r.Warnings)
	}
}
