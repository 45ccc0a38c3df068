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

// addition is what one rule found: the objects of each record of the page, by its place.
type addition struct {
	rule Enrich
	// member and key are the rule's names in JSON.
	member, key []byte
	found       [][]json.RawMessage
}

// enrich asks more about the page's records and merges the answers into them.
func (p *pull) enrich(ctx context.Context, rules []Enrich) error {
	if len(rules) == 0 || len(p.page.Records) == 0 {
		return nil
	}
	all := make([]addition, 0, len(rules))
	for _, e := range rules {
		found, err := p.ask(ctx, e)
		if err != nil {
			return err
		}
		all = append(all, addition{e, quoted(e.Member), quoted(e.Key), found})
	}
	// Members, and the keys in them, stand in the order of their names. Of two rules with the same member and key
	// the later counts.
	slices.SortStableFunc(all, func(a, b addition) int {
		return cmp.Or(strings.Compare(a.rule.Member, b.rule.Member), strings.Compare(a.rule.Key, b.rule.Key))
	})
	last := all[:0]
	for i, a := range all {
		if i+1 == len(all) || all[i+1].rule.Member != a.rule.Member || all[i+1].rule.Key != a.rule.Key {
			last = append(last, a)
		}
	}
	return p.merge(last)
}

// merge writes the records anew, with what was found in them. They share one piece of memory, which is hardly
// longer than all of them.
func (p *pull) merge(all []addition) error {
	size := 0
	for i := range p.page.Records {
		size += len(p.page.Records[i].Raw)
		for _, a := range all {
			size += len(a.member) + len(a.key) + len(`,:{:[]}`)
			for _, item := range a.found[i] {
				size += len(item) + 1
			}
		}
	}
	out := make([]byte, 0, size)
	for i := range p.page.Records {
		rec, from := &p.page.Records[i], len(out)
		if p.taken(i, all) {
			raw, err := addMembers(rec.Raw, additions(all, i))
			if err != nil {
				return canon.Errorf("page.shape", "record %s could not take its %s: %w", rec.Ref, all[0].rule.Member, err)
			}
			out = append(out, raw...)
		} else {
			out = appendAdded(out, rec.Raw, all, i)
		}
		rec.Raw = out[from:len(out):len(out)]
	}
	return nil
}

// taken reports whether a record of the page has a member already that is to be added.
func (p *pull) taken(i int, all []addition) bool {
	if len(p.notes) > 0 {
		return p.notes[i].taken
	}
	g := newGlance()
	g.at(gjson.Parse(view(p.page.Records[i].Raw)))
	return slices.ContainsFunc(all, func(a addition) bool { return hasMember(g, a.rule.Member) })
}

// additions returns the members that a record gets.
func additions(all []addition, i int) map[string]json.RawMessage {
	members := map[string]json.RawMessage{}
	for n := 0; n < len(all); {
		name := all[n].rule.Member
		members[name], n = appendMember(nil, all, n, i)
	}
	return members
}

// appendAdded writes an object with the members that it gets before its closing brace, leaving every other byte as
// it was.
func appendAdded(out, raw []byte, all []addition, i int) []byte {
	end := bytes.LastIndexByte(raw, '}')
	if end < 1 {
		return append(out, raw...)
	}
	first := blanks(raw, bytes.IndexByte(raw, '{')+1) == end
	out = append(out, raw[:end]...)
	for n := 0; n < len(all); {
		if !first {
			out = append(out, ',')
		}
		first = false
		out = append(append(out, all[n].member...), ':')
		out, n = appendMember(out, all, n, i)
	}
	return append(out, raw[end:]...)
}

// appendMember writes the value of the member that the rules from n on fill together, and returns the rule behind
// them.
func appendMember(out []byte, all []addition, n, i int) ([]byte, int) {
	out = append(out, '{')
	for first := n; n < len(all) && all[n].rule.Member == all[first].rule.Member; n++ {
		if n > first {
			out = append(out, ',')
		}
		out = append(append(out, all[n].key...), ':', '[')
		for k, item := range all[n].found[i] {
			if k > 0 {
				out = append(out, ',')
			}
			out = append(out, item...)
		}
		out = append(out, ']')
	}
	return append(out, '}'), n
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
