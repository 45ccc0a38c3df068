package play

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
)

// condition is how a trigger's state stands.
type condition struct {
	// known is false where nothing can be told; on says that the state holds, off that it may come again.
	known, on, off bool
	// since is when it began, where the assessment tells.
	since int64
	// last is the value or band, in words.
	last string
}

func (w *walk) condition(p *lifecycle.Play, o *one, now int64) condition {
	t := &p.Trigger
	switch t.Kind {
	case lifecycle.TriggerEnters, lifecycle.TriggerLeaves:
		if t.Segment != "" {
			in := w.view.InSegment(t.Segment)
			return condition{known: true, on: in, off: !in, since: now}
		}
		stage := w.view.Stage()
		in := slices.Contains(t.Stages, stage)
		c := condition{known: true, on: in, off: !in, since: now}
		if since := w.view.Assessment.StageSince; !since.IsZero() {
			c.since = min(now, since.UnixMicro())
		}
		return c
	case lifecycle.TriggerBand:
		band := w.view.Band(t.Score)
		c := condition{known: known(band), on: slices.Contains(t.To, band), since: now, last: band}
		c.off = !c.on
		if since := w.view.BandSince(t.Score); !since.IsZero() {
			c.since = min(now, since.UnixMicro())
		}
		return c
	case lifecycle.TriggerRule:
		on := t.When.Holds(w.view)
		return condition{known: t.When.Known(w.view), on: on, off: !on, since: now}
	case lifecycle.TriggerBelow, lifecycle.TriggerAbove:
		v, known := w.number(t)
		c := condition{known: known, on: v < t.Value, off: v >= t.Rearm, since: now, last: figure(v)}
		if t.Kind == lifecycle.TriggerAbove {
			// Meeting the threshold is enough.
			c.on, c.off = v >= t.Value, v < t.Rearm
		}
		c.off = c.off && !c.on
		return c
	case lifecycle.TriggerDrops, lifecycle.TriggerRises:
		return w.swung(t, o, now)
	}
	return condition{}
}

func known(band string) bool { return slices.Contains([]string{"green", "yellow", "red"}, band) }

func (w *walk) number(t *lifecycle.Trigger) (float64, bool) {
	if t.Score != "" {
		return w.view.Score(t.Score)
	}
	return w.view.Metric(t.Metric)
}

func figure(v float64) string { return strconv.FormatFloat(v, 'g', 10, 64) }

// swung compares a number with what it was within the days that the trigger looks back on.
func (w *walk) swung(t *lifecycle.Trigger, o *one, now int64) condition {
	v, known := w.number(t)
	if !known {
		return condition{}
	}
	size := v - o.extreme(t, now, v)
	if t.Kind == lifecycle.TriggerDrops {
		size = -size
	}
	return condition{known: true, on: size >= t.Value, off: size < t.Rearm || t.Rearm == 0 && size <= 0, since: now, last: figure(v)}
}

// extreme returns the highest value (for rises the lowest) since the window began.
func (o *one) extreme(t *lifecycle.Trigger, now int64, v float64) float64 {
	from := floorDay(now) - int64(t.Within/time.Microsecond)
	best := v
	pick := func(x float64) {
		if t.Kind == lifecycle.TriggerDrops {
			best = max(best, x)
		} else {
			best = min(best, x)
		}
	}
	for i, r := range o.Readings {
		switch {
		case r.Day >= from:
			pick(r.Most)
			if i > 0 {
				// It stood at what it was before until it moved.
				pick(o.Readings[i-1].Last)
			}
		case i == len(o.Readings)-1:
			pick(r.Last)
		}
	}
	return best
}

// read keeps what a number is.
func (o *one) read(t *lifecycle.Trigger, now int64, v float64) {
	today := floorDay(now)
	n := len(o.Readings)
	switch {
	case n > 0 && o.Readings[n-1].Day == today:
		r := &o.Readings[n-1]
		if r.Last = v; t.Kind == lifecycle.TriggerDrops {
			r.Most = max(r.Most, v)
		} else {
			r.Most = min(r.Most, v)
		}
	case n == 0 || o.Readings[n-1].Last != v:
		o.Readings = append(o.Readings, reading{today, v, v})
	}
}

// forget drops what lies before the window, but for the last one, which says what the number was when it began.
func (o *one) forget(t *lifecycle.Trigger, now int64) {
	from := floorDay(now) - int64(t.Within/time.Microsecond)
	for len(o.Readings) > 1 && o.Readings[1].Day < from {
		o.Readings = slices.Delete(o.Readings, 0, 1)
	}
}

// move looks at a trigger that is a state: whether it began or ended.
func (w *walk) move(p *lifecycle.Play, now int64) {
	t, o := &p.Trigger, w.of(p.Key)
	if v, known := w.number(t); known && swings(t) {
		// By what it was until now, the swing may be over since its extreme left the window.
		if n := len(o.Readings); n > 0 && o.On {
			was := o.Readings[n-1].Last
			size := was - o.extreme(t, now, was)
			if t.Kind == lifecycle.TriggerDrops {
				size = -size
			}
			if size < t.Rearm || t.Rearm == 0 && size <= 0 {
				// What waits is asked when it is due, so that it does not matter when this was noticed.
				o.On, o.Since = false, 0
			}
		}
		defer o.read(t, now, v)
	}
	before := o.Last
	if w.m.Before != nil && before == "" {
		before = w.was(t)
	}
	c := w.condition(p, o, now)
	if !c.known {
		// What was known last is kept, so that a gap is no crossing, and hides none.
		if o.Last = ""; crosses(t) {
			o.Last = before
		}
		return
	}
	o.Last = ""
	again := o.On && c.on && len(t.Stages) > 0 && t.Kind == lifecycle.TriggerEnters && c.since > o.Since
	if o.On && (c.off || again) {
		w.fall(p, o, now)
		if t.Kind == lifecycle.TriggerLeaves {
			w.wait(p, o, waiting{Key: "off", Since: now, Before: before, After: c.last})
		}
	}
	if !o.On && c.on {
		w.rise(p, o, c, before, now)
	}
}

func swings(t *lifecycle.Trigger) bool {
	return t.Kind == lifecycle.TriggerDrops || t.Kind == lifecycle.TriggerRises
}

// crosses says whether a trigger is about what was known before as much as about what is now.
func crosses(t *lifecycle.Trigger) bool {
	return t.Kind == lifecycle.TriggerBand || t.Kind == lifecycle.TriggerBelow || t.Kind == lifecycle.TriggerAbove
}

// was tells what the trigger is about as it was before.
func (w *walk) was(t *lifecycle.Trigger) string {
	v := lifecycle.View{Assessment: w.m.Before, Fields: w.m.Fields}
	switch {
	case t.Kind == lifecycle.TriggerBand:
		if band := v.Band(t.Score); known(band) {
			return band
		}
	case len(t.Stages) > 0:
		return v.Stage()
	case t.Score != "":
		if x, known := v.Score(t.Score); known {
			return figure(x)
		}
	case t.Metric != "":
		if x, known := v.Metric(t.Metric); known {
			return figure(x)
		}
	}
	return ""
}

func (w *walk) fall(p *lifecycle.Play, o *one, now int64) {
	o.On, o.Since = false, 0
	if p.Trigger.Kind == lifecycle.TriggerLeaves {
		return
	}
	for _, x := range o.Waiting {
		if x.Key == "on" && !x.Logged {
			w.log(p, x, now, outcome{guard: guardNotHeld, reason: "It ended before it had lasted long enough."})
		}
	}
	o.Waiting = slices.DeleteFunc(o.Waiting, func(x waiting) bool { return x.Key == "on" })
}

func (w *walk) rise(p *lifecycle.Play, o *one, c condition, before string, now int64) {
	o.On, o.Since = true, c.since
	if p.Trigger.Kind == lifecycle.TriggerLeaves {
		o.Waiting = slices.DeleteFunc(o.Waiting, func(x waiting) bool { return x.Key == "off" })
		return
	}
	if len(p.Trigger.From) > 0 && !slices.Contains(p.Trigger.From, before) || crosses(&p.Trigger) && before == "" && !p.EnterNow {
		return
	}
	// Where it began long ago it is history, even where that was learnt just now.
	if c.since < now-int64(w.rules.Late/time.Microsecond) && c.since+int64(p.For/time.Microsecond) < now-int64(w.rules.Late/time.Microsecond) {
		return
	}
	x := waiting{Key: "on", Since: c.since, Before: before, After: c.last}
	o.Edges = append(o.Edges, now)
	within := int64(w.rules.Within / time.Microsecond)
	o.Edges = slices.DeleteFunc(o.Edges, func(at int64) bool { return at <= now-within })
	switch {
	case now < o.Quiet:
		return
	case len(o.Edges) > w.rules.Crossings && w.rules.Crossings > 0:
		o.Quiet = now + within
		w.log(p, x, now, outcome{guard: guardFlapping, reason: fmt.Sprintf("It came and went %d times within %s; it is left alone until %s.", len(o.Edges), words(w.rules.Within), dayOf(o.Quiet))})
		return
	}
	w.wait(p, o, x)
}

// wait puts a state's moment off until it has lasted.
func (w *walk) wait(p *lifecycle.Play, o *one, x waiting) {
	now := w.view.Assessment.At.UnixMicro()
	x.Due = max(now, x.Since+int64(p.For/time.Microsecond))
	if p.Consecutive > 1 {
		x.Due = max(x.Due, floorDay(x.Since)+int64(p.Consecutive-1)*day)
	}
	o.Waiting = append(o.Waiting, x)
}

// happened takes events in that make a play come, or a delayed one void.
func (w *walk) happened(p *lifecycle.Play, events []canon.Event, now int64) {
	t, o := &p.Trigger, w.of(p.Key)
	for _, e := range events {
		ref := ""
		if !e.Ref.IsZero() {
			ref = e.Ref.Key(e.Kind)
		}
		if t.CancelledBy.Takes(e) && ref != "" {
			o.Waiting = slices.DeleteFunc(o.Waiting, func(x waiting) bool {
				if x.Ref == ref && !x.Logged {
					w.log(p, x, now, outcome{guard: guardCancelled, reason: "What it waited for was settled in time."})
				}
				return x.Ref == ref
			})
		}
		if !t.Events.Takes(e) {
			continue
		}
		for i, delay := range t.Delays {
			at := e.OccurredAt.UnixMicro()
			due := at + int64(delay/time.Microsecond)
			key := e.ID
			if i > 0 {
				key += "+" + strconv.Itoa(i)
			}
			known := slices.ContainsFunc(o.Waiting, func(x waiting) bool { return x.Key == key }) || slices.ContainsFunc(o.Fired, func(f fired) bool { return f.Key == key })
			if known || due < now-int64(w.rules.Late/time.Microsecond) || at > now {
				continue
			}
			if len(o.Waiting) >= mostWaiting {
				continue
			}
			o.Waiting = append(o.Waiting, waiting{Key: key, Event: e.ID, Ref: ref, Since: at, Due: max(now, due)})
		}
	}
}

// learn brings the date that a play comes before up to what is known.
func (w *walk) learn(p *lifecycle.Play, o *one, events []canon.Event, now int64) {
	if p.Trigger.Kind != lifecycle.TriggerBefore {
		return
	}
	source := &p.Trigger.Date
	for _, e := range events {
		at := e.OccurredAt.UnixMicro()
		if source.Events.Takes(e) && (at > o.ToldAt || at == o.ToldAt && e.ID >= o.ToldBy) {
			if text, _ := e.Data[source.Data].(string); text != "" {
				if t, ok := date(text); ok {
					o.Told, o.ToldAt, o.ToldBy = t, at, e.ID
				}
			}
		}
		if source.Anniversary.Takes(e) && at <= now && (at > o.Base || at == o.Base && e.ID >= o.BaseEvent) {
			o.Base, o.BaseEvent = at, e.ID
		}
	}
	d := w.dateOf(source, o, now)
	if d == o.Date {
		return
	}
	o.Date = d
	o.Waiting = nil
	if d == 0 {
		return
	}
	for _, n := range p.Trigger.Days {
		if due := d - int64(n)*day; due > now {
			o.Waiting = append(o.Waiting, waiting{Key: fmt.Sprintf("%s-%d", dayOf(d), n), Since: due, Due: due, After: dayOf(d)})
		}
	}
}

// dateOf returns the date as it is known; 0 where it is not.
func (w *walk) dateOf(source *lifecycle.DateSource, o *one, now int64) int64 {
	if source.Field != "" {
		if t, ok := date(w.m.Fields[source.Field]); ok {
			return t
		}
	}
	if o.Told > now || o.Told != 0 && o.Base == 0 {
		return o.Told
	}
	if every := int64(source.Every / time.Microsecond); o.Base != 0 && every > 0 {
		return o.Base + ((now-o.Base)/every+1)*every
	}
	return o.Told
}

// date reads a date, or the day of a moment, between the years 1970 and 2200.
func date(text string) (int64, bool) {
	text = strings.TrimSpace(text)
	for _, layout := range []string{"2006-01-02", time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil && t.Year() >= 1970 && t.Year() < 2200 {
			return floorDay(t.UnixMicro()), true
		}
	}
	return 0, false
}

func dayOf(at int64) string { return time.UnixMicro(at).UTC().Format("2006-01-02") }

// words writes a length of time as people do.
func words(d time.Duration) string {
	n, unit := d/time.Hour, "hour"
	if d%(24*time.Hour) == 0 {
		n, unit = d/(24*time.Hour), "day"
	}
	if n != 1 {
		unit += "s"
	}
	return fmt.Sprintf("%d %s", n, unit)
}
