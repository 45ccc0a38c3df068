package rest

import (
	"encoding/json"
	"strings"

	"github.com/tidwall/gjson"
)

func (s Shape) empty() bool {
	return s.Unwrap == "" && s.Explode == "" && s.Collect == nil && s.Flatten == nil
}

// or returns s, or fallback where s says nothing.
func (s Shape) or(fallback Shape) Shape {
	if s.empty() {
		return fallback
	}
	return s
}

// apply turns what the vendor lists into records. An item that lacks what the shape asks for stays as it is
// and is told as one without an id.
func (s Shape) apply(items []gjson.Result) []gjson.Result {
	if s.empty() {
		return items
	}
	out := make([]gjson.Result, 0, len(items))
	for _, item := range items {
		if s.Unwrap != "" {
			if inner := item.Get(s.Unwrap); inner.Exists() {
				item = inner
			}
		}
		if s.Explode == "" {
			out = append(out, s.members(item))
			continue
		}
		around := s.around(item)
		for _, e := range item.Get(s.Explode).Array() {
			if len(around) > 0 && e.IsObject() {
				if raw, err := addMembers(json.RawMessage(e.Raw), around); err == nil {
					e = gjson.ParseBytes(raw)
				}
			}
			out = append(out, s.members(e))
		}
	}
	return out
}

// around takes what goes into each element from the object around it.
func (s Shape) around(item gjson.Result) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	for name, path := range s.Parent {
		if v := item.Get(path); v.Exists() {
			out[name] = json.RawMessage(v.Raw)
		}
	}
	return out
}

// members applies flatten and collect, keeping the order and the bytes of all values.
func (s Shape) members(item gjson.Result) gjson.Result {
	if !item.IsObject() || (s.Flatten == nil && s.Collect == nil) {
		return item
	}
	var kept, collected strings.Builder
	own := map[string]bool{}
	add := func(b *strings.Builder, name, value string) {
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		quoted, err := json.Marshal(name)
		if err != nil {
			return
		}
		b.Write(quoted)
		b.WriteByte(':')
		b.WriteString(value)
	}
	item.ForEach(func(k, v gjson.Result) bool {
		name := k.String()
		if c := s.Collect; c != nil && c.Prefix != "" && strings.HasPrefix(name, c.Prefix) {
			add(&collected, name[len(c.Prefix):], v.Raw)
			return true
		}
		if s.Collect != nil && name == s.Collect.Into && v.IsObject() {
			v.ForEach(func(k, v gjson.Result) bool { add(&collected, k.String(), v.Raw); return true })
			return true
		}
		own[name] = true
		add(&kept, name, v.Raw)
		return true
	})
	if s.Flatten != nil {
		item.Get(s.Flatten.Path).ForEach(func(k, v gjson.Result) bool {
			// A member that the record has of its own stays.
			if name := s.Flatten.Prefix + k.String(); !own[name] {
				add(&kept, name, v.Raw)
			}
			return true
		})
	}
	if s.Collect != nil {
		add(&kept, s.Collect.Into, "{"+collected.String()+"}")
	}
	return gjson.Parse("{" + kept.String() + "}")
}
