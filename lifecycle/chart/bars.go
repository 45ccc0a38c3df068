package chart

import (
	"fmt"
	"math"
	"strings"
)

// Bars draws a value per label, lying, the first on top.
type Bars struct {
	Title, Note string
	Unit        Unit
	Items       []Bar
}

// Bar is one of Bars. Low and High bound the value where both are finite and not equal; Note is told beside the value.
type Bar struct {
	Label, Note      string
	Value, Low, High float64
	Tone             Tone
}

func (b Bars) write(o *out) {
	var items []Bar
	var s span
	for _, i := range b.Items {
		if finite(i.Value) && len(items) < maxItems {
			items = append(items, i)
			s.add(i.Value, 0)
			if (Point{Low: i.Low, High: i.High}).banded() {
				s.add(i.Low, i.High)
			}
		}
	}
	if len(items) == 0 {
		o.empty(b.Title)
		return
	}
	if s.max == s.min {
		s.max++
	}
	const row, left, room = 26.0, 200.0, 170.0
	x := scale{s.min, s.max, left, width - room}
	var words []string
	for _, i := range items[:min(len(items), 12)] {
		words = append(words, clip(i.Label, 60)+" "+b.Unit.Format(i.Value))
	}
	h := row*float64(len(items)) + 12
	o.figure(b.Title, strings.Join(words, ", ")+".", h)
	for n, i := range items {
		y := 6 + row*float64(n)
		tip := i.Label + ": " + b.Unit.Format(i.Value)
		end := x.at(math.Max(i.Value, 0))
		o.words(left-10, y+17, "name end", i.Label, left-10)
		class := "fill accent"
		if t := tone(i.Tone); t != "" {
			class = "fill " + t
		}
		told := b.Unit.Format(i.Value)
		if (Point{Low: i.Low, High: i.High}).banded() {
			tip += " (" + b.Unit.Format(i.Low) + " to " + b.Unit.Format(i.High) + ")"
			end = math.Max(end, x.at(i.High))
		}
		if i.Note != "" {
			tip += ", " + i.Note
			told += "  " + i.Note
		}
		o.box(rect{x.at(0), y + 4, x.at(i.Value) - x.at(0), row - 8}, class, tip)
		if (Point{Low: i.Low, High: i.High}).banded() {
			o.line(x.at(i.Low), y+row/2, x.at(i.High), y+row/2, "whisker")
		}
		o.words(end+8, y+17, "value", told, width-end-8)
	}
	o.line(x.at(0), 2, x.at(0), h-2, "axis")
	o.end(b.Note)
}

// Stacked draws columns that several series add up to. Share draws each column as 100 %.
type Stacked struct {
	Title, Note string
	Unit        Unit
	Columns     []string
	Series      []StackedSeries
	Share       bool
}

// StackedSeries is what one series adds to each column. Negative values hang below the line.
type StackedSeries struct {
	Name   string
	Tone   Tone
	Values []float64
}

// value returns what the series adds to a column, as a share of total where that is not 0.
func (s StackedSeries) value(column int, total float64) float64 {
	if column >= len(s.Values) || !finite(s.Values[column]) {
		return 0
	}
	if total != 0 {
		return s.Values[column] / total
	}
	return s.Values[column]
}

func (s Stacked) write(o *out) {
	columns := s.Columns[max(0, len(s.Columns)-maxPoints/10):]
	skip := len(s.Columns) - len(columns)
	series := s.Series[:min(len(s.Series), maxSeries)]
	if len(columns) == 0 || len(series) == 0 {
		o.empty(s.Title)
		return
	}
	totals, ys := s.heights(columns, skip)
	unit := s.Unit
	if s.Share {
		unit = Percent()
	}
	o.figure(s.Title, s.describe(columns, skip), height)
	p := o.frame(span{min: 0, max: 0}, ys, Axis{}, Axis{Unit: unit})
	step := (p.right - p.left) / float64(len(columns))
	gap := math.Min(8, step*0.2)
	every := int(math.Ceil(66 / step))
	for c, name := range columns {
		x := p.left + step*float64(c)
		up, down := 0.0, 0.0
		for i, one := range series {
			v := one.value(c+skip, totals[c])
			if v == 0 {
				continue
			}
			from := &up
			if v < 0 {
				from = &down
			}
			tip := name + ", " + one.Name + ": " + s.Unit.Format(one.value(c+skip, 0))
			if s.Share {
				tip += " (" + Percent().Format(v) + ")"
			}
			o.box(rect{x + gap/2, p.y.at(*from), step - gap, p.y.at(*from+v) - p.y.at(*from)}, "fill "+colour(one.Tone, i), tip)
			*from += v
		}
		if c%every == 0 {
			o.words(x+step/2, p.bottom+18, "tick mid", name, math.Max(step*float64(every), 40))
		}
	}
	if ys.min < 0 {
		o.line(p.left, p.y.at(0), p.right, p.y.at(0), "axis")
	}
	o.end(s.Note)
	keys := make([]key, len(series))
	for i, one := range series {
		keys[i] = key{one.Name, colour(one.Tone, i)}
	}
	o.legend(keys)
}

// heights returns what each column is drawn as shares of, 0 where it is not, and how far all of them reach.
func (s Stacked) heights(columns []string, skip int) ([]float64, span) {
	totals, ys := make([]float64, len(columns)), span{any: true}
	for c := range columns {
		up, down := 0.0, 0.0
		for _, one := range s.Series[:min(len(s.Series), maxSeries)] {
			v := one.value(c+skip, 0)
			up, down = up+math.Max(v, 0), down+math.Min(v, 0)
		}
		if s.Share {
			totals[c] = up
			up, down = 1, 0
		}
		ys.add(up, down)
	}
	if ys.max == ys.min {
		ys.max = 1
	}
	return totals, ys
}

func (s Stacked) describe(columns []string, skip int) string {
	last := len(columns) - 1
	var words []string
	for _, one := range s.Series[:min(len(s.Series), maxSeries)] {
		words = append(words, clip(one.Name, 60)+" "+s.Unit.Format(one.value(last+skip, 0)))
	}
	return fmt.Sprintf("%d columns; the last, %s: %s.", len(columns), clip(columns[last], 60), strings.Join(words, ", "))
}
