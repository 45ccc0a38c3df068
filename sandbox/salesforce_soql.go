package sandbox

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// sfFault is an error in the vendor's words.
type sfFault struct{ code, message string }

func (f *sfFault) Error() string { return f.code + ": " + f.message }

// soql is a parsed query: fields of one type, a condition, an order and a limit. It knows neither joins nor
// aggregates but COUNT().
type soql struct {
	count  bool
	fields []*sfField
	typ    *sfType
	where  func(*item) bool
	order  []sfOrder
	limit  int
}

type sfOrder struct {
	field *sfField
	desc  bool
}

// soqlParser walks over the tokens of a query.
type soqlParser struct {
	tokens []string
	at     int
	typ    *sfType
	depth  int
}

var soqlToken = regexp.MustCompile(`\s*('(?:[^'\\]|\\.)*'|[A-Za-z_][A-Za-z0-9_.]*|\d{4}-\d{2}-\d{2}(?:T[0-9:.]+(?:Z|[+-]\d{2}:?\d{2}))?|[+-]?\d+(?:\.\d+)?|<>|!=|<=|>=|[=<>(),])`)

// parseSOQL reads a query against the org's types.
func parseSOQL(text string, types map[string]*sfType) (*soql, error) {
	p := &soqlParser{}
	for rest := strings.TrimSpace(text); rest != ""; {
		m := soqlToken.FindStringSubmatchIndex(rest)
		if m == nil || m[0] != 0 {
			return nil, &sfFault{"MALFORMED_QUERY", fmt.Sprintf("unexpected token: %.20q", rest)}
		}
		p.tokens = append(p.tokens, rest[m[2]:m[3]])
		rest = strings.TrimLeft(rest[m[1]:], " \t\r\n")
	}
	q := &soql{limit: -1}
	names, err := p.selected(q)
	if err != nil {
		return nil, err
	}
	name := p.next()
	for _, t := range types {
		if strings.EqualFold(t.name, name) {
			q.typ, p.typ = t, t
		}
	}
	if q.typ == nil {
		return nil, &sfFault{"INVALID_TYPE", fmt.Sprintf("sObject type '%s' is not supported. If you are attempting to use a custom object, be sure to append the '__c' after the entity name.", name)}
	}
	for _, n := range names {
		f, err := p.field(n)
		if err != nil {
			return nil, err
		}
		if slices.Contains(q.fields, f) {
			return nil, &sfFault{"INVALID_FIELD", "duplicate field selected: " + n}
		}
		q.fields = append(q.fields, f)
	}
	return q, p.clauses(q)
}

// selected reads SELECT … FROM.
func (p *soqlParser) selected(q *soql) ([]string, error) {
	if !p.take("select") {
		return nil, &sfFault{"MALFORMED_QUERY", "a query begins with SELECT"}
	}
	if p.take("count") {
		q.count = true
		if !p.take("(") || !p.take(")") || !p.take("from") {
			return nil, &sfFault{"MALFORMED_QUERY", "only COUNT() is supported here"}
		}
		return nil, nil
	}
	var names []string
	for {
		names = append(names, p.next())
		if p.take("from") {
			return names, nil
		}
		if !p.take(",") {
			return nil, &sfFault{"MALFORMED_QUERY", fmt.Sprintf("unexpected token: '%s'", p.peek())}
		}
	}
}

func (p *soqlParser) clauses(q *soql) error {
	if p.take("where") {
		cond, err := p.or()
		if err != nil {
			return err
		}
		q.where = cond
	}
	if p.take("order") {
		if !p.take("by") {
			return &sfFault{"MALFORMED_QUERY", "expecting 'by'"}
		}
		for more := true; more; more = p.take(",") {
			f, err := p.field(p.next())
			if err != nil {
				return err
			}
			o := sfOrder{field: f}
			if !p.take("asc") {
				o.desc = p.take("desc")
			}
			q.order = append(q.order, o)
		}
	}
	if p.take("limit") {
		n, err := strconv.Atoi(p.next())
		if err != nil {
			return &sfFault{"MALFORMED_QUERY", "expecting a number behind LIMIT"}
		}
		q.limit = n
	}
	if p.peek() != "" {
		return &sfFault{"MALFORMED_QUERY", fmt.Sprintf("unexpected token: '%s'", p.peek())}
	}
	return nil
}

func (p *soqlParser) peek() string {
	if p.at < len(p.tokens) {
		return p.tokens[p.at]
	}
	return ""
}

func (p *soqlParser) next() string {
	t := p.peek()
	p.at++
	return t
}

func (p *soqlParser) take(word string) bool {
	if strings.EqualFold(p.peek(), word) {
		p.at++
		return true
	}
	return false
}

func (p *soqlParser) field(name string) (*sfField, error) {
	if f := p.typ.field(name); f != nil {
		return f, nil
	}
	return nil, &sfFault{"INVALID_FIELD", fmt.Sprintf("No such column '%s' on entity '%s'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name.", name, p.typ.name)}
}

type sfCondition = func(*item) bool

func (p *soqlParser) or() (sfCondition, error) {
	left, err := p.and()
	for err == nil && p.take("or") {
		var right sfCondition
		a := left
		if right, err = p.and(); err == nil {
			left = func(it *item) bool { return a(it) || right(it) }
		}
	}
	return left, err
}

func (p *soqlParser) and() (sfCondition, error) {
	left, err := p.one()
	for err == nil && p.take("and") {
		var right sfCondition
		a := left
		if right, err = p.one(); err == nil {
			left = func(it *item) bool { return a(it) && right(it) }
		}
	}
	return left, err
}

// one reads a comparison, NOT or a bracket.
func (p *soqlParser) one() (sfCondition, error) {
	if p.depth++; p.depth > 200 {
		return nil, &sfFault{"MALFORMED_QUERY", "the condition is too deep"}
	}
	defer func() { p.depth-- }()
	if p.take("not") {
		c, err := p.one()
		return func(it *item) bool { return !c(it) }, err
	}
	if p.take("(") {
		c, err := p.or()
		if err == nil && !p.take(")") {
			err = &sfFault{"MALFORMED_QUERY", "expecting a right parenthesis"}
		}
		return c, err
	}
	f, err := p.field(p.next())
	if err != nil {
		return nil, err
	}
	if f.kind == "address" || f.length > 4000 {
		return nil, &sfFault{"INVALID_FIELD", fmt.Sprintf("field '%s' can not be filtered in a query call", f.name)}
	}
	not := p.take("not")
	if p.take("in") {
		return p.in(f, not)
	}
	op := p.next()
	want, err := p.literal(f)
	if err != nil {
		return nil, err
	}
	t := p.typ
	return func(it *item) bool { return sfCompare(t.value(f, it), want, f.kind, op) }, sfOperator(op)
}

func sfOperator(op string) error {
	if slices.Contains([]string{"=", "!=", "<>", "<", "<=", ">", ">="}, op) {
		return nil
	}
	return &sfFault{"MALFORMED_QUERY", fmt.Sprintf("unexpected token: '%s'", op)}
}

func (p *soqlParser) in(f *sfField, not bool) (sfCondition, error) {
	if !p.take("(") {
		return nil, &sfFault{"MALFORMED_QUERY", "expecting a left parenthesis behind IN"}
	}
	set := map[any]bool{}
	for more := true; more; more = p.take(",") {
		v, err := p.literal(f)
		if err != nil {
			return nil, err
		}
		set[v] = true
	}
	if !p.take(")") {
		return nil, &sfFault{"MALFORMED_QUERY", "expecting a right parenthesis"}
	}
	t := p.typ
	return func(it *item) bool { return set[sfComparable(t.value(f, it), f.kind)] != not }, nil
}

// literal reads a value and holds it against the field's type: dates in quotes are refused, as are bare words.
func (p *soqlParser) literal(f *sfField) (any, error) {
	t := p.next()
	quoted := strings.HasPrefix(t, "'")
	wrong := &sfFault{"INVALID_FIELD", fmt.Sprintf("value of filter criterion for field '%s' must be of type %s", f.name, f.kind)}
	switch low := strings.ToLower(t); {
	case low == "null":
		return nil, nil
	case f.kind == "boolean":
		if low != "true" && low != "false" {
			return nil, wrong
		}
		return low == "true", nil
	case f.kind == "datetime" || f.kind == "date":
		at, ok := sfMoment(t)
		if !ok || quoted || strings.Contains(t, "T") != (f.kind == "datetime") {
			return nil, wrong
		}
		return at.UnixMilli(), nil
	case slices.Contains([]string{"double", "currency", "percent", "int"}, f.kind):
		n, err := strconv.ParseFloat(t, 64)
		if err != nil {
			return nil, wrong
		}
		return n, nil
	case !quoted:
		return nil, wrong
	}
	text := strings.NewReplacer(`\'`, "'", `\\`, `\`, `\n`, "\n", `\r`, "\r", `\"`, `"`).Replace(t[1 : len(t)-1])
	if f.kind == "id" || f.kind == "reference" {
		return sfLong(text), nil
	}
	return strings.ToLower(text), nil
}

func sfMoment(s string) (time.Time, bool) {
	for _, layout := range []string{time.DateOnly, time.RFC3339, "2006-01-02T15:04:05.000-0700", "2006-01-02T15:04:05-0700"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// sfComparable brings a stored value into the form of literals.
func sfComparable(v any, kind string) any {
	switch x := v.(type) {
	case int:
		return float64(x)
	case int64:
		return float64(x)
	case string:
		switch kind {
		case "date", "datetime":
			t, _ := sfMoment(x)
			return t.UnixMilli()
		case "id", "reference":
			return x
		}
		return strings.ToLower(x)
	}
	return v
}

func sfCompare(have, want any, kind, op string) bool {
	have = sfComparable(have, kind)
	switch op {
	case "=":
		return have == want
	case "!=", "<>":
		return have != want
	}
	if have == nil || want == nil {
		return false
	}
	c := sfOrderOf(have, want)
	return op == "<" && c < 0 || op == "<=" && c <= 0 || op == ">" && c > 0 || op == ">=" && c >= 0
}

func sfOrderOf(a, b any) int {
	switch x := a.(type) {
	case float64:
		return cmp.Compare(x, as[float64](b))
	case int64:
		return cmp.Compare(x, as[int64](b))
	case string:
		return cmp.Compare(x, as[string](b))
	}
	return 0
}

// run returns the rows that the query selects among some.
func (q *soql) run(rows []*item) []*item {
	var out []*item
	for _, it := range rows {
		if q.where == nil || q.where(it) {
			out = append(out, it)
		}
	}
	slices.SortStableFunc(out, func(a, b *item) int {
		for _, o := range q.order {
			x, y := sfComparable(q.typ.value(o.field, a), o.field.kind), sfComparable(q.typ.value(o.field, b), o.field.kind)
			c := sfOrderOf(x, y)
			if x == nil || y == nil { // nulls come first
				c = cmp.Compare(strconv.FormatBool(x != nil), strconv.FormatBool(y != nil))
			}
			if o.desc {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
	if q.limit >= 0 && len(out) > q.limit {
		out = out[:q.limit]
	}
	return out
}
