package lifecycle

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"

	"github.com/lifecyclehub/hub/canon"
)

// eventVocabulary is what the where of a metric is type-checked against: one event. It is never filled in.
type eventVocabulary struct {
	Value     float64              `expr:"value"`
	Amount    float64              `expr:"amount"`
	Currency  string               `expr:"currency"`
	Direction string               `expr:"direction"`
	Person    string               `expr:"person"`
	Feature   string               `expr:"feature"`
	Ref       string               `expr:"ref"`
	Type      string               `expr:"type"`
	Data      func(string) string  `expr:"data"`
	Number    func(string) float64 `expr:"number"`
}

// filter says whether a series takes an event.
type filter func(*canon.Event) tri

type (
	eventNumber func(*canon.Event) (float64, bool)
	eventText   func(*canon.Event) (string, bool)
)

// newFilter compiles the where of a metric.
func newFilter(source string) (filter, error) {
	program, err := expr.Compile(source, expr.Env(eventVocabulary{}), expr.DisableAllBuiltins(), expr.Optimize(false), expr.MaxNodes(200))
	if err != nil {
		var at *file.Error
		if errors.As(err, &at) {
			return nil, fmt.Errorf("%s (at character %d of the expression)", at.Message, at.Column+1)
		}
		return nil, err
	}
	if !isTruth(program.Node()) {
		return nil, errors.New("where must be true or false")
	}
	return filterOf(program.Node())
}

func filterOf(n ast.Node) (filter, error) {
	switch n := n.(type) {
	case *ast.BoolNode:
		v := triOf(n.Value, true)
		return func(*canon.Event) tri { return v }, nil
	case *ast.UnaryNode:
		of, err := filterOf(n.Node)
		return func(e *canon.Event) tri { return yes - of(e) }, err
	case *ast.BinaryNode:
		switch n.Operator {
		case "and", "&&", "or", "||":
			return filterBoth(n)
		case "in":
			return filterIn(n)
		}
		if isText(n.Left) && isText(n.Right) {
			return filterText(n)
		}
		return filterNumber(n)
	}
	return nil, unsupported(n)
}

func filterBoth(n *ast.BinaryNode) (filter, error) {
	left, err := filterOf(n.Left)
	if err != nil {
		return nil, err
	}
	right, err := filterOf(n.Right)
	if n.Operator == "and" || n.Operator == "&&" {
		return func(e *canon.Event) tri { return min(left(e), right(e)) }, err
	}
	return func(e *canon.Event) tri { return max(left(e), right(e)) }, err
}

// filterIn compiles `feature in ["export", "api"]`.
func filterIn(n *ast.BinaryNode) (filter, error) {
	of, err := eventTextOf(n.Left)
	if err != nil {
		return nil, err
	}
	list, err := textsOf(n.Right)
	return func(e *canon.Event) tri {
		s, known := of(e)
		return triOf(slices.Contains(list, s), known)
	}, err
}

// textsOf reads a list of texts in quotes.
func textsOf(n ast.Node) ([]string, error) {
	array, ok := n.(*ast.ArrayNode)
	if !ok {
		return nil, errors.New("behind in comes a list of texts, as in [\"export\", \"api\"]")
	}
	var out []string
	for _, item := range array.Nodes {
		s, ok := item.(*ast.StringNode)
		if !ok {
			return nil, errors.New("behind in comes a list of texts, as in [\"export\", \"api\"]")
		}
		out = append(out, s.Value)
	}
	return out, nil
}

func filterText(n *ast.BinaryNode) (filter, error) {
	test := map[string]func(a, b string) bool{
		"==": func(a, b string) bool { return a == b }, "!=": func(a, b string) bool { return a != b },
		"contains": strings.Contains, "startsWith": strings.HasPrefix, "endsWith": strings.HasSuffix,
	}[n.Operator]
	if test == nil {
		return nil, unsupported(n)
	}
	left, err := eventTextOf(n.Left)
	if err != nil {
		return nil, err
	}
	right, err := eventTextOf(n.Right)
	return func(e *canon.Event) tri {
		a, ok := left(e)
		b, ok2 := right(e)
		return triOf(test(a, b), ok && ok2)
	}, err
}

func filterNumber(n *ast.BinaryNode) (filter, error) {
	if !slices.Contains([]string{"<", "<=", ">", ">=", "==", "!="}, n.Operator) {
		return nil, unsupported(n)
	}
	left, err := eventNumberOf(n.Left)
	if err != nil {
		return nil, err
	}
	right, err := eventNumberOf(n.Right)
	op := n.Operator
	return func(e *canon.Event) tri {
		a, ok := left(e)
		b, ok2 := right(e)
		return triOf(compared(op, a, b), ok && ok2)
	}, err
}

// compared compares two numbers by an operator of the expression language.
func compared(op string, a, b float64) bool {
	switch op {
	case "<":
		return a < b
	case "<=":
		return a <= b
	case ">":
		return a > b
	case ">=":
		return a >= b
	case "==":
		return a == b
	}
	return a != b
}

func eventNumberOf(n ast.Node) (eventNumber, error) {
	fixed := func(v float64) eventNumber { return func(*canon.Event) (float64, bool) { return v, true } }
	switch n := n.(type) {
	case *ast.IntegerNode:
		return fixed(float64(n.Value)), nil
	case *ast.FloatNode:
		return fixed(n.Value), nil
	case *ast.UnaryNode:
		of, err := eventNumberOf(n.Node)
		if err != nil || n.Operator != "-" {
			return of, err
		}
		return func(e *canon.Event) (float64, bool) { v, ok := of(e); return -v, ok }, nil
	case *ast.IdentifierNode:
		if w, ok := weighings()[n.Value]; ok {
			return w, nil
		}
	case *ast.CallNode:
		if name, ok := namedData(n, "number"); ok {
			return numberInData(name), nil
		}
	}
	return nil, unsupported(n)
}

func eventTextOf(n ast.Node) (eventText, error) {
	switch n := n.(type) {
	case *ast.StringNode:
		return func(*canon.Event) (string, bool) { return n.Value, true }, nil
	case *ast.IdentifierNode:
		if k, ok := keyings()[n.Value]; ok {
			return k, nil
		}
	case *ast.CallNode:
		if name, ok := namedData(n, "data"); ok {
			return textInData(name), nil
		}
	}
	return nil, unsupported(n)
}

// namedData returns the name in data("x") or number("x").
func namedData(n *ast.CallNode, callee string) (string, bool) {
	if calleeOf(n) != callee || len(n.Arguments) != 1 {
		return "", false
	}
	s, ok := n.Arguments[0].(*ast.StringNode)
	if !ok {
		return "", false
	}
	return s.Value, true
}
