package lifecycle

import (
	"fmt"

	"github.com/expr-lang/expr/ast"
)

// named compiles a number that is asked for by its name: a parameter, a metric or a field.
func (c *compiler) named(n *ast.CallNode) (number, error) {
	name, err := nameIn(n)
	if err != nil {
		return nil, err
	}
	switch calleeOf(n) {
	case "param":
		p, err := c.parameterNamed(name)
		if err != nil {
			return nil, err
		}
		for _, when := range p.cases {
			c.out.fields = union(c.out.fields, when.fields)
		}
		return paramNode{p}, nil
	case "metric":
		return c.metric(name)
	}
	c.out.fields = union(c.out.fields, []string{name})
	return fieldNumber(name), nil
}

// nameIn returns the name in quotes that a call has as its only argument.
func nameIn(n *ast.CallNode) (string, error) {
	if len(n.Arguments) == 1 {
		if s, ok := n.Arguments[0].(*ast.StringNode); ok && s.Value != "" {
			return s.Value, nil
		}
	}
	return "", fmt.Errorf("%s takes a name in quotes", calleeOf(n))
}

// among compiles `field("plan") in ["pro", "max"]`.
func (c *compiler) among(n *ast.BinaryNode) (truth, error) {
	if !isText(n.Left) {
		return nil, unsupported(n)
	}
	left, err := c.toText(n.Left)
	if err != nil {
		return nil, err
	}
	list, err := textsOf(n.Right)
	return membership{left, list}, err
}
