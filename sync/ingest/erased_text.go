package ingest

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Erased stands where something was that an erased person was known by.
const Erased = "[erased]"

const (
	// maxNameWords is the most words of a name that is recognised in a text.
	maxNameWords = 5
	// fullPhone is how many last digits tell a phone number apart, whether it is written with the country or
	// without; shorter ones count whole, down to leastPhone.
	fullPhone, leastPhone, mostPhone = 9, 7, 15
)

// phoneKeys returns the forms in which a phone number is recognised: its last nine digits, and as a number of eight
// the last eight, so that it counts with and without the country's prefix.
func phoneKeys(number string) []string {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, number)
	switch n := len(digits); {
	case n < leastPhone || n > mostPhone || strings.Trim(digits, digits[:1]) == "":
		return nil
	case n < fullPhone:
		return []string{digits}
	default:
		return []string{digits[n-fullPhone:], digits[n-fullPhone+1:]}
	}
}

// unaccented takes letters and their accents apart, where there may be any.
func unaccented(s string) string {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return strings.Map(func(r rune) rune {
				if unicode.Is(unicode.Mn, r) {
					return -1
				}
				return r
			}, norm.NFKD.String(strings.ToValidUTF8(s, "")))
		}
	}
	return s
}

// nameRune returns a letter or digit as names are compared, and whether r is one.
func nameRune(r rune) (rune, bool) {
	switch {
	case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
		return r, true
	case r >= 'A' && r <= 'Z':
		return r + 'a' - 'A', true
	case r < utf8.RuneSelf:
		return 0, false
	}
	return unicode.ToLower(r), unicode.IsLetter(r) || unicode.IsDigit(r)
}

// nameWords returns the words of a text as names are compared: without case, accents and punctuation.
func nameWords(s string) []string {
	return strings.Fields(strings.Map(func(r rune) rune {
		if c, ok := nameRune(r); ok {
			return c
		}
		return ' '
	}, unaccented(s)))
}

// nameKey returns a full name as it is compared, "" for one of a single word: that alone tells nobody.
func nameKey(s string) string {
	w := nameWords(s)
	if len(w) < 2 || len(w) > maxNameWords {
		return ""
	}
	return strings.Join(w, " ")
}

// hears says what of a text counts.
type hears struct {
	// nameless lets names pass: they are somebody else's. parts catches values that are one part of a name.
	nameless, parts bool
}

// names says whether a text holds what an erased person was known by.
func (k *Marked) names(s string, h hears) bool {
	if strings.Contains(s, "%40") {
		plain, err := url.QueryUnescape(s)
		if err != nil {
			plain = strings.ReplaceAll(s, "%40", "@")
		}
		if plain != s && k.names(plain, h) {
			return true
		}
	}
	return k.namesMail(s) || k.phones != nil && k.namesPhone(s) || !h.nameless && k.namesPerson(s, h.parts)
}

// namesMail looks for addresses around each @.
func (k *Marked) namesMail(s string) bool {
	for from := 0; ; {
		i := strings.IndexByte(s[from:], '@')
		if i < 0 {
			return false
		}
		at := from + i
		from = at + 1
		start := strings.LastIndexFunc(s[:at], func(r rune) bool { return !mailRune(r) })
		if start >= 0 {
			_, size := utf8.DecodeRuneInString(s[start:])
			start += size
		} else {
			start = 0
		}
		end := strings.IndexFunc(s[at+1:], func(r rune) bool { return !mailRune(r) || r == '+' || r == '%' || r == '_' || r == '\'' })
		if end < 0 {
			end = len(s) - at - 1
		}
		if k.mail(strings.TrimLeft(s[start:at], "._%+-'") + "@" + strings.TrimRight(s[at+1:at+1+end], ".-")) {
			return true
		}
	}
}

func mailRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._%+-'", r)
}

// namesPhone looks for phone numbers in any formatting: groups of digits with what people write between them.
func (k *Marked) namesPhone(s string) bool {
	var run []byte // the digits of the groups so far
	var ends []int // where each group ends in run
	gap := 0
	check := func() bool {
		for j := range ends {
			for i := j; i >= 0; i-- {
				begin := 0
				if i > 0 {
					begin = ends[i-1]
				}
				n := ends[j] - begin
				if n > mostPhone {
					break
				}
				if n >= fullPhone {
					if k.phones.has(string(run[ends[j]-fullPhone : ends[j]])) {
						return true
					}
					break
				}
				if n >= leastPhone && k.phones.has(string(run[begin:ends[j]])) {
					return true
				}
			}
		}
		return false
	}
	in := false
	for i := 0; i <= len(s); i++ {
		switch {
		case i < len(s) && s[i] >= '0' && s[i] <= '9':
			run, in, gap = append(run, s[i]), true, 0
			continue
		case in:
			ends, in = append(ends, len(run)), false
		}
		// A no-break space is two bytes, of which neither is a digit.
		if gap++; i == len(s) || gap > 4 || !strings.ContainsRune(" ()-./+\u00a0", rune(s[i])) && s[i] != 0xc2 {
			if len(ends) > 0 && len(run) >= leastPhone && check() {
				return true
			}
			run, ends, gap = run[:0], ends[:0], 0
		}
	}
	return false
}

// namesPerson looks for full names, and with parts whether the whole text is one part of a name.
func (k *Marked) namesPerson(s string, parts bool) bool {
	if k.persons != nil && k.persons.within(s) {
		return true
	}
	if !parts || k.parts == nil || len(s) > 200 {
		return false
	}
	words := nameWords(s)
	for _, w := range words {
		if !k.parts.has(w) {
			return false
		}
	}
	return len(words) > 0
}

// gram is a row of words in a text: the sum over them, where they begin, and how many they are.
type gram struct {
	sum   uint64
	start int
	words int
}

// within looks for names of two words and more. It keeps the sums of the rows of words that end at the present one, so
// that a text is gone through once.
func (m *markSet) within(s string) bool {
	s = unaccented(s)
	var open [maxNameWords]gram
	n, in := 0, false
	for i, r := range s {
		c, ok := nameRune(r)
		if !ok {
			if in && m.ended(s[:i], open[:n]) {
				return true
			}
			in = false
			continue
		}
		if !in {
			in = true
			if n == maxNameWords {
				copy(open[:], open[1:])
				n--
			}
			for j := range open[:n] {
				open[j].sum = (open[j].sum ^ ' ') * prime
				open[j].words++
			}
			open[n] = gram{m.basis, i, 1}
			n++
		}
		if c < utf8.RuneSelf {
			for j := range open[:n] {
				open[j].sum = (open[j].sum ^ uint64(c)) * prime
			}
			continue
		}
		for j := range open[:n] {
			open[j].sum = mix(open[j].sum, string(c))
		}
	}
	return in && m.ended(s, open[:n])
}

// ended looks up the rows of words that end where s does.
func (m *markSet) ended(s string, open []gram) bool {
	for _, g := range open {
		if g.words >= 2 && m.hinted(g.sum) && m.sums[m.sum(m.kind, strings.Join(nameWords(s[g.start:]), " "))] {
			return true
		}
	}
	return false
}

// Redact returns a text or JSON document without what erased people were known by, and whether it held any.
func (k *Marked) Redact(s string) (string, bool) { return k.redact(s, false) }

func (k *Marked) redact(s string, nameless bool) (string, bool) {
	if k.empty() || s == "" {
		return s, false
	}
	begin := strings.TrimLeft(s, " \t\r\n")
	if begin != "" && strings.IndexByte(`{["`, begin[0]) >= 0 && json.Valid([]byte(s)) {
		out, hit := k.document([]byte(s), hears{nameless: nameless})
		if hit && !nameless && k.parts != nil {
			// Who is named in it at all is named by the parts of the name, too.
			out, _ = k.document([]byte(s), hears{parts: true})
		}
		return string(out), hit
	}
	if k.names(s, hears{nameless: nameless}) {
		return Erased, true
	}
	return s, false
}

// Mentions says whether bytes, such as a message, hold what erased people were known by: a document, or lines of them.
func (k *Marked) Mentions(data []byte) bool {
	if _, hit := k.redact(string(data), false); hit {
		return true
	}
	for line := range bytes.Lines(data) {
		if _, hit := k.redact(string(bytes.TrimSpace(line)), false); hit {
			return true
		}
	}
	return false
}

// document replaces strings, and numbers that are phone numbers, in valid JSON. All other bytes stay.
func (k *Marked) document(b []byte, h hears) ([]byte, bool) {
	var out []byte
	kept := 0
	replace := func(from, to int, by string) {
		out = append(append(out, b[kept:from]...), by...)
		kept = to
	}
	for i := 0; i < len(b); {
		switch c := b[i]; {
		case c == '"':
			end := stringEnd(b, i)
			v := string(b[i+1 : end-1])
			if strings.IndexByte(v, '\\') >= 0 {
				if json.Unmarshal(b[i:end], &v) != nil {
					v = string(b[i+1 : end-1])
				}
			}
			of := h
			of.parts = h.parts && !isName(b, end)
			if k.inner(v, of) {
				replace(i, end, `"`+Erased+`"`)
			}
			i = end
		case c >= '0' && c <= '9' || c == '-':
			end := i + 1
			for end < len(b) && (b[end] >= '0' && b[end] <= '9' || strings.IndexByte(".eE+-", b[end]) >= 0) {
				end++
			}
			// A number below zero is replaced with its sign: what is left must be JSON.
			if n := len(bytes.TrimPrefix(b[i:end], []byte("-"))); n >= fullPhone && n <= mostPhone && k.phone(string(b[i:end])) {
				replace(i, end, "null")
			}
			i = end
		default:
			i++
		}
	}
	if kept == 0 {
		return b, false
	}
	return append(out, b[kept:]...), true
}

// inner says whether a string of a document names somebody; documents are also put into strings.
func (k *Marked) inner(v string, h hears) bool {
	if k.names(v, h) {
		return true
	}
	if len(v) > 2 && (v[0] == '{' || v[0] == '[') && strings.IndexByte(v, '\\') >= 0 && json.Valid([]byte(v)) {
		_, hit := k.document([]byte(v), h)
		return hit
	}
	return false
}

// isName says whether the string that ends before i is the name of a member.
func isName(b []byte, i int) bool {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i < len(b) && b[i] == ':'
}

// stringEnd returns where the string that begins at i ends.
func stringEnd(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}
