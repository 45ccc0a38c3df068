package mapping

import (
	"reflect"
	"slices"
	"strings"
	"unsafe"

	"github.com/tidwall/gjson"

	"github.com/lifecyclehub/hub/canon"
)

// quick fills the body of a rule's entity the way nearly all are filled: nothing is wrong, and nobody wants to know
// where what came from. It returns false where that does not hold; the body is then filled anew, step by step.
func (r *rule) quick(s *source) (filling, bool) {
	body, err := canon.NewBody(r.kind)
	if err != nil {
		return filling{}, false
	}
	out := filling{value: body, usable: true}
	at := reflect.ValueOf(body).UnsafePointer()
	for i := range r.fields {
		filled, ok := r.fields[i].quick(s, body, at)
		if !ok {
			return filling{}, false
		}
		out.filled = out.filled || filled
	}
	return out, r.limits.hold(at)
}

// quick fills one field of the body, which is at the address. filled says that something came from the record.
func (f *field) quick(s *source, body any, at unsafe.Pointer) (filled, ok bool) {
	if f.ready != nil && (f.when == nil || f.when.holds(s)) && f.quickConst(at) {
		return false, true
	}
	if f.plain && (f.when == nil || f.when.holds(s)) {
		switch f.target.typ {
		case typeString:
			filled, ok = f.quickText(s, at)
		case typeList:
			filled, ok = f.quickList(s, at)
		case typeBool:
			filled, ok = f.quickBool(s, at)
		}
		if ok {
			return filled, true
		}
	}
	out := f.eval(s)
	switch {
	case out.fault != nil:
		return false, false
	case out.value == nil:
		return false, !f.target.required
	}
	f.target.set(reflect.ValueOf(body), out.value)
	return out.raw != "" && out.from != "const", true
}

// easy says whether quick has a way of its own for the field.
func (f *field) easy() bool {
	return f.paths != nil && f.first == nil && f.constant == nil && f.money == nil && f.mrr == nil && f.ref == nil && f.scale == nil
}

// place is where the field is in the body at the address.
func place[T any](t *target, at unsafe.Pointer) *T { return (*T)(unsafe.Add(at, t.offset)) }

// one returns the text of the first path that has a single value. It is false where there is none, or an enum
// leaves it out, so that the field stays empty or something else is to be looked for.
func (f *field) one(s *source) (string, bool) {
	for i := range f.paths {
		v := s.at(&f.paths[i])
		if !present(*v) || v.Type == gjson.JSON {
			continue
		}
		out, use, problem := f.lookup(text(*v), "")
		return out, use && problem == nil
	}
	return "", false
}

// empty says whether the field is well without a value: nothing is there, and nothing stands in for it.
func (f *field) empty(s *source) bool {
	if f.target.required || f.fallback != nil {
		return false
	}
	for i := range f.paths {
		if present(*s.at(&f.paths[i])) {
			return false
		}
	}
	return true
}

// quickConst fills in a constant of the commonest types.
func (f *field) quickConst(at unsafe.Pointer) bool {
	if f.target.pointer {
		return false
	}
	switch v := f.ready.(type) {
	case string:
		*place[string](&f.target, at) = v
	case bool:
		*place[bool](&f.target, at) = v
	case float64:
		*place[float64](&f.target, at) = v
	default:
		return false
	}
	return true
}

func (f *field) quickText(s *source, at unsafe.Pointer) (filled, ok bool) {
	t, ok := f.one(s)
	if !ok {
		return false, f.empty(s)
	}
	t, problem := f.tidy(t, "")
	if problem != nil || t == "" || f.target.pointer || f.target.oneof != nil && !slices.Contains(f.target.oneof, t) {
		return false, false
	}
	*place[string](&f.target, at) = t
	return true, true
}

func (f *field) quickBool(s *source, at unsafe.Pointer) (filled, ok bool) {
	t, ok := f.one(s)
	if !ok {
		return false, f.empty(s)
	}
	value, ok := truth[t]
	if !ok {
		return false, false
	}
	if f.target.pointer {
		*place[*bool](&f.target, at) = &value
	} else {
		*place[bool](&f.target, at) = value
	}
	return true, true
}

func (f *field) quickList(s *source, at unsafe.Pointer) (filled, ok bool) {
	var list []string
	for i := range f.paths {
		v := s.at(&f.paths[i])
		if !present(*v) {
			continue
		}
		if v.Type == gjson.JSON || f.enum != nil || f.hasOther {
			return false, false
		}
		rest, more := text(*v), true
		for n := 0; more; n++ {
			part := rest
			if more = false; f.split != "" && v.Type == gjson.String {
				part, rest, more = strings.Cut(rest, f.split)
			}
			if n == maxItems {
				break
			}
			if strings.TrimSpace(part) == "" {
				continue
			}
			t, problem := f.tidy(part, "")
			if problem != nil {
				return false, false
			}
			if t != "" && !slices.Contains(list, t) {
				list = append(list, t)
			}
		}
	}
	if list == nil {
		return false, f.empty(s)
	}
	*place[[]string](&f.target, at) = list
	return true, true
}
