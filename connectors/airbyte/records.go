package airbyte

import (
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// fill makes records of what was read.
func (c *Conn) fill(page *connectors.Page, s *stream, g *got) {
	// The cursor's field is the same for all records of a page, but for the two halves of a delegating stream.
	field, later := s.fieldName(c), ""
	if s.later != nil {
		later = s.later.fieldName(c)
	}
	page.Rejects = g.rejects
	at := map[string]int{}
	asGiven := s.asGiven() && (s.later == nil || s.later.asGiven())
	for _, e := range g.items {
		raw := encodeRecord(e.rec, asGiven)
		id, ok := s.id(e.rec, raw)
		if !ok {
			page.Rejects = append(page.Rejects, canon.DeadLetter{Code: "record.no_id", Path: s.keyPath(), Raw: raw,
				Reason: "The object has no " + s.keyPath() + ", so it cannot be told from others.",
				Hint:   "If the vendor names it otherwise, change primary_key in the manifest."})
			continue
		}
		rec := canon.Record{Ref: canon.Ref{Connection: c.connection, Stream: s.name, ID: id}, ObservedAt: c.now().UTC(), Raw: raw}
		if s.cursor != nil {
			rec.Version = version(s.cursor, e.rec, field)
		}
		if rec.Version == 0 && s.later != nil && s.later.cursor != nil {
			rec.Version = version(s.later.cursor, e.rec, later)
		}
		// An object that comes twice on a page stands there once, as it was last.
		if i, twice := at[id]; twice {
			if rec.Version >= page.Records[i].Version {
				page.Records[i] = rec
			}
			continue
		}
		at[id] = len(page.Records)
		page.Records = append(page.Records, rec)
	}
	for i := range page.Rejects {
		if page.Rejects[i].OccurredAt.IsZero() {
			page.Rejects[i].OccurredAt = c.now().UTC().Truncate(time.Microsecond)
		}
	}
}

// asGiven reports whether the stream's records stay as the vendor gave them.
func (s *stream) asGiven() bool {
	return len(s.transforms) == 0 && s.expander == nil && s.requester.props == nil
}

func encodeRecord(rec any, asGiven bool) []byte {
	if d, ok := rec.(*dict); ok && asGiven && d.raw != "" {
		return []byte(d.raw)
	}
	return encodeJSON(rec)
}

func (s *stream) fieldName(c *Conn) string {
	if s.cursor == nil {
		return ""
	}
	// Every page evaluates it; it cannot fail only here.
	name, err := s.cursor.field.text(c.scope())
	if err != nil {
		return ""
	}
	return name
}

func version(tc *timeCursor, rec any, field string) int64 {
	at, ok := tc.observed(rec, field)
	if !ok || at < 0 {
		return 0
	}
	return at
}

func (s *stream) keyPath() string {
	var names []string
	for _, p := range s.key {
		names = append(names, strings.Join(p, "."))
	}
	return strings.Join(names, ", ")
}

// id is the record's primary key; parts of a composite one are joined by a colon. Without a primary key it is a hash of
// the content.
func (s *stream) id(rec any, raw []byte) (string, bool) {
	if len(s.key) == 0 {
		return "h" + canon.Hash(raw), true
	}
	parts := make([]string, len(s.key))
	some := false
	for i, p := range s.key {
		v, ok := dpathGet(rec, p)
		if !ok || v == nil || v == "" {
			// One part of several may be missing, as a locale is; all may not.
			continue
		}
		some = true
		if parts[i] = pyStr(v); len(s.key) > 1 {
			parts[i] = strings.NewReplacer("%", "%25", ":", "%3A").Replace(parts[i])
		}
	}
	return strings.Join(parts, ":"), some
}
