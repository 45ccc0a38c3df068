package ingest

import (
	"bytes"
	"encoding/json"
	"hash/maphash"
)

// The JSON types, as bits.
const (
	typeString = 1 << iota
	typeNumber
	typeBool
	typeObject
	typeArray
	typeNull
)

// The bounds of what is looked at in a record: bytes, elements of one list, bytes of a name.
const (
	maxScanned  = 1 << 20
	maxElements = 8
	maxPath     = 200
)

// found is one field of a record: the field that holds it, 0 at the top, and its name in quotes as the record has it.
// The name is nil for the elements of a list.
type found struct {
	key, parent uint64
	name        []byte
	bits        uint8
}

// scanner finds the fields of JSON objects without building anything of them: names and types at the top, one level
// below it, and in the elements of lists at the top. The record must be valid JSON; of any other it finds something,
// or nothing.
type scanner struct {
	seed maphash.Seed
	b    []byte
	i    int
	// field is called for every field, sometimes several times for the elements of a list.
	field func(found)
}

// element is mixed into the key of a list for the key of its elements.
const element = 0x9e3779b97f4a7c15

func (s *scanner) record(raw []byte) {
	s.b, s.i = raw, 0
	if s.peek() == '{' {
		s.object(0, 2)
	}
}

// peek skips blanks and returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	for s.i < len(s.b) {
		switch c := s.b[s.i]; c {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return c
		}
	}
	return 0
}

// object reads an object whose fields belong to parent, down to so many levels.
func (s *scanner) object(parent uint64, levels int) {
	s.i++
	for {
		switch s.peek() {
		case '"':
		case ',':
			s.i++
			continue
		case '}':
			s.i++
			return
		default:
			s.i = len(s.b)
			return
		}
		name := s.text()
		if s.peek() != ':' {
			s.i = len(s.b)
			return
		}
		s.i++
		key := maphash.Bytes(s.seed, name) ^ parent*element
		s.value(found{key: key, parent: parent, name: name}, levels-1)
	}
}

// value reads a value, tells its field, and goes into it where levels are left.
func (s *scanner) value(f found, levels int) {
	start := s.i
	switch c := s.peek(); c {
	case '"':
		f.bits = typeString
		s.text()
	case '{':
		f.bits = typeObject
		if levels > 0 {
			s.field(f)
			s.object(f.key, levels)
			return
		}
		s.skip()
	case '[':
		f.bits = typeArray
		if levels > 0 {
			s.field(f)
			s.list(f.key, levels)
			return
		}
		s.skip()
	default:
		f.bits = scalar(c)
		for s.i < len(s.b) && !delimiter(s.b[s.i]) {
			s.i++
		}
		if s.i == start || f.bits == 0 {
			s.i = len(s.b)
			return
		}
	}
	s.field(f)
}

func scalar(c byte) uint8 {
	switch {
	case c == 't' || c == 'f':
		return typeBool
	case c == 'n':
		return typeNull
	case c == '-' || c >= '0' && c <= '9':
		return typeNumber
	}
	return 0
}

func delimiter(c byte) bool {
	return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\n' || c == '\t' || c == '\r'
}

// list reads the first elements of a list and passes over the others.
func (s *scanner) list(key uint64, levels int) {
	end := s.i
	s.skip()
	end, s.i = s.i, end+1
	for range maxElements {
		c := s.peek()
		if c == ',' {
			s.i++
			c = s.peek()
		}
		if c == ']' || c == 0 {
			break
		}
		s.value(found{key: key ^ element, parent: key}, levels)
	}
	s.i = end
}

// text reads a string and returns it with its quotes.
func (s *scanner) text() []byte {
	start := s.i
	s.i++
	for s.i < len(s.b) {
		n := bytes.IndexByte(s.b[s.i:], '"')
		if n < 0 {
			break
		}
		s.i += n + 1
		escapes := 0
		for j := s.i - 2; j > start && s.b[j] == '\\'; j-- {
			escapes++
		}
		if escapes%2 == 0 {
			return s.b[start:s.i]
		}
	}
	s.i = len(s.b)
	return s.b[start:]
}

// skip passes over an object or list.
func (s *scanner) skip() {
	depth := 0
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case '"':
			s.text()
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				s.i++
				return
			}
		}
		s.i++
	}
}

// unquoted returns a name as people write it.
func unquoted(name []byte) string {
	var s string
	if json.Unmarshal(name, &s) != nil {
		return ""
	}
	return s
}
