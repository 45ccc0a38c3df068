package mapping

import (
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// field is how one field of an entity is filled. Of paths, constant, first, money, mrr and ref one is set.
type field struct {
	target   target
	paths    []path
	constant *string
	// ready is what the constant became.
	ready any
	first []field
	money *money
	mrr   *mrr
	ref   *pointer

	when *condition
	// enum turns the vendor's values into ours; nil leaves the field out. other is for all that are not
	// listed, where hasOther.
	enum     map[string]*string
	other    *string
	hasOther bool
	fallback *string

	timeMode string
	split    string
	keep     bool // spaces around texts
	// plain says that quick has a way of its own for it.
	plain  bool
	lower  bool
	domain bool
	scale  *big.Rat
}

// outcome is what became of a field: a value, a fault, both (a list with a bad element) or neither.
type outcome struct {
	value     any
	from, raw string
	fault     *fault
}

// eval reads the field from s.
func (f *field) eval(s *source) outcome {
	if f.when != nil && !f.when.holds(s) {
		return outcome{}
	}
	out := f.read(s)
	if out.value == nil && out.fault == nil && f.fallback != nil {
		value, problem := f.convert(*f.fallback, "default")
		out.value, out.fault = value, problem
		if out.from == "" {
			out.from = "default"
		}
	}
	return out
}

func (f *field) read(s *source) outcome {
	switch {
	case f.constant != nil:
		value, problem := f.convert(*f.constant, "const")
		return outcome{value: value, from: "const", raw: *f.constant, fault: problem}
	case f.first != nil:
		var out outcome
		for i := range f.first {
			if out = f.first[i].eval(s); out.value != nil || out.fault != nil {
				break
			}
		}
		return out
	case f.money != nil:
		return f.money.eval(s)
	case f.mrr != nil:
		return f.mrr.eval(s)
	case f.ref != nil:
		return f.ref.eval(s)
	case f.target.typ == typeList:
		return f.readList(s)
	}
	v, p := s.scalar(f.paths)
	if !present(v) {
		if v, p = s.first(f.paths); !present(v) {
			return outcome{}
		}
		return outcome{from: p.name, raw: v.Raw, fault: newFault(codeType, p.name, "name the part of it that is wanted").
			because("%s is wanted, but the value is %s.", upper(f.target.typ.String()), shapeOf(v))}
	}
	value, problem := f.translate(text(v), p.name)
	return outcome{value: value, from: p.name, raw: v.Raw, fault: problem}
}

// readList gathers the values of all paths, each a text, a text to split or a list.
func (f *field) readList(s *source) outcome {
	var out outcome
	var list []string
	for _, p := range f.paths {
		v := s.get(p)
		if !present(v) {
			continue
		}
		if out.from == "" {
			out.from, out.raw = p.name, v.Raw
		} else {
			out.from, out.raw = out.from+", "+p.name, out.raw+", "+v.Raw
		}
		for _, part := range f.parts(v) {
			item, problem := f.element(part, p.name)
			if problem != nil && out.fault == nil {
				out.fault = problem
			}
			if item != "" && !slices.Contains(list, item) {
				list = append(list, item)
			}
		}
	}
	if list != nil {
		out.value = list
	}
	return out
}

func (f *field) parts(v gjson.Result) []gjson.Result {
	if v.IsArray() {
		list := v.Array()
		return list[:min(len(list), maxItems)]
	}
	if f.split == "" || v.Type != gjson.String {
		return []gjson.Result{v}
	}
	var out []gjson.Result
	for part := range strings.SplitSeq(v.Str, f.split) {
		out = append(out, gjson.Result{Type: gjson.String, Str: part})
		if len(out) == maxItems {
			break
		}
	}
	return out
}

// element turns one element of a list into its text; "" leaves it out.
func (f *field) element(v gjson.Result, from string) (string, *fault) {
	if !present(v) {
		return "", nil
	}
	if v.Type == gjson.JSON {
		return "", newFault(codeType, from, "name the part of the elements that is wanted, as in list.#.name").
			because("An element of the list is %s.", shapeOf(v))
	}
	s, use, problem := f.lookup(text(v), from)
	if problem != nil || !use {
		return "", problem
	}
	return f.tidy(s, from)
}

// translate turns a vendor's text into the target's type, by way of the enum.
func (f *field) translate(s, from string) (any, *fault) {
	s, use, problem := f.lookup(s, from)
	if problem != nil || !use {
		return nil, problem
	}
	return f.convert(s, from)
}

// lookup applies the enum: exactly, then in lower case, then by "*".
func (f *field) lookup(s, from string) (out string, use bool, problem *fault) {
	if f.enum == nil && !f.hasOther {
		return s, true, nil
	}
	s = strings.TrimSpace(s)
	ours, ok := f.enum[s]
	if !ok {
		ours, ok = f.enum[strings.ToLower(s)]
	}
	if !ok {
		ours, ok = f.other, f.hasOther
	}
	switch {
	case !ok:
		return "", false, newFault(codeEnum, from, `add it to the enum, or a "*" for all others`).
			because("The value %s is not in the enum of %s.", shorten(s), f.target.name)
	case ours == nil:
		return "", false, nil
	}
	return *ours, true, nil
}

// convert turns a text of ours into the target's type.
func (f *field) convert(s, from string) (any, *fault) {
	switch f.target.typ {
	case typeList:
		s, problem := f.tidy(s, from)
		if problem != nil || s == "" {
			return nil, problem
		}
		return []string{s}, nil
	case typeInt, typeFloat:
		return f.number(s, from)
	case typeBool:
		if b, ok := truth[strings.ToLower(strings.TrimSpace(s))]; ok {
			return b, nil
		}
		return nil, newFault(codeType, from, "use an enum with true and false").because("The value %s is neither yes nor no.", shorten(s))
	case typeTime:
		t, problem := parseTime(s, f.timeMode)
		if problem != "" {
			return nil, newFault(codeTime, from, "set time to unix, unix_ms or date if the form is ambiguous").
				because("The value %s %s.", shorten(s), problem)
		}
		return t, nil
	case typeMoney:
		return nil, newFault(codeMoney, from, "use money").because("An amount needs a currency.")
	}
	s, problem := f.tidy(s, from)
	if problem != nil || s == "" {
		return nil, problem
	}
	if f.target.oneof != nil && !slices.Contains(f.target.oneof, s) {
		return nil, newFault(codeEnum, from, "add an enum that turns it into one of them").
			because("The value %s is not one of %s.", shorten(s), strings.Join(f.target.oneof, ", "))
	}
	return s, nil
}

// tidy cleans a text.
func (f *field) tidy(s, from string) (string, *fault) {
	s = clean(s)
	if !f.keep {
		s = strings.TrimSpace(s)
	}
	if f.lower {
		s = strings.ToLower(s)
	}
	if !f.domain {
		return s, nil
	}
	d := domainOf(s)
	if d == "" && s != "" {
		return "", newFault(codeInvalid, from, "check the value at the vendor").because("The value %s is not a domain.", shorten(s))
	}
	return d, nil
}

func (f *field) number(s, from string) (any, *fault) {
	// Small whole numbers need no exact arithmetic.
	if n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 32); err == nil && f.scale == nil {
		if f.target.typ == typeFloat {
			return float64(n), nil
		}
		return n, nil
	}
	n, ok := decimal(s)
	if !ok {
		return nil, newFault(codeType, from, "a plain decimal number is wanted").because("The value %s is not a number.", shorten(s))
	}
	if f.scale != nil {
		n.Mul(n, f.scale)
	}
	if f.target.typ == typeFloat {
		v, _ := n.Float64()
		return v, nil
	}
	if !n.IsInt() || !n.Num().IsInt64() {
		return nil, newFault(codeType, from, "use scale if the unit differs").
			because("The value %s is not a whole number that Hub can hold.", shorten(s))
	}
	return n.Num().Int64(), nil
}

var truth = map[string]bool{
	"true": true, "t": true, "yes": true, "y": true, "on": true, "1": true,
	"false": false, "f": false, "no": false, "n": false, "off": false, "0": false,
}

// domainOf returns the bare host of a domain or web address, "" where there is none.
func domainOf(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	if _, rest, ok := strings.Cut(s, "://"); ok {
		s = rest
	}
	s = strings.TrimPrefix(s, "//")
	if i := strings.IndexAny(s, "/?#"); i >= 0 {
		s = s[:i]
	}
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		s = s[i+1:]
	}
	if host, port, ok := strings.Cut(s, ":"); ok && digits(port) {
		s = host
	}
	s = strings.TrimSuffix(strings.TrimPrefix(s, "www."), ".")
	if len(s) > 253 || !strings.Contains(s, ".") || strings.Contains(s, "..") || strings.HasPrefix(s, ".") ||
		strings.ContainsAny(s, " \t\r\n,;:@\"'<>()[]{}\\|") {
		return ""
	}
	return s
}

// text returns a scalar as the vendor wrote it: numbers keep all their digits.
func text(v gjson.Result) string {
	switch v.Type {
	case gjson.String:
		return v.Str
	case gjson.True:
		return "true"
	case gjson.False:
		return "false"
	case gjson.Null:
		return ""
	}
	return v.Raw
}

// shapeOf says what a value is.
func shapeOf(v gjson.Result) string {
	switch {
	case v.IsArray():
		return "a list"
	case v.IsObject():
		return "an object"
	}
	return strconv.Quote(v.Type.String())
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func pathNames(paths []path) string {
	names := make([]string, len(paths))
	for i, p := range paths {
		names[i] = p.name
	}
	return strings.Join(names, ", ")
}
