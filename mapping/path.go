package mapping

import (
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/lifecyclehub/hub/canon"
)

// path is a compiled gjson path.
type path struct {
	// text is what gjson gets, name what stands in the file.
	text, name string
	// root says that the path starts at the record even inside each.
	root bool
	// slot is the index of the value that the stream's picker found in its one pass, -1 where the path
	// needs a search of its own. tail is what is left to be searched for in that value, "" for nothing.
	slot int
	tail string
	// every is the name where tail is that of a member of every element of a list, as in #.id.
	every string
}

// rootPrefix marks a path that starts at the record.
const rootPrefix = "$."

// source is what paths read from.
type source struct {
	root, elem gjson.Result
	// ref names the record that is read.
	ref   canon.Ref
	slots []gjson.Result
	// members are what the picker kept of whole objects, by custom.kept.
	members [][]member
	// known are the names that earlier records had, by the pickers' nodes.
	known []names
	// inEach says that elem is an element rather than the record.
	inEach bool
}

// member is one member of an object.
type member struct {
	name  string
	value gjson.Result
}

// within returns the source whose paths start at an element.
func (s *source) within(elem gjson.Result) *source {
	return &source{root: s.root, ref: s.ref, slots: s.slots, members: s.members, elem: elem, inEach: true}
}

// at is get without a copy.
func (s *source) at(p *path) *gjson.Result {
	if p.slot >= 0 && p.tail == "" && p.slot < len(s.slots) && (!s.inEach || p.root) {
		return &s.slots[p.slot]
	}
	v := s.get(*p)
	return &v
}

func (s *source) get(p path) gjson.Result {
	switch {
	case s.inEach && !p.root:
		if p.text == "@this" {
			return s.elem
		}
		return s.elem.Get(p.text)
	case p.slot >= 0 && p.slot < len(s.slots):
		if v := s.slots[p.slot]; p.tail == "" || !v.Exists() {
			return v
		}
		return s.slots[p.slot].Get(p.tail)
	}
	return s.root.Get(p.text)
}

// first returns the first present value that paths yield.
func (s *source) first(paths []path) (gjson.Result, path) {
	for _, p := range paths {
		if v := s.get(p); present(v) {
			return v, p
		}
	}
	return gjson.Result{}, path{}
}

// scalar is first for places that need a single value: where a vendor may send an id or the whole object,
// the object is passed over.
func (s *source) scalar(paths []path) (gjson.Result, path) {
	for _, p := range paths {
		if v := s.get(p); present(v) && v.Type != gjson.JSON {
			return v, p
		}
	}
	return gjson.Result{}, path{}
}

// present reports whether v is there at all: null, a blank string and an empty list are absent.
func present(v gjson.Result) bool {
	switch v.Type {
	case gjson.Null:
		return false
	case gjson.String:
		return strings.TrimSpace(v.Str) != ""
	case gjson.JSON:
		return strings.TrimSpace(v.Raw) != "[]"
	}
	return v.Exists()
}

// checkPath returns what is wrong with a gjson path, "" for nothing. gjson itself takes every text for a
// path and finds nothing.
func checkPath(p string) (problem, hint string) {
	switch {
	case p == "":
		return "The path is empty.", "name a field of the vendor's object"
	case strings.TrimSpace(p) != p:
		return "The path begins or ends with a space.", "remove it"
	case len(p) > 500:
		return "The path is longer than 500 characters.", "shorten it"
	case strings.ContainsAny(p[:1], "{["):
		return "A path cannot build a new object or list.", "list several paths under paths"
	case p[0] == '!':
		return "A path cannot be a literal.", "use const"
	case strings.HasPrefix(p, ".") || strings.HasSuffix(p, ".") && !strings.HasSuffix(p, `\.`) || strings.HasSuffix(p, "|"):
		return "The path has an empty step.", "remove the dot at its beginning or end"
	}
	return checkSteps(p)
}

func checkSteps(p string) (problem, hint string) {
	depth, quoted, stepAt := 0, false, 0
	step := func(end int) string {
		s := p[stepAt:end]
		if s == "" && depth == 0 {
			return "The path has an empty step."
		}
		if strings.HasPrefix(s, "@") {
			name, _, _ := strings.Cut(s[1:], ":")
			if !slices.Contains(modifiers, name) {
				return "The path names an unknown modifier @" + name + "."
			}
		}
		return ""
	}
	for i := 0; i < len(p); i++ {
		switch c := p[i]; {
		case c == '\\':
			i++
		case c == '"' && depth > 0:
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth < 0 {
				return "The path closes a parenthesis that it did not open.", `escape a parenthesis in a name with \`
			}
		case (c == '.' || c == '|') && depth == 0:
			if problem := step(i); problem != "" {
				return problem, `escape a dot in a name with \`
			}
			stepAt = i + 1
		}
	}
	if depth != 0 || quoted {
		return "The path opens a parenthesis or quote and does not close it.", "close it, as in items.#(type==\"a\").id"
	}
	if problem := step(len(p)); problem != "" {
		return problem, "known are " + strings.Join(modifiers, ", ")
	}
	return "", ""
}

// modifiers are those of gjson that select; those that print or build have no place in a mapping.
var modifiers = []string{"this", "reverse", "flatten", "keys", "values", "tostr", "fromstr", "join"}

// steps splits a path of plain names, or returns nil where the path needs gjson's own search.
func steps(p string) []string {
	if strings.ContainsAny(p, `\*?#|@!{}[]()"`) {
		return nil
	}
	parts := strings.Split(p, ".")
	for _, s := range parts {
		// A number may mean an array's index.
		if s == "" || strings.Trim(s, "0123456789") == "" {
			return nil
		}
	}
	return parts
}

// cut divides a path behind its plain names: what a picker can find, and what is to be searched for in it.
func cut(p string) (plain, tail string) {
	for at := 0; ; {
		i := strings.IndexByte(p[at:], '.')
		if i < 0 || steps(p[:at+i]) == nil {
			break
		}
		plain, tail = p[:at+i], p[at+i+1:]
		at += i + 1
	}
	if tail == "" || steps(p) != nil {
		return p, ""
	}
	return plain, tail
}
