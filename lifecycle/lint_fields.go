package lifecycle

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// wordsOnly are the keys of a policy file of which a change alters no answer.
func wordsOnly() []string {
	return []string{"title", "label", "doc", "reason", "zero", "unit", "hypothesis", "intent", "outcome", "counted", "owners", "owner", "do", "lists", "events_doc", "play", "version"}
}

// kindly are the keys of a policy file of which a change makes answers ones of another kind.
func kindly() []string {
	return []string{"customer", "exit", "method", "horizon", "bands", "name"}
}

// fields compares two blocks of a policy file key by key.
func (d *differ) fields(what string, a, b any) {
	d.values(what, "", reflect.ValueOf(a), reflect.ValueOf(b))
}

func partOf(path string) string {
	keys := strings.Split(path, ".")
	last, _, _ := strings.Cut(keys[len(keys)-1], "[")
	switch {
	case slices.Contains(wordsOnly(), last) || slices.Contains(wordsOnly(), keys[0]):
		return partPatch
	case slices.Contains(kindly(), keys[0]):
		return partMajor
	}
	return partMinor
}

// values walks two values of one type side by side.
func (d *differ) values(what, path string, a, b reflect.Value) {
	if reflect.DeepEqual(a.Interface(), b.Interface()) {
		return
	}
	switch a.Kind() {
	case reflect.Pointer:
		if !a.IsNil() && !b.IsNil() {
			d.values(what, path, a.Elem(), b.Elem())
			return
		}
	case reflect.Struct:
		for i := range a.NumField() {
			field := a.Type().Field(i)
			name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
			if !field.IsExported() || name == "" {
				continue
			}
			d.values(what, strings.TrimPrefix(path+"."+name, "."), a.Field(i), b.Field(i))
		}
		return
	case reflect.Slice:
		if a.Type().Elem().Kind() == reflect.Struct {
			d.items(what, path, a, b)
			return
		}
	case reflect.Bool:
		d.add(what, partOf(path), "%s is now %v", path, b.Bool())
		return
	}
	d.add(what, partOf(path), "%s %s", path, fromInto(spelt(a), spelt(b)))
}

// items compares two lists of blocks: by their keys where they have some, by their places otherwise.
func (d *differ) items(what, path string, a, b reflect.Value) {
	keyOf := func(v reflect.Value) string {
		for _, name := range []string{"Key", "Rule"} {
			if f := v.FieldByName(name); f.IsValid() && f.Kind() == reflect.String && f.String() != "" {
				return f.String()
			}
		}
		return ""
	}
	in := func(list reflect.Value, key string) (reflect.Value, bool) {
		for i := range list.Len() {
			if keyOf(list.Index(i)) == key {
				return list.Index(i), true
			}
		}
		return reflect.Value{}, false
	}
	for i := range a.Len() {
		key := keyOf(a.Index(i))
		if key == "" {
			d.places(what, path, a, b)
			return
		}
		now, there := in(b, key)
		if !there {
			d.add(what, partOf(path), "%s %s is gone", path, key)
			continue
		}
		d.values(what, path+"["+key+"]", a.Index(i), now)
	}
	for i := range b.Len() {
		key := keyOf(b.Index(i))
		if _, there := in(a, key); key != "" && !there {
			d.add(what, partOf(path), "%s %s is new", path, key)
		} else if key == "" {
			d.places(what, path, a, b)
			return
		}
	}
}

// places compares two lists place by place.
func (d *differ) places(what, path string, a, b reflect.Value) {
	for i := range max(a.Len(), b.Len()) {
		at := fmt.Sprintf("%s[%d]", path, i+1)
		switch {
		case i >= a.Len():
			d.add(what, partOf(path), "%s is new", at)
		case i >= b.Len():
			d.add(what, partOf(path), "%s is gone", at)
		default:
			d.values(what, at, a.Index(i), b.Index(i))
		}
	}
}

// spelt writes a value for people.
func spelt(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return ""
		}
		return spelt(v.Elem())
	case reflect.Slice, reflect.Array:
		var out []string
		for i := range v.Len() {
			out = append(out, spelt(v.Index(i)))
		}
		return strings.Join(out, ", ")
	case reflect.Float64:
		return decimal(v.Float())
	}
	return fmt.Sprint(v.Interface())
}
