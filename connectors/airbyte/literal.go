package airbyte

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// literal reads a text as Python's ast.literal_eval does: numbers, strings, tuples, lists, dicts, True, False
// and None. ok is false where it is no literal; the text then stays a text.
func literal(text string) (v any, ok bool) {
	p := &literalParser{s: strings.TrimLeft(text, " \t")}
	if !couldBeLiteral(p.s) {
		return nil, false
	}
	v, ok = p.tuple(0)
	if !ok || p.skip() != len(p.s) {
		return nil, false
	}
	return v, true
}

// couldBeLiteral looks at the first byte, so that ordinary words cost nothing.
func couldBeLiteral(s string) bool {
	if s == "" {
		return false
	}
	return strings.IndexByte("0123456789+-.'\"([{TFNrRbBuU", s[0]) >= 0
}

const literalDepth = 100

type literalParser struct {
	s  string
	at int
	// inside counts open brackets; within them a line break is a blank.
	inside int
}

func (p *literalParser) skip() int {
	for p.at < len(p.s) {
		c := p.s[p.at]
		if c == ' ' || c == '\t' || c == '\f' || ((c == '\n' || c == '\r') && (p.inside > 0 || strings.TrimSpace(p.s[p.at:]) == "")) {
			p.at++
			continue
		}
		break
	}
	return p.at
}

func (p *literalParser) take(c byte) bool {
	if p.skip() < len(p.s) && p.s[p.at] == c {
		p.at++
		return true
	}
	return false
}

// tuple reads values with commas between them; a single one without a comma is itself.
func (p *literalParser) tuple(depth int) (any, bool) {
	v, ok := p.value(depth)
	if !ok || !p.take(',') {
		return v, ok
	}
	out := tuple{v}
	for {
		if p.skip() == len(p.s) || p.s[p.at] == ')' {
			return out, true
		}
		v, ok := p.value(depth)
		if !ok {
			return nil, false
		}
		out = append(out, v)
		if !p.take(',') {
			return out, true
		}
	}
}

func (p *literalParser) value(depth int) (any, bool) {
	if depth > literalDepth || p.skip() == len(p.s) {
		return nil, false
	}
	switch c := p.s[p.at]; {
	case c == '[' || c == '(' || c == '{':
		p.at++
		p.inside++
		v, ok := p.collection(c, depth+1)
		p.inside--
		return v, ok
	case c == '\'' || c == '"' || strings.IndexByte("rRbBuU", c) >= 0:
		return p.str()
	case c == '+' || c == '-' || c == '.' || (c >= '0' && c <= '9'):
		return p.number()
	}
	for word, v := range map[string]any{"True": true, "False": false, "None": nil} {
		if strings.HasPrefix(p.s[p.at:], word) && !wordByte(p.s, p.at+len(word)) {
			p.at += len(word)
			return v, true
		}
	}
	return nil, false
}

func wordByte(s string, i int) bool {
	return i < len(s) && (s[i] == '_' || s[i] >= utf8.RuneSelf || (s[i]|0x20 >= 'a' && s[i]|0x20 <= 'z') || (s[i] >= '0' && s[i] <= '9'))
}

func (p *literalParser) collection(open byte, depth int) (any, bool) {
	switch open {
	case '(':
		if p.take(')') {
			return tuple{}, true
		}
		v, ok := p.tuple(depth)
		return v, ok && p.take(')')
	case '[':
		list := []any{}
		for !p.take(']') {
			v, ok := p.value(depth)
			if !ok {
				return nil, false
			}
			list = append(list, v)
			if !p.take(',') {
				return list, p.take(']')
			}
		}
		return list, true
	}
	return p.braces(depth)
}

// braces reads a dict, or a set, which becomes a list.
func (p *literalParser) braces(depth int) (any, bool) {
	d, set := newDict(), []any(nil)
	for !p.take('}') {
		k, ok := p.value(depth)
		if !ok {
			return nil, false
		}
		switch {
		case p.take(':') && set == nil:
			v, ok := p.value(depth)
			if !ok {
				return nil, false
			}
			d.set(pyStr(k), v)
		case d.len() > 0:
			return nil, false
		default:
			set = append(set, k)
		}
		if !p.take(',') {
			if !p.take('}') {
				return nil, false
			}
			break
		}
	}
	if set != nil {
		return set, true
	}
	return d, true
}

func (p *literalParser) number() (any, bool) {
	neg := false
	for p.at < len(p.s) && (p.s[p.at] == '+' || p.s[p.at] == '-') {
		neg = neg != (p.s[p.at] == '-')
		p.at++
		p.skip()
	}
	start := p.at
	for p.at < len(p.s) && (wordByte(p.s, p.at) || p.s[p.at] == '.' || ((p.s[p.at] == '+' || p.s[p.at] == '-') && strings.IndexByte("eE", p.s[p.at-1]) >= 0 && p.at > start && !strings.HasPrefix(p.s[start:], "0x"))) {
		p.at++
	}
	v, ok := pyNumber(p.s[start:p.at])
	if ok && neg {
		switch n := v.(type) {
		case int64:
			v = -n
		case float64:
			v = -n
		case json.Number:
			v = "-" + n
		}
	}
	return v, ok
}

// pyNumber reads an unsigned number as Python's source allows it: no leading zeros, underscores between digits.
func pyNumber(s string) (any, bool) {
	if s == "" || strings.HasPrefix(s, "_") || strings.HasSuffix(s, "_") || strings.Contains(s, "__") {
		return nil, false
	}
	s = strings.ToLower(strings.ReplaceAll(s, "_", ""))
	if len(s) > 2 && s[0] == '0' && strings.IndexByte("xob", s[1]) >= 0 {
		n, err := strconv.ParseInt(s, 0, 64)
		return n, err == nil
	}
	if strings.IndexFunc(s, func(r rune) bool { return (r < '0' || r > '9') && r != '.' && r != 'e' && r != '+' && r != '-' }) >= 0 {
		return nil, false
	}
	if !strings.ContainsAny(s, ".e") {
		if len(s) > 1 && s[0] == '0' && strings.Trim(s, "0") != "" {
			return nil, false
		}
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return n, true
		}
		return json.Number(s), len(s) < 4300
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

// str reads a string and those that follow it, which Python joins.
func (p *literalParser) str() (any, bool) {
	var out strings.Builder
	for n := 0; ; n++ {
		s, ok := p.oneString()
		if !ok {
			return nil, false
		}
		out.WriteString(s)
		if p.skip() == len(p.s) || (p.s[p.at] != '\'' && p.s[p.at] != '"') {
			return out.String(), true
		}
	}
}

func (p *literalParser) oneString() (string, bool) {
	raw := false
	for n := 0; n < 2 && p.at < len(p.s) && strings.IndexByte("rRbBuU", p.s[p.at]) >= 0; n++ {
		raw = raw || p.s[p.at]|0x20 == 'r'
		p.at++
	}
	if p.at >= len(p.s) || (p.s[p.at] != '\'' && p.s[p.at] != '"') {
		return "", false
	}
	quote := p.s[p.at : p.at+1]
	if strings.HasPrefix(p.s[p.at:], strings.Repeat(quote, 3)) {
		quote = strings.Repeat(quote, 3)
	}
	p.at += len(quote)
	start := p.at
	for p.at < len(p.s) {
		switch {
		case strings.HasPrefix(p.s[p.at:], quote):
			body := p.s[start:p.at]
			p.at += len(quote)
			if raw {
				return body, true
			}
			return unescape(body), true
		case p.s[p.at] == '\n' && len(quote) == 1:
			return "", false
		case p.s[p.at] == '\\':
			p.at++
		}
		p.at++
	}
	return "", false
}

// unescape resolves Python's escapes; unknown ones stay as they are.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if j := strings.IndexByte("ntrabfv\\'\"\n", s[i]); j >= 0 {
			b.WriteString([]string{"\n", "\t", "\r", "\a", "\b", "\f", "\v", "\\", "'", `"`, ""}[j])
			continue
		}
		n := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[i]]
		if n > 0 && i+n < len(s) {
			if v, err := strconv.ParseUint(s[i+1:i+1+n], 16, 32); err == nil {
				b.WriteRune(rune(v))
				i += n
				continue
			}
		}
		if s[i] >= '0' && s[i] <= '7' {
			j := i
			for j < len(s) && j < i+3 && s[j] >= '0' && s[j] <= '7' {
				j++
			}
			if v, err := strconv.ParseUint(s[i:j], 8, 32); err == nil {
				b.WriteRune(rune(v))
				i = j - 1
				continue
			}
		}
		b.WriteByte('\\')
		b.WriteByte(s[i])
	}
	return b.String()
}
