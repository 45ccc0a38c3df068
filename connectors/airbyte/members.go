package airbyte

import (
	"strings"
	"unicode/utf8"
)

// item is a[b].
func item(v, key any) (any, error) {
	switch v := v.(type) {
	case undefined:
		return nil, errUndefined(v)
	case *dict:
		if x, ok := v.get(pyStr(key)); ok {
			return x, nil
		}
		if s, ok := key.(string); ok {
			return method(v, s), nil
		}
	case *slice:
		if x, ok := v.all().get(pyStr(key)); ok {
			return x, nil
		}
		if s, ok := key.(string); ok {
			return v.member(s), nil
		}
	case []any:
		return index(v, key), nil
	case tuple:
		return index(v, key), nil
	case string:
		n, ok := asInt(key)
		if !ok {
			return undefined{pyStr(key)}, nil
		}
		runes := []rune(v)
		if n < 0 {
			n += int64(len(runes))
		}
		if n >= 0 && n < int64(len(runes)) {
			return string(runes[n]), nil
		}
	}
	return undefined{pyStr(key)}, nil
}

func index(list []any, key any) any {
	n, ok := asInt(key)
	if n < 0 {
		n += int64(len(list))
	}
	if !ok || n < 0 || n >= int64(len(list)) {
		return undefined{pyStr(key)}
	}
	return list[n]
}

// attribute is a.name: a method or a field, then an item.
func attribute(v any, name string) (any, error) {
	switch x := v.(type) {
	case undefined:
		return nil, errUndefined(x)
	case *slice:
		if m := x.member(name); m != (undefined{name}) {
			return m, nil
		}
		return item(v, name)
	case *dict:
		if m := method(v, name); m != (undefined{name}) {
			return m, nil
		}
		return item(v, name)
	}
	return method(v, name), nil
}

// cut is a[from:to:step].
func cut(v any, at [3]any) (any, error) {
	switch v := v.(type) {
	case undefined:
		return nil, errUndefined(v)
	case string:
		var list []any
		for _, r := range v {
			list = append(list, string(r))
		}
		out, err := cutList(list, at)
		var b strings.Builder
		for _, x := range out {
			b.WriteString(pyStr(x))
		}
		return b.String(), err
	case []any:
		return evalAny(cutList(v, at))
	case tuple:
		out, err := cutList(v, at)
		return tuple(out), err
	}
	return undefined{"the slice"}, nil
}

func cutList(list []any, at [3]any) ([]any, error) {
	n := int64(len(list))
	step := int64(1)
	if at[2] != nil {
		s, ok := asInt(at[2])
		if !ok || s == 0 {
			return nil, errType{"a slice's step is a number other than 0"}
		}
		step = s
	}
	bound := func(v any, fallback int64) int64 {
		i, ok := asInt(v)
		if v == nil || !ok {
			return fallback
		}
		if i < 0 {
			i += n
		}
		if step < 0 {
			return min(max(i, -1), n-1)
		}
		return min(max(i, 0), n)
	}
	from, to := bound(at[0], 0), bound(at[1], n)
	if step < 0 {
		from, to = bound(at[0], n-1), bound(at[1], -1)
	}
	out := []any{}
	for i := from; (step > 0 && i < to) || (step < 0 && i > to); i += step {
		out = append(out, list[i])
		if step > n || step < -n {
			break
		}
	}
	return out, nil
}

// items lists what iterating over v gives.
func items(v any) ([]any, error) {
	switch v := v.(type) {
	case []any:
		return v, nil
	case tuple:
		return v, nil
	case undefined:
		return nil, nil
	case string:
		out := make([]any, 0, utf8.RuneCountInString(v))
		for _, r := range v {
			out = append(out, string(r))
		}
		return out, nil
	case *dict:
		out := make([]any, len(v.keys))
		for i, k := range v.keys {
			out[i] = k
		}
		return out, nil
	case *slice:
		return items(v.all())
	}
	return nil, errType{"a value of this kind has no members"}
}

func length(v any) (int64, error) {
	switch v := v.(type) {
	case string:
		return int64(utf8.RuneCountInString(v)), nil
	case *dict:
		return int64(v.len()), nil
	}
	list, err := items(v)
	return int64(len(list)), err
}
