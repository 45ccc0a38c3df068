package mapping

import (
	"slices"
	"strings"
	"time"

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
	if len(r.custom) > 0 {
		ent.Custom = make(map[string]any, 16)
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

func (e *evaluation) ref(p *pointer, id string) canon.Ref {
	ref := canon.Ref{Connection: p.connection, Stream: p.stream, ID: id}
	if ref.Connection == "" {
		ref.Connection = e.rec.Connection
	}
	return ref
}

// maxID bounds an id's bytes: longer ones are no ids.
const maxID = 500

// idsOf returns the ids of the first path that yields any. Where a vendor may send an id or the whole
// object, the object is passed over.
func (e *evaluation) idsOf(label, what string, s *source, paths []path) []string {
	for _, p := range paths {
		v := s.get(p)
		list := []gjson.Result{v}
		if v.IsArray() {
			list = v.Array()
		}
		var ids []string
		for _, item := range list {
			id := strings.TrimSpace(clean(text(item)))
			if item.Type == gjson.JSON || id == "" || len(id) > maxID {
				continue
			}
			if ids = append(ids, id); len(ids) == maxPointed {
				break
			}
		}
		if ids != nil {
			e.note(Row{Entity: label, Field: what, From: p.name, Raw: v.Raw, Result: listing(ids)})
			return ids
		}
	}
	return nil
}
