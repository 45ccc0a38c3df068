package rest

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// text returns a scalar as text; numbers as they are written, so that long ids keep their digits.
func text(v gjson.Result) string {
	switch v.Type {
	case gjson.String:
		return v.Str
	case gjson.Number:
		return v.Raw
	case gjson.True, gjson.False:
		return v.Raw
	}
	return ""
}

func (c *Condition) holds(v gjson.Result) bool { return c != nil && c.is(v.Get(c.Path)) }

// is decides on the value at the condition's path.
func (c *Condition) is(found gjson.Result) bool {
	switch {
	case c.Exists != nil:
		return (found.Exists() && found.Type != gjson.Null) == *c.Exists
	case c.Equals == nil && c.In == nil && c.Prefix == "" && c.Suffix == "":
		return found.Type == gjson.True || text(found) == "true"
	case found.IsArray():
		return slices.ContainsFunc(found.Array(), func(e gjson.Result) bool { return c.fits(text(e)) })
	}
	return c.fits(text(found))
}

// fits compares one value.
func (c *Condition) fits(value string) bool {
	switch {
	case c.Equals != nil && value != *c.Equals:
		return false
	case c.In != nil && !slices.Contains(c.In, value):
		return false
	}
	return strings.HasPrefix(value, c.Prefix) && strings.HasSuffix(value, c.Suffix)
}

// of returns the version of a record in microseconds (or its sequence number), 0 where it tells none that
// can be read. Moments after start do not count where the rule asks for the past.
func (v Version) of(rec gjson.Result, start time.Time) int64 { return v.from(rec.Get, start) }

// from is of for a record whose values get finds.
func (v Version) from(get func(path string) gjson.Result, start time.Time) int64 {
	if v.Path != "" {
		return v.newest(get(v.Path), start)
	}
	var most int64
	for _, p := range v.Max {
		most = max(most, v.newest(get(p), start))
	}
	return most
}

func (v Version) newest(found gjson.Result, start time.Time) int64 {
	if !found.IsArray() {
		return max(0, v.one(found, start))
	}
	var most int64
	for _, e := range found.Array() {
		most = max(most, v.one(e, start))
	}
	return most
}

func (v Version) one(found gjson.Result, start time.Time) int64 {
	if v.Format == "sequence" {
		n, err := strconv.ParseInt(text(found), 10, 64)
		if err != nil {
			return 0
		}
		return max(n, 0)
	}
	t, ok := parseTime(text(found), v.Format)
	if !ok || (v.Past && t.After(start)) {
		return 0
	}
	return t.UnixMicro()
}

var layouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05.999999999Z0700",
	"2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", time.DateOnly,
}

// parseTime reads a time in one of the vendors' forms. Without a zone it is UTC. Years outside 1900 to 2200
// are taken for mistakes.
func parseTime(s, format string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	if s == "" {
		return time.Time{}, false
	}
	if inner, ok := strings.CutPrefix(s, "/Date("); ok {
		// As some vendors write it: /Date(1772366400000+0000)/.
		ms, _, _ := strings.Cut(strings.TrimRight(inner, ")/"), "+")
		s, format = ms, "unix_ms"
	}
	if format != "rfc3339" && !dated(s) {
		if n, err := strconv.ParseFloat(s, 64); err == nil {
			return unixTime(n, s, format)
		}
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			return plausible(t.UTC())
		}
	}
	return time.Time{}, false
}

// dated reports a text that begins as a date does, which is no number.
func dated(s string) bool { return len(s) >= len(time.DateOnly) && s[4] == '-' && s[7] == '-' }

// unixTime tells seconds, milliseconds and microseconds apart by their size where the format does not.
func unixTime(n float64, s, format string) (time.Time, bool) {
	if math.IsNaN(n) || math.Abs(n) > 1e18 {
		return time.Time{}, false
	}
	perSecond := 1.0
	switch {
	case format == "unix":
	case format == "unix_ms", math.Abs(n) >= 1e11 && math.Abs(n) < 1e14:
		perSecond = 1e3
	case math.Abs(n) >= 1e14:
		perSecond = 1e6
	}
	if whole, err := strconv.ParseInt(s, 10, 64); err == nil {
		p := int64(perSecond)
		if math.Abs(float64(whole))/perSecond > 1e11 {
			return time.Time{}, false
		}
		return plausible(time.UnixMicro(whole / p * 1e6).Add(time.Duration(whole%p) * time.Second / time.Duration(p)).UTC())
	}
	micros := n / perSecond * 1e6
	if math.Abs(micros) > 1e16 {
		return time.Time{}, false
	}
	return plausible(time.UnixMicro(int64(micros)).UTC())
}

func plausible(t time.Time) (time.Time, bool) {
	if t.Year() < 1900 || t.Year() > 2200 {
		return time.Time{}, false
	}
	return t, true
}
