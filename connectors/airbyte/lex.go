package airbyte

import (
	"fmt"
	"strings"
)

// token is one word of an expression.
type token struct {
	// kind is 'n' for a name, '0' for a number, 's' for a string, 'o' for an operator, 0 for the end.
	kind byte
	text string
	val  any
	at   int
}

// operators, the longest first.
var operators = []string{"**", "//", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">", "(", ")", "[", "]", "{", "}", ",", ":", ".", "|", "="}

// lex cuts an expression into tokens.
func lex(src string) ([]token, error) {
	var out []token
	for i := 0; i < len(src); {
		c := src[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c == '\'' || c == '"':
			n := stringEnd(src[i:])
			if n < 0 {
				return nil, fmt.Errorf("the string at %d does not end", i+1)
			}
			out = append(out, token{'s', src[i : i+n], unescape(src[i+1 : i+n-1]), i})
			i += n
		case c >= '0' && c <= '9':
			n := numberEnd(src[i:])
			v, ok := pyNumber(src[i : i+n])
			if !ok {
				return nil, fmt.Errorf("%q is no number", src[i:i+n])
			}
			out = append(out, token{'0', src[i : i+n], v, i})
			i += n
		case wordByte(src, i):
			n := i
			for wordByte(src, n) {
				n++
			}
			out = append(out, token{'n', src[i:n], nil, i})
			i = n
		default:
			op := operatorAt(src[i:])
			if op == "" {
				return nil, fmt.Errorf("%q is not understood", src[i:i+1])
			}
			out = append(out, token{'o', op, nil, i})
			i += len(op)
		}
	}
	return append(out, token{at: len(src)}), nil
}

func operatorAt(s string) string {
	for _, op := range operators {
		if strings.HasPrefix(s, op) {
			return op
		}
	}
	return ""
}

// stringEnd returns the length of the string literal at the start of s, -1 where it does not end.
func stringEnd(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case s[0]:
			return i + 1
		}
	}
	return -1
}

func numberEnd(s string) int {
	n := 0
	for n < len(s) {
		c := s[n]
		isDigit := c >= '0' && c <= '9'
		point := c == '.' && n+1 < len(s) && s[n+1] >= '0' && s[n+1] <= '9' && !strings.Contains(s[:n], ".")
		exp := c|0x20 == 'e' && n+1 < len(s) && (s[n+1] >= '0' && s[n+1] <= '9' || s[n+1] == '-' || s[n+1] == '+')
		sign := (c == '-' || c == '+') && s[n-1]|0x20 == 'e'
		if !isDigit && c != '_' && !point && !exp && !sign {
			break
		}
		n++
	}
	return n
}
