package lifecycle

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
)

// What a counter says is so: with the measure worth what its new value is worth, and all else as it is, the score is in
// the other band; and half the way there it is not yet.
func TestCountersAreTrue(t *testing.T) {
	seen := 0
	rapid.Check(t, func(t *rapid.T) {
		p := genCard(t, "weighted").parsed(t)
		facts := genFacts(t)
		facts.Sources = allFresh()
		s := p.Assess(facts, genNear(t, facts.Events)).Assessment.Health
		card := p.cardOf(s)
		for _, c := range p.Counters(s, nil) {
			if c.Cap != "" {
				continue
			}
			seen++
			if got := bandAfter(card, s, c.Measure, c.Needed); got != c.To || c.To == s.Band {
				t.Fatalf("%q, but with %v of %s it is %s (%+v)", c.Sentence, c.Needed, c.Measure, got, s)
			}
			m := measureNamed(card, c.Measure)
			half := (c.Needed + c.Value) / 2
			if m.whole() {
				half = math.Trunc(half)
			}
			if m.curve.rises() != 0 && half != c.Needed && bandAfter(card, s, c.Measure, half) == c.To && math.Abs(half-c.Needed) > 0.01 {
				t.Fatalf("%q, but %v is enough (%+v)", c.Sentence, half, c)
			}
		}
	})
	if seen == 0 {
		t.Fatal("no card had a counter")
	}
}

func measureNamed(card *scorecard, key string) *measure {
	for i := range card.groups {
		for k := range card.groups[i].measures {
			if m := &card.groups[i].measures[k]; m.key == key {
				return m
			}
		}
	}
	return nil
}

// bandAfter adds the score up anew.
func bandAfter(card *scorecard, s canon.Score, key string, x float64) string {
	sum := 0.0
	for _, row := range s.Contributions {
		worth := row.Curve
		if row.Measure == key {
			m := measureNamed(card, key)
			worth = m.curve.worth(x, nil)
		}
		sum += row.Weight * worth
	}
	for _, c := range s.Caps {
		sum = min(sum, c.Max)
	}
	sum = math.Round(sum*1e9) / 1e9
	return bandName(card.target(bandOf(s.Band), sum, sum))
}

func TestCounterInWords(t *testing.T) {
	p, err := Parse("small.yaml", []byte(`
policy: small
version: 1.0.0
stages:
  - {key: a, customer: true, enter: [{from: start, when: 'exists("*")', reason: Seen}]}
scorecards:
  - name: health
    intent: any
    outcome: any
    groups:
      - key: all
        weight: 100
        measures:
          - {key: days, title: Days with use, weight: 60, value: 'active_days("usage.recorded", 30)', counted: days with use, curve: {linear: {worst: 0, best: 10}}}
          - {key: age, title: Last use, weight: 40, value: 'days_since("usage.recorded")', unit: days ago, curve: {linear: {worst: 40, best: 0}}}
    caps:
      - {key: notice, max: 30, when: 'subscriptions_ending() > 0', reason: The end is scheduled}
`))
	if err != nil {
		t.Fatal(err)
	}
	events := readEvents(t, `
2024-01-10 usage.recorded u1
2024-01-11 usage.recorded u2
2024-01-12 usage.recorded u3
2024-01-13 usage.recorded u4
2024-01-14 usage.recorded u5`)
	now := time.Date(2024, 1, 14, 12, 0, 0, 0, time.UTC)
	facts := Facts{Customer: "cus_1", Events: events, Sources: allFresh()}
	a := p.Assess(facts, now).Assessment
	facts.Events = append(readEvents(t, "2024-01-09 subscription.started s\n2024-01-13T12:00 subscription.cancel_scheduled s"), events...)
	for i := range facts.Events {
		facts.Events[i].ID = facts.Events[i].Type + facts.Events[i].Ref.ID
	}
	held := p.Assess(facts, now).Assessment
	for _, c := range []struct {
		name  string
		score canon.Score
		want  []string
	}{
		// 5 of 10 days are worth 50, use today 100: 70 of 100, which is green.
		{"green", a.Health, []string{"Last use: 1 more day without a change would make health yellow (69)"}},
		{"held", held.Health, []string{"Without what holds it down, health would be green (70): The end is scheduled"}},
	} {
		var got []string
		for _, counter := range p.Counters(c.score, nil) {
			got = append(got, counter.Sentence)
		}
		if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
			t.Errorf("%s: %q, want %q (%+v)", c.name, got, c.want, c.score)
		}
	}
	later := p.Assess(Facts{Customer: "cus_1", Events: events, Sources: allFresh()}, now.AddDate(0, 0, 10)).Assessment
	sum := 0.0
	moved := Delta(a.Health, later.Health)
	for _, m := range moved {
		sum += m.Points
	}
	if len(moved) != 1 || math.Abs(sum-(*later.Health.Raw-*a.Health.Raw)) > 1e-9 || moved[0].Measure != "age" {
		t.Errorf("%+v add up to %v", moved, sum)
	}
}

// Each curve is inverted exactly: among the values for a worth is one that has it.
func TestCurvesAreInvertedExactly(t *testing.T) {
	limit := 5.0
	cohort := make([]float64, 101)
	for i := range cohort {
		cohort[i] = float64(i * i)
	}
	for _, c := range []curve{
		{linear: &linearSpec{Worst: 45, Best: 3}}, {decay: &decaySpec{HalfLife: 10}}, {kOfN: &kOfNSpec{K: 3, N: 5}}, {trend: &trendSpec{Worst: 0.5, Best: 1.5}},
		{uShape: &uShapeSpec{Low: 0, LowWorth: 60, PeakFrom: 2, PeakTo: 6, High: 20, HighWorth: 0}}, {percentile: &percentileSpec{Best: "high"}}, {percentile: &percentileSpec{Best: "low"}},
		{bands: &stepsSpec{Steps: []bandSpec{{&limit, 80}, {nil, 20}}}}, {boolean: &booleanSpec{Yes: 90, No: 10}},
	} {
		rapid.Check(t, func(t *rapid.T) {
			want := c.worth(rapid.Float64Range(0.01, 44).Draw(t, "value"), cohort)
			for _, x := range c.values(want, cohort) {
				if math.Abs(c.worth(x, cohort)-want) < 1e-6 {
					return
				}
			}
			t.Fatalf("no value of %+v is worth %v: %v", c, want, c.values(want, cohort))
		})
	}
}

// Along its direction a curve never turns.
func TestCurvesAreMonotone(t *testing.T) {
	limit, more := 5.0, 9.0
	for _, c := range []curve{
		{linear: &linearSpec{Worst: 45, Best: 3}}, {linear: &linearSpec{Worst: 3, Best: 45}}, {decay: &decaySpec{HalfLife: 10}}, {kOfN: &kOfNSpec{K: 3, N: 5}},
		{trend: &trendSpec{Worst: 0.5, Best: 1.5}}, {bands: &stepsSpec{Steps: []bandSpec{{&limit, 80}, {&more, 30}, {nil, 20}}}},
	} {
		rapid.Check(t, func(t *rapid.T) {
			a := rapid.Float64Range(-5, 60).Draw(t, "less")
			b := a + rapid.Float64Range(0, 60).Draw(t, "more")
			if d := float64(c.rises()); d == 0 || d*c.worth(b, nil) < d*c.worth(a, nil)-1e-9 {
				t.Fatalf("%+v is worth %v at %v and %v at %v", c, c.worth(a, nil), a, c.worth(b, nil), b)
			}
		})
	}
}

func TestAFigureBelowABorderIsNotRoundedOntoIt(t *testing.T) {
	card := &scorecard{method: weighted}
	card.cuts = [2]cut{{40, 45, 40}, {65, 70, 70}}
	q := &question{card: card}
	for v, want := range map[float64]string{39.99: " (39.9)", 40: " (40)", 69.6: " (69.6)", 47.3: " (47)", 39.4: " (39)"} {
		if got := q.figure(v); got != want {
			t.Errorf("%v is told as%s, want%s", v, got, want)
		}
	}
}
