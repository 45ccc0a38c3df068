package report

import (
	"math"
	"strconv"
	"strings"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle/chart"
	"github.com/lifecyclehub/hub/lifecycle/evidence"
)

// Definition says how a number is worked out. Another way of working it out has another id.
type Definition struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	// Unit is percent (a share of 1), count, money (minor units), days, hours, ratio or points.
	Unit string `json:"unit"`
	// Formula is told in words.
	Formula string `json:"formula"`
	// Mind says what the number leaves out or assumes.
	Mind string `json:"mind,omitempty"`
}

// The units.
const (
	percent = "percent"
	counted = "count"
	money   = "money"
	inDays  = "days"
	inHours = "hours"
	ratioOf = "ratio"
	points  = "points"
)

// Number is a value with what it was made of.
type Number struct {
	Definition string `json:"definition"`
	Title      string `json:"title"`
	Unit       string `json:"unit"`
	Currency   string `json:"currency,omitempty"`
	// About says which one it is, where a report has several of one definition and currency.
	About string `json:"about,omitempty"`
	// Value is nil where there is none: nothing to divide by, too few cases, or infinitely much.
	Value       *float64 `json:"value"`
	Numerator   float64  `json:"numerator"`
	Denominator float64  `json:"denominator"`
	// N is how many customers or cases the number was worked out from.
	N int64 `json:"n"`
	// Low and High bound the value with 95 % confidence, where that can be said.
	Low  *float64 `json:"low,omitempty"`
	High *float64 `json:"high,omitempty"`
	// Flags are "n<20", "withheld", "infinite", "capped" or "open N".
	Flags []string `json:"flags,omitempty"`
	// cases says that numerator and denominator count cases, whatever the unit.
	cases bool
}

// few is the n under which a number is flagged.
const few = 20

// share divides what there is by what there might be.
func share(def string, numerator, denominator float64, n int64) Number {
	x := Number{Definition: def, Numerator: numerator, Denominator: denominator, N: n}
	if denominator != 0 {
		x.Value = value(numerator / denominator)
	}
	return x
}

// part is a share of cases, with its Wilson interval.
func part(def string, k, n int64) Number {
	x := share(def, float64(k), float64(n), n)
	if n > 0 && k <= n {
		bounds := evidence.Wilson(float64(k), float64(n), evidence.Z95)
		x.Low, x.High = value(bounds.Low), value(bounds.High)
	}
	return x
}

// count tells how many.
func count(def string, k, n int64) Number { return share(def, float64(k), 1, n) }

// sum tells an amount of money.
func sum(def, currency string, minor int64, n int64) Number {
	x := share(def, float64(minor), 1, n)
	x.Currency = currency
	return x
}

// in sets the currency.
func (x Number) in(currency string) Number {
	x.Currency = currency
	return x
}

// about says which of several it is.
func (x Number) about(what string) Number {
	x.About = what
	return x
}

// Label is the number's title, with what it is about and with its currency where that is not seen from its unit.
func (x Number) Label() string {
	label := x.Title
	if x.About != "" {
		label += ", " + x.About
	}
	if x.Currency != "" && x.Unit != money {
		label += ", " + x.Currency
	}
	return label
}

// like says whether two numbers stand in one column.
func (x Number) like(y Number) bool {
	return x.Definition == y.Definition && x.Currency == y.Currency && x.About == y.About
}

// flagged adds a flag.
func (x Number) flagged(flag string) Number {
	x.Flags = append(x.Flags[:len(x.Flags):len(x.Flags)], flag)
	return x
}

// of tells a value that is no quotient: a median among the cases that are over, of all of them.
func of(def string, v float64, over, all int64) Number {
	x := Number{Definition: def, Numerator: float64(over), Denominator: float64(all), N: all, cases: true}
	if !math.IsNaN(v) && !math.IsInf(v, 0) {
		x.Value = value(v)
	}
	if all > over {
		x.Flags = append(x.Flags, "open "+strconv.FormatInt(all-over, 10))
	}
	return x
}

func value(v float64) *float64 { return &v }

// float returns the value, NaN where there is none.
func (x Number) float() float64 {
	if x.Value == nil {
		return math.NaN()
	}
	return *x.Value
}

// Format writes the value with its unit.
func (x Number) Format() string {
	for _, f := range x.Flags {
		switch f {
		case "infinite":
			return "∞"
		case "withheld":
			return "withheld"
		}
	}
	return unit(x.Unit, x.Currency).Format(x.float())
}

// Cell writes the value as in a table whose head names the currency.
func (x Number) Cell() string {
	s := x.Format()
	if x.Unit == money {
		s = strings.TrimSuffix(s, " "+x.Currency)
	}
	return s
}

// Head is the title of a column of such numbers.
func (x Number) Head() string {
	if x.Unit == money && x.Currency != "" {
		return x.Label() + ", " + x.Currency
	}
	return x.Label()
}

// Made says what the number was made of, as "12 / 311, n 311".
func (x Number) Made() string {
	var b strings.Builder
	if x.Denominator != 1 || x.Unit == percent || x.Unit == ratioOf {
		b.WriteString(x.part(x.Numerator, x.Unit == money || x.Unit == percent || x.Unit == ratioOf) + " / ")
		b.WriteString(x.part(x.Denominator, x.Unit == percent || x.Unit == ratioOf))
		if x.Currency != "" && !x.cases {
			b.WriteString(" " + x.Currency)
		}
		b.WriteString(", ")
	}
	b.WriteString("n " + chart.Number(0).Format(float64(x.N)))
	for _, f := range x.Flags {
		b.WriteString(", " + f)
	}
	return b.String()
}

// part writes a numerator or denominator: as an amount where it is one, else with decimals only where it has any.
func (x Number) part(v float64, amount bool) string {
	switch {
	case amount && x.Currency != "" && !x.cases:
		return strings.TrimSuffix(unit(money, x.Currency).Format(v), " "+x.Currency)
	case v == math.Trunc(v):
		return chart.Number(0).Format(v)
	}
	return chart.Number(2).Format(v)
}

// unit is how a unit is written.
func unit(name, currency string) chart.Unit {
	switch name {
	case percent:
		return chart.Percent()
	case inDays:
		return chart.Days()
	case inHours:
		return chart.Hours()
	case ratioOf:
		return chart.Number(2)
	case points:
		return chart.Number(1)
	case money:
		return chart.Money(currency, canon.Exponent(currency))
	}
	return chart.Number(0)
}
