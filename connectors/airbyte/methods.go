package airbyte

import (
	"fmt"
	"strings"
	"unicode"
)

// method returns a bound method or a field of v, or undefined.
func method(v any, name string) any {
	var f any
	switch v := v.(type) {
	case string:
		f = textMethod(v, name)
	case *dict:
		f = dictMethod(v, name)
	case []any:
		f = listMethod(v, name)
	case tuple:
		f = listMethod(v, name)
	case datetime:
		f = timeMember(v, name)
	case date:
		f = timeMember(datetime{v.Time, true}, name)
	case delta:
		f = deltaMember(v, name)
	}
	if f == nil {
		return undefined{name}
	}
	return f
}

// textOf returns the argument at i as a text.
func (a args) textOf(i int, name, fallback string) (string, error) {
	switch s := a.get(i, name, fallback).(type) {
	case string:
		return s, nil
	case nil:
		return fallback, nil
	case undefined:
		return "", errUndefined(s)
	}
	return "", errType{"a text is needed"}
}

func (a args) intOf(i int, name string, fallback int64) (int64, error) {
	switch n := a.get(i, name, fallback).(type) {
	case undefined:
		return 0, errUndefined(n)
	case float64:
		return int64(n), nil
	default:
		v, ok := asInt(n)
		if !ok {
			return 0, errType{"a number is needed"}
		}
		return v, nil
	}
}

func textMethod(s, name string) any {
	plain := map[string]func(string) string{
		"lower": strings.ToLower, "upper": strings.ToUpper, "title": titleCase, "capitalize": capitalize, "casefold": strings.ToLower,
		"encode": func(s string) string { return s }, "decode": func(s string) string { return s },
	}
	if f, ok := plain[name]; ok {
		return function(func(*scope, args) (any, error) { return f(s), nil })
	}
	is := map[string]func(rune) bool{"isdigit": unicode.IsDigit, "isnumeric": unicode.IsNumber, "isalpha": unicode.IsLetter, "isspace": unicode.IsSpace,
		"isdecimal": unicode.IsDigit, "isalnum": func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }}
	if f, ok := is[name]; ok {
		return function(func(*scope, args) (any, error) {
			return s != "" && strings.IndexFunc(s, func(r rune) bool { return !f(r) }) < 0, nil
		})
	}
	switch name {
	case "islower", "isupper":
		return function(func(*scope, args) (any, error) {
			same := s == strings.ToLower(s)
			if name == "isupper" {
				same = s == strings.ToUpper(s)
			}
			return same && strings.ToLower(s) != strings.ToUpper(s), nil
		})
	case "strip", "lstrip", "rstrip":
		return function(func(_ *scope, a args) (any, error) { return strip(s, name, a) })
	case "split", "rsplit":
		return function(func(_ *scope, a args) (any, error) { return split(s, name, a) })
	case "splitlines":
		return function(func(*scope, args) (any, error) {
			return texts(strings.Split(strings.TrimSuffix(strings.ReplaceAll(s, "\r\n", "\n"), "\n"), "\n")), nil
		})
	case "join":
		return function(func(_ *scope, a args) (any, error) { return join(a.get(0, "iterable", nil), s) })
	case "format":
		return function(func(_ *scope, a args) (any, error) { return braceFormat(s, a) })
	case "zfill":
		return function(func(_ *scope, a args) (any, error) {
			n, err := a.intOf(0, "width", 0)
			return strings.Repeat("0", int(min(max(n-int64(len(s)), 0), 1000))) + s, err
		})
	}
	return pairMethod(s, name)
}

func titleCase(s string) string {
	out, start := []rune(s), true
	for i, r := range out {
		if start {
			out[i] = unicode.ToUpper(r)
		} else {
			out[i] = unicode.ToLower(r)
		}
		start = !unicode.IsLetter(r)
	}
	return string(out)
}

func capitalize(s string) string {
	r := []rune(strings.ToLower(s))
	if len(r) > 0 {
		r[0] = unicode.ToUpper(r[0])
	}
	return string(r)
}

func texts(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

func strip(s, name string, a args) (any, error) {
	cutset, err := a.textOf(0, "chars", " \t\n\r\f\v")
	if err != nil {
		return nil, err
	}
	switch name {
	case "lstrip":
		return strings.TrimLeft(s, cutset), nil
	case "rstrip":
		return strings.TrimRight(s, cutset), nil
	}
	return strings.Trim(s, cutset), nil
}

func split(s, name string, a args) (any, error) {
	sep, err := a.textOf(0, "sep", "")
	if err != nil {
		return nil, err
	}
	limit, err := a.intOf(1, "maxsplit", -1)
	if err != nil {
		return nil, err
	}
	if sep == "" {
		fields := strings.Fields(s)
		if limit >= 0 && int(limit) < len(fields) && name == "split" {
			rest := s
			for _, f := range fields[:limit] {
				rest = strings.TrimSpace(rest)[len(f):]
			}
			fields = append(fields[:limit], strings.TrimSpace(rest))
		}
		return texts(fields), nil
	}
	if limit < 0 {
		return texts(strings.Split(s, sep)), nil
	}
	if name == "split" {
		return texts(strings.SplitN(s, sep, int(min(limit, maxText))+1)), nil
	}
	parts := strings.Split(s, sep)
	if n := len(parts) - 1 - int(min(limit, maxText)); n > 0 {
		parts = append([]string{strings.Join(parts[:n+1], sep)}, parts[n+1:]...)
	}
	return texts(parts), nil
}

func join(list any, sep string) (any, error) {
	all, err := items(list)
	if err != nil {
		return nil, err
	}
	parts := make([]string, len(all))
	for i, x := range all {
		s, ok := x.(string)
		if !ok {
			return nil, errType{"only texts can be joined"}
		}
		parts[i] = s
	}
	return strings.Join(parts, sep), nil
}

// pairMethod are the methods of one text with another.
func pairMethod(s, name string) any {
	var f func(x string) any
	switch name {
	case "startswith", "endswith":
		return function(func(_ *scope, a args) (any, error) { return affix(s, name, a) })
	case "replace":
		return function(func(_ *scope, a args) (any, error) {
			from, err := a.textOf(0, "old", "")
			if err != nil {
				return nil, err
			}
			to, err := a.textOf(1, "new", "")
			if err != nil {
				return nil, err
			}
			n, err := a.intOf(2, "count", -1)
			if len(to)*(len(s)+1) > maxText*32 {
				return nil, fmt.Errorf("the text is too long")
			}
			return strings.Replace(s, from, to, int(n)), err
		})
	case "find", "index":
		f = func(x string) any { return int64(strings.Index(s, x)) }
	case "rfind":
		f = func(x string) any { return int64(strings.LastIndex(s, x)) }
	case "count":
		f = func(x string) any { return int64(strings.Count(s, x)) }
	case "removeprefix":
		f = func(x string) any { return strings.TrimPrefix(s, x) }
	case "removesuffix":
		f = func(x string) any { return strings.TrimSuffix(s, x) }
	case "partition":
		f = func(x string) any {
			before, after, ok := strings.Cut(s, x)
			if !ok {
				return tuple{s, "", ""}
			}
			return tuple{before, x, after}
		}
	case "rpartition":
		f = func(x string) any {
			i := strings.LastIndex(s, x)
			if i < 0 {
				return tuple{"", "", s}
			}
			return tuple{s[:i], x, s[i+len(x):]}
		}
	default:
		return nil
	}
	return function(func(_ *scope, a args) (any, error) {
		x, err := a.textOf(0, "sub", "")
		if err != nil {
			return nil, err
		}
		return f(x), nil
	})
}

func affix(s, name string, a args) (any, error) {
	list := []any{a.get(0, "prefix", "")}
	if t, ok := list[0].(tuple); ok {
		list = t
	}
	for _, x := range list {
		p, ok := x.(string)
		if u, is := x.(undefined); is {
			return nil, errUndefined(u)
		}
		if !ok {
			return nil, errType{"a text is needed"}
		}
		if (name == "startswith" && strings.HasPrefix(s, p)) || (name == "endswith" && strings.HasSuffix(s, p)) {
			return true, nil
		}
	}
	return false, nil
}

// braceFormat is Python's "{} {0} {name}".format(…), without format specifications.
func braceFormat(s string, a args) (any, error) {
	var b strings.Builder
	n := 0
	for s != "" {
		i := strings.IndexAny(s, "{}")
		if i < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:i])
		if strings.HasPrefix(s[i:], "{{") || strings.HasPrefix(s[i:], "}}") {
			b.WriteByte(s[i])
			s = s[i+2:]
			continue
		}
		end := strings.IndexByte(s[i:], '}')
		if s[i] == '}' || end < 0 {
			return nil, fmt.Errorf("a bracket of the format stands alone")
		}
		field := s[i+1 : i+end]
		s = s[i+end+1:]
		at, isNumber := toInt(field)
		switch {
		case field == "":
			at = int64(n)
			n++
		case !isNumber:
			v, ok := a.named[field]
			if !ok {
				return nil, fmt.Errorf("the format has no value for %q", field)
			}
			b.WriteString(pyStr(v))
			continue
		}
		if at < 0 || at >= int64(len(a.pos)) {
			return nil, fmt.Errorf("the format has too few values")
		}
		b.WriteString(pyStr(a.pos[at]))
	}
	return b.String(), nil
}

func dictMethod(d *dict, name string) any {
	switch name {
	case "get":
		return function(func(_ *scope, a args) (any, error) {
			if v, ok := d.get(pyStr(a.get(0, "key", nil))); ok {
				return v, nil
			}
			return a.get(1, "default", nil), nil
		})
	case "keys":
		return function(func(*scope, args) (any, error) { return items(d) })
	case "values":
		return function(func(*scope, args) (any, error) {
			out := []any{}
			for _, k := range d.keys {
				out = append(out, d.vals[k])
			}
			return out, nil
		})
	case "items":
		return function(func(*scope, args) (any, error) { return pairs(d), nil })
	case "copy":
		return function(func(*scope, args) (any, error) { return d.clone(), nil })
	}
	return nil
}

func pairs(d *dict) []any {
	out := []any{}
	for _, k := range d.keys {
		out = append(out, tuple{k, d.vals[k]})
	}
	return out
}

func listMethod(list []any, name string) any {
	switch name {
	case "index", "count":
		return function(func(_ *scope, a args) (any, error) {
			n := int64(0)
			for i, x := range list {
				if equal(x, a.get(0, "value", nil)) {
					if name == "index" {
						return int64(i), nil
					}
					n++
				}
			}
			if name == "index" {
				return nil, fmt.Errorf("the value is not in the list")
			}
			return n, nil
		})
	case "copy":
		return function(func(*scope, args) (any, error) { return append([]any{}, list...), nil })
	}
	return nil
}
