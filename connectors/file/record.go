package file

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// rejectBytes is how much of an unreadable row is kept.
const rejectBytes = 64 << 10

// record makes a record of a row, or tells which column is wrong and why.
func (p *pull) record(rw row, f found) (rec canon.Record, column, why string) {
	rec.Ref = canon.Ref{Connection: p.conn.connection, Stream: p.stream.name}
	parts := make([]string, len(p.stream.id))
	for i, c := range p.stream.id {
		if parts[i], _ = rw.value(c); parts[i] == "" {
			return rec, c, fmt.Sprintf("the id column %s is empty", c)
		}
	}
	rec.ID = joinID(parts)
	for _, t := range p.stream.types {
		if v, _ := rw.value(t.column); v != "" && !fits(v, t.kind) {
			return rec, t.column, fmt.Sprintf("the column %s holds %q, which is not of type %s", t.column, clip(v), t.kind)
		}
	}
	rec.ObservedAt = f.mtime
	// Rows without a version of their own are ordered by file, then line, so that the later line wins.
	rec.Version = f.mtime.UnixMicro() + int64(rw.line)
	if p.stream.version != "" {
		v, _ := rw.value(p.stream.version)
		var ok bool
		if rec.Version, ok = parseVersion(v); !ok {
			return rec, p.stream.version, fmt.Sprintf("the version column %s holds %q, which is neither a time nor a whole number", p.stream.version, clip(v))
		}
	}
	rec.Raw = rw.raw
	for i, j := range p.stream.joins {
		key, _ := rw.value(j.column)
		rec.Raw = withMember(rec.Raw, j.wanted, p.joins[i].values[key])
	}
	return rec, "", ""
}

// joinID joins the parts of an id by "+". In ids of several parts a "+" or "%" of a part is escaped, so that
// different parts never give one id.
func joinID(parts []string) string {
	if len(parts) == 1 {
		return parts[0]
	}
	escape := strings.NewReplacer("%", "%25", "+", "%2B")
	for i := range parts {
		parts[i] = escape.Replace(parts[i])
	}
	return strings.Join(parts, "+")
}

// timeLayouts are the forms of a time in a file; those without a zone are UTC.
var timeLayouts = [...]string{time.RFC3339Nano, time.DateTime, "2006-01-02T15:04:05", time.DateOnly}

func parseTime(v string) (time.Time, bool) {
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, v); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// parseVersion reads a whole number as it is and a time in microseconds since 1970. An empty value is the
// oldest version.
func parseVersion(v string) (int64, bool) {
	if v == "" {
		return 0, true
	}
	if n, err := strconv.ParseInt(v, 10, 64); err == nil {
		return n, n >= 0
	}
	t, ok := parseTime(v)
	return t.UnixMicro(), ok
}

func fits(v, kind string) bool {
	switch kind {
	case "int":
		_, err := strconv.ParseInt(v, 10, 64)
		return err == nil
	case "number":
		_, err := strconv.ParseFloat(v, 64)
		return err == nil
	case "time":
		_, ok := parseTime(v)
		return ok
	}
	return slices.Contains([]string{"true", "false", "t", "f", "yes", "no", "y", "n", "0", "1"}, strings.ToLower(v))
}

func reject(f found, bad fault, id, column string) canon.DeadLetter {
	raw := bad.raw
	if bad.raw != nil && !json.Valid(raw) {
		text := string(raw[:min(len(raw), rejectBytes)])
		raw = quote(strings.ToValidUTF8(strings.TrimRight(text, "\r\n"), "\ufffd"))
	}
	unit := "line"
	if bad.row {
		unit = "row"
	}
	return canon.DeadLetter{
		RecordID: id, Code: "file.row", Path: column, Raw: raw, OccurredAt: f.mtime,
		Reason: fmt.Sprintf("%s: %s %d: %s", place(f.name, bad.line, bad.column), unit, bad.line, bad.text),
		Hint:   "correct the row in the file; the file is read again once it has changed",
	}
}

func clip(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return s
}
