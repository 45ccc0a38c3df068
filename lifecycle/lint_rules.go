package lifecycle

import (
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// conditions are the parts that all must hold for an expression to hold, each spelt out in one way.
func conditions(source string) []string {
	root, err := parseExpression(source)
	if err != nil {
		return []string{source}
	}
	var out []string
	var split func(n ast.Node)
	split = func(n ast.Node) {
		if b, ok := n.(*ast.BinaryNode); ok && (b.Operator == "and" || b.Operator == "&&") {
			split(b.Left)
			split(b.Right)
			return
		}
		out = append(out, n.String())
	}
	split(root)
	return union(nil, out)
}

// implies says whether whatever holds by all of a holds by all of b.
func implies(a, b []string) bool {
	for _, c := range b {
		if c != "true" && !slices.Contains(a, c) {
			return false
		}
	}
	return true
}

// contradiction is a part of the conditions whose opposite is among them as well, "" where there is none.
func contradiction(list []string) string {
	for _, c := range list {
		if c == "false" {
			return c
		}
		for _, not := range []string{"not (" + c + ")", "not " + c, "!(" + c + ")", "!" + c} {
			if slices.Contains(list, not) {
				return c
			}
		}
	}
	return ""
}

// ruleWarnings look at rules that can never come to anything, and at rules that turn in a circle.
func (p *Policy) ruleWarnings() []Warning {
	var out []Warning
	when := make([][]string, len(p.rules))
	for i, r := range p.rules {
		when[i] = conditions(r.when.source)
		if c := contradiction(when[i]); c != "" {
			out = append(out, p.warn("rule.never", p.rulePaths[i], "take one of the two out", "rule %q never holds: %s is asked for, and its opposite", r.name, strings.TrimSpace(c)))
		}
		for k := range i {
			if p.rules[k].name == r.name {
				out = append(out, p.warn("rule.twice", p.rulePaths[i], "give each rule its own name: it is told with every change of stage", "rule %q stands twice", r.name))
				break
			}
		}
	}
	for i, r := range p.rules {
		if w, shadowed := p.shadowed(i, when); shadowed {
			out = append(out, w)
		}
		for k := range i {
			other := p.rules[k]
			circle := slices.Contains(r.from, other.to) && slices.Contains(other.from, r.to)
			if circle && (implies(when[i], when[k]) || implies(when[k], when[i])) {
				out = append(out, p.warn("rule.contradicts", p.rulePaths[i], "let one of them ask for what the other excludes",
					"rules %q and %q lead back and forth between %q and %q, and both hold at once", other.name, r.name, p.stages[other.to].Key, p.stages[r.to].Key))
			}
		}
	}
	return out
}

// shadowed says whether from every stage that a rule leaves, another one that comes first holds whenever it does.
func (p *Policy) shadowed(i int, when [][]string) (Warning, bool) {
	r := p.rules[i]
	by := -1
	for _, from := range r.from {
		found := -1
		for _, k := range p.leaving[from] {
			other := p.rules[k]
			first := other.precedence > r.precedence || other.precedence == r.precedence && k < i
			if k != i && first && other.dwell <= r.dwell && implies(when[i], when[k]) {
				found = k
				break
			}
		}
		if found < 0 {
			return Warning{}, false
		}
		by = found
	}
	if by < 0 {
		return Warning{}, false
	}
	return p.warn("rule.shadowed", p.rulePaths[i], "raise its precedence, or take it out",
		"rule %q never comes to anything: %q holds whenever it does, and comes first", r.name, p.rules[by].name), true
}
