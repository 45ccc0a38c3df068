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
// newest state.
func (p *pull) records(items []gjson.Result) {
	at := map[string]int{}
	for _, item := range items {
		rec, ok := p.record(item)
		if !ok {
			continue
		}
		if p.stale(rec) || p.early(rec) {
			continue
		}
		if i, twice := at[rec.ID]; twice {
			if rec.Version >= p.page.Records[i].Version {
				p.page.Records[i] = rec
			}
			continue
		}
		at[rec.ID] = len(p.page.Records)
		p.page.Records = append(p.page.Records, rec)
	}
}

// stale reports a deleted record that earlier rounds have told.
func (p *pull) stale(rec canon.Record) bool {
	if p.cur.Phase != phaseArchived || p.st.Archived.Recent == 0 || p.cur.Mark == 0 || rec.Version == 0 {
		return false
	}
	return rec.Version < p.cur.Mark-time.Duration(p.st.Archived.Recent).Microseconds()
}

func (p *pull) record(item gjson.Result) (canon.Record, bool) {
	id := text(item.Get(p.st.ID))
	if !item.IsObject() || id == "" {
		p.reject(item)
		return canon.Record{}, false
	}
	rule := p.st.Version
	rec := p.newRecord(id, item)
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
	rec.Version = max(rule.of(item, micros(p.cur.Start)), p.cur.Floor)
	return rec, true
}

func (p *pull) newRecord(id string, item gjson.Result) canon.Record {
	rec := canon.Record{
		Ref:        canon.Ref{Connection: p.conn.connection, Stream: p.st.Name, ID: strings.Clone(id)},
		ObservedAt: p.now,
		Deleted:    p.st.Deleted.holds(item),
		Raw:        rawOf(item),
	}
	if p.st.Into != "" {
		if into := text(item.Get(p.st.Into)); into != "" && into != id {
			rec.Deleted, rec.Reason, rec.Into = true, "merged", strings.Clone(into)
		}
	}
	if rec.Deleted && rec.Reason == "" {
		rec.Reason = p.reason(item)
	}
	return rec
}

// reason is why a record is gone, in our words.
func (p *pull) reason(item gjson.Result) string {
	if p.st.Reason != "" {
		switch word := strings.ToLower(text(item.Get(p.st.Reason))); word {
		case "archived", "merged":
			return word
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

// rawOf returns the object's bytes as they came. Only indentation is taken out: a vendor that indents does
// so differently in lists and alone, and the same object must be the same bytes.
func rawOf(item gjson.Result) []byte {
	raw := []byte(strings.TrimSpace(item.Raw))
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
