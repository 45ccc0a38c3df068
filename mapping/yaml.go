package mapping

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/lifecyclehub/hub/canon"
)

// maxDepth bounds the nesting of a mapping file, maxFile its bytes.
const (
	maxDepth = 32
	maxFile  = 1 << 20
)

// Complaint is one fault of a mapping file.
type Complaint struct {
	File         string
	Line, Column int
	// Message is one sentence, Hint says what to do.
	Message, Hint string
}

func (c Complaint) String() string {
	s := fmt.Sprintf("%s:%d:%d: %s", c.File, c.Line, c.Column, c.Message)
	if c.Hint != "" {
		s += " (" + c.Hint + ")"
	}
	return s
}

// Complaints are all faults of one mapping file, in the order of the file.
type Complaints []Complaint

func (c Complaints) Error() string {
	lines := make([]string, len(c))
	for i := range c {
		lines[i] = c[i].String()
	}
	return strings.Join(lines, "\n")
}

// node is a YAML value that knows where it stands.
type node struct {
	line, col int
	// pairs is set for a mapping, items for a sequence, text for a scalar.
	shape shape
	pairs []pair
	items []*node
	text  string
}

type shape int

const (
	isNull shape = iota
	isScalar
	isMap
	isList
)

func (s shape) String() string {
	return [...]string{"nothing", "a single value", "a mapping", "a list"}[s]
}

type pair struct {
	key       string
	line, col int
	value     *node
}

// get returns the value under key, nil where it is absent.
func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	for _, p := range n.pairs {
		if p.key == key {
			return p.value
		}
	}
	return nil
}

// reader collects complaints while a file is read.
type reader struct {
	file string
	bad  Complaints
	opts Options
}

func (r *reader) complain(n *node, hint, format string, args ...any) {
	r.bad = append(r.bad, Complaint{File: r.file, Line: n.line, Column: n.col, Message: fmt.Sprintf(format, args...), Hint: hint})
}

// document parses src into one node, or complains and returns nil.
func (r *reader) document(src []byte) *node {
	start := &node{line: 1, col: 1}
	if len(src) > maxFile {
		r.complain(start, "split it", "The file has %d bytes; a mapping file may have %d.", len(src), maxFile)
		return nil
	}
	file, err := parseYAML(src)
	if err != nil {
		var se yaml.Error
		message := err.Error()
		if errors.As(err, &se) && se.GetToken() != nil {
			start = at(se.GetToken())
			message = se.GetMessage()
		}
		r.complain(start, "check the indentation and quotes around here", "This is not YAML: %s.", strings.TrimSuffix(message, "."))
		return nil
	}
	var body ast.Node
	for _, d := range file.Docs {
		if d == nil || d.Body == nil || d.Body.Type() == ast.CommentType {
			continue
		}
		if body != nil {
			r.complain(at(d.Body.GetToken()), "put everything into one document", "There is a second document in the file.")
			return nil
		}
		body = d.Body
	}
	if body == nil {
		r.complain(start, `begin with "streams:"`, "The file is empty.")
		return nil
	}
	return r.convert(body, 0)
}

// parseYAML guards against the parser itself: a mapping file is foreign input.
func parseYAML(src []byte) (file *ast.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			file, err = nil, canon.Errorf("mapping.invalid", "the YAML parser gave up: %v", p)
		}
	}()
	return parser.ParseBytes(src, 0)
}

func at(t *token.Token) *node {
	if t == nil || t.Position == nil {
		return &node{line: 1, col: 1}
	}
	return &node{line: max(t.Position.Line, 1), col: max(t.Position.Column, 1)}
}

func (r *reader) convert(n ast.Node, depth int) *node {
	if n == nil {
		return &node{line: 1, col: 1}
	}
	out := at(n.GetToken())
	if depth > maxDepth {
		r.complain(out, "flatten it", "The file is nested deeper than %d levels.", maxDepth)
		return out
	}
	switch v := n.(type) {
	case *ast.NullNode:
	case *ast.StringNode:
		out.shape, out.text = isScalar, v.Value
	case *ast.LiteralNode:
		out.shape, out.text = isScalar, v.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		out.shape, out.text = isScalar, n.GetToken().Value
	case *ast.MappingNode:
		out.shape = isMap
		for _, p := range v.Values {
			r.addPair(out, p, depth)
		}
	case *ast.MappingValueNode:
		out.shape = isMap
		r.addPair(out, v, depth)
	case *ast.SequenceNode:
		out.shape = isList
		for _, item := range v.Values {
			out.items = append(out.items, r.convert(item, depth+1))
		}
	default:
		r.complain(out, "write the value out", "Anchors, aliases, merge keys and tags are not supported here (%s).", n.Type())
	}
	return out
}

func (r *reader) addPair(out *node, p *ast.MappingValueNode, depth int) {
	if len(out.pairs) == 0 {
		// A mapping's own token is a colon or brace; its first key is where a reader looks.
		first := at(p.Key.GetToken())
		out.line, out.col = first.line, first.col
	}
	k := at(p.Key.GetToken())
	var text string
	switch key := p.Key.(type) {
	case *ast.StringNode:
		text = key.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
		text = p.Key.GetToken().Value
	default:
		r.complain(k, "use a plain word as key", "This key is not a plain value (%s).", p.Key.Type())
		return
	}
	if out.get(text) != nil {
		r.complain(k, "remove one of them", "The key %q stands twice.", text)
		return
	}
	out.pairs = append(out.pairs, pair{key: text, line: k.line, col: k.col, value: r.convert(p.Value, depth+1)})
}
