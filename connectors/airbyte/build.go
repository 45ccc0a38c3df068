package airbyte

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// builder turns the manifest's tree into streams.
type builder struct {
	file     string
	manifest *Manifest
	prop     *propagator
	// depth counts streams within streams.
	depth int
}

// refusal is why a stream cannot be read.
type refusal struct{ reason string }

func (r refusal) Error() string { return r.reason }

func (b *builder) refuse(d *dict, format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	if d != nil && d.line > 0 {
		text = fmt.Sprintf("%s (line %d)", text, d.line)
	}
	return refusal{text}
}

func (b *builder) source(top *dict) error {
	if t := pyStr(orNil(top, "type")); t != "" && t != "DeclarativeSource" && t != "None" {
		return complaint(b.file, top, "the type is %q, and must be DeclarativeSource", t)
	}
	list, ok := orNil(top, "streams").([]any)
	dynamic, _ := orNil(top, "dynamic_streams").([]any)
	if !ok && len(dynamic) == 0 {
		return complaint(b.file, top, "the manifest has no streams")
	}
	params := map[string]any{}
	if d, ok := orNil(top, parametersKey).(*dict); ok {
		for _, k := range d.keys {
			params[k] = d.vals[k]
		}
	}
	b.spec(top)
	if d, ok := orNil(top, "check").(*dict); ok {
		names, _ := orNil(d, "stream_names").([]any)
		for _, n := range names {
			b.manifest.check = append(b.manifest.check, pyStr(n))
		}
	}
	if d, ok := orNil(top, "api_budget").(*dict); ok {
		budget, err := b.apiBudget(d)
		if err != nil {
			return complaint(b.file, d, "%v", err)
		}
		b.manifest.budget = budget
	}
	for _, x := range list {
		d, ok := x.(*dict)
		if !ok {
			return complaint(b.file, top, "a stream is no mapping")
		}
		if err := b.addStream(d, params); err != nil {
			return err
		}
	}
	for _, x := range dynamic {
		d, _ := x.(*dict)
		name := "dynamic streams"
		if d != nil && truthy(orNil(d, "name")) {
			name = pyStr(d.vals["name"])
		}
		b.manifest.refused = append(b.manifest.refused, Refused{name, b.refuse(d, "DynamicDeclarativeStream is not supported").Error()})
	}
	return b.prop.err
}

func (b *builder) addStream(d *dict, params map[string]any) error {
	c := b.prop.component("DeclarativeSource.streams", d, params, 0)
	if b.prop.err != nil {
		return b.prop.err
	}
	if pyStr(orNil(c, "type")) == "ConditionalStreams" {
		inner, _ := orNil(c, "streams").([]any)
		for _, x := range inner {
			if s, ok := x.(*dict); ok {
				b.manifest.refused = append(b.manifest.refused, Refused{pyStr(orNil(s, "name")), b.refuse(s, "ConditionalStreams is not supported").Error()})
			}
		}
		return nil
	}
	name := pyStr(orNil(c, "name"))
	s, err := b.stream(c)
	var r refusal
	switch {
	case errors.As(err, &r):
		b.manifest.refused = append(b.manifest.refused, Refused{name, r.reason})
		return nil
	case err != nil:
		return complaint(b.file, c, "stream %s: %v", name, err)
	case s.name == "" || s.name == "None":
		return complaint(b.file, c, "a stream has no name")
	case slices.ContainsFunc(b.manifest.streams, func(o *stream) bool { return o.name == s.name }):
		return complaint(b.file, c, "two streams are called %s", s.name)
	}
	b.manifest.streams = append(b.manifest.streams, s)
	return nil
}

func (b *builder) use(d *dict) string {
	t := pyStr(orNil(d, "type"))
	if d != nil && t != "None" {
		b.manifest.used[t] = true
	}
	return t
}

// unknown refuses a component of a type that is not read here.
func (b *builder) unknown(d *dict, what string) error {
	t := pyStr(orNil(d, "type"))
	if class := pyStr(orNil(d, "class_name")); strings.HasPrefix(t, "Custom") || class != "None" {
		return b.refuse(d, "%s is Python code (%s %s)", what, t, class)
	}
	return b.refuse(d, "%s %s is not supported", what, t)
}

func params(d *dict) *dict {
	p, _ := orNil(d, parametersKey).(*dict)
	return p
}

// tmpl compiles the template at key; nil where there is none.
func (b *builder) tmpl(d *dict, key string) (*tmpl, error) {
	v, ok := d.get(key)
	if !ok || v == nil {
		return nil, nil
	}
	return b.compile(d, v)
}

func (b *builder) compile(d *dict, v any) (*tmpl, error) {
	s, ok := v.(string)
	if !ok {
		return &tmpl{src: pyStr(v), plain: true, value: v}, nil
	}
	t, err := compile(s, params(d))
	if err != nil {
		return nil, b.refuse(d, "the expression %.120q is not understood: %v", s, err)
	}
	return t, nil
}

func (b *builder) tmpls(d *dict, key string) ([]*tmpl, error) {
	list, _ := orNil(d, key).([]any)
	if v := orNil(d, key); v != nil && list == nil {
		list = []any{v}
	}
	out := make([]*tmpl, len(list))
	for i, x := range list {
		var err error
		if out[i], err = b.compile(d, x); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (b *builder) child(d *dict, key string) *dict {
	c, _ := orNil(d, key).(*dict)
	return c
}

func flag(d *dict, key string) bool { return orNil(d, key) == true }

// stream builds one stream.
func (b *builder) stream(d *dict) (*stream, error) {
	if b.depth++; b.depth > 10 {
		return nil, b.refuse(d, "streams lead more than ten levels deep into each other")
	}
	defer func() { b.depth-- }()
	switch t := b.use(d); t {
	case "DeclarativeStream":
	case "StateDelegatingStream":
		return b.delegating(d)
	default:
		return nil, b.unknown(d, "the stream")
	}
	s := &stream{name: pyStr(orNil(d, "name")), key: keyPaths(orNil(d, "primary_key"))}
	if b.child(d, "file_uploader") != nil {
		return nil, b.refuse(d, "file_uploader is not supported")
	}
	if l := b.child(d, "schema_loader"); l != nil && b.use(l) == "InlineSchemaLoader" {
		s.schema = orNil(l, "schema")
	}
	if c := b.child(d, "incremental_sync"); c != nil {
		var err error
		if s.cursor, err = b.cursor(c); err != nil {
			return nil, err
		}
	}
	r := b.child(d, "retriever")
	if r == nil {
		return nil, b.refuse(d, "the stream has no retriever")
	}
	if b.use(r) != "SimpleRetriever" {
		return nil, b.unknown(r, "the retriever")
	}
	if err := b.retriever(s, r); err != nil {
		return nil, err
	}
	list, _ := orNil(d, "transformations").([]any)
	for _, x := range list {
		t, ok := x.(*dict)
		if !ok {
			return nil, b.refuse(d, "a transformation is no mapping")
		}
		f, err := b.transformation(t)
		if err != nil {
			return nil, err
		}
		s.transforms = append(s.transforms, f)
	}
	return s, nil
}

// keyPaths reads a primary key: a name, a list of names, or a list of paths.
func keyPaths(v any) [][]string {
	switch v := v.(type) {
	case string:
		if v != "" {
			return [][]string{{v}}
		}
	case []any:
		var out [][]string
		for _, x := range v {
			if path, ok := x.([]any); ok {
				var p []string
				for _, y := range path {
					p = append(p, pyStr(y))
				}
				out = append(out, p)
				continue
			}
			out = append(out, []string{pyStr(x)})
		}
		return out
	}
	return nil
}

func (b *builder) delegating(d *dict) (*stream, error) {
	full, incremental := b.child(d, "full_refresh_stream"), b.child(d, "incremental_stream")
	if full == nil || incremental == nil {
		return nil, b.refuse(d, "a StateDelegatingStream needs two streams")
	}
	first, err := b.stream(full)
	if err != nil {
		return nil, err
	}
	then, err := b.stream(incremental)
	if err != nil {
		return nil, err
	}
	if then.cursor == nil {
		return nil, b.refuse(incremental, "the incremental stream has no cursor")
	}
	first.name, first.later = pyStr(orNil(d, "name")), then
	then.name = first.name
	if p := orNil(d, "api_retention_period"); p != nil {
		if first.retention, err = parseSpan(pyStr(p)); err != nil {
			return nil, b.refuse(d, "%v", err)
		}
	}
	return first, nil
}

func (b *builder) retriever(s *stream, d *dict) error {
	rq := b.child(d, "requester")
	if rq == nil {
		return b.refuse(d, "the retriever has no requester")
	}
	var err error
	if s.requester, err = b.requester(rq); err != nil {
		return err
	}
	if s.decoder, err = b.decoder(b.child(d, "decoder")); err != nil {
		return err
	}
	if err = b.selector(s, b.child(d, "record_selector")); err != nil {
		return err
	}
	if s.pager, err = b.paginator(b.child(d, "paginator")); err != nil {
		return err
	}
	if s.router, err = b.router(orNil(d, "partition_router"), d); err != nil {
		return err
	}
	s.ignoreSlicer = flag(d, "ignore_stream_slicer_parameters_on_paginated_requests")
	if r := b.child(d, "pagination_reset"); r != nil {
		b.use(r)
		s.reset = &resetRule{split: pyStr(orNil(r, "action")) == "SPLIT_USING_CURSOR"}
		if l := b.child(r, "limits"); l != nil {
			n, _ := toInt(orNil(l, "number_of_records"))
			s.reset.records = int(n)
		}
		if s.reset.split && s.cursor == nil {
			return b.refuse(r, "SPLIT_USING_CURSOR needs a cursor")
		}
	}
	return nil
}

func (b *builder) selector(s *stream, d *dict) error {
	if d == nil {
		return b.refuse(nil, "the retriever has no record_selector")
	}
	if b.use(d) != "RecordSelector" {
		return b.unknown(d, "the record selector")
	}
	x := b.child(d, "extractor")
	if x == nil {
		return b.refuse(d, "the record selector has no extractor")
	}
	if b.use(x) != "DpathExtractor" {
		return b.unknown(x, "the extractor")
	}
	var err error
	if s.path, err = b.tmpls(x, "field_path"); err != nil {
		return err
	}
	if e := b.child(x, "record_expander"); e != nil {
		b.use(e)
		s.expander = &expander{keep: flag(e, "remain_original_record"), emitParent: pyStr(orNil(e, "on_no_records")) == "emit_parent"}
		if s.expander.path, err = b.tmpls(e, "expand_records_from_field"); err != nil {
			return err
		}
	}
	if f := b.child(d, "record_filter"); f != nil {
		if b.use(f) != "RecordFilter" {
			return b.unknown(f, "the record filter")
		}
		if s.filter, err = b.tmpl(f, "condition"); err != nil {
			return err
		}
		if s.filter != nil && s.filter.src == "" {
			s.filter = nil
		}
	}
	// A custom schema normalization changes types only; records are kept as the vendor gave them.
	if n := b.child(d, "schema_normalization"); n != nil {
		return b.unknown(n, "the schema normalization")
	}
	// With a client-side cursor, the language transforms before it filters unless told otherwise.
	s.transformFirst = flag(d, "transform_before_filtering")
	if v, ok := d.get("transform_before_filtering"); (!ok || v == nil) && s.cursor != nil && s.cursor.clientSide {
		s.transformFirst = true
	}
	return nil
}
