package airbyte

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
)

// errUndefined is that of using what is not there; a template then gives its default.
type errUndefined struct{ name string }

func (e errUndefined) Error() string { return e.name + " is undefined" }

// errType is Python's TypeError; a template then stays the text that it is.
type errType struct{ what string }

func (e errType) Error() string { return e.what }

// function is what can be called.
type function func(*scope, args) (any, error)

// maxText bounds what one operation may make.
const maxText = 1 << 20

func sign(op string, v any) (any, error) {
	switch n := v.(type) {
	case undefined:
		return nil, errUndefined(n)
	case delta:
		if op == "-" {
			return n.negative(), nil
		}
		return n, nil
	case float64:
		if op == "-" {
			return -n, nil
		}
		return n, nil
	}
	n, ok := asInt(v)
	if !ok {
		return nil, errType{"a sign before what is no number"}
	}
	if op == "-" {
		n = -n
	}
	return n, nil
}

// operate is a binary operator.
func operate(op string, a, b any) (any, error) {
	if op == "~" {
		return pyStr(a) + pyStr(b), nil
	}
	for _, v := range []any{a, b} {
		if u, ok := v.(undefined); ok {
			return nil, errUndefined(u)
		}
	}
	if v, ok, err := operateTime(op, a, b); ok {
		return v, err
	}
	if s, ok := a.(string); ok && op == "%" {
		return percentFormat(s, b)
	}
	if v, ok, err := operateSequence(op, a, b); ok {
		return v, err
	}
	x, okx := asInt(a)
	y, oky := asInt(b)
	if okx && oky && op != "/" {
		return operateInt(op, x, y)
	}
	f, okf := asFloat(a)
	g, okg := asFloat(b)
	if !okf || !okg {
		return nil, errType{fmt.Sprintf("%s between values that it is not for", op)}
	}
	return operateFloat(op, f, g)
}

func operateInt(op string, x, y int64) (any, error) {
	f := float64(0)
	switch op {
	case "+":
		f = float64(x) + float64(y)
	case "-":
		f = float64(x) - float64(y)
	case "*":
		f = float64(x) * float64(y)
	case "**":
		f = math.Pow(float64(x), float64(y))
	}
	if math.Abs(f) > math.MaxInt64 || (op == "**" && (y < 0 || math.Abs(f) > 1<<53)) {
		return f, nil
	}
	switch op {
	case "+":
		return x + y, nil
	case "-":
		return x - y, nil
	case "*":
		return x * y, nil
	case "**":
		return int64(f), nil
	}
	if y == 0 {
		return nil, fmt.Errorf("a division by zero")
	}
	q, r := x/y, x%y
	if r != 0 && (r < 0) != (y < 0) {
		q, r = q-1, r+y
	}
	if op == "//" {
		return q, nil
	}
	return r, nil
}

func operateFloat(op string, x, y float64) (any, error) {
	switch op {
	case "+":
		return x + y, nil
	case "-":
		return x - y, nil
	case "*":
		return x * y, nil
	case "**":
		return math.Pow(x, y), nil
	}
	if y == 0 {
		return nil, fmt.Errorf("a division by zero")
	}
	switch op {
	case "/":
		return x / y, nil
	case "//":
		return math.Floor(x / y), nil
	}
	r := math.Mod(x, y)
	if r != 0 && (r < 0) != (y < 0) {
		r += y
	}
	return r, nil
}

func operateSequence(op string, a, b any) (any, bool, error) {
	if op == "*" {
		if n, ok := b.(int64); ok {
			return repeat(a, n)
		}
		if n, ok := a.(int64); ok {
			return repeat(b, n)
		}
		return nil, false, nil
	}
	if op != "+" {
		return nil, false, nil
	}
	switch x := a.(type) {
	case string:
		y, ok := b.(string)
		if !ok {
			return nil, true, errType{"a text and what is no text cannot be added"}
		}
		if len(x)+len(y) > maxText*32 {
			return nil, true, fmt.Errorf("the text is too long")
		}
		return x + y, true, nil
	case []any:
		if y, ok := b.([]any); ok {
			return slices.Concat(x, y), true, nil
		}
	case tuple:
		if y, ok := b.(tuple); ok {
			return slices.Concat(x, y), true, nil
		}
	}
	return nil, false, nil
}

func repeat(v any, n int64) (any, bool, error) {
	n = max(n, 0)
	switch x := v.(type) {
	case string:
		if n*int64(len(x)) > maxText || n > maxText {
			return nil, true, fmt.Errorf("the text is too long")
		}
		return strings.Repeat(x, int(n)), true, nil
	case []any:
		if n*int64(len(x)) > maxText || n > maxText {
			return nil, true, fmt.Errorf("the list is too long")
		}
		return slices.Repeat(x, int(n)), true, nil
	}
	return nil, false, nil
}

// holds is a comparison.
func holds(op string, a, b any) (bool, error) {
	switch op {
	case "==":
		return equal(a, b), nil
	case "!=":
		return !equal(a, b), nil
	case "in":
		return contains(b, a)
	case "not in":
		yes, err := contains(b, a)
		return !yes, err
	}
	for _, v := range []any{a, b} {
		if u, ok := v.(undefined); ok {
			return false, errUndefined(u)
		}
	}
	c, ok := compare(a, b)
	if !ok {
		return false, errType{"values of these kinds have no order"}
	}
	switch op {
	case "<":
		return c < 0, nil
	case "<=":
		return c <= 0, nil
	case ">":
		return c > 0, nil
	}
	return c >= 0, nil
}

func contains(box, v any) (bool, error) {
	switch box := box.(type) {
	case string:
		s, ok := v.(string)
		if !ok {
			return false, errType{"what is no text cannot be in a text"}
		}
		return strings.Contains(box, s), nil
	case []any:
		return slices.ContainsFunc(box, func(x any) bool { return equal(x, v) }), nil
	case tuple:
		return slices.ContainsFunc(box, func(x any) bool { return equal(x, v) }), nil
	case *dict:
		s, ok := v.(string)
		_, has := box.get(s)
		return ok && has, nil
	case *slice:
		return contains(box.all(), v)
	case undefined:
		return false, nil
	}
	return false, errType{"nothing can be in a value of this kind"}
}

// percentFormat is Python's '%s' % value, for %s, %d, %f with their widths.
func percentFormat(format string, v any) (any, error) {
	vals := []any{v}
	if t, ok := v.(tuple); ok {
		vals = t
	}
	var goArgs []any
	verbs := strings.NewReplacer("%%", "\x00").Replace(format)
	for i := 0; i < len(verbs); i++ {
		if verbs[i] != '%' {
			continue
		}
		j := i + 1
		for j < len(verbs) && strings.IndexByte("0123456789.-+ ", verbs[j]) >= 0 {
			j++
		}
		if j >= len(verbs) || strings.IndexByte("sdfi", verbs[j]) < 0 || len(goArgs) >= len(vals) || j-i > 6 {
			return nil, errType{"a format that does not fit its values"}
		}
		x := vals[len(goArgs)]
		switch verbs[j] {
		case 's':
			goArgs = append(goArgs, pyStr(x))
		case 'd', 'i':
			f, ok := asFloat(x)
			if !ok {
				return nil, errType{"%d needs a number"}
			}
			goArgs = append(goArgs, int64(f))
		case 'f':
			f, ok := asFloat(x)
			if !ok {
				return nil, errType{"%f needs a number"}
			}
			goArgs = append(goArgs, f)
		}
		verbs = verbs[:j] + strings.Replace(verbs[j:], "i", "d", btoi(verbs[j] == 'i')) // %i is %d
		i = j
	}
	if len(goArgs) != len(vals) {
		return nil, errType{"not all values are in the format"}
	}
	return strings.ReplaceAll(fmt.Sprintf(verbs, goArgs...), "\x00", "%"), nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func toInt(v any) (int64, bool) {
	switch n := v.(type) {
	case float64:
		if math.IsNaN(n) || math.Abs(n) > math.MaxInt64 {
			return 0, false
		}
		return int64(n), true
	case json.Number:
		return 0, false
	case string:
		x, ok := pyNumber(strings.TrimLeft(strings.TrimLeft(strings.TrimSpace(n), "+-"), "0"))
		if strings.Trim(strings.TrimSpace(n), "+-0") == "" && strings.Contains(n, "0") {
			return 0, true
		}
		i, isInt := x.(int64)
		if ok && strings.HasPrefix(strings.TrimSpace(n), "-") {
			i = -i
		}
		return i, ok && isInt
	}
	return asInt(v)
}
