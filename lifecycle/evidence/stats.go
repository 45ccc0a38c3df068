package evidence

import (
	"cmp"
	"math"
	"slices"
)

// Ranking is rows in order of a score, made once so that a bootstrap weighs them again and again without sorting. Its
// methods take a weight per row, in the order in which the rows were given; nil weighs each row once. A higher score
// means that the outcome is more likely. Rows whose score is not known (NaN) are left out.
type Ranking struct {
	positive []bool
	score    []float64
	order    []int // rows, highest score first
	ends     []int // where each group of equal scores ends in order
}

// NewRanking ranks rows. Both slices are kept, not copied.
func NewRanking(score []float64, positive []bool) *Ranking {
	r := &Ranking{positive: positive, score: score, order: make([]int, 0, len(score))}
	for i, s := range score {
		if !math.IsNaN(s) {
			r.order = append(r.order, i)
		}
	}
	slices.SortFunc(r.order, func(a, b int) int {
		if c := cmp.Compare(score[b], score[a]); c != 0 {
			return c
		}
		return cmp.Compare(a, b)
	})
	for i := range r.order {
		if i+1 == len(r.order) || score[r.order[i+1]] != score[r.order[i]] {
			r.ends = append(r.ends, i+1)
		}
	}
	return r
}

// Len is the number of rows whose score is known.
func (r *Ranking) Len() int { return len(r.order) }

// groups calls fn for each group of equal scores, highest first, with the weights of its positives and its negatives.
func (r *Ranking) groups(weight []float64, fn func(pos, neg float64)) {
	start := 0
	for _, end := range r.ends {
		pos, neg := 0.0, 0.0
		for _, row := range r.order[start:end] {
			w := 1.0
			if weight != nil {
				w = weight[row]
			}
			if r.positive[row] {
				pos += w
			} else {
				neg += w
			}
		}
		fn(pos, neg)
		start = end
	}
}

// totals are the weights of positives and negatives.
func (r *Ranking) totals(weight []float64) (pos, neg float64) {
	r.groups(weight, func(p, n float64) { pos, neg = pos+p, neg+n })
	return pos, neg
}

// AUC is the chance that a positive scores higher than a negative, a tie counting half; NaN without both classes.
func (r *Ranking) AUC(weight []float64) float64 {
	var above, negatives, pairs float64
	r.groups(weight, func(pos, neg float64) {
		pairs += neg * (above + pos/2)
		above += pos
		negatives += neg
	})
	return ratio(pairs, above*negatives)
}

// AveragePrecision is the sum of precision times gain in recall over the groups of equal scores; NaN without positives.
func (r *Ranking) AveragePrecision(weight []float64) float64 {
	total, _ := r.totals(weight)
	var hits, rows, sum float64
	r.groups(weight, func(pos, neg float64) {
		hits += pos
		rows += pos + neg
		if pos > 0 {
			sum += pos * hits / rows
		}
	})
	return ratio(sum, total)
}

// KS is the widest gap between the two classes' distributions of the score; NaN without both classes.
func (r *Ranking) KS(weight []float64) float64 {
	pos, neg := r.totals(weight)
	if pos == 0 || neg == 0 {
		return math.NaN()
	}
	var p, n, gap float64
	r.groups(weight, func(dp, dn float64) {
		p += dp
		n += dn
		gap = max(gap, math.Abs(p/pos-n/neg))
	})
	return gap
}

// top walks the rows that fill the first part of the ranking, and how much of each is in it: where the cut goes through
// a group of equal scores, each row of the group is in by the same fraction.
func (r *Ranking) top(part float64, weight []float64, fn func(row int, w float64)) {
	start, filled := 0, 0.0
	for _, end := range r.ends {
		size := 0.0
		for _, row := range r.order[start:end] {
			size += weightOf(weight, row)
		}
		in := 1.0
		if filled+size > part {
			in = (part - filled) / size
		}
		for _, row := range r.order[start:end] {
			fn(row, in*weightOf(weight, row))
		}
		filled += size
		if filled >= part {
			return
		}
		start = end
	}
}

func weightOf(weight []float64, row int) float64 {
	if weight == nil {
		return 1
	}
	return weight[row]
}

// Lift is the rate of positives among the highest scoring share of rows over the rate among all; NaN without positives.
func (r *Ranking) Lift(share float64, weight []float64) float64 {
	pos, neg := r.totals(weight)
	part := share * (pos + neg)
	hits := 0.0
	r.top(part, weight, func(row int, w float64) {
		if r.positive[row] {
			hits += w
		}
	})
	return ratio(ratio(hits, part), ratio(pos, pos+neg))
}

// Capture is the part of the positives' value that lies in the highest scoring share of rows. value nil counts each row
// as one; NaN where the positives are worth nothing.
func (r *Ranking) Capture(share float64, value, weight []float64) float64 {
	pos, neg := r.totals(weight)
	var all, caught float64
	for _, row := range r.order {
		if r.positive[row] {
			all += weightOf(weight, row) * weightOf(value, row)
		}
	}
	r.top(share*(pos+neg), weight, func(row int, w float64) {
		if r.positive[row] {
			caught += w * weightOf(value, row)
		}
	})
	return ratio(caught, all)
}

// At returns precision and recall of the k highest scoring rows, a tie at the cut being shared out.
func (r *Ranking) At(k float64, weight []float64) (precision, recall float64) {
	pos, neg := r.totals(weight)
	k = min(k, pos+neg)
	hits := 0.0
	r.top(k, weight, func(row int, w float64) {
		if r.positive[row] {
			hits += w
		}
	})
	return ratio(hits, k), ratio(hits, pos)
}

// Point is a point of a curve, and the score down to which it counts.
type Point struct {
	X     float64 `json:"x"`
	Y     float64 `json:"y"`
	Score float64 `json:"score"`
}

// ROC returns the false and the true positive rate for each score, from (0, 0) to (1, 1).
func (r *Ranking) ROC() []Point {
	pos, neg := r.totals(nil)
	return r.curve(func(p, n float64) (float64, float64) { return ratio(n, neg), ratio(p, pos) })
}

// PrecisionRecall returns recall and precision for each score; precision is 1 where nothing is called positive.
func (r *Ranking) PrecisionRecall() []Point {
	pos, _ := r.totals(nil)
	return r.curve(func(p, n float64) (float64, float64) {
		if p+n == 0 {
			return 0, 1
		}
		return ratio(p, pos), p / (p + n)
	})
}

// Gain returns the share of rows and the share of positives caught in it for each score.
func (r *Ranking) Gain() []Point {
	pos, neg := r.totals(nil)
	return r.curve(func(p, n float64) (float64, float64) { return ratio(p+n, pos+neg), ratio(p, pos) })
}

func (r *Ranking) curve(at func(pos, neg float64) (x, y float64)) []Point {
	out := make([]Point, 0, len(r.ends)+1)
	x, y := at(0, 0)
	first := math.NaN()
	if len(r.order) > 0 {
		first = r.score[r.order[0]]
	}
	out = append(out, Point{X: x, Y: y, Score: first})
	var pos, neg float64
	i := 0
	r.groups(nil, func(p, n float64) {
		pos, neg = pos+p, neg+n
		x, y := at(pos, neg)
		out = append(out, Point{X: x, Y: y, Score: r.score[r.order[r.ends[i]-1]]})
		i++
	})
	return out
}

// AUC is Ranking.AUC of rows that count once each.
func AUC(score []float64, positive []bool) float64 { return NewRanking(score, positive).AUC(nil) }

// AveragePrecision is Ranking.AveragePrecision of rows that count once each.
func AveragePrecision(score []float64, positive []bool) float64 {
	return NewRanking(score, positive).AveragePrecision(nil)
}

// Lift is Ranking.Lift of rows that count once each.
func Lift(score []float64, positive []bool, share float64) float64 {
	return NewRanking(score, positive).Lift(share, nil)
}

// Capture is Ranking.Capture of rows that count once each; value nil counts positives, MRR counts what was lost with them.
func Capture(score []float64, positive []bool, value []float64, share float64) float64 {
	return NewRanking(score, positive).Capture(share, value, nil)
}

// KS is Ranking.KS of rows that count once each.
func KS(score []float64, positive []bool) float64 { return NewRanking(score, positive).KS(nil) }

// FBeta weighs recall beta times as much as precision; 0 where both are.
func FBeta(precision, recall, beta float64) float64 {
	b := beta * beta
	if precision == 0 && recall == 0 {
		return 0
	}
	return (1 + b) * precision * recall / (b*precision + recall)
}

// ratio is a/b, NaN where b is 0.
func ratio(a, b float64) float64 {
	if b == 0 {
		return math.NaN()
	}
	return a / b
}
