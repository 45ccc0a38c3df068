package chart

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Unit says how a number is written.
type Unit struct {
	// Scale is what a number is multiplied with before it is written; 0 is 1.
	Scale    float64
	Decimals int
	// Suffix follows the number, after a thin space but for the percent sign.
	Suffix string
}

// Number is a plain number with so many decimals.
func Number(decimals int) Unit { return Unit{Decimals: decimals} }

// Percent writes a share of 0 to 1 as 0 % to 100 %.
func Percent() Unit { return Unit{Scale: 100, Decimals: 1, Suffix: "%"} }

// Days writes a number of days.
func Days() Unit { return Unit{Decimals: 1, Suffix: "d"} }

// Hours writes a number of hours.
func Hours() Unit { return Unit{Decimals: 1, Suffix: "h"} }

// Money writes minor units of a currency whose minor unit stands for so many decimals.
func Money(currency string, exponent int) Unit {
	return Unit{Scale: math.Pow10(-exponent), Decimals: exponent, Suffix: currency}
}

// Format writes v with thousands apart, "–" where it is no number.
func (u Unit) Format(v float64) string {
	if math.IsInf(v, 0) {
		return "∞"
	}
	if !finite(v) {
		return "–"
	}
	if u.Scale != 0 {
		v *= u.Scale
	}
	return u.with(Thousands(strconv.FormatFloat(v, 'f', max(0, min(u.Decimals, 9)), 64)))
}

// short writes v for an axis: with k, M or bn where it is large, and no more decimals than the step needs.
func (u Unit) short(v, step float64) string {
	if u.Scale != 0 {
		v, step = v*u.Scale, step*u.Scale
	}
	suffix, div := "", 1.0
	switch a := math.Max(math.Abs(v), math.Abs(step)); {
	case a >= 1e9:
		suffix, div = "bn", 1e9
	case a >= 1e6:
		suffix, div = "M", 1e6
	case a >= 1e4:
		suffix, div = "k", 1e3
	}
	decimals := 0
	for s := math.Abs(step / div); decimals < 6 && math.Abs(s-math.Round(s)) > 1e-6*s; decimals++ {
		s *= 10
	}
	if math.Abs(v) < 1e-12 {
		v, suffix = 0, ""
	}
	return u.with(strconv.FormatFloat(v/div, 'f', decimals, 64) + suffix)
}

// brief writes v with three digits or a little more.
func (u Unit) brief(v float64) string {
	if v == 0 || !finite(v) {
		return u.with("0")
	}
	return u.short(v, math.Pow(10, math.Floor(math.Log10(math.Abs(v)))-2))
}

func (u Unit) with(s string) string {
	switch u.Suffix {
	case "":
		return s
	case "%":
		return s + " %"
	}
	return s + " " + u.Suffix
}

// Thousands sets the thousands of a decimal number apart, as in 1,234.50.
func Thousands(s string) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	whole, rest := s, ""
	if i := strings.IndexByte(s, '.'); i >= 0 {
		whole, rest = s[:i], s[i:]
	}
	if strings.Trim(whole+rest, "0.") == "" {
		sign = ""
	}
	var b strings.Builder
	for i := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteByte(whole[i])
	}
	return sign + b.String() + rest
}

// At is the place of a moment on an axis of time.
func At(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func moment(x float64) time.Time {
	return time.UnixMilli(int64(math.Max(-6e13, math.Min(x*1000, 2.5e14)))).UTC()
}
