package mapping

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// view reads bytes as a text without copying them. A record's bytes are never written to.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// The functions below find their way in JSON that is known to be valid. In any other they find nonsense, and
// stay within it all the same.

// blanks returns the index of the first byte from i on that is no white space.
func blanks(b []byte, i int) int {
	for i < len(b) && b[i] <= ' ' {
		i++
	}
	return i
}

const (
	ones   = 0x0101010101010101
	highs  = 0x8080808080808080
	quotes = '"' * ones
	slants = '\\' * ones
	// near is how far a text's end is looked for word by word, before bytes.IndexByte is worth its call.
	near = 32
)

// endOfText returns the index of the quote that ends the text which begins at i, behind its first quote, and
// whether anything in it is escaped. Without such a quote it is len(b).
func endOfText(b []byte, i int) (end int, escaped bool) {
	for far := i + near; i+8 <= len(b); {
		if i >= far && !escaped {
			n := bytes.IndexByte(b[i:], '"')
			if n < 0 {
				n = len(b) - i
			}
			k := bytes.IndexByte(b[i:i+n], '\\')
			if k < 0 {
				return i + n, false
			}
			i, escaped = i+k, true
			continue
		}
		w := binary.LittleEndian.Uint64(b[i:])
		q, s := w^quotes, w^slants
		// The lowest bit that is set stands in the first byte that is a quote or a backslash.
		hits := ((q - ones) &^ q & highs) | ((s - ones) &^ s & highs)
		if hits == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(hits) / 8
		if b[i] == '"' {
			return i, escaped
		}
		escaped = true
		i += 2
	}
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			return i, escaped
		case '\\':
			escaped = true
			i++
		}
	}
	return len(b), escaped
}

// endOfValue returns the index behind the value at i, and how deep it is nested: 0 for a scalar, 1 for [1].
func endOfValue(b []byte, i int) (end, depth int) {
	if i >= len(b) {
		return len(b), 0
	}
	switch b[i] {
	case '"':
		end, _ = endOfText(b, i+1)
		return min(end+1, len(b)), 0
	case '{', '[':
		return endOfNested(b, i)
	}
	for ; i < len(b); i++ {
		if c := b[i]; c <= ' ' || c == ',' || c == '}' || c == ']' {
			break
		}
	}
	return i, 0
}

// endOfNested is endOfValue for an object or a list.
func endOfNested(b []byte, i int) (end, depth int) {
	open := 0
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			i, _ = endOfText(b, i+1)
		case '{', '[':
			open++
			depth = max(depth, open)
		case '}', ']':
			if open--; open <= 0 {
				return i + 1, depth
			}
		}
	}
	return len(b), depth
}
