package mapping

import (
	"errors"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// The ways to read a time. Auto tells them apart by their form.
const (
	timeAuto   = "auto"
	timeUnix   = "unix"
	timeUnixMS = "unix_ms"
	timeDate   = "date"
)

// layouts without a zone are read as UTC. time.Parse takes a fraction of a second after any of them.
var layouts = []string{
	time.RFC3339,
	"2006-01-02T15:04:05",
	"2006-01-02T15:04:05Z0700",
	"2006-01-02T15:04:05Z07",
	"2006-01-02 15:04:05",
	"2006-01-02",
	"2006-01-02T15:04Z07:00",
	"2006-01-02T15:04",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05Z0700",
	"2006-01-02 15:04:05Z07",
	"2006-01-02 15:04:05 Z0700",
	"2006-01-02 15:04:05 Z07:00",
	"2006-01-02 15:04:05 UTC",
	"2006-01-02 15:04:05 GMT",
	"2006-01-02 15:04",
	"20060102T150405Z0700",
	"2006/01/02",
	"2006/01/02 15:04:05",
	"Mon, 02 Jan 2006 15:04:05 GMT",
	time.RFC1123Z,
}

// parseTime reads s in one of the vendors' many forms, in UTC and whole microseconds. The problem is "" for
// none, else the end of a sentence that begins with the value.
func parseTime(s, mode string) (t time.Time, problem string) {
	s = strings.TrimSpace(s)
	switch mode {
	case timeUnix:
		t, problem = fromUnix(s, 1)
	case timeUnixMS:
		t, problem = fromUnix(s, 1000)
	default:
		t, problem = guessTime(s)
	}
	if problem != "" {
		return time.Time{}, problem
	}
	if y := t.UTC().Year(); y < 1900 || y > 2200 {
		return time.Time{}, "lies outside of the years 1900 to 2200"
	}
	t = t.UTC().Truncate(time.Microsecond)
	if mode == timeDate {
		t = t.Truncate(24 * time.Hour)
	}
	return t, ""
}

func guessTime(s string) (time.Time, string) {
	if len(s) > 64 {
		return time.Time{}, notATime
	}
	if strings.HasPrefix(s, "/Date(") {
		return fromDotNet(s)
	}
	if len(s) == 8 {
		if t, err := time.Parse("20060102", s); err == nil {
			return t, ""
		}
	}
	if n, ok := size(s); ok {
		return fromUnix(s, unixScale(n))
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t, ""
		}
	}
	return time.Time{}, notATime
}

const notATime = "is not a time that Hub can read"

// size returns roughly how large a decimal number is.
func size(s string) (float64, bool) {
	if s == "" || !isDecimal(s) {
		return 0, false
	}
	// An overflow gives an infinity, which is large enough to be refused.
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil || errors.Is(err, strconv.ErrRange)
}

// unixScale guesses from the size of n how many units make a second: 1e11 seconds are the year 5138, 1e11
// milliseconds are 1973.
func unixScale(f float64) int64 {
	switch {
	case f >= 1e17 || f <= -1e17:
		return 1e9
	case f >= 1e14 || f <= -1e14:
		return 1e6
	case f >= 1e11 || f <= -1e11:
		return 1000
	}
	return 1
}

func fromUnix(s string, perSecond int64) (time.Time, string) {
	// Nearly all are plain numbers that need no exact arithmetic.
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		switch {
		case perSecond == 1 && n > -1e11 && n < 1e11:
			return time.Unix(n, 0), ""
		case perSecond == 1000:
			return time.UnixMilli(n), ""
		}
	}
	n, ok := decimal(s)
	if !ok {
		return time.Time{}, "is not a number of seconds or milliseconds since 1970"
	}
	micros := new(big.Rat).Mul(n, big.NewRat(1e6, perSecond))
	whole := floor(micros)
	if !whole.IsInt64() {
		return time.Time{}, "lies outside of the years 1900 to 2200"
	}
	return time.UnixMicro(whole.Int64()), ""
}

// fromDotNet reads "/Date(1439434356790+0000)/": milliseconds, and a zone that only tells how to show them.
func fromDotNet(s string) (time.Time, string) {
	inner, ok := strings.CutSuffix(strings.TrimPrefix(s, "/Date("), ")/")
	if !ok || inner == "" {
		return time.Time{}, notATime
	}
	if i := strings.LastIndexAny(inner, "+-"); i > 0 {
		inner = inner[:i]
	}
	ms, err := strconv.ParseInt(inner, 10, 64)
	if err != nil {
		return time.Time{}, notATime
	}
	return time.UnixMilli(ms), ""
}
