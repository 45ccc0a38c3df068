package rest

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/tidwall/gjson"

	"github.com/lifecyclehub/hub/canon"
)

// merged is what goes into records: record id, member, key → objects.
type merged map[string]map[string]map[string][]json.RawMessage

// enrich asks more about the page's records and merges the answers into them.
func (p *pull) enrich(ctx context.Context, rules []Enrich) error {
	if len(rules) == 0 || len(p.page.Records) == 0 {
		return nil
	}
	all := merged{}
	for _, e := range rules {
		found, err := p.ask(ctx, e)
		if err != nil {
			return err
		}
		for _, rec := range p.page.Records {
			if all[rec.ID] == nil {
				all[rec.ID] = map[string]map[string][]json.RawMessage{}
			}
			if all[rec.ID][e.Member] == nil {
				all[rec.ID][e.Member] = map[string][]json.RawMessage{}
			}
			items := found[rec.ID]
			if items == nil {
				items = []json.RawMessage{}
			}
			all[rec.ID][e.Member][e.Key] = items
		}
	}
	for i, rec := range p.page.Records {
		raw, err := addMembers(rec.Raw, all[rec.ID])
		if err != nil {
			return canon.Errorf("page.shape", "record %s could not take its %s: %w", rec.Ref, rules[0].Member, err)
		}
		p.page.Records[i].Raw = raw
	}
	return nil
}

// more is one id to ask about, with the token of its next items.
type more struct{ id, after string }

// ask reads one kind of addition for all records, following the pages of records that have many.
func (p *pull) ask(ctx context.Context, e Enrich) (map[string][]json.RawMessage, error) {
	var open []more
	for _, rec := range p.page.Records {
		open = append(open, more{id: rec.ID})
	}
	out, first := map[string][]json.RawMessage{}, map[string][]json.RawMessage{}
	guards := map[string]*guard{}
	for len(open) > 0 {
		n := min(len(open), e.Size)
		chunk := open[:n]
		open = open[n:]
		answers, err := p.askChunk(ctx, e, chunk)
		if err != nil {
			return nil, err
		}
		for _, a := range answers {
			id := text(a.Get(e.ID))
			for _, item := range a.Get(e.Items).Array() {
				if e.First.holds(item) {
					first[id] = append(first[id], e.take(item))
				} else {
					out[id] = append(out[id], e.take(item))
				}
			}
			after := ""
			if e.More != "" {
				after = text(a.Get(e.More))
			}
			if after == "" {
				continue
			}
			if guards[id] == nil {
				guards[id] = &guard{}
			}
			if guards[id].repeats(after) {
				return nil, loopError(p.st.Name)
			}
			open = append(open, more{id, after})
		}
	}
	for id, items := range first {
		out[id] = slices.Concat(items, out[id])
	}
	return out, nil
}

func (p *pull) askChunk(ctx context.Context, e Enrich, chunk []more) ([]gjson.Result, error) {
	sc := p.asking()
	for _, m := range chunk {
		input := map[string]any{"id": m.id}
		if m.after != "" {
			input["after"] = m.after
		}
		sc.ids = append(sc.ids, input)
	}
	answer, err := p.conn.send(ctx, e.Request, sc, false)
	if err != nil {
		return nil, err
	}
	return gjson.GetBytes(answer.Body, or(e.Results, "@this")).Array(), nil
}

// take builds the merged object. A member called id is always text, as vendors waver between text and
// number.
func (e Enrich) take(item gjson.Result) json.RawMessage {
	obj := map[string]json.RawMessage{}
	for name, path := range e.Take {
		v := item.Get(path)
		switch {
		case !v.Exists():
		case name == "id":
			obj[name], _ = json.Marshal(text(v))
		default:
			obj[name] = json.RawMessage(v.Raw)
		}
	}
	b, err := json.Marshal(obj)
	if err != nil {
		return json.RawMessage("{}")
	}
	return b
}

// addMembers inserts members before the object's closing brace, leaving every other byte as it was. A
// member that is already there is replaced, which costs the order of the others.
func addMembers[V any](raw json.RawMessage, members map[string]V) (json.RawMessage, error) {
	end := len(raw) - 1
	for end >= 0 && raw[end] != '}' {
		end--
	}
	if end < 1 {
		return raw, nil
	}
	parsed := gjson.ParseBytes(raw)
	out := slices.Clone(raw[:end])
	empty := len(parsed.Map()) == 0
	for _, name := range sortedKeys(members) {
		value, err := json.Marshal(members[name])
		if err != nil {
			return nil, err
		}
		if parsed.Get(gjson.Escape(name)).Exists() {
			return replaceMembers(raw, members)
		}
		key, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		if !empty {
			out = append(out, ',')
		}
		empty = false
		out = append(append(append(out, key...), ':'), value...)
	}
	return append(out, raw[end:]...), nil
}

func replaceMembers[V any](raw json.RawMessage, members map[string]V) (json.RawMessage, error) {
	var obj map[string]json.RawMessage
	if err := json.Unmarshal(raw, &obj); err != nil {
		return nil, err
	}
	for name, value := range members {
		b, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		obj[name] = b
	}
	return json.Marshal(obj)
}
