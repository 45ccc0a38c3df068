package identity

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/lifecyclehub/hub/canon"
)

// vatForms are the shapes of VAT ids by country, without the country's letters: d is a digit, a a letter, * either;
// other signs are themselves. Greece writes EL, Northern Ireland XI.
var vatForms = map[string][]string{
	"AT": {"Udddddddd"}, "BE": {"dddddddddd"}, "BG": {"ddddddddd", "dddddddddd"}, "CY": {"dddddddda"},
	"CZ": {"dddddddd", "ddddddddd", "dddddddddd"}, "DE": {"ddddddddd"}, "DK": {"dddddddd"}, "EE": {"ddddddddd"},
	"EL": {"ddddddddd"}, "ES": {"addddddda", "adddddddd", "dddddddda"}, "FI": {"dddddddd"}, "FR": {"**ddddddddd"},
	"GB": {"ddddddddd", "dddddddddddd", "GDddd", "HAddd"}, "HR": {"ddddddddddd"}, "HU": {"dddddddd"},
	"IE": {"ddddddda", "dddddddaa", "d*ddddda"}, "IT": {"ddddddddddd"}, "LT": {"ddddddddd", "dddddddddddd"},
	"LU": {"dddddddd"}, "LV": {"ddddddddddd"}, "MT": {"dddddddd"}, "NL": {"dddddddddBdd"}, "PL": {"dddddddddd"},
	"PT": {"ddddddddd"}, "RO": {"dd", "ddd", "dddd", "ddddd", "dddddd", "ddddddd", "dddddddd", "ddddddddd", "dddddddddd"},
	"SE": {"dddddddddddd"}, "SI": {"dddddddd"}, "SK": {"dddddddddd"}, "XI": {"ddddddddd", "dddddddddddd", "GDddd", "HAddd"},
	"CH": {"Eddddddddd"}, "NO": {"ddddddddd"},
}

// vatLabels are what people write before a VAT id.
var vatLabels = []string{"USTIDNR", "USTID", "VATREGNO", "VATNO", "VATID", "VAT", "BTWNR", "BTW", "TVA", "PIVA", "UID", "NIF", "CIF"}

// VATKey returns a VAT id in the form in which equal ones are equal, with the letters of its country: "DE123456789".
// country, as sources write it, is asked where the id does not begin with its own. What does not have the shape of
// the country's ids, or of none, is "".
func VATKey(id, country string) string {
	s := alphanumeric(id)
	if len(s) < 4 || len(s) > 30 || blank(id) || monotone(s) {
		return ""
	}
	if key := vatAlone(s); key != "" {
		return key
	}
	for _, label := range vatLabels {
		if rest, ok := strings.CutPrefix(s, label); ok {
			if key := vatAlone(rest); key != "" {
				return key
			}
			s = rest
			break
		}
	}
	code := vatCountry(CountryKey(country))
	if len(code) != 2 {
		return ""
	}
	if _, known := vatForms[code]; known {
		return vatOfForm(code, s)
	}
	// Of the tax numbers of other countries only this is known: they have digits.
	s = strings.TrimPrefix(s, code)
	if countDigits(s) < 5 || monotone(s) {
		return ""
	}
	return code + s
}

// vatAlone reads a VAT id that begins with the letters of its country.
func vatAlone(s string) string {
	if len(s) < 4 {
		return ""
	}
	return vatOfForm(vatCountry(s[:2]), s[2:])
}

// vatOfForm returns the id of a country where number has a shape of the country's.
func vatOfForm(country, number string) string {
	switch country {
	case "CH":
		// The tax's name in a language of the country may follow; the E may be taken for part of the country.
		for _, suffix := range []string{"MWST", "TVA", "IVA"} {
			number = strings.TrimSuffix(number, suffix)
		}
		number = strings.TrimPrefix(number, "CH")
		if len(number) == 9 {
			number = "E" + number
		}
	case "NO":
		number = strings.TrimSuffix(number, "MVA")
	case "BE":
		if len(number) == 9 {
			number = "0" + number
		}
	case "AT":
		if len(number) == 8 {
			number = "U" + number
		}
	}
	if monotone(number) {
		return ""
	}
	for _, form := range vatForms[country] {
		if shaped(number, form) {
			if country == "GB" && len(number) == 12 {
				// The last three digits tell branches of one company apart.
				number = number[:9]
			}
			return country + number
		}
	}
	return ""
}

func vatCountry(code string) string {
	switch code {
	case "GR":
		return "EL"
	case "UK":
		return "GB"
	}
	return code
}

func shaped(s, form string) bool {
	if len(s) != len(form) {
		return false
	}
	for i := range len(s) {
		digit, letter := s[i] >= '0' && s[i] <= '9', s[i] >= 'A' && s[i] <= 'Z'
		switch form[i] {
		case 'd':
			if !digit {
				return false
			}
		case 'a':
			if !letter {
				return false
			}
		case '*':
			if !digit && !letter {
				return false
			}
		default:
			if s[i] != form[i] {
				return false
			}
		}
	}
	return true
}

// vatOf returns the key of a company's own VAT id, "" for none and for a group's.
func (r *Rules) vatOf(b *canon.Company) string {
	if b.VATID == "" {
		return ""
	}
	country := b.Country
	if blank(country) {
		country = r.Region
	}
	key := VATKey(b.VATID, country)
	if key == "" {
		return ""
	}
	for _, group := range r.GroupVATs {
		if VATKey(group, country) == key {
			return ""
		}
	}
	return key
}

// registrationOf returns the key of a company's number in the register of its country, "DE:HRB12345", or "".
func (r *Rules) registrationOf(b *canon.Company) string {
	if b.RegistrationID == "" {
		return ""
	}
	country := b.Country
	if blank(country) {
		country = r.Region
	}
	return RegistrationKey(b.RegistrationID, country)
}

// RegistrationKey returns a number in a register of companies in the form in which equal ones are equal, after the
// letters of the country: "DE:HRB12345". Without a country that is known a number says nothing.
func RegistrationKey(id, country string) string {
	code := CountryKey(country)
	s := strings.TrimLeft(alphanumeric(id), "0")
	if len(code) != 2 || blank(id) || len(s) < 3 || len(s) > 40 || countDigits(s) < 3 || monotone(s) {
		return ""
	}
	return code + ":" + s
}

// alphanumeric returns the letters and digits of s as capitals.
func alphanumeric(s string) string {
	if len(s) > 200 {
		return ""
	}
	if ascii(s) {
		return strings.Map(func(r rune) rune {
			switch {
			case r >= '0' && r <= '9', r >= 'A' && r <= 'Z':
				return r
			case r >= 'a' && r <= 'z':
				return r - 'a' + 'A'
			}
			return -1
		}, s)
	}
	return strings.Map(func(r rune) rune {
		if r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return unicode.ToUpper(r)
		}
		return -1
	}, norm.NFKD.String(strings.ToValidUTF8(s, "")))
}

func countDigits(s string) int {
	n := 0
	for i := range len(s) {
		if s[i] >= '0' && s[i] <= '9' {
			n++
		}
	}
	return n
}

// monotone reports whether s is one sign over and over, as people fill in what they must.
func monotone(s string) bool { return s == "" || strings.Trim(s, s[:1]) == "" }
