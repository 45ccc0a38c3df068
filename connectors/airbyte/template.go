package airbyte

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"
)

// scope is what the names of a template stand for.
type scope struct {
	now  func() time.Time
	vars map[string]any
}

// with returns a scope with further names.
func (sc *scope) with(pairs ...any) *scope {
	out := &scope{now: sc.now, vars: make(map[string]any, len(sc.vars)+len(pairs)/2)}
	maps.Copy(out.vars, sc.vars)
	for i := 0; i+1 < len(pairs); i += 2 {
		out.vars[pyStr(pairs[i])] = pairs[i+1]
	}
	return out
}

func (sc *scope) lookup(name string) (any, error) {
	if v, ok := sc.vars[name]; ok {
		return v, nil
	}
	if name == "stream_interval" || name == "stream_partition" {
		if v, ok := sc.vars["stream_slice"]; ok {
			return v, nil
		}
	}
	if f, ok := macro(name); ok {
		return f, nil
	}
	return nil, fmt.Errorf("%q is not known here", name)
}

// tmpl is a compiled template, safe for concurrent use.
type tmpl struct {
	src string
	// plain says that the text holds no expression; value is then what it is as a literal.
	plain  bool
	value  any
	params *dict
	run    node
}

// node is a part of a template.
type node func(sc *scope, out *strings.Builder) error

// render gives the text before it is read as a literal.
func (t *tmpl) render(sc *scope) (string, error) {
	if t.plain {
		return t.src, nil
	}
	own := sc.with("parameters", t.params)
	var b strings.Builder
	if err := t.run(own, &b); err != nil {
		var te errType
		if errors.As(err, &te) {
			return t.src, nil
		}
		return "", err
	}
	return b.String(), nil
}

// eval gives the template's value: what it renders to, read as a Python literal where it is one. Where a name in
// it is undefined, or it renders to nothing, it is fallback.
func (t *tmpl) eval(sc *scope, fallback any) (any, error) {
	if t.plain {
		if t.src == "" {
			return fallback, nil
		}
		return t.value, nil
	}
	text, err := t.render(sc)
	var ue errUndefined
	if errors.As(err, &ue) {
		return fallback, nil
	}
	if err != nil {
		return nil, err
	}
	if text == "" {
		return fallback, nil
	}
	if v, ok := literal(text); ok {
		return v, nil
	}
	return text, nil
}

// must is eval for places that need a value: an undefined name is an error.
func (t *tmpl) must(sc *scope) (any, error) {
	if t == nil {
		return "", nil
	}
	if t.plain {
		return t.eval(sc, "")
	}
	text, err := t.render(sc)
	if err != nil {
		return nil, err
	}
	if v, ok := literal(text); ok {
		return v, nil
	}
	return text, nil
}

// text is must, printed.
func (t *tmpl) text(sc *scope) (string, error) {
	v, err := t.must(sc)
	return pyStr(v), err
}

// truth evaluates a condition as the language does: "False", "false", "0", "[]", "{}" and nothing are false.
func (t *tmpl) truth(sc *scope) (bool, error) {
	v, err := t.eval(sc, false)
	if err != nil {
		return false, err
	}
	switch v := v.(type) {
	case nil:
		return true, nil
	case string:
		return v != "" && v != "false", nil
	case int64, float64, bool, []any, tuple, *dict:
		return truthy(v), nil
	}
	return true, nil
}

// maxTemplate bounds a template's source.
const maxTemplate = 256 << 10

// compile compiles a template. params are what {{ parameters }} stands for.
func compile(src string, params *dict) (*tmpl, error) {
	t := &tmpl{src: src, params: params}
	if params == nil {
		t.params = newDict()
	}
	if !strings.Contains(src, "{{") && !strings.Contains(src, "{%") && !strings.Contains(src, "{#") {
		t.plain, t.value = true, any(src)
		if v, ok := literal(src); ok {
			t.value = v
		}
		return t, nil
	}
	if len(src) > maxTemplate {
		return nil, fmt.Errorf("the template is longer than %d bytes", maxTemplate)
	}
	p := &tmplParser{src: strings.TrimSuffix(src, "\n")}
	run, end, err := p.block(0)
	if err != nil {
		return nil, err
	}
	if end != "" {
		return nil, fmt.Errorf("{%% %s %%} stands alone", end)
	}
	t.run = run
	return t, nil
}

// tmplParser cuts a template into texts, expressions and statements.
type tmplParser struct {
	src string
	at  int
	// trim says that the tag before asked to take blanks away.
	trim bool
}

// block reads until a statement that belongs to the one around it, which it returns.
func (p *tmplParser) block(depth int) (node, string, error) {
	if depth > 50 {
		return nil, "", fmt.Errorf("the statements nest too deep")
	}
	var nodes []node
	for p.at < len(p.src) {
		i := nextTag(p.src[p.at:])
		if i < 0 {
			i = len(p.src) - p.at
		}
		text := p.src[p.at : p.at+i]
		p.at += i
		if p.trim {
			text = strings.TrimLeft(text, " \t\r\n")
		}
		kind, body, err := p.tag()
		if err != nil {
			return nil, "", err
		}
		if strings.HasPrefix(body, "-") {
			text, body = strings.TrimRight(text, " \t\r\n"), body[1:]
		}
		p.trim = strings.HasSuffix(body, "-")
		body = strings.TrimSpace(strings.TrimSuffix(body, "-"))
		if text != "" {
			nodes = append(nodes, func(_ *scope, out *strings.Builder) error {
				out.WriteString(text)
				return nil
			})
		}
		switch kind {
		case '{':
			e, err := compileExpr(body)
			if err != nil {
				return nil, "", err
			}
			nodes = append(nodes, printed(e))
		case '%':
			word, rest, _ := strings.Cut(body, " ")
			if n, err := p.statement(word, strings.TrimSpace(rest), depth); err != nil || n == nil {
				return sequence(nodes), body, err
			} else {
				nodes = append(nodes, n)
			}
		}
	}
	return sequence(nodes), "", nil
}

func nextTag(s string) int {
	for i := 0; i+1 < len(s); i++ {
		if s[i] == '{' && (s[i+1] == '{' || s[i+1] == '%' || s[i+1] == '#') {
			return i
		}
	}
	return -1
}

// tag reads the tag at the place, and returns its kind, 0 at the end, and what it holds.
func (p *tmplParser) tag() (byte, string, error) {
	if p.at >= len(p.src) {
		return 0, "", nil
	}
	kind := p.src[p.at+1]
	closing := map[byte]string{'{': "}}", '%': "%}", '#': "#}"}[kind]
	start := p.at + 2
	depth := 0
	for i := start; i+1 < len(p.src); i++ {
		c := p.src[i]
		if kind != '#' {
			switch c {
			case '\'', '"':
				n := stringEnd(p.src[i:])
				if n < 0 {
					return 0, "", fmt.Errorf("the string at %d does not end", i+1)
				}
				i += n - 1
				continue
			case '{', '(', '[':
				depth++
				continue
			case ')', ']':
				depth--
				continue
			}
		}
		if strings.HasPrefix(p.src[i:], closing) && (kind == '#' || depth <= 0) {
			p.at = i + 2
			return kind, p.src[start:i], nil
		}
		if c == '}' && kind != '#' {
			depth--
		}
	}
	return 0, "", fmt.Errorf("the tag at %d does not end", p.at+1)
}

// param gives a request parameter's value: a list, a text, or nil where there is nothing to send.
func (t *tmpl) param(sc *scope) (any, error) {
	text, err := t.render(sc)
	var ue errUndefined
	if errors.As(err, &ue) {
		return nil, nil
	}
	if err != nil || text == "" {
		return nil, err
	}
	if v, ok := literal(text); ok {
		if list, ok := v.([]any); ok {
			return list, nil
		}
	}
	return text, nil
}
