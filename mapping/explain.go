package mapping

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/lifecyclehub/hub/canon"
)

// Row is one line of an explanation: a field of an entity with where it came from, or a vendor's field that
// nothing came from.
type Row struct {
	// Entity is the kind, with a dot and the part where there is one; "" for Unused and for faults of the
	// whole record.
	Entity string `json:"entity,omitempty"`
	// Field is the target's name, or owners, same_as, custom, created_at, absorbed, part, when, check.
	Field string `json:"field,omitempty"`
	// From is the vendor's path, or const or default; Raw the JSON found there, shortened.
	From string `json:"from,omitempty"`
	Raw  string `json:"raw,omitempty"`
	// Result is what came of it, "" for nothing. Fault and Hint tell what is wrong.
	Result string `json:"result,omitempty"`
	Fault  string `json:"fault,omitempty"`
	Hint   string `json:"hint,omitempty"`
	// Unused marks a vendor's path that no rule reads.
	Unused bool `json:"unused,omitempty"`
}

// maxUnused bounds how many unused paths an explanation lists.
const maxUnused = 500

// Explain applies the map and tells side by side what became of every field, then the faults of the record
// as a whole, then the vendor's paths that nobody used, sorted.
func (m *Map) Explain(rec canon.Record) []Row {
	var rows []Row
	e := evaluation{m: m, rec: rec, trace: func(r Row) {
		r.Raw, r.Result = excerpt(r.Raw), excerpt(r.Result)
		rows = append(rows, r)
	}}
	e.run()
	for _, l := range e.letters {
		if !slices.ContainsFunc(rows, func(r Row) bool {
			return r.Fault != "" && strings.HasSuffix(l.Reason, lowerFirst(r.Fault)) || r.Fault == l.Reason
		}) {
			rows = append(rows, Row{From: l.Path, Fault: l.Reason, Hint: l.Hint})
		}
	}
	st := m.streams[rec.Stream]
	raw := bytes.TrimSpace(rec.Raw)
	if st == nil || readable(raw, false) != nil {
		return rows
	}
	return append(rows, unused(st, gjson.ParseBytes(raw))...)
}

func excerpt(s string) string {
	const most = 120
	if s = clean(s); len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

func (e *evaluation) note(r Row) {
	if e.trace != nil {
		e.trace(r)
	}
}

func (e *evaluation) noteField(label string, f *field, out outcome) {
	if e.trace == nil {
		return
	}
	r := Row{Entity: label, Field: f.target.name, From: out.from, Raw: out.raw, Result: show(out.value)}
	if r.From == "" {
		r.From = f.where()
	}
	if out.fault != nil {
		r.Fault, r.Hint = out.fault.reason, out.fault.hint
	}
	e.trace(r)
}

func (e *evaluation) noteCustom(label string, from []custom, fields map[string]any) {
	if e.trace == nil {
		return
	}
	var names []string
	for i := range from {
		names = append(names, pathNames(from[i].from))
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		e.trace(Row{Entity: label, Field: "custom", From: listing(names) + ": " + name, Raw: show(fields[name]), Result: show(fields[name])})
	}
}

func show(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case canon.Money:
		return v.String()
	case canon.Ref:
		return v.String()
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

func (e *evaluation) label(r *rule, part string) string {
	if e.trace == nil {
		return ""
	}
	return r.label(part)
}

// label names the entity of a rule.
func (r *rule) label(part string) string {
	if part == "" {
		part = r.part
	}
	if part == "" {
		return string(r.kind)
	}
	return string(r.kind) + "." + part
}

// unused lists the leaves of a record that no path of the stream's rules leads to.
func unused(st *stream, root gjson.Result) []Row {
	used := map[string]bool{}
	var keeps []custom
	for i := range st.rules {
		st.rules[i].uses(func(at string) { used[normal(at)] = true })
		keeps = append(keeps, st.rules[i].custom...)
	}
	found := map[string]string{}
	leaves(root, "", 0, func(at, raw string) {
		if len(found) < 10*maxUnused && !reads(used, keeps, at) {
			if _, ok := found[at]; !ok {
				found[at] = raw
			}
		}
	})
	var rows []Row
	for _, at := range slices.Sorted(maps.Keys(found)) {
		if len(rows) == maxUnused {
			break
		}
		rows = append(rows, Row{From: at, Raw: excerpt(found[at]), Unused: true})
	}
	return rows
}

// reads reports whether a leaf is read by a path to it or to what holds it.
func reads(used map[string]bool, keeps []custom, at string) bool {
	for i := range keeps {
		for _, p := range keeps[i].from {
			name, ok := strings.CutPrefix(at, normal(p.text)+".")
			if ok && (keeps[i].key != nil || keeps[i].keeps(name)) {
				return true
			}
		}
	}
	for {
		if used[at] {
			return true
		}
		i := strings.LastIndexByte(at, '.')
		if i < 0 {
			return false
		}
		at = at[:i]
	}
}

// normal brings a gjson path into the form of leaves: every index and query is "#", modifiers end it.
func normal(p string) string {
	if i := strings.IndexAny(p, "|@"); i >= 0 {
		p = strings.TrimRight(p[:i], ".")
	}
	var parts []string
	depth, start := 0, 0
	for i := 0; i <= len(p); i++ {
		switch {
		case i == len(p) || p[i] == '.' && depth == 0:
			step := p[start:i]
			if strings.HasPrefix(step, "#") || step != "" && digits(step) {
				step = "#"
			}
			parts, start = append(parts, step), i+1
		case p[i] == '(':
			depth++
		case p[i] == ')':
			depth--
		}
	}
	return strings.Join(parts, ".")
}

func leaves(v gjson.Result, at string, depth int, leaf func(at, raw string)) {
	join := func(step string) string {
		if at == "" {
			return step
		}
		return at + "." + step
	}
	if depth > maxNested || v.Type != gjson.JSON {
		if present(v) {
			leaf(at, v.Raw)
		}
		return
	}
	array := v.IsArray()
	v.ForEach(func(k, child gjson.Result) bool {
		step := k.Str
		if array {
			step = "#"
		}
		leaves(child, join(step), depth+1, leaf)
		return true
	})
}
