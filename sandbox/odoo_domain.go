package sandbox

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// domain reads a search domain: leaves [field, operator, value], all of which hold, and the prefixes "|", "&" and "!".
func (s *odooSuite) domain(model string, terms []any) (func(*item) bool, *reply) {
	var all []func(*item) bool
	for rest := terms; len(rest) > 0; {
		holds, after, bad := s.term(model, rest)
		if bad != nil {
			return nil, bad
		}
		all, rest = append(all, holds), after
	}
	return func(it *item) bool { return !slices.ContainsFunc(all, func(f func(*item) bool) bool { return !f(it) }) }, nil
}

// term reads the first term and returns what follows it.
func (s *odooSuite) term(model string, terms []any) (func(*item) bool, []any, *reply) {
	if len(terms) == 0 {
		return nil, nil, odooBad("Domain is incomplete")
	}
	leaf, ok := terms[0].([]any)
	if ok {
		f, bad := s.leaf(model, leaf)
		return f, terms[1:], bad
	}
	if terms[0] != "|" && terms[0] != "&" && terms[0] != "!" {
		return nil, nil, odooBad("Invalid domain term %v", terms[0])
	}
	one, rest, bad := s.term(model, terms[1:])
	if bad != nil || terms[0] == "!" {
		return func(it *item) bool { return !one(it) }, rest, bad
	}
	two, rest, bad := s.term(model, rest)
	if terms[0] == "|" {
		return func(it *item) bool { return one(it) || two(it) }, rest, bad
	}
	return func(it *item) bool { return one(it) && two(it) }, rest, bad
}

// leaf compares one field. An id must be a number: a text would be refused by the database.
func (s *odooSuite) leaf(model string, leaf []any) (func(*item) bool, *reply) {
	if len(leaf) != 3 {
		return nil, odooBad("Invalid domain term %v", leaf)
	}
	name, op := fmt.Sprint(leaf[0]), fmt.Sprint(leaf[1])
	kind := s.typeOf(model, name)
	if kind == "" {
		return nil, odooBad("Invalid field %s.%s in leaf %v", model, name, leaf)
	}
	want := leaf[2]
	if list, ok := want.([]any); ok && (op == "in" || op == "not in") {
		if name == "id" && slices.ContainsFunc(list, func(v any) bool { _, ok := v.(json.Number); return !ok }) {
			return nil, odooBad("invalid input syntax for type integer in %v", leaf)
		}
		return func(it *item) bool {
			in := slices.ContainsFunc(list, func(v any) bool { return odooCompare(odooValue(it, name), v) == 0 })
			return in == (op == "in")
		}, nil
	}
	if _, number := want.(json.Number); name == "id" && !number {
		return nil, odooBad("invalid input syntax for type integer in %v", leaf)
	}
	if text, ok := want.(string); ok && kind == "datetime" && len(text) != len(odooTime) {
		return nil, odooBad("Invalid isoformat string: %q", text)
	}
	fits := map[string]func(int) bool{"=": func(n int) bool { return n == 0 }, "!=": func(n int) bool { return n != 0 },
		">": func(n int) bool { return n > 0 }, ">=": func(n int) bool { return n >= 0 },
		"<": func(n int) bool { return n < 0 }, "<=": func(n int) bool { return n <= 0 }}[op]
	if fits == nil {
		return nil, odooBad("Invalid operator in %v", leaf)
	}
	return func(it *item) bool { return fits(odooCompare(odooValue(it, name), want)) }, nil
}

// odooCompare orders two values. Nothing and false are the same; a reference counts by its id.
func odooCompare(a, b any) int {
	x, xn := odooNumber(a)
	y, yn := odooNumber(b)
	if xn && yn {
		return cmp.Compare(x, y)
	}
	return strings.Compare(odooText(a), odooText(b))
}

func odooNumber(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case json.Number:
		f, err := v.Float64()
		return f, err == nil
	case []any:
		if len(v) > 0 {
			return odooNumber(v[0])
		}
	}
	return 0, false
}

func odooText(v any) string {
	if v == nil || v == false {
		return ""
	}
	return fmt.Sprint(v)
}

// writeOne changes fields of records: all or none, as one call is one transaction.
func (s *odooSuite) writeOne(model string, m odooModel, in odooParams) (any, *reply) {
	rows, bad := s.byIDs(m, in.IDs)
	if bad != nil {
		return nil, bad
	}
	members := doc{}
	for name, raw := range in.Vals {
		v, bad := s.value(model, name, raw)
		if bad != nil {
			return nil, bad
		}
		members[name] = v
	}
	s.world.writeCalls++
	for _, it := range rows {
		s.world.writeVal += len(members)
		s.settleLate(it)
		s.list(m.stream).put(it.id, s.world.now, laidOver(it.doc, members))
	}
	return true, nil
}

// value reads a value for a field; nil is empty.
func (s *odooSuite) value(model, name string, raw json.RawMessage) (any, *reply) {
	kind := s.typeOf(model, name)
	if kind == "" || name == "id" {
		return nil, odooBad("Invalid field %q on %q", name, model)
	}
	var v any
	if json.Unmarshal(raw, &v) != nil || v == nil || v == false && kind != "boolean" {
		return nil, nil
	}
	text, isText := v.(string)
	_, isNumber := v.(float64)
	var ok bool
	switch kind {
	case "datetime":
		ok = isText && len(text) == len(odooTime)
	case "integer", "float", "monetary":
		ok, v = isNumber, json.Number(raw)
	case "boolean":
		_, ok = v.(bool)
	case "selection":
		options := as[[]string](nil)
		if it := s.list("fields").byID[model+"/"+name]; it != nil {
			options = as[[]string](it.doc["options"])
		}
		ok = isText && (options == nil || slices.Contains(options, text))
	default:
		ok = isText
	}
	if !ok {
		return nil, odooBad("Wrong value for %s.%s: %s", model, name, raw)
	}
	return v, nil
}

// modelIDs tells the ids of models: their place among the names.
func (s *odooSuite) modelIDs(in odooParams) reply {
	out := []doc{}
	for i, name := range sortedKeys(s.models) {
		for _, leaf := range in.Domain {
			if l, ok := leaf.([]any); ok && len(l) == 3 && l[0] == "model" && l[2] == name {
				out = append(out, doc{"id": 80 + i})
			}
		}
	}
	return reply{status: http.StatusOK, body: out}
}

// newFields makes fields by hand.
func (s *odooSuite) newFields(in odooParams) reply {
	var ids []int
	for _, vals := range in.ValsList {
		var f struct {
			Name, TType, State string
			Label              string `json:"field_description"`
			Model              int    `json:"model_id"`
			Options            []any  `json:"selection_ids"`
		}
		b, err := json.Marshal(vals)
		if err == nil {
			err = json.Unmarshal(b, &f)
		}
		names := sortedKeys(s.models)
		if err != nil || f.Model < 80 || f.Model-80 >= len(names) || !slices.Contains([]string{"char", "text", "float", "integer", "datetime", "date", "boolean", "selection"}, f.TType) {
			return *odooBad("Invalid field %s", b)
		}
		model := names[f.Model-80]
		if f.State != "manual" || !strings.HasPrefix(f.Name, "x_") {
			return odooError(http.StatusUnprocessableEntity, "odoo.exceptions.ValidationError", "Custom fields must have a name that starts with 'x_'!")
		}
		if s.typeOf(model, f.Name) != "" {
			return odooError(http.StatusUnprocessableEntity, "odoo.exceptions.ValidationError", "Field names must be unique per model.")
		}
		var options []string
		for _, command := range f.Options {
			if parts, ok := command.([]any); ok && len(parts) == 3 {
				if vals, ok := parts[2].(map[string]any); ok {
					options = append(options, fmt.Sprint(vals["value"]))
				}
			}
		}
		ids = append(ids, 9000+len(s.list("fields").rows))
		s.list("fields").put(model+"/"+f.Name, s.world.now, doc{"id": strconv.Itoa(ids[len(ids)-1]), "ttype": f.TType, "options": options})
	}
	return reply{status: http.StatusOK, body: ids}
}
