package mapping

import (
	"slices"
	"strings"

	"github.com/go-playground/validator/v10"

	"github.com/lifecyclehub/hub/canon"
)

// Map is a parsed mapping file. It is immutable and may be used by many goroutines.
type Map struct {
	name string
	// source is the file's content.
	source   string
	streams  map[string]*stream
	order    []string
	validate *validator.Validate
}

// Options are what a mapping file needs to know of the installation.
type Options struct {
	// Connection returns the name of the connection that a connector has here, "" for none: what points to
	// that connector is then skipped. Nil means that there is none of any.
	Connection func(connector string) string
}

// PushStream says what Hub writes into the records of one stream.
type PushStream struct {
	Stream string
	// Kind is whose assessment is written: that of the customer which the record's company, contact or deal
	// belongs to.
	Kind   canon.Kind
	Fields []PushField
}

// PushField is one vendor field that Hub writes.
type PushField struct {
	// Name is the vendor's name of the field, Value which part of the assessment goes there.
	Name, Value string
	// Type is "text", "number", "datetime" or "enum".
	Type       string
	Label, Doc string
	// Options are the values of an enum.
	Options []string
}

// stream is what the file says of one stream.
type stream struct {
	rules  []rule
	picker *picker
	push   *PushStream
}

// rule makes entities of one kind.
type rule struct {
	kind canon.Kind
	// part is a constant, or read from partPaths.
	part      string
	partPaths []path
	each      *path
	when      *condition
	deleted   *condition
	created   *field
	owners    []pointer
	sameAs    []pointer
	absorbed  *field
	custom    []custom
	fields    []field
	limits    limits
}

// pointer is where a reference to another object is read from.
type pointer struct {
	kind       canon.Kind
	connection string // "" for the record's own
	stream     string
	id, email  []path
	self       bool
	// away says that the installation lacks the connector that is pointed to.
	away bool
}

// Parse reads a mapping file; name is used in complaints. The error is a canon.Error with code
// "mapping.invalid" that holds every complaint, reachable as Complaints by errors.As.
func Parse(name string, src []byte, o Options) (*Map, error) {
	r := &reader{file: name, opts: o}
	m := &Map{name: name, source: string(src), streams: map[string]*stream{}, validate: validator.New(validator.WithRequiredStructEnabled())}
	if doc := r.document(src); doc != nil && len(r.bad) == 0 {
		r.readFile(m, doc)
	}
	if len(r.bad) == 0 {
		return m, nil
	}
	slices.SortStableFunc(r.bad, func(a, b Complaint) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	e := canon.Errorf("mapping.invalid", "%w", r.bad)
	return nil, e.WithHint("each line says where it is and what to do; the JSON Schema of mapping files lists every key")
}

// Name returns the name that the map was parsed under.
func (m *Map) Name() string { return m.name }

// Streams lists the streams that the file has rules for, in its order.
func (m *Map) Streams() []string { return slices.Clone(m.order) }

// Kinds lists the kinds of entity that a stream's records may become.
func (m *Map) Kinds(stream string) []canon.Kind {
	var kinds []canon.Kind
	if s := m.streams[stream]; s != nil {
		for i := range s.rules {
			if !slices.Contains(kinds, s.rules[i].kind) {
				kinds = append(kinds, s.rules[i].kind)
			}
		}
	}
	return kinds
}

// PushStreams lists what Hub writes back, in the order of the file.
func (m *Map) PushStreams() []PushStream {
	var out []PushStream
	for _, name := range m.order {
		if p := m.streams[name].push; p != nil {
			c := *p
			c.Fields = slices.Clone(p.Fields)
			for i := range c.Fields {
				c.Fields[i].Options = slices.Clone(c.Fields[i].Options)
			}
			out = append(out, c)
		}
	}
	return out
}

// pushTypes are the parts of an assessment that can be written, with the type of each.
func pushTypes() map[string]string {
	return map[string]string{
		"stage": "text", "stage_label": "text", "stage_since": "datetime", "stage_reason": "text",
		"health": "number", "health_band": "text", "health_reasons": "text", "health_coverage": "number",
		"policy": "text", "assessed_at": "datetime", "mrr": "number", "mrr_currency": "text",
		"flags": "text", "cycle": "number", "customer": "text",
	}
}

// PushValues lists the names that a push field's value may have, sorted.
func PushValues() []string {
	var names []string
	for name := range pushTypes() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func listing(names []string) string { return strings.Join(names, ", ") }
