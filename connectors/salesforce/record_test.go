package salesforce

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// told is one value as REST tells it and as Bulk does.
type told struct {
	rest json.RawMessage
	cell string
}

func tells(t *rapid.T, kind string) told {
	if rapid.IntRange(0, 4).Draw(t, "null") == 0 {
		return told{json.RawMessage("null"), ""}
	}
	switch kind {
	case "boolean":
		b := strconv.FormatBool(rapid.Bool().Draw(t, "b"))
		return told{json.RawMessage(b), b}
	case "int":
		n := strconv.Itoa(rapid.Int().Draw(t, "n"))
		return told{json.RawMessage(n), n}
	case "double", "currency", "percent":
		f := rapid.Float64Range(-1e18, 1e18).Draw(t, "f")
		rest, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		// Java writes large and small numbers with an exponent, others with a decimal place.
		cell := strings.ToUpper(strconv.FormatFloat(f, 'e', -1, 64))
		if math.Abs(f) >= 1e-3 && math.Abs(f) < 1e7 {
			if cell = strconv.FormatFloat(f, 'f', -1, 64); !strings.Contains(cell, ".") {
				cell += ".0"
			}
		}
		return told{rest, cell}
	case "datetime":
		at := time.UnixMilli(rapid.Int64Range(0, 4e12).Draw(t, "at")).UTC()
		return told{quote(at.Format("2006-01-02T15:04:05.000+0000")), at.Format("2006-01-02T15:04:05.000Z")}
	case "date":
		s := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "day"), 0).UTC().Format(time.DateOnly)
		return told{quote(s), s}
	case "reference":
		return told{quote("001D000000IRFmaIAH"), "001D000000IRFmaIAH"}
	}
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"a\r\nb", "true", "12.50", `"quoted", and more`, " space ", "<&>", "null", "\u2028", "ü"})).Draw(t, "text")
	if strings.Contains(text, "\r") && !strings.Contains(text, "\r\n") {
		text = strings.ReplaceAll(text, "\r", " ") // CSV does not carry a lone one
	}
	text = strings.ReplaceAll(text, "\x00", " ")
	rest, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return told{rest, text}
}

// TestRestAndBulkTellTheSame: the same object by REST and by Bulk is the same bytes.
func TestRestAndBulkTellTheSame(t *testing.T) {
	kinds := map[string]string{"Id": "id", "B__c": "boolean", "N__c": "int", "D__c": "double", "Amount": "currency", "P": "percent", "At": "datetime", "On": "date",
		"AccountId": "reference", "Name": "string", "Pick": "multipicklist", "Note": "textarea"}
	s := shape{object: "Thing", kinds: kinds}
	rapid.Check(t, func(t *rapid.T) {
		rest := map[string]json.RawMessage{"attributes": json.RawMessage(`{"type":"Thing","url":"/x"}`), "Id": quote("a00D0000008pQRAIA2")}
		head, cells := []string{"Id"}, []string{"a00D0000008pQRAIA2"}
		for name, kind := range kinds {
			if name == "Id" {
				continue
			}
			v := tells(t, kind)
			rest[name] = v.rest
			head, cells = append(head, name), append(cells, v.cell)
		}
		raw, err := json.Marshal(rest)
		if err != nil {
			t.Fatal(err)
		}
		one, ok := s.restRow(raw)
		if !ok {
			t.Fatalf("not read: %s", raw)
		}
		var body bytes.Buffer
		w := csv.NewWriter(&body)
		if err := w.WriteAll([][]string{head, cells}); err != nil {
			t.Fatal(err)
		}
		p := &pull{shape: s}
		rows, err := p.csvRows(body.Bytes())
		if err != nil || len(rows) != 1 {
			t.Fatal(rows, err)
		}
		if a, b := string(one.json()), string(rows[0].json()); a != b || !json.Valid([]byte(a)) {
			t.Fatalf("by REST\n%s\nby Bulk\n%s", a, b)
		}
	})
}

// TestNumber: the value stays to the last digit, and the same value has one spelling.
func TestNumber(t *testing.T) {
	for in, want := range map[string]string{
		"1": "1", "1.0": "1", "-0.0": "0", "1.0E7": "10000000", "1e-3": "0.001", "1.50": "1.5", "-12.340e1": "-123.4", "0.000": "0",
		"123456789012345678.99": "123456789012345678.99", "1e999": "1e999", "10": "10", "1E+2": "100",
	} {
		if got := string(number(in)); got != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?(0|[1-9][0-9]{0,12})(\.[0-9]{1,9})?([eE][+-]?[0-9]{1,2})?`).Draw(t, "number")
		a, ok := new(big.Rat).SetString(text)
		b, ok2 := new(big.Rat).SetString(string(number(text)))
		if !ok || !ok2 || a.Cmp(b) != 0 || !json.Valid(number(text)) || string(number(string(number(text)))) != string(number(text)) {
			t.Fatalf("%s became %s", text, number(text))
		}
	})
}

func TestLong(t *testing.T) {
	for in, want := range map[string]string{
		"001D000000IRFma": "001D000000IRFmaIAH", "001D000000IRFmaIAH": "001D000000IRFmaIAH", "00Dx0000000BV7z": "00Dx0000000BV7zEAG", "": "", "too short": "too short",
		"' OR Id != '----": "' OR Id != '----",
	} {
		if got := long(in); got != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
	}
	if got := list([]string{"001D000000IRFmaIAH", "' OR Name != '", "001D000000IRFma"}); got != "('001D000000IRFmaIAH','001D000000IRFma')" {
		t.Error(got)
	}
}

// FuzzRows: whatever a vendor or a proxy sends, rows are JSON, and nothing panics.
func FuzzRows(f *testing.F) {
	f.Add([]byte(`{"attributes":{"type":"Account"},"Id":"001D000000IRFma","Amount":1.0E7,"At":"2011-07-07T00:37:00.000+0000","Sub":{"a":[1]}}`), []byte("Id,Amount\n001D000000IRFma,1.0E7\n"))
	f.Add([]byte(`{"Id":5,"Amount":"x","At":true}`), []byte("Id\n\"\n"))
	f.Add([]byte(`[]`), []byte{0xff, 0xfe, ',', '\n'})
	s := shape{object: "Account", kinds: map[string]string{"Id": "id", "Amount": "currency", "At": "datetime", "Flag": "boolean"}}
	f.Fuzz(func(t *testing.T, rest, body []byte) {
		var rows []row
		if r, ok := s.restRow(rest); ok {
			rows = append(rows, r)
		}
		p := &pull{shape: s, conn: &conn{}}
		if more, err := p.csvRows(body); err == nil {
			rows = append(rows, more...)
		}
		for _, r := range rows {
			if raw := r.json(); !json.Valid(raw) {
				t.Fatalf("no JSON: %s", raw)
			}
			p.record(r)
		}
	})
}
