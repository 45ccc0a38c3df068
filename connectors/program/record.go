package program

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// rejectBytes is how much of an unreadable line is kept.
const rejectBytes = 64 << 10

// incremental says whether the stream is read on from a state. A full list begins without one each round.
func (st *stream) incremental(src source) bool {
	return st.mode != "full" && src.incremental && (!src.needsCursor || st.cursor != "")
}

func (st *stream) keyOf(src source) [][]string {
	if len(st.id) == 0 {
		return src.key
	}
	var out [][]string
	for _, name := range st.id {
		out = append(out, strings.Split(name, "."))
	}
	return out
}

func (st *stream) cursorOf(src source) []string {
	if st.cursor != "" {
		return strings.Split(st.cursor, ".")
	}
	return src.cursor
}

func (st *stream) versionOf(src source) []string {
	if st.version != "" {
		return strings.Split(st.version, ".")
	}
	return st.cursorOf(src)
}

// record makes a record of a message and reports whether the page must end in front of it or may behind it.
func (r *run) record(b *builder, e event) (full bool) {
	if e.list != "" && e.list != r.cur.Active && e.list != r.cur.List {
		r.cur.List, r.cur.Holes = e.list, false
	}
	raw := bytes.ToValidUTF8(e.data, []byte("\ufffd"))
	now := r.conn.now().UTC()
	if !isObject(raw) {
		r.reject(b, canon.DeadLetter{Code: "program.record", Raw: raw, Reason: "a record of the program is no JSON object",
			Hint: "this is a fault of the program; update it, or tell its makers"})
		return r.overfull(b)
	}
	rec := canon.Record{Ref: canon.Ref{Connection: r.conn.connection, Stream: r.st.name}, ObservedAt: now, Raw: raw}
	if !e.at.IsZero() && e.at.Before(now) {
		rec.ObservedAt = e.at
	}
	var missing string
	if rec.ID, missing = r.id(raw); missing != "" {
		r.reject(b, canon.DeadLetter{Code: "program.id", Path: missing, Raw: raw, Reason: "the id field " + missing + " is missing or no plain value",
			Hint: "name the fields of the id with the stream's option id"})
		return r.overfull(b)
	}
	if len(r.version) > 0 {
		v, _ := lookup(raw, r.version)
		rec.Version = versionOf(v)
	}
	for _, name := range [...]string{"_sdc_deleted_at", "_ab_cdc_deleted_at"} {
		if v, ok := lookup(raw, []string{name}); ok && text(v) != "" {
			rec.Deleted, rec.Reason = true, "deleted"
		}
	}
	if held, twice := b.ids[rec.ID]; twice && held == rec.ContentHash() {
		return r.overfull(b) // the same again
	} else if r.cur.Part++; twice {
		r.held = &rec // an id stands once on a page: this begins the next
		return true
	}
	b.add(rec)
	return r.overfull(b)
}

func (b *builder) add(rec canon.Record) {
	b.ids[rec.ID] = rec.ContentHash()
	b.page.Records = append(b.page.Records, rec)
	b.size += len(rec.Raw)
}

func (r *run) reject(b *builder, d canon.DeadLetter) {
	d.OccurredAt = r.conn.now().UTC()
	b.page.Rejects = append(b.page.Rejects, d)
	b.size += len(d.Raw)
	r.cur.Part++
	r.cur.Holes = true
	if d.Code == "program.line" {
		r.unread++
	}
}

// id joins the values of the key, or tells which is missing. Records without a key are known by what they
// hold.
func (r *run) id(raw json.RawMessage) (id, missing string) {
	if len(r.key) == 0 {
		return canon.Hash(canonical(raw)), ""
	}
	parts := make([]string, len(r.key))
	for i, path := range r.key {
		v, _ := lookup(raw, path)
		if parts[i] = text(v); parts[i] == "" {
			return "", strings.Join(path, ".")
		}
	}
	if len(parts) == 1 {
		return parts[0], ""
	}
	escape := strings.NewReplacer("%", "%25", "+", "%2B")
	for i := range parts {
		parts[i] = escape.Replace(parts[i])
	}
	return strings.Join(parts, "+"), ""
}

// canonical writes an object with its members in order, so that a program that shuffles them gives one id.
func canonical(raw json.RawMessage) []byte {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return raw
	}
	return encode(v)
}

func lookup(raw json.RawMessage, path []string) (json.RawMessage, bool) {
	for _, name := range path {
		var object map[string]json.RawMessage
		if json.Unmarshal(raw, &object) != nil {
			return nil, false
		}
		v, ok := object[name]
		if !ok {
			return nil, false
		}
		raw = v
	}
	return raw, true
}

// text returns a JSON string's text, a number or boolean as it is written, and "" for all else.
func text(v json.RawMessage) string {
	v = bytes.TrimSpace(v)
	if len(v) == 0 || v[0] == '{' || v[0] == '[' || string(v) == "null" {
		return ""
	}
	if v[0] != '"' {
		return string(v)
	}
	var s string
	if json.Unmarshal(v, &s) != nil {
		return ""
	}
	return s
}

var layouts = [...]string{time.RFC3339Nano, time.DateTime, "2006-01-02T15:04:05", "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05Z07:00", time.DateOnly}

func parseTime(s string) (time.Time, bool) {
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// versionOf reads a time in microseconds since 1970 and a number as it is; what is neither gives 0.
func versionOf(v json.RawMessage) int64 {
	s := text(v)
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return max(n, 0)
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil && f > 0 && f < math.MaxInt64/2 {
		return int64(f)
	}
	if t, ok := parseTime(s); ok {
		return max(t.UnixMicro(), 0)
	}
	return 0
}

// moment reads when a record was read: a time, or milliseconds since 1970.
func moment(v json.RawMessage) time.Time {
	s := text(v)
	if ms, err := strconv.ParseInt(s, 10, 64); err == nil && ms > 0 && ms < 1e14 {
		return time.UnixMilli(ms).UTC()
	}
	t, _ := parseTime(s)
	return t
}
