package salesforce

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// row is a record's values by name, each as canonical JSON: REST, which has types, and Bulk, which has texts,
// give the same row for the same record. Times end in Z, numbers have no exponent and no idle zeros, the empty
// text is null, lines end in \n, and ids have 18 characters.
type row map[string]json.RawMessage

const null = "null"

// restRow reads a record as REST gives it.
func (s shape) restRow(raw json.RawMessage) (row, bool) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil || members == nil {
		return nil, false
	}
	out := row{}
	for name, v := range members {
		if name == "attributes" {
			continue
		}
		out[name] = restValue(s.kinds[name], v)
	}
	return out, true
}

func restValue(kind string, v json.RawMessage) json.RawMessage {
	switch v[0] {
	case '"':
		var text string
		if json.Unmarshal(v, &text) != nil {
			return v
		}
		return textValue(kind, text)
	case '{', '[':
		var flat bytes.Buffer
		if json.Compact(&flat, v) != nil {
			return v
		}
		return flat.Bytes()
	case 't', 'f', 'n':
		return v
	}
	return number(string(v))
}

// textValue gives a text the type that its column has.
func textValue(kind, text string) json.RawMessage {
	if text == "" {
		return json.RawMessage(null)
	}
	switch kind {
	case "boolean":
		if text == "true" || text == "false" {
			return json.RawMessage(text)
		}
	case "int", "long", "double", "currency", "percent":
		if json.Valid([]byte(text)) && strings.ContainsAny(text[:1], "-0123456789") {
			return number(text)
		}
	case "datetime":
		if t, ok := parseTime(text); ok {
			text = t.Format("2006-01-02T15:04:05.000Z")
		}
	case "id", "reference":
		text = long(text)
	}
	return quote(strings.ReplaceAll(text, "\r\n", "\n"))
}

func quote(text string) json.RawMessage {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(text) != nil {
		return json.RawMessage(null)
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// mostExponent bounds how long a number written without its exponent can become.
const mostExponent = 400

// number writes a JSON number without exponent and idle zeros, with every digit that it has.
func number(text string) json.RawMessage {
	mantissa, exponent := text, 0
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		n, err := strconv.Atoi(strings.TrimPrefix(text[i+1:], "+"))
		if err != nil || n > mostExponent || n < -mostExponent {
			return json.RawMessage(text)
		}
		mantissa, exponent = text[:i], n
	}
	mantissa, negative := strings.CutPrefix(mantissa, "-")
	whole, part, _ := strings.Cut(mantissa, ".")
	digits, point := whole+part, len(whole)+exponent
	if point < 0 {
		digits, point = strings.Repeat("0", -point)+digits, 0
	}
	if point > len(digits) {
		digits += strings.Repeat("0", point-len(digits))
	}
	whole, part = strings.TrimLeft(digits[:point], "0"), strings.TrimRight(digits[point:], "0")
	if whole == "" {
		whole = "0"
	}
	if part != "" {
		part = "." + part
	}
	if negative && whole+part != "0" {
		whole = "-" + whole
	}
	return json.RawMessage(whole + part)
}

func parseTime(text string) (time.Time, bool) {
	for _, layout := range []string{"2006-01-02T15:04:05.000-0700", time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// text returns a value that is a text, "" for any other.
func (r row) text(name string) string {
	var s string
	if json.Unmarshal(r[name], &s) != nil {
		return ""
	}
	return s
}

// micros returns a time's microseconds, 0 for what is none.
func (r row) micros(name string) int64 {
	t, ok := parseTime(r.text(name))
	if !ok {
		return 0
	}
	return t.UnixMicro()
}

// json writes the row, members by name.
func (r row) json() json.RawMessage {
	names := make([]string, 0, len(r))
	for name := range r {
		names = append(names, name)
	}
	slices.Sort(names)
	var b bytes.Buffer
	b.WriteByte('{')
	for i, name := range names {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(quote(name))
		b.WriteByte(':')
		b.Write(r[name])
	}
	b.WriteByte('}')
	return b.Bytes()
}

// record makes a record of a row; a row whose IsDeleted is true is a tombstone.
func (p *pull) record(r row) canon.Record {
	rec := canon.Record{
		Ref:     canon.Ref{Connection: p.conn.connection, Stream: p.object.stream, ID: long(r.text("Id"))},
		Version: r.micros("SystemModstamp"), ObservedAt: p.now, Raw: r.json(),
	}
	if string(r["IsDeleted"]) == "true" {
		rec.Deleted, rec.Reason = true, "deleted"
		if into := r.text("MasterRecordId"); into != "" {
			rec.Reason, rec.Into = "merged", long(into)
		}
	}
	return rec
}

func (p *pull) reject(raw []byte) {
	p.page.Rejects = append(p.page.Rejects, canon.DeadLetter{
		Code: "record.no_id", Path: "Id", Raw: raw, OccurredAt: p.now, RecordedAt: p.now,
		Reason: "The object has no id at Id, so it cannot be told from others.",
		Hint:   "Look at the object at Salesforce; nothing else of the page was lost.",
	})
}
