package airbyte

import (
	"math"
	"time"
)

func operateTime(op string, a, b any) (any, bool, error) {
	switch x := a.(type) {
	case datetime:
		switch y := b.(type) {
		case delta:
			if op == "-" {
				y = y.negative()
			} else if op != "+" {
				break
			}
			return datetime{y.after(x.Time), x.naive}, true, nil
		case datetime:
			if op == "-" && x.naive == y.naive {
				return delta{span: x.Sub(y.Time)}, true, nil
			}
		}
		return nil, true, errType{"a date and a value that do not go together"}
	case date:
		switch y := b.(type) {
		case delta:
			if op == "-" {
				y = y.negative()
			} else if op != "+" {
				break
			}
			// A date moves by whole days only.
			y.span = time.Duration(math.Floor(float64(y.span)/float64(24*time.Hour))) * 24 * time.Hour
			return date{y.after(x.Time)}, true, nil
		case date:
			if op == "-" {
				return delta{span: x.Sub(y.Time)}, true, nil
			}
		}
		return nil, true, errType{"a date and a value that do not go together"}
	case delta:
		return operateDelta(op, x, b)
	}
	if y, ok := b.(delta); ok && op == "*" {
		return operateDelta(op, y, a)
	}
	return nil, false, nil
}

func operateDelta(op string, x delta, b any) (any, bool, error) {
	switch y := b.(type) {
	case datetime, date:
		if op == "+" {
			v, _, err := operateTime(op, y, x)
			return v, true, err
		}
	case delta:
		switch op {
		case "+":
			return delta{x.months + y.months, x.span + y.span}, true, nil
		case "-":
			return delta{x.months - y.months, x.span - y.span}, true, nil
		case "/":
			if y.span != 0 {
				return float64(x.span) / float64(y.span), true, nil
			}
		}
	case int64:
		if op == "*" {
			return delta{x.months * int(y), x.span * time.Duration(y)}, true, nil
		}
		if (op == "//" || op == "/") && y != 0 {
			return delta{x.months, x.span / time.Duration(y)}, true, nil
		}
	case float64:
		if op == "*" {
			return delta{x.months, time.Duration(float64(x.span) * y)}, true, nil
		}
	}
	return nil, true, errType{"a span of time and a value that do not go together"}
}
