package rest

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"strings"
	"unsafe"

	"github.com/tidwall/gjson"
)

// view reads bytes as a text without copying them. An answer's body is not written to while it is read, and what
// leaves the package of it is copied.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// bytesOf is the way back from view. The bytes are not written to.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

const (
	ones   = 0x0101010101010101
	highs  = 0x8080808080808080
	quotes = '"' * ones
	slants = '\\' * ones
	// near is how far a text's end is looked for word by word, before bytes.IndexByte is worth its call.
	near = 32
)

// blanks returns the index of the first byte from i on that is no white space.
func blanks(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// The functions below find their way in JSON that is known to be valid. In any other they find nonsense, and
// stay within it all the same.

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

// endOfValue returns the index behind the value at i.
func endOfValue(b []byte, i int) int {
	if i >= len(b) {
		return len(b)
	}
	switch b[i] {
	case '"':
		end, _ := endOfText(b, i+1)
		return min(end+1, len(b))
	case '{', '[':
		return endOfNested(b, i)
	}
	for ; i < len(b); i++ {
		if c := b[i]; c <= ' ' || c == ',' || c == '}' || c == ']' {
			break
		}
	}
	return i
}

func endOfNested(b []byte, i int) int {
	open := 0
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			i, _ = endOfText(b, i+1)
		case '{', '[':
			open++
		case '}', ']':
			if open--; open <= 0 {
				return i + 1
			}
		}
	}
	return len(b)
}

// eachMember calls f with the name of each member of the object at i, and where its value begins. f returns where
// the value ends, or -1 to stop.
func eachMember(b []byte, i int, f func(name string, at int) (end int)) {
	for i++; i < len(b); {
		switch c := b[i]; {
		case c == '}':
			return
		case c != '"':
			i++
			continue
		}
		name, at := memberName(b, i)
		if at >= len(b) {
			return
		}
		if i = f(name, at); i < 0 {
			return
		}
	}
}

// memberName returns the name that begins with the quote at i, and where its value begins.
func memberName(b []byte, i int) (name string, at int) {
	quote, escaped := endOfText(b, i+1)
	name = view(b[i+1 : quote])
	if escaped {
		name = gjson.Parse(view(b[i:min(quote+1, len(b))])).Str
	}
	at = blanks(b, quote+1)
	return name, blanks(b, at+1)
}

// elements returns the elements of the list at i, and the index behind it.
func elements(b []byte, i int) (list []gjson.Result, end int) {
	for i++; i < len(b); {
		switch c := b[i]; {
		case c == ']':
			return list, i + 1
		case c <= ' ' || c == ',':
			i++
			continue
		}
		end := endOfValue(b, i)
		if list == nil {
			// Elements are mostly of one size.
			list = make([]gjson.Result, 0, min(len(b)/(end-i+1)+1, 200))
		}
		list = append(list, valueOf(b[i:end]))
		i = max(end, i+1)
	}
	return list, len(b)
}

// valueOf reads a value's bytes.
func valueOf(b []byte) gjson.Result {
	if len(b) > 0 && (b[0] == '{' || b[0] == '[') {
		return gjson.Result{Type: gjson.JSON, Raw: view(b)}
	}
	return gjson.Parse(view(b))
}

// plainSteps splits a path of nothing but names, or returns nil where it needs gjson's own search.
func plainSteps(path string) []string {
	if path == "" || strings.ContainsAny(path, `\*?#|@!{}[]()"`) {
		return nil
	}
	parts := strings.Split(path, ".")
	for _, s := range parts {
		// A number may mean an array's index.
		if s == "" || strings.Trim(s, "0123456789") == "" {
			return nil
		}
	}
	return parts
}
