package airbyte

import (
	"fmt"
)

func constant(v any) eval { return func(*scope) (any, error) { return v, nil } }

func (p *exprParser) primary() (eval, error) {
	t := p.peek()
	p.at++
	switch t.kind {
	case '0':
		return constant(t.val), nil
	case 's':
		text := pyStr(t.val)
		// Strings that follow each other are one.
		for p.peek().kind == 's' {
			text += pyStr(p.peek().val)
			p.at++
		}
		return constant(text), nil
	case 'n':
		return name(t.text), nil
	case 'o':
		switch t.text {
		case "(":
			if p.take(")") {
				return constant(tuple{}), nil
			}
			e, err := p.tuple()
			if err != nil {
				return nil, err
			}
			return e, p.want(")")
		case "[":
			return p.list()
		case "{":
			return p.dict()
		}
	}
	p.at--
	if t.kind == 0 {
		return nil, fmt.Errorf("the expression ends too early")
	}
	return nil, fmt.Errorf("%q at %d is not understood", t.text, t.at+1)
}

func name(text string) eval {
	switch text {
	case "true", "True":
		return constant(true)
	case "false", "False":
		return constant(false)
	case "none", "None":
		return constant(nil)
	}
	return func(sc *scope) (any, error) { return sc.lookup(text) }
}

func (p *exprParser) list() (eval, error) {
	var items []eval
	for !p.take("]") {
		if len(items) > 0 {
			if err := p.want(","); err != nil {
				return nil, err
			}
			if p.take("]") {
				break
			}
		}
		e, err := p.ternary()
		if err != nil {
			return nil, err
		}
		items = append(items, e)
	}
	return func(sc *scope) (any, error) { return evalAny(evalAll(sc, items)) }, nil
}

func evalAny(list []any, err error) (any, error) { return list, err }

func (p *exprParser) dict() (eval, error) {
	var keys, vals []eval
	for !p.take("}") {
		if len(keys) > 0 {
			if err := p.want(","); err != nil {
				return nil, err
			}
			if p.take("}") {
				break
			}
		}
		k, err := p.ternary()
		if err != nil {
			return nil, err
		}
		if err := p.want(":"); err != nil {
			return nil, err
		}
		v, err := p.ternary()
		if err != nil {
			return nil, err
		}
		keys, vals = append(keys, k), append(vals, v)
	}
	return func(sc *scope) (any, error) {
		d := newDict()
		for i := range keys {
			k, err := keys[i](sc)
			if err != nil {
				return nil, err
			}
			v, err := vals[i](sc)
			if err != nil {
				return nil, err
			}
			d.set(pyStr(k), v)
		}
		return d, nil
	}, nil
}
