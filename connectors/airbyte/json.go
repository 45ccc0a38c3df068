package airbyte

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// copyValue copies all that can be changed in place.
func copyValue(v any) any {
	switch v := v.(type) {
	case *dict:
		out := v.clone()
		for k, x := range out.vals {
			out.vals[k] = copyValue(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = copyValue(x)
		}
		return out
	}
	return v
}

// decodeJSON reads one JSON value. It reports false where b is none.
func decodeJSON(b []byte) (any, bool) {
	if !json.Valid(b) {
		return nil, false
	}
	return fromGJSON(gjson.ParseBytes(b)), true
}

func fromGJSON(r gjson.Result) any {
	switch r.Type {
	case gjson.Null:
		return nil
	case gjson.True:
		return true
	case gjson.False:
		return false
	case gjson.String:
		return r.Str
	case gjson.Number:
		return number(r.Raw)
	}
	if r.IsArray() {
		out := []any{}
		r.ForEach(func(_, v gjson.Result) bool {
			out = append(out, fromGJSON(v))
			return true
		})
		return out
	}
	d := newDict()
	d.raw = r.Raw
	r.ForEach(func(k, v gjson.Result) bool {
		d.set(k.Str, fromGJSON(v))
		return true
	})
	return d
}

func number(raw string) any {
	if !strings.ContainsAny(raw, ".eE") {
		if n, err := strconv.ParseInt(raw, 10, 64); err == nil {
			return n
		}
		return json.Number(raw)
	}
	f, err := strconv.ParseFloat(raw, 64)
	if err != nil {
		return json.Number(raw)
	}
	return f
}

func encodeJSON(v any) []byte { return appendJSON(nil, v) }

func appendJSON(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil, undefined:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return append(b, "null"...)
		}
		return append(b, pyFloat(v)...)
	case json.Number:
		return append(b, v...)
	case string:
		return appendJSONString(b, v)
	case []any:
		return appendJSONList(b, v)
	case tuple:
		return appendJSONList(b, v)
	case *dict:
		b = append(b, '{')
		for i, k := range v.keys {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendJSONString(b, k), ':')
			b = appendJSON(b, v.vals[k])
		}
		return append(b, '}')
	}
	return appendJSONString(b, pyStr(v))
}

func appendJSONList(b []byte, list []any) []byte {
	b = append(b, '[')
	for i, x := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSON(b, x)
	}
	return append(b, ']')
}

func appendJSONString(b []byte, s string) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if enc.Encode(s) != nil {
		return append(b, `""`...)
	}
	return append(b, bytes.TrimRight(buf.Bytes(), "\n")...)
}
