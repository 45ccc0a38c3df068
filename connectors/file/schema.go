package file

import (
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"
)

// maxDepth bounds how deep a Parquet schema may nest.
const maxDepth = 64

// node is one element of a Parquet schema.
type node struct {
	name               string
	quoted             []byte
	optional, repeated bool
	// list and dict mark the groups that stand for a list or a map.
	list, dict bool
	children   []*node
	// put writes a value; nil for groups.
	put func(out []byte, v parquet.Value) []byte
	// begin and end are the leaves below, as columns of the file. A leaf is its own.
	begin, end int
}

// schemaOf builds the tree from a file's list of elements, which holds it depth first.
func schemaOf(elements []format.SchemaElement) (*node, error) {
	b := schemaBuilder{elements: elements}
	root, err := b.node(0)
	switch {
	case err != nil:
		return nil, err
	case len(b.elements) > 0 || root.put != nil:
		return nil, errors.New("the file is damaged: its schema does not add up")
	}
	return root, nil
}

type schemaBuilder struct {
	elements []format.SchemaElement
	leaves   int
}

func (b *schemaBuilder) node(depth int) (*node, error) {
	if len(b.elements) == 0 || depth > maxDepth {
		return nil, errors.New("the file is damaged: its schema does not add up")
	}
	e := &b.elements[0]
	b.elements = b.elements[1:]
	n := &node{name: e.Name, quoted: quote(e.Name), begin: b.leaves}
	if depth > 0 {
		n.optional = e.RepetitionType.Valid && e.RepetitionType.V == format.Optional
		n.repeated = e.RepetitionType.Valid && e.RepetitionType.V == format.Repeated
	}
	if e.Type.Valid {
		b.leaves++
		n.end = b.leaves
		var err error
		n.put, err = writerOf(e)
		return n, err
	}
	switch e.LogicalType.Value.(type) {
	case *format.ListType:
		n.list = true
	case *format.MapType:
		n.dict = true
	case nil:
		n.list = e.ConvertedType.Valid && e.ConvertedType.V == deprecated.List
		n.dict = e.ConvertedType.Valid && (e.ConvertedType.V == deprecated.Map || e.ConvertedType.V == deprecated.MapKeyValue)
	}
	for range e.NumChildren.V {
		child, err := b.node(depth + 1)
		if err != nil {
			return nil, err
		}
		n.children = append(n.children, child)
	}
	n.end = b.leaves
	n.settle()
	return n, nil
}

// settle takes the marks off groups that do not have the form of what they stand for.
func (n *node) settle() {
	repeated := len(n.children) == 1 && n.children[0].repeated
	n.list = n.list && repeated
	n.dict = n.dict && repeated && len(n.children[0].children) == 2 && n.children[0].children[0].put != nil
}

// element is what a list holds: the only child of its repeated group, or, in older files, that group itself.
func (n *node) element() *node {
	inner := n.children[0]
	if len(inner.children) == 1 && inner.name != "array" && inner.name != n.name+"_tuple" {
		return inner.children[0]
	}
	return nil
}

// level is how many repetitions and definitions lead to a place of the schema.
type level struct{ repeated, defined int }

// write writes the value at a node, using up the values of the leaves below it.
func (t *table) write(out []byte, n *node, at level) ([]byte, error) {
	if n.begin == n.end {
		return append(out, "{}"...), nil
	}
	switch {
	case n.repeated:
		out = append(out, '[')
		out, err := t.each(out, n, at, func(out []byte, at level) ([]byte, error) { return t.content(out, n, at) })
		return append(out, ']'), err
	case n.optional:
		at.defined++
		first, err := t.peek(n)
		if err != nil {
			return nil, err
		}
		if first.DefinitionLevel() < at.defined {
			return append(out, "null"...), t.skip(n)
		}
	}
	return t.content(out, n, at)
}

// content writes what is there.
func (t *table) content(out []byte, n *node, at level) ([]byte, error) {
	switch {
	case n.put != nil:
		v, err := t.peek(n)
		if err != nil {
			return nil, err
		}
		t.used[n.begin]++
		if v.IsNull() {
			return append(out, "null"...), nil
		}
		return n.put(out, v), nil
	case n.list:
		out = append(out, '[')
		element := n.element()
		out, err := t.each(out, n.children[0], at, func(out []byte, at level) ([]byte, error) {
			if element != nil {
				return t.write(out, element, at)
			}
			return t.content(out, n.children[0], at)
		})
		return append(out, ']'), err
	case n.dict:
		out = append(out, '{')
		out, err := t.each(out, n.children[0], at, func(out []byte, at level) ([]byte, error) {
			return t.entry(out, n.children[0], at)
		})
		return append(out, '}'), err
	}
	out = append(out, '{')
	for i, child := range n.children {
		if i > 0 {
			out = append(out, ',')
		}
		var err error
		if out, err = t.write(append(append(out, child.quoted...), ':'), child, at); err != nil {
			return nil, err
		}
	}
	return append(out, '}'), nil
}

// entry writes one pair of a map; keys that are no texts become texts.
func (t *table) entry(out []byte, n *node, at level) ([]byte, error) {
	key, err := t.write(nil, n.children[0], at)
	if err != nil {
		return nil, err
	}
	out = append(append(out, quote(scalar(key))...), ':')
	return t.write(out, n.children[1], at)
}

// each calls one for every element of a repeated node.
func (t *table) each(out []byte, n *node, at level, one func([]byte, level) ([]byte, error)) ([]byte, error) {
	at.repeated, at.defined = at.repeated+1, at.defined+1
	first, err := t.peek(n)
	if err != nil {
		return nil, err
	}
	if first.DefinitionLevel() < at.defined {
		return out, t.skip(n)
	}
	for i := 0; ; i++ {
		if i > 0 {
			out = append(out, ',')
		}
		if out, err = one(out, at); err != nil {
			return nil, err
		}
		if next, err := t.peek(n); err != nil || next.RepetitionLevel() != at.repeated {
			return out, nil
		}
	}
}

// peek returns the next value of the first leaf below a node.
func (t *table) peek(n *node) (parquet.Value, error) {
	i := n.begin
	if i >= len(t.values) || t.used[i] >= len(t.values[i]) {
		return parquet.Value{}, fmt.Errorf("the file is damaged: the column %s ends early", n.name)
	}
	return t.values[i][t.used[i]], nil
}

// skip uses up the one value that each leaf has for what is not there.
func (t *table) skip(n *node) error {
	for i := n.begin; i < n.end; i++ {
		if t.used[i] >= len(t.values[i]) {
			return fmt.Errorf("the file is damaged: the column %s ends early", n.name)
		}
		t.used[i]++
	}
	return nil
}
