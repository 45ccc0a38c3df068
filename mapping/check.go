package mapping

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-playground/validator/v10"

	"github.com/lifecyclehub/hub/canon"
)

// check holds the body against the rules of its kind. What an optional field breaks is taken out of it;
// from tells where the fields that have a value came from, by their index; "" where they have none.
func (e *evaluation) check(r *rule, body reflect.Value, from []string) (faults []*fault, usable bool) {
	usable = true
	for _, broken := range e.m.violations(body.Interface()) {
		i := slices.IndexFunc(r.fields, func(f field) bool { return f.target.goName == broken.field })
		if i < 0 {
			return append(faults, newFault(codeInvalid, "", "check the mapping").because("The %s is not valid: %s.", r.kind, broken.problem)), false
		}
		f := &r.fields[i]
		at := from[i]
		if at == "" {
			// That the field has no value has been told already.
			continue
		}
		faults = append(faults, f.judge(r.kind, newFault(broken.code, at, "correct it at the vendor or map it otherwise").
			because("%s.", upper(broken.problem))))
		switch {
		case f.target.required:
			usable = false
		case len(broken.elements) > 0:
			f.drop(body, broken.elements)
		default:
			f.target.set(body, nil)
		}
	}
	return faults, usable
}

// drop takes elements out of a list.
func (f *field) drop(body reflect.Value, elements []int) {
	list, ok := body.Elem().Field(f.target.index).Interface().([]string)
	if !ok {
		return
	}
	var kept []string
	for i, s := range list {
		if !slices.Contains(elements, i) {
			kept = append(kept, s)
		}
	}
	f.target.set(body, kept)
}

// violation is a rule of the canonical model that a body breaks. Elements are the indexes of a list's
// elements that do, empty where the field as a whole does.
type violation struct {
	field, code, problem string
	elements             []int
}

func (m *Map) violations(body any) []violation {
	var out []violation
	if s, ok := body.(*canon.Survey); ok {
		if low, high := surveyRange(s.Type); s.Score < low || s.Score > high {
			out = append(out, violation{field: "Score", code: codeInvalid,
				problem: fmt.Sprintf("the score %g is outside of %g to %g for %s", s.Score, low, high, s.Type)})
		}
	}
	err := m.validate.Struct(body)
	var list validator.ValidationErrors
	if !errors.As(err, &list) {
		if err != nil {
			out = append(out, violation{code: codeInvalid, problem: err.Error()})
		}
		return out
	}
	for _, fe := range list {
		_, name, _ := strings.Cut(fe.StructNamespace(), ".")
		name, _, _ = strings.Cut(name, ".")
		name, index, inList := strings.Cut(strings.TrimSuffix(name, "]"), "[")
		i := slices.IndexFunc(out, func(v violation) bool { return v.field == name })
		if i < 0 {
			out = append(out, violation{field: name, code: violationCode(fe.Tag()), problem: violationText(fe)})
			i = len(out) - 1
		}
		if n, err := strconv.Atoi(index); inList && err == nil {
			out[i].elements = append(out[i].elements, n)
		}
	}
	return out
}

func surveyRange(kind string) (low, high float64) {
	switch kind {
	case "csat":
		return 1, 5
	case "ces":
		return 1, 7
	}
	return 0, 10
}

func violationCode(tag string) string {
	switch tag {
	case "oneof":
		return codeEnum
	case "required":
		return codeMissing
	}
	return codeInvalid
}

func violationText(fe validator.FieldError) string {
	value := shorten(fmt.Sprint(fe.Value()))
	switch fe.Tag() {
	case "max":
		if fe.Kind() == reflect.Slice {
			return "the list has more than " + fe.Param() + " elements"
		}
		return "the value " + value + " is longer than " + fe.Param() + " characters"
	case "gte":
		return "the value " + value + " is below " + fe.Param()
	case "lte":
		return "the value " + value + " is above " + fe.Param()
	case "oneof":
		return "the value " + value + " is not one of " + fe.Param()
	case "required":
		return "it is empty"
	}
	return "the value " + value + " breaks the rule " + fe.Tag() + " " + fe.Param()
}
