package airbyte

import (
	"fmt"
)

// call is the arguments of a call, a filter or a test.
type call struct {
	args  []eval
	named map[string]eval
}

// args are a call's values.
type args struct {
	pos   []any
	named map[string]any
}

// get returns the argument at i, or of that name, or fallback.
func (a args) get(i int, name string, fallback any) any {
	if i < len(a.pos) {
		return a.pos[i]
	}
	if v, ok := a.named[name]; ok {
		return v
	}
	return fallback
}

func (c call) eval(sc *scope) (args, error) {
	pos, err := evalAll(sc, c.args)
	if err != nil {
		return args{}, err
	}
	out := args{pos: pos}
	for k, e := range c.named {
		v, err := e(sc)
		if err != nil {
			return args{}, err
		}
		if out.named == nil {
			out.named = map[string]any{}
		}
		out.named[k] = v
	}
	return out, nil
}

// arguments reads what stands between the brackets of a call; the opening one is taken.
func (p *exprParser) arguments() (call, error) {
	var c call
	for n := 0; !p.take(")"); n++ {
		if n > 0 {
			if err := p.want(","); err != nil {
				return c, err
			}
			if p.take(")") {
				break
			}
		}
		if t := p.peek(); t.kind == 'n' && p.toks[p.at+1].kind == 'o' && p.toks[p.at+1].text == "=" {
			p.at += 2
			e, err := p.ternary()
			if err != nil {
				return c, err
			}
			if c.named == nil {
				c.named = map[string]eval{}
			}
			c.named[t.text] = e
			continue
		}
		e, err := p.ternary()
		if err != nil {
			return c, err
		}
		c.args = append(c.args, e)
	}
	return c, nil
}

// postfix reads members, items, slices and calls.
func (p *exprParser) postfix(e eval) (eval, error) {
	for {
		switch {
		case p.take("."):
			t := p.peek()
			p.at++
			if t.kind != 'n' && t.kind != '0' {
				return nil, fmt.Errorf("a name is missing at %d", t.at+1)
			}
			inner := e
			if t.kind == '0' {
				e = func(sc *scope) (any, error) {
					v, err := inner(sc)
					if err != nil {
						return nil, err
					}
					return item(v, t.val)
				}
				continue
			}
			e = func(sc *scope) (any, error) {
				v, err := inner(sc)
				if err != nil {
					return nil, err
				}
				return attribute(v, t.text)
			}
		case p.take("["):
			var err error
			if e, err = p.subscript(e); err != nil {
				return nil, err
			}
		case p.take("("):
			c, err := p.arguments()
			if err != nil {
				return nil, err
			}
			e = invoke(e, c)
		default:
			return e, nil
		}
	}
}

func invoke(fn eval, c call) eval {
	return func(sc *scope) (any, error) {
		f, err := fn(sc)
		if err != nil {
			return nil, err
		}
		a, err := c.eval(sc)
		if err != nil {
			return nil, err
		}
		switch f := f.(type) {
		case function:
			return f(sc, a)
		case undefined:
			return nil, errUndefined(f)
		}
		return nil, errType{"a value that is no function is called"}
	}
}

// subscript reads an index or a slice; the opening bracket is taken.
func (p *exprParser) subscript(e eval) (eval, error) {
	var parts [3]eval
	n, slice := 0, false
	for !p.take("]") {
		if p.take(":") {
			slice = true
			if n++; n > 2 {
				return nil, fmt.Errorf("a slice has at most three parts")
			}
			continue
		}
		if parts[n] != nil {
			return nil, fmt.Errorf("%q is missing at %d", "]", p.peek().at+1)
		}
		part, err := p.ternary()
		if err != nil {
			return nil, err
		}
		parts[n] = part
	}
	if !slice && parts[0] == nil {
		return nil, fmt.Errorf("an index is missing at %d", p.peek().at+1)
	}
	return func(sc *scope) (any, error) {
		v, err := e(sc)
		if err != nil {
			return nil, err
		}
		var at [3]any
		for i, part := range parts {
			if part != nil {
				if at[i], err = part(sc); err != nil {
					return nil, err
				}
			}
		}
		if slice {
			return cut(v, at)
		}
		return item(v, at[0])
	}, nil
}

// filters reads |filter and "is test", in any order.
func (p *exprParser) filters(e eval) (eval, error) {
	for {
		switch {
		case p.take("|"):
			t := p.peek()
			p.at++
			f, ok := filterNamed(t.text)
			if t.kind != 'n' || !ok {
				return nil, fmt.Errorf("there is no filter %q", t.text)
			}
			var c call
			if p.take("(") {
				var err error
				if c, err = p.arguments(); err != nil {
					return nil, err
				}
			}
			e = applied(e, c, f)
		case p.takeName("is"):
			test, err := p.test(e)
			if err != nil {
				return nil, err
			}
			e = test
		case p.take("("):
			c, err := p.arguments()
			if err != nil {
				return nil, err
			}
			e = invoke(e, c)
		default:
			return e, nil
		}
	}
}

func applied(e eval, c call, f filter) eval {
	return func(sc *scope) (any, error) {
		v, err := e(sc)
		if err != nil {
			return nil, err
		}
		a, err := c.eval(sc)
		if err != nil {
			return nil, err
		}
		return f(sc, v, a)
	}
}

// test reads what follows "is".
func (p *exprParser) test(e eval) (eval, error) {
	negate := p.takeName("not")
	t := p.peek()
	p.at++
	f, ok := testNamed(t.text)
	if !ok {
		return nil, fmt.Errorf("there is no test %q", t.text)
	}
	var c call
	switch next := p.peek(); {
	case p.take("("):
		var err error
		if c, err = p.arguments(); err != nil {
			return nil, err
		}
	case next.kind == '0' || next.kind == 's' || (next.kind == 'o' && (next.text == "[" || next.text == "{")),
		next.kind == 'n' && next.text != "else" && next.text != "or" && next.text != "and" && next.text != "is" && next.text != "if" && next.text != "in" && next.text != "not":
		arg, err := p.primary()
		if err != nil {
			return nil, err
		}
		if arg, err = p.postfix(arg); err != nil {
			return nil, err
		}
		c.args = []eval{arg}
	}
	return applied(e, c, func(sc *scope, v any, a args) (any, error) {
		yes, err := f(v, a)
		return yes != negate, err
	}), nil
}
