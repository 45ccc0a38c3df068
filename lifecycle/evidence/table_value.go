package evidence

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// blank says whether a cell tells nothing.
func blank(s string) bool {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "", "na", "n/a", "#n/a", "nan", "null", "none", "nil", "(null)", "(blank)", "-", "--", "?", ".", "\\n", "not available", "missing":
		return true
	}
	return false
}

// truth reads a yes or a no in one of many spellings.
func truth(s string) (yes, ok bool) {
	switch strings.ToLower(strings.Trim(strings.TrimSpace(s), ".")) {
	case "1", "1.0", "true", "t", "yes", "y", "ja", "oui", "si", "sí", "sim", "on", "x":
		return true, true
	case "0", "0.0", "false", "f", "no", "n", "nein", "non", "não", "off", "-1":
		return false, true
	}
	return false, false
}

// gone and stayed are words by which tables tell who left.
func leaver(s string) (gone, ok bool) {
	s = strings.ToLower(strings.Trim(strings.TrimSpace(s), "."))
	words := strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) })
	no := slices.ContainsFunc(words, func(w string) bool { return w == "not" || w == "no" || w == "non" || w == "never" || w == "un" })
	for _, w := range words {
		switch {
		case slices.Contains([]string{"churn", "churned", "churner", "attrited", "attrition", "left", "leaver", "exited", "cancelled", "canceled", "lost", "inactive", "closed", "terminated", "expired", "gone", "lapsed", "deactivated", "unsubscribed", "quit"}, w):
			return !no, true
		case slices.Contains([]string{"retained", "stayed", "existing", "active", "current", "kept", "loyal", "stayer", "renewed", "joined", "live", "open", "subscribed"}, w):
			return no, true
		}
	}
	return false, false
}

// number reads a number as people write it: with a currency, a percent sign, separators of thousands, brackets for less
// than nothing. comma says that the comma is the decimal sign.
func number(s string, comma bool) (float64, bool) {
	s = strings.TrimSpace(s)
	negative := false
	if strings.HasPrefix(s, "(") && strings.HasSuffix(s, ")") && len(s) > 2 {
		negative, s = true, s[1:len(s)-1]
	}
	s = strings.TrimFunc(s, func(r rune) bool { return unicode.Is(unicode.Sc, r) || unicode.IsSpace(r) })
	s = strings.TrimSpace(strings.TrimSuffix(s, "%"))
	if strings.HasPrefix(s, "-") || strings.HasPrefix(s, "\u2212") || strings.HasPrefix(s, "+") {
		if !strings.HasPrefix(s, "+") {
			negative = !negative
		}
		_, size := utf8.DecodeRuneInString(s)
		s = strings.TrimFunc(s[size:], func(r rune) bool { return unicode.Is(unicode.Sc, r) || unicode.IsSpace(r) })
	}
	s = currency(s)
	if s == "" || len(s) > 40 || s[0] != '.' && s[0] != ',' && (s[0] < '0' || s[0] > '9') {
		return 0, false
	}
	plain, ok := ungrouped(s, comma)
	if !ok {
		return 0, false
	}
	v, err := strconv.ParseFloat(plain, 64)
	if err != nil {
		return 0, false
	}
	if negative {
		v = -v
	}
	return v, true
}

// currency takes three letters of a currency off either end.
func currency(s string) string {
	isCode := func(c string) bool {
		return slices.Contains([]string{"USD", "EUR", "GBP", "CHF", "JPY", "CAD", "AUD", "NZD", "INR", "BRL", "SEK", "NOK", "DKK", "PLN", "CZK", "MXN", "ZAR", "SGD", "HKD", "CNY"}, strings.ToUpper(c))
	}
	if len(s) > 3 && isCode(s[:3]) {
		return strings.TrimSpace(s[3:])
	}
	if len(s) > 3 && isCode(s[len(s)-3:]) {
		return strings.TrimSpace(s[:len(s)-3])
	}
	return s
}

// ungrouped takes separators of thousands out, where they stand as they should, and makes the decimal sign a point.
func ungrouped(s string, comma bool) (string, bool) {
	exponent := ""
	if at := strings.IndexAny(s, "eE"); at > 0 {
		s, exponent = s[:at], s[at:]
		if len(exponent) < 2 || strings.Trim(exponent[1:], "+-0123456789") != "" {
			return "", false
		}
	}
	decimal, group := ".", ",' \u00a0\u202f\u2019"
	if comma {
		decimal, group = ",", ".' \u00a0\u202f\u2019"
	}
	whole, fraction, pointed := strings.Cut(s, decimal)
	if strings.Trim(fraction, "0123456789") != "" {
		return "", false
	}
	parts := strings.FieldsFunc(whole, func(r rune) bool { return strings.ContainsRune(group, r) })
	for i, p := range parts {
		if strings.Trim(p, "0123456789") != "" || i > 0 && len(p) != 3 || len(parts) > 1 && i == 0 && len(p) > 3 {
			return "", false
		}
	}
	out := strings.Join(parts, "")
	if out == "" {
		out = "0"
		if !pointed || fraction == "" {
			return "", false
		}
	}
	if fraction != "" {
		out += "." + fraction
	}
	return out + exponent, true
}

// dateLayouts are how tables write dates, the unmistakable ones first.
func dateLayouts() []string {
	return []string{
		"2006-01-02", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 MST",
		"2006/01/02", "2006/01/02 15:04:05", "2006/01/02 15:04", "20060102", "2006-01", "2006/01", "2 Jan 2006", "02-Jan-2006", "2-Jan-06", "Jan 2, 2006", "January 2, 2006", "Jan 2006", "Jan-06", "Jan-2006",
		"1/2/2006", "1/2/2006 15:04", "1/2/2006 15:04:05", "1/2/2006 3:04 PM", "1/2/06", "1/2/06 15:04", "2/1/2006", "2/1/2006 15:04", "2/1/2006 15:04:05", "2/1/06", "2.1.2006", "2.1.2006 15:04", "2.1.2006 15:04:05", "2.1.06", "2-1-2006", "2-1-2006 15:04",
	}
}

// dateOf reads a date; the layout is one of dateLayouts.
func dateOf(s, layout string) (time.Time, bool) {
	t, err := time.Parse(layout, strings.TrimSpace(s))
	if err != nil || t.Year() < 1900 || t.Year() > 2200 {
		return time.Time{}, false
	}
	return t.UTC(), true
}

// layoutOf is the layout that reads nearly all values, "" for none.
func layoutOf(values []string) string {
	digits := 0
	for _, v := range values {
		if strings.ContainsAny(v, "0123456789") && strings.ContainsAny(v, "-/. ,:") || len(v) == 8 {
			digits++
		}
	}
	if len(values) == 0 || digits < len(values)*9/10 {
		return ""
	}
	for _, layout := range dateLayouts() {
		ok := 0
		for _, v := range values {
			if _, fits := dateOf(v, layout); fits {
				ok++
			}
		}
		if ok >= len(values)-len(values)/50 {
			return layout
		}
	}
	return ""
}

// words are the parts of a column's name, in lower case: camelCase, snake_case and spaces all part them.
func words(name string) []string {
	var out []string
	var word []rune
	flush := func() {
		if len(word) > 0 {
			out = append(out, strings.ToLower(string(word)))
			word = word[:0]
		}
	}
	runes := []rune(name)
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			flush()
			continue
		case i > 0 && unicode.IsUpper(r) && (unicode.IsLower(runes[i-1]) || unicode.IsDigit(runes[i-1])),
			i > 0 && i+1 < len(runes) && unicode.IsUpper(r) && unicode.IsUpper(runes[i-1]) && unicode.IsLower(runes[i+1]):
			flush()
		}
		word = append(word, r)
	}
	flush()
	return out
}

// squeezed is a name without case and separators.
func squeezed(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}
