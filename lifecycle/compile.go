package lifecycle

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"

	"github.com/lifecyclehub/hub/canon"
)

// maxDays bounds every number of days in a policy: a century.
const maxDays = 36600

// expression is a compiled number or truth with what it depends on.
type expression struct {
	source string
	number number
	truth  truth
	// reads names, per pattern, the days after which an event of it may change the answer once more;
	// 0, for the event's own moment, is among them.
	reads []read
	// stageDays and tenureDays are the ages of stage and tenure at which the answer may change.
	stageDays, tenureDays []int
	// ages says that the number itself grows with time alone.
	ages  bool
	kinds []canon.Kind
	// fields are those of the golden record that the answer depends on; moves says that it depends on the stage or cycle
	// at hand.
	fields []string
	moves  bool
}

type read struct {
	pattern int
	days    []int
	// newest are those days of which only those after the newest event of the pattern matter.
	newest []int
}

// compiler turns expressions into nodes and numbers the patterns that they use.
type compiler struct {
	patterns  []pattern
	functions map[string]function
	out       *expression
	// limits are the whole numbers that the number at hand is compared with.
	limits []int
	// prose allows the functions that give a text.
	prose bool
	// dated says that windows begin at midnights, as in scorecards, and not at the moment's own hour, as in rules.
	dated bool
	// parameters and metrics are those of the policy; within are the metrics that are being compiled.
	parameters map[string]*parameter
	metrics    map[string]*metricSpec
	within     []string
	// inlined counts the metrics that the expression at hand is made of.
	inlined int
}

func newCompiler() *compiler { return &compiler{functions: functions()} }

// rule compiles an expression that must be a truth and whose ages are compared with whole numbers only,
// so that every moment at which it may change is known.
func (c *compiler) rule(source string) (*expression, error) {
	c.dated = false
	x, err := c.compile(source)
	if err != nil {
		return nil, err
	}
	if x.truth == nil {
		return nil, errors.New("a rule must be true or false, this is a number")
	}
	if x.ages {
		return nil, errors.New("an age (days_since, overdue_days, tenure_days, days_in_stage) may only be compared with a whole number of days")
	}
	return x, nil
}

// measure compiles an expression that is a number or a truth.
func (c *compiler) measure(source string) (*expression, error) {
	c.dated = true
	return c.compile(source)
}

func (c *compiler) compile(source string) (x *expression, err error) {
	if strings.TrimSpace(source) == "" {
		return nil, errors.New("the expression is empty")
	}
	root, err := parseExpression(source)
	if err != nil {
		return nil, err
	}
	c.out, c.limits, c.inlined = &expression{source: source}, nil, 0
	if isTruth(root) {
		c.out.truth, err = c.toTruth(root)
	} else {
		c.out.number, err = c.toNumber(root)
	}
	if err != nil {
		return nil, err
	}
	return c.out, nil
}

// parseExpression lets expr parse and type-check, and returns the tree.
func parseExpression(source string) (ast.Node, error) {
	program, err := expr.Compile(source, expr.Env(vocabulary{}), expr.DisableAllBuiltins(), expr.Optimize(false), expr.MaxNodes(500))
	if err != nil {
		var at *file.Error
		if errors.As(err, &at) {
			return nil, fmt.Errorf("%s (at character %d of the expression)", at.Message, at.Column+1)
		}
		return nil, err
	}
	return program.Node(), nil
}

// isTruth tells by a node's shape whether it is a truth rather than a number.
func isTruth(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BoolNode:
		return true
	case *ast.UnaryNode:
		return n.Operator == "not" || n.Operator == "!"
	case *ast.BinaryNode:
		return !slices.Contains([]string{"+", "-", "*", "/", "??"}, n.Operator)
	case *ast.CallNode:
		return n.Type() != nil && n.Type().Kind() == reflect.Bool
	}
	return false
}

func unsupported(n ast.Node) error {
	return fmt.Errorf("%q is not part of policy expressions: use comparisons, and, or, not, + - * /, ?? and the functions", n.String())
}

func (c *compiler) toTruth(n ast.Node) (truth, error) {
	switch n := n.(type) {
	case *ast.BoolNode:
		return truthLiteral(n.Value), nil
	case *ast.UnaryNode:
		if n.Operator == "not" || n.Operator == "!" {
			of, err := c.toTruth(n.Node)
			return inverse{of}, err
		}
	case *ast.BinaryNode:
		return c.binaryTruth(n)
	case *ast.CallNode:
		return c.callTruth(n)
	}
	return nil, unsupported(n)
}

func (c *compiler) binaryTruth(n *ast.BinaryNode) (truth, error) {
	switch n.Operator {
	case "and", "&&", "or", "||":
		left, err := c.toTruth(n.Left)
		if err != nil {
			return nil, err
		}
		right, err := c.toTruth(n.Right)
		if n.Operator == "and" || n.Operator == "&&" {
			return conjunction{left, right}, err
		}
		return disjunction{left, right}, err
	case "in":
		return c.among(n)
	case "<", "<=", ">", ">=", "==", "!=":
		if isText(n.Left) && isText(n.Right) && (n.Operator == "==" || n.Operator == "!=") {
			left, err := c.toText(n.Left)
			if err != nil {
				return nil, err
			}
			right, err := c.toText(n.Right)
			return wording{left, right, n.Operator == "=="}, err
		}
		return c.compare(n)
	}
	return nil, unsupported(n)
}

// compare compiles a comparison of numbers. A side that ages is told the whole number that it is held
// against: its answer may change when the age reaches that number of days, and again one day later.
func (c *compiler) compare(n *ast.BinaryNode) (truth, error) {
	left, err := c.side(n.Left, n.Right)
	if err != nil {
		return nil, err
	}
	right, err := c.side(n.Right, n.Left)
	return comparison{n.Operator, left, right}, err
}

func (c *compiler) side(n, other ast.Node) (number, error) {
	outer := c.limits
	defer func() { c.limits = outer }()
	c.limits = nil
	if i, ok := other.(*ast.IntegerNode); ok && i.Value >= 0 && i.Value < maxDays {
		c.limits = []int{i.Value, i.Value + 1}
	}
	if call, ok := other.(*ast.CallNode); ok && calleeOf(call) == "param" {
		name, err := nameIn(call)
		if err != nil {
			return nil, err
		}
		p, err := c.parameterNamed(name)
		if err != nil {
			return nil, err
		}
		c.limits = p.limits()
	}
	return c.toNumber(n)
}

func (c *compiler) toNumber(n ast.Node) (number, error) {
	switch n := n.(type) {
	case *ast.IntegerNode:
		return numberLiteral(n.Value), nil
	case *ast.FloatNode:
		return numberLiteral(n.Value), nil
	case *ast.UnaryNode:
		if n.Operator == "-" || n.Operator == "+" {
			c.limits = nil
			of, err := c.toNumber(n.Node)
			if n.Operator == "-" {
				return negation{of}, err
			}
			return of, err
		}
	case *ast.BinaryNode:
		return c.binaryNumber(n)
	case *ast.CallNode:
		return c.callNumber(n)
	}
	return nil, unsupported(n)
}

func (c *compiler) binaryNumber(n *ast.BinaryNode) (number, error) {
	if !slices.Contains([]string{"+", "-", "*", "/", "??"}, n.Operator) {
		return nil, unsupported(n)
	}
	if n.Operator != "??" {
		c.limits = nil
	}
	left, err := c.toNumber(n.Left)
	if err != nil {
		return nil, err
	}
	right, err := c.toNumber(n.Right)
	if n.Operator == "??" {
		return fallback{left, right}, err
	}
	return arithmetic{n.Operator[0], left, right}, err
}

func (c *compiler) callTruth(n *ast.CallNode) (truth, error) {
	if calleeOf(n) == "known" {
		c.limits = []int{} // whether an age is known does not change with time alone
		of, err := c.toNumber(n.Arguments[0])
		return knownNumber{of}, err
	}
	inv, err := c.invoke(n)
	if err == nil && inv.fn.truth == nil {
		return nil, unsupported(n)
	}
	return inv, err
}

func (c *compiler) callNumber(n *ast.CallNode) (number, error) {
	switch calleeOf(n) {
	case "param", "metric", "number":
		return c.named(n)
	case "ratio":
		c.limits = nil
		over, err := c.toNumber(n.Arguments[0])
		if err != nil {
			return nil, err
		}
		under, err := c.toNumber(n.Arguments[1])
		return ratio{over, under}, err
	}
	inv, err := c.invoke(n)
	if err == nil && inv.fn.number == nil {
		return nil, unsupported(n)
	}
	return inv, err
}

func isText(n ast.Node) bool {
	return n.Type() != nil && n.Type().Kind() == reflect.String
}

func (c *compiler) toText(n ast.Node) (text, error) {
	if s, ok := n.(*ast.StringNode); ok {
		return text{literal: s.Value}, nil
	}
	call, ok := n.(*ast.CallNode)
	if !ok {
		return text{}, unsupported(n)
	}
	if calleeOf(call) == "field" {
		name, err := nameIn(call)
		c.out.fields = union(c.out.fields, []string{name})
		return text{field: name}, err
	}
	inv, err := c.invoke(call)
	if err == nil && inv.fn.reads == "" && inv.pattern >= 0 && !c.prose {
		return text{}, fmt.Errorf("%s may only stand in a reason", inv.name)
	}
	return text{call: inv}, err
}

func calleeOf(n *ast.CallNode) string {
	if id, ok := n.Callee.(*ast.IdentifierNode); ok {
		return id.Value
	}
	return ""
}
