package mapping

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/lifecyclehub/hub/canon"
)

// The bounds of a record: bytes, nesting, references of one entity.
const (
	maxRaw     = 16 << 20
	maxNested  = 200
	maxPointed = 100
)

// Apply maps a record. It returns the record's entities, at most one per kind and part, and a dead letter
// for each fault; both are the same for the same record. Raw of a dead letter and the texts of the entities share
// the record's bytes, which nobody may change any more.
//
// Of several rules that would make the same entity, the first whose condition holds does. A deleted record
// gives a deleted entity per rule, with what is left of its body and without faults; rules with each, or
// with a part that the record tells, give those that are still to be seen in it.
func (m *Map) Apply(rec canon.Record) ([]canon.Entity, []canon.DeadLetter) {
	e := evaluation{m: m, rec: rec}
	e.run()
	return e.entities, e.letters
}

// evaluation is one application of a map to a record.
type evaluation struct {
	m        *Map
	rec      canon.Record
	entities []canon.Entity
	letters  []canon.DeadLetter
	// made tells which rule made which entity, buried which deleted ones no rule could map.
	made   []making
	buried []making
	// at is the path of the element that is being mapped, with a dot behind it.
	at string
	// trace is told of every value that was looked at; nil outside of Explain.
	trace func(Row)
}

// making is an entity of the record, by what tells it from the record's others.
type making struct {
	kind canon.Kind
	part string
	by   *rule
}

// maker returns the rule that a list names for an entity, nil for none.
func maker(list []making, kind canon.Kind, part string) *rule {
	for i := range list {
		if list[i].kind == kind && list[i].part == part {
			return list[i].by
		}
	}
	return nil
}

func (e *evaluation) run() {
	st := e.m.streams[e.rec.Stream]
	if st == nil {
		e.letter(newFault(codeStream, "", "add the stream to the mapping file, with rules: [] if its records are to be passed over").
			because("The mapping %s has no rules for the stream %s.", e.m.name, shorten(e.rec.Stream)))
		return
	}
	raw := bytes.TrimSpace(e.rec.Raw)
	problem := readable(raw, e.rec.Sound)
	if problem != nil {
		raw = nil
	}
	s, depth := st.picker.source(raw)
	defer func() { st.picker.done(s) }()
	if depth > maxNested {
		problem = tooDeep()
		st.picker.done(s)
		s, _ = st.picker.source(nil)
	}
	if problem != nil && !e.rec.Deleted {
		e.letter(problem)
		return
	}
	s.ref = e.rec.Ref
	for i := range st.rules {
		if r := &st.rules[i]; r.each == nil {
			e.one(r, s, 0)
		} else {
			e.each(r, s)
		}
	}
	e.tombstones(st)
}

// readable says why raw cannot be mapped, nil where it can or is too deep, which is told when it is read. What is
// sound is known to be valid JSON.
func readable(raw []byte, sound bool) *fault {
	switch {
	case len(raw) > maxRaw:
		return newFault(codeInvalid, "", "ask the vendor for fewer fields").
			because("The record has %d bytes; up to %d are read.", len(raw), maxRaw)
	case len(raw) == 0 || raw[0] != '{':
		return newFault(codeInvalid, "", "check the stream's path to its records").
			because("The record is not a JSON object: %s.", shorten(string(raw[:min(len(raw), 400)])))
	case sound:
		return nil
	}
	// The proof of validity goes as deep as the record.
	if _, depth := endOfNested(raw, 0); depth > maxNested {
		return tooDeep()
	}
	if !gjson.ValidBytes(raw) {
		return newFault(codeInvalid, "", "check what the vendor sent").
			because("The record is not valid JSON: %s.", shorten(string(raw[:min(len(raw), 400)])))
	}
	return nil
}

func tooDeep() *fault {
	return newFault(codeInvalid, "", "ask the vendor for fewer fields").because("The record is nested deeper than %d levels.", maxNested)
}

// each makes an entity per element.
func (e *evaluation) each(r *rule, s *source) {
	list := s.get(*r.each)
	if !present(list) {
		return
	}
	elements := []gjson.Result{list}
	if list.IsArray() {
		elements = list.Array()
	}
	if len(elements) > maxItems {
		e.letter(newFault(codeInvalid+fieldSuffix, r.each.name, "ask the vendor for fewer").
			because("The list has %d elements; the first %d are read.", len(elements), maxItems))
		elements = elements[:maxItems]
	}
	for i, element := range elements {
		e.at = r.each.name + "." + strconv.Itoa(i) + "."
		e.one(r, s.within(element), i)
	}
	e.at = ""
}

// one makes the entity of a rule.
func (e *evaluation) one(r *rule, s *source, index int) {
	deleted := e.rec.Deleted || r.deleted != nil && r.deleted.holds(s)
	if r.when != nil && !r.when.holds(s) {
		e.note(Row{Entity: r.label(""), Field: "when", Result: "does not hold"})
		if deleted && r.each == nil && r.partPaths == nil {
			e.bury(r)
		}
		return
	}
	ent := canon.Entity{Kind: r.kind, Ref: e.rec.Ref, Part: r.part, Deleted: deleted}
	if r.each != nil && r.part == "" {
		ent.Part = strconv.Itoa(index)
	}
	if r.partPaths != nil {
		v, p := s.scalar(r.partPaths)
		if ent.Part = strings.TrimSpace(clean(text(v))); ent.Part == "" {
			if !deleted {
				e.letter(newFault(codeMissing, pathNames(r.partPaths), "name a path that every record has").
					because("The part of the %s is missing.", r.kind))
			}
			return
		}
		e.note(Row{Entity: r.label(ent.Part), Field: "part", From: p.name, Raw: v.Raw, Result: ent.Part})
	}
	if by := maker(e.made, ent.Kind, ent.Part); by != nil {
		e.again(r, by, ent.Part)
		return
	}
	b := e.body(r, s, ent.Part)
	if !deleted {
		for _, f := range b.faults {
			e.letter(f)
		}
		if !b.usable {
			e.note(Row{Entity: r.label(ent.Part), Field: "check", Result: "rejected, because of a field that it needs"})
			return
		}
	}
	if b.usable && (b.filled || !deleted) {
		ent.Body = b.value
	}
	e.surround(r, s, &ent)
	e.made = append(e.made, making{ent.Kind, ent.Part, r})
	e.entities = append(e.entities, ent)
}

// again deals with a second entity of the same key: rules may be alternatives, elements may not.
func (e *evaluation) again(r, by *rule, part string) {
	e.note(Row{Entity: r.label(part), Field: "part", Result: "made by an earlier rule or element already"})
	if r != by {
		return
	}
	at := ""
	if r.partPaths != nil {
		at = pathNames(r.partPaths)
	}
	e.letter(newFault(codeInvalid, at, "name a part that tells the elements apart").
		because("Two elements make the %s %s.", r.kind, shorten(part)))
}

// bury remembers that a rule's entity is gone; see tombstones.
func (e *evaluation) bury(r *rule) {
	e.buried = append(e.buried, making{r.kind, r.part, r})
}

// tombstones adds the deleted entities that no rule could map: of a deleted object often little is left, and
// the conditions of its rules no longer hold.
func (e *evaluation) tombstones(st *stream) {
	for i := range st.rules {
		r := &st.rules[i]
		ent := canon.Entity{Kind: r.kind, Ref: e.rec.Ref, Part: r.part, Deleted: true}
		if r.each != nil || r.partPaths != nil || maker(e.made, r.kind, r.part) != nil || maker(e.buried, r.kind, r.part) == nil {
			continue
		}
		e.made = append(e.made, making{r.kind, r.part, r})
		e.entities = append(e.entities, ent)
	}
}

// filling is a body with what was wrong about it.
type filling struct {
	value  any
	faults []*fault
	// usable says that everything is there that the kind requires, filled that something came from the record.
	usable, filled bool
}

// body fills the struct of the rule's kind.
func (e *evaluation) body(r *rule, s *source, part string) filling {
	if e.trace == nil {
		if out, ok := r.quick(s); ok {
			return out
		}
	}
	body, err := canon.NewBody(r.kind)
	if err != nil {
		return filling{}
	}
	v := reflect.ValueOf(body)
	out := filling{value: body, usable: true}
	from := make([]string, len(r.fields))
	label := e.label(r, part)
	for i := range r.fields {
		f := &r.fields[i]
		o := f.eval(s)
		if o.value == nil && o.fault == nil && f.target.required {
			o.fault = newFault(codeMissing, f.where(), "fill it at the vendor, or give a default in the mapping").
				because("It is empty at the vendor.")
		}
		if o.value != nil {
			f.target.set(v, o.value)
			from[i] = o.from
			out.filled = out.filled || o.raw != "" && o.from != "const"
		}
		if o.fault != nil {
			out.faults = append(out.faults, f.judge(r.kind, o.fault))
			out.usable = out.usable && (!f.target.required || o.value != nil)
		}
		e.noteField(label, f, o)
	}
	bad, ok := e.check(r, v, from)
	for _, f := range bad {
		e.note(Row{Entity: r.label(part), Field: "check", From: f.path, Fault: f.reason, Hint: f.hint})
	}
	out.faults = append(out.faults, bad...)
	out.usable = out.usable && ok
	return out
}

// judge words a field's fault for people, and gives an optional field's fault its own code.
func (f *field) judge(k canon.Kind, problem *fault) *fault {
	out := *problem
	if !f.target.required {
		out.code += fieldSuffix
	}
	out.reason = fmt.Sprintf("The %s's %s: %s", k, f.target.name, lowerFirst(problem.reason))
	return &out
}

// where names the paths that a field is read from.
func (f *field) where() string {
	switch {
	case f.first != nil:
		var names []string
		for i := range f.first {
			if w := f.first[i].where(); w != "" && !slices.Contains(names, w) {
				names = append(names, w)
			}
		}
		return listing(names)
	case f.money != nil:
		return pathNames(f.money.amount)
	case f.mrr != nil:
		return f.mrr.items.name
	case f.ref != nil:
		return pathNames(f.ref.id)
	}
	return pathNames(f.paths)
}

// letter records a fault; the same fault of the same path is told once.
func (e *evaluation) letter(f *fault) {
	d := letter(e.rec, f)
	if e.at != "" && !strings.HasPrefix(d.Path, rootPrefix) {
		d.Path = strings.TrimSuffix(e.at+d.Path, ".")
		d = d.WithID()
	}
	if slices.ContainsFunc(e.letters, func(x canon.DeadLetter) bool { return x.ID == d.ID }) {
		return
	}
	e.letters = append(e.letters, d)
}
