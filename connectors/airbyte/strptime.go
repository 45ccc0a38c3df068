package airbyte

import (
	"strconv"
	"strings"
	"time"
)

// parsed is what strptime has read so far.
type parsed struct {
	year, month, day, hour, minute, sec, ns int
	yearDay, offset                         int
	pm, half, zone                          bool
}

// strptime reads a text as Python's does. A text without a zone is naive, and UTC.
func strptime(text, format string) (datetime, error) {
	p := parsed{year: 1900, month: 1, day: 1}
	for i := 0; i < len(format); i++ {
		c := format[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n':
			trimmed := strings.TrimLeft(text, " \t\n")
			if len(trimmed) == len(text) {
				return datetime{}, errFormat
			}
			text = trimmed
		case c == '%' && i+1 < len(format):
			i++
			n, ok := p.read(format[i], text)
			if !ok {
				return datetime{}, errFormat
			}
			text = text[n:]
		case text == "" || (text[0] != c && !strings.EqualFold(text[:1], string(c))):
			return datetime{}, errFormat
		default:
			text = text[1:]
		}
	}
	if text != "" {
		return datetime{}, errFormat
	}
	return p.time()
}

func (p *parsed) time() (datetime, error) {
	if p.half {
		if p.hour < 1 || p.hour > 12 {
			return datetime{}, errFormat
		}
		p.hour %= 12
		if p.pm {
			p.hour += 12
		}
	}
	loc := time.UTC
	if p.offset != 0 {
		loc = time.FixedZone("", p.offset)
	}
	t := time.Date(p.year, time.Month(p.month), p.day, p.hour, p.minute, p.sec, p.ns, loc)
	if p.yearDay > 0 {
		t = time.Date(p.year, 1, p.yearDay, p.hour, p.minute, p.sec, p.ns, loc)
	} else if t.Day() != p.day || int(t.Month()) != p.month {
		return datetime{}, errFormat
	}
	return datetime{t, !p.zone}, nil
}

// read takes what the directive stands for off the start of s, and returns how many bytes that was.
func (p *parsed) read(c byte, s string) (int, bool) {
	switch c {
	case 'Y':
		return digits(s, 4, 4, 1, 9999, &p.year)
	case 'm':
		return digits(s, 1, 2, 1, 12, &p.month)
	case 'd':
		return digits(s, 1, 2, 1, 31, &p.day)
	case 'H':
		return digits(s, 1, 2, 0, 23, &p.hour)
	case 'I':
		p.half = true
		return digits(s, 1, 2, 1, 12, &p.hour)
	case 'M':
		return digits(s, 1, 2, 0, 59, &p.minute)
	case 'S':
		n, ok := digits(s, 1, 2, 0, 61, &p.sec)
		p.sec = min(p.sec, 59)
		return n, ok
	case 'j':
		return digits(s, 1, 3, 1, 366, &p.yearDay)
	case 'y':
		n, ok := digits(s, 2, 2, 0, 99, &p.year)
		if p.year += 1900; p.year < 1969 {
			p.year += 100
		}
		return n, ok
	case 'f':
		n, ok := digits(s, 1, 6, 0, 999999, &p.ns)
		for range 9 - n {
			p.ns *= 10
		}
		return n, ok
	}
	return p.readWord(c, s)
}

func (p *parsed) readWord(c byte, s string) (int, bool) {
	switch c {
	case 'z':
		offset, n := readZone(s)
		p.offset, p.zone = offset, true
		return n, n > 0
	case 'Z':
		for _, name := range []string{"UTC", "GMT"} {
			if len(s) >= 3 && strings.EqualFold(s[:3], name) {
				return 3, true
			}
		}
		return 0, true
	case 'p':
		if len(s) < 2 || !strings.EqualFold(s[1:2], "M") || !strings.ContainsAny(s[:1], "aApP") {
			return 0, false
		}
		p.pm = s[0] == 'p' || s[0] == 'P'
		return 2, true
	case 'b', 'B', 'h':
		for m := time.January; m <= time.December; m++ {
			if n := wordAt(s, m.String(), c == 'B'); n > 0 {
				p.month = int(m)
				return n, true
			}
		}
	case 'a', 'A':
		for d := time.Sunday; d <= time.Saturday; d++ {
			if n := wordAt(s, d.String(), c == 'A'); n > 0 {
				return n, true
			}
		}
	case '%':
		return 1, strings.HasPrefix(s, "%")
	case 'T':
		return p.readAll("%H:%M:%S", s)
	case 'F':
		return p.readAll("%Y-%m-%d", s)
	}
	return 0, false
}

// readAll reads what stands for several directives.
func (p *parsed) readAll(format, s string) (int, bool) {
	at := 0
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			if at >= len(s) || s[at] != format[i] {
				return 0, false
			}
			at++
			continue
		}
		i++
		n, ok := p.read(format[i], s[at:])
		if !ok {
			return 0, false
		}
		at += n
	}
	return at, true
}

func wordAt(s, word string, whole bool) int {
	if !whole {
		word = word[:3]
	}
	if len(s) >= len(word) && strings.EqualFold(s[:len(word)], word) {
		return len(word)
	}
	return 0
}

// digits reads between least and most digits whose value is between low and high. As in a regular expression, it takes
// fewer where more would be too large.
func digits(s string, least, most, low, high int, into *int) (int, bool) {
	n := 0
	for n < len(s) && n < most && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	for ; n >= least && n > 0; n-- {
		v, err := strconv.Atoi(s[:n])
		if err == nil && v >= low && v <= high {
			*into = v
			return n, true
		}
	}
	return 0, false
}
