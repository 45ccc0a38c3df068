package rest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// placeholder is one ${name|format:-default} of a text.
type placeholder struct {
	name, format, fallback string
	from, to               int
}

// variables finds the placeholders of a text.
func variables(text string) ([]placeholder, error) {
	var out []placeholder
	for at := 0; ; {
		i := strings.Index(text[at:], "${")
		if i < 0 {
			return out, nil
		}
		i += at
		j := strings.IndexByte(text[i:], '}')
		if j < 0 {
			return nil, fmt.Errorf("%q opens ${ without closing }", text)
		}
		p := placeholder{from: i, to: i + j + 1}
		inner := text[i+2 : i+j]
		inner, p.fallback, _ = strings.Cut(inner, ":-")
		p.name, p.format, _ = strings.Cut(inner, "|")
		out = append(out, p)
		at = p.to
	}
}

// scope holds the variables of one call.
type scope struct {
	stream, token, lastID, lastKey, id, job string
	since, until, start, tie                time.Time
	// loc is where days begin.
	loc      *time.Location
	part     map[string]string
	settings map[string]string
	lists    map[string][]string
	ids      []asked
	// lend says that the answer is read at once, and its memory given back.
	lend bool
}

// asked is an object that a request asks about, and the token of its next items.
type asked struct {
	After string `json:"after,omitempty"`
	ID    string `json:"id"`
}

func (s *scope) value(p placeholder) string {
	v := s.lookup(p)
	if v == "" {
		return p.fallback
	}
	return v
}

func (s *scope) lookup(p placeholder) string {
	kind, name, _ := strings.Cut(p.name, ".")
	switch kind {
	case "setting":
		return s.settings[name]
	case "list":
		return strings.Join(s.lists[name], ",")
	case "part":
		return s.part[name]
	case "stream":
		return s.stream
	case "token":
		return s.token
	case "last_id":
		return s.lastID
	case "last_key":
		return s.lastKey
	case "id":
		return s.id
	case "job":
		return s.job
	case "ids":
		return s.joined(p.format)
	case "since":
		return s.time(s.since, p.format)
	case "until":
		return s.time(s.until, p.format)
	case "start":
		return s.time(s.start, p.format)
	case "tie":
		return s.time(s.tie, p.format)
	}
	return ""
}

// joined lists the ids with commas; as "quoted", each between single quotes, as query languages want them.
func (s *scope) joined(format string) string {
	out := make([]string, 0, len(s.ids))
	for _, id := range s.plainIDs() {
		if format == "quoted" {
			id = "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(id) + "'"
		}
		out = append(out, id)
	}
	return strings.Join(out, ",")
}

func (s *scope) plainIDs() []string {
	out := make([]string, 0, len(s.ids))
	for i := range s.ids {
		out = append(out, s.ids[i].ID)
	}
	return out
}

func (s *scope) time(t time.Time, format string) string {
	if t.IsZero() {
		return ""
	}
	t = t.UTC()
	switch format {
	case "unix":
		return strconv.FormatInt(t.Unix(), 10)
	case "unix_ms":
		return strconv.FormatInt(t.UnixMilli(), 10)
	case "date":
		if s.loc != nil {
			t = t.In(s.loc)
		}
		return t.Format(time.DateOnly)
	case "datetime":
		return t.Format(time.DateTime)
	case "rfc3339_ms":
		return t.Format("2006-01-02T15:04:05.000Z07:00")
	case "http":
		return t.Format("Mon, 02 Jan 2006 15:04:05 GMT")
	}
	return t.Format(time.RFC3339)
}

// expand fills in a text, passing each value through escape where given.
func (s *scope) expand(text string, escape func(string) string) string {
	vars, err := variables(text)
	if err != nil || len(vars) == 0 {
		return text
	}
	var b strings.Builder
	at := 0
	for _, p := range vars {
		b.WriteString(text[at:p.from])
		v := s.value(p)
		if escape != nil {
			v = escape(v)
		}
		b.WriteString(v)
		at = p.to
	}
	b.WriteString(text[at:])
	return b.String()
}

// expandAny fills in a tree. A text that is nothing but a list variable becomes an array.
func (s *scope) expandAny(v any) any {
	switch v := v.(type) {
	case string:
		if vars, err := variables(v); err == nil && len(vars) == 1 && vars[0].to-vars[0].from == len(v) {
			if name, ok := strings.CutPrefix(vars[0].name, "list."); ok {
				return append([]string{}, s.lists[name]...)
			}
			if vars[0].name == "ids" && vars[0].format == "list" {
				return s.plainIDs()
			}
			if vars[0].name == "ids" && vars[0].format == "" {
				return s.ids
			}
		}
		return s.expand(v, nil)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = s.expandAny(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k := range v {
			out[k] = s.expandAny(v[k])
		}
		return out
	}
	return v
}

// holds tells whether the text of a when does: see Request.When.
func (s *scope) holds(when string) bool {
	if a, b, ok := strings.Cut(when, " == "); ok {
		return strings.TrimSpace(s.expand(a, nil)) == strings.TrimSpace(s.expand(b, nil))
	}
	if a, b, ok := strings.Cut(when, " != "); ok {
		return strings.TrimSpace(s.expand(a, nil)) != strings.TrimSpace(s.expand(b, nil))
	}
	v := strings.TrimSpace(s.expand(when, nil))
	return v != "" && v != "false"
}

func (s *scope) body(v any) (json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	return json.Marshal(s.expandAny(v))
}

// eachText visits every text of a tree.
func eachText(v any, visit func(string)) {
	switch v := v.(type) {
	case string:
		visit(v)
	case []any:
		for i := range v {
			eachText(v[i], visit)
		}
	case map[string]any:
		for _, k := range sortedKeys(v) {
			eachText(v[k], visit)
		}
	}
}
