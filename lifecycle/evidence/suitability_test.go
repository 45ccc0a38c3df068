package evidence

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
)

// surveyed gives everybody an NPS that says nothing.
func surveyed(c *worldCustomer, rnd *rand.Rand) {
	c.tell("survey.nps", canon.KindSurvey, worldAt.AddDate(0, 0, -5), valued(float64(rnd.IntN(11))))
}

func TestSuitabilityTellsWhatTells(t *testing.T) {
	hs, _ := world{customers: 1500, chance: falling, seed: 29, leak: surveyed}.draw()
	r := studyOf(worldOptions(t, secondPolicy()), hs).Suitability()
	find := func(key string) Suiting {
		i := slices.IndexFunc(r.Suits, func(m Suiting) bool { return m.Key == key })
		if i < 0 {
			t.Fatalf("no measure %s among %+v", key, r.Suits)
		}
		return r.Suits[i]
	}
	use, nps := find("health.days"), find("health.nps")
	if use.Verdict != SuitKeep || use.Rises || use.Declared != 1 || use.Agrees == nil || !*use.Agrees || use.Lead == 0 || float64(use.Q) > 0.001 {
		t.Errorf("use: %+v", use)
	}
	if float64(use.Median1) >= float64(use.Median0) || float64(use.Coverage) != 1 {
		t.Errorf("use: %+v", use)
	}
	if nps.Verdict != SuitDrop || nps.AUC.Value.Value > 0.56 {
		t.Errorf("nps: %+v", nps)
	}
	if r.Suits[0].Key != "health.days" {
		t.Errorf("the first is %s", r.Suits[0].Key)
	}
}

// TestSuitabilityFindsACurveThatIsUpsideDown declares that much use is bad.
func TestSuitabilityFindsACurveThatIsUpsideDown(t *testing.T) {
	hs, _ := world{customers: 1500, chance: falling, seed: 31}.draw()
	policy := withMeasure(`{key: wrong, title: Use again, weight: 50, value: 'active_days("usage.*", 30)', missing: structural_zero, curve: {linear: {worst: 10, best: 0}}, reason: 'Used on {value} days'}`)
	r := studyOf(worldOptions(t, policy), hs).Suitability()
	for _, m := range r.Suits {
		if m.Key == "health.wrong" && (m.Verdict != SuitDrop || m.Agrees == nil || *m.Agrees || m.With != "health.days" || float64(m.Rho) < 0.99) {
			t.Errorf("%+v", m)
		}
	}
	if len(r.Warnings) != 1 || r.Warnings[0].Code != "measure.redundant" || !strings.Contains(r.Warnings[0].Message, `"days" and "wrong"`) {
		t.Errorf("two measures that say the same: %v", r.Warnings)
	}
}

func TestDriversLookAtOneStageAtATime(t *testing.T) {
	hs, _ := world{customers: 900, chance: falling, seed: 37}.draw()
	ds := studyOf(worldOptions(t, worldPolicy), hs).Drivers()
	if len(ds) != 1 || ds[0].Segment != "customer" || ds[0].Counts.Rows != 900 {
		t.Errorf("drivers: %+v", ds)
	}
}

// moved draws a world in which use halves for everybody after some months.
func moved(t *testing.T, drop bool) *Drift {
	t.Helper()
	rnd := rand.New(rand.NewPCG(41, 1))
	var hs []canon.History
	for i := range 150 {
		c := &worldCustomer{id: string(rune('a'+i%26)) + string(rune('a'+i/26))}
		c.tell("subscription.started", canon.KindSubscription, worldAt.AddDate(0, -9, 0), paid(1000))
		for d := range 270 {
			odds := 0.3
			if drop && d > 150 {
				odds = 0.1
			}
			if rnd.Float64() < odds {
				c.tell("usage.recorded", canon.KindUsage, worldAt.AddDate(0, 0, d-270).Add(time.Hour), valued(1))
			}
		}
		hs = append(hs, canon.History{Profile: canon.Profile{ID: c.id, Type: "company"}, Events: c.events})
	}
	o := worldOptions(t, worldPolicy)
	o.From, o.To, o.End = worldAt.AddDate(0, -7, 0), worldAt, worldAt
	o.Label = label(t, "none")
	return studyOf(o, hs).Drift(time.Time{})
}

func TestDriftIsSeen(t *testing.T) {
	if d := moved(t, true); d.State != DriftMoved || d.Whole.PSI.Value.Value < 0.25 || d.Shifts[0].State != DriftMoved || !(d.Shifts[0].Median1 < d.Shifts[0].Median0) {
		t.Errorf("%+v", d)
	}
	if d := moved(t, false); d.State != DriftCalm {
		t.Errorf("calm data drift: %+v", d)
	}
}

// TestWhatIf compares a card that knows with one that has its curve upside down.
func TestWhatIf(t *testing.T) {
	hs, bayes := world{customers: 1500, chance: falling, seed: 43}.draw()
	o := worldOptions(t, worldPolicy)
	wrong, err := lifecycle.Parse("wrong.yaml", []byte(strings.Replace(worldPolicy, "{worst: 0, best: 10}", "{worst: 10, best: 0}", 1)))
	if err != nil {
		t.Fatal(err)
	}
	o.Previous = wrong
	w, err := studyOf(o, hs).WhatIf()
	if err != nil {
		t.Fatal(err)
	}
	about(t, "AUC before", w.Before.AUC().Value, 1-bayes, 0.03)
	about(t, "AUC after", w.After.AUC().Value, bayes, 0.03)
	about(t, "gain", w.Gain.Value.Value, 2*bayes-1, 0.06)
	n := 0
	for _, m := range w.Moves {
		n += m.N
	}
	if n != w.Rows || w.Changed.Value.Value < 0.5 {
		t.Errorf("%d of %d rows moved, %v changed", n, w.Rows, w.Changed.Value)
	}
}

func TestTheWorstAreKept(t *testing.T) {
	var w worst
	rnd := rand.New(rand.NewPCG(47, 1))
	best := map[string]float64{}
	for range 500 {
		s := suspect{Customer: string(rune('a' + rnd.IntN(60))), Score: math.Round(rnd.Float64() * 1000), At: worldAt}
		best[s.Customer] = max(best[s.Customer], s.Score)
		w.keep(s, true)
	}
	var all []float64
	for _, v := range best {
		all = append(all, v)
	}
	slices.Sort(all)
	slices.Reverse(all)
	for i, s := range w.list {
		if s.Score != all[i] || s.Score != best[s.Customer] {
			t.Errorf("place %d holds %v of %s, want %v", i, s.Score, s.Customer, all[i])
		}
	}
	if len(w.list) != mostSuspects {
		t.Errorf("%d are kept", len(w.list))
	}
}
