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
)

// number is how JSON writes one.
var number = regexp.MustCompile(`^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$`)

// appendJSON writes a value of a column: numbers with all their digits, times in UTC, bytes in base64.
func appendJSON(out []byte, v any, columnType string) []byte {
	switch v := v.(type) {
	case nil:
		return append(out, "null"...)
	case bool:
		return strconv.AppendBool(out, v)
	case int64:
		return strconv.AppendInt(out, v, 10)
	case uint64:
		return strconv.AppendUint(out, v, 10)
	case float32:
		return appendFloat(out, float64(v), 32)
	case float64:
		return appendFloat(out, v, 64)
	case time.Time:
		if columnType == "DATE" {
			return append(out, quote(v.Format(time.DateOnly))...)
		}
		return append(out, quote(v.UTC().Format(time.RFC3339Nano))...)
	case []byte:
		if binary(columnType) {
			return append(out, quote(base64.StdEncoding.EncodeToString(v))...)
		}
		return appendText(out, string(v), columnType)
	case string:
		return appendText(out, v, columnType)
	}
	return append(out, "null"...) // drivers give no other types
}

func appendFloat(out []byte, f float64, bits int) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(out, quote(strconv.FormatFloat(f, 'g', -1, bits))...)
	}
	format := byte('f')
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(out, f, format, -1, bits)
}

// appendText writes a text by what its column's type says that it is.
func appendText(out []byte, s, columnType string) []byte {
	switch {
	case (columnType == "NUMERIC" || strings.HasPrefix(columnType, "DECIMAL")) && number.MatchString(s):
		return append(out, s...)
	case columnType == "JSON" || columnType == "JSONB":
		var compact bytes.Buffer
		if json.Compact(&compact, []byte(s)) == nil {
			return append(out, compact.Bytes()...)
		}
	case columnType == "DATETIME" || columnType == "TIMESTAMP":
		if t, layout, ok := (key{"s", s}).time(); ok && layout != time.DateOnly {
			return append(out, quote(t.UTC().Format(time.RFC3339Nano))...)
		}
	}
	return append(out, quote(strings.ToValidUTF8(s, "\ufffd"))...)
}

// binary says whether a column holds bytes that are no text. SQLite tells no type for expressions, and gives
// bytes for blobs only.
func binary(columnType string) bool {
	switch columnType {
	case "", "BLOB", "TINYBLOB", "MEDIUMBLOB", "LONGBLOB", "BINARY", "VARBINARY", "BIT", "GEOMETRY", "BYTEA":
		return true
	}
	return false
}

// truthy says whether a value of the deleted column marks its row: any but null, false, zero and "".
func truthy(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case uint64:
		return v != 0
	case float64:
		return v != 0
	case []byte:
		return truthy(string(v))
	case string:
		switch strings.ToLower(v) {
		case "", "0", "f", "false", "n", "no", "\x00":
			return false
		}
	}
	return true
}

// quote writes s as a JSON string, with <, > and & as they are.
func quote(s string) []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return []byte(`""`) // a string always encodes
	}
	return bytes.TrimRight(out.Bytes(), "\n")
}
