package evidence

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// plantedAUC is the AUC of two normal distributions that lie d standard deviations apart.
func plantedAUC(d float64) float64 { return math.Erfc(-d/2) / 2 }

// planted makes rows in which the outcome shifts the first feature by d standard deviations: no model can do better than
// plantedAUC. The other features are noise, and every tenth value is missing.
func planted(n, noise int, d, base float64, seed uint64) Panel {
	rng := rand.New(rand.NewPCG(seed, 1))
	p := Panel{}
	for j := range noise + 1 {
		p.Features = append(p.Features, Feature{Key: fmt.Sprint("f", j), Title: fmt.Sprint("f", j), Group: GroupColumn})
	}
	for i := range n {
		r := Row{Customer: fmt.Sprint("c", i), Label: rng.Float64() < base, Score: math.NaN()}
		r.X = append(r.X, rng.NormFloat64()+d*outcome(r.Label))
		for range noise {
			v := math.Exp(rng.NormFloat64())
			if rng.IntN(10) == 0 {
				v = math.NaN()
			}
			r.X = append(r.X, v)
		}
		p.Rows = append(p.Rows, r)
	}
	return p
}

func TestFitFindsWhatWasPlanted(t *testing.T) {
	for _, d := range []float64{0.5, 1.6} {
		p := planted(4000, 3, d, 0.2, uint64(d*10))
		v, err := Validate(p, -1, FitOptions{})
		if err != nil {
			t.Fatal(err)
		}
		near(t, "the AUC over folds", v.Held.AUC().Value, plantedAUC(d), 0.02)
		near(t, "the calibration slope", float64(v.Held.Calibration.Slope), 1, 0.15)
		if v.Held.Verdict != Evidence || v.Held.Find("brier.skill.v1").Low <= 0 {
			t.Errorf("the verdict is %q, the skill %v", v.Held.Verdict, v.Held.Find("brier.skill.v1"))
		}
		if w := v.Model.Weights[0]; w.Key != "f0" || w.Effect.Low <= 0 || w.Points.Value < 70 {
			t.Errorf("the heaviest measure is %+v", w)
		}
		for _, b := range v.Baselines[:2] {
			if b.Verdict != NoEvidence {
				t.Errorf("the baseline %s is called %q", b.Name, b.Verdict)
			}
		}
	}
}

func TestFitFindsNothingInNoise(t *testing.T) {
	seeds, found := 20, 0
	for seed := range seeds {
		v, err := Validate(planted(200, 4, 0, 0.3, uint64(1000+seed)), -1, FitOptions{Plain: true})
		if err != nil {
			t.Fatal(err)
		}
		if v.Held.Verdict != NoEvidence {
			found++
		}
	}
	// One in forty is what the interval lets through; one in twenty is what is promised.
	if found*20 > seeds {
		t.Errorf("evidence was found in %d of %d sets of noise", found, seeds)
	}
}

func TestFitForwardInTime(t *testing.T) {
	p := planted(4000, 3, 1, 0.3, 7)
	begin := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range p.Rows {
		p.Rows[i].At = begin.AddDate(0, i/200, 0)
		p.Rows[i].Customer = fmt.Sprint("c", i%200)
	}
	v, err := Validate(p, -1, FitOptions{Embargo: 60 * 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "the AUC forward in time", v.Held.AUC().Value, plantedAUC(1), 0.04)
	if v.Held.Customers != 200 || v.HeldOut != nil {
		t.Errorf("tried on %d customers; held out %v", v.Held.Customers, v.HeldOut)
	}
	rows := p.all()
	for _, s := range walkForward(p, rows, 60*24*time.Hour, []float64{0.4, 0.6, 0.8}) {
		first := p.Rows[s.test[0]].At
		for _, i := range s.train {
			if p.Rows[i].At.Add(60 * 24 * time.Hour).After(first) {
				t.Fatalf("learns from %v before it is settled, trying from %v on", p.Rows[i].At, first)
			}
		}
	}
}

func TestFoldsNeverPartACustomer(t *testing.T) {
	p := planted(500, 0, 1, 0.3, 3)
	for i := range p.Rows {
		p.Rows[i].Customer = fmt.Sprint("c", i%100)
	}
	tried := map[int]int{}
	for _, s := range groupedFolds(p, p.all(), 5, 1) {
		seen := map[string]bool{}
		for _, i := range s.train {
			seen[p.Rows[i].Customer] = true
		}
		for _, i := range s.test {
			tried[i]++
			if seen[p.Rows[i].Customer] {
				t.Fatalf("%s is learned from and tried on", p.Rows[i].Customer)
			}
		}
	}
	if len(tried) != 500 {
		t.Errorf("%d of 500 rows were tried", len(tried))
	}
}

// With one yes/no measure and hardly any regularisation, the slope is the log odds ratio of the four-field table.
func TestLogisticByHand(t *testing.T) {
	d := design{d: 1}
	add := func(x float32, y float64, n int) {
		for range n {
			d.x, d.y = append(d.x, x), append(d.y, y)
		}
	}
	add(1, 1, 30)
	add(1, 0, 10)
	add(0, 1, 20)
	add(0, 0, 60)
	l := logistic{design: d, lambda: 1e-12}
	beta := l.solve(d.origin())
	near(t, "slope", beta[0], math.Log(30.0*60/(10*20)), 1e-4)
	near(t, "intercept", beta[1], math.Log(20.0/60), 1e-4)
	b, a := line([]float64{1, 0, 1, 0}, []float64{0.75, 0.25, 0.75, 0.25}, 0)
	near(t, "slope by Newton", b, math.Log(9), 1e-6)
	near(t, "intercept by Newton", a, math.Log(1.0/3), 1e-6)
}

func TestFitUsesCategoriesAndGaps(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	p := Panel{Features: []Feature{{Key: "plan", Title: "plan"}, {Key: "answer", Title: "answer"}, {Key: "empty", Title: "empty"}, {Key: "u", Title: "u"}}}
	for i := range 6000 {
		plan, x := float64(rng.IntN(4)), rng.NormFloat64()
		odds := []float64{-2, 0, 1, -1}[int(plan)]
		answer := x
		if rng.IntN(3) == 0 {
			answer = math.NaN()
			odds += 1.5
		}
		u := rng.NormFloat64()
		odds += u*u - 1
		p.Rows = append(p.Rows, Row{Customer: fmt.Sprint(i), Label: rng.Float64() < sigmoid(odds), X: []float64{plan, answer, math.NaN(), u}})
	}
	m, err := Fit(p, FitOptions{Levels: map[string][]string{"plan": {"free", "pro", "trial", "team"}}})
	if err != nil {
		t.Fatal(err)
	}
	// What is risky at both ends needs steps.
	if m.Form != formSteps.String() {
		t.Errorf("the form is %q", m.Form)
	}
	base := m.Risk([]float64{1, 0, math.NaN(), 0})
	if m.Risk([]float64{1, math.NaN(), math.NaN(), 0}) < base+0.8 || m.Risk([]float64{0, 0, 0, 0}) > base-1 || m.Risk([]float64{99, 0, 0, 0}) > m.Risk([]float64{2, 0, 0, 0}) {
		t.Error("gaps and levels are not told apart")
	}
	for _, w := range m.Weights {
		if w.Key == "empty" {
			t.Error("a measure that holds nothing has a weight")
		}
		if w.Key == "plan" && (w.Levels[0].Level != "trial" || w.Levels[3].Level != "free") {
			t.Errorf("the levels are %v", w.Levels)
		}
	}
}

func TestDirectionsAreChecked(t *testing.T) {
	p := planted(3000, 2, 1, 0.4, 9)
	p.Features[0].Direction, p.Features[1].Direction = 1, -1
	m, err := Fit(p, FitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	total := 0.0
	for _, w := range m.Weights {
		total += w.Points.Value
		switch w.Key {
		case "f0":
			// More of it goes with the outcome, though it was declared good.
			if w.Finding != "contradicts" {
				t.Errorf("f0: %+v", w)
			}
		case "f1":
			if w.Finding == "agrees" && w.Effect.Low < 0 {
				t.Errorf("f1: %+v", w)
			}
		}
	}
	near(t, "the points together", total, 100, 1e-9)
	good, err := Fit(p, FitOptions{Good: true})
	if err != nil {
		t.Fatal(err)
	}
	if w := good.Weights[0]; w.Finding != "agrees" {
		t.Errorf("for a good outcome f0 %+v", w)
	}
}

func TestFitRefuses(t *testing.T) {
	if _, err := Fit(Panel{}, FitOptions{}); err == nil {
		t.Error("a panel without features was fitted")
	}
	p := planted(50, 0, 1, 0, 1)
	if _, err := Fit(p, FitOptions{}); err == nil {
		t.Error("a panel without positives was fitted")
	}
	p = planted(40, 300, 1, 0.4, 1)
	for i := range p.Rows {
		p.Rows[i].X[3], p.Rows[i].X[4], p.Rows[i].X[5] = math.Inf(1), 1e308, -1e308*float64(i%2)
	}
	m, err := Fit(p, FitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if pr := m.Probability(p.Rows[0].X); !(pr >= 0 && pr <= 1) {
		t.Errorf("the probability is %v", pr)
	}
}

func TestFitIsTheSameEveryTime(t *testing.T) {
	p := planted(2000, 3, 1, 0.3, 4)
	a, err := Fit(p, FitOptions{Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	b, err := Fit(p, FitOptions{Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	for i := range p.Rows {
		if a.Risk(p.Rows[i].X) != b.Risk(p.Rows[i].X) {
			t.Fatal("two fits differ")
		}
	}
	if a.Weights[0].Points != b.Weights[0].Points {
		t.Error("two proposals differ")
	}
}

func TestFewOutcomesAreADirection(t *testing.T) {
	v, err := Validate(planted(400, 1, 1.8, 0.08, 2), -1, FitOptions{Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	if v.Held.Verdict != Directional {
		t.Errorf("the verdict on %d positives is %q", v.Held.Positives, v.Held.Sentence)
	}
}
