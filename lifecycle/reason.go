package lifecycle

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// template is a sentence with figures in braces: "Paid {count(\"invoice.paid\")} invoices".
type template []piece

// piece is a literal, a text or a number; {value} stands for the measure's own value.
type piece struct {
	literal string
	text    *text
	number  number
	value   bool
}

// template compiles a reason. Only measures have a {value}.
func (c *compiler) template(source string, hasValue bool) (template, error) {
	c.dated = hasValue
	var out template
	rest := source
	for {
		before, inside, found := strings.Cut(rest, "{")
		if before != "" {
			out = append(out, piece{literal: before})
		}
		if !found {
			return out, nil
		}
		code, behind, closed := strings.Cut(inside, "}")
		if !closed {
			return nil, errors.New("an opening brace has no closing one")
		}
		rest = behind
		if strings.TrimSpace(code) == "value" && hasValue {
			out = append(out, piece{value: true})
			continue
		}
		p, err := c.figure(code)
		if err != nil {
			return nil, fmt.Errorf("{%s}: %w", code, err)
		}
		out = append(out, p)
	}
}

// figure compiles what stands in braces.
func (c *compiler) figure(code string) (piece, error) {
	if strings.TrimSpace(code) == "" {
		return piece{}, errors.New("the braces are empty")
	}
	root, err := parseExpression(code)
	if err != nil {
		return piece{}, err
	}
	c.out, c.limits, c.prose, c.inlined = &expression{}, nil, true, 0
	defer func() { c.prose = false }()
	if _, ok := root.(*ast.CallNode); ok && isText(root) {
		t, err := c.toText(root)
		return piece{text: &t}, err
	}
	if isTruth(root) {
		return piece{}, errors.New("only numbers and texts can be told in a reason")
	}
	n, err := c.toNumber(root)
	return piece{number: n}, err
}

// say fills the template in. Texts lose their final stop, so that they fit into a sentence.
func (t template) say(f *frame, value string) string {
	var b strings.Builder
	for _, p := range t {
		switch {
		case p.value:
			b.WriteString(value)
		case p.text != nil:
			b.WriteString(strings.TrimRight(p.text.word(f), "."))
		case p.number != nil:
			b.WriteString(figureOf(f, p.number))
		default:
			b.WriteString(p.literal)
		}
	}
	return b.String()
}

// word is the text for a sentence.
func (t text) word(f *frame) string {
	s, known := t.text(f)
	if !known {
		return "unknown"
	}
	return s
}

// figureOf prints a number for people: money with its currency, others with two decimals at most.
func figureOf(f *frame, n number) string {
	if inv, ok := n.(*invocation); ok && inv.fn.amount != nil {
		m := inv.fn.amount(f, inv.call)
		switch {
		case m == nil:
			return "unknown"
		case m.Currency == "":
			return "nothing"
		}
		return m.String()
	}
	v, ok := n.number(f)
	if !ok {
		return "unknown"
	}
	return decimal(v)
}

func decimal(v float64) string {
	return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64)
}
