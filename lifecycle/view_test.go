package lifecycle

import (
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

func TestRulesOverAFinishedAssessment(t *testing.T) {
	at := time.Date(2024, 5, 10, 12, 0, 0, 0, time.UTC)
	value, weak := 72.0, 30.0
	a := canon.Assessment{
		At: at, Stage: "retention", StageSince: at.AddDate(0, 0, -10), Cycle: 2, Flags: []string{"overdue"}, Segments: []string{"large"},
		Metrics: map[string]float64{"nps": 9}, MRR: &canon.Money{Minor: 5000, Currency: "EUR"}, Verdict: "watch",
		Health: canon.Score{Name: "health", Card: "onboarding", Value: &value, Band: "green", BandSince: at.AddDate(0, 0, -3), Coverage: 0.8},
		Scores: []canon.Score{
			{Name: "renewal", Band: "unknown"}, {Name: "expansion", Value: &weak, Band: "yellow", Held: true, Caps: []canon.Cap{{Name: "overdue"}}},
		},
	}
	v := View{Assessment: &a, Fields: map[string]string{"plan": "pro", "seats": "12"}}
	for source, want := range map[string]tri{
		`score("health") >= 70 and band("health") == "green"`:     yes,
		`score("renewal") > 0`:                                    unknown,
		`not (score("renewal") > 0)`:                              unknown,
		`score("renewal") > 0 or flag("overdue")`:                 yes,
		`score("renewal") > 0 and false`:                          no,
		`score("expansion") > 0`:                                  unknown, // it is held: nothing may be triggered by it
		`band("expansion") == "yellow" and capped("expansion")`:   yes,
		`capped("expansion", "notice") or capped("health")`:       no,
		`stage() in ["retention", "loyalty"]`:                     yes,
		`stage() == "loyalty" or in_segment("large")`:             yes,
		`metric("nps") >= 9 and metric("csat") > 1`:               unknown,
		`(metric("csat") ?? 5) > 1`:                               yes,
		`known(metric("csat"))`:                                   no,
		`field("plan") == "pro" and number("seats") >= 12`:        yes,
		`number("plan") > 0`:                                      unknown,
		`mrr() / 100 == 50 and cycle() == 2`:                      yes,
		`days_in_stage() >= 10 and days_in_band("health") < 4`:    yes,
		`card("health") == "onboarding" and verdict() == "watch"`: yes,
		`coverage("health") < 0.7`:                                no,
		`1 / (cycle() - 2) > 0`:                                   unknown,
	} {
		r, err := compileRule(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if got := r.truth(&v); got != want || r.Holds(v) != (want == yes) || r.Known(v) != (want != unknown) {
			t.Errorf("%s is %v, want %v", source, got, want)
		}
	}
	r, err := compileRule(`days_in_stage() >= 14 or days_in_band("health") > 30`)
	if err != nil || !r.Next(v).Equal(at.AddDate(0, 0, 4)) {
		t.Errorf("next is %v (%v)", r.Next(v), err)
	}
	s, _, err := compileSentence(`Health is {score("health")} ({band("health")}), renewal {score("renewal")}, for {days_in_stage()} days`)
	if err != nil || s.Say(v) != "Health is 72 (green), renewal unknown, for 10 days" {
		t.Errorf("%q %v", s.Say(v), err)
	}
	for _, source := range []string{"", `days_in_stage() > 1.5`, `count("usage.*") > 1`, `score(stage()) > 1`, `score("health")`, `stage() in [stage()]`, `flag("a") ? true : false`} {
		if _, err := compileRule(source); err == nil {
			t.Errorf("%q compiles", source)
		}
	}
	if (Rule{}).Holds(v) || !(Rule{}).IsZero() {
		t.Error("the zero rule holds")
	}
}
