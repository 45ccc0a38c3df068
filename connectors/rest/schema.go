package rest

import (
	"encoding/json"
	"reflect"

	"github.com/invopop/jsonschema"

	"github.com/lifecyclehub/hub/canon"
)

// Schema returns the JSON Schema of connector.yaml, for editors.
func Schema() ([]byte, error) {
	r := jsonschema.Reflector{FieldNameTag: "yaml", ExpandedStruct: true, RequiredFromJSONSchemaTags: true, Mapper: schemaOf}
	s := r.Reflect(Spec{})
	s.ID = ""
	s.Title = "connector.yaml"
	s.Description = "How Hub reads one vendor: see connectors/rest/SYNTAX.md."
	s.Required = []string{"base_url", "check", "streams"}
	out, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(out, '\n'), nil
}

// scalarSchema is what YAML lets stand where a text is wanted.
func scalarSchema() *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "string"}, {Type: "number"}, {Type: "boolean"}}}
}

func schemaOf(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[Duration]():
		return &jsonschema.Schema{Type: "string", Examples: []any{"90s", "5m", "24h"}}
	case reflect.TypeFor[Values]():
		return &jsonschema.Schema{AnyOf: append(scalarSchema().AnyOf, &jsonschema.Schema{Type: "array", Items: scalarSchema()})}
	case reflect.TypeFor[string]():
		return scalarSchema()
	case reflect.TypeFor[canon.Kind]():
		kinds := []any{}
		for _, k := range canon.Kinds() {
			kinds = append(kinds, string(k))
		}
		return &jsonschema.Schema{Type: "string", Enum: kinds}
	}
	return nil
}

// JSONSchemaExtend tells the schema that a hook's stream may be just its name.
func (HookStream) JSONSchemaExtend(s *jsonschema.Schema) {
	keys := *s
	*s = jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "string"}, &keys}}
}

// enum is a key whose values are known.
func enum(s *jsonschema.Schema, key string, values ...any) {
	if p, ok := s.Properties.Get(key); ok {
		*p = jsonschema.Schema{Type: "string", Enum: values}
	}
}

// JSONSchemaExtend names the kinds of paging.
func (Paging) JSONSchemaExtend(s *jsonschema.Schema) {
	enum(s, "kind", "none", "cursor", "next_url", "link", "offset", "page", "last_id", "keyset")
}

// JSONSchemaExtend names the modes.
func (Changes) JSONSchemaExtend(s *jsonschema.Schema) {
	enum(s, "mode", "window", "continue", "events")
	enum(s, "granularity", "moment", "day")
}

// JSONSchemaExtend names the methods, and what a request cannot do without.
func (Request) JSONSchemaExtend(s *jsonschema.Schema) {
	enum(s, "method", "GET", "POST")
	s.Required = []string{"path"}
}

// JSONSchemaExtend names the formats.
func (Feed) JSONSchemaExtend(s *jsonschema.Schema) { enum(s, "format", "json", "jsonl", "csv") }

// JSONSchemaExtend names what a stream cannot do without.
func (Stream) JSONSchemaExtend(s *jsonschema.Schema) {
	s.Required = []string{"name", "title", "id", "full"}
}
