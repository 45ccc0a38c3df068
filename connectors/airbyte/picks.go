package airbyte

import (
	"fmt"
	"strings"
)

// pickFilter are the filters that take a filter or a test by name.
func pickFilter(name string) filter {
	switch name {
	case "attr":
		return func(_ *scope, v any, a args) (any, error) { return attribute(v, pyStr(a.get(0, "name", ""))) }
	case "map":
		return mapFilter
	case "select", "reject", "selectattr", "rejectattr":
		return func(_ *scope, v any, a args) (any, error) { return pick(name, v, a) }
	}
	return nil
}

func mapFilter(sc *scope, v any, a args) (any, error) {
	list, err := items(v)
	if err != nil {
		return nil, err
	}
	by, isAttr := a.named["attribute"]
	var f filter
	if !isAttr {
		ok := false
		if f, ok = filterNamed(pyStr(a.get(0, "", ""))); !ok {
			return nil, fmt.Errorf("there is no filter %q", pyStr(a.get(0, "", "")))
		}
		a.pos = a.pos[1:]
	}
	out := make([]any, len(list))
	for i, x := range list {
		if isAttr {
			out[i] = dig(x, pyStr(by))
			if fallback, has := a.named["default"]; has && out[i] == (undefined{pyStr(by)}) {
				out[i] = fallback
			}
			continue
		}
		if out[i], err = f(sc, x, a); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func pick(name string, v any, a args) (any, error) {
	list, err := items(v)
	if err != nil {
		return nil, err
	}
	by, rest := "", a.pos
	if strings.HasSuffix(name, "attr") && len(rest) > 0 {
		by, rest = pyStr(rest[0]), rest[1:]
	}
	test := func(v any, _ args) (bool, error) { return truthy(v), nil }
	if len(rest) > 0 {
		ok := false
		if test, ok = testNamed(pyStr(rest[0])); !ok {
			return nil, fmt.Errorf("there is no test %q", pyStr(rest[0]))
		}
		rest = rest[1:]
	}
	out := []any{}
	for _, x := range list {
		y := x
		if by != "" {
			y = dig(x, by)
		}
		yes, err := test(y, args{pos: rest})
		if err != nil {
			return nil, err
		}
		if yes == strings.HasPrefix(name, "select") {
			out = append(out, x)
		}
	}
	return out, nil
}

// testNamed returns what stands behind "is".
func testNamed(name string) (func(v any, a args) (bool, error), bool) {
	kind := func(f func(any) bool) (func(any, args) (bool, error), bool) {
		return func(v any, _ args) (bool, error) { return f(v), nil }, true
	}
	isUndefined := func(v any) bool { _, ok := v.(undefined); return ok }
	isInt := func(v any) bool { _, ok := v.(int64); return ok }
	isFloat := func(v any) bool { _, ok := v.(float64); return ok }
	isString := func(v any) bool { _, ok := v.(string); return ok }
	isDict := func(v any) bool { _, ok := v.(*dict); return ok }
	isBool := func(v any) bool { _, ok := v.(bool); return ok }
	switch name {
	case "defined":
		return kind(func(v any) bool { return !isUndefined(v) })
	case "undefined":
		return kind(isUndefined)
	case "none", "None":
		return kind(func(v any) bool { return v == nil })
	case "string":
		return kind(isString)
	case "number":
		return kind(func(v any) bool { _, ok := asFloat(v); return ok })
	case "integer":
		return kind(isInt)
	case "float":
		return kind(isFloat)
	case "boolean":
		return kind(isBool)
	case "true":
		return kind(func(v any) bool { return v == true })
	case "false":
		return kind(func(v any) bool { return v == false })
	case "mapping":
		return kind(isDict)
	case "iterable", "sequence":
		return kind(func(v any) bool { _, err := items(v); return err == nil && (name == "iterable" || !isUndefined(v)) })
	case "callable":
		return kind(func(v any) bool { _, ok := v.(function); return ok })
	case "lower":
		return kind(func(v any) bool { return pyStr(v) == strings.ToLower(pyStr(v)) })
	case "upper":
		return kind(func(v any) bool { return pyStr(v) == strings.ToUpper(pyStr(v)) })
	case "even", "odd", "divisibleby":
		return func(v any, a args) (bool, error) {
			n, ok := asInt(v)
			by, err := a.intOf(0, "num", 2)
			if !ok || err != nil || by == 0 {
				return false, errType{name + " needs a number"}
			}
			return (n%by == 0) != (name == "odd"), nil
		}, true
	}
	op, ok := map[string]string{"eq": "==", "equalto": "==", "sameas": "==", "ne": "!=", "lt": "<", "lessthan": "<", "le": "<=", "gt": ">", "greaterthan": ">", "ge": ">=", "in": "in",
		"==": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}[name]
	if !ok {
		return nil, false
	}
	return func(v any, a args) (bool, error) { return holds(op, v, a.get(0, "other", nil)) }, true
}
