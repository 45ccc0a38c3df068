package airbyte

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/lifecyclehub/hub/canon"
)

const (
	// maxSource bounds a manifest, maxNodes what anchors and references may make of it.
	maxSource, maxNodes = 16 << 20, 3_000_000
	// maxDepth bounds how deep its values may nest.
	maxDepth = 200
)

// reader turns YAML into values.
type reader struct {
	file    string
	anchors map[string]ast.Node
	open    map[string]bool
	nodes   int
}

// complaint is an error at a place in the manifest.
func complaint(file string, d *dict, format string, args ...any) *canon.Error {
	at := file
	if d != nil && d.line > 0 {
		at = fmt.Sprintf("%s:%d:%d", file, d.line, d.col)
	}
	return canon.Errorf("manifest.invalid", "%s: %s", at, fmt.Sprintf(format, args...)).
		WithHint("The manifest must be one that the low-code connector format allows.")
}

// readYAML reads a manifest's source.
func readYAML(file string, src []byte) (top *dict, err error) {
	if len(src) > maxSource {
		return nil, complaint(file, nil, "the manifest is larger than %d bytes", maxSource)
	}
	if deepest(src) > maxDepth {
		return nil, complaint(file, nil, "the manifest nests deeper than %d levels", maxDepth)
	}
	// The YAML library panics on some input that is no YAML.
	defer func() {
		if r := recover(); r != nil {
			top, err = nil, complaint(file, nil, "the manifest is no YAML")
		}
	}()
	f, perr := parser.ParseBytes(src, 0)
	if perr != nil {
		return nil, yamlComplaint(file, perr)
	}
	r := &reader{file: file, anchors: map[string]ast.Node{}, open: map[string]bool{}}
	for _, doc := range f.Docs {
		if doc == nil || doc.Body == nil {
			continue
		}
		v, err := r.value(doc.Body, 0)
		if err != nil {
			return nil, err
		}
		d, ok := v.(*dict)
		if !ok {
			return nil, complaint(file, nil, "the manifest is no mapping")
		}
		return d, nil
	}
	return nil, complaint(file, nil, "the manifest is empty")
}

// yamlComplaint keeps the place and the first line of what the library says.
func yamlComplaint(file string, err error) error {
	text, _, _ := strings.Cut(err.Error(), "\n")
	var line, col int
	if _, serr := fmt.Sscanf(text, "[%d:%d]", &line, &col); serr == nil {
		_, text, _ = strings.Cut(text, "] ")
		return complaint(file, &dict{line: line, col: col}, "%s", text)
	}
	return complaint(file, nil, "%s", text)
}

// deepest bounds the nesting from above, so that the parser is not led into the ground.
func deepest(src []byte) int {
	deep, now, indent := 0, 0, 0
	blanks, start := 0, true
	for _, c := range src {
		switch {
		case c == '\n':
			now, blanks, start = 0, 0, true
		case start && (c == ' ' || c == '-' || c == '?'):
			blanks++
			indent = max(indent, blanks)
		case c == '[' || c == '{':
			start = false
			now++
			deep = max(deep, now)
		case c == ']' || c == '}':
			start = false
			now = max(now-1, 0)
		default:
			start = false
		}
	}
	return max(deep, indent/16)
}

func (r *reader) value(n ast.Node, depth int) (any, error) {
	r.nodes++
	if r.nodes > maxNodes || depth > maxDepth {
		return nil, r.at(n, "the manifest is too large or nests too deep")
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return r.mapping(n, n.Values, depth)
	case *ast.MappingValueNode:
		return r.mapping(n, []*ast.MappingValueNode{n}, depth)
	case *ast.SequenceNode:
		out := make([]any, 0, len(n.Values))
		for _, x := range n.Values {
			v, err := r.value(x, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	case *ast.AnchorNode:
		r.anchors[n.Name.String()] = n.Value
		return r.value(n.Value, depth+1)
	case *ast.AliasNode:
		name := n.Value.String()
		target, ok := r.anchors[name]
		if !ok || r.open[name] {
			return nil, r.at(n, "the alias *%s stands for nothing", name)
		}
		r.open[name] = true
		v, err := r.value(target, depth+1)
		delete(r.open, name)
		return v, err
	case *ast.TagNode:
		v, err := r.value(n.Value, depth+1)
		if n.Start != nil && n.Start.Value == "!!str" {
			return pyStr(v), err
		}
		return v, err
	}
	return scalar(n), nil
}

func (r *reader) at(n ast.Node, format string, args ...any) error {
	d := &dict{}
	if t := n.GetToken(); t != nil && t.Position != nil {
		d.line, d.col = t.Position.Line, t.Position.Column
	}
	return complaint(r.file, d, format, args...)
}

func (r *reader) mapping(n ast.Node, pairs []*ast.MappingValueNode, depth int) (any, error) {
	d := newDict()
	var merged []*dict
	for _, p := range pairs {
		if d.line == 0 {
			if t := p.Key.GetToken(); t != nil && t.Position != nil {
				d.line, d.col = t.Position.Line, t.Position.Column
			}
		}
		v, err := r.value(p.Value, depth+1)
		if err != nil {
			return nil, err
		}
		if _, ok := p.Key.(*ast.MergeKeyNode); ok {
			switch v := v.(type) {
			case *dict:
				merged = append(merged, v)
			case []any:
				for _, x := range v {
					if m, ok := x.(*dict); ok {
						merged = append(merged, m)
					}
				}
			}
			continue
		}
		k, err := r.value(p.Key, depth+1)
		if err != nil {
			return nil, err
		}
		d.set(pyStr(k), v)
	}
	for _, m := range merged {
		for _, k := range m.keys {
			if _, has := d.get(k); !has {
				d.set(k, m.vals[k])
			}
		}
	}
	return d, nil
}

// scalar reads a scalar as YAML 1.1 does, which the format is written for: yes, no, on and off are booleans.
func scalar(n ast.Node) any {
	switch n := n.(type) {
	case *ast.NullNode:
		return nil
	case *ast.BoolNode:
		return n.Value
	case *ast.IntegerNode:
		switch v := n.Value.(type) {
		case int64:
			return v
		case uint64:
			if v < 1<<63 {
				return int64(v)
			}
			return json.Number(fmt.Sprint(v))
		}
		return n.String()
	case *ast.FloatNode:
		return n.Value
	case *ast.LiteralNode:
		return n.Value.Value
	case *ast.StringNode:
		if t := n.GetToken(); t != nil && t.Type.String() == "String" {
			switch t.Value {
			case "yes", "Yes", "YES", "on", "On", "ON":
				return true
			case "no", "No", "NO", "off", "Off", "OFF":
				return false
			}
		}
		return n.Value
	case *ast.InfinityNode:
		return n.Value
	case *ast.NanNode:
		return "nan"
	}
	return n.String()
}
