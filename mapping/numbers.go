package mapping

import (
	"math/big"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// The longest number and the largest exponent that are read: big.Rat would fill the memory for 1e999999999.
const (
	maxDigits   = 64
	maxExponent = 40
)

// decimal reads a plain decimal number exactly: digits, one dot, an exponent. It takes no thousands
// separators, fractions, hexadecimals, infinities.
func decimal(s string) (*big.Rat, bool) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > maxDigits || !isDecimal(s) {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

func isDecimal(s string) bool {
	s = strings.TrimLeft(s[:1], "+-") + s[1:]
	mantissa, exponent, hasExponent := s, "", false
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa, exponent, hasExponent = s[:i], s[i+1:], true
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if whole+fraction == "" || !digits(whole) || !digits(fraction) {
		return false
	}
	if !hasExponent {
		return true
	}
	exponent = strings.TrimPrefix(strings.TrimPrefix(exponent, "+"), "-")
	n := 0
	for _, c := range exponent {
		n = n*10 + int(c-'0')
		if n > maxExponent {
			return false
		}
	}
	return exponent != "" && digits(exponent)
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// round rounds half away from zero.
func round(r *big.Rat) *big.Int {
	twice := new(big.Int).Lsh(new(big.Int).Abs(r.Num()), 1)
	twice.Add(twice, r.Denom())
	q := twice.Quo(twice, new(big.Int).Lsh(r.Denom(), 1))
	if r.Sign() < 0 {
		q.Neg(q)
	}
	return q
}

func floor(r *big.Rat) *big.Int {
	// Div is Euclidean, which for a positive divisor is the floor.
	return new(big.Int).Div(r.Num(), r.Denom())
}

func ceiling(r *big.Rat) *big.Int {
	f := floor(new(big.Rat).Neg(r))
	return f.Neg(f)
}

// power returns 10^n.
func power(n int) *big.Rat {
	p := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(n, -n))), nil)
	if n < 0 {
		return new(big.Rat).SetFrac(big.NewInt(1), p)
	}
	return new(big.Rat).SetInt(p)
}

// currencyOf returns the ISO code of a vendor's currency, "" where it is none.
func currencyOf(s string) string {
	c := strings.ToUpper(strings.TrimSpace(s))
	if len(c) != 3 {
		return ""
	}
	for i := range 3 {
		if c[i] < 'A' || c[i] > 'Z' {
			return ""
		}
	}
	return c
}

// unit says what a vendor's amount counts.
type unit struct {
	// major amounts are in the currency's main unit, others in the smallest.
	major bool
	// decimals are the currencies whose smallest unit at the vendor differs from ISO 4217's.
	decimals map[string]int
}

// factor returns what an amount is to be multiplied with to become minor units.
func (u unit) factor(currency string) *big.Rat {
	exponent := canon.Exponent(currency)
	if u.major {
		return power(exponent)
	}
	if theirs, ok := u.decimals[currency]; ok {
		return power(exponent - theirs)
	}
	return power(0)
}
