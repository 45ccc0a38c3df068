package evidence

import (
	"cmp"
	"math"
	"slices"
)

// form is how numbers enter a model.
type form int

const (
	// formLine gives a number one slope.
	formLine form = iota
	// formSteps adds a step at each of the cuts that part it into bins of like size.
	formSteps
)

func (f form) String() string {
	if f == formSteps {
		return "a slope and steps per measure"
	}
	return "a slope per measure"
}

const (
	// mostLevels is how many of a category's levels have a column of their own, beside that of the others.
	mostLevels = 30
	// stepBins is into how many bins of like size a number is parted.
	stepBins = 5
)

// encoder turns a row's features into the columns of a design. All that it knows was learned from training rows.
type encoder struct {
	plans   []plan
	columns []designColumn
}

// plan is how one feature is encoded.
type plan struct {
	feature  int
	category bool
	// level is the column of each level, other that of all others and of unknown ones; -1 for none.
	level []int
	other int
	// lo and hi are the bounds to which a number is held, log says that its logarithm counts, fill stands for a missing one.
	lo, hi, fill float64
	log          bool
	value        int
	missing      int
	cuts         []float64
	steps        int
}

// designColumn is a column's place and scale: numbers are measured in standard deviations, yes and no in halves, so that
// a rare yes is not blown up.
type designColumn struct {
	feature     int
	mean, scale float64
	name        string
}

// learn looks at training rows and says how to encode rows like them.
func learn(p Panel, rows []int, levels map[string][]string, f form) *encoder {
	e := &encoder{}
	for j, feature := range p.Features {
		if names, ok := levels[feature.Key]; ok {
			e.learnCategory(p, rows, j, names)
		} else {
			e.learnNumber(p, rows, j, f)
		}
	}
	e.standardise(p, rows)
	return e
}

func (e *encoder) add(feature int, name string) int {
	e.columns = append(e.columns, designColumn{feature: feature, scale: 1, name: name})
	return len(e.columns) - 1
}

// learnCategory gives each level with enough rows a column, the most frequent ones first; what is rare is pooled.
func (e *encoder) learnCategory(p Panel, rows []int, j int, names []string) {
	counts := make([]int, len(names))
	missing := 0
	for _, i := range rows {
		if k, ok := levelOf(p.Rows[i].X[j], len(names)); ok {
			counts[k]++
		} else {
			missing++
		}
	}
	least := max(5, min(50, len(rows)/100))
	order := make([]int, 0, len(names))
	for k, n := range counts {
		if n >= least && n < len(rows) {
			order = append(order, k)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(counts[b], counts[a]) })
	order = order[:min(len(order), mostLevels)]
	if len(order) == 0 {
		return
	}
	pl := plan{feature: j, category: true, level: make([]int, len(names)), other: -1, missing: -1}
	for k := range pl.level {
		pl.level[k] = -1
	}
	own := 0
	for _, k := range order {
		pl.level[k] = e.add(j, names[k])
		own += counts[k]
	}
	if missing >= least {
		pl.missing = e.add(j, "not known")
	}
	if rest := len(rows) - own - missing; rest >= least {
		pl.other = e.add(j, "others")
	}
	e.plans = append(e.plans, pl)
}

// levelOf is the index of a category's level.
func levelOf(x float64, n int) (int, bool) {
	if math.IsNaN(x) || x < 0 || x >= float64(n) {
		return 0, false
	}
	return int(x), true
}

// told says whether a number tells something: not one whose square is beyond all numbers.
func told(x float64) bool { return math.Abs(x) < 1e100 }

func (e *encoder) learnNumber(p Panel, rows []int, j int, f form) {
	values := make([]float64, 0, len(rows))
	for _, i := range rows {
		if x := p.Rows[i].X[j]; told(x) {
			values = append(values, x)
		}
	}
	slices.Sort(values)
	missing := len(rows) - len(values)
	pl := plan{feature: j, value: -1, missing: -1}
	least := max(5, min(50, len(rows)/100))
	if missing >= least && len(values) >= least {
		pl.missing = e.add(j, "not known")
	}
	if len(values) >= 2 && values[0] < values[len(values)-1] {
		pl.lo, pl.hi = values[0], values[len(values)-1]
		if lo, hi := quantileSorted(values, 0.01), quantileSorted(values, 0.99); lo < hi && distinct(values, 20) {
			pl.lo, pl.hi = lo, hi
		}
		pl.fill = quantileSorted(values, 0.5)
		pl.log = pl.lo >= 0 && skewness(values, pl.lo, pl.hi) > 2
		pl.value = e.add(j, "")
		if f == formSteps {
			pl.cuts = cuts(values)
			pl.steps = len(e.columns)
			for range pl.cuts {
				e.add(j, "")
			}
		}
	}
	if pl.value >= 0 || pl.missing >= 0 {
		e.plans = append(e.plans, pl)
	}
}

// distinct says whether sorted values hold more than n different ones.
func distinct(sorted []float64, n int) bool {
	seen := 1
	for i := 1; i < len(sorted) && seen <= n; i++ {
		if sorted[i] != sorted[i-1] {
			seen++
		}
	}
	return seen > n
}

// skewness is the third standardised moment of the values held within lo and hi.
func skewness(values []float64, lo, hi float64) float64 {
	mean, n := 0.0, float64(len(values))
	for _, v := range values {
		mean += min(hi, max(lo, v))
	}
	mean /= n
	m2, m3 := 0.0, 0.0
	for _, v := range values {
		d := min(hi, max(lo, v)) - mean
		m2, m3 = m2+d*d, m3+d*d*d
	}
	if m2 /= n; !(m2 > 0) {
		return 0
	}
	return m3 / n / math.Pow(m2, 1.5)
}

// cuts part sorted values into bins of like size; few values are parted each from the next, but for those that are rare.
// A cut at the only place where the slope can tell anything as well is left out.
func cuts(sorted []float64) []float64 {
	var out []float64
	if !distinct(sorted, 10) {
		least := max(5, min(50, len(sorted)/100))
		for i, below := 1, 1; i < len(sorted); i++ {
			if sorted[i] != sorted[i-1] && below >= least && len(sorted)-i >= least {
				out = append(out, sorted[i])
				below = 0
			}
			below++
		}
	} else {
		for b := 1; b < stepBins; b++ {
			c := quantileSorted(sorted, float64(b)/stepBins)
			if c > sorted[0] && (len(out) == 0 || c > out[len(out)-1]) {
				out = append(out, c)
			}
		}
	}
	if len(out) == 1 && !distinct(sorted, 2) {
		return nil
	}
	return out
}

// transform is a number as it enters the design.
func (pl *plan) transform(x float64) float64 {
	x = min(pl.hi, max(pl.lo, x))
	if pl.log {
		return math.Log1p(x)
	}
	return x
}

// raw calls fn for the columns of a row that are not zero before they are scaled.
func (e *encoder) raw(x []float64, fn func(column int, v float64)) {
	for i := range e.plans {
		pl := &e.plans[i]
		v := x[pl.feature]
		switch {
		case pl.category:
			k, ok := levelOf(v, len(pl.level))
			column := pl.other
			if !ok {
				column = pl.missing
			} else if pl.level[k] >= 0 {
				column = pl.level[k]
			}
			if column >= 0 {
				fn(column, 1)
			}
			continue
		case !told(v):
			if pl.missing >= 0 {
				fn(pl.missing, 1)
			}
			v = pl.fill
		}
		if pl.value < 0 {
			continue
		}
		fn(pl.value, pl.transform(v))
		for k, c := range pl.cuts {
			if v < c {
				break
			}
			fn(pl.steps+k, 1)
		}
	}
}

// standardise learns the columns' means and scales.
func (e *encoder) standardise(p Panel, rows []int) {
	sums, squares := make([]float64, len(e.columns)), make([]float64, len(e.columns))
	n := float64(len(rows))
	for _, i := range rows {
		e.raw(p.Rows[i].X, func(c int, v float64) { sums[c] += v })
	}
	for c := range e.columns {
		e.columns[c].mean = sums[c] / n
		e.columns[c].scale = 0.5
	}
	for i := range e.plans {
		c := e.plans[i].value
		if e.plans[i].category || c < 0 {
			continue
		}
		pl := &e.plans[i]
		mean := e.columns[c].mean
		for _, r := range rows {
			v := p.Rows[r].X[pl.feature]
			if !told(v) {
				v = pl.fill
			}
			d := pl.transform(v) - mean
			squares[c] += d * d
		}
		if sd := math.Sqrt(squares[c] / n); sd > 0 && !math.IsInf(sd, 0) {
			e.columns[c].scale = sd
		} else {
			e.columns[c].scale = 1
		}
	}
}

// encode writes a row's columns.
func (e *encoder) encode(x []float64, out []float32) {
	for c := range e.columns {
		out[c] = float32(-e.columns[c].mean / e.columns[c].scale)
	}
	e.raw(x, func(c int, v float64) {
		out[c] = float32((v - e.columns[c].mean) / e.columns[c].scale)
	})
}

// design is encoded rows beside their outcomes.
type design struct {
	x []float32 // row by row
	y []float64
	d int
}

// encodeRows encodes rows of a panel.
func (e *encoder) encodeRows(p Panel, rows []int) design {
	d := design{d: len(e.columns), x: make([]float32, len(rows)*len(e.columns)), y: make([]float64, len(rows))}
	for k, i := range rows {
		e.encode(p.Rows[i].X, d.row(k))
		d.y[k] = outcome(p.Rows[i].Label)
	}
	return d
}

func (d *design) row(k int) []float32 { return d.x[k*d.d : (k+1)*d.d] }
