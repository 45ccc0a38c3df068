package store

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"

	"github.com/lifecyclehub/hub/canon"
)

// Assessments, and the changes that tell of them, are long and repeat themselves. SQLite keeps every byte that it is
// given and writes it twice, so they are packed for it; PostgreSQL packs long texts itself. A packed document stands in
// the same column as a plain one and is known by how it begins: no JSON begins so.

// packedMark begins every packed document.
const packedMark = "\x28\xb5\x2f\xfd"

// packed returns a document as the engine keeps it.
func (db *DB) packed(doc []byte) any {
	if !db.dialect.packs || len(doc) == 0 {
		return string(doc)
	}
	return db.pack.EncodeAll(doc, make([]byte, 0, len(doc)/4))
}

// unpacked returns a document that the engine kept, which is valid until what was read is.
func (db *DB) unpacked(doc []byte) ([]byte, error) {
	if !bytes.HasPrefix(doc, []byte(packedMark)) {
		return doc, nil
	}
	return db.unpack.DecodeAll(doc, nil)
}

// documentColumn is a column that may be packed.
type documentColumn struct {
	db  *DB
	doc []byte
}

// Scan keeps what the column holds, unpacked.
func (c *documentColumn) Scan(v any) (err error) {
	switch v := v.(type) {
	case string:
		c.doc = []byte(v)
	case []byte:
		c.doc, err = c.db.unpacked(v)
		if err == nil && !bytes.HasPrefix(v, []byte(packedMark)) {
			c.doc = slices.Clone(c.doc)
		}
	default:
		return errors.New("a document is neither text nor bytes")
	}
	return err
}

// read decodes the document into v.
func (c *documentColumn) read(v any) error { return json.Unmarshal(c.doc, v) }

// document returns a column to scan a document into.
func (db *DB) document() *documentColumn { return &documentColumn{db: db} }

var _ sql.Scanner = (*documentColumn)(nil)

// standing is a customer's assessment, plain and as it is kept, which goes into two tables.
type standing struct {
	doc    []byte
	packed any
}

// packedFor is packed for a document of a customer that the transaction may write more than once.
func (t *Tx) packedFor(customer string, doc []byte) any {
	if s, ok := t.standings[customer]; ok && bytes.Equal(s.doc, doc) {
		return s.packed
	}
	if t.standings == nil {
		t.standings = map[string]standing{}
	}
	s := standing{doc, t.db.packed(doc)}
	t.standings[customer] = s
	return s.packed
}

// packedChange is packed for a change. Where it tells, as the last thing, of an assessment that the transaction has
// packed before, it takes that as it is: a packed document may consist of several parts.
func (t *Tx) packedChange(c canon.Change) (any, error) {
	doc, err := changeDocument(c)
	if err != nil {
		return nil, err
	}
	s, ok := t.standings[c.Customer]
	const end = "}}"
	if part, isBytes := s.packed.([]byte); ok && isBytes && len(s.doc) > 0 && len(doc) > len(s.doc)+len(end) {
		head := doc[:len(doc)-len(end)-len(s.doc)]
		if bytes.Equal(doc[len(head):len(doc)-len(end)], s.doc) && string(doc[len(doc)-len(end):]) == end {
			out := t.db.pack.EncodeAll(head, make([]byte, 0, len(head)/2+len(part)+16))
			return t.db.pack.EncodeAll([]byte(end), append(out, part...)), nil
		}
	}
	return t.db.packed(doc), nil
}

// changeDocument is a change as JSON. Its data is JSON already as json.Marshal writes it, and is not read once more.
func changeDocument(c canon.Change) ([]byte, error) {
	data := c.Data
	if len(data) == 0 {
		return json.Marshal(c)
	}
	c.Data = json.RawMessage("0")
	head, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	// The data stands last.
	out := make([]byte, 0, len(head)+len(data))
	out = append(out, head[:len(head)-2]...)
	return append(append(out, data...), '}'), nil
}
