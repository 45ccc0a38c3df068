package rest

import (
	"encoding/binary"
	"math/bits"
)

// mostNested is how deep an answer may be nested.
const mostNested = 10000

// valid reports whether b is one JSON value, no deeper than mostNested. It needs no memory but a byte for every
// level.
func valid(b []byte) bool {
	var few [64]byte
	open := few[:0]
	for i := blanks(b, 0); i < len(b); {
		switch b[i] {
		case '{':
			if i = blanks(b, i+1); i < len(b) && b[i] == '}' {
				i++
				break
			}
			open = append(open, '}')
			if i = validName(b, i); i < 0 || len(open) > mostNested {
				return false
			}
			continue
		case '[':
			if i = blanks(b, i+1); i < len(b) && b[i] == ']' {
				i++
				break
			}
			if open = append(open, ']'); len(open) > mostNested {
				return false
			}
			continue
		default:
			if i = validScalar(b, i); i < 0 {
				return false
			}
		}
		// Behind a value.
		if i, open = validClose(b, i, open); i < 0 {
			return false
		}
		if len(open) == 0 {
			return i == len(b)
		}
	}
	return false
}

// validClose reads what follows a value: the ends of what it is the last of, and the comma and the name of the next
// one, at which it returns. It is -1 where anything else follows.
func validClose(b []byte, i int, open []byte) (at int, left []byte) {
	for {
		i = blanks(b, i)
		if len(open) == 0 {
			return i, open
		}
		if i >= len(b) {
			return -1, open
		}
		end := open[len(open)-1]
		switch b[i] {
		case end:
			open = open[:len(open)-1]
			i++
		case ',':
			if i = blanks(b, i+1); end == '}' {
				i = validName(b, i)
			}
			return i, open
		default:
			return -1, open
		}
	}
}

// validName reads a member's name and colon, and returns where its value begins, or -1.
func validName(b []byte, i int) int {
	if i >= len(b) || b[i] != '"' {
		return -1
	}
	if i = validText(b, i+1); i < 0 {
		return -1
	}
	if i = blanks(b, i); i >= len(b) || b[i] != ':' {
		return -1
	}
	return blanks(b, i+1)
}

// validScalar returns the index behind the text, number or literal at i, or -1.
func validScalar(b []byte, i int) int {
	word := ""
	switch b[i] {
	case '"':
		return validText(b, i+1)
	case 't':
		word = "true"
	case 'f':
		word = "false"
	case 'n':
		word = "null"
	default:
		return validNumber(b, i)
	}
	if end := i + len(word); end <= len(b) && string(b[i:end]) == word {
		return end
	}
	return -1
}

// validText returns the index behind the quote that ends the text at i, or -1.
func validText(b []byte, i int) int {
	for i < len(b) {
		if i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			q, s := w^quotes, w^slants
			// The lowest bit that is set stands in the first byte that is a quote, a backslash or below a space.
			hits := ((q - ones) &^ q & highs) | ((s - ones) &^ s & highs) | ((w - ' '*ones) &^ w & highs)
			if hits == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(hits) / 8
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c < ' ':
			return -1
		case c == '\\':
			if i = validEscape(b, i+1); i < 0 {
				return -1
			}
		default:
			i++
		}
	}
	return -1
}

// validEscape returns the index behind what follows a backslash, or -1.
func validEscape(b []byte, i int) int {
	if i >= len(b) {
		return -1
	}
	switch b[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		if i+5 > len(b) {
			return -1
		}
		for _, c := range b[i+1 : i+5] {
			if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
				return -1
			}
		}
		return i + 5
	}
	return -1
}

// validNumber returns the index behind the number at i, or -1.
func validNumber(b []byte, i int) int {
	if b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if i = someDigits(b, i); i < 0 {
		return -1
	}
	if i < len(b) && b[i] == '.' {
		if i = someDigits(b, i+1); i < 0 {
			return -1
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		return someDigits(b, i)
	}
	return i
}

// someDigits returns the index behind the digits at i, or -1 where there are none.
func someDigits(b []byte, i int) int {
	from := i
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	if i == from {
		return -1
	}
	return i
}
