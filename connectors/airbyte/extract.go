package airbyte

import (
	"slices"
	"strconv"
	"strings"
)

// dpathGet follows a path of keys and indices.
func dpathGet(v any, path []string) (any, bool) {
	for _, k := range path {
		switch x := v.(type) {
		case *dict:
			next, ok := x.get(k)
			if !ok {
				return nil, false
			}
			v = next
		case []any:
			i, err := strconv.Atoi(k)
			if err != nil || i < 0 || i >= len(x) {
				return nil, false
			}
			v = x[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// dpathValues lists all that a path with * leads to.
func dpathValues(v any, path []string) []any {
	if len(path) == 0 {
		return []any{v}
	}
	var out []any
	switch x := v.(type) {
	case *dict:
		if path[0] != "*" {
			if next, ok := x.get(path[0]); ok {
				out = dpathValues(next, path[1:])
			}
			break
		}
		for _, k := range x.keys {
			out = append(out, dpathValues(x.vals[k], path[1:])...)
		}
	case []any:
		if path[0] != "*" {
			if next, ok := dpathGet(x, path[:1]); ok {
				out = dpathValues(next, path[1:])
			}
			break
		}
		for _, e := range x {
			out = append(out, dpathValues(e, path[1:])...)
		}
	}
	return out
}

// dpathSet writes a value, and makes the objects on the way.
func dpathSet(at any, path []string, v any) {
	switch at := at.(type) {
	case *dict:
		if len(path) == 1 {
			at.set(path[0], v)
			return
		}
		next := at.vals[path[0]]
		switch next.(type) {
		case *dict, []any:
		default:
			next = newDict()
			at.set(path[0], next)
		}
		dpathSet(next, path[1:], v)
	case []any:
		i, err := strconv.Atoi(path[0])
		if err != nil || i < 0 || i >= len(at) {
			return
		}
		if len(path) == 1 {
			at[i] = v
			return
		}
		dpathSet(at[i], path[1:], v)
	}
}

// dpathDelete removes all that a path with * and ** leads to and keep does not hold on to.
func dpathDelete(v any, path []string, drop func(any) bool) {
	if len(path) == 0 {
		return
	}
	if path[0] == "**" && len(path) > 1 {
		dpathDelete(v, path[1:], drop)
		each(v, func(x any) { dpathDelete(x, path, drop) })
		return
	}
	if len(path) > 1 {
		each2(v, func(k string, x any) {
			if path[0] == "*" || path[0] == k {
				dpathDelete(x, path[1:], drop)
			}
		})
		return
	}
	d, ok := v.(*dict)
	if !ok {
		return
	}
	for _, k := range slices.Clone(d.keys) {
		if (path[0] == k || path[0] == "*" || path[0] == "**") && drop(d.vals[k]) {
			d.del(k)
		}
	}
	if path[0] == "**" {
		each(v, func(x any) { dpathDelete(x, path, drop) })
	}
}

func each(v any, f func(any)) { each2(v, func(_ string, x any) { f(x) }) }

func each2(v any, f func(string, any)) {
	switch v := v.(type) {
	case *dict:
		for _, k := range slices.Clone(v.keys) {
			f(k, v.vals[k])
		}
	case []any:
		for i, x := range v {
			f(strconv.Itoa(i), x)
		}
	}
}

// expander makes a record of each element of a list within a record.
type expander struct {
	path             []*tmpl
	keep, emitParent bool
}

func (s *stream) extract(bodies []any, sc *scope) ([]any, error) {
	path, err := textsFrom(s.path, sc)
	if err != nil {
		return nil, err
	}
	var out []any
	for _, body := range bodies {
		found := body
		switch {
		case slices.Contains(path, "*"):
			found = dpathValues(body, path)
		case len(path) > 0:
			found, _ = dpathGet(body, path)
		}
		list, ok := found.([]any)
		if !ok {
			if !truthy(found) {
				continue
			}
			list = []any{found}
		}
		if s.expander == nil {
			out = append(out, list...)
			continue
		}
		for _, rec := range list {
			more, err := s.expander.expand(rec, sc)
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
		}
	}
	return out, nil
}

func textsFrom(list []*tmpl, sc *scope) ([]string, error) {
	out := make([]string, len(list))
	for i, t := range list {
		s, err := t.text(sc)
		if err != nil {
			return nil, expression("a field's path", err)
		}
		out[i] = s
	}
	return out, nil
}

func (e *expander) expand(rec any, sc *scope) ([]any, error) {
	d, ok := rec.(*dict)
	path, err := textsFrom(e.path, sc)
	if !ok || err != nil || len(path) == 0 {
		return []any{rec}, err
	}
	var out []any
	for _, found := range dpathValues(d, path) {
		list, _ := found.([]any)
		for _, x := range list {
			c, isDict := x.(*dict)
			switch {
			case isDict && e.keep:
				c = c.clone()
				c.set("original_record", copyValue(d))
				out = append(out, c)
			case isDict:
				out = append(out, c.clone())
			case e.keep:
				out = append(out, newDict("value", x, "original_record", copyValue(d)))
			default:
				out = append(out, x)
			}
		}
	}
	if len(out) == 0 && e.emitParent {
		out = []any{rec}
	}
	return out, nil
}

// queryProperties are the properties that a request asks for, in as many requests as their number needs.
type queryProperties struct {
	names, always []string
	source        *stream
	path          []*tmpl
	chunked       bool
	chars         bool
	limit         int
	key           []string
}

// chunks cuts the names into requests.
func (q *queryProperties) chunks(names []string) [][]string {
	if !q.chunked || q.limit <= 0 {
		return [][]string{append(slices.Clone(q.always), names...)}
	}
	var out [][]string
	now, size := slices.Clone(q.always), 0
	for _, n := range names {
		cost := 1
		if q.chars {
			cost = len(n) + 3
		}
		if size+cost > q.limit && size > 0 {
			out = append(out, now)
			now, size = slices.Clone(q.always), 0
		}
		now, size = append(now, n), size+cost
	}
	return append(out, now)
}

// mergeKey is what the parts of a record from several requests are put together by.
func (q *queryProperties) mergeKey(rec any) string {
	var parts []string
	for _, k := range q.key {
		v, ok := dpathGet(rec, []string{k})
		if !ok || v == nil {
			return ""
		}
		parts = append(parts, pyStr(v))
	}
	return strings.Join(parts, ",")
}

func deepMerge(into, from *dict) {
	for _, k := range from.keys {
		a, aok := into.vals[k].(*dict)
		b, bok := from.vals[k].(*dict)
		if aok && bok {
			deepMerge(a, b)
			continue
		}
		into.set(k, from.vals[k])
	}
}
