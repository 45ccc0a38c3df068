package identity

import (
	"strings"
	"time"
)

// birth is a day of birth made comparable. Parts that are not known are 0.
type birth struct {
	year, month, day int16
	// loose says that day and month may stand in the other order.
	loose bool
}

func (b birth) known() bool { return b.year != 0 }
func (b birth) whole() bool { return b.year != 0 && b.month != 0 && b.day != 0 }

// digits writes the day as eight digits.
func (b birth) digits() [8]byte {
	return [8]byte{byte('0' + b.year/1000), byte('0' + b.year/100%10), byte('0' + b.year/10%10), byte('0' + b.year%10),
		byte('0' + b.month/10), byte('0' + b.month%10), byte('0' + b.day/10), byte('0' + b.day%10)}
}

var monthNames = map[string]int16{
	"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12,
	"mai": 5, "okt": 10, "dez": 12, "avr": 4, "fev": 2, "aou": 8, "ene": 1, "abr": 4, "ago": 8, "dic": 12, "gen": 1, "giu": 6, "lug": 7, "set": 9, "ott": 10, "mag": 5,
}

// parseBirth reads the ways in which sources write a day of birth: 1980-03-12, 19800312, 12.3.1980, 3/12/1980,
// 12 Mar 1980, March 12, 1980, 1980. A day that stands for none, as 1900-01-01, is none.
func parseBirth(s string) birth {
	s = strings.TrimSpace(s)
	if len(s) > 40 || blank(s) {
		return birth{}
	}
	if i := strings.IndexAny(s, "T"); i == 10 {
		s = s[:10]
	}
	var n [3]int16
	var width [3]int
	count, month := 0, int16(0)
	monthAt := -1
	for _, part := range strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return strings.ContainsRune(" .,-/_", r) }) {
		if strings.Contains(part, ":") {
			break
		}
		if m := monthOf(part); m != 0 {
			month, monthAt = m, count
			continue
		}
		part = strings.TrimRight(part, "sthndr")
		if count == len(n) || onlyDigits(part) != part || part == "" || len(part) > 8 || len(part) > 4 && count > 0 {
			break
		}
		v := 0
		for i := range len(part) {
			v = v*10 + int(part[i]-'0')
		}
		if len(part) == 8 {
			return validBirth(birth{year: int16(v / 10000), month: int16(v / 100 % 100), day: int16(v % 100)})
		}
		if v > 9999 {
			return birth{}
		}
		n[count], width[count] = int16(v), len(part)
		count++
	}
	return assemble(n, width, dateShape{count, month, monthAt})
}

type dateShape struct {
	count   int
	month   int16
	monthAt int
}

func monthOf(part string) int16 {
	if len(part) < 3 || part[0] < 'a' || part[0] > 'z' {
		return 0
	}
	return monthNames[part[:3]]
}

// assemble decides which number is what.
func assemble(n [3]int16, width [3]int, shape dateShape) birth {
	switch {
	case shape.count == 1 && width[0] == 4 && shape.month == 0:
		return validBirth(birth{year: n[0]})
	case shape.month != 0 && shape.count == 2 && width[0] == 4:
		return validBirth(birth{year: n[0], month: shape.month, day: n[1]})
	case shape.month != 0 && shape.count == 2:
		return validBirth(birth{year: century(n[1], width[1]), month: shape.month, day: n[0]})
	case shape.count != 3:
		return birth{}
	case width[0] == 4:
		if n[1] > 12 {
			n[1], n[2] = n[2], n[1]
		}
		return validBirth(birth{year: n[0], month: n[1], day: n[2]})
	}
	b := birth{year: century(n[2], width[2]), month: n[1], day: n[0], loose: n[0] <= 12 && n[1] <= 12 && n[0] != n[1]}
	if b.month > 12 {
		b.month, b.day = b.day, b.month
	}
	return validBirth(b)
}

// century completes a year of two digits: nobody in it is over a hundred.
func century(year int16, width int) int16 {
	switch {
	case width > 2:
		return year
	case year <= 25:
		return 2000 + year
	}
	return 1900 + year
}

func validBirth(b birth) birth {
	if b.year < 1850 || b.year > 2100 || b.month < 0 || b.month > 12 || b.day < 0 || b.day > 31 {
		return birth{}
	}
	if b.day == 1 && b.month == 1 && (b.year == 1900 || b.year == 1970 || b.year == 2000 || b.year == 1901) {
		return birth{}
	}
	if b.day > 28 && b.month != 0 {
		if time.Date(int(b.year), time.Month(b.month), int(b.day), 0, 0, 0, 0, time.UTC).Day() != int(b.day) {
			return birth{}
		}
	}
	return b
}

// birthFit is how two days of birth go together.
type birthFit uint8

const (
	birthNone birthFit = iota
	birthDiffers
	birthGeneration // too many years apart for a slip
	birthYear       // only the year is the same, or all that is known
	birthParts      // two of day, month and year
	birthSlip       // one digit off, two digits or day and month swapped
	birthEqual
)

func compareBirths(a, b birth) birthFit {
	switch {
	case !a.known() || !b.known():
		return birthNone
	case !a.whole() || !b.whole():
		if a.year == b.year {
			return birthYear
		}
		return birthDiffers
	case a.year == b.year && a.month == b.month && a.day == b.day:
		return birthEqual
	}
	swapped := a.year == b.year && a.month == b.day && a.day == b.month
	if swapped && (a.loose || b.loose) {
		return birthEqual
	}
	if swapped || slip(a.digits(), b.digits()) {
		return birthSlip
	}
	same := 0
	for _, ok := range [3]bool{a.year == b.year, a.month == b.month, a.day == b.day} {
		if ok {
			same++
		}
	}
	gap := a.year - b.year
	if gap < 0 {
		gap = -gap
	}
	switch {
	case same == 2:
		return birthParts
	case a.year == b.year:
		return birthYear
	case gap > 12 && same == 0:
		return birthGeneration
	}
	return birthDiffers
}

// slip reports whether one digit is another, or two neighbours are swapped.
func slip(a, b [8]byte) bool {
	first, count := -1, 0
	for i := range a {
		if a[i] != b[i] {
			if count == 0 {
				first = i
			}
			count++
		}
	}
	return count == 1 || count == 2 && a[first] == b[first+1] && a[first+1] == b[first]
}
