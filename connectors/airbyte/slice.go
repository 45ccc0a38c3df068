package airbyte

import (
	"encoding/json"
	"fmt"
)

// slice is one part of a stream: a partition, and within it a window of time.
type slice struct {
	partition, window, extra *dict
	merged                   *dict
}

// all is what templates find in a slice: the partition's values and the window's.
func (s *slice) all() *dict {
	if s.merged == nil {
		m := newDict()
		for _, d := range []*dict{s.partition, s.window} {
			if d != nil {
				m.update(d)
			}
		}
		s.merged = m
	}
	return s.merged
}

// member is a field or a method of a slice.
func (s *slice) member(name string) any {
	pick := func(d *dict) any {
		if d == nil {
			return newDict()
		}
		return d
	}
	switch name {
	case "partition", "_partition":
		return pick(s.partition)
	case "cursor_slice":
		return pick(s.window)
	case "extra_fields":
		return pick(s.extra)
	}
	return method(s.all(), name)
}

// in returns the slice with a window.
func (s *slice) in(window *dict) *slice {
	return &slice{partition: s.partition, window: window, extra: s.extra}
}

// key names the partition, "" for that of a stream that has none.
func (s *slice) key() string {
	if s.partition.len() == 0 {
		return ""
	}
	return shortHash(encodeJSON(s.partition))
}

type sliceText struct {
	Partition *dict `json:"p,omitempty"`
	Extra     *dict `json:"x,omitempty"`
}

// MarshalJSON writes the partition; the window is kept elsewhere.
func (s *slice) MarshalJSON() ([]byte, error) { return json.Marshal(sliceText{s.partition, s.extra}) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *slice) UnmarshalJSON(b []byte) error {
	var t struct {
		Partition json.RawMessage `json:"p"`
		Extra     json.RawMessage `json:"x"`
	}
	if err := json.Unmarshal(b, &t); err != nil {
		return err
	}
	for raw, into := range map[*json.RawMessage]**dict{&t.Partition: &s.partition, &t.Extra: &s.extra} {
		if len(*raw) == 0 {
			continue
		}
		v, _ := decodeJSON(*raw)
		d, ok := v.(*dict)
		if !ok {
			return fmt.Errorf("a partition is no object")
		}
		*into = d
	}
	return nil
}
