package sqlsource

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lifecyclehub/hub/canon"
)

// key is one value by which rows are found again, as the database gave it.
type key struct {
	// Kind is i, u, f, s or b: an integer, an unsigned one, a float, a text, bytes in base64.
	Kind string `json:"k"`
	Text string `json:"v"`
}

// keyOf keeps a scanned value; ok is false for what no rows can be ordered by.
func keyOf(v any) (k key, ok bool) {
	switch v := v.(type) {
	case int64:
		return key{"i", strconv.FormatInt(v, 10)}, true
	case uint64:
		return key{"u", strconv.FormatUint(v, 10)}, true
	case float64:
		return key{"f", strconv.FormatFloat(v, 'g', -1, 64)}, true
	case float32:
		return key{"f", strconv.FormatFloat(float64(v), 'g', -1, 32)}, true
	case string:
		return key{"s", v}, true
	case []byte:
		if utf8.Valid(v) {
			return key{"s", string(v)}, true
		}
		return key{"b", base64.StdEncoding.EncodeToString(v)}, true
	}
	return key{}, false
}

// argument is the value to compare with.
func (k key) argument() (any, bool) {
	switch k.Kind {
	case "i":
		n, err := strconv.ParseInt(k.Text, 10, 64)
		return n, err == nil
	case "u":
		n, err := strconv.ParseUint(k.Text, 10, 64)
		return n, err == nil
	case "f":
		f, err := strconv.ParseFloat(k.Text, 64)
		return f, err == nil
	case "s":
		return k.Text, true
	case "b":
		b, err := base64.StdEncoding.DecodeString(k.Text)
		return b, err == nil
	}
	return nil, false
}

// moments are texts that are a time: date, then perhaps time, fraction and zone.
var moments = regexp.MustCompile(`^(\d{4}-\d{2}-\d{2})(?:([T ])(\d{2}:\d{2}:\d{2})(\.\d{1,9})?(Z|[+-]\d{2}(?::?\d{2})?)?)?$`)

// time reads a key that is a time; without a zone it is UTC. layout writes a time in the same form.
func (k key) time() (t time.Time, layout string, ok bool) {
	m := moments.FindStringSubmatch(k.Text)
	if k.Kind != "s" || m == nil {
		return time.Time{}, "", false
	}
	layout = time.DateOnly
	if m[2] != "" {
		layout += m[2] + time.TimeOnly
		if m[4] != "" {
			layout += "." + strings.Repeat("0", len(m[4])-1)
		}
		layout += map[int]string{0: "", 1: "Z", 3: "-07", 5: "-0700", 6: "-07:00"}[len(m[5])]
	}
	t, err := time.Parse(layout, k.Text)
	return t, layout, err == nil
}

// back returns the key that an overlap begins at.
func (k key) back(st *stream) key {
	if t, layout, ok := k.time(); ok {
		k.Text = t.Add(-st.overlap).Format(layout)
		return k
	}
	if n, err := strconv.ParseInt(k.Text, 10, 64); err == nil && n >= math.MinInt64+st.overlapBy && k.Kind != "b" {
		if n -= st.overlapBy; k.Kind != "u" || n >= 0 {
			k.Text = strconv.FormatInt(n, 10)
		}
	}
	return k
}

// version orders the states of a row: a time in microseconds since 1970, a number as it is.
func (k key) version() int64 {
	if t, _, ok := k.time(); ok {
		return max(t.UnixMicro(), 0)
	}
	if n, err := strconv.ParseInt(k.Text, 10, 64); err == nil {
		return max(n, 0)
	}
	if f, err := strconv.ParseFloat(k.Text, 64); err == nil && f > 0 && f < math.MaxInt64/2 {
		return int64(f)
	}
	return 0
}

// joinID joins the parts of an id by "+". In ids of several parts a "+" or "%" of a part is escaped, so that
// different parts never give one id.
func joinID(parts []key) string {
	if len(parts) == 1 {
		return parts[0].Text
	}
	escape := strings.NewReplacer("%", "%25", "+", "%2B")
	out := make([]string, len(parts))
	for i := range parts {
		out[i] = escape.Replace(parts[i].Text)
	}
	return strings.Join(out, "+")
}

// cursor says how far a stream has been read: At is the last value of the cursor column, ID the last row's
// id inside a round. A full list has no At; Round is when it began.
type cursor struct {
	At    *key   `json:"at,omitempty"`
	ID    []key  `json:"id,omitempty"`
	Round string `json:"round,omitempty"`
}

func parseCursor(from canon.Cursor, st *stream) (cursor, error) {
	var c cursor
	if from == "" {
		return c, nil
	}
	dec := json.NewDecoder(bytes.NewReader([]byte(from)))
	dec.DisallowUnknownFields()
	ok := dec.Decode(&c) == nil && !dec.More() && (len(c.ID) == 0 || len(c.ID) == len(st.id)) && (c.At == nil || st.cursor != "") &&
		(st.cursor == "" || len(c.ID) == 0 || c.At != nil)
	for _, k := range c.ID {
		_, good := k.argument()
		ok = ok && good
	}
	if ok && c.At != nil {
		_, ok = c.At.argument()
	}
	if !ok {
		return cursor{}, canon.Errorf("cursor.invalid", "the cursor of stream %s cannot be read, or its options id or cursor were changed", st.name).
			WithHint("reset the stream; its rows are then read from the start")
	}
	return c, nil
}

func (c cursor) encode() canon.Cursor {
	b, err := json.Marshal(c)
	if err != nil {
		return "" // plain values always encode
	}
	return canon.Cursor(b)
}
