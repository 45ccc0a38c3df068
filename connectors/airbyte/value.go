package airbyte

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The values of the language are Python's: nil, bool, int64, float64, string, []any (list), tuple, *dict,
// datetime, date, delta and undefined. json.Number holds integers beyond int64.

// dict keeps its keys in the order in which they came, as Python's does: printing and flattening depend on it.
type dict struct {
	keys []string
	vals map[string]any
	// line and col are where a manifest's dict begins, 0 elsewhere.
	line, col int
	// raw is the JSON that the dict was read from, for records that nothing changes. It does not follow changes.
	raw string
	// fold says that keys are found whatever their case, as those of headers are; they are held in lower case.
	fold bool
}

type tuple []any

// undefined is what a name or member that is not there gives.
type undefined struct{ name string }

// datetime has a zone unless naive. date has no time of day.
type datetime struct {
	time.Time
	naive bool
}

type date struct{ time.Time }

// delta is a span of time; months are kept apart, as their length depends on where they begin.
type delta struct {
	months int
	span   time.Duration
}

func newDict(pairs ...any) *dict {
	d := &dict{vals: make(map[string]any, len(pairs)/2)}
	for i := 0; i+1 < len(pairs); i += 2 {
		d.set(pyStr(pairs[i]), pairs[i+1])
	}
	return d
}

func (d *dict) get(k string) (any, bool) {
	if d == nil {
		return nil, false
	}
	v, ok := d.vals[k]
	if !ok && d.fold {
		v, ok = d.vals[strings.ToLower(k)]
	}
	return v, ok
}

func (d *dict) set(k string, v any) {
	if _, ok := d.vals[k]; !ok {
		d.keys = append(d.keys, k)
	}
	d.vals[k] = v
}

func (d *dict) del(k string) {
	if _, ok := d.vals[k]; ok {
		delete(d.vals, k)
		d.keys = slices.DeleteFunc(d.keys, func(x string) bool { return x == k })
	}
}

func (d *dict) clear() { d.keys, d.vals = nil, map[string]any{} }

func (d *dict) len() int {
	if d == nil {
		return 0
	}
	return len(d.keys)
}

// clone copies the dict but not what it holds.
func (d *dict) clone() *dict {
	out := &dict{keys: slices.Clone(d.keys), vals: make(map[string]any, len(d.vals)), line: d.line, col: d.col, fold: d.fold}
	for k, v := range d.vals {
		out.vals[k] = v
	}
	return out
}

func (d *dict) update(o *dict) {
	for _, k := range o.keys {
		d.set(k, o.vals[k])
	}
}

// MarshalJSON writes the keys in their order.
func (d *dict) MarshalJSON() ([]byte, error) { return appendJSON(nil, d), nil }

// truthy is Python's bool().
func truthy(v any) bool {
	switch v := v.(type) {
	case nil, undefined:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case tuple:
		return len(v) > 0
	case *dict:
		return v.len() > 0
	case *slice:
		return v.all().len() > 0
	case delta:
		return v != delta{}
	}
	return true
}

// pyStr is Python's str().
func pyStr(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case undefined:
		return ""
	}
	return pyRepr(v)
}

// pyRepr is Python's repr(), but for times, which it prints as str() does.
func pyRepr(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case undefined:
		return "Undefined"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case int64:
		return strconv.FormatInt(v, 10)
	case int:
		return strconv.Itoa(v)
	case float64:
		return pyFloat(v)
	case json.Number:
		return string(v)
	case string:
		return reprString(v)
	case []any:
		return "[" + reprAll(v) + "]"
	case tuple:
		if len(v) == 1 {
			return "(" + pyRepr(v[0]) + ",)"
		}
		return "(" + reprAll(v) + ")"
	case *dict:
		parts := make([]string, len(v.keys))
		for i, k := range v.keys {
			parts[i] = reprString(k) + ": " + pyRepr(v.vals[k])
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case *slice:
		return pyRepr(v.all())
	case datetime:
		return v.String()
	case date:
		return v.Format("2006-01-02")
	case delta:
		return v.String()
	}
	return "<function>"
}

func reprAll(list []any) string {
	parts := make([]string, len(list))
	for i, x := range list {
		parts[i] = pyRepr(x)
	}
	return strings.Join(parts, ", ")
}

func reprString(s string) string {
	q := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		q = '"'
	}
	out := []byte{q}
	for _, r := range s {
		switch {
		case r == rune(q) || r == '\\':
			out = append(out, '\\', byte(r))
		case r == '\n':
			out = append(out, `\n`...)
		case r == '\r':
			out = append(out, `\r`...)
		case r == '\t':
			out = append(out, `\t`...)
		case r < 0x20 || r == 0x7f:
			out = append(out, `\x`...)
			out = append(out, "0123456789abcdef"[r>>4], "0123456789abcdef"[r&15])
		default:
			out = append(out, string(r)...)
		}
	}
	return string(append(out, q))
}

// pyFloat prints a float as Python does: always with a point or an exponent.
func pyFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

func asFloat(v any) (float64, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case int64:
		return float64(v), true
	case float64:
		return v, true
	case json.Number:
		f, err := v.Float64()
		return f, err == nil
	}
	return 0, false
}

func asInt(v any) (int64, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case int64:
		return v, true
	}
	return 0, false
}

// equal is Python's ==.
func equal(a, b any) bool {
	if x, ok := asFloat(a); ok {
		y, ok := asFloat(b)
		return ok && x == y
	}
	switch a := a.(type) {
	case nil:
		return b == nil
	case undefined:
		_, ok := b.(undefined)
		return ok
	case string:
		s, ok := b.(string)
		return ok && a == s
	case []any:
		l, ok := b.([]any)
		return ok && slices.EqualFunc(a, l, equal)
	case tuple:
		l, ok := b.(tuple)
		return ok && slices.EqualFunc(a, l, equal)
	case *dict:
		o, ok := b.(*dict)
		if !ok || a.len() != o.len() {
			return false
		}
		for k, v := range a.vals {
			if w, ok := o.vals[k]; !ok || !equal(v, w) {
				return false
			}
		}
		return true
	case datetime:
		o, ok := b.(datetime)
		return ok && a.Equal(o.Time)
	case date:
		o, ok := b.(date)
		return ok && a.Equal(o.Time)
	case delta:
		return a == b
	}
	return false
}

// compare orders two values as < does; ok is false where Python raises TypeError.
func compare(a, b any) (int, bool) {
	if x, ok := asFloat(a); ok {
		y, ok := asFloat(b)
		if xi, is := asInt(a); is {
			if yi, is := asInt(b); is {
				return cmpOrdered(xi, yi), true
			}
		}
		return cmpOrdered(x, y), ok
	}
	switch a := a.(type) {
	case string:
		s, ok := b.(string)
		return strings.Compare(a, s), ok
	case []any:
		l, ok := b.([]any)
		return compareLists(a, l, ok)
	case tuple:
		l, ok := b.(tuple)
		return compareLists(a, l, ok)
	case datetime:
		o, ok := b.(datetime)
		return a.Compare(o.Time), ok && a.naive == o.naive
	case date:
		o, ok := b.(date)
		return a.Compare(o.Time), ok
	case delta:
		o, ok := b.(delta)
		return cmpOrdered(a.span, o.span), ok && a.months == o.months
	}
	return 0, false
}

func compareLists(a, b []any, ok bool) (int, bool) {
	if !ok {
		return 0, false
	}
	for i := range min(len(a), len(b)) {
		if equal(a[i], b[i]) {
			continue
		}
		return compare(a[i], b[i])
	}
	return cmpOrdered(len(a), len(b)), true
}

func cmpOrdered[T int | int64 | float64 | time.Duration](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
