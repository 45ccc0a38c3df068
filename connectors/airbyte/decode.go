package airbyte

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// decoder turns an answer into bodies.
type decoder struct {
	kind      string
	delimiter rune
	// none are values that a CSV's cells stand for None by.
	none  []string
	inner *decoder
}

var (
	errNotJSON  = errors.New("the answer is no JSON")
	errTooLarge = errors.New("the answer unpacks to too much")
)

func (b *builder) decoder(d *dict) (*decoder, error) {
	if d == nil {
		return &decoder{kind: "JsonDecoder"}, nil
	}
	out := &decoder{kind: b.use(d), delimiter: ','}
	switch out.kind {
	case "JsonDecoder", "JsonlDecoder", "IterableDecoder", "XmlDecoder":
	case "CsvDecoder":
		if s := unescape(textOr(d, "delimiter")); s != "" {
			out.delimiter = []rune(s)[0]
		}
		if enc := textOr(d, "encoding"); enc != "" && !strings.HasPrefix(strings.ToLower(strings.ReplaceAll(enc, "-", "")), "utf8") {
			return nil, b.refuse(d, "the encoding %s is not supported", enc)
		}
		list, _ := orNil(d, "set_values_to_none").([]any)
		for _, x := range list {
			out.none = append(out.none, pyStr(x))
		}
	case "GzipDecoder", "ZipfileDecoder":
		var err error
		if out.inner, err = b.decoder(b.child(d, "decoder")); err != nil {
			return nil, err
		}
	default:
		return nil, b.unknown(d, "the decoder")
	}
	return out, nil
}

// bodies decodes an answer.
func (d *decoder) bodies(resp *response) ([]any, error) {
	if d.kind == "JsonDecoder" {
		if len(bytes.TrimSpace(resp.body)) == 0 {
			return nil, nil
		}
		if _, ok := decodeJSON(resp.body); !ok {
			return nil, errNotJSON
		}
		return spread(resp.decoded()), nil
	}
	return d.decode(resp.body)
}

// spread makes each element of a list a body of its own.
func spread(v any) []any {
	if list, ok := v.([]any); ok {
		return list
	}
	return []any{v}
}

func (d *decoder) decode(body []byte) ([]any, error) {
	switch d.kind {
	case "JsonDecoder":
		v, ok := decodeJSON(body)
		if !ok {
			return nil, errNotJSON
		}
		return spread(v), nil
	case "JsonlDecoder":
		var out []any
		for line := range bytes.Lines(body) {
			if line = bytes.TrimSpace(line); len(line) == 0 {
				continue
			}
			v, ok := decodeJSON(line)
			if !ok {
				return nil, errNotJSON
			}
			out = append(out, v)
		}
		return out, nil
	case "IterableDecoder":
		var out []any
		for line := range strings.Lines(string(body)) {
			out = append(out, newDict("record", strings.TrimRight(line, "\r\n")))
		}
		return out, nil
	case "CsvDecoder":
		return d.csv(body)
	case "XmlDecoder":
		return decodeXML(body)
	case "GzipDecoder":
		// Much that is called gzip was unpacked on its way.
		if !bytes.HasPrefix(body, []byte{0x1f, 0x8b}) {
			return d.inner.decode(body)
		}
		zr, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, errors.New("the answer is no gzip")
		}
		plain, err := unpack(zr)
		if err != nil {
			return nil, err
		}
		return d.inner.decode(plain)
	}
	return d.unzip(body)
}

func unpack(r io.Reader) ([]byte, error) {
	plain, err := io.ReadAll(io.LimitReader(r, maxBody+1))
	if err != nil {
		return nil, errors.New("the answer's compression is broken")
	}
	if len(plain) > maxBody {
		return nil, errTooLarge
	}
	return plain, nil
}

func (d *decoder) unzip(body []byte) ([]any, error) {
	zr, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		return nil, errors.New("the answer is no zip file")
	}
	var out []any
	total := 0
	for _, f := range zr.File {
		if f.FileInfo().IsDir() {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return nil, errors.New("the answer's compression is broken")
		}
		plain, err := unpack(r)
		r.Close()
		if err != nil {
			return nil, err
		}
		if total += len(plain); total > maxBody {
			return nil, errTooLarge
		}
		part, err := d.inner.decode(plain)
		if err != nil {
			return nil, err
		}
		out = append(out, part...)
	}
	return out, nil
}

func (d *decoder) csv(body []byte) ([]any, error) {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(body, []byte("\ufeff"))))
	r.Comma, r.LazyQuotes, r.FieldsPerRecord = d.delimiter, true, -1
	names, err := r.Read()
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, errors.New("the answer is no CSV")
	}
	var out []any
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, errors.New("the answer is no CSV")
		}
		rec := newDict()
		for i, name := range names {
			var v any
			if i < len(row) {
				v = row[i]
			}
			for _, n := range d.none {
				if v == n {
					v = nil
				}
			}
			rec.set(name, v)
		}
		out = append(out, rec)
	}
}

// decodeXML makes a document a dict: attributes are @name, text beside them is #text, elements that come more than
// once are lists.
func decodeXML(body []byte) ([]any, error) {
	dec := xml.NewDecoder(bytes.NewReader(body))
	dec.Strict = true
	for {
		t, err := dec.Token()
		if err != nil {
			return nil, errors.New("the answer is no XML")
		}
		start, ok := t.(xml.StartElement)
		if !ok {
			continue
		}
		v, err := xmlElement(dec, start, 0)
		if err != nil {
			return nil, err
		}
		return []any{newDict(xmlName(start.Name), v)}, nil
	}
}

func xmlName(n xml.Name) string { return n.Local }

func xmlElement(dec *xml.Decoder, start xml.StartElement, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errors.New("the answer nests too deep")
	}
	d := newDict()
	for _, a := range start.Attr {
		d.set("@"+xmlName(a.Name), a.Value)
	}
	var text strings.Builder
	for {
		t, err := dec.Token()
		if err != nil {
			return nil, errors.New("the answer is no XML")
		}
		switch t := t.(type) {
		case xml.CharData:
			text.Write(t)
		case xml.EndElement:
			s := strings.TrimSpace(text.String())
			switch {
			case d.len() == 0 && s == "":
				return nil, nil
			case d.len() == 0:
				return s, nil
			case s != "":
				d.set("#text", s)
			}
			return d, nil
		case xml.StartElement:
			v, err := xmlElement(dec, t, depth+1)
			if err != nil {
				return nil, err
			}
			name := xmlName(t.Name)
			old, has := d.get(name)
			if list, ok := old.([]any); ok {
				v = append(list, v)
			} else if has {
				v = []any{old, v}
			}
			d.set(name, v)
		}
	}
}
