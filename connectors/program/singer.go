package program

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"slices"

	"github.com/lifecyclehub/hub/canon"
)

// singer speaks with Singer taps.
type singer struct{ conn *conn }

// singerMessage is any message of a tap.
type singerMessage struct {
	Type          string          `json:"type"`
	Stream        string          `json:"stream"`
	Record        json.RawMessage `json:"record"`
	KeyProperties []string        `json:"key_properties"`
	Bookmarks     []string        `json:"bookmark_properties"`
	TimeExtracted json.RawMessage `json:"time_extracted"`
	Version       json.RawMessage `json:"version"`
	Value         json.RawMessage `json:"value"`
}

// singerEntry is what Hub looks at in an entry of a tap's catalog.
type singerEntry struct {
	ID            string             `json:"tap_stream_id"`
	Stream        string             `json:"stream"`
	KeyProperties []string           `json:"key_properties"`
	Replication   string             `json:"replication_key"`
	Metadata      []breadcrumbedFact `json:"metadata"`
}

type breadcrumbedFact struct {
	Breadcrumb []string                   `json:"breadcrumb"`
	Metadata   map[string]json.RawMessage `json:"metadata"`
}

func (s *singer) discover(ctx context.Context) ([]source, error) {
	var text bytes.Buffer
	if s.conn.set.catalog != "" {
		b, err := os.ReadFile(s.conn.set.catalog)
		if err != nil {
			return nil, canon.Errorf("settings.catalog", "the catalog cannot be read: %w", err).WithHint("check the setting catalog")
		}
		text.Write(b)
	} else if err := s.conn.run(ctx, launch{args: []string{"--config", "{dir}/" + configFile, "--discover"}}, func(l line) error {
		if l.tooLong || text.Len()+len(l.text) > maxCatalog {
			return canon.Errorf("program.catalog", "the tap's catalog is longer than %d bytes", min(maxCatalog, s.conn.set.maxLine)).WithHint("raise the setting max_line_mb")
		}
		text.Write(l.text)
		text.WriteByte('\n')
		return nil
	}); err != nil {
		return nil, err
	}
	var catalog struct {
		Streams []json.RawMessage `json:"streams"`
	}
	if err := json.Unmarshal(text.Bytes(), &catalog); err != nil {
		return nil, badCatalog(err)
	}
	var out []source
	for _, raw := range catalog.Streams {
		src, err := singerSource(raw)
		if err != nil {
			return nil, badCatalog(err)
		}
		out = append(out, src)
	}
	return out, nil
}

func badCatalog(err error) error {
	return canon.Errorf("program.catalog", "the program's catalog cannot be read: %w", err).
		WithHint("check that the program speaks the protocol that is set; taps that cannot discover need the setting catalog")
}

func singerSource(raw json.RawMessage) (source, error) {
	var e singerEntry
	if err := json.Unmarshal(raw, &e); err != nil {
		return source{}, err
	}
	if e.ID == "" {
		e.ID = e.Stream
	}
	key := e.KeyProperties
	src := source{name: e.ID, alias: e.Stream, raw: raw, incremental: true}
	for _, m := range e.Metadata {
		if len(m.Breadcrumb) > 0 {
			continue
		}
		for _, name := range []string{"view-key-properties", "table-key-properties"} {
			var list []string
			if len(key) == 0 && json.Unmarshal(m.Metadata[name], &list) == nil {
				key = list
			}
		}
		if e.Replication == "" {
			e.Replication = text(m.Metadata["replication-key"])
		}
	}
	src.key = paths(key)
	if e.Replication != "" {
		src.cursor = []string{e.Replication}
	}
	return src, nil
}

// check has nothing but discovery to go by, which Check does anyway.
func (s *singer) check(context.Context) error { return nil }

// read selects one stream of the catalog and nothing else. The others stay in it, as taps look up parents.
func (s *singer) read(st *stream, src source, state []byte) launch {
	found := s.conn.held()
	entries := make([]json.RawMessage, 0, len(found))
	for _, other := range found {
		entries = append(entries, selected(st, other, other.name == src.name))
	}
	catalog, err := json.Marshal(map[string]any{"streams": entries})
	if err != nil {
		catalog = []byte(`{"streams":[]}`) // cannot be: every entry was JSON
	}
	l := launch{args: []string{"--config", "{dir}/" + configFile, "--catalog", "{dir}/catalog.json"}, files: map[string][]byte{"catalog.json": catalog}}
	if state != nil {
		l.args = append(l.args, "--state", "{dir}/state.json")
		l.files["state.json"] = state
	}
	return l
}

func (c *conn) held() []source {
	c.discovering.Lock()
	defer c.discovering.Unlock()
	return slices.Clone(c.found)
}

// selected marks an entry of the catalog, in the ways that taps of all ages look for.
func selected(st *stream, src source, on bool) json.RawMessage {
	var entry map[string]json.RawMessage
	var metadata []breadcrumbedFact
	if json.Unmarshal(src.raw, &entry) != nil || json.Unmarshal(or(entry["metadata"], "[]"), &metadata) != nil {
		return src.raw
	}
	root := slices.IndexFunc(metadata, func(m breadcrumbedFact) bool { return len(m.Breadcrumb) == 0 })
	if root < 0 {
		root, metadata = len(metadata), append(metadata, breadcrumbedFact{Breadcrumb: []string{}})
	}
	for i := range metadata {
		m := &metadata[i]
		if m.Metadata == nil {
			m.Metadata = map[string]json.RawMessage{}
		}
		if m.Breadcrumb == nil {
			m.Breadcrumb = []string{}
		}
		if i == root {
			m.Metadata["selected"] = encode(on)
		} else if on && m.Metadata["selected"] == nil && text(m.Metadata["inclusion"]) != "unsupported" {
			m.Metadata["selected"] = encode(true)
		}
	}
	if on {
		method := map[string]string{"incremental": "INCREMENTAL", "full": "FULL_TABLE", "log": "LOG_BASED"}[st.mode]
		for name, v := range map[string]string{"replication_method": method, "replication_key": st.cursor} {
			if v != "" {
				entry[name] = encode(v)
				metadata[root].Metadata[dashed(name)] = encode(v)
			}
		}
	}
	entry["metadata"] = encode(metadata)
	var schema map[string]json.RawMessage
	if json.Unmarshal(entry["schema"], &schema) == nil && schema != nil {
		schema["selected"] = encode(on)
		entry["schema"] = encode(schema)
	}
	return encode(entry)
}

func dashed(name string) string {
	return string(bytes.ReplaceAll([]byte(name), []byte("_"), []byte("-")))
}

func or(raw json.RawMessage, other string) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage(other)
	}
	return raw
}

// encode writes plain values, which always encode.
func encode(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("null")
	}
	return b
}

func (s *singer) take(r *run, raw []byte) (event, error) {
	var m singerMessage
	if err := json.Unmarshal(raw, &m); err != nil {
		return event{}, nil
	}
	switch m.Type {
	case "RECORD":
		if r.foreign(m.Stream) {
			return event{what: nothing}, nil
		}
		return event{what: isRecord, data: m.Record, at: moment(m.TimeExtracted), list: text(m.Version)}, nil
	case "SCHEMA":
		if !r.foreign(m.Stream) {
			if len(m.KeyProperties) > 0 && len(r.st.id) == 0 {
				r.key = paths(m.KeyProperties)
			}
			if len(m.Bookmarks) > 0 && r.st.version == "" {
				r.version = m.Bookmarks[:1]
			}
		}
		return event{what: nothing}, nil
	case "STATE":
		return event{what: isState, data: m.Value}, nil
	case "ACTIVATE_VERSION":
		if r.foreign(m.Stream) {
			return event{what: nothing}, nil
		}
		return event{what: isActivation, list: text(m.Version)}, nil
	case "BATCH":
		return event{}, canon.Errorf("program.batch", "the tap hands over files (BATCH), which Hub does not read").
			WithHint("switch the tap's batch_config off, so that it prints records")
	}
	return event{}, nil
}

// late has nothing to look for: a tap's new tokens are in its configuration file.
func (s *singer) late([]byte) {}
