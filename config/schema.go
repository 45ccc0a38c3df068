package config

import (
	_ "embed"
	"encoding/json"
	"reflect"
	"time"

	"github.com/invopop/jsonschema"
)

//go:embed starter.yaml
var starter []byte

// Starter returns the commented hub.yaml that a new installation begins with.
func Starter() []byte { return append([]byte(nil), starter...) }

// Schema returns the JSON Schema of hub.yaml, for editors.
func Schema() []byte {
	r := jsonschema.Reflector{FieldNameTag: "yaml", ExpandedStruct: true, RequiredFromJSONSchemaTags: true, Mapper: schemaOf}
	s := r.Reflect(Config{})
	s.ID = ""
	s.Title = "hub.yaml"
	out, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic(err) // the schema is made of plain values
	}
	return append(out, '\n')
}

func schemaOf(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return &jsonschema.Schema{Type: "string", Examples: []any{"30s", "5m", "24h", "30d"}}
	case reflect.TypeFor[time.Time]():
		return &jsonschema.Schema{Type: "string", Examples: []any{"2024-12-31", "2024-12-31T00:00:00Z"}}
	case reflect.TypeFor[Size]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "string"}, {Type: "integer"}}, Examples: []any{"512MB", "4GiB"}}
	case reflect.TypeFor[Secret]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "string"}, {Type: "number"}, {Type: "boolean"}}}
	}
	return nil
}

// JSONSchemaExtend tells the schema that a stream may be just its name.
func (Stream) JSONSchemaExtend(s *jsonschema.Schema) {
	keys := *s
	*s = jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "string"}, &keys}}
}

// JSONSchemaExtend tells the schema that a field's survivorship may be just its policy.
func (Survivor) JSONSchemaExtend(s *jsonschema.Schema) {
	keys := *s
	*s = jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "string", Enum: []any{"source_priority", "most_recent", "most_frequent", "longest"}}, &keys}}
}
