package mapping

import (
	"slices"
	"strings"
	"time"
	"unsafe"

	"github.com/tidwall/gjson"

	"github.com/lifecyclehub/hub/canon"
)

// surround fills what stands around an entity's body: when it came into being, whom it belongs to, what it
// is the same as.
func (e *evaluation) surround(r *rule, s *source, ent *canon.Entity) {
	label := e.label(r, ent.Part)
	if r.created != nil {
		out := r.created.eval(s)
		if t, ok := out.value.(time.Time); ok {
			ent.CreatedAt = t
		}
		e.optional(r, r.created, out, ent.Deleted)
		e.noteField(label, r.created, out)
	}
	if r.absorbed != nil {
		out := r.absorbed.eval(s)
		if list, ok := out.value.([]string); ok {
			ent.Absorbed = slices.DeleteFunc(list, func(id string) bool { return id == e.rec.ID })
		}
		e.optional(r, r.absorbed, out, ent.Deleted)
		e.noteField(label, r.absorbed, out)
	}
	for i := range r.owners {
		e.own(label, &r.owners[i], s, ent)
	}
	for i := range r.sameAs {
		e.same(label, &r.sameAs[i], s, ent)
	}
	if n := r.customs(s); n > 0 {
		ent.Custom = make(map[string]any, n)
		for i := range r.custom {
			r.custom[i].collect(s, ent.Custom)
		}
		bound(ent.Custom)
		e.noteCustom(label, r.custom, ent.Custom)
		if len(ent.Custom) == 0 {
			ent.Custom = nil
		}
	}
}

// customs is about how many custom fields there are, 0 for none.
func (r *rule) customs(s *source) int {
	n := 0
	for i := range r.custom {
		if kept := r.custom[i].kept; kept >= 0 && !s.inEach {
			n += len(s.members[kept])
		} else {
			n += 8
		}
	}
	return min(n, 2*maxCustom)
}

func (e *evaluation) optional(r *rule, f *field, out outcome, deleted bool) {
	if out.fault != nil && !deleted {
		e.letter(f.judge(r.kind, out.fault))
	}
}

// own adds the owners that one pointer yields.
func (e *evaluation) own(label string, p *pointer, s *source, ent *canon.Entity) {
	if p.away {
		return
	}
	if p.self {
		e.addOwner(ent, canon.Owner{Kind: p.kind, Ref: e.rec.Ref})
		return
	}
	for _, id := range e.idsOf(label, "owners", s, p.id) {
		e.addOwner(ent, canon.Owner{Kind: p.kind, Ref: e.ref(p, id)})
	}
	for _, email := range e.idsOf(label, "owners", s, p.email) {
		e.addOwner(ent, canon.Owner{Kind: p.kind, Email: email})
	}
}

func (e *evaluation) addOwner(ent *canon.Entity, o canon.Owner) {
	if len(ent.Owners) < maxPointed && !slices.Contains(ent.Owners, o) {
		ent.Owners = append(ent.Owners, o)
	}
}

func (e *evaluation) same(label string, p *pointer, s *source, ent *canon.Entity) {
	if p.away {
		return
	}
	for _, id := range e.idsOf(label, "same_as", s, p.id) {
		ref := e.ref(p, id)
		if ref != e.rec.Ref && len(ent.SameAs) < maxPointed && !slices.Contains(ent.SameAs, ref) {
			ent.SameAs = append(ent.SameAs, ref)
		}
	}
}

func (e *evaluation) ref(p *pointer, id string) canon.Ref { return p.to(id, e.rec.Ref) }

// to returns the reference to the object with an id, as a record points to it.
func (p *pointer) to(id string, from canon.Ref) canon.Ref {
	ref := canon.Ref{Connection: p.connection, Stream: p.stream, ID: id}
	if ref.Connection == "" {
		ref.Connection = from.Connection
	}
	if ref.Stream == "" {
		ref.Stream = from.Stream
	}
	return ref
}

// eval reads a field that points to another object. A record that points to itself points to nothing: some
// vendors write so what stands at the top.
func (p *pointer) eval(s *source) outcome {
	if p.away {
		return outcome{}
	}
	v, at := s.scalar(p.id)
	if !present(v) {
		if v, at = s.first(p.id); !present(v) {
			return outcome{}
		}
		return outcome{from: at.name, raw: v.Raw, fault: newFault(codeType, at.name, "name the part of it that is wanted").
			because("An id is wanted, but the value is %s.", shapeOf(v))}
	}
	out := outcome{from: at.name, raw: v.Raw}
	id := strings.TrimSpace(clean(text(v)))
	if len(id) > maxID {
		out.fault = newFault(codeInvalid, at.name, "check the value at the vendor").because("The id %s is longer than %d bytes.", shorten(id), maxID)
	} else if ref := p.to(id, s.ref); id != "" && ref != s.ref {
		out.value = ref
	}
	return out
}

// maxID bounds an id's bytes: longer ones are no ids.
const maxID = 500

// idsOf returns the ids of the first path that yields any. Where a vendor may send an id or the whole
// object, the object is passed over.
func (e *evaluation) idsOf(label, what string, s *source, paths []path) []string {
	for _, p := range paths {
		if e.trace == nil && p.every != "" && (!s.inEach || p.root) && p.slot < len(s.slots) {
			if ids, ok := idsOfEvery(s.slots[p.slot], p.every); ok {
				if ids != nil {
					return ids
				}
				continue
			}
		}
		v := s.get(p)
		list := []gjson.Result{v}
		if v.IsArray() {
			list = v.Array()
		}
		var ids []string
		for _, item := range list {
			if id := idOf(item); id != "" {
				if ids = append(ids, id); len(ids) == maxPointed {
					break
				}
			}
		}
		if ids != nil {
			e.note(Row{Entity: label, Field: what, From: p.name, Raw: v.Raw, Result: listing(ids)})
			return ids
		}
	}
	return nil
}

// idOf returns the id that a value is, "" where it is none.
func idOf(v gjson.Result) string {
	id := strings.TrimSpace(clean(text(v)))
	if v.Type == gjson.JSON || len(id) > maxID {
		return ""
	}
	return id
}

// idsOfEvery returns the ids that the elements of a list have under a name, without a list of them in between. It
// is false where the value is no list.
func idsOfEvery(list gjson.Result, name string) ([]string, bool) {
	if list.Type != gjson.JSON || list.Raw == "" || list.Raw[0] != '[' {
		return nil, !list.Exists() || list.Type == gjson.Null
	}
	var ids []string
	b := unsafe.Slice(unsafe.StringData(list.Raw), len(list.Raw))
	for i := 1; i < len(b) && len(ids) < maxPointed; {
		switch c := b[i]; {
		case c <= ' ' || c == ',':
			i++
		case c == ']':
			return ids, true
		case c == '{':
			v, end := memberAt(b, i, name)
			if id := idOf(v); id != "" {
				ids = append(ids, id)
			}
			i = end
		default:
			i, _ = endOfValue(b, i)
		}
	}
	return ids, true
}
