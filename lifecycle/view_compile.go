package lifecycle

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
)

// viewVocabulary is what rules about a finished assessment are type-checked against.
type viewVocabulary struct {
	Score      func(string) float64         `expr:"score"`
	Band       func(string) string          `expr:"band"`
	Card       func(string) string          `expr:"card"`
	Coverage   func(string) float64         `expr:"coverage"`
	Capped     func(string, ...string) bool `expr:"capped"`
	DaysInBand func(string) float64         `expr:"days_in_band"`
	Verdict    func() string                `expr:"verdict"`
	Stage      func() string                `expr:"stage"`
	InStage    func() float64               `expr:"days_in_stage"`
	Cycle      func() float64               `expr:"cycle"`
	Flag       func(string) bool            `expr:"flag"`
	InSegment  func(string) bool            `expr:"in_segment"`
	Metric     func(string) float64         `expr:"metric"`
	Field      func(string) string          `expr:"field"`
	Number     func(string) float64         `expr:"number"`
	MRR        func() float64               `expr:"mrr"`
	Known      func(float64) bool           `expr:"known"`
}

type (
	viewNumber func(*View) (float64, bool)
	viewTruth  func(*View) tri
	viewText   func(*View) string
)

// viewCompiler turns an expression about a finished assessment into functions.
type viewCompiler struct {
	rule Rule
	// limit is the whole number that the number at hand is compared with, −1 where it is not.
	limit int
	prose bool
}

// compileRule compiles a rule about a finished assessment.
func compileRule(source string) (Rule, error) {
	root, err := parseView(source)
	if err != nil {
		return Rule{}, err
	}
	c := &viewCompiler{rule: Rule{source: source}, limit: -1}
	c.rule.truth, err = c.toTruth(root)
	return c.rule, err
}

// compileSentence compiles a sentence with figures about a finished assessment.
func compileSentence(source string) (Sentence, []viewName, error) {
	var out Sentence
	c := &viewCompiler{limit: -1, prose: true}
	for rest := source; ; {
		before, inside, found := strings.Cut(rest, "{")
		if before != "" {
			out = append(out, func(*View) string { return before })
		}
		if !found {
			return out, c.rule.uses, nil
		}
		code, behind, closed := strings.Cut(inside, "}")
		if !closed {
			return nil, nil, errors.New("an opening brace has no closing one")
		}
		rest = behind
		piece, err := c.figure(code)
		if err != nil {
			return nil, nil, fmt.Errorf("{%s}: %w", code, err)
		}
		out = append(out, piece)
	}
}

func (c *viewCompiler) figure(code string) (func(*View) string, error) {
	root, err := parseView(code)
	if err != nil {
		return nil, err
	}
	if isText(root) {
		return c.toText(root)
	}
	n, err := c.toNumber(root)
	if err != nil {
		return nil, err
	}
	return func(v *View) string {
		if x, ok := n(v); ok {
			return decimal(x)
		}
		return "unknown"
	}, nil
}

func parseView(source string) (ast.Node, error) {
	if strings.TrimSpace(source) == "" {
		return nil, errors.New("the expression is empty")
	}
	program, err := expr.Compile(source, expr.Env(viewVocabulary{}), expr.DisableAllBuiltins(), expr.Optimize(false), expr.MaxNodes(500))
	if err != nil {
		var at *file.Error
		if errors.As(err, &at) {
			return nil, fmt.Errorf("%s (at character %d of the expression)", at.Message, at.Column+1)
		}
		return nil, err
	}
	return program.Node(), nil
}

func (c *viewCompiler) toTruth(n ast.Node) (viewTruth, error) {
	switch n := n.(type) {
	case *ast.BoolNode:
		answer := triOf(n.Value, true)
		return func(*View) tri { return answer }, nil
	case *ast.UnaryNode:
		if n.Operator == "not" || n.Operator == "!" {
			of, err := c.toTruth(n.Node)
			return func(v *View) tri { return yes - of(v) }, err
		}
	case *ast.BinaryNode:
		return c.binaryTruth(n)
	case *ast.CallNode:
		return c.callTruth(n)
	}
	return nil, unsupported(n)
}

func (c *viewCompiler) binaryTruth(n *ast.BinaryNode) (viewTruth, error) {
	switch n.Operator {
	case "and", "&&", "or", "||":
		left, err := c.toTruth(n.Left)
		if err != nil {
			return nil, err
		}
		right, err := c.toTruth(n.Right)
		if n.Operator == "and" || n.Operator == "&&" {
			return func(v *View) tri { return min(left(v), right(v)) }, err
		}
		return func(v *View) tri { return max(left(v), right(v)) }, err
	case "in":
		return c.membership(n)
	case "<", "<=", ">", ">=", "==", "!=":
		if isText(n.Left) && isText(n.Right) && (n.Operator == "==" || n.Operator == "!=") {
			left, err := c.toText(n.Left)
			if err != nil {
				return nil, err
			}
			right, err := c.toText(n.Right)
			equal := n.Operator == "=="
			c.compared(n.Left, n.Right)
			return func(v *View) tri { return triOf((left(v) == right(v)) == equal, true) }, err
		}
		return c.compare(n)
	}
	return nil, unsupported(n)
}

// membership compiles stage() in ["retention", "loyalty"].
func (c *viewCompiler) membership(n *ast.BinaryNode) (viewTruth, error) {
	list, ok := n.Right.(*ast.ArrayNode)
	if !ok || !isText(n.Left) {
		return nil, unsupported(n)
	}
	of, err := c.toText(n.Left)
	if err != nil {
		return nil, err
	}
	var words []string
	for _, w := range list.Nodes {
		s, ok := w.(*ast.StringNode)
		if !ok {
			return nil, unsupported(n)
		}
		words = append(words, s.Value)
		c.compared(n.Left, w)
	}
	return func(v *View) tri { return triOf(slices.Contains(words, of(v)), true) }, nil
}

// compared notes the names that a text is compared with, so that a misspelt one is found.
func (c *viewCompiler) compared(a, b ast.Node) {
	call, ok := a.(*ast.CallNode)
	word, isWord := b.(*ast.StringNode)
	if !ok || !isWord {
		call, ok = b.(*ast.CallNode)
		word, isWord = a.(*ast.StringNode)
	}
	if !ok || !isWord {
		return
	}
	if kind := calleeOf(call); kind == "stage" || kind == "verdict" || kind == "band" || kind == "card" {
		c.use(kind, word.Value)
	}
}

func (c *viewCompiler) use(kind, name string) {
	if u := (viewName{kind, name}); !slices.Contains(c.rule.uses, u) {
		c.rule.uses = append(c.rule.uses, u)
	}
}

func (c *viewCompiler) compare(n *ast.BinaryNode) (viewTruth, error) {
	left, err := c.side(n.Left, n.Right)
	if err != nil {
		return nil, err
	}
	right, err := c.side(n.Right, n.Left)
	op := n.Operator
	return func(v *View) tri {
		a, ok := left(v)
		b, ok2 := right(v)
		if !ok || !ok2 {
			return unknown
		}
		return triOf(compared(op, a, b), true)
	}, err
}

func (c *viewCompiler) side(n, other ast.Node) (viewNumber, error) {
	outer := c.limit
	defer func() { c.limit = outer }()
	c.limit = -1
	if i, ok := other.(*ast.IntegerNode); ok && i.Value >= 0 && i.Value < maxDays {
		c.limit = i.Value
	}
	return c.toNumber(n)
}

func (c *viewCompiler) toNumber(n ast.Node) (viewNumber, error) {
	switch n := n.(type) {
	case *ast.IntegerNode:
		x := float64(n.Value)
		return func(*View) (float64, bool) { return x, true }, nil
	case *ast.FloatNode:
		x := n.Value
		return func(*View) (float64, bool) { return x, true }, nil
	case *ast.UnaryNode:
		if n.Operator == "-" {
			c.limit = -1
			of, err := c.toNumber(n.Node)
			return func(v *View) (float64, bool) { x, ok := of(v); return -x, ok }, err
		}
	case *ast.BinaryNode:
		return c.binaryNumber(n)
	case *ast.CallNode:
		return c.callNumber(n)
	}
	return nil, unsupported(n)
}

func (c *viewCompiler) binaryNumber(n *ast.BinaryNode) (viewNumber, error) {
	if !slices.Contains([]string{"+", "-", "*", "/", "??"}, n.Operator) {
		return nil, unsupported(n)
	}
	if n.Operator != "??" {
		c.limit = -1
	}
	left, err := c.toNumber(n.Left)
	if err != nil {
		return nil, err
	}
	right, err := c.toNumber(n.Right)
	op := n.Operator
	return func(v *View) (float64, bool) {
		a, ok := left(v)
		if op == "??" && ok {
			return a, true
		}
		b, ok2 := right(v)
		if op == "??" {
			return b, ok2
		}
		return combine(op, a, b, ok && ok2)
	}, err
}

func combine(op string, a, b float64, known bool) (float64, bool) {
	if !known {
		return 0, false
	}
	switch op {
	case "+":
		a += b
	case "-":
		a -= b
	case "*":
		a *= b
	default:
		a /= b
	}
	return a, !math.IsNaN(a) && !math.IsInf(a, 0)
}

// isTextCall says whether a call gives a text.
func isTextCall(n *ast.CallNode) bool {
	return n.Type() != nil && n.Type().Kind() == reflect.String
}

func daysBetween(from, to time.Time) float64 { return float64(to.Sub(from) / (24 * time.Hour)) }
