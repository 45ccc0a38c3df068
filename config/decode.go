package config

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// place is a position in the file, from 1.
type place struct{ line, column int }

// decoder walks the syntax tree and the structs side by side. It goes on after a complaint, which the
// library's own decoder does not, and remembers where each key stands, which validation needs.
type decoder struct {
	file       string
	dir        string
	env        Env
	at         map[string]place
	complaints Complaints
}

func (d *decoder) complain(at place, path, hint, format string, args ...any) {
	d.complaints = append(d.complaints, Complaint{File: d.file, Line: at.line, Column: at.column, Path: path,
		Message: fmt.Sprintf(format, args...), Hint: hint})
}

func (d *decoder) document(src []byte, cfg *Config) {
	if body := d.body(src); body != nil {
		d.value(body, reflect.ValueOf(cfg).Elem(), "")
	}
}

// body returns what the file holds, nil where it is empty or no YAML.
func (d *decoder) body(src []byte) ast.Node {
	file, err := parser.ParseBytes(bytes.TrimPrefix(src, []byte("\ufeff")), 0)
	if err != nil {
		// The library's full text quotes the lines around, which may hold a secret.
		at, message := place{1, 1}, "this is not YAML"
		var syntax yaml.Error
		if errors.As(err, &syntax) && syntax.GetToken() != nil {
			p := syntax.GetToken().Position
			at, message = place{p.Line, p.Column}, "this is not YAML: "+syntax.GetMessage()
		}
		d.complain(at, "", `check indentation and quotes; inside {…} and […] a variable needs quotes: "${NAME}"`, "%s", message)
		return nil
	}
	var bodies []ast.Node
	for _, doc := range file.Docs {
		if doc.Body != nil {
			bodies = append(bodies, doc.Body)
		}
	}
	if len(bodies) > 1 {
		d.complain(placeOf(bodies[1]), "", "remove the --- line and what follows it", "the file holds several documents")
	}
	if len(bodies) == 0 {
		return nil
	}
	return bodies[0]
}

func placeOf(n ast.Node) place {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 && !m.IsFlowStyle {
		return placeOf(m.Values[0].Key)
	}
	if m, ok := n.(*ast.MappingValueNode); ok {
		return placeOf(m.Key)
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return place{t.Position.Line, t.Position.Column}
	}
	return place{1, 1}
}

func (d *decoder) value(n ast.Node, v reflect.Value, path string) {
	d.at[path] = placeOf(n)
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		d.complain(placeOf(n), path, "write the value out", "anchors, aliases and tags are not read")
		return
	case *ast.NullNode:
		return // a key without a value keeps the default
	}
	if v.Kind() == reflect.Pointer {
		target := reflect.New(v.Type().Elem())
		d.value(n, target.Elem(), path)
		v.Set(target)
		return
	}
	if v.Type() == reflect.TypeFor[Stream]() && isScalar(n) {
		d.value(n, v.FieldByName("Name"), path)
		return
	}
	if v.Type() == reflect.TypeFor[Survivor]() && isScalar(n) {
		d.value(n, v.FieldByName("Policy"), path)
		return
	}
	switch {
	case v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]():
		d.structure(n, v, path)
	case v.Kind() == reflect.Map:
		d.mapping(n, v, path)
	case v.Kind() == reflect.Slice:
		d.list(n, v, path)
	default:
		d.scalar(n, v, path)
	}
}

// pairs returns the keys and values of a mapping, and complains about anything else.
func (d *decoder) pairs(n ast.Node, path string) []*ast.MappingValueNode {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	}
	d.complain(placeOf(n), path, "write key: value on lines of their own, indented", "%s needs keys below it", subject(path))
	return nil
}

func (d *decoder) structure(n ast.Node, v reflect.Value, path string) {
	fields := map[string]int{}
	for i := range v.NumField() {
		if name := v.Type().Field(i).Tag.Get("yaml"); name != "-" && name != "" {
			fields[name] = i
		}
	}
	for _, pair := range d.pairs(n, path) {
		key := keyText(pair.Key)
		i, known := fields[key]
		if !known {
			names := slices.Sorted(maps.Keys(fields))
			hint := "known keys: " + strings.Join(names, ", ")
			if near := nearest(key, names); near != "" {
				hint = fmt.Sprintf("did you mean %s?", near)
			}
			d.complain(placeOf(pair.Key), join(path, key), hint, "%q is not a key of %s", key, subject(path))
			continue
		}
		d.value(pair.Value, v.Field(i), join(path, key))
	}
}

// section reads one section of hub.yaml into v and looks at no other.
func (d *decoder) section(n ast.Node, name string, v reflect.Value) {
	var keys []string
	for f := range reflect.TypeFor[Config]().Fields() {
		if key := f.Tag.Get("yaml"); key != "-" && key != "" {
			keys = append(keys, key)
		}
	}
	there := false
	for _, pair := range d.pairs(n, "") {
		key := keyText(pair.Key)
		switch {
		case key == name:
			there = true
			d.value(pair.Value, v, name)
		case !slices.Contains(keys, key):
			hint := "write the rules below a key " + name + ":"
			if near := nearest(key, keys); near != "" {
				hint = fmt.Sprintf("did you mean %s?", near)
			}
			d.complain(placeOf(pair.Key), key, hint, "%q is not a key of hub.yaml", key)
		}
	}
	if !there && len(d.complaints) == 0 {
		d.complain(placeOf(n), name, "write the rules below a key "+name+":", "the file has no section %s", name)
	}
}

func (d *decoder) mapping(n ast.Node, v reflect.Value, path string) {
	out := reflect.MakeMap(v.Type())
	for _, pair := range d.pairs(n, path) {
		key := keyText(pair.Key)
		value := reflect.New(v.Type().Elem()).Elem()
		d.value(pair.Value, value, path+"["+key+"]")
		out.SetMapIndex(reflect.ValueOf(key), value)
	}
	v.Set(out)
}

func (d *decoder) list(n ast.Node, v reflect.Value, path string) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.complain(placeOf(n), path, "write each entry on its own line, beginning with a dash", "%s needs a list", subject(path))
		return
	}
	out := reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values))
	for i, item := range seq.Values {
		d.value(item, out.Index(i), fmt.Sprintf("%s[%d]", path, i))
	}
	v.Set(out)
}

func (d *decoder) scalar(n ast.Node, v reflect.Value, path string) {
	if !isScalar(n) {
		d.complain(placeOf(n), path, "write one value behind the colon", "%s needs one value, not a list or keys", subject(path))
		return
	}
	written := scalarText(n)
	text, err := expand(written, d.env)
	if err != nil {
		d.complain(placeOf(n), path, "set it, or give a default: ${NAME:-default}; write $$ for a dollar sign", "%s: %v", subject(path), err)
		return
	}
	if v.Type() == reflect.TypeFor[Secret]() {
		if file, ok := strings.CutPrefix(text, "file:"); ok {
			if text, err = secretFile(d.dir, file); err != nil {
				d.complain(placeOf(n), path, "check the path; relative paths are relative to this file", "%s: %v", subject(path), err)
				return
			}
		}
	}
	if hint := set(v, text); hint != "" {
		// What is written is shown, never what a variable holds.
		d.complain(placeOf(n), path, hint, "%s: %q does not fit", subject(path), shorten(written))
	}
}

// set puts text into v and returns what to write instead where it does not fit.
func set(v reflect.Value, text string) (hint string) {
	switch v.Interface().(type) {
	case time.Duration:
		dur, err := ParseDuration(text)
		if err != nil {
			return "write a time span such as 30s, 5m, 24h or 30d"
		}
		v.SetInt(int64(dur))
		return ""
	case time.Time:
		t, err := parseTime(text)
		if err != nil {
			return "write a time such as 2024-12-31T00:00:00Z, or a date"
		}
		v.Set(reflect.ValueOf(t))
		return ""
	case Size:
		n, err := ParseSize(text)
		if err != nil {
			return "write a size such as 512MB or 4GiB"
		}
		v.SetInt(int64(n))
		return ""
	}
	switch v.Kind() {
	case reflect.Bool:
		if text != "true" && text != "false" {
			return "write true or false"
		}
		v.SetBool(text == "true")
	case reflect.Int:
		n, err := strconv.ParseInt(text, 10, 0)
		if err != nil {
			return "write a whole number"
		}
		v.SetInt(n)
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || f-f != 0 {
			return "write a number"
		}
		v.SetFloat(f)
	default:
		v.SetString(text)
	}
	return ""
}

func parseTime(text string) (time.Time, error) {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t, nil
	}
	return time.Parse(time.RFC3339, text)
}

// ParseDuration reads a time span that is not negative: what time.ParseDuration reads, with days in front,
// as in 30d or 1d12h.
func ParseDuration(text string) (time.Duration, error) {
	var days int64
	rest := text
	if head, tail, ok := strings.Cut(text, "d"); ok {
		n, err := strconv.ParseUint(head, 10, 16)
		if err != nil {
			return 0, fmt.Errorf("time span %q: %w", text, err)
		}
		if tail == "" {
			tail = "0s"
		}
		days, rest = int64(n), tail
	}
	dur, err := time.ParseDuration(rest)
	if err != nil {
		return 0, err
	}
	total := time.Duration(days)*24*time.Hour + dur
	if dur < 0 || total < 0 {
		return 0, fmt.Errorf("time span %q is negative or too long", text)
	}
	return total, nil
}

func isScalar(n ast.Node) bool {
	switch n.(type) {
	case *ast.StringNode, *ast.LiteralNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return true
	}
	return false
}

// scalarText returns a scalar as it is written: an account number keeps its leading zeros.
func scalarText(n ast.Node) string {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value
	case *ast.LiteralNode:
		return n.Value.Value
	}
	return n.GetToken().Value
}

func keyText(k ast.MapKeyNode) string {
	if s, ok := k.(*ast.StringNode); ok {
		return s.Value
	}
	return k.GetToken().Value
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func subject(path string) string {
	if path == "" {
		return "hub.yaml"
	}
	return path
}

func shorten(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
