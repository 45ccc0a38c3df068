package canon

import (
	"fmt"
	"strings"
)

// Money is an amount in integer minor units (cents) of a currency. It is never a float.
type Money struct {
	Minor    int64  `json:"minor"`
	Currency string `json:"currency" validate:"len=3,uppercase"`
}

// Exponent returns the number of decimal places that a currency's minor unit stands for (ISO 4217: JPY 0,
// KWD 3, most 2).
func Exponent(currency string) int {
	switch strings.ToUpper(currency) {
	case "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF":
		return 0
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		return 3
	case "CLF", "UYW":
		return 4
	}
	return 2
}

// String prints the amount with the currency's decimals, as in "1234.50 EUR".
func (m Money) String() string {
	exp := Exponent(m.Currency)
	if exp == 0 {
		return fmt.Sprintf("%d %s", m.Minor, m.Currency)
	}
	sign, minor := "", uint64(m.Minor)
	if m.Minor < 0 {
		sign, minor = "-", -uint64(m.Minor)
	}
	unit := uint64(1)
	for range exp {
		unit *= 10
	}
	return fmt.Sprintf("%s%d.%0*d %s", sign, minor/unit, exp, minor%unit, m.Currency)
}
