package evidence

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/integrate"
	"gonum.org/v1/gonum/stat"
	"pgregory.net/rapid"
)

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if math.IsNaN(got) != math.IsNaN(want) || math.Abs(got-want) > within {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// The fixture: scores with ties within and across the classes.
//
//	score 9: +        score 7: + -      score 5: + - -      score 3: + -      score 1: - -
func fixture() (score []float64, positive []bool) {
	return []float64{9, 7, 7, 5, 5, 5, 3, 3, 1, 1}, []bool{true, true, false, true, false, false, true, false, false, false}
}

func TestRankingByHand(t *testing.T) {
	s, y := fixture()
	// Pairs won by each positive among 6 negatives: 9 wins 6; 7 wins 5 and ties 1; 5 wins 3 and ties 2; 3 wins 2 and ties 1.
	near(t, "AUC", AUC(s, y), (6+5.5+4+2.5)/24, 1e-12)
	// Precision at the ends of the groups: 1/1, 2/3, 3/6, 4/8.
	near(t, "AP", AveragePrecision(s, y), 0.25*(1+2.0/3+0.5+0.5), 1e-12)
	// The widest gap: after score 7 or 5 the rates are 2/4 and 1/6, then 3/4 and 3/6.
	near(t, "KS", KS(s, y), 2.0/4-1.0/6, 1e-12)
	// The top fifth is the 9 and half of the two 7s: 1.5 positives of 2 rows, the base is 0.4.
	near(t, "lift", Lift(s, y, 0.2), 0.75/0.4, 1e-12)
	near(t, "capture", Capture(s, y, nil, 0.2), 1.5/4, 1e-12)
	// Worth 10, 20, 30 and 40: the 9 and half of the 7.
	near(t, "capture of value", Capture(s, y, []float64{10, 20, 5, 30, 5, 5, 40, 5, 5, 5}, 0.2), 20.0/100, 1e-12)
	precision, recall := NewRanking(s, y).At(4, nil)
	near(t, "precision at 4", precision, (2+1.0/3)/4, 1e-12)
	near(t, "recall at 4", recall, (2+1.0/3)/4, 1e-12)
	_, recall = NewRanking(s, y).At(99, nil)
	near(t, "recall at all", recall, 1, 1e-12)
	near(t, "F2", FBeta(0.5, 0.25, 2), 5*0.125/(4*0.5+0.25), 1e-12)
}

func TestRankingAtTheEnds(t *testing.T) {
	if v := AUC([]float64{1, 2}, []bool{true, true}); !math.IsNaN(v) {
		t.Errorf("AUC of one class is %v", v)
	}
	if v := AveragePrecision(nil, nil); !math.IsNaN(v) {
		t.Errorf("AP of nothing is %v", v)
	}
	near(t, "AUC of equal scores", AUC([]float64{2, 2, 2}, []bool{true, false, false}), 0.5, 0)
	near(t, "lift of equal scores", Lift([]float64{2, 2, 2, 2}, []bool{true, false, false, false}, 0.1), 1, 1e-12)
	near(t, "AUC without the unknown", AUC([]float64{2, math.NaN(), 1}, []bool{true, true, false}), 1, 0)
}

// draw makes scores with ties, and outcomes of both kinds.
func draw(t *rapid.T) (score []float64, positive []bool) {
	n := rapid.IntRange(2, 60).Draw(t, "n")
	for i := range n {
		score = append(score, float64(rapid.IntRange(-5, 5).Draw(t, "score")))
		positive = append(positive, i == 0 || i > 1 && rapid.Bool().Draw(t, "positive"))
	}
	return score, positive
}

func TestAUCAgreesWithGonum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		score, positive := draw(t)
		s, y := slices.Clone(score), slices.Clone(positive)
		stat.SortWeightedLabeled(s, y, nil)
		tpr, fpr, _ := stat.ROC(nil, s, y, nil)
		if want, got := integrate.Trapezoidal(fpr, tpr), AUC(score, positive); math.Abs(got-want) > 1e-12 {
			t.Fatalf("AUC is %v, gonum says %v", got, want)
		}
		gap := 0.0
		for i := range tpr {
			gap = max(gap, math.Abs(tpr[i]-fpr[i]))
		}
		if got := KS(score, positive); math.Abs(got-gap) > 1e-12 {
			t.Fatalf("KS is %v, gonum's curve says %v", got, gap)
		}
		roc := NewRanking(score, positive).ROC()
		if len(roc) != len(tpr) {
			t.Fatalf("the curve has %d points, gonum's %d", len(roc), len(tpr))
		}
		for i := range roc {
			if math.Abs(roc[i].X-fpr[i]) > 1e-12 || math.Abs(roc[i].Y-tpr[i]) > 1e-12 {
				t.Fatalf("point %d is %v, gonum says (%v, %v)", i, roc[i], fpr[i], tpr[i])
			}
		}
	})
}

func TestRankingLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		score, positive := draw(t)
		turned, bent := make([]float64, len(score)), make([]float64, len(score))
		weight := make([]float64, len(score))
		var again []float64
		var more []bool
		for i, s := range score {
			turned[i], bent[i] = -s, math.Exp(s/3)-7
			n := rapid.IntRange(0, 3).Draw(t, "weight")
			weight[i] = float64(n)
			for range n {
				again, more = append(again, s), append(more, positive[i])
			}
		}
		auc := AUC(score, positive)
		if got := AUC(turned, positive); math.Abs(got-(1-auc)) > 1e-12 {
			t.Fatalf("turned round the AUC is %v, want %v", got, 1-auc)
		}
		u, _ := MannWhitney(where(score, positive, true), where(score, positive, false))
		pos := len(where(score, positive, true))
		if want := u / float64(pos*(len(score)-pos)); math.Abs(auc-want) > 1e-12 {
			t.Fatalf("the AUC is %v, U says %v", auc, want)
		}
		share := rapid.Float64Range(0.01, 1).Draw(t, "share")
		stats := []func(*Ranking, []float64) float64{(*Ranking).AUC, (*Ranking).AveragePrecision, (*Ranking).KS,
			func(r *Ranking, w []float64) float64 { return r.Lift(share, w) }, func(r *Ranking, w []float64) float64 { return r.Capture(share, nil, w) }}
		for k, f := range stats {
			plain := f(NewRanking(score, positive), nil)
			if got := f(NewRanking(bent, positive), nil); !same(got, plain) {
				t.Fatalf("statistic %d is %v after a monotone map, was %v", k, got, plain)
			}
			if got, want := f(NewRanking(score, positive), weight), f(NewRanking(again, more), nil); !same(got, want) {
				t.Fatalf("statistic %d is %v by weights, %v of rows repeated", k, got, want)
			}
		}
		if c := Capture(score, positive, nil, share); c < 0 || c > 1+1e-12 {
			t.Fatalf("capture is %v", c)
		}
	})
}

func where(v []float64, is []bool, want bool) (out []float64) {
	for i := range v {
		if is[i] == want {
			out = append(out, v[i])
		}
	}
	return out
}

func same(a, b float64) bool {
	return math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) < 1e-9
}

func TestForecastsByHand(t *testing.T) {
	p, y := []float64{0.9, 0.6, 0.6, 0.1}, []bool{true, true, false, false}
	near(t, "Brier", Brier(p, y), (0.01+0.16+0.36+0.01)/4, 1e-12)
	near(t, "skill", Skill(p, y), 1-0.135/0.25, 1e-12)
	c := Calibration(p, y, 2)
	// The two 0.6 are never parted, so the first bin holds three rows.
	if len(c.Bins) != 2 || c.Bins[0].N != 3 || c.Bins[1].N != 1 {
		t.Fatalf("the bins are %+v", c.Bins)
	}
	near(t, "ECE", float64(c.ECE), (3*math.Abs(1.3/3-1.0/3)+0.1)/4, 1e-12)
}

func TestCalibrationFindsTheSlope(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var p, bold, odds []float64
	var y []bool
	for range 40_000 {
		z := rng.NormFloat64() - 1
		p, bold = append(p, sigmoid(z)), append(bold, sigmoid(2*z+0.5))
		odds = append(odds, 2*z+0.5)
		y = append(y, rng.Float64() < sigmoid(z))
	}
	c := Calibration(p, y, 10)
	near(t, "slope of true forecasts", float64(c.Slope), 1, 0.05)
	near(t, "intercept of true forecasts", float64(c.Intercept), 0, 0.05)
	near(t, "slope of bold forecasts", float64(Calibration(bold, y, 10).Slope), 0.5, 0.03)
	for name, f := range map[string]func(float64) float64{"platt": Platt(odds, y), "isotonic": Isotonic(odds, y)} {
		mended := make([]float64, len(bold))
		for i, b := range odds {
			mended[i] = f(b)
		}
		if ece := float64(Calibration(mended, y, 10).ECE); ece > 0.02 {
			t.Errorf("%s leaves a calibration error of %v", name, ece)
		}
	}
}

func TestIsotonicByHand(t *testing.T) {
	f := Isotonic([]float64{1, 2, 3, 4}, []bool{false, true, false, true})
	for x, want := range map[float64]float64{0: 0, 1: 0, 2: 0.5, 2.5: 0.5, 3: 0.5, 3.5: 0.75, 4: 1, 9: 1} {
		near(t, "isotonic", f(x), want, 1e-12)
	}
}

func TestWilsonByHand(t *testing.T) {
	// Published: 10 of 20 at 95 % is 0.299 to 0.701, 0 of 10 is 0 to 0.278.
	i := Wilson(10, 20, Z95)
	near(t, "low", i.Low, 0.2993, 1e-4)
	near(t, "high", i.High, 0.7007, 1e-4)
	i = Wilson(0, 10, Z95)
	near(t, "low of none", i.Low, 0, 0)
	near(t, "high of none", i.High, 0.2775, 1e-4)
	if i := Wilson(0, 0, Z95); !math.IsNaN(i.Value) {
		t.Errorf("of nothing: %v", i)
	}
}

func TestMannWhitneyByHand(t *testing.T) {
	// Without ties: U = 15 of 20, sd = sqrt(20·10/12).
	u, p := MannWhitney([]float64{4, 5, 7, 9}, []float64{1, 2, 3, 6, 8})
	near(t, "U", u, 15, 0)
	near(t, "p", p, math.Erfc((math.Abs(15-10)-0.5)/math.Sqrt(20*10/12.0)/math.Sqrt2), 1e-12)
	if _, p = MannWhitney([]float64{2, 2}, []float64{2, 2}); p != 1 {
		t.Errorf("p of equal values is %v", p)
	}
}

func TestBenjaminiHochbergByHand(t *testing.T) {
	got := BenjaminiHochberg([]float64{0.04, 0.01, math.NaN(), 0.03, 0.5})
	for i, want := range []float64{0.16 / 3, 0.04, math.NaN(), 0.16 / 3, 0.5} {
		near(t, "adjusted", got[i], want, 1e-12)
	}
}

func TestCorrelations(t *testing.T) {
	a, b := []float64{1, 2, math.NaN(), 4, 5}, []float64{2, 1, 9, 4, 100}
	near(t, "Pearson", Correlation(a, b), stat.Correlation([]float64{1, 2, 4, 5}, []float64{2, 1, 4, 100}, nil), 1e-12)
	near(t, "Spearman", RankCorrelation(a, b), 0.8, 1e-12)
	if v := Correlation([]float64{1, 1}, []float64{1, 2}); !math.IsNaN(v) {
		t.Errorf("of a constant: %v", v)
	}
}

func TestPSI(t *testing.T) {
	near(t, "by hand", PSICounts([]float64{50, 50}, []float64{20, 80}), (0.2-0.5)*math.Log(0.4)+(0.8-0.5)*math.Log(1.6), 1e-12)
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOfN(rapid.Float64Range(-3, 3), 1, 50).Draw(t, "a")
		b := rapid.SliceOfN(rapid.Float64Range(-3, 3), 1, 50).Draw(t, "b")
		if v := PSI(a, b, 10); !(v >= 0) {
			t.Fatalf("PSI is %v", v)
		}
		if v := PSI(a, a, 10); math.Abs(v) > 1e-12 {
			t.Fatalf("PSI of the same is %v", v)
		}
	})
}

func TestBootstrap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		score, positive := draw(t)
		cluster := make([]string, len(score))
		for i := range cluster {
			cluster[i] = rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "cluster")
		}
		r := NewRanking(score, positive)
		i := ClusterBootstrap(cluster, r.AUC, Boot{Replicates: 50, Seed: 1})
		if !i.Includes(i.Value) {
			t.Fatalf("%v does not hold its estimate", i)
		}
		if again := ClusterBootstrap(cluster, r.AUC, Boot{Replicates: 50, Seed: 1}); again != i && !math.IsNaN(i.Low) {
			t.Fatalf("%v, then %v", i, again)
		}
	})
}

// Rows of one customer that say the same are one row's worth of knowledge: the interval must not shrink with copies.
func TestBootstrapCountsCustomers(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var once, often []float64
	var y, yOften []bool
	var who, whoOften []string
	for i := range 200 {
		positive := rng.Float64() < 0.4
		s := rng.NormFloat64() + outcome(positive)
		name := string(rune('a'+i%26)) + string(rune('a'+i/26))
		once, y, who = append(once, s), append(y, positive), append(who, name)
		for range 10 {
			often, yOften, whoOften = append(often, s), append(yOften, positive), append(whoOften, name)
		}
	}
	one := ClusterBootstrap(who, NewRanking(once, y).AUC, Boot{})
	ten := ClusterBootstrap(whoOften, NewRanking(often, yOften).AUC, Boot{})
	near(t, "the width", ten.High-ten.Low, one.High-one.Low, 1e-9)
	// Hanley and McNeil's standard error for this AUC is about 0.035.
	if w := one.High - one.Low; w < 0.09 || w > 0.2 {
		t.Errorf("the interval is %v wide", w)
	}
}
