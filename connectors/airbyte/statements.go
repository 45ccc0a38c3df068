package airbyte

import (
	"fmt"
	"regexp"
	"strings"
)

func printed(e eval) node {
	return func(sc *scope, out *strings.Builder) error {
		v, err := e(sc)
		if err != nil {
			return err
		}
		out.WriteString(pyStr(v))
		return nil
	}
}

func sequence(nodes []node) node {
	if len(nodes) == 1 {
		return nodes[0]
	}
	return func(sc *scope, out *strings.Builder) error {
		for _, n := range nodes {
			if err := n(sc, out); err != nil {
				return err
			}
			if out.Len() > 32*maxText {
				return fmt.Errorf("the text is too long")
			}
		}
		return nil
	}
}

var (
	forStatement = regexp.MustCompile(`^([\w\s,]+?)\s+in\s+(.+)$`)
	setStatement = regexp.MustCompile(`^(\w+)\s*=\s*(.+)$`)
)

// statement compiles if, for and set; nil for what ends a block.
func (p *tmplParser) statement(word, rest string, depth int) (node, error) {
	switch word {
	case "elif", "else", "endif", "endfor", "endset", "endraw":
		return nil, nil
	case "if":
		return p.ifStatement(rest, depth)
	case "for":
		return p.forLoop(rest, depth)
	case "set":
		m := setStatement.FindStringSubmatch(strings.ReplaceAll(rest, "\n", " "))
		if m == nil {
			return nil, fmt.Errorf("{%% set %s %%} is not understood", rest)
		}
		e, err := compileExpr(m[2])
		if err != nil {
			return nil, err
		}
		return func(sc *scope, _ *strings.Builder) error {
			v, err := e(sc)
			sc.vars[m[1]] = v
			return err
		}, nil
	}
	return nil, fmt.Errorf("there is no statement %q", word)
}

func (p *tmplParser) ifStatement(cond string, depth int) (node, error) {
	e, err := compileExpr(cond)
	if err != nil {
		return nil, err
	}
	then, end, err := p.block(depth + 1)
	if err != nil {
		return nil, err
	}
	other := node(func(*scope, *strings.Builder) error { return nil })
	word, rest, _ := strings.Cut(end, " ")
	switch word {
	case "elif":
		if other, err = p.ifStatement(rest, depth+1); err != nil {
			return nil, err
		}
	case "else":
		if other, end, err = p.block(depth + 1); err != nil {
			return nil, err
		}
		if end != "endif" {
			return nil, fmt.Errorf("{%% endif %%} is missing")
		}
	case "endif":
	default:
		return nil, fmt.Errorf("{%% endif %%} is missing")
	}
	return func(sc *scope, out *strings.Builder) error {
		v, err := e(sc)
		if err != nil {
			return err
		}
		if truthy(v) {
			return then(sc, out)
		}
		return other(sc, out)
	}, nil
}

func (p *tmplParser) forLoop(head string, depth int) (node, error) {
	m := forStatement.FindStringSubmatch(strings.ReplaceAll(head, "\n", " "))
	if m == nil {
		return nil, fmt.Errorf("{%% for %s %%} is not understood", head)
	}
	e, err := compileExpr(m[2])
	if err != nil {
		return nil, err
	}
	body, end, err := p.block(depth + 1)
	if err != nil {
		return nil, err
	}
	empty := node(func(*scope, *strings.Builder) error { return nil })
	if end == "else" {
		if empty, end, err = p.block(depth + 1); err != nil {
			return nil, err
		}
	}
	if end != "endfor" {
		return nil, fmt.Errorf("{%% endfor %%} is missing")
	}
	names := strings.Split(strings.ReplaceAll(m[1], " ", ""), ",")
	return func(sc *scope, out *strings.Builder) error {
		v, err := e(sc)
		if err != nil {
			return err
		}
		list, err := items(v)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return empty(sc, out)
		}
		return loop(sc, out, names, list, body)
	}, nil
}

func loop(sc *scope, out *strings.Builder, names []string, list []any, body node) error {
	for i, x := range list {
		inner := sc.with("loop", newDict("index", int64(i+1), "index0", int64(i), "first", i == 0, "last", i == len(list)-1, "length", int64(len(list))))
		if len(names) == 1 {
			inner.vars[names[0]] = x
		} else {
			parts, err := items(x)
			if err != nil || len(parts) != len(names) {
				return fmt.Errorf("the loop's values are not of %d parts", len(names))
			}
			for j, name := range names {
				inner.vars[name] = parts[j]
			}
		}
		if err := body(inner, out); err != nil {
			return err
		}
		if out.Len() > 32*maxText {
			return fmt.Errorf("the text is too long")
		}
	}
	return nil
}
