package chart

import (
	"fmt"
	"math"
	"strings"
)

// Waterfall draws how steps lead from one total to the next.
type Waterfall struct {
	Title, Note string
	Unit        Unit
	Steps       []Step
}

// Step is a change, or with Total what stands after the changes before it.
type Step struct {
	Label string
	Value float64
	Total bool
}

func (w Waterfall) write(o *out) {
	var steps []Step
	ys, sum := span{any: true}, 0.0
	var words []string
	for _, s := range w.Steps {
		if !finite(s.Value) || len(steps) == maxItems {
			continue
		}
		steps = append(steps, s)
		if s.Total {
			sum = s.Value
		} else {
			sum += s.Value
		}
		ys.add(sum)
		words = append(words, clip(s.Label, 60)+" "+w.Unit.Format(s.Value))
	}
	if len(steps) == 0 {
		o.empty(w.Title)
		return
	}
	if ys.max == ys.min {
		ys.max = 1
	}
	ys.max += (ys.max - ys.min) * 0.08
	o.figure(w.Title, strings.Join(words, ", ")+".", height)
	p := o.frame(span{}, ys, Axis{}, Axis{Unit: w.Unit})
	step := (p.right - p.left) / float64(len(steps))
	gap, sum := math.Min(24, step*0.3), 0.0
	for i, s := range steps {
		x := p.left + step*float64(i)
		from, class := sum, "fill good"
		switch {
		case s.Total:
			from, class, sum = 0, "fill accent", s.Value
		case s.Value < 0:
			class = "fill poor"
			fallthrough
		default:
			sum += s.Value
		}
		o.box(rect{x + gap/2, p.y.at(from), step - gap, p.y.at(sum) - p.y.at(from)}, class, s.Label+": "+w.Unit.Format(s.Value))
		if i < len(steps)-1 {
			o.line(x+step-gap/2, p.y.at(sum), x+step+gap/2, p.y.at(sum), "whisker")
		}
		o.words(x+step/2, math.Min(p.y.at(from), p.y.at(sum))-5, "tick mid", w.Unit.brief(s.Value), step)
		o.words(x+step/2, p.bottom+18, "tick mid", s.Label, step)
	}
	o.end(w.Note)
}

// Funnel draws how many of those who began came so far, with the share of those of the step before.
type Funnel struct {
	Title, Note string
	Unit        Unit
	Steps       []FunnelStep
}

// FunnelStep is how many came so far. Note is told beside it.
type FunnelStep struct {
	Label, Note string
	Count       float64
}

func (f Funnel) write(o *out) {
	var steps []FunnelStep
	most := 0.0
	var words []string
	for _, s := range f.Steps {
		if finite(s.Count) && s.Count >= 0 && len(steps) < maxItems {
			steps = append(steps, s)
			most = math.Max(most, s.Count)
			words = append(words, clip(s.Label, 60)+" "+f.Unit.Format(s.Count))
		}
	}
	if len(steps) == 0 || most == 0 {
		o.empty(f.Title)
		return
	}
	const row, left, full = 40.0, 170.0, 330.0
	o.figure(f.Title, strings.Join(words, ", ")+".", row*float64(len(steps))+8)
	for i, s := range steps {
		y, w := 4+row*float64(i), full*s.Count/most
		o.words(left-12, y+22, "name end", s.Label, left-12)
		x := left + (full-w)/2
		o.box(rect{x, y + 4, math.Max(w, 1), row - 14}, "fill accent", s.Label+": "+f.Unit.Format(s.Count))
		if i+1 < len(steps) {
			next := full * steps[i+1].Count / most
			nx := left + (full-next)/2
			o.put(fmt.Sprintf(`<path class="neck" d="M%s %sL%s %sL%s %sL%s %sZ"/>`, num(x), num(y+row-10), num(x+w), num(y+row-10), num(nx+next), num(y+row+4), num(nx), num(y+row+4)))
		}
		told := f.Unit.Format(s.Count)
		if i > 0 && steps[i-1].Count > 0 {
			told += " · " + Percent().Format(s.Count/steps[i-1].Count)
		}
		if s.Note != "" {
			told += " · " + s.Note
		}
		o.words(left+full+12, y+22, "value", told, width-left-full-12)
	}
	o.end(f.Note)
}

// Heatmap draws a value per row and column, the larger the darker. NaN is left empty.
type Heatmap struct {
	Title, Note   string
	Unit          Unit
	Rows, Columns []string
	Values        [][]float64
}

func (h Heatmap) write(o *out) {
	rows, columns := h.Rows[:min(len(h.Rows), maxItems)], h.Columns[:min(len(h.Columns), maxItems)]
	var s span
	for r := range rows {
		for c := range columns {
			s.add(h.value(r, c))
		}
	}
	if !s.any {
		o.empty(h.Title)
		return
	}
	if s.min > 0 {
		s.min = 0
	}
	const row, left, top = 24.0, 150.0, 34.0
	cell := math.Min((width-left-8)/float64(len(columns)), 110)
	o.figure(h.Title, fmt.Sprintf("%d rows and %d columns, values from %s to %s.", len(rows), len(columns), h.Unit.Format(s.min), h.Unit.Format(s.max)), top+row*float64(len(rows))+4)
	for c, name := range columns {
		o.words(left+cell*(float64(c)+0.5), top-8, "tick mid", name, cell)
	}
	for r, name := range rows {
		y := top + row*float64(r)
		o.words(left-8, y+16, "name end", name, left-8)
		for c, column := range columns {
			v := h.value(r, c)
			if !finite(v) {
				continue
			}
			shade := 0.0
			if s.max > s.min {
				shade = (v - s.min) / (s.max - s.min)
			}
			x := left + cell*float64(c)
			o.put(`<rect x="`, num(x+1), `" y="`, num(y+1), `" width="`, num(cell-2), `" height="`, num(row-2), `" class="heat" fill-opacity="`, fmt.Sprintf("%.2f", 0.04+0.5*shade), `"><title>`,
				o.text(name+", "+column+": "+h.Unit.Format(v)), `</title></rect>`)
			if cell >= 34 {
				o.words(x+cell/2, y+16, "tick mid ink", h.brief(v), cell+8)
			}
		}
	}
	o.end(h.Note)
}

// brief writes a value as it is where it is short, else with k or M.
func (h Heatmap) brief(v float64) string {
	if s := h.Unit.Format(v); len(s) <= 8 {
		return s
	}
	return h.Unit.brief(v)
}

func (h Heatmap) value(r, c int) float64 {
	if r < len(h.Values) && c < len(h.Values[r]) {
		return h.Values[r][c]
	}
	return math.NaN()
}
