package airbyte

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

func timeMember(t datetime, name string) any {
	numbers := map[string]int{"year": t.Year(), "month": int(t.Month()), "day": t.Day(), "hour": t.Hour(), "minute": t.Minute(), "second": t.Second(), "microsecond": t.Nanosecond() / 1000}
	if n, ok := numbers[name]; ok {
		return int64(n)
	}
	var f func(a args) (any, error)
	switch name {
	case "strftime":
		f = func(a args) (any, error) {
			format, err := a.textOf(0, "format", "")
			return strftime(t, format), err
		}
	case "timestamp":
		f = func(args) (any, error) { return float64(t.UnixMicro()) / 1e6, nil }
	case "isoformat":
		f = func(args) (any, error) { return strings.Replace(t.String(), " ", "T", 1), nil }
	case "date":
		f = func(args) (any, error) {
			y, m, d := t.Date()
			return date{time.Date(y, m, d, 0, 0, 0, 0, time.UTC)}, nil
		}
	case "weekday":
		f = func(args) (any, error) { return int64(t.Weekday()+6) % 7, nil }
	case "isoweekday":
		f = func(args) (any, error) { return int64(t.Weekday()+6)%7 + 1, nil }
	case "replace":
		f = func(a args) (any, error) { return replaceTime(t, a) }
	default:
		return nil
	}
	return function(func(_ *scope, a args) (any, error) { return f(a) })
}

func replaceTime(t datetime, a args) (any, error) {
	parts := []int{t.Year(), int(t.Month()), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond() / 1000}
	for i, name := range []string{"year", "month", "day", "hour", "minute", "second", "microsecond"} {
		n, err := a.intOf(i, name, int64(parts[i]))
		if err != nil {
			return nil, err
		}
		parts[i] = int(n)
	}
	t.Time = time.Date(parts[0], time.Month(parts[1]), parts[2], parts[3], parts[4], parts[5], parts[6]*1000, t.Location())
	return t, nil
}

func deltaMember(d delta, name string) any {
	switch name {
	case "days":
		return int64(d.span / (24 * time.Hour))
	case "seconds":
		return int64(d.span % (24 * time.Hour) / time.Second)
	case "total_seconds":
		return function(func(*scope, args) (any, error) { return d.span.Seconds(), nil })
	}
	return nil
}

func unbase64(s string) (string, error) {
	s = strings.TrimRight(strings.NewReplacer("\n", "", "-", "+", "_", "/").Replace(s), "=")
	b, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil {
		return "", fmt.Errorf("the text is no base64")
	}
	return string(b), nil
}
