package airbyte

import (
	"math"
	"net/url"
	"slices"
	"strings"
)

// filter is what stands behind a |.
type filter func(sc *scope, v any, a args) (any, error)

func filterNamed(name string) (filter, bool) {
	for _, set := range []func(string) filter{textFilter, listFilter, hashFilter, pickFilter} {
		if f := set(name); f != nil {
			return f, true
		}
	}
	return nil, false
}

// onText makes a filter of a function on texts.
func onText(f func(string) string) filter {
	return func(_ *scope, v any, _ args) (any, error) { return f(pyStr(v)), nil }
}

func textFilter(name string) filter {
	switch name {
	case "lower":
		return onText(strings.ToLower)
	case "upper":
		return onText(strings.ToUpper)
	case "title":
		return onText(titleCase)
	case "capitalize":
		return onText(capitalize)
	case "safe":
		return func(_ *scope, v any, _ args) (any, error) { return v, nil }
	case "escape", "e", "forceescape":
		return onText(strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;").Replace)
	case "trim":
		return func(_ *scope, v any, a args) (any, error) { return strip(pyStr(v), "strip", a) }
	case "wordcount":
		return func(_ *scope, v any, _ args) (any, error) { return int64(len(strings.Fields(pyStr(v)))), nil }
	case "string":
		return func(_ *scope, v any, _ args) (any, error) {
			if s, ok := v.(string); ok {
				return s, nil
			}
			return `"""` + jsonDumps(v) + `"""`, nil
		}
	case "tojson":
		return func(_ *scope, v any, _ args) (any, error) { return jsonDumps(v), nil }
	case "urlencode":
		return urlencode
	case "replace":
		return func(sc *scope, v any, a args) (any, error) {
			f, _ := pairMethod(pyStr(v), "replace").(function)
			return f(sc, a)
		}
	case "format":
		return func(_ *scope, v any, a args) (any, error) { return percentFormat(pyStr(v), tuple(a.pos)) }
	case "truncate":
		return truncate
	}
	return numberFilter(name)
}

func numberFilter(name string) filter {
	switch name {
	case "int":
		return func(_ *scope, v any, a args) (any, error) {
			if n, ok := toInt(v); ok {
				return n, nil
			}
			if f, ok := toFloat(v); ok && math.Abs(f) < math.MaxInt64 {
				return int64(f), nil
			}
			return a.get(0, "default", int64(0)), nil
		}
	case "float":
		return func(_ *scope, v any, a args) (any, error) {
			if f, ok := toFloat(v); ok {
				return f, nil
			}
			return a.get(0, "default", float64(0)), nil
		}
	case "abs":
		return func(_ *scope, v any, _ args) (any, error) {
			if n, ok := asInt(v); ok {
				return max(n, -n), nil
			}
			f, ok := asFloat(v)
			if !ok {
				return nil, errType{"abs needs a number"}
			}
			return math.Abs(f), nil
		}
	case "round":
		return roundTo
	case "default", "d":
		return func(_ *scope, v any, a args) (any, error) {
			if _, ok := v.(undefined); ok || (truthy(a.get(1, "boolean", false)) && !truthy(v)) {
				return a.get(0, "default_value", ""), nil
			}
			return v, nil
		}
	}
	return nil
}

func toFloat(v any) (float64, bool) {
	if s, ok := v.(string); ok {
		neg := strings.HasPrefix(strings.TrimSpace(s), "-")
		x, ok := pyNumber(strings.TrimLeft(strings.TrimSpace(s), "+-"))
		if n, isInt := toInt(s); !ok && isInt {
			x, ok, neg = n, true, false
		}
		f, isNumber := asFloat(x)
		if neg {
			f = -f
		}
		return f, ok && isNumber
	}
	return asFloat(v)
}

// jsonDumps writes JSON with the blanks that Python's json.dumps puts.
func jsonDumps(v any) string {
	switch v := v.(type) {
	case *dict:
		parts := make([]string, len(v.keys))
		for i, k := range v.keys {
			parts[i] = string(encodeJSON(k)) + ": " + jsonDumps(v.vals[k])
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []any:
		parts := make([]string, len(v))
		for i, x := range v {
			parts[i] = jsonDumps(x)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case tuple:
		return jsonDumps([]any(v))
	}
	return string(encodeJSON(v))
}

func urlencode(_ *scope, v any, _ args) (any, error) {
	if d, ok := v.(*dict); ok {
		parts := make([]string, len(d.keys))
		for i, k := range d.keys {
			parts[i] = url.QueryEscape(k) + "=" + url.QueryEscape(pyStr(d.vals[k]))
		}
		return strings.Join(parts, "&"), nil
	}
	return strings.NewReplacer("+", "%20", "%2F", "/").Replace(url.QueryEscape(pyStr(v))), nil
}

func truncate(_ *scope, v any, a args) (any, error) {
	n, err := a.intOf(0, "length", 255)
	if err != nil {
		return nil, err
	}
	r, end := []rune(pyStr(v)), pyStr(a.get(2, "end", "..."))
	if int64(len(r)) <= n+5 || n < 0 {
		return string(r), nil
	}
	s := string(r[:max(n-int64(len(end)), 0)])
	if i := strings.LastIndex(s, " "); !truthy(a.get(1, "killwords", false)) && i > 0 {
		s = s[:i]
	}
	return s + end, nil
}

func roundTo(_ *scope, v any, a args) (any, error) {
	f, ok := asFloat(v)
	digits, err := a.intOf(0, "precision", 0)
	if !ok || err != nil {
		return nil, errType{"round needs a number"}
	}
	p := math.Pow(10, float64(digits))
	switch pyStr(a.get(1, "method", "common")) {
	case "ceil":
		return math.Ceil(f*p) / p, nil
	case "floor":
		return math.Floor(f*p) / p, nil
	}
	return math.RoundToEven(f*p) / p, nil
}

// onList makes a filter of a function on what iterating gives.
func onList(f func(list []any, a args) (any, error)) filter {
	return func(_ *scope, v any, a args) (any, error) {
		list, err := items(v)
		if err != nil {
			return nil, err
		}
		return f(list, a)
	}
}

func listFilter(name string) filter {
	switch name {
	case "length", "count":
		return func(_ *scope, v any, _ args) (any, error) { return length(v) }
	case "list":
		return onList(func(list []any, _ args) (any, error) { return slices.Clone(list), nil })
	case "first", "last":
		return onList(func(list []any, _ args) (any, error) {
			if len(list) == 0 {
				return undefined{"the " + name + " of an empty list"}, nil
			}
			if name == "last" {
				return list[len(list)-1], nil
			}
			return list[0], nil
		})
	case "join":
		return joinFilter
	case "reverse":
		return func(_ *scope, v any, _ args) (any, error) {
			list, err := items(v)
			if err != nil {
				return nil, err
			}
			list = slices.Clone(list)
			slices.Reverse(list)
			if _, ok := v.(string); ok {
				return join(list, "")
			}
			return list, nil
		}
	}
	return orderFilter(name)
}

func orderFilter(name string) filter {
	switch name {
	case "sum":
		return onList(func(list []any, a args) (any, error) {
			var total = a.get(1, "start", int64(0))
			for _, x := range list {
				if by := a.get(0, "attribute", nil); by != nil {
					x = dig(x, pyStr(by))
				}
				var err error
				if total, err = operate("+", total, x); err != nil {
					return nil, err
				}
			}
			return total, nil
		})
	case "unique":
		return onList(func(list []any, _ args) (any, error) {
			out := []any{}
			for _, x := range list {
				if !slices.ContainsFunc(out, func(y any) bool { return equal(x, y) }) {
					out = append(out, x)
				}
			}
			return out, nil
		})
	case "sort", "min", "max":
		return onList(func(list []any, a args) (any, error) { return sorted(name, list, a) })
	case "items":
		return func(_ *scope, v any, _ args) (any, error) {
			if d, ok := v.(*dict); ok {
				return pairs(d), nil
			}
			return []any{}, nil
		}
	case "dictsort":
		return func(_ *scope, v any, _ args) (any, error) {
			d, ok := v.(*dict)
			if !ok {
				return nil, errType{"dictsort needs a dict"}
			}
			keys, out := slices.Clone(d.keys), []any{}
			slices.SortStableFunc(keys, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
			for _, k := range keys {
				out = append(out, tuple{k, d.vals[k]})
			}
			return out, nil
		}
	}
	return nil
}

func joinFilter(_ *scope, v any, a args) (any, error) {
	list, err := items(v)
	if err != nil {
		return nil, err
	}
	parts := make([]string, len(list))
	for i, x := range list {
		if by := a.get(1, "attribute", nil); by != nil {
			x = dig(x, pyStr(by))
		}
		parts[i] = pyStr(x)
	}
	return strings.Join(parts, pyStr(a.get(0, "d", ""))), nil
}

// dig follows a dotted path of members.
func dig(v any, path string) any {
	for _, name := range strings.Split(path, ".") {
		var key any = name
		if n, ok := toInt(name); ok {
			key = n
		}
		x, err := item(v, key)
		if err != nil {
			return undefined{path}
		}
		v = x
	}
	return v
}

func sorted(name string, list []any, a args) (any, error) {
	reverse, by := false, a.get(0, "attribute", nil)
	if name == "sort" {
		reverse, by = truthy(a.get(0, "reverse", false)), a.get(2, "attribute", nil)
	}
	key := func(x any) any {
		if by != nil {
			x = dig(x, pyStr(by))
		}
		if s, ok := x.(string); ok {
			return strings.ToLower(s)
		}
		return x
	}
	list = slices.Clone(list)
	bad := false
	slices.SortStableFunc(list, func(x, y any) int {
		c, ok := compare(key(x), key(y))
		bad = bad || !ok
		if reverse {
			c = -c
		}
		return c
	})
	switch {
	case bad:
		return nil, errType{"the values have no order"}
	case name == "sort":
		return list, nil
	case len(list) == 0:
		return undefined{"the " + name + " of an empty list"}, nil
	case name == "min":
		return list[0], nil
	}
	return list[len(list)-1], nil
}
