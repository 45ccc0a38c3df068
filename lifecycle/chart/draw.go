package chart

import (
	"math"
	"strconv"
)

// The size of a drawing in its own units; it takes the width that there is.
const (
	width  = 760.0
	height = 300.0
)

// figure opens a drawing with its title and its words for who cannot see it.
func (o *out) figure(title, desc string, h float64) {
	o.drawings++
	id := "d" + strconv.Itoa(o.drawings)
	o.put(`<figure><figcaption>`, o.label(title), `</figcaption><div class="scroll"><svg viewBox="0 0 `, num(width), ` `, num(h),
		`" role="img" aria-labelledby="`, id, `t `, id, `d"><title id="`, id, `t">`, o.label(title), `</title><desc id="`, id, `d">`, o.text(desc), `</desc>`)
}

// end closes a drawing. note stands beneath.
func (o *out) end(note string) {
	o.put(`</svg></div>`)
	if note != "" {
		o.put(`<p class="small">`, o.text(note), `</p>`)
	}
	o.put(`</figure>`)
}

// empty says in place of a drawing that there is nothing to draw.
func (o *out) empty(title string) {
	o.put(`<figure><figcaption>`, o.label(title), `</figcaption><p class="note">There is nothing to draw.</p></figure>`)
}

// key is an entry of a legend.
type key struct{ name, class string }

func (o *out) legend(keys []key) {
	if len(keys) < 2 {
		return
	}
	o.put(`<ul class="legend" aria-hidden="true">`)
	for _, k := range keys {
		o.put(`<li><i class="`, k.class, `"></i>`, o.label(k.name), `</li>`)
	}
	o.put(`</ul>`)
}

// words writes a text into a drawing, clipped to about so many units; the whole is told where it is pointed at.
func (o *out) words(x, y float64, class, s string, room float64) {
	if s == "" {
		return
	}
	n := max(3, int(room/6.3))
	short := clip(s, n)
	o.put(`<text x="`, num(x), `" y="`, num(y), `" class="`, class, `">`, o.label(short))
	if short != s {
		o.put(`<title>`, o.label(s), `</title>`)
	}
	o.put(`</text>`)
}

func (o *out) line(x1, y1, x2, y2 float64, class string) {
	o.put(`<line x1="`, num(x1), `" y1="`, num(y1), `" x2="`, num(x2), `" y2="`, num(y2), `" class="`, class, `"/>`)
}

// box draws a rectangle that says what it stands for when it is pointed at.
func (o *out) box(r rect, class, tip string) {
	if r.w < 0 {
		r.x, r.w = r.x+r.w, -r.w
	}
	if r.h < 0 {
		r.y, r.h = r.y+r.h, -r.h
	}
	o.put(`<rect x="`, num(r.x), `" y="`, num(r.y), `" width="`, num(r.w), `" height="`, num(r.h), `" class="`, class, `"><title>`, o.text(tip), `</title></rect>`)
}

type rect struct{ x, y, w, h float64 }

// plot is the field between two axes.
type plot struct {
	left, top, right, bottom float64
	x, y                     scale
}

// frame draws grid and axes for the extents and returns the field.
func (o *out) frame(xs, ys span, ax, ay Axis) plot {
	p := plot{left: 66, top: 14, right: width - 16, bottom: height - 46}
	yt, ystep := ticks(ys.min, ys.max, 5)
	if ystep > 0 {
		// The grid encloses what is drawn, but for bounds that somebody set.
		if ay.Min == nil || *ay.Min > ys.min {
			ys.min = math.Floor(ys.min/ystep+1e-9) * ystep
		}
		if ay.Max == nil || *ay.Max < ys.max {
			ys.max = math.Ceil(ys.max/ystep-1e-9) * ystep
		}
		yt, ystep = ticks(ys.min, ys.max, 5)
	}
	p.x = scale{xs.min, xs.max, p.left, p.right}
	p.y = scale{ys.min, ys.max, p.bottom, p.top}
	for _, v := range yt {
		y := p.y.at(v)
		o.line(p.left, y, p.right, y, "grid")
		o.words(p.left-8, y+4, "tick end", ay.Unit.short(v, ystep), 58)
	}
	xt, xstep := ticks(xs.min, xs.max, 8)
	labels := make([]string, len(xt))
	for i, v := range xt {
		labels[i] = ax.Unit.short(v, xstep)
	}
	if ax.Time {
		xt, labels = timeTicks(xs.min, xs.max, 8)
	}
	for i, v := range xt {
		x := p.x.at(v)
		o.line(x, p.bottom, x, p.bottom+4, "axis")
		o.words(x, p.bottom+18, "tick mid", labels[i], 90)
	}
	o.line(p.left, p.bottom, p.right, p.bottom, "axis")
	o.words((p.left+p.right)/2, height-6, "axisname mid", ax.Label, 600)
	if ay.Label != "" {
		o.put(`<text transform="translate(12 `, num((p.top+p.bottom)/2), `) rotate(-90)" class="axisname mid">`, o.label(clip(ay.Label, 40)), `</text>`)
	}
	return p
}
