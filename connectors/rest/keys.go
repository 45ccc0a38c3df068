package rest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// stepsMax bounds how many values a file may have with all its aliases followed: anchors that name anchors
// could otherwise grow without end.
const stepsMax = 200_000

// keys holds a file's tree against the types that it is decoded into: every unknown key and every value of the
// wrong kind is told, with its place, where a decoder would stop at the first. It also notes where keys stand.
type keys struct {
	*complaints
	anchors map[string]ast.Node
	// steps counts values, depth those around the one that is looked at.
	steps, depth int
}

func (k *keys) Visit(node ast.Node) ast.Visitor {
	if a, ok := node.(*ast.AnchorNode); ok && a.Name != nil {
		k.anchors[a.Name.String()] = a.Value
	}
	return k
}

// resolve follows anchors, aliases and tags.
func (k *keys) resolve(node ast.Node) ast.Node {
	for range 32 {
		switch n := node.(type) {
		case *ast.AnchorNode:
			node = n.Value
		case *ast.AliasNode:
			node = k.anchors[n.Value.String()]
		case *ast.TagNode:
			node = n.Value
		default:
			return node
		}
	}
	return nil
}

// walk compares node with t. It stops early where the file is too large.
func (k *keys) walk(path string, node ast.Node, t reflect.Type) {
	if k.depth++; k.depth > depthMax {
		// Also where an anchor holds an alias of itself.
		k.steps = stepsMax
	}
	defer func() { k.depth-- }()
	if k.steps++; k.steps > stepsMax || len(k.found) >= complaintsMax || node == nil {
		return
	}
	if tk := node.GetToken(); tk != nil && tk.Position != nil && path != "" {
		if _, known := k.places[path]; !known {
			k.places[path] = place{tk.Position.Line, tk.Position.Column}
		}
	}
	if node = k.resolve(node); node == nil || node.Type() == ast.NullType {
		return
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if k.special(path, node, t) {
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		k.structure(path, node, t)
	case reflect.Map:
		k.members(path, node, func(name string, _, v ast.Node) { k.walk(join(path, name), v, t.Elem()) })
	case reflect.Slice:
		seq, ok := node.(*ast.SequenceNode)
		if !ok {
			k.add(path, "this must be a list: begin each item with a dash, or write [a, b]")
			return
		}
		for i, v := range seq.Values {
			k.walk(fmt.Sprintf("%s[%d]", path, i), v, t.Elem())
		}
	case reflect.Interface:
		k.free(path, node)
	default:
		k.scalar(path, node, t)
	}
}

// special handles the types that read more than one form.
func (k *keys) special(path string, node ast.Node, t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[Duration]():
		if s, ok := node.(ast.ScalarNode); ok {
			if v, err := time.ParseDuration(fmt.Sprint(s.GetValue())); err == nil && v >= 0 {
				return true
			}
			k.add(path, "%q is no duration: write a number with a unit, such as 90s, 5m or 24h", fmt.Sprint(s.GetValue()))
			return true
		}
	case reflect.TypeFor[Values]():
		if seq, ok := node.(*ast.SequenceNode); ok {
			for i, v := range seq.Values {
				k.walk(fmt.Sprintf("%s[%d]", path, i), v, reflect.TypeFor[string]())
			}
			return true
		}
		k.scalar(path, node, reflect.TypeFor[string]())
		return true
	case reflect.TypeFor[HookStream]():
		_, text := node.(ast.ScalarNode)
		return text
	}
	return false
}

// structure tells the keys that t does not have.
func (k *keys) structure(path string, node ast.Node, t reflect.Type) {
	fields := map[string]reflect.Type{}
	fieldsOf(t, fields)
	k.members(path, node, func(name string, key, v ast.Node) {
		ft, ok := fields[name]
		if !ok {
			if at := key.GetToken().Position; at != nil {
				k.places[join(path, name)] = place{at.Line, at.Column}
			}
			hint := "the keys here are " + strings.Join(sortedKeys(fields), ", ")
			if near := nearest(name, sortedKeys(fields)); near != "" {
				hint = "did you mean " + near + "?"
			}
			k.say(join(path, name), fmt.Sprintf("unknown field %q", name), hint)
			return
		}
		k.walk(join(path, name), v, ft)
	})
}

func fieldsOf(t reflect.Type, into map[string]reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case options == "inline":
			fieldsOf(f.Type, into)
		case name != "" && f.IsExported():
			into[name] = f.Type
		}
	}
}

// members visits the members of a mapping, those of merged ones included.
func (k *keys) members(path string, node ast.Node, visit func(name string, key, value ast.Node)) {
	var values []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		k.add(path, "this must hold keys: write key: value lines, or {key: value}")
		return
	}
	for _, v := range values {
		if k.steps++; k.steps > stepsMax || len(k.found) >= complaintsMax {
			return
		}
		if v.Key.IsMergeKey() {
			if k.depth++; k.depth > depthMax {
				k.steps = stepsMax
			} else if inner := k.resolve(v.Value); inner != nil {
				k.members(path, inner, visit)
			}
			k.depth--
			continue
		}
		name := v.Key.GetToken().Value
		visit(name, v.Key, v.Value)
	}
}

// free walks what may hold anything, for the places and the bound.
func (k *keys) free(path string, node ast.Node) {
	switch n := node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		k.members(path, n, func(name string, _, v ast.Node) { k.walk(join(path, name), v, reflect.TypeFor[any]()) })
	case *ast.SequenceNode:
		for i, v := range n.Values {
			k.walk(fmt.Sprintf("%s[%d]", path, i), v, reflect.TypeFor[any]())
		}
	}
}

func (k *keys) scalar(path string, node ast.Node, t reflect.Type) {
	if _, ok := node.(ast.ScalarNode); !ok {
		k.add(path, "this must be a single value, not a list and not keys: %s", "write it on the same line as its key")
		return
	}
	wants := ""
	switch t.Kind() {
	case reflect.Bool:
		if node.Type() != ast.BoolType {
			wants = "true or false"
		}
	case reflect.Int, reflect.Int64:
		if node.Type() != ast.IntegerType {
			wants = "a whole number"
		}
	case reflect.Float64:
		if !slices.Contains([]ast.NodeType{ast.IntegerType, ast.FloatType}, node.Type()) {
			wants = "a number"
		}
	}
	if wants != "" {
		k.add(path, "this must be %s: %q is not", wants, node.String())
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
