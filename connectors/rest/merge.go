package rest

import (
	"encoding/json"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/lifecyclehub/hub/canon"
)

// mergedAway adds tombstones for the records that became part of those on the page, of which some may be gone
// themselves by now. A record that the page holds itself is left as the vendor tells it.
func (p *pull) mergedAway() {
	var have map[string]bool
	held := p.page.Records
	for i := range held {
		losers := p.losers(i)
		if len(losers) == 0 {
			continue
		}
		if have == nil {
			have = map[string]bool{}
			for j := range held {
				have[held[j].ID] = true
			}
		}
		rec := held[i]
		for _, id := range losers {
			if have[id] || id == rec.ID {
				continue
			}
			have[id] = true
			p.page.Records = append(p.page.Records, canon.Record{
				Ref:     canon.Ref{Connection: rec.Connection, Stream: rec.Stream, ID: strings.Clone(id)},
				Version: rec.Version, ObservedAt: rec.ObservedAt, Deleted: true, Reason: "merged", Into: rec.ID,
			})
		}
	}
}

// losers lists the ids of those that became part of a record of the page.
func (p *pull) losers(i int) []string {
	if len(p.notes) > 0 {
		return p.st.Merged.losers(p.notes[i].merged)
	}
	return p.st.Merged.losers(gjson.GetBytes(p.page.Records[i].Raw, p.st.Merged.Path))
}

// losers lists the ids in a value: one, an array, or a text of several.
func (m *Merged) losers(v gjson.Result) []string {
	if !v.Exists() || v.Type == gjson.Null {
		return nil
	}
	var out []string
	for _, e := range v.Array() {
		parts := []string{text(e)}
		if m.Split != "" {
			parts = strings.Split(parts[0], m.Split)
		}
		for _, id := range parts {
			if id = strings.TrimSpace(id); id != "" {
				out = append(out, id)
			}
		}
	}
	return out
}

// addPartition tells each record which partition it was read for.
func (p *pull) addPartition() {
	member := map[string]string{p.st.Partitions.Member: p.cur.Part.Value}
	for i, rec := range p.page.Records {
		if rec.Deleted && len(rec.Raw) == 0 {
			continue
		}
		if raw, err := addMembers(json.RawMessage(rec.Raw), member); err == nil {
			p.page.Records[i].Raw = raw
		}
	}
}
