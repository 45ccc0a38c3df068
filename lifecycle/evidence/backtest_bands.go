package evidence

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// BandRow is how those in a band fared.
type BandRow struct {
	Band      string `json:"band"`
	N         int    `json:"n"`
	Positives int    `json:"positives"`
	// Rate is the share of whom the outcome came about, Share that of all rows that are in the band.
	Rate  Figure `json:"rate"`
	Share Number `json:"share"`
	// MRR is the recurring revenue in the band, LostMRR the part of it of whom the outcome came about.
	MRR     float64 `json:"mrr"`
	LostMRR float64 `json:"mrr_lost"`
}

// bandTable counts outcomes by band.
func (s *Study) bandTable(r *Report) {
	r.Bands = bandsOf(s.rows, func(m *sample) string { return m.Band })
}

func bandsOf(rows []sample, band func(*sample) string) []BandRow {
	out := []BandRow{}
	for _, name := range bands() {
		b := BandRow{Band: name}
		for i := range rows {
			m := &rows[i]
			if band(m) != name {
				continue
			}
			b.N++
			b.MRR += m.MRR
			if m.Label {
				b.Positives++
				b.LostMRR += m.MRR
			}
		}
		b.MRR, b.LostMRR = round(b.MRR, 2), round(b.LostMRR, 2)
		b.Rate = Figure{ID: "rate.band.v1", Title: "rate in " + name, Value: Wilson(float64(b.Positives), float64(b.N), Z95), N: b.N}
		b.Share = Number(ratio(float64(b.N), float64(len(rows))))
		out = append(out, b)
	}
	return out
}

func bandRow(rows []BandRow, band string) BandRow {
	i := slices.IndexFunc(rows, func(b BandRow) bool { return b.Band == band })
	if i < 0 {
		return BandRow{Band: band}
	}
	return rows[i]
}

// Segment is how the card does in one group of customers.
type Segment struct {
	Segment   string `json:"segment"`
	N         int    `json:"n"`
	Positives int    `json:"positives"`
	Rate      Figure `json:"rate"`
	// AUC is null where there are too few rows or outcomes to say.
	AUC  Figure `json:"auc"`
	Note string `json:"note,omitempty"`
}

const (
	fewestRows   = 30
	fewestEvents = 5
	mostSegments = 40
)

func (s *Study) segments(r *Report) {
	groups := map[string][]sample{}
	for i := range s.rows {
		groups[s.rows[i].Segment] = append(groups[s.rows[i].Segment], s.rows[i])
	}
	r.Segments = []Segment{}
	for name, rows := range groups {
		c := columnsOf(rows, s.cardRisk)
		g := Segment{Segment: name, N: len(rows), Rate: BaseRate(c.positive)}
		for _, p := range c.positive {
			g.Positives += int(outcome(p))
		}
		nan := math.NaN()
		g.AUC = Figure{ID: "auc.rank.v1", Title: "AUC", Value: Interval{nan, nan, nan}, N: len(rows)}
		if g.N < fewestRows || g.Positives < fewestEvents || g.N-g.Positives < fewestEvents {
			g.Note = fmt.Sprintf("fewer than %d rows or %d outcomes", fewestRows, fewestEvents)
		} else {
			rank := NewRanking(c.risk, c.positive)
			g.AUC.Value = ClusterBootstrap(c.customer, rank.AUC, Boot{Seed: s.o.Seed, Replicates: replicates(len(rows))})
		}
		r.Segments = append(r.Segments, g)
	}
	slices.SortFunc(r.Segments, func(a, b Segment) int { return cmp.Or(cmp.Compare(b.N, a.N), strings.Compare(a.Segment, b.Segment)) })
	r.Segments = r.Segments[:min(len(r.Segments), mostSegments)]
}

// Move is how often one band followed another a month later.
type Move struct {
	From string `json:"from"`
	To   string `json:"to"`
	N    int    `json:"n"`
	// Share is that of all that started from the band.
	Share Number `json:"share"`
}

// bandLeft stands for customers of whom the outcome was decided before the next moment.
const bandLeft = "outcome"

func (s *Study) migration(r *Report) {
	counts := map[[2]string]int{}
	for k, n := range s.moves.counts {
		counts[k] += n
	}
	for i := range s.rows {
		// The outcome is decided within the month after the row only where there is no lead gap; with one the last known band
		// is that of the day before.
		if m := &s.rows[i]; m.Label && m.lead <= 31 {
			counts[[2]string{m.Band, bandLeft}]++
		}
	}
	for i := range s.ends {
		if s.o.Gap > 0 && s.ends[i].band != "" {
			counts[[2]string{s.ends[i].band, bandLeft}]++
		}
	}
	totals := map[string]int{}
	for k, n := range counts {
		totals[k[0]] += n
	}
	r.Migration = []Move{}
	for _, from := range bands() {
		for _, to := range append(bands(), bandLeft) {
			n := counts[[2]string{from, to}]
			if totals[from] > 0 {
				r.Migration = append(r.Migration, Move{from, to, n, Number(ratio(float64(n), float64(totals[from])))})
			}
		}
	}
}

// Fold is the card at one stretch of time.
type Fold struct {
	From      time.Time `json:"from"`
	To        time.Time `json:"to"`
	N         int       `json:"n"`
	Positives int       `json:"positives"`
	Rate      Number    `json:"rate"`
	AUC       Number    `json:"auc"`
	RedGreen  Number    `json:"red_over_green"`
	// PSI is how far the scores moved from those of the stretch before.
	PSI Number `json:"psi"`
}

// foldMoments is how many moments a stretch has: a quarter.
const foldMoments = 3

func (s *Study) folds(r *Report) {
	r.Folds = []Fold{}
	var before []float64
	for start := 0; start < len(s.rows); {
		end, first := start, s.rows[start].moment
		for end < len(s.rows) && s.rows[end].moment < first+foldMoments {
			end++
		}
		rows := s.rows[start:end]
		start = end
		c := columnsOf(rows, s.cardRisk)
		f := Fold{From: rows[0].At, To: rows[len(rows)-1].At, N: len(rows), AUC: Number(AUC(c.risk, c.positive)), PSI: Number(math.NaN())}
		for _, p := range c.positive {
			f.Positives += int(outcome(p))
		}
		f.Rate = Number(ratio(float64(f.Positives), float64(f.N)))
		b := bandsOf(rows, func(m *sample) string { return m.Band })
		f.RedGreen = Number(ratio(bandRow(b, bandRed).Rate.Value.Value, bandRow(b, bandGreen).Rate.Value.Value))
		if before != nil {
			f.PSI = Number(PSI(before, c.risk, 10))
		}
		before = c.risk
		r.Folds = append(r.Folds, f)
	}
}

// Ablated is what a measure is worth to the card.
type Ablated struct {
	Measure string `json:"measure"`
	Title   string `json:"title"`
	// Alone is the AUC of the measure's points alone, Without that of the card without it, Gain what it adds to the card.
	Alone   Number `json:"auc_alone"`
	Without Number `json:"auc_without"`
	Gain    Number `json:"gain"`
	// LiftGain is what it adds to the lift of the riskiest tenth.
	LiftGain Number `json:"lift_gain"`
}

func (s *Study) ablate(r *Report) {
	card := columnsOf(s.rows, s.cardRisk)
	whole := NewRanking(card.risk, card.positive)
	auc, lift := whole.AUC(nil), whole.Lift(0.1, nil)
	r.Ablation = []Ablated{}
	for _, m := range s.schema.measures {
		if m.card != s.o.Score || s.muted[m.worth] {
			continue
		}
		alone := columnsOf(s.rows, func(x *sample) float64 { return s.risk(x.X[m.worth]) })
		without := columnsOf(s.rows, func(x *sample) float64 {
			return s.risk(s.without(x, func(o measureColumns) bool { return o.key == m.key || s.muted[o.worth] }))
		})
		rank := NewRanking(without.risk, without.positive)
		a := Ablated{Measure: m.key, Title: m.title, Alone: Number(AUC(alone.risk, alone.positive)), Without: Number(rank.AUC(nil))}
		a.Gain, a.LiftGain = Number(auc-float64(a.Without)), Number(lift-rank.Lift(0.1, nil))
		r.Ablation = append(r.Ablation, a)
	}
}

// Coverage is how many rows had a score at all, and how those fared that had none.
type Coverage struct {
	Scored   Figure         `json:"scored"`
	Rate     Figure         `json:"rate_scored"`
	Unknown  Figure         `json:"rate_unscored"`
	Measures []MeasureKnown `json:"measures"`
}

// MeasureKnown is on how many rows a measure's value was known.
type MeasureKnown struct {
	Measure string `json:"measure"`
	Title   string `json:"title"`
	Known   Number `json:"known"`
	N       int    `json:"n"`
}

func (s *Study) coverage(r *Report) {
	var n, hits [2]float64
	for i := range s.rows {
		k := 0
		if math.IsNaN(s.rows[i].Score) {
			k = 1
		}
		n[k]++
		hits[k] += outcome(s.rows[i].Label)
	}
	r.Coverage = Coverage{
		Scored:   Figure{"coverage.score.v1", "rows with a score", Wilson(n[0], n[0]+n[1], Z95), len(s.rows)},
		Rate:     Figure{"rate.scored.v1", "rate among those with a score", Wilson(hits[0], n[0], Z95), int(n[0])},
		Unknown:  Figure{"rate.unscored.v1", "rate among those without", Wilson(hits[1], n[1], Z95), int(n[1])},
		Measures: []MeasureKnown{},
	}
	for _, m := range s.schema.measures {
		if m.card != s.o.Score {
			continue
		}
		k := len(known(s.column(m.value)))
		r.Coverage.Measures = append(r.Coverage.Measures, MeasureKnown{m.key, m.title, Number(ratio(float64(k), float64(len(s.rows)))), len(s.rows)})
	}
}
