package identity

import (
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// phone is a number made comparable.
type phone struct {
	// full is the number with its country, "+4930123456", where that is known; tail are its last nine digits.
	full, tail string
	// land is the country of a number that tells it, "" for what several share, as +1.
	land string
}

// PhoneKey returns a number as E.164 writes it, "" for what is none. region is the country, as "DE", in which a
// number without a country's code is dialled; where it is "" such a number has no key.
func PhoneKey(number, region string) string { return parsePhone(number, region).full }

func parsePhone(number, region string) phone {
	if len(number) > 60 || blank(number) {
		return phone{}
	}
	digits := onlyDigits(number)
	if len(digits) < 6 || strings.Trim(digits, digits[:1]) == "" || digits == "123456789"[:min(9, len(digits))] {
		return phone{}
	}
	p := phone{tail: digits[max(0, len(digits)-9):]}
	trimmed := strings.TrimSpace(number)
	if rest, ok := strings.CutPrefix(trimmed, "00"); ok {
		trimmed = "+" + rest
	}
	if !strings.HasPrefix(trimmed, "+") && region == "" {
		return p
	}
	parsed, err := phonenumbers.Parse(trimmed, region)
	if err != nil || !phonenumbers.IsPossibleNumber(parsed) {
		return p
	}
	p.full = phonenumbers.Format(parsed, phonenumbers.E164)
	p.tail = p.full[max(0, len(p.full)-9):]
	if code := int(parsed.GetCountryCode()); code != 1 && code != 7 {
		p.land = phonenumbers.GetRegionCodeForCountryCode(code)
	}
	if len(p.land) != 2 {
		p.land = ""
	}
	return p
}

func onlyDigits(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if s[i] >= '0' && s[i] <= '9' {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// key returns by what numbers are found that may be one: national digits, as not every source tells the country.
func (p phone) key() string { return strings.TrimPrefix(p.tail, "0") }

// comparePhones returns the level of two numbers.
func comparePhones(a, b phone) level {
	switch {
	case a.tail == "" || b.tail == "":
		return levelNone
	case a.full != "" && a.full == b.full:
		return levelEqual
	case a.full == "" || b.full == "":
		x, y := a.key(), b.key()
		if n := min(len(x), len(y)); n >= 7 && x[len(x)-n:] == y[len(y)-n:] {
			return levelEqual
		}
	}
	if a.full != "" && b.full != "" {
		return compareDigits(a.full, b.full)
	}
	return compareDigits(a.key(), b.key())
}
