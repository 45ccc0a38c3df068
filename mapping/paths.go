package mapping

import (
	"slices"
	"strconv"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// Paths lists what the rules of a stream read, as gjson paths in which every index and query is "#", sorted. What
// custom keeps as a whole ends in ".*".
func (m *Map) Paths(stream string) []string {
	st := m.streams[stream]
	if st == nil {
		return nil
	}
	var out []string
	for i := range st.rules {
		st.rules[i].uses(func(at string) { out = append(out, normal(at)) })
		for _, c := range st.rules[i].custom {
			for _, p := range c.from {
				out = append(out, normal(p.text)+".*")
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Reads says whether the rules of a stream read a field, what holds it or something in it. The field is named as in
// the catalogue of fields: one level below the top behind a dot, [] for every element of a list.
func (m *Map) Reads(stream, field string) bool {
	st := m.streams[stream]
	if st == nil {
		return false
	}
	at := strings.ReplaceAll(field, "[]", ".#")
	used := map[string]bool{}
	var keeps []custom
	for i := range st.rules {
		st.rules[i].uses(func(p string) { used[normal(p)] = true })
		keeps = append(keeps, st.rules[i].custom...)
	}
	if reads(used, keeps, at) {
		return true
	}
	for p := range used {
		if strings.HasPrefix(p, at+".") {
			return true
		}
	}
	for i := range keeps {
		for _, p := range keeps[i].from {
			if normal(p.text) == at {
				return true
			}
		}
	}
	return false
}

// Hash changes where the map would turn records into something else: with the file, and with the connections that
// it points to. It also changes with a comment.
func (m *Map) Hash() string {
	var b strings.Builder
	b.WriteString(m.source)
	for _, name := range m.order {
		for i := range m.streams[name].rules {
			r := &m.streams[name].rules[i]
			for _, p := range slices.Concat(r.owners, r.sameAs, r.pointed()) {
				b.WriteString("\x00" + p.connection + "\x00" + p.stream + "\x00" + strconv.FormatBool(p.away))
			}
		}
	}
	return canon.Hash([]byte(b.String()))
}

// pointed lists the references that the fields of a rule hold.
func (r *rule) pointed() []pointer {
	var out []pointer
	for i := range r.fields {
		if p := r.fields[i].ref; p != nil {
			out = append(out, *p)
		}
	}
	return out
}
