package airbyte

import (
	"fmt"
	"slices"
)

// eval is a compiled expression.
type eval func(*scope) (any, error)

// exprDepth bounds how deep an expression may nest.
const exprDepth = 120

// exprParser is a Pratt parser whose nodes are closures.
type exprParser struct {
	toks  []token
	at    int
	depth int
}

// compileExpr compiles one Jinja expression.
func compileExpr(src string) (eval, error) {
	toks, err := lex(src)
	if err != nil {
		return nil, err
	}
	p := &exprParser{toks: toks}
	e, err := p.tuple()
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != 0 {
		return nil, fmt.Errorf("%q at %d is not understood", t.text, t.at+1)
	}
	return e, nil
}

func (p *exprParser) peek() token { return p.toks[p.at] }

func (p *exprParser) isOp(op string) bool {
	t := p.peek()
	return t.kind == 'o' && t.text == op
}

func (p *exprParser) isName(name string) bool {
	t := p.peek()
	return t.kind == 'n' && t.text == name
}

func (p *exprParser) take(op string) bool {
	if p.isOp(op) {
		p.at++
		return true
	}
	return false
}

func (p *exprParser) takeName(name string) bool {
	if p.isName(name) {
		p.at++
		return true
	}
	return false
}

func (p *exprParser) want(op string) error {
	if !p.take(op) {
		return fmt.Errorf("%q is missing at %d", op, p.peek().at+1)
	}
	return nil
}

// tuple reads expressions with commas between them.
func (p *exprParser) tuple() (eval, error) {
	first, err := p.ternary()
	if err != nil || !p.isOp(",") {
		return first, err
	}
	items := []eval{first}
	for p.take(",") {
		if t := p.peek(); t.kind == 0 || (t.kind == 'o' && t.text == ")") {
			break
		}
		e, err := p.ternary()
		if err != nil {
			return nil, err
		}
		items = append(items, e)
	}
	return func(sc *scope) (any, error) {
		list, err := evalAll(sc, items)
		return tuple(list), err
	}, nil
}

func evalAll(sc *scope, items []eval) ([]any, error) {
	out := make([]any, len(items))
	for i, e := range items {
		v, err := e(sc)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

// ternary reads A if B else C; without else it is undefined where B is false.
func (p *exprParser) ternary() (eval, error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > exprDepth {
		return nil, fmt.Errorf("the expression nests too deep")
	}
	then, err := p.binary(0)
	for err == nil && p.takeName("if") {
		var cond, other eval
		if cond, err = p.binary(0); err != nil {
			return nil, err
		}
		if p.takeName("else") {
			if other, err = p.ternary(); err != nil {
				return nil, err
			}
		}
		then = choose(cond, then, other)
	}
	return then, err
}

func choose(cond, then, other eval) eval {
	return func(sc *scope) (any, error) {
		v, err := cond(sc)
		if err != nil {
			return nil, err
		}
		if truthy(v) {
			return then(sc)
		}
		if other == nil {
			return undefined{"the if-expression without else"}, nil
		}
		return other(sc)
	}
}

// The levels of binary operators, the loosest first. Level 2 is "not", level 3 the comparisons.
const (
	levelOr = iota
	levelAnd
	levelNot
	levelCompare
	levelSum
	levelConcat
	levelProduct
	levelPower
	levelUnary
)

var operatorsOf = map[int][]string{levelSum: {"+", "-"}, levelConcat: {"~"}, levelProduct: {"*", "/", "//", "%"}, levelPower: {"**"}}

func (p *exprParser) binary(level int) (eval, error) {
	switch level {
	case levelOr, levelAnd:
		return p.logic(level)
	case levelNot:
		if p.takeName("not") {
			p.depth++
			defer func() { p.depth-- }()
			if p.depth > exprDepth {
				return nil, fmt.Errorf("the expression nests too deep")
			}
			e, err := p.binary(levelNot)
			if err != nil {
				return nil, err
			}
			return func(sc *scope) (any, error) {
				v, err := e(sc)
				return !truthy(v), err
			}, nil
		}
		return p.binary(levelCompare)
	case levelCompare:
		return p.comparison()
	case levelUnary:
		return p.unary(true)
	}
	left, err := p.binary(level + 1)
	for err == nil && p.peek().kind == 'o' && slices.Contains(operatorsOf[level], p.peek().text) {
		op := p.peek().text
		p.at++
		var right eval
		if right, err = p.binary(level + 1); err != nil {
			return nil, err
		}
		left = arithmetic(op, left, right)
	}
	return left, err
}

func arithmetic(op string, left, right eval) eval {
	return func(sc *scope) (any, error) {
		a, err := left(sc)
		if err != nil {
			return nil, err
		}
		b, err := right(sc)
		if err != nil {
			return nil, err
		}
		return operate(op, a, b)
	}
}

func (p *exprParser) logic(level int) (eval, error) {
	word := "or"
	if level == levelAnd {
		word = "and"
	}
	left, err := p.binary(level + 1)
	for err == nil && p.takeName(word) {
		var right eval
		if right, err = p.binary(level + 1); err != nil {
			return nil, err
		}
		first := left
		left = func(sc *scope) (any, error) {
			v, err := first(sc)
			if err != nil || truthy(v) == (level == levelOr) {
				return v, err
			}
			return right(sc)
		}
	}
	return left, err
}

// comparison reads a chain such as 1 < a <= 5.
func (p *exprParser) comparison() (eval, error) {
	first, err := p.binary(levelSum)
	if err != nil {
		return nil, err
	}
	var ops []string
	var items []eval
	for {
		op := p.compareOp()
		if op == "" {
			break
		}
		e, err := p.binary(levelSum)
		if err != nil {
			return nil, err
		}
		ops, items = append(ops, op), append(items, e)
	}
	if len(ops) == 0 {
		return first, nil
	}
	return func(sc *scope) (any, error) {
		a, err := first(sc)
		if err != nil {
			return nil, err
		}
		for i, op := range ops {
			b, err := items[i](sc)
			if err != nil {
				return nil, err
			}
			ok, err := holds(op, a, b)
			if err != nil || !ok {
				return false, err
			}
			a = b
		}
		return true, nil
	}, nil
}

func (p *exprParser) compareOp() string {
	t := p.peek()
	switch {
	case t.kind == 'o' && slices.Contains([]string{"==", "!=", "<", "<=", ">", ">="}, t.text):
		p.at++
		return t.text
	case p.takeName("in"):
		return "in"
	case p.isName("not") && p.toks[p.at+1].kind == 'n' && p.toks[p.at+1].text == "in":
		p.at += 2
		return "not in"
	}
	return ""
}

// unary reads signs; filters and tests bind to the whole, as in -1|abs.
func (p *exprParser) unary(filters bool) (eval, error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > exprDepth {
		return nil, fmt.Errorf("the expression nests too deep")
	}
	var e eval
	var err error
	switch {
	case p.isOp("-"), p.isOp("+"):
		op := p.peek().text
		p.at++
		var inner eval
		if inner, err = p.unary(false); err != nil {
			return nil, err
		}
		e = func(sc *scope) (any, error) {
			v, err := inner(sc)
			if err != nil {
				return nil, err
			}
			return sign(op, v)
		}
	default:
		if e, err = p.primary(); err != nil {
			return nil, err
		}
	}
	if e, err = p.postfix(e); err != nil || !filters {
		return e, err
	}
	return p.filters(e)
}
