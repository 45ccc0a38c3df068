package rest

import "github.com/lifecyclehub/hub/connectors"

var _ connectors.Readable = (*Conn)(nil)

// Reading tells how a stream is read by its connector.yaml. What a connector does in Go it adds itself.
func (c *Conn) Reading(stream string) connectors.Reading {
	st := c.spec.stream(stream)
	if st == nil {
		return connectors.Reading{}
	}
	r := connectors.Reading{Incremental: st.Changes != nil, Merges: st.Merged != nil || st.Into != "", Fetch: st.Fetch != nil, Fields: st.Fields != nil}
	for _, way := range []struct {
		words string
		holds bool
	}{
		{"marked in the list", st.Deleted != nil},
		{"a list of deleted records", st.Archived != nil},
		{"a feed of events", st.Changes != nil && st.Changes.Events != nil && len(st.Changes.Events.Deleted) > 0},
		{"what a full list no longer holds", st.Sweep != nil},
	} {
		if way.holds {
			r.Deletes = append(r.Deletes, way.words)
		}
	}
	for _, rule := range c.spec.Hooks {
		if rule.Deleted != nil && rule.tells(stream) {
			r.Deletes = append(r.Deletes, "webhooks")
			break
		}
	}
	return r
}

// tells says whether the rule may name objects of the stream.
func (h HookRule) tells(stream string) bool {
	if h.Stream.Name != "" || len(h.Stream.Map) == 0 {
		return h.Stream.Name == stream || h.Stream.Name == ""
	}
	for _, name := range h.Stream.Map {
		if name == stream {
			return true
		}
	}
	return false
}
