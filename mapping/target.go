package mapping

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// valueType is what a target field holds.
type valueType int

const (
	typeString valueType = iota
	typeList
	typeInt
	typeFloat
	typeBool
	typeTime
	typeMoney
	typeRef
)

func (t valueType) String() string {
	return [...]string{"a text", "a list", "a whole number", "a number", "a yes or no", "a time", "an amount of money", "a reference"}[t]
}

// target is a field of a kind's struct.
type target struct {
	name     string
	index    int
	offset   uintptr
	typ      valueType
	pointer  bool
	required bool
	// goName is how the validator calls the field; oneof are its allowed values, nil for any.
	goName string
	oneof  []string
}

// targets returns the fields of a kind by their JSON names. A field that the JSON always shows is one that
// the kind requires.
func targets(k canon.Kind) ([]target, error) {
	body, err := canon.NewBody(k)
	if err != nil {
		return nil, err
	}
	t := reflect.TypeOf(body).Elem()
	var out []target
	for i := range t.NumField() {
		f := t.Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		typ, pointer, ok := typeOf(f.Type)
		if name == "" || name == "-" || !ok {
			continue
		}
		out = append(out, target{
			name: name, index: i, offset: f.Offset, typ: typ, pointer: pointer, goName: f.Name,
			required: !strings.Contains(opts, "omit"),
			oneof:    oneofs(f.Tag.Get("validate")),
		})
	}
	return out, nil
}

func typeOf(t reflect.Type) (typ valueType, pointer, ok bool) {
	if t.Kind() == reflect.Pointer {
		t, pointer = t.Elem(), true
	}
	switch {
	case t == reflect.TypeFor[time.Time]():
		return typeTime, pointer, true
	case t == reflect.TypeFor[canon.Money]():
		return typeMoney, pointer, true
	case t == reflect.TypeFor[canon.Ref]():
		return typeRef, pointer, true
	case t == reflect.TypeFor[[]string]():
		return typeList, pointer, true
	}
	switch t.Kind() {
	case reflect.String:
		return typeString, pointer, true
	case reflect.Int64:
		return typeInt, pointer, true
	case reflect.Float64:
		return typeFloat, pointer, true
	case reflect.Bool:
		return typeBool, pointer, true
	}
	return 0, false, false
}

func oneofs(tag string) []string {
	for rule := range strings.SplitSeq(tag, ",") {
		if list, ok := strings.CutPrefix(rule, "oneof="); ok {
			return strings.Fields(list)
		}
	}
	return nil
}

func findTarget(list []target, name string) *target {
	i := slices.IndexFunc(list, func(t target) bool { return t.name == name })
	if i < 0 {
		return nil
	}
	return &list[i]
}

func targetNames(list []target) []string {
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].name
	}
	return names
}

// set writes a converted value into the body's field; a nil value clears the field.
func (t *target) set(body reflect.Value, value any) {
	field := body.Elem().Field(t.index)
	if value == nil {
		field.SetZero()
		return
	}
	v := reflect.ValueOf(value)
	if t.pointer {
		p := reflect.New(v.Type())
		p.Elem().Set(v)
		v = p
	}
	field.Set(v)
}
