package mapping

import (
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// maxNesting bounds first within first and conditions within conditions.
const maxNesting = 8

func (c *compiler) readField(n *node, t target, depth int) field {
	f := field{target: t, timeMode: timeAuto}
	if t.typ == typeRef {
		f.ref = c.readReference(n)
		return f
	}
	if n.shape != isMap {
		if t.typ == typeMoney {
			c.complain(n, "write {money: {amount: …, currency: …, unit: major}}", "%s is an amount and needs a currency.", t.name)
		}
		f.paths = c.paths(n)
		return f
	}
	c.known(n, "field")
	if depth > maxNesting {
		c.complain(n, "flatten it", "first is nested deeper than %d levels.", maxNesting)
		return f
	}
	c.readSource(n, &f, depth)
	f.when = c.readCondition(n.get("when"), 0)
	c.readShape(n, &f)
	c.readEnum(n, &f)
	c.checkLiterals(n, &f)
	return f
}

// readSource reads where a field's value comes from.
func (c *compiler) readSource(n *node, f *field, depth int) {
	ways := []string{"path", "paths", "const", "first", "money", "mrr"}
	var given []string
	for _, w := range ways {
		if n.get(w) != nil {
			given = append(given, w)
		}
	}
	if len(given) != 1 {
		c.complain(n, "give one of "+listing(ways), "The field %s has %d sources.", f.target.name, len(given))
		return
	}
	v := n.get(given[0])
	isMoney := f.target.typ == typeMoney
	switch given[0] {
	case "path", "paths":
		f.paths = c.paths(v)
		if isMoney {
			c.complain(n, "write {money: {amount: …, currency: …, unit: major}}", "%s is an amount and needs a currency.", f.target.name)
		}
	case "const":
		if c.want(v, isScalar, "const") {
			f.constant = &v.text
		}
	case "first":
		if !c.want(v, isList, "first") {
			return
		}
		for _, item := range v.items {
			f.first = append(f.first, c.readField(item, f.target, depth+1))
		}
		if len(v.items) == 0 {
			c.complain(v, "name at least one", "first is empty.")
		}
	default:
		if !isMoney {
			c.complain(v, "use path", "%s is %s, not an amount of money.", f.target.name, f.target.typ)
		} else if c.want(v, isMap, given[0]) && given[0] == "money" {
			f.money = c.readMoney(v)
		} else if v.shape == isMap {
			f.mrr = c.readMRR(v)
		}
	}
}

// readShape reads how the value is formed, and complains about keys that the target's type has no use for.
func (c *compiler) readShape(n *node, f *field) {
	textual := []valueType{typeString, typeList}
	uses := map[string][]valueType{
		"time": {typeTime}, "split": {typeList}, "trim": textual, "lower": textual, "domain": textual,
		"scale": {typeInt, typeFloat},
	}
	for _, p := range n.pairs {
		if types, ok := uses[p.key]; ok && !slices.Contains(types, f.target.typ) {
			c.complain(&node{line: p.line, col: p.col}, "remove it", "%s does not apply to %s, which is %s.", p.key, f.target.name, f.target.typ)
		}
	}
	if mode := n.get("time"); mode != nil {
		f.timeMode = c.word(n, "time")
		if !slices.Contains(timeModes(), f.timeMode) {
			c.complain(mode, "known are "+listing(timeModes()), "The form of time %q is unknown.", f.timeMode)
		}
	}
	f.split = c.word(n, "split")
	f.keep = !c.flag(n, "trim", true)
	f.lower = c.flag(n, "lower", false)
	f.domain = c.flag(n, "domain", false)
	if scale := n.get("scale"); scale != nil {
		v, ok := decimal(c.word(n, "scale"))
		if !ok || v.Sign() == 0 {
			c.complain(scale, "write a number such as 0.001", "scale is not a usable number.")
			v = big.NewRat(1, 1)
		}
		f.scale = v
	}
}

func timeModes() []string { return []string{timeAuto, timeUnix, timeUnixMS, timeDate} }

func (c *compiler) readEnum(n *node, f *field) {
	enum := n.get("enum")
	if enum == nil || !c.want(enum, isMap, "enum") {
		return
	}
	if f.paths == nil {
		c.complain(enum, "move it beside the path", "An enum belongs to a path.")
	}
	f.enum = map[string]*string{}
	for _, p := range enum.pairs {
		var ours *string
		if p.value.shape != isNull {
			if !c.want(p.value, isScalar, "A value of an enum") {
				continue
			}
			ours = &p.value.text
			c.checkLiteral(p.value, f, p.value.text)
		}
		if p.key == "*" {
			f.other, f.hasOther = ours, true
		} else {
			f.enum[p.key] = ours
		}
	}
}

// checkLiterals proves constants now, so that they cannot fail a record later.
func (c *compiler) checkLiterals(n *node, f *field) {
	if v := n.get("default"); v != nil && c.want(v, isScalar, "default") {
		f.fallback = &v.text
		c.checkLiteral(v, f, v.text)
	}
	if f.constant != nil {
		c.checkLiteral(n.get("const"), f, *f.constant)
		f.ready, _ = f.convert(*f.constant, "const")
	}
}

func (c *compiler) checkLiteral(n *node, f *field, s string) {
	if value, problem := f.convert(s, ""); problem != nil {
		c.complain(n, problem.hint, "This cannot be %s: %s", f.target.name, lowerFirst(problem.reason))
	} else if value == nil {
		c.complain(n, "use null in an enum to leave the field out", "This cannot be %s: it is empty.", f.target.name)
	}
}

func (c *compiler) readCondition(n *node, depth int) *condition {
	if n == nil {
		return nil
	}
	out := &condition{}
	if depth > maxNesting {
		c.complain(n, "flatten it", "Conditions are nested deeper than %d levels.", maxNesting)
		return out
	}
	if n.shape == isList {
		out.all = c.readConditions(n, depth)
		return out
	}
	if !c.want(n, isMap, "A condition") {
		return out
	}
	c.known(n, "condition")
	switch all, some, not := n.get("all"), n.get("any"), n.get("not"); {
	case len(n.pairs) == 1 && all != nil:
		out.all = c.readConditions(all, depth)
	case len(n.pairs) == 1 && some != nil:
		out.any = c.readConditions(some, depth)
	case len(n.pairs) == 1 && not != nil:
		out.not = c.readCondition(not, depth+1)
	default:
		c.readComparison(n, out)
	}
	return out
}

func (c *compiler) readConditions(n *node, depth int) []condition {
	out := []condition{}
	if !c.want(n, isList, "A list of conditions") {
		return out
	}
	for _, item := range n.items {
		if x := c.readCondition(item, depth+1); x != nil {
			out = append(out, *x)
		}
	}
	if len(out) == 0 {
		c.complain(n, "name at least one", "The list of conditions is empty.")
	}
	return out
}

func (c *compiler) readComparison(n *node, out *condition) {
	exists, equals, in := n.get("exists"), n.get("equals"), n.get("in")
	ways := 0
	for _, v := range []*node{exists, equals, in} {
		if v != nil {
			ways++
		}
	}
	if n.get("path") == nil || ways != 1 || len(n.pairs) != 2 {
		c.complain(n, "write {path: …} with exists, equals or in; or all, any or not alone", "The condition is not complete, or says too much at once.")
		return
	}
	if paths := c.paths(n.get("path")); len(paths) == 1 {
		out.path = paths[0]
	} else if len(paths) > 1 {
		c.complain(n.get("path"), "use any for several", "A condition has one path.")
	}
	switch {
	case exists != nil:
		want := c.flag(n, "exists", true)
		out.exists = &want
	case equals != nil:
		if c.want(equals, isScalar, "equals") {
			out.values = []string{equals.text}
		}
	case c.want(in, isList, "in"):
		out.values = c.words(in, "in")
	}
}

func (c *compiler) readMoney(n *node) *money {
	c.known(n, "money")
	out := &money{amount: c.paths(n.get("amount")), negate: c.flag(n, "negate", false)}
	if n.get("amount") == nil {
		c.complain(n, "add amount: path", "money has no amount.")
	}
	out.currency = c.readCurrency(n)
	out.unit = c.readUnit(n, "")
	return out
}

// readCurrency reads paths, with a constant such as EUR as the last or only one.
func (c *compiler) readCurrency(n *node) currency {
	var out currency
	v := n.get("currency")
	if v == nil {
		c.complain(n, "add currency: path, or a constant such as EUR", "There is no currency.")
		return out
	}
	for i, item := range listOf(v) {
		if !c.want(item, isScalar, "A currency") {
			continue
		}
		if code := currencyOf(item.text); code == item.text {
			out.constant = code
			if i < len(listOf(v))-1 {
				c.complain(item, "move it to the end", "What follows the constant %s is never read.", code)
			}
			continue
		}
		if p, ok := c.path(item, item.text); ok {
			out.paths = append(out.paths, p)
		}
	}
	return out
}

func (c *compiler) readUnit(n *node, absent string) unit {
	out := unit{decimals: map[string]int{}}
	name := absent
	if n.get("unit") != nil || absent == "" {
		name = c.word(n, "unit")
	}
	out.major = name == "major"
	if name != "major" && name != "minor" {
		c.complain(n, "add unit: major for 12.34, unit: minor for 1234", "The unit of the amount is %q.", name)
	}
	decimals := n.get("decimals")
	if decimals == nil || !c.want(decimals, isMap, "decimals") {
		return out
	}
	if out.major {
		c.complain(decimals, "remove it", "decimals applies to minor units only.")
	}
	for _, p := range decimals.pairs {
		places, err := strconv.Atoi(p.value.text)
		if currencyOf(p.key) != p.key || err != nil || places < 0 || places > 6 {
			c.complain(p.value, "write ISK: 2, for instance", "%s: %s is not a currency with its decimal places.", p.key, p.value.text)
			continue
		}
		out.decimals[p.key] = places
	}
	return out
}

func (c *compiler) readMRR(n *node) *mrr {
	c.known(n, "mrr")
	out := &mrr{unit: c.readUnit(n, "minor")}
	for _, key := range []string{"items", "amount", "interval"} {
		if n.get(key) == nil {
			c.complain(n, "add it", "mrr needs %s.", key)
		}
	}
	if items := c.paths(n.get("items")); len(items) == 1 {
		out.items = items[0]
	} else if len(items) > 1 {
		c.complain(n.get("items"), "name one list", "items takes one path.")
	}
	in := c.within()
	out.amount, out.quantity = in.paths(n.get("amount")), in.paths(n.get("quantity"))
	out.interval, out.count = in.paths(n.get("interval")), in.paths(n.get("interval_count"))
	out.divide, out.divideRound = in.paths(n.get("divide")), in.paths(n.get("divide_round"))
	out.currency = in.readCurrency(n)
	out.skip = in.readCondition(n.get("skip_when"), 0)
	if v := n.get("discounts"); v != nil {
		for _, item := range listOf(v) {
			if c.want(item, isMap, "A discount") {
				out.discounts = append(out.discounts, c.readDiscount(item))
			}
		}
	}
	return out
}

func (c *compiler) readDiscount(n *node) discount {
	c.known(n, "discount")
	var out discount
	if items := c.paths(n.get("items")); len(items) == 1 {
		out.items = items[0]
	} else {
		c.complain(n, "add items: path", "A discount needs one path of items.")
	}
	in := c.within()
	out.percent, out.amount = in.paths(n.get("percent")), in.paths(n.get("amount"))
	out.when = in.readCondition(n.get("when"), 0)
	return out
}

func (c *compiler) readCustom(n *node) custom {
	if n.shape == isScalar {
		return custom{from: c.paths(n)}
	}
	var out custom
	if !c.want(n, isMap, "custom") {
		return out
	}
	c.known(n, "custom")
	out.from = c.paths(n.get("from"))
	if n.get("from") == nil {
		c.complain(n, "add from: path", "custom does not say from where.")
	}
	out.prefix = c.word(n, "prefix")
	var only, except []string
	if v := n.get("only"); v != nil {
		only = c.words(v, "only")
	}
	if v := n.get("except"); v != nil {
		except = c.words(v, "except")
	}
	out.only, out.except = newPatterns(only), newPatterns(except)
	in := c.within()
	out.key, out.value = in.paths(n.get("key")), in.paths(n.get("value"))
	if (out.key == nil) != (out.value == nil) {
		c.complain(n, "give both, as in key: id, value: value", "key and value belong together.")
	}
	for _, pattern := range slices.Concat(only, except) {
		if rest := strings.TrimSuffix(pattern, "*"); strings.Contains(strings.TrimPrefix(rest, "*"), "*") || rest != pattern && strings.HasPrefix(rest, "*") {
			c.complain(n, "write hub_* or *__c, for instance", "The pattern %q has a * that is not at its beginning or its end alone.", pattern)
		}
	}
	return out
}
