package rest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/lifecyclehub/hub/canon"
)

// addition is what one rule found: the objects of each record, by id.
type addition struct {
	rule  Enrich
	found map[string][]json.RawMessage
}

// enrich asks more about the page's records and merges the answers into them.
func (p *pull) enrich(ctx context.Context, rules []Enrich) error {
	if len(rules) == 0 || len(p.page.Records) == 0 {
		return nil
	}
	var all []addition
	for _, e := range rules {
		found, err := p.ask(ctx, e)
		if err != nil {
			return err
		}
		all = append(all, addition{e, found})
	}
	// Members, and the keys in them, stand in the order of their names.
	slices.SortStableFunc(all, func(a, b addition) int {
		return cmp.Or(strings.Compare(a.rule.Member, b.rule.Member), strings.Compare(a.rule.Key, b.rule.Key))
	})
	for i, rec := range p.page.Records {
		raw, err := addMembers(rec.Raw, additions(all, rec.ID))
		if err != nil {
			return canon.Errorf("page.shape", "record %s could not take its %s: %w", rec.Ref, rules[0].Member, err)
		}
		p.page.Records[i].Raw = raw
	}
	return nil
}

// additions returns the members that a record gets. Of two rules with the same member and key the later counts.
func additions(all []addition, id string) map[string]json.RawMessage {
	members := map[string]json.RawMessage{}
	for i, a := range all {
		if i+1 < len(all) && all[i+1].rule.Member == a.rule.Member && all[i+1].rule.Key == a.rule.Key {
			continue
		}
		value := members[a.rule.Member]
		if value == nil {
			value = append(make([]byte, 0, 128), '{')
		} else {
			value[len(value)-1] = ','
		}
		value = append(append(value, quoted(a.rule.Key)...), ':', '[')
		for n, item := range a.found[id] {
			if n > 0 {
				value = append(value, ',')
			}
			value = append(value, item...)
		}
		members[a.rule.Member] = append(value, ']', '}')
	}
	return members
}

// more is one id to ask about, with the token of its next items.
type more struct{ id, after string }

// ask reads one kind of addition for all records, following the pages of records that have many.
func (p *pull) ask(ctx context.Context, e Enrich) (map[string][]json.RawMessage, error) {
	var open []more
	for _, rec := range p.page.Records {
		open = append(open, more{id: rec.ID})
	}
	out, first := make(map[string][]json.RawMessage, len(open)), map[string][]json.RawMessage{}
	names := sortedKeys(e.Take)
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
					first[id] = append(first[id], e.take(item, names))
				} else {
					out[id] = append(out[id], e.take(item, names))
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
	return gjson.Parse(view(answer.Body)).Get(or(e.Results, "@this")).Array(), nil
}

// take builds the merged object. A member called id is always text, as vendors waver between text and
// number.
func (e Enrich) take(item gjson.Result, names []string) json.RawMessage {
	var b bytes.Buffer
	b.WriteByte('{')
	for _, name := range names {
		v := item.Get(e.Take[name])
		if !v.Exists() {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.Write(quoted(name))
		b.WriteByte(':')
		switch {
		case name == "id":
			b.Write(quoted(text(v)))
		case json.Compact(&b, []byte(v.Raw)) != nil:
			return json.RawMessage("{}")
		}
	}
	b.WriteByte('}')
	return b.Bytes()
}

// quoted writes a text as JSON.
func quoted(s string) []byte {
	b, err := json.Marshal(s)
	if err != nil {
		return []byte(`""`)
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
	empty, taken := true, false
	gjson.Parse(view(raw)).ForEach(func(key, _ gjson.Result) bool {
		empty = false
		_, taken = members[key.Str]
		return !taken
	})
	if taken {
		return replaceMembers(raw, members)
	}
	out := append(make([]byte, 0, len(raw)+128), raw[:end]...)
	for _, name := range sortedKeys(members) {
		value, ok := any(members[name]).(json.RawMessage)
		if !ok {
			b, err := json.Marshal(members[name])
			if err != nil {
				return nil, err
			}
			value = b
		}
		if !empty {
			out = append(out, ',')
		}
		empty = false
		out = append(append(append(out, quoted(name)...), ':'), value...)
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
