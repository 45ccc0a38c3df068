package airbyte

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// errFormat is that of texts that do not have the format that they are read with.
var errFormat = errors.New("the text does not have this date format")

// String prints as Python's str() does.
func (d datetime) String() string {
	s := d.Format("2006-01-02 15:04:05")
	if us := d.Nanosecond() / 1000; us != 0 {
		s += fmt.Sprintf(".%06d", us)
	}
	if !d.naive {
		s += d.Format("-07:00")
	}
	return s
}

// String prints as Python's str() of a timedelta does.
func (d delta) String() string {
	days := int64(math.Floor(float64(d.span) / float64(24*time.Hour)))
	rest := d.span - time.Duration(days)*24*time.Hour
	s := fmt.Sprintf("%d:%02d:%02d", int(rest.Hours()), int(rest.Minutes())%60, int(rest.Seconds())%60)
	if us := rest.Microseconds() % 1e6; us != 0 {
		s += fmt.Sprintf(".%06d", us)
	}
	if days == 0 {
		return s
	}
	unit := "days"
	if days == 1 || days == -1 {
		unit = "day"
	}
	return fmt.Sprintf("%d %s, %s", days, unit, s)
}

// after returns t moved by the span, months clamped to the last day as in 31 January + 1 month.
func (d delta) after(t time.Time) time.Time {
	if d.months != 0 {
		y, m, day := t.Date()
		first := time.Date(y, m+time.Month(d.months), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), t.Location())
		last := first.AddDate(0, 1, -1).Day()
		t = first.AddDate(0, 0, min(day, last)-1)
	}
	return t.Add(d.span)
}

func (d delta) negative() delta { return delta{-d.months, -d.span} }

// parseSpan reads an ISO 8601 duration.
func parseSpan(text string) (delta, error) {
	s, neg := text, false
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		s, neg = rest, true
	}
	s, ok := strings.CutPrefix(strings.TrimPrefix(s, "+"), "P")
	if !ok || s == "" {
		return delta{}, fmt.Errorf("%q is no ISO 8601 duration such as P1D", text)
	}
	var out delta
	inTime := false
	for s != "" {
		if s[0] == 'T' {
			inTime, s = true, s[1:]
			continue
		}
		n := strings.IndexFunc(s, func(r rune) bool { return (r < '0' || r > '9') && r != '.' && r != ',' })
		if n < 1 {
			return delta{}, fmt.Errorf("%q is no ISO 8601 duration such as P1D", text)
		}
		v, err := strconv.ParseFloat(strings.Replace(s[:n], ",", ".", 1), 64)
		if err != nil || v > 1e9 {
			return delta{}, fmt.Errorf("%q is no ISO 8601 duration such as P1D", text)
		}
		if !out.add(s[n], inTime, v) {
			return delta{}, fmt.Errorf("%q is no ISO 8601 duration such as P1D", text)
		}
		s = s[n+1:]
	}
	if neg {
		out = out.negative()
	}
	return out, nil
}

func (d *delta) add(unit byte, inTime bool, v float64) bool {
	day := 24 * time.Hour
	var per time.Duration
	switch {
	case !inTime && unit == 'Y':
		d.months += int(v * 12)
		return true
	case !inTime && unit == 'M':
		d.months += int(v)
		return true
	case !inTime && unit == 'W':
		per = 7 * day
	case !inTime && unit == 'D':
		per = day
	case inTime && unit == 'H':
		per = time.Hour
	case inTime && unit == 'M':
		per = time.Minute
	case inTime && unit == 'S':
		per = time.Second
	default:
		return false
	}
	// Beyond what a Duration holds, the span is as good as endless.
	if total := v*float64(per) + float64(d.span); total < math.MaxInt64/2 {
		d.span = time.Duration(total)
	} else {
		d.span = math.MaxInt64 / 2
	}
	return true
}

// parseDatetime reads a text by a format of the language: that of strptime, with %s, %s_as_float, %ms, %epoch_microseconds and
// %_ms besides. Without a zone it is UTC.
func parseDatetime(text, format string) (time.Time, error) {
	switch format {
	case "%s", "%ms", "%epoch_microseconds":
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if err != nil {
			// int() of a float truncates it; records give such numbers.
			f, ferr := strconv.ParseFloat(text, 64)
			if ferr != nil || math.Abs(f) > 1e17 {
				return time.Time{}, errFormat
			}
			n = int64(f)
		}
		return fromEpoch(n, format)
	case "%s_as_float":
		f, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil || math.Abs(f) > 1e11 {
			return time.Time{}, errFormat
		}
		return time.UnixMicro(int64(math.Round(f * 1e6))).UTC(), nil
	}
	d, err := strptime(text, strings.ReplaceAll(format, "%_ms", "%f"))
	return d.Time, err
}

func fromEpoch(n int64, format string) (time.Time, error) {
	per := map[string]int64{"%s": 1e6, "%ms": 1e3, "%epoch_microseconds": 1}[format]
	if n > 253402300799*1_000_000/per || n < -62135596800*1_000_000/per {
		return time.Time{}, errFormat
	}
	return time.UnixMicro(n * per).UTC(), nil
}

// formatDatetime writes a time by a format of the language.
func formatDatetime(t time.Time, format string) string {
	switch format {
	case "%s":
		return strconv.FormatInt(t.Unix(), 10)
	case "%ms":
		return strconv.FormatInt(t.UnixMilli(), 10)
	case "%epoch_microseconds":
		return strconv.FormatInt(t.UnixMicro(), 10)
	case "%s_as_float":
		return pyFloat(float64(t.UnixMicro()) / 1e6)
	}
	if strings.Contains(format, "%_ms") {
		format = strings.ReplaceAll(format, "%_ms", fmt.Sprintf("%03d", t.Nanosecond()/1e6))
	}
	return strftime(datetime{Time: t}, format)
}

// strftime writes a time as Python's does.
func strftime(t datetime, format string) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		c := format[i]
		if c == '-' && i+1 < len(format) {
			i++
			s := directive(t, format[i])
			if s = strings.TrimLeft(s, "0 "); s == "" {
				s = "0"
			}
			b.WriteString(s)
			continue
		}
		b.WriteString(directive(t, c))
	}
	return b.String()
}

func directive(t datetime, c byte) string {
	if layout, ok := map[byte]string{
		'Y': "2006", 'm': "01", 'd': "02", 'H': "15", 'M': "04", 'S': "05", 'y': "06", 'b': "Jan", 'h': "Jan", 'B': "January",
		'a': "Mon", 'A': "Monday", 'p': "PM", 'I': "03", 'F': "2006-01-02", 'T': "15:04:05", 'D': "01/02/06", 'R': "15:04",
		'e': "_2", 'c': "Mon Jan _2 15:04:05 2006", 'x': "01/02/06", 'X': "15:04:05",
	}[c]; ok {
		return t.Format(layout)
	}
	year, week := t.ISOWeek()
	switch c {
	case 'f':
		return fmt.Sprintf("%06d", t.Nanosecond()/1000)
	case 'z':
		if t.naive {
			return ""
		}
		return t.Format("-0700")
	case 'Z':
		if t.naive {
			return ""
		}
		return t.Format("MST")
	case 'j':
		return fmt.Sprintf("%03d", t.YearDay())
	case 's':
		return strconv.FormatInt(t.Unix(), 10)
	case 'G':
		return strconv.Itoa(year)
	case 'V':
		return fmt.Sprintf("%02d", week)
	case 'u':
		return strconv.Itoa((int(t.Weekday())+6)%7 + 1)
	case 'w':
		return strconv.Itoa(int(t.Weekday()))
	case 'U':
		return fmt.Sprintf("%02d", (t.YearDay()+6-int(t.Weekday()))/7)
	case 'W':
		return fmt.Sprintf("%02d", (t.YearDay()+6-(int(t.Weekday())+6)%7)/7)
	case '%':
		return "%"
	}
	return "%" + string(c)
}

// isoParse reads ISO 8601 as dateutil's isoparse does: parts may be left out from the right.
func isoParse(text string) (datetime, error) {
	d, rest, err := isoDate(text)
	if err != nil || rest == "" {
		return d, err
	}
	rest = rest[1:]
	zone := strings.IndexAny(rest, "Zz+-")
	clock, tail := rest, ""
	if zone >= 0 {
		clock, tail = rest[:zone], rest[zone:]
	}
	hour, minute, sec, ns, ok := isoClock(clock)
	if !ok {
		return datetime{}, errFormat
	}
	loc := time.UTC
	if tail != "" {
		offset, n := readZone(tail)
		if n != len(tail) {
			return datetime{}, errFormat
		}
		d.naive = false
		if offset != 0 {
			loc = time.FixedZone("", offset)
		}
	}
	y, m, day := d.Date()
	d.Time = time.Date(y, m, day, hour, minute, sec, ns, loc)
	return d, nil
}

func isoDate(text string) (datetime, string, error) {
	for _, layout := range []string{"2006-01-02", "20060102", "2006-01", "2006"} {
		n := len(layout)
		if len(text) < n || (len(text) > n && n < 8) {
			continue
		}
		t, err := time.Parse(layout, text[:n])
		if err == nil {
			return datetime{t, true}, text[n:], nil
		}
	}
	return datetime{}, "", errFormat
}

func isoClock(s string) (hour, minute, sec, ns int, ok bool) {
	whole, frac, hasFrac := strings.Cut(strings.Replace(s, ",", ".", 1), ".")
	whole = strings.ReplaceAll(whole, ":", "")
	if len(whole) != 2 && len(whole) != 4 && len(whole) != 6 || (hasFrac && len(whole) != 6) {
		return 0, 0, 0, 0, false
	}
	n, err := strconv.ParseUint((whole + "0000")[:6], 10, 32)
	if err != nil {
		return 0, 0, 0, 0, false
	}
	hour, minute, sec = int(n/10000), int(n/100%100), int(n%100)
	if hasFrac {
		f, err := strconv.ParseUint((frac + "000000")[:6], 10, 32)
		if err != nil || frac == "" {
			return 0, 0, 0, 0, false
		}
		ns = int(f) * 1000
	}
	return hour, minute, sec, ns, hour < 25 && minute < 60 && sec < 61
}

// readZone reads a zone at the start of s, and returns seconds east of UTC and how many bytes it took, 0 for
// none.
func readZone(s string) (offset, n int) {
	if s == "" {
		return 0, 0
	}
	if s[0] == 'Z' || s[0] == 'z' {
		return 0, 1
	}
	if (s[0] != '+' && s[0] != '-') || len(s) < 3 {
		return 0, 0
	}
	digits, at := "", 1
	for at < len(s) && len(digits) < 6 {
		switch {
		case s[at] >= '0' && s[at] <= '9':
			digits += s[at : at+1]
		case s[at] != ':' || len(digits)%2 != 0 || at+1 == len(s):
			goto done
		}
		at++
	}
done:
	if len(digits) != 2 && len(digits) != 4 && len(digits) != 6 {
		return 0, 0
	}
	v, err := strconv.Atoi((digits + "0000")[:6])
	if err != nil || v/100%100 > 59 || v%100 > 59 || v/10000 > 23 {
		return 0, 0
	}
	offset = v/10000*3600 + v/100%100*60 + v%100
	if s[0] == '-' {
		offset = -offset
	}
	return offset, at
}
