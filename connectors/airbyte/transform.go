package airbyte

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// transform changes a record in place.
type transform func(rec *dict, sc *scope) error

func (b *builder) transformation(d *dict) (transform, error) {
	switch b.use(d) {
	case "AddFields":
		return b.addFields(d)
	case "RemoveFields":
		return b.removeFields(d)
	case "KeysToLower":
		return func(rec *dict, _ *scope) error {
			for _, k := range slices.Clone(rec.keys) {
				if l := strings.ToLower(k); l != k {
					v := rec.vals[k]
					rec.del(k)
					rec.set(l, v)
				}
			}
			return nil
		}, nil
	case "KeysToSnakeCase":
		return func(rec *dict, _ *scope) error { return replaceAll(rec, rekey(rec, snakeCase)) }, nil
	case "KeysReplace":
		return b.keysReplace(d)
	case "FlattenFields":
		lists := orNil(d, "flatten_lists") != false
		return func(rec *dict, _ *scope) error { return replaceAll(rec, flatten(rec, lists)) }, nil
	case "DpathFlattenFields":
		return b.dpathFlatten(d)
	}
	return nil, b.unknown(d, "the transformation")
}

func replaceAll(rec, by *dict) error {
	rec.clear()
	rec.update(by)
	return nil
}

func rekey(d *dict, f func(string) string) *dict {
	out := newDict()
	for _, k := range d.keys {
		v := d.vals[k]
		if c, ok := v.(*dict); ok {
			v = rekey(c, f)
		}
		out.set(f(k), v)
	}
	return out
}

// addedField is one field of AddFields.
type addedField struct {
	path  []string
	value *tmpl
	typ   string
}

func (b *builder) addFields(d *dict) (transform, error) {
	list, _ := orNil(d, "fields").([]any)
	var fields []addedField
	for _, x := range list {
		c, ok := x.(*dict)
		if !ok {
			return nil, b.refuse(d, "a field is no mapping")
		}
		f := addedField{typ: textOr(c, "value_type")}
		for _, p := range keyPaths(orNil(c, "path")) {
			f.path = append(f.path, p...)
		}
		if len(f.path) == 0 {
			return nil, b.refuse(c, "an added field has no path")
		}
		var err error
		if f.value, err = b.tmpl(c, "value"); err != nil {
			return nil, err
		}
		if f.value == nil {
			f.value = &tmpl{plain: true}
		}
		fields = append(fields, f)
	}
	cond, err := b.tmpl(d, "condition")
	if err != nil {
		return nil, err
	}
	return func(rec *dict, sc *scope) error {
		for _, f := range fields {
			v, err := f.eval(sc)
			if err != nil {
				return fmt.Errorf("the field %s: %w", strings.Join(f.path, "."), err)
			}
			if cond != nil && cond.src != "" {
				ok, err := cond.truth(sc.with("value", v, "path", texts(f.path)))
				if err != nil {
					return err
				}
				if !ok {
					continue
				}
			}
			dpathSet(rec, f.path, copyValue(v))
		}
		return nil
	}, nil
}

// eval gives the field's value. A value that is not of the declared type stays a text.
func (f addedField) eval(sc *scope) (any, error) {
	if f.typ == "" {
		v, err := f.value.must(sc)
		if t, ok := v.(tuple); ok {
			v = []any(t)
		}
		return v, err
	}
	text, err := f.value.render(sc)
	if err != nil {
		return nil, err
	}
	v, ok := literal(text)
	if !ok {
		return text, nil
	}
	switch v.(type) {
	case string:
		ok = f.typ == "string"
	case int64:
		ok = f.typ == "integer"
	case float64:
		ok = f.typ == "number"
	case bool:
		ok = f.typ == "boolean" || f.typ == "integer"
	case []any:
		ok = f.typ == "array"
	case *dict:
		ok = f.typ == "object"
	default:
		ok = false
	}
	if !ok {
		return text, nil
	}
	return v, nil
}

func (b *builder) removeFields(d *dict) (transform, error) {
	pointers := keyPaths(orNil(d, "field_pointers"))
	cond, err := b.tmpl(d, "condition")
	if err != nil {
		return nil, err
	}
	return func(rec *dict, sc *scope) error {
		var failed error
		for _, p := range pointers {
			dpathDelete(rec, p, func(v any) bool {
				if cond == nil || cond.src == "" {
					return true
				}
				ok, err := cond.truth(sc.with("property", v))
				if err != nil {
					failed = err
				}
				return ok
			})
		}
		return failed
	}, nil
}

func (b *builder) keysReplace(d *dict) (transform, error) {
	from, err := b.tmpl(d, "old")
	if err != nil {
		return nil, err
	}
	to, err := b.tmpl(d, "new")
	if err != nil {
		return nil, err
	}
	return func(rec *dict, sc *scope) error {
		a, err := from.text(sc)
		if err != nil {
			return err
		}
		z, err := to.text(sc)
		if err != nil {
			return err
		}
		return replaceAll(rec, rekey(rec, func(k string) string { return strings.ReplaceAll(k, a, z) }))
	}, nil
}

// flatten lifts what lies within objects and lists to the top. Of two of one name, the second carries its parent's
// name; after a list, all do.
func flatten(rec *dict, lists bool) *dict {
	type entry struct {
		v    any
		name string
	}
	out, stack, forced := newDict(), []entry{{rec, "_"}}, false
	for len(stack) > 0 {
		e := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		switch v := e.v.(type) {
		case *dict:
			for _, k := range v.keys {
				name := k
				if _, taken := out.get(k); taken || forced {
					name = e.name + "." + k
				}
				stack = append(stack, entry{v.vals[k], name})
			}
			continue
		case []any:
			if lists {
				for i, x := range v {
					forced = true
					stack = append(stack, entry{x, fmt.Sprintf("%s.%d", e.name, i)})
				}
				continue
			}
		}
		out.set(e.name, e.v)
	}
	return out
}

func (b *builder) dpathFlatten(d *dict) (transform, error) {
	path, err := b.tmpls(d, "field_path")
	if err != nil {
		return nil, err
	}
	var prefix, suffix *tmpl
	if k := b.child(d, "key_transformation"); k != nil {
		b.use(k)
		if prefix, err = b.tmpl(k, "prefix"); err != nil {
			return nil, err
		}
		if suffix, err = b.tmpl(k, "suffix"); err != nil {
			return nil, err
		}
	}
	remove, whole := flag(d, "delete_origin_value"), flag(d, "replace_record")
	return func(rec *dict, sc *scope) error {
		at, err := textsFrom(path, sc)
		if err != nil {
			return err
		}
		pre, err := prefix.text(sc)
		if err != nil {
			return err
		}
		post, err := suffix.text(sc)
		if err != nil {
			return err
		}
		found := dpathValues(rec, at)
		if len(found) == 0 {
			return nil
		}
		inner, ok := found[0].(*dict)
		if !ok {
			return nil
		}
		lifted := newDict()
		for _, k := range inner.keys {
			lifted.set(pre+k+post, inner.vals[k])
		}
		if whole && lifted.len() > 0 {
			return replaceAll(rec, lifted)
		}
		if slices.ContainsFunc(lifted.keys, func(k string) bool { _, taken := rec.get(k); return taken }) {
			return nil
		}
		if remove {
			dpathDelete(rec, at, func(any) bool { return true })
		}
		rec.update(lifted)
		return nil
	}, nil
}

var snakeToken = regexp.MustCompile(`[A-Z]+[a-z]*|[a-z]+|\d+|[^a-zA-Z\d]+`)

// snakeCase makes a key words in lower case with underscores between them.
func snakeCase(key string) string {
	plain := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFKD.String(key))
	tokens := snakeToken.FindAllString(plain, -1)
	for i, t := range tokens {
		if r := t[0]; (r|0x20 < 'a' || r|0x20 > 'z') && (r < '0' || r > '9') {
			tokens[i] = ""
		}
	}
	if n := len(tokens); n >= 3 {
		inner := slices.DeleteFunc(slices.Clone(tokens[1:n-1]), func(t string) bool { return t == "" })
		tokens = append(append([]string{tokens[0]}, inner...), tokens[n-1])
	}
	if len(tokens) > 0 && tokens[0] != "" && tokens[0][0] >= '0' && tokens[0][0] <= '9' {
		tokens = append([]string{""}, tokens...)
	}
	return strings.ToLower(strings.Join(tokens, "_"))
}
