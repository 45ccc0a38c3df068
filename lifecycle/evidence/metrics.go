package evidence

import (
	"fmt"
	"math"
)

// Trial is what was foreseen for rows, beside what came.
type Trial struct {
	// Name says what foresaw it.
	Name string
	// Risk is the higher the likelier, NaN where nothing was foreseen. A trial that was repeated on other folds has one
	// for each repeat; figures are their mean.
	Risk [][]float64
	// P are forecast probabilities, nil for what only ranks.
	P        []float64
	Positive []bool
	Customer []string
	// MRR is what each row is worth, nil where nothing is known.
	MRR  []float64
	Seed uint64
	// Widen makes the intervals of rankings wider by a factor, 0 for not at all.
	Widen float64
}

// Figure is a number with the range in which it lies, and the definition that it follows.
type Figure struct {
	ID    string   `json:"definition"`
	Title string   `json:"title"`
	Value Interval `json:"figure"`
	N     int      `json:"n"`
}

// Figures are what a trial came to.
type Figures struct {
	Name      string `json:"name"`
	N         int    `json:"n"`
	Positives int    `json:"positives"`
	Customers int    `json:"customers"`
	// Unknown counts rows of which nothing was foreseen: they are in no figure but Base.
	Unknown     int         `json:"unknown"`
	Base        Figure      `json:"base_rate"`
	Figures     []Figure    `json:"figures"`
	Calibration *Calibrated `json:"calibration,omitempty"`
	Verdict     Verdict     `json:"verdict"`
	Sentence    string      `json:"sentence"`
	// ROC and Gain are curves of the first repeat.
	ROC  []Point `json:"-"`
	Gain []Point `json:"-"`
}

// Verdict is what figures amount to.
type Verdict string

// The verdicts.
const (
	// NoEvidence: the ranking may as well be chance.
	NoEvidence Verdict = "no evidence"
	// Directional: better than chance, but on too few outcomes to rely on any number.
	Directional Verdict = "directional"
	// Evidence: better than chance.
	Evidence Verdict = "evidence"
)

// FewestPositives is how many outcomes of either kind a stable reading needs.
const FewestPositives = 50

// Find returns the figure with a definition id.
func (f Figures) Find(id string) Interval {
	for _, x := range f.Figures {
		if x.ID == id {
			return x.Value
		}
	}
	nan := math.NaN()
	return Interval{nan, nan, nan}
}

// AUC is the figure auc.rank.v1.
func (f Figures) AUC() Interval { return f.Find("auc.rank.v1") }

// ranked is a figure of a ranking: definition, title, how it is computed, and the most that it can be.
type ranked struct {
	id, title string
	most      float64
	of        func(r *Ranking, w []float64) float64
}

// rankings are the figures of a ranking. value is what rows are worth, nil where nothing is known.
func rankings(value []float64) []ranked {
	capture := func(share float64, value []float64) func(*Ranking, []float64) float64 {
		return func(r *Ranking, w []float64) float64 { return r.Capture(share, value, w) }
	}
	out := []ranked{
		{"auc.rank.v1", "AUC", 1, (*Ranking).AUC},
		{"ap.step.v1", "average precision", 1, (*Ranking).AveragePrecision},
		{"lift.top10.v1", "lift of the riskiest 10 %", 10, func(r *Ranking, w []float64) float64 { return r.Lift(0.1, w) }},
		{"capture.top10.v1", "positives caught in the riskiest 10 %", 1, capture(0.1, nil)},
		{"capture.top20.v1", "positives caught in the riskiest 20 %", 1, capture(0.2, nil)},
		{"ks.gap.v1", "KS", 1, (*Ranking).KS},
	}
	if value != nil {
		out = append(out,
			ranked{"capture.mrr.top10.v1", "value caught in the riskiest 10 %", 1, capture(0.1, value)},
			ranked{"capture.mrr.top20.v1", "value caught in the riskiest 20 %", 1, capture(0.2, value)})
	}
	return out
}

// Measure computes the figures of a trial, with intervals by a bootstrap of customers.
func Measure(t Trial) Figures {
	out := Figures{Name: t.Name, Base: BaseRate(t.Positive)}
	repeats := make([]*Ranking, len(t.Risk))
	for k, risk := range t.Risk {
		repeats[k] = NewRanking(risk, t.Positive)
	}
	out.count(t)
	if len(repeats) > 0 {
		out.ROC, out.Gain = repeats[0].ROC(), repeats[0].Gain()
	}
	figures := rankings(t.MRR)
	intervals := clusterBootstraps(t.Customer, len(figures), func(w, to []float64) {
		for j, f := range figures {
			to[j] = 0
			for _, r := range repeats {
				to[j] += f.of(r, w) / float64(len(repeats))
			}
		}
	}, Boot{Seed: t.Seed, Replicates: replicates(len(t.Positive) * len(t.Risk))})
	for j, f := range figures {
		value := intervals[j].widened(t.Widen)
		value.Low, value.High = max(0, value.Low), min(f.most, value.High)
		out.Figures = append(out.Figures, Figure{ID: f.id, Title: f.title, Value: value, N: out.N})
	}
	if t.P != nil {
		out.forecasts(t)
	}
	out.judge()
	return out
}

// replicates is how often a bootstrap draws: large sets have narrow intervals, and need fewer draws to say so.
func replicates(rows int) int {
	switch {
	case rows > 200_000:
		return 100
	case rows > 50_000:
		return 200
	}
	return 400
}

// BaseRate is the share of positives.
func BaseRate(positive []bool) Figure {
	hits := 0.0
	for _, p := range positive {
		hits += outcome(p)
	}
	return Figure{ID: "base.rate.v1", Title: "base rate", Value: Wilson(hits, float64(len(positive)), Z95), N: len(positive)}
}

func (f *Figures) count(t Trial) {
	customers := map[string]bool{}
	for i, p := range t.Positive {
		if len(t.Risk) > 0 && math.IsNaN(t.Risk[0][i]) {
			f.Unknown++
			continue
		}
		f.N++
		f.Positives += int(outcome(p))
		customers[t.Customer[i]] = true
	}
	f.Customers = len(customers)
}

// forecasts adds the figures of probabilities.
func (f *Figures) forecasts(t Trial) {
	intervals := clusterBootstraps(t.Customer, 2, func(w, to []float64) {
		to[0], to[1] = forecastError(t.P, t.Positive, w)
	}, Boot{Seed: t.Seed, Replicates: replicates(len(t.P))})
	c := Calibration(t.P, t.Positive, 10)
	f.Calibration = &c
	point := func(v Number) Interval { return Interval{float64(v), math.NaN(), math.NaN()} }
	f.Figures = append(f.Figures,
		Figure{"brier.v1", "Brier", intervals[0], f.N},
		Figure{"brier.skill.v1", "Brier skill", intervals[1], f.N},
		Figure{"calibration.ece.v1", "calibration error", point(c.ECE), f.N},
		Figure{"calibration.slope.v1", "calibration slope", point(c.Slope), f.N},
		Figure{"calibration.intercept.v1", "calibration intercept", point(c.Intercept), f.N})
}

// judge says what the figures amount to.
func (f *Figures) judge() {
	auc := f.AUC()
	few := f.Positives < FewestPositives || f.N-f.Positives < FewestPositives
	scarce := fmt.Sprintf("%d of %d rows are positive; a stable reading needs %d of either kind", f.Positives, f.N, FewestPositives)
	switch {
	case math.IsNaN(auc.Value) || math.IsNaN(auc.Low):
		f.Verdict, f.Sentence = NoEvidence, "no evidence: there are no two outcomes to tell apart"
	case auc.High < 0.5:
		f.Verdict, f.Sentence = NoEvidence, "no evidence: it ranks the wrong way round"
	case auc.Low <= 0.5:
		f.Verdict, f.Sentence = NoEvidence, fmt.Sprintf("no evidence: the AUC may be that of chance, 0.5 lies between %.3f and %.3f", auc.Low, auc.High)
	case few:
		f.Verdict, f.Sentence = Directional, "directional only: "+scarce
		return
	default:
		f.Verdict, f.Sentence = Evidence, fmt.Sprintf("evidence: the AUC lies between %.3f and %.3f, %s", auc.Low, auc.High, bar(auc.Value))
		return
	}
	if few {
		f.Sentence += "; " + scarce
	}
}

// bar is what practitioners call an AUC.
func bar(auc float64) string {
	switch {
	case auc > Suspicious:
		return "which is so high that a leak is likelier than foresight"
	case auc >= 0.85:
		return "very good"
	case auc >= 0.78:
		return "good"
	case auc >= 0.70:
		return "usable"
	}
	return "weak"
}

// Suspicious is the AUC above which a leak is likelier than foresight.
const Suspicious = 0.90
