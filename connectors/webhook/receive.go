package webhook

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// maxItems bounds the objects of one call, maxID an id's bytes.
const (
	maxItems = 10_000
	maxID    = 400
)

// path leads to a value: the names of members and the places of elements, from an object, or from the body where
// root is set.
type path struct {
	root bool
	keys []string
}

func parsePath(s string) path {
	s, root := strings.CutPrefix(strings.TrimSpace(s), "$.")
	if s == "" {
		return path{root: root}
	}
	return path{root, strings.Split(s, ".")}
}

// get follows the path, nil where it leads nowhere.
func (p path) get(body, item json.RawMessage) json.RawMessage {
	at := item
	if p.root {
		at = body
	}
	for _, key := range p.keys {
		at = bytes.TrimSpace(at)
		var next json.RawMessage
		switch {
		case len(at) > 0 && at[0] == '{':
			var o map[string]json.RawMessage
			if json.Unmarshal(at, &o) == nil {
				next = o[key]
			}
		case len(at) > 0 && at[0] == '[':
			var l []json.RawMessage
			if n, err := strconv.Atoi(key); err == nil && n >= 0 && json.Unmarshal(at, &l) == nil && n < len(l) {
				next = l[n]
			}
		}
		if next == nil {
			return nil
		}
		at = next
	}
	return at
}

// text is a value as text: texts, numbers and truth values are, "" stands for all others.
func text(raw json.RawMessage) string {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return ""
	}
	switch raw[0] {
	case '{', '[', 'n':
		return ""
	case '"':
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return ""
		}
		return strings.TrimSpace(s)
	}
	return string(raw)
}

// condition holds where the value at a path is one of the words, or without words where it is there and neither
// false nor empty.
type condition struct {
	path  path
	words []string
}

func parseCondition(s string) *condition {
	if strings.TrimSpace(s) == "" {
		return nil
	}
	p, words, ok := strings.Cut(s, "=")
	c := &condition{path: parsePath(p)}
	if ok {
		for w := range strings.SplitSeq(words, "|") {
			c.words = append(c.words, strings.TrimSpace(w))
		}
	}
	return c
}

func (c *condition) holds(body, item json.RawMessage) bool {
	raw := bytes.TrimSpace(c.path.get(body, item))
	value := text(raw)
	if c.words == nil {
		return value != "" && value != "false" && value != "0" || len(raw) > 2 && (raw[0] == '{' || raw[0] == '[')
	}
	for _, w := range c.words {
		if value == w {
			return true
		}
	}
	return false
}

// Receive keeps the objects of a call whole. A call that is meant for no stream tells nothing.
func (c *conn) Receive(call connectors.Call) (connectors.Received, error) {
	var out connectors.Received
	body := json.RawMessage(bytes.TrimSpace(call.Body))
	if len(body) == 0 {
		return out, nil
	}
	if !json.Valid(body) {
		return out, canon.Errorf("hook.not_json", "the body is no JSON").WithHint("set the sender to JSON; forms and XML are not read")
	}
	for i := range c.streams {
		if st := &c.streams[i]; st.under == "" || st.under == strings.Trim(call.Path, "/") {
			if err := c.read(&out, st, call, body); err != nil {
				return connectors.Received{}, err
			}
		}
	}
	return out, nil
}

// read takes the objects of one stream out of a body.
func (c *conn) read(out *connectors.Received, st *stream, call connectors.Call, body json.RawMessage) error {
	list := body
	if len(st.items.keys) > 0 {
		// A call without the list may be about something else.
		if list = bytes.TrimSpace(st.items.get(body, body)); len(list) == 0 {
			return nil
		}
	}
	items := []json.RawMessage{list}
	if list[0] == '[' {
		if err := json.Unmarshal(list, &items); err != nil {
			return canon.Errorf("hook.not_json", "the list of objects cannot be read: %w", err)
		}
	}
	if len(items) > maxItems {
		return canon.Errorf("hook.too_many", "the call holds %d objects, and may hold %d", len(items), maxItems).WithHint("send fewer at once")
	}
	for _, item := range items {
		if st.when != nil && !st.when.holds(body, item) {
			continue
		}
		id := text(st.id.get(body, item))
		if id == "" || len(id) > maxID {
			out.Rejects = append(out.Rejects, canon.DeadLetter{Stream: st.name, Code: "record.no_id", Path: strings.Join(st.id.keys, "."), Raw: item, OccurredAt: call.At,
				Reason: "The object has no id that can be used.", Hint: "Check the option id of the stream."})
			continue
		}
		r := canon.Record{Ref: canon.Ref{Connection: c.name, Stream: st.name, ID: id}, ObservedAt: call.At.UTC(), Raw: item}
		if len(st.version.keys) > 0 {
			r.Version = version(text(st.version.get(body, item)))
		}
		if st.deleted != nil && st.deleted.holds(body, item) {
			r.Deleted, r.Reason = true, "deleted"
		}
		out.Records = append(out.Records, r)
	}
	return nil
}

// version reads a time or a number. Seconds and milliseconds since 1970 are times, other numbers are counted as they
// are, and what is neither tells nothing.
func version(s string) int64 {
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02"} {
		if t, err := time.Parse(form, s); err == nil {
			return max(t.UnixMicro(), 0)
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	switch {
	case err != nil || n < 0:
		return 0
	case n >= 1e9 && n < 1e11:
		return n * 1e6
	case n >= 1e12 && n < 1e14:
		return n * 1e3
	}
	return n
}
