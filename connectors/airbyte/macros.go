package airbyte

import (
	"crypto/rand"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// macro returns the function that a bare name stands for.
func macro(name string) (function, bool) {
	switch name {
	case "now_utc":
		return func(sc *scope, _ args) (any, error) {
			return datetime{sc.now().UTC().Truncate(time.Microsecond), false}, nil
		}, true
	case "today_utc":
		return func(sc *scope, _ args) (any, error) { return today(sc.now().UTC()), nil }, true
	case "today_with_timezone":
		return func(sc *scope, a args) (any, error) {
			loc, err := time.LoadLocation(pyStr(a.get(0, "timezone", "UTC")))
			if err != nil {
				return nil, fmt.Errorf("there is no time zone %q", pyStr(a.get(0, "timezone", "")))
			}
			return today(sc.now().In(loc)), nil
		}, true
	case "day_delta":
		return func(sc *scope, a args) (any, error) {
			n, err := a.intOf(0, "num_days", 0)
			if err != nil {
				return nil, err
			}
			format, err := a.textOf(1, "format", "%Y-%m-%dT%H:%M:%S.%f%z")
			return strftime(datetime{sc.now().UTC().AddDate(0, 0, int(n)), false}, format), err
		}, true
	}
	return otherMacro(name)
}

func otherMacro(name string) (function, bool) {
	switch name {
	case "duration":
		return func(_ *scope, a args) (any, error) {
			text, err := a.textOf(0, "datestring", "")
			if err != nil {
				return nil, err
			}
			return parseSpan(text)
		}, true
	case "timestamp":
		return func(_ *scope, a args) (any, error) { return timestamp(a.get(0, "dt", nil)) }, true
	case "str_to_datetime":
		return func(_ *scope, a args) (any, error) {
			text, err := a.textOf(0, "s", "")
			if err != nil {
				return nil, err
			}
			d, err := isoParse(text)
			return datetime{d.UTC(), false}, err
		}, true
	case "format_datetime":
		return func(_ *scope, a args) (any, error) { return formatMacro(a) }, true
	case "max", "min":
		return func(_ *scope, a args) (any, error) { return extreme(name, a) }, true
	case "sanitize_url":
		return func(_ *scope, a args) (any, error) { return url.QueryEscape(pyStr(a.get(0, "value", ""))), nil }, true
	case "camel_case_to_snake_case":
		return func(_ *scope, a args) (any, error) { return camelToSnake(pyStr(a.get(0, "value", ""))), nil }, true
	case "generate_uuid":
		return func(*scope, args) (any, error) { return newUUID(), nil }, true
	case "dict":
		return func(_ *scope, a args) (any, error) {
			d := newDict()
			for k, v := range a.named {
				d.set(k, v)
			}
			return d, nil
		}, true
	}
	return nil, false
}

func today(t time.Time) date {
	y, m, d := t.Date()
	return date{time.Date(y, m, d, 0, 0, 0, 0, time.UTC)}
}

func timestamp(v any) (any, error) {
	switch v := v.(type) {
	case undefined:
		return nil, errUndefined(v)
	case int64:
		return v, nil
	case float64:
		return int64(v), nil
	case datetime:
		return float64(v.UnixMicro()) / 1e6, nil
	case date:
		return float64(v.Unix()), nil
	case string:
		d, err := isoParse(v)
		return float64(d.UnixMicro()) / 1e6, err
	}
	return nil, errType{"timestamp needs a date"}
}

func formatMacro(a args) (any, error) {
	format, err := a.textOf(1, "format", "")
	if err != nil {
		return nil, err
	}
	input, err := a.textOf(2, "input_format", "")
	if err != nil {
		return nil, err
	}
	switch v := a.get(0, "dt", nil).(type) {
	case undefined:
		return nil, errUndefined(v)
	case datetime:
		return formatDatetime(v.Time, format), nil
	case date:
		return formatDatetime(v.Time, format), nil
	case int64:
		if input == "" {
			input = "%s"
		}
		t, err := parseDatetime(fmt.Sprint(v), input)
		return formatDatetime(t, format), err
	case string:
		if input != "" {
			t, err := parseDatetime(v, input)
			return formatDatetime(t, format), err
		}
		d, err := isoParse(v)
		return formatDatetime(d.UTC(), format), err
	}
	return nil, errType{"format_datetime needs a date"}
}

func extreme(name string, a args) (any, error) {
	list := a.pos
	if len(list) == 1 {
		var err error
		if list, err = items(list[0]); err != nil {
			return nil, err
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s of nothing", name)
	}
	best := list[0]
	for _, v := range list {
		if u, ok := v.(undefined); ok {
			return nil, errUndefined(u)
		}
		c, ok := compare(v, best)
		if !ok {
			return nil, errType{"the values have no order"}
		}
		if (name == "max" && c > 0) || (name == "min" && c < 0) {
			best = v
		}
	}
	return best, nil
}

func camelToSnake(s string) string {
	var b strings.Builder
	for i, r := range s {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToLower(b.String())
}

func newUUID() string {
	var b [16]byte
	// Read never fails.
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
