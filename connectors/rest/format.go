package rest

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/lifecyclehub/hub/canon"
)

// parseBody reads an answer in the feed's format. A list of lines or rows becomes one JSON array, which is all
// of the body.
func parseBody(format string, body []byte) (gjson.Result, error) {
	switch format {
	case "jsonl":
		return jsonLines(body)
	case "csv":
		return csvRows(body)
	}
	return gjson.Parse(view(body)), nil
}

func jsonLines(body []byte) (gjson.Result, error) {
	var out bytes.Buffer
	out.WriteByte('[')
	for line := range bytes.SplitSeq(body, []byte("\n")) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		if !valid(line) {
			return gjson.Result{}, canon.Errorf("page.not_json", "a line of the answer is no JSON").
				WithHint("The vendor's API may have changed, or the answer was cut short on its way.")
		}
		if out.Len() > 1 {
			out.WriteByte(',')
		}
		out.Write(line)
	}
	out.WriteByte(']')
	return gjson.ParseBytes(out.Bytes()), nil
}

// csvRows makes an object of texts of every row. The first row names the columns.
func csvRows(body []byte) (gjson.Result, error) {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(body, []byte("\ufeff"))))
	r.ReuseRecord = true
	first, err := r.Read()
	if errors.Is(err, io.EOF) {
		return gjson.Parse("[]"), nil
	}
	if err != nil {
		return gjson.Result{}, notCSV(err)
	}
	names := make([][]byte, len(first))
	for i, name := range first {
		if names[i], err = json.Marshal(strings.TrimSpace(name)); err != nil {
			return gjson.Result{}, notCSV(err)
		}
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	out.WriteByte('[')
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return gjson.Result{}, notCSV(err)
		}
		if out.Len() > 1 {
			out.WriteByte(',')
		}
		for i, value := range row {
			out.WriteByte("{,"[min(i, 1)])
			out.Write(names[i])
			out.WriteByte(':')
			if err := enc.Encode(value); err != nil {
				return gjson.Result{}, notCSV(err)
			}
			out.Truncate(out.Len() - 1) // Encode ends with a line break
		}
		out.WriteByte('}')
	}
	out.WriteByte(']')
	return gjson.ParseBytes(out.Bytes()), nil
}

func notCSV(err error) error {
	return canon.Errorf("page.not_csv", "the answer cannot be read as CSV: %w", err).
		WithHint("The vendor's API may have changed, or the answer was cut short on its way.")
}
