package airbyte

import (
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// timeCursor is DatetimeBasedCursor: what is read is bounded by a date of the records.
type timeCursor struct {
	field          *tmpl
	format         string
	formats        []string
	start, end     *moment
	step, lookback *tmpl
	granularity    delta
	startTo, endTo *option
	startName      *tmpl
	endName        *tmpl
	feed           bool
	clientSide     bool
	strict         bool
	global         bool
}

// moment is MinMaxDatetime.
type moment struct {
	value, min, max *tmpl
	format          string
}

func (b *builder) cursor(d *dict) (*timeCursor, error) {
	if b.use(d) != "DatetimeBasedCursor" {
		return nil, b.unknown(d, "the cursor")
	}
	if orNil(d, "clamping") != nil {
		return nil, b.refuse(d, "clamping is not supported")
	}
	c := &timeCursor{format: textOr(d, "datetime_format"), feed: flag(d, "is_data_feed"), clientSide: flag(d, "is_client_side_incremental"),
		strict: flag(d, "is_compare_strictly"), global: flag(d, "global_substream_cursor")}
	if c.format == "" {
		return nil, b.refuse(d, "a DatetimeBasedCursor has no datetime_format")
	}
	list, _ := orNil(d, "cursor_datetime_formats").([]any)
	for _, x := range list {
		c.formats = append(c.formats, pyStr(x))
	}
	c.formats = append(c.formats, c.format)
	for key, into := range map[string]**tmpl{"cursor_field": &c.field, "step": &c.step, "lookback_window": &c.lookback,
		"partition_field_start": &c.startName, "partition_field_end": &c.endName} {
		t, err := b.tmpl(d, key)
		if err != nil {
			return nil, err
		}
		*into = t
	}
	if c.field == nil {
		return nil, b.refuse(d, "a DatetimeBasedCursor has no cursor_field")
	}
	var err error
	if g := textOr(d, "cursor_granularity"); g != "" {
		if c.granularity, err = parseSpan(g); err != nil {
			return nil, b.refuse(d, "%v", err)
		}
	}
	if c.start, err = b.moment(d, "start_datetime", c.format); err != nil {
		return nil, err
	}
	if c.start == nil {
		return nil, b.refuse(d, "a DatetimeBasedCursor has no start_datetime")
	}
	if c.end, err = b.moment(d, "end_datetime", c.format); err != nil {
		return nil, err
	}
	if c.startTo, err = b.option(b.child(d, "start_time_option")); err != nil {
		return nil, err
	}
	c.endTo, err = b.option(b.child(d, "end_time_option"))
	return c, err
}

func (b *builder) moment(d *dict, key, format string) (*moment, error) {
	v := orNil(d, key)
	if v == nil {
		return nil, nil
	}
	m := &moment{format: format}
	c, ok := v.(*dict)
	if !ok {
		t, err := b.compile(d, v)
		m.value = t
		return m, err
	}
	if b.use(c) != "MinMaxDatetime" {
		return nil, b.unknown(c, "the date")
	}
	if f := textOr(c, "datetime_format"); f != "" {
		m.format = f
	}
	for key, into := range map[string]**tmpl{"datetime": &m.value, "min_datetime": &m.min, "max_datetime": &m.max} {
		t, err := b.tmpl(c, key)
		if err != nil {
			return nil, err
		}
		*into = t
	}
	if m.value == nil {
		return nil, b.refuse(c, "a date has no datetime")
	}
	return m, nil
}

// at evaluates the moment.
func (m *moment) at(sc *scope) (time.Time, error) {
	t, _, err := m.read(m.value, sc)
	if err != nil {
		return t, err
	}
	if low, ok, err := m.read(m.min, sc); err != nil {
		return t, err
	} else if ok && low.After(t) {
		t = low
	}
	if high, ok, err := m.read(m.max, sc); err != nil {
		return t, err
	} else if ok && high.Before(t) {
		t = high
	}
	return t, nil
}

func (m *moment) read(v *tmpl, sc *scope) (time.Time, bool, error) {
	if v == nil {
		return time.Time{}, false, nil
	}
	text, err := v.text(sc)
	if err != nil {
		return time.Time{}, false, expression("a date", err)
	}
	if text == "" && v != m.value {
		return time.Time{}, false, nil
	}
	t, err := parseDatetime(text, m.format)
	if err != nil {
		// A setting is often written in another form than the vendor wants.
		d, ierr := isoParse(text)
		if ierr != nil {
			return t, false, canon.Errorf("settings.date", "the date %q has not the form %s", head(text, 40), m.format).
				WithHint("Write dates in the connection's settings as in 2024-01-31T00:00:00Z.")
		}
		t = d.Time
	}
	return t.UTC(), true, nil
}

// observed reads a record's date, as microseconds.
func (c *timeCursor) observed(rec any, field string) (int64, bool) {
	d, ok := rec.(*dict)
	if !ok {
		return 0, false
	}
	v, ok := d.get(field)
	if !ok || !truthy(v) {
		return 0, false
	}
	text := pyStr(v)
	for _, f := range c.formats {
		if t, err := parseDatetime(text, f); err == nil {
			return t.UnixMicro(), true
		}
	}
	if d, err := isoParse(text); err == nil {
		return d.UnixMicro(), true
	}
	return 0, false
}

// bounds are the dates between which a partition is read, when its mark is known: not before the start, and not
// past the round's own start.
func (c *timeCursor) bounds(sc *scope, now time.Time, mark int64, more time.Duration) (from, to time.Time, err error) {
	to = now
	if c.end != nil {
		end, err := c.end.at(sc)
		if err != nil {
			return from, to, err
		}
		if end.Before(to) {
			to = end
		}
	}
	if from, err = c.start.at(sc); err != nil {
		return from, to, err
	}
	if from.After(to) {
		from = to
	}
	if mark != 0 {
		back, err := c.spanOf(c.lookback, sc)
		if err != nil {
			return from, to, err
		}
		at := back.negative().after(time.UnixMicro(mark).UTC()).Add(-more)
		if at.After(from) {
			from = at
		}
	}
	return from, to, nil
}

func (c *timeCursor) spanOf(t *tmpl, sc *scope) (delta, error) {
	if t == nil || t.src == "" {
		return delta{}, nil
	}
	text, err := t.text(sc)
	if err != nil {
		return delta{}, expression("a span of time", err)
	}
	if text == "" {
		return delta{}, nil
	}
	d, err := parseSpan(text)
	if err != nil {
		return d, expression("a span of time", err)
	}
	return d, nil
}

// windowFrom is the window that begins at from: its end, and where the next one begins, zero for none.
func (c *timeCursor) windowFrom(sc *scope, from, to time.Time) (end, next time.Time, err error) {
	step, err := c.spanOf(c.step, sc)
	if err != nil || step.months <= 0 && step.span <= 0 {
		return to, next, err
	}
	next = step.after(from)
	if !next.Before(to) || !next.After(from) {
		return to, time.Time{}, nil
	}
	if end = c.granularity.negative().after(next); end.Before(from) {
		end = from
	}
	return end, next, nil
}

// window is what templates find of a window.
func (c *timeCursor) window(sc *scope, from, end time.Time) (*dict, error) {
	names := [2]string{"start_time", "end_time"}
	for i, t := range []*tmpl{c.startName, c.endName} {
		if t == nil {
			continue
		}
		s, err := t.text(sc)
		if err != nil {
			return nil, expression("the name of a window's end", err)
		}
		if s != "" {
			names[i] = s
		}
	}
	return newDict(names[0], formatDatetime(from, c.format), names[1], formatDatetime(end, c.format)), nil
}

func (c *timeCursor) options(w *dict) []placed {
	var out []placed
	if c.startTo != nil {
		out = append(out, placed{c.startTo, w.vals[w.keys[0]]})
	}
	if c.endTo != nil {
		out = append(out, placed{c.endTo, w.vals[w.keys[len(w.keys)-1]]})
	}
	return out
}
