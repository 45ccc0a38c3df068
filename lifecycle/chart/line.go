package chart

import (
	"fmt"
	"strings"
)

// Line draws series over numbers or time.
type Line struct {
	Title, Note string
	X, Y        Axis
	Series      []Series
	// Marks are moments or values of x worth a vertical line: a new version, a change.
	Marks []Mark
}

// Series is one line.
type Series struct {
	Name   string
	Tone   Tone
	Points []Point
}

// Point is a place. Low and High bound it where both are finite and not equal; Label is told where it is pointed at.
type Point struct {
	X, Y, Low, High float64
	Label           string
}

// Mark is a place on the axis of x with a word.
type Mark struct {
	X     float64
	Label string
}

// banded says whether the point has bounds.
func (p Point) banded() bool { return finite(p.Low) && finite(p.High) && p.Low != p.High }

// thin keeps at most so many points of those that can be drawn, first and last among them.
func thin(points []Point) []Point {
	kept := make([]Point, 0, min(len(points), maxPoints))
	for _, p := range points {
		if finite(p.X) && finite(p.Y) {
			kept = append(kept, p)
		}
	}
	if len(kept) <= maxPoints {
		return kept
	}
	out := make([]Point, maxPoints)
	for i := range out {
		out[i] = kept[i*(len(kept)-1)/(maxPoints-1)]
	}
	return out
}

// extents returns those of all series, with y from 0 where that costs little room.
func extents(series []Series, ax, ay Axis) (xs, ys span) {
	for _, s := range series {
		for _, p := range s.Points {
			xs.add(p.X)
			ys.add(p.Y)
			if p.banded() {
				ys.add(p.Low, p.High)
			}
		}
	}
	if ys.any && ys.min > 0 && ys.min < ys.max/2 {
		ys.add(0)
	}
	xs.widen(ax)
	ys.widen(ay)
	return xs, ys
}

// prepared bounds the series of a drawing and drops what cannot be drawn.
func prepared(series []Series) []Series {
	var kept []Series
	for _, s := range series[:min(len(series), maxSeries)] {
		if s.Points = thin(s.Points); len(s.Points) > 0 {
			kept = append(kept, s)
		}
	}
	return kept
}

func (l Line) write(o *out) { curves(o, l, false) }

// Steps draws values that hold until the next one, as of survival, with their bounds.
type Steps Line

func (s Steps) write(o *out) { curves(o, Line(s), true) }

func curves(o *out, l Line, stepped bool) {
	l.Series = prepared(l.Series)
	if len(l.Series) == 0 {
		o.empty(l.Title)
		return
	}
	xs, ys := extents(l.Series, l.X, l.Y)
	o.figure(l.Title, describe(l), height)
	p := o.frame(xs, ys, l.X, l.Y)
	var keys []key
	for _, m := range l.Marks[:min(len(l.Marks), maxItems)] {
		if finite(m.X) && m.X >= xs.min && m.X <= xs.max {
			x := p.x.at(m.X)
			o.line(x, p.top, x, p.bottom, "mark")
			o.words(x+4, p.top+10, "tick", m.Label, 120)
		}
	}
	for i, s := range l.Series {
		c := colour(s.Tone, i)
		keys = append(keys, key{s.Name, c})
		if band := p.band(s.Points, stepped); band != "" {
			o.put(`<path class="band `, c, `" d="`, band, `"/>`)
		}
		o.put(`<path class="curve `, c, `" d="`, p.path(s.Points, stepped), `"/>`)
		if len(s.Points) <= 200 {
			for _, pt := range s.Points {
				class := c + " dot"
				if stepped {
					class = "spot"
				}
				o.dot(p, pt, class, l.tip(s, pt))
			}
		}
	}
	o.end(l.Note)
	o.legend(keys)
}

func (o *out) dot(p plot, pt Point, class, tip string) {
	o.put(`<circle cx="`, num(p.x.at(pt.X)), `" cy="`, num(p.y.at(pt.Y)), `" r="3" class="`, class, `"><title>`, o.text(tip), `</title></circle>`)
}

// tip says what a point stands for.
func (l Line) tip(s Series, pt Point) string {
	t := l.X.format(pt.X) + ": " + l.Y.format(pt.Y)
	if s.Name != "" {
		t = s.Name + ", " + t
	}
	if pt.banded() {
		t += " (" + l.Y.format(pt.Low) + " to " + l.Y.format(pt.High) + ")"
	}
	if pt.Label != "" {
		t += ", " + pt.Label
	}
	return t
}

// path joins the points.
func (p plot) path(points []Point, stepped bool) string {
	var b strings.Builder
	for i, pt := range points {
		x, y := num(p.x.at(pt.X)), num(p.y.at(pt.Y))
		switch {
		case i == 0:
			b.WriteString("M" + x + " " + y)
		case stepped:
			b.WriteString("H" + x + "V" + y)
		default:
			b.WriteString("L" + x + " " + y)
		}
	}
	return b.String()
}

// band outlines what lies between the bounds, "" where there are none.
func (p plot) band(points []Point, stepped bool) string {
	var up, down []Point
	for _, pt := range points {
		if finite(pt.Low) && finite(pt.High) {
			up, down = append(up, Point{X: pt.X, Y: pt.High}), append(down, Point{X: pt.X, Y: pt.Low})
		}
	}
	if len(up) < 2 {
		return ""
	}
	b := p.path(up, stepped)
	last := down[len(down)-1]
	b += "L" + num(p.x.at(last.X)) + " " + num(p.y.at(last.Y))
	for i := len(down) - 2; i >= 0; i-- {
		x, y := num(p.x.at(down[i].X)), num(p.y.at(down[i].Y))
		if stepped {
			b += "V" + y + "H" + x
		} else {
			b += "L" + x + " " + y
		}
	}
	return b + "Z"
}

// describe says in words what the lines do.
func describe(l Line) string {
	var parts []string
	for _, s := range l.Series {
		first, last := s.Points[0], s.Points[len(s.Points)-1]
		name := s.Name
		if name == "" {
			name = l.Title
		}
		parts = append(parts, fmt.Sprintf("%s: %d points, from %s at %s to %s at %s.",
			clip(name, maxLabel), len(s.Points), l.Y.format(first.Y), l.X.format(first.X), l.Y.format(last.Y), l.X.format(last.X)))
	}
	return strings.Join(parts, " ")
}

// Scatter draws points, and with Diagonal the line on which x and y are equal.
type Scatter struct {
	Title, Note string
	X, Y        Axis
	Series      []Series
	Diagonal    bool
}

func (s Scatter) write(o *out) {
	series := prepared(s.Series)
	if len(series) == 0 {
		o.empty(s.Title)
		return
	}
	xs, ys := extents(series, s.X, s.Y)
	l := Line{Title: s.Title, X: s.X, Y: s.Y, Series: series}
	o.figure(s.Title, describe(l), height)
	p := o.frame(xs, ys, s.X, s.Y)
	if s.Diagonal {
		lo, hi := max(xs.min, ys.min), min(xs.max, ys.max)
		o.line(p.x.at(lo), p.y.at(lo), p.x.at(hi), p.y.at(hi), "mark")
	}
	var keys []key
	for i, one := range series {
		c := colour(one.Tone, i)
		keys = append(keys, key{one.Name, c})
		for _, pt := range one.Points {
			if pt.banded() {
				x := p.x.at(pt.X)
				o.line(x, p.y.at(pt.Low), x, p.y.at(pt.High), "whisker")
			}
			o.dot(p, pt, c+" dot", l.tip(one, pt))
		}
	}
	o.end(s.Note)
	o.legend(keys)
}
