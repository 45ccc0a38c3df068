package evidence

import (
	"math"
	"slices"
	"time"
)

// Lead is how early the card was red.
type Lead struct {
	// Decisions are those that a row was there to foresee.
	Decisions int `json:"decisions"`
	// Median and the quartiles are days from the begin of the last unbroken red to the decision, over those that were red
	// on the day before it.
	Median Figure `json:"median_days"`
	Q1     Number `json:"q1_days"`
	Q3     Number `json:"q3_days"`
	// Daily says that the begin of red is known to the day; else it is that of the first red row.
	Daily bool `json:"daily"`
	// NeverRed is the share that was never red, GreenAt that was green on the day before.
	NeverRed Figure `json:"never_red"`
	GreenAt  Figure `json:"green_at_decision"`
	// Histogram counts decisions by days of lead.
	Histogram []LeadBin `json:"histogram"`
	// Detected is the recurring revenue that was red 60 days before it was lost, over what was lost.
	Detected    Number  `json:"detected_mrr"`
	LostMRR     float64 `json:"lost_mrr"`
	DetectedMRR float64 `json:"detected_mrr_amount"`
}

// LeadBin counts decisions that were foreseen by From to To days; To 0 is open.
type LeadBin struct {
	From int `json:"from_days"`
	To   int `json:"to_days"`
	N    int `json:"n"`
}

// leadEdges are the bins of lead times, in days.
func leadEdges() []int { return []int{0, 7, 14, 30, 60, 90, 180, 365} }

func (s *Study) leadTimes(r *Report) {
	l := Lead{Decisions: len(s.ends), Histogram: []LeadBin{}}
	var leads []float64
	never, green, scored := 0.0, 0.0, 0.0
	for i := range s.ends {
		e := &s.ends[i]
		if e.band == bandGreen {
			green++
		}
		if e.band != bandUnknown {
			scored++
		}
		if !e.everRed && e.band != bandRed {
			never++
		}
		if begin, daily := e.redSince(); !begin.IsZero() {
			leads = append(leads, daysIn(e.decided.Sub(begin)))
			l.Daily = l.Daily || daily
		}
		if e.early != "" {
			l.LostMRR += e.mrr
			if e.early == bandRed {
				l.DetectedMRR += e.mrr
			}
		}
	}
	n := float64(len(s.ends))
	med := ClusterBootstrap(make([]string, len(leads)), func(w []float64) float64 { return weightedMedian(leads, w) }, Boot{Seed: s.o.Seed, Replicates: s.o.Replicates})
	l.Median = Figure{"lead.red.v1", "days from red to decision, median", med, len(leads)}
	l.Q1, l.Q3 = Number(Quantile(leads, 0.25)), Number(Quantile(leads, 0.75))
	l.NeverRed = Figure{"never.red.v1", "decisions that red never foretold", Wilson(never, n, Z95), len(s.ends)}
	l.GreenAt = Figure{"green.decision.v1", "green on the day before the decision", Wilson(green, scored, Z95), int(scored)}
	l.Detected = Number(ratio(l.DetectedMRR, l.LostMRR))
	l.LostMRR, l.DetectedMRR = round(l.LostMRR, 2), round(l.DetectedMRR, 2)
	edges := leadEdges()
	for i, from := range edges {
		b := LeadBin{From: from}
		if i+1 < len(edges) {
			b.To = edges[i+1]
		}
		for _, v := range leads {
			if v >= float64(from) && (b.To == 0 || v < float64(b.To)) {
				b.N++
			}
		}
		l.Histogram = append(l.Histogram, b)
	}
	r.Lead = l
}

// redSince is when the last unbroken red before a decision began, zero where it was not red on the day before, and whether
// that is known to the day.
func (e *ending) redSince() (time.Time, bool) {
	if e.band != bandRed {
		return time.Time{}, false
	}
	if !e.since.IsZero() {
		return e.since, true
	}
	if !e.firstRed.IsZero() {
		return e.firstRed, false
	}
	return e.decided.AddDate(0, 0, -1), false
}

// weightedMedian is the median of values that count as often as weight says; NaN without any.
func weightedMedian(values, weight []float64) float64 {
	if weight == nil {
		return Median(values)
	}
	var drawn []float64
	for i, v := range values {
		for range int(weight[i]) {
			drawn = append(drawn, v)
		}
	}
	return Median(drawn)
}

// Attention is what heeding the card would have cost.
type Attention struct {
	// FalseRed is the share of red rows of which the outcome did not come about.
	FalseRed Figure `json:"false_red"`
	// Alerts are turns to red per hundred customers and month, FireRate the share of rows that are red.
	Alerts   Figure `json:"alerts_per_100_months"`
	FireRate Figure `json:"fire_rate"`
	// Flips are changes of band per customer and year, as seen from month to month.
	Flips Figure `json:"flips_per_year"`
	// PSI is how far scores moved between the first and the second half of the moments.
	PSI Figure `json:"psi_halves"`
	// K is the capacity, Precision and Recall are those of the K riskiest of each moment.
	K         int    `json:"capacity"`
	Precision Figure `json:"precision_at_capacity"`
	Recall    Figure `json:"recall_at_capacity"`
	// Middle is the largest share of scores within 15 points, Green that of green rows among those with a band.
	Middle Figure `json:"largest_15_points"`
	Green  Figure `json:"green_share"`
}

func (s *Study) attention(r *Report) {
	red, green, unknown := bandRow(r.Bands, bandRed), bandRow(r.Bands, bandGreen), bandRow(r.Bands, bandUnknown)
	n := float64(len(s.rows))
	months := float64(s.moves.months)
	nan := math.NaN()
	plain := func(id, title string, v float64, n int) Figure { return Figure{id, title, Interval{v, nan, nan}, n} }
	a := Attention{
		FalseRed: Figure{"false.red.v1", "red of whom the outcome did not come about", Wilson(float64(red.N-red.Positives), float64(red.N), Z95), red.N},
		Alerts:   plain("alerts.100.v1", "turns to red per 100 customers and month", 100*ratio(float64(s.moves.alerts), months), s.moves.months),
		FireRate: Figure{"fire.rate.v1", "rows that are red", Wilson(float64(red.N), n, Z95), len(s.rows)},
		Flips:    plain("flips.year.v1", "changes of band per customer and year", 12*ratio(float64(s.moves.flips), months), s.moves.months),
		Green:    Figure{"share.green.v1", "green among those with a band", Wilson(float64(green.N), n-float64(unknown.N), Z95), len(s.rows) - unknown.N},
	}
	scores := columnsOf(s.rows, func(m *sample) float64 { return m.Score }).risk
	half := len(s.moments) / 2
	at, _ := slices.BinarySearchFunc(s.rows, s.middle(), func(m sample, t time.Time) int { return m.At.Compare(t) })
	if half > 0 && at > 0 && at < len(scores) {
		a.PSI = plain("psi.halves.v1", "PSI of the score, first half against second", PSI(scores[:at], scores[at:], 10), len(s.rows))
	} else {
		a.PSI = plain("psi.halves.v1", "PSI of the score, first half against second", nan, len(s.rows))
	}
	share, k := narrowest(scores)
	a.Middle = plain("share.mid15.v1", "largest share of scores within 15 points", share, k)
	s.atCapacity(&a)
	r.Attention = a
}

// middle is the moment that parts the period of the rows in two.
func (s *Study) middle() time.Time {
	if len(s.rows) == 0 {
		return s.o.End
	}
	first, last := s.rows[0].moment, s.rows[len(s.rows)-1].moment
	return s.moments[(first+last+1)/2].at
}

// narrowest is the largest share of scores that lie within 15 points.
func narrowest(scores []float64) (float64, int) {
	sorted := sortedKnown(scores)
	best, j := 0, 0
	for i := range sorted {
		for j < len(sorted) && sorted[j] <= sorted[i]+15 {
			j++
		}
		best = max(best, j-i)
	}
	return ratio(float64(best), float64(len(sorted))), len(sorted)
}

// atCapacity ranks the customers of each moment and takes as many of the riskiest as the team can work with.
func (s *Study) atCapacity(a *Attention) {
	c := columnsOf(s.rows, s.cardRisk)
	byMoment := map[int][]int{}
	for i := range s.rows {
		byMoment[s.rows[i].moment] = append(byMoment[s.rows[i].moment], i)
	}
	a.K = s.o.Capacity
	if a.K <= 0 && len(byMoment) > 0 {
		a.K = max(1, len(s.rows)/len(byMoment)/10)
	}
	stat := func(recall bool) func(w []float64) float64 {
		return func(w []float64) float64 {
			hits, all := 0.0, 0.0
			for m := range s.moments {
				rows := byMoment[m]
				if len(rows) == 0 {
					continue
				}
				risk, pos := make([]float64, len(rows)), make([]bool, len(rows))
				positives := 0.0
				for k, i := range rows {
					risk[k], pos[k] = c.risk[i], c.positive[i]
					positives += weightOf(w, i) * outcome(pos[k])
				}
				var weight []float64
				if w != nil {
					weight = make([]float64, len(rows))
					for k, i := range rows {
						weight[k] = w[i]
					}
				}
				rank := NewRanking(risk, pos)
				p, n := rank.totals(weight)
				taken := min(float64(a.K), p+n)
				precision, _ := rank.At(taken, weight)
				if !math.IsNaN(precision) {
					hits += precision * taken
				}
				if recall {
					all += positives
				} else {
					all += taken
				}
			}
			return ratio(hits, all)
		}
	}
	o := Boot{Seed: s.o.Seed, Replicates: min(s.o.Replicates, 200)}
	a.Precision = Figure{"precision.k.v1", "precision among the K riskiest of a moment", ClusterBootstrap(c.customer, stat(false), o), len(s.rows)}
	a.Recall = Figure{"recall.k.v1", "outcomes among the K riskiest of a moment", ClusterBootstrap(c.customer, stat(true), o), len(s.rows)}
}
