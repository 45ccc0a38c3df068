package rest

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/lifecyclehub/hub/canon"
)

// dedupe drops records that were on the page before, byte for byte.
func (p *pull) dedupe(any bool) {
	seen := map[string]bool{}
	for _, m := range p.cur.Seen {
		seen[m] = true
	}
	var fresh []string
	kept := p.page.Records[:0]
	for _, rec := range p.page.Records {
		m := mark(rec)
		fresh = append(fresh, m)
		if !seen[m] {
			kept = append(kept, rec)
		}
	}
	p.page.Records = kept
	if any {
		p.cur.Seen = remember(nil, fresh)
	}
}

// records turns items into records and rejects. An id that stands twice on one page counts once, in its
// newest state. The records' bytes are still those of the answer: see keep.
func (p *pull) records(items []gjson.Result, enrich []Enrich) {
	at := make(map[string]int, len(items))
	p.page.Records = make([]canon.Record, 0, len(items))
	g := p.glance(enrich)
	p.lent = true
	for _, item := range items {
		g.at(item)
		rec, ok := p.record(item, g.get)
		if !ok || p.stale(rec) || p.early(rec) {
			continue
		}
		n := p.note(g, enrich)
		if i, twice := at[rec.ID]; twice {
			if rec.Version >= p.page.Records[i].Version {
				p.page.Records[i], p.notes[i] = rec, n
			}
			continue
		}
		at[rec.ID] = len(p.page.Records)
		p.page.Records, p.notes = append(p.page.Records, rec), append(p.notes, n)
	}
	p.lent = false
}

// note is what was seen of a record when it was read.
type note struct {
	// merged is the value at the path of Merged, taken whether a member is there that enrich would add.
	merged gjson.Result
	taken  bool
}

func (p *pull) note(g *glance, enrich []Enrich) note {
	var n note
	if p.st.Merged != nil {
		n.merged = g.get(p.st.Merged.Path)
	}
	for i := range enrich {
		n.taken = n.taken || hasMember(g, enrich[i].Member)
	}
	return n
}

// hasMember reports whether the object has a member; the name need not be a path.
func hasMember(g *glance, name string) bool {
	if steps := plainSteps(name); len(steps) == 1 {
		return g.get(name).Exists()
	}
	found := false
	g.item.ForEach(func(k, _ gjson.Result) bool {
		found = found || k.Str == name
		return !found
	})
	return found
}

// glance finds all that is asked of an item in one pass.
func (p *pull) glance(enrich []Enrich) *glance {
	paths := append([]string{p.st.ID, p.st.Version.Path, p.st.Into, p.st.Reason}, p.st.Version.Max...)
	if p.st.Deleted != nil {
		paths = append(paths, p.st.Deleted.Path)
	}
	if p.st.Archived != nil && p.cur.Phase == phaseArchived {
		paths = append(append(paths, p.st.Archived.Version.Path), p.st.Archived.Version.Max...)
	}
	if p.st.Merged != nil {
		paths = append(paths, p.st.Merged.Path)
	}
	for i := range enrich {
		if len(plainSteps(enrich[i].Member)) == 1 {
			paths = append(paths, enrich[i].Member)
		}
	}
	return newGlance(paths...)
}

// keep gives the records bytes of their own: the answer's are used again. They share one piece of memory, which
// is no longer than all of them.
func (p *pull) keep() {
	size := 0
	for i := range p.page.Records {
		size += len(p.page.Records[i].Raw)
	}
	all := make([]byte, 0, size)
	for i := range p.page.Records {
		rec, from := &p.page.Records[i], len(all)
		all = append(all, rec.Raw...)
		rec.Raw = all[from:len(all):len(all)]
	}
}

// stale reports a deleted record that earlier rounds have told.
func (p *pull) stale(rec canon.Record) bool {
	if p.cur.Phase != phaseArchived || p.st.Archived.Recent == 0 || p.cur.Mark == 0 || rec.Version == 0 {
		return false
	}
	return rec.Version < p.cur.Mark-time.Duration(p.st.Archived.Recent).Microseconds()
}

// record makes the record of an item whose values get finds.
func (p *pull) record(item gjson.Result, get func(path string) gjson.Result) (canon.Record, bool) {
	id := text(get(p.st.ID))
	if !item.IsObject() || id == "" {
		p.reject(item)
		return canon.Record{}, false
	}
	rule := p.st.Version
	rec := p.recordOf(id, item, get)
	rec.Sound = true
	if p.cur.Phase == phaseArchived {
		if !rec.Deleted || rec.Reason == "deleted" {
			rec.Reason = or(p.st.Archived.Reason, "archived")
		}
		rec.Deleted = true
		if v := p.st.Archived.Version; v.Path != "" || len(v.Max) > 0 {
			rule = v
		}
	}
	rec.Version = max(rule.from(get, micros(p.cur.Start)), p.cur.Floor)
	return rec, true
}

func (p *pull) newRecord(id string, item gjson.Result) canon.Record {
	return p.recordOf(id, item, item.Get)
}

func (p *pull) recordOf(id string, item gjson.Result, get func(path string) gjson.Result) canon.Record {
	rec := canon.Record{
		Ref:        canon.Ref{Connection: p.conn.connection, Stream: p.st.Name, ID: strings.Clone(id)},
		ObservedAt: p.now,
		Deleted:    p.st.Deleted != nil && p.st.Deleted.is(get(p.st.Deleted.Path)),
		Raw:        flat(item),
	}
	if !p.lent {
		rec.Raw = bytes.Clone(rec.Raw)
	}
	if p.st.Into != "" {
		if into := text(get(p.st.Into)); into != "" && into != id {
			rec.Deleted, rec.Reason, rec.Into = true, "merged", strings.Clone(into)
		}
	}
	if rec.Deleted && rec.Reason == "" {
		rec.Reason = p.reason(get)
	}
	return rec
}

// reason is why a record is gone, in our words.
func (p *pull) reason(get func(path string) gjson.Result) string {
	if p.st.Reason != "" {
		switch word := strings.ToLower(text(get(p.st.Reason))); word {
		case "archived", "merged":
			return strings.Clone(word)
		}
	}
	return "deleted"
}

// early reports a record from before the window that was meant.
func (p *pull) early(rec canon.Record) bool {
	ch := p.st.Changes
	return ch != nil && ch.Exact && p.cur.Phase == phaseChanges && rec.Version > 0 &&
		rec.Version < p.cur.Mark-time.Duration(ch.Overlap).Microseconds()
}

// flat returns the object's bytes as they came, not copied. Only indentation is taken out: a vendor that indents does
// so differently in lists and alone, and the same object must be the same bytes.
func flat(item gjson.Result) []byte {
	raw := bytesOf(strings.TrimSpace(item.Raw))
	if bytes.IndexByte(raw, '\n') < 0 {
		return raw
	}
	var flat bytes.Buffer
	if json.Compact(&flat, raw) != nil {
		return raw
	}
	return flat.Bytes()
}

func (p *pull) reject(item gjson.Result) {
	p.page.Rejects = append(p.page.Rejects, canon.DeadLetter{
		Code: "record.no_id", Path: p.st.ID, Raw: []byte(item.Raw), OccurredAt: p.now, RecordedAt: p.now,
		Reason: "The object has no id at " + p.st.ID + ", so it cannot be told from others.",
		Hint:   "Look at the object at the vendor; nothing else of the page was lost.",
	})
}
