package mapping

import (
	"math/big"

	"github.com/tidwall/gjson"

	"github.com/lifecyclehub/hub/canon"
)

// money is how an amount is read.
type money struct {
	amount   []path
	currency currency
	unit     unit
	// negate turns the sign, for credit notes that are told as positive amounts.
	negate bool
}

// currency is where a currency is read from: the first path that has one, else the constant.
type currency struct {
	paths    []path
	constant string
}

func (c currency) of(s *source) (code, from string, f *fault) {
	v, p := s.scalar(c.paths)
	if !present(v) {
		if c.constant == "" {
			return "", "", newFault(codeMoney, pathNames(c.paths), "name a constant currency behind the paths, as in [currency, USD]").
				because("The amount has no currency.")
		}
		return c.constant, "", nil
	}
	code = currencyOf(text(v))
	if code == "" {
		return "", p.name, newFault(codeMoney, p.name, "map it to an ISO 4217 code").
			because("The currency %s is not three letters.", shorten(text(v)))
	}
	return code, p.name, nil
}

func (m *money) eval(s *source) outcome {
	v, p := s.scalar(m.amount)
	if !present(v) {
		if v, p = s.first(m.amount); !present(v) {
			return outcome{}
		}
	}
	out := outcome{from: p.name, raw: v.Raw}
	if v.Type == gjson.JSON {
		out.fault = newFault(codeMoney, p.name, "name the part of it that is wanted").because("The amount is %s, not a number.", shapeOf(v))
		return out
	}
	n, ok := decimal(text(v))
	if !ok {
		out.fault = newFault(codeMoney, p.name, "amounts are plain decimal numbers such as 1234.50, without separators or symbols").
			because("The amount %s is not a number.", shorten(text(v)))
		return out
	}
	code, _, f := m.currency.of(s)
	if f != nil {
		out.fault = f
		return out
	}
	n.Mul(n, m.unit.factor(code))
	if m.negate {
		n.Neg(n)
	}
	out.value, out.fault = minor(n, code, p.name)
	return out
}

// minor rounds n to a whole number of minor units.
func minor(n *big.Rat, code, from string) (any, *fault) {
	whole := round(n)
	if !whole.IsInt64() {
		return nil, newFault(codeMoney, from, "check the unit of the amount").
			because("The amount is larger than Hub can hold (%d digits).", len(whole.String()))
	}
	return canon.Money{Minor: whole.Int64(), Currency: code}, nil
}
