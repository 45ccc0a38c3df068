package evidence

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
)

func suitOf(t *testing.T, policy, key string, leak func(*worldCustomer, *rand.Rand)) Suiting {
	t.Helper()
	hs, _ := world{customers: 1200, chance: falling, seed: 29, leak: leak}.draw()
	r := studyOf(worldOptions(t, policy), hs).Suitability()
	i := slices.IndexFunc(r.Suits, func(m Suiting) bool { return m.Key == key })
	if i < 0 {
		t.Fatalf("no measure %s", key)
	}
	return r.Suits[i]
}

// TestSuitabilityAsksWhoCanDoAnything: what tells but cannot be influenced stays in a forecast only, and a play that is missing
// is named.
func TestSuitabilityAsksWhoCanDoAnything(t *testing.T) {
	with := func(text string) string {
		return strings.Replace(worldPolicy, "{key: days,", "{key: days, "+text+",", 1)
	}
	m := suitOf(t, with("play: call, hypothesis: Use is value, leading: true"), "health.days", nil)
	if m.Verdict != SuitKeep || m.Influenceable == nil || !*m.Influenceable || m.Play != "call" || m.Hypothesis != "Use is value" || !m.Leading || m.Weight != 1 || strings.Contains(m.Reason, "play") {
		t.Errorf("%+v", m)
	}
	if m := suitOf(t, worldPolicy, "health.days", nil); m.Verdict != SuitKeep || !strings.Contains(m.Reason, "no play answers it") {
		t.Errorf("%s: %s", m.Verdict, m.Reason)
	}
	fixed := with("influenceable: false")
	if m := suitOf(t, fixed, "health.days", nil); m.Verdict != SuitTrial || *m.Influenceable || !strings.Contains(m.Reason, "nobody can do anything") {
		t.Errorf("%s: %s", m.Verdict, m.Reason)
	}
	forecast := strings.Replace(fixed, "sufficiency: 0.1", "sufficiency: 0.1\n    forecast: true", 1)
	if m := suitOf(t, forecast, "health.days", nil); m.Verdict != SuitKeep {
		t.Errorf("%s: %s", m.Verdict, m.Reason)
	}
}

// TestSuitabilityRanksTheMiddleByItsCurve: where too much is as bad as too little the raw value tells nothing, the curve does.
func TestSuitabilityRanksTheMiddleByItsCurve(t *testing.T) {
	// Those who hardly use the product, and are the first to leave, talk very little or very much.
	talk := func(c *worldCustomer, rnd *rand.Rand) {
		n := 5.0
		if len(c.events) < 5 {
			n = 10 * float64(rnd.IntN(2))
		}
		c.tell("survey.nps", canon.KindSurvey, worldAt.AddDate(0, 0, -5), valued(n))
	}
	policy := withMeasure(`{key: talk, title: Talk, weight: 50, value: 'last_value("survey.nps")', missing: redistribute, curve: {u_shape: {low: 0, low_worth: 0, peak_from: 4, peak_to: 6, high: 10, high_worth: 0}}, reason: 'Talk {value}'}`)
	m := suitOf(t, policy, "health.talk", talk)
	if m.Declared != 0 || m.Agrees == nil || !*m.Agrees || m.AUC.Value.Low < 0.55 || m.Verdict == SuitDrop {
		t.Errorf("%+v", m)
	}
}

func TestMeasuresOfShippedPacks(t *testing.T) {
	for _, name := range lifecycle.Packs() {
		p, err := lifecycle.Pack(name)
		if err != nil {
			t.Fatal(err)
		}
		sums := map[string]float64{}
		for _, m := range p.Measures() {
			if m.Key == "" || m.Score == "" || m.Card == "" || m.Group == "" || m.Direction < -1 || m.Direction > 1 {
				t.Errorf("%s: %+v", name, m)
			}
			sums[m.Score+"/"+m.Card] += m.Weight
		}
		for card, sum := range sums {
			about(t, name+" "+card+", all weights", sum, 1, 1e-9)
		}
	}
}
