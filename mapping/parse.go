package mapping

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// want complains and returns false where n has another shape.
func (r *reader) want(n *node, s shape, what string) bool {
	if n.shape == s {
		return true
	}
	r.complain(n, "see the schema for an example", "%s must be %s, but here is %s.", what, s, n.shape)
	return false
}

// known complains about keys that a part of the language does not have.
func (r *reader) known(n *node, section string) {
	names := sectionKeys(section)
	for _, p := range n.pairs {
		if !slices.Contains(names, p.key) {
			r.complain(&node{line: p.line, col: p.col}, "known are "+listing(names), "The key %q is unknown here.", p.key)
		}
	}
}

// word returns the text of the scalar under key, "" where it is absent.
func (r *reader) word(n *node, key string) string {
	v := n.get(key)
	if v == nil || !r.want(v, isScalar, key) {
		return ""
	}
	return v.text
}

// flag returns the boolean under key.
func (r *reader) flag(n *node, key string, absent bool) bool {
	v := n.get(key)
	if v == nil {
		return absent
	}
	if v.shape != isScalar || v.text != "true" && v.text != "false" {
		r.complain(v, "write true or false", "%s must be true or false.", key)
		return absent
	}
	return v.text == "true"
}

// words returns a list of scalars; a single scalar is a list of one.
func (r *reader) words(n *node, what string) []string {
	var out []string
	for _, item := range listOf(n) {
		if r.want(item, isScalar, "An element of "+what) {
			out = append(out, item.text)
		}
	}
	return out
}

// listOf returns the elements of a list, or n itself as the only one.
func listOf(n *node) []*node {
	if n.shape == isList {
		return n.items
	}
	return []*node{n}
}

func (r *reader) readFile(m *Map, doc *node) {
	if !r.want(doc, isMap, "A mapping file") {
		return
	}
	r.known(doc, "file")
	streams := doc.get("streams")
	if streams == nil {
		r.complain(doc, `begin with "streams:"`, "The file has no streams.")
		return
	}
	if !r.want(streams, isMap, "streams") {
		return
	}
	for _, p := range streams.pairs {
		if p.key == "" || strings.ContainsAny(p.key, "/ ") {
			r.complain(&node{line: p.line, col: p.col}, "use letters, digits, - and _", "%q cannot be the name of a stream.", p.key)
			continue
		}
		m.order = append(m.order, p.key)
		m.streams[p.key] = r.readStream(p.key, p.value)
	}
}

func (r *reader) readStream(name string, n *node) *stream {
	s := &stream{picker: newPicker()}
	if !r.want(n, isMap, "A stream") {
		return s
	}
	r.known(n, "stream")
	rules := n.get("rules")
	if rules == nil {
		r.complain(n, "add rules: [] if its records are to be passed over", "The stream %s has no rules.", name)
	} else if r.want(rules, isList, "rules") {
		for _, item := range rules.items {
			if r.want(item, isMap, "A rule") {
				s.rules = append(s.rules, r.readRule(s, item))
			}
		}
	}
	if push := n.get("push"); push != nil && r.want(push, isMap, "push") {
		s.push = r.readPush(name, push)
	}
	for i := range s.rules {
		for j := range s.rules[i].custom {
			c := &s.rules[i].custom[j]
			if c.kept = -1; s.rules[i].each == nil {
				s.picker.collect(c)
			}
		}
	}
	return s
}

// compiler is where paths are compiled: inside each they are relative to the element.
type compiler struct {
	*reader
	picker *picker
	inEach bool
	kind   canon.Kind
}

func (r *reader) readRule(s *stream, n *node) rule {
	r.known(n, "rule")
	out := rule{kind: canon.Kind(r.word(n, "kind"))}
	list, err := targets(out.kind)
	if err != nil {
		at := n
		if k := n.get("kind"); k != nil {
			at = k
		}
		r.complain(at, "known are "+kindNames(), "The kind %q is unknown.", out.kind)
		return out
	}
	top := compiler{reader: r, picker: s.picker, kind: out.kind}
	c := top
	if each := n.get("each"); each != nil {
		if paths := top.paths(each); len(paths) == 1 {
			out.each = &paths[0]
		} else if len(paths) > 1 {
			r.complain(each, "write a rule for each of them", "each takes one path.")
		}
		c.inEach = true
	}
	out.part, out.partPaths = c.readPart(n.get("part"))
	out.when = c.readCondition(n.get("when"), 0)
	out.deleted = c.readCondition(n.get("deleted"), 0)
	if v := n.get("created_at"); v != nil {
		f := c.readField(v, target{name: "created_at", typ: typeTime}, 0)
		out.created = &f
	}
	if v := n.get("absorbed"); v != nil {
		f := c.readField(v, target{name: "absorbed", typ: typeList}, 0)
		out.absorbed = &f
	}
	if v := n.get("owners"); v != nil {
		for _, item := range listOf(v) {
			out.owners = append(out.owners, c.readOwner(item))
		}
	}
	if v := n.get("same_as"); v != nil {
		for _, item := range listOf(v) {
			out.sameAs = append(out.sameAs, c.readSameAs(item))
		}
	}
	if v := n.get("custom"); v != nil {
		for _, item := range listOf(v) {
			out.custom = append(out.custom, c.readCustom(item))
		}
	}
	out.fields = c.readFields(n, list)
	for i := range out.fields {
		out.fields[i].plain = out.fields[i].easy()
	}
	out.limits = limitsOf(out.kind)
	return out
}

func kindNames() string {
	var names []string
	for _, k := range canon.Kinds() {
		names = append(names, string(k))
	}
	return listing(names)
}

func (c *compiler) readFields(rule *node, list []target) []field {
	var out []field
	fields := rule.get("fields")
	if fields != nil && c.want(fields, isMap, "fields") {
		for _, p := range fields.pairs {
			t := findTarget(list, p.key)
			if t == nil {
				c.complain(&node{line: p.line, col: p.col}, "known are "+listing(targetNames(list)), "A %s has no field %q.", c.kind, p.key)
				continue
			}
			out = append(out, c.readField(p.value, *t, 0))
		}
	}
	for _, t := range list {
		if t.required && fields.get(t.name) == nil {
			c.complain(rule, "add it under fields, if need be as a constant: {const: …}", "A %s needs the field %s.", c.kind, t.name)
		}
	}
	return out
}

func (c *compiler) readPart(n *node) (constant string, paths []path) {
	switch {
	case n == nil:
		return "", nil
	case n.shape == isMap:
		c.known(n, "part")
		if p := n.get("path"); p != nil {
			return "", c.paths(p)
		}
		c.complain(n, "write {path: …} or a constant", "part has no path.")
		return "", nil
	case !c.want(n, isScalar, "part"):
		return "", nil
	case n.text == "" || len(n.text) > 100:
		c.complain(n, "use a short word", "%q cannot be a part.", n.text)
	}
	return n.text, nil
}

// paths compiles one path or a list of them.
func (c *compiler) paths(n *node) []path {
	if n == nil {
		return nil
	}
	var out []path
	for _, item := range listOf(n) {
		if !c.want(item, isScalar, "A path") {
			continue
		}
		if p, ok := c.path(item, item.text); ok {
			out = append(out, p)
		}
	}
	if len(out) == 0 && n.shape == isList && len(n.items) == 0 {
		c.complain(n, "name at least one", "The list of paths is empty.")
	}
	return out
}

func (c *compiler) path(n *node, s string) (path, bool) {
	rest, root := strings.CutPrefix(s, rootPrefix)
	if problem, hint := checkPath(rest); problem != "" {
		c.complain(n, hint, "The path %q is not usable: %s", s, lowerFirst(problem))
		return path{}, false
	}
	p := path{text: rest, name: s, root: root, slot: -1}
	if !c.inEach || root {
		plain, tail := cut(rest)
		if p.slot = c.picker.add(plain); p.slot >= 0 {
			p.tail = tail
			if every, ok := strings.CutPrefix(tail, "#."); ok && len(steps(every)) == 1 {
				p.every = every
			}
		}
	}
	return p, true
}

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }

// within returns the compiler for the elements of a list.
func (c *compiler) within() *compiler {
	inner := *c
	inner.inEach = true
	return &inner
}

func (r *reader) readPush(name string, n *node) *PushStream {
	r.known(n, "push")
	out := &PushStream{Stream: name, Kind: canon.Kind(r.word(n, "kind"))}
	if !slices.Contains([]canon.Kind{canon.KindCompany, canon.KindContact, canon.KindDeal}, out.Kind) {
		r.complain(n, "write kind: company, contact or deal", "Hub cannot write into records of kind %q.", out.Kind)
	}
	fields := n.get("fields")
	if fields == nil || fields.shape != isMap || len(fields.pairs) == 0 {
		r.complain(n, "add fields: {vendor_field: {value: stage}}", "push has no fields.")
		return out
	}
	for _, p := range fields.pairs {
		if r.want(p.value, isMap, "A field to push") {
			out.Fields = append(out.Fields, r.readPushField(p.key, p.value))
		}
	}
	return out
}

func (r *reader) readPushField(name string, n *node) PushField {
	r.known(n, "push_field")
	out := PushField{Name: name, Value: r.word(n, "value"), Type: r.word(n, "type"), Label: r.word(n, "label"), Doc: r.word(n, "doc")}
	natural, ok := pushTypes()[out.Value]
	if !ok {
		r.complain(n, "known are "+listing(PushValues()), "The value %q is unknown.", out.Value)
	}
	if out.Type == "" {
		out.Type = natural
	}
	if out.Label == "" {
		out.Label = name
	}
	if options := n.get("options"); options != nil {
		out.Options = r.words(options, "options")
	}
	var problem, hint string
	switch {
	case !ok:
	case !slices.Contains([]string{"text", "number", "datetime", "enum"}, out.Type):
		problem, hint = fmt.Sprintf("The type %q is unknown.", out.Type), "known are text, number, datetime, enum"
	case out.Type == "enum" && len(out.Options) == 0:
		problem, hint = "An enum needs options.", "add options: [green, yellow, red, unknown], for instance"
	case out.Type != "enum" && len(out.Options) > 0:
		problem, hint = "Only an enum has options.", "write type: enum, or remove the options"
	case out.Type != "text" && out.Type != natural && (out.Type != "enum" || natural != "text"):
		problem = fmt.Sprintf("%s is of type %s and cannot be written as %s.", out.Value, natural, out.Type)
		hint = "leave type out to get the natural one"
	}
	if problem != "" {
		r.complain(n, hint, "%s", problem)
	}
	return out
}
