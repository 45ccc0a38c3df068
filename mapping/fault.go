package mapping

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/lifecyclehub/hub/canon"
)

// The codes of what can be wrong with a value. An optional field's fault has fieldSuffix behind it.
const (
	codeType    = "map.type"
	codeTime    = "map.time"
	codeMoney   = "map.money"
	codeEnum    = "map.enum"
	codeMissing = "map.missing"
	codeInvalid = "map.invalid"
	codeStream  = "map.stream"
	fieldSuffix = ".field"
)

// fault is what is wrong with one value.
type fault struct {
	code, path, reason, hint string
}

func newFault(code, path, hint string) *fault {
	return &fault{code: code, path: path, hint: hint}
}

// because sets the reason, one sentence.
func (f *fault) because(format string, args ...any) *fault {
	f.reason = fmt.Sprintf(format, args...)
	return f
}

// shorten quotes a value in at most 80 characters.
func shorten(s string) string {
	const most = 80
	s = clean(s)
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most-1]) + "…"
	}
	return fmt.Sprintf("%q", s)
}

// clean drops what a database cannot keep: broken UTF-8 and zero bytes.
func clean(s string) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "")
	}
	return s
}

// letter makes the dead letter of a fault of rec.
func letter(rec canon.Record, f *fault) canon.DeadLetter {
	return canon.DeadLetter{
		Connection: rec.Connection, Stream: rec.Stream, RecordID: rec.ID,
		Code: f.code, Path: f.path, Reason: f.reason, Hint: f.hint,
		Version: rec.Version, Raw: keepable(rec.Raw),
		OccurredAt: rec.VersionTime(), RecordedAt: rec.ObservedAt.UTC(),
	}.WithID()
}

// keepable returns raw as JSON that can be stored: what is not JSON becomes a string of it, and what is too
// large is left to the stored record.
func keepable(raw []byte) json.RawMessage {
	if len(raw) == 0 || len(raw) > maxRaw {
		return nil
	}
	if json.Valid(raw) {
		return raw
	}
	text, err := json.Marshal(clean(string(raw)))
	if err != nil {
		return nil
	}
	return text
}
