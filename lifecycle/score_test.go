package lifecycle

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
)

// shares draws n whole numbers above zero that add up to 100.
func shares(t *rapid.T, n int, label string) []int {
	out, left := make([]int, n), 100
	for i := range out {
		most := left - (n - 1 - i)
		out[i] = most
		if i < n-1 {
			out[i] = rapid.IntRange(1, most).Draw(t, label)
		}
		left -= out[i]
	}
	return out
}

// genPolicy writes a policy with a scorecard of any shape.
func genPolicy(t *rapid.T) string {
	var b strings.Builder
	b.WriteString("policy: drawn\nversion: 1.0.0\nstages:\n  - key: a\n    customer: true\n    enter:\n      - {from: start, when: 'exists(\"*\")', reason: seen}\nscorecards:\n")
	fmt.Fprintf(&b, "  - name: health\n    intent: any\n    outcome: any\n    sufficiency: 0.%d\n    undelivered: %s\n    groups:\n",
		rapid.IntRange(1, 9).Draw(t, "sufficiency"), rapid.SampledFrom([]string{"missing", "excluded"}).Draw(t, "undelivered"))
	values := []string{`days_since("usage.*")`, `last_value("survey.nps", 100)`, `count("ticket.opened", 30)`, `overdue_days()`, `trend("usage.*", 20, 40)`, `mrr() / 100`, `active_days("touch.*", 14)`}
	curves := []string{`{linear: {worst: 30, best: 2}}`, `{linear: {worst: 0, best: 9}}`, `{u_shape: {low: 0, low_worth: 60, peak_from: 2, peak_to: 6, high: 20, high_worth: 0}}`, `{k_of_n: {k: 3, n: 5}}`, `{trend: {worst: 0.5, best: 1.5}}`, `{bands: [{up_to: 1, worth: 33.3}, {up_to: 5, worth: 77.7}, {worth: 1.1}]}`}
	for g, weight := range shares(t, rapid.IntRange(1, 5).Draw(t, "groups"), "group") {
		fmt.Fprintf(&b, "      - key: g%d\n        weight: %d\n        measures:\n", g, weight)
		for m, weight := range shares(t, rapid.IntRange(1, 4).Draw(t, "measures"), "measure") {
			fmt.Fprintf(&b, "          - {key: g%dm%d, weight: %d, value: '%s', missing: %s, curve: %s}\n", g, m, weight,
				rapid.SampledFrom(values).Draw(t, "value"), rapid.SampledFrom([]string{"na", "zero", "neutral"}).Draw(t, "missing"), rapid.SampledFrom(curves).Draw(t, "curve"))
		}
	}
	return b.String()
}

// Whatever the weights, the points add up to the score and the points lost to what it lacks of 100, and
// the score lies between its worst and its best measure.
func TestAnyScorecardAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := genPolicy(t)
		p, err := Parse("drawn.yaml", []byte(src))
		if err != nil {
			var list Complaints
			errors.As(err, &list)
			t.Fatalf("%v\n%s", list, src)
		}
		s := p.Assess(genFacts(t), genNow(t, "now")).Assessment.Health
		if s.Value == nil {
			return
		}
		points, lost, low, high := 0.0, 0.0, 100.0, 0.0
		for _, c := range s.Contributions {
			points, lost = points+c.Points, lost+c.PointsLost
			if c.Weight > 0 {
				low, high = min(low, c.Curve), max(high, c.Curve)
			}
		}
		if math.Abs(points-*s.Value) > 1e-9 || math.Abs(lost-(100-*s.Value)) > 1e-9 || *s.Value < low-1e-9 || *s.Value > high+1e-9 {
			t.Fatalf("value %v, points %v, lost %v, from %v to %v", *s.Value, points, lost, low, high)
		}
	})
}

func TestCurves(t *testing.T) {
	limit := 3.0
	for _, c := range []struct {
		curve   curve
		v, want float64
	}{
		{curve{linear: &linearSpec{Worst: 45, Best: 3}}, 3, 100},
		{curve{linear: &linearSpec{Worst: 45, Best: 3}}, -9, 100},
		{curve{linear: &linearSpec{Worst: 45, Best: 3}}, 24, 50},
		{curve{linear: &linearSpec{Worst: 45, Best: 3}}, 99, 0},
		{curve{linear: &linearSpec{Worst: 0, Best: 10}}, 4, 40},
		{curve{decay: &decaySpec{HalfLife: 10}}, 0, 100},
		{curve{decay: &decaySpec{HalfLife: 10}}, 20, 25},
		{curve{decay: &decaySpec{HalfLife: 10}}, -5, 100},
		{curve{bands: &stepsSpec{Steps: []bandSpec{{&limit, 80}, {nil, 20}}}}, 3, 80},
		{curve{bands: &stepsSpec{Steps: []bandSpec{{&limit, 80}, {nil, 20}}}}, 3.01, 20},
		{curve{boolean: &booleanSpec{Yes: 90, No: 10}}, 1, 90},
		{curve{boolean: &booleanSpec{Yes: 90, No: 10}}, 0, 10},
	} {
		if got := c.curve.worth(c.v, nil); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%+v of %v is %v, want %v", c.curve, c.v, got, c.want)
		}
	}
}

// assessed is an assessment with nothing but a score.
func assessed(band string, value float64) canon.Assessment {
	a := canon.Assessment{Customer: "cus_1", At: time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC), Health: canon.Score{Name: "health", Band: band}}
	if band != "unknown" {
		a.Health.Value = &value
	}
	a.Health.Contributions = []canon.Contribution{
		{Measure: "a", Points: 5, PointsLost: 30, Reason: "Last used 40 days ago"},
		{Measure: "b", Points: 40, PointsLost: 0, Reason: "No invoice is overdue"},
		{Measure: "c", NA: "No connection delivers tickets", Reason: "No connection delivers tickets"},
	}
	return a
}

func TestScoreChanged(t *testing.T) {
	green, red, unknown := assessed("green", 80), assessed("red", 20), assessed("unknown", 0)
	capped := assessed("yellow", 40)
	capped.Health.Caps = []canon.Cap{{Name: "late", Max: 40, Reason: "Health is held at 40: an invoice is 65 days overdue"}}
	for _, c := range []struct {
		name    string
		prev    *canon.Assessment
		next    canon.Assessment
		summary string
	}{
		{"first known", nil, green, "Health is green at 80: No invoice is overdue; Last used 40 days ago"},
		{"known after unknown", &unknown, red, "Health is red at 20: Last used 40 days ago"},
		{"worse", &green, red, "Health went from green (80) to red (20): Last used 40 days ago"},
		{"better", &red, green, "Health went from red (20) to green (80): No invoice is overdue; Last used 40 days ago"},
		{"capped", &green, capped, "Health went from green (80) to yellow (40): Health is held at 40: an invoice is 65 days overdue; Last used 40 days ago"},
		{"lost", &green, unknown, "Health is no longer known (it was green): No connection delivers tickets"},
		{"the same", &green, assessed("green", 75), ""},
		{"still unknown", &unknown, unknown, ""},
		{"never known", nil, unknown, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			told := ScoreChanges(c.prev, c.next, 7)
			if c.summary == "" && len(told) == 0 {
				return
			}
			if len(told) != 1 || told[0].Summary != c.summary {
				t.Fatalf("got %+v, want %q", told, c.summary)
			}
			e := told[0]
			if diff := cmp.Diff(c.next.Health.Value, e.Value); diff != "" || e.ID != canon.ID("ev", "cus_1", "score", "7") || !e.OccurredAt.Equal(c.next.At) {
				t.Fatalf("%+v %s", e, diff)
			}
			if e.Data["to_band"] != c.next.Health.Band || e.Data["score"] != "health" {
				t.Fatalf("data %v", e.Data)
			}
		})
	}
}

func TestDefault(t *testing.T) {
	p := Default()
	if p.Name() != "cyclic-saas@1.0.0" || len(p.Stages()) != 6 || len(p.Flags()) == 0 || !strings.Contains(p.Mermaid(), "won_back") {
		t.Fatalf("%s %v %v", p.Name(), p.Stages(), p.Flags())
	}
}

// Every function that expressions are checked against means something, and the other way round.
func TestVocabularyIsComplete(t *testing.T) {
	for _, f := range Functions() {
		if f.Doc == "" {
			t.Errorf("%s has no documentation", f.Name)
		}
		if _, err := parseExpression(f.Name + "()"); err != nil && strings.Contains(err.Error(), "unknown name") {
			t.Errorf("%s is documented, but unknown to the type checker", f.Name)
		}
	}
	if n, want := len(Functions()), reflect.TypeFor[vocabulary]().NumField(); n != want {
		t.Errorf("%d functions are documented, the type checker knows %d", n, want)
	}
}
