package push

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// same reports whether two values of a field say the same, whatever way the vendor writes them: "87" and
// "87.0", an instant in two zones or in milliseconds, text with other line ends or spaces around it.
func same(typ, a, b string) bool {
	a, b = plain(a), plain(b)
	if a == b {
		return true
	}
	if a == "" || b == "" {
		return false
	}
	switch typ {
	case "number":
		x, okX := number(a)
		y, okY := number(b)
		return okX && okY && x == y
	case "datetime":
		x, okX := instant(a)
		y, okY := instant(b)
		return okX && okY && x.Equal(y)
	}
	return false
}

func plain(s string) string {
	return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n"))
}

func number(s string) (float64, bool) {
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
}

// instant reads the ways in which vendors write an instant, to whole seconds. What has no zone is UTC.
func instant(s string) (time.Time, bool) {
	if len(s) >= 12 && strings.Trim(s, "0123456789") == "" {
		ms, err := strconv.ParseInt(s, 10, 64)
		return time.UnixMilli(ms).UTC().Truncate(time.Second), err == nil
	}
	for _, layout := range []string{
		time.RFC3339Nano, "2006-01-02T15:04:05.999999999-0700", "2006-01-02T15:04:05.999999999",
		"2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999", time.DateOnly,
	} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC().Truncate(time.Second), true
		}
	}
	return time.Time{}, false
}
