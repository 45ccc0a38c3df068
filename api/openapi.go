package api

import (
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// documentVersion is the version of the API, not of Hub: it changes with the routes.
const documentVersion = "1.0.0"

func apiConfig() huma.Config {
	config := huma.DefaultConfig("Hub", documentVersion)
	config.Info.Description = "What Hub knows: customers, their timelines, where they stand and why, where the data comes from, " +
		"and what the outside was told. All but decisions about who is who is only read."
	config.Info.License = &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer":  {Type: "http", Scheme: "bearer", Description: "The API token of this Hub."},
		"session": {Type: "apiKey", In: "cookie", Name: sessionCookie, Description: "Set by signing in to the console. What changes something needs the header " + consoleHeader + " too."},
	}
	// The viewer loads its scripts from elsewhere, and links to schemas would change every body.
	config.DocsPath, config.SchemasPath = "", ""
	config.CreateHooks = nil
	config.RejectUnknownQueryParameters = true
	config.Transformers = []huma.Transformer{asProblem}
	config.Components.Schemas.Schema(reflect.TypeFor[problem](), true, "Problem")
	return config
}

func problemResponse() *huma.Response {
	return &huma.Response{
		Description: "What went wrong, as RFC 9457 problem details with a stable code and a hint",
		Content: map[string]*huma.MediaType{
			"application/problem+json": {Schema: &huma.Schema{Ref: "#/components/schemas/Problem"}},
		},
	}
}

// polish makes the document say what the API does: lists are never null, zero times are left out, and errors
// are always problems.
func polish(doc *huma.OpenAPI) {
	schemas := doc.Components.Schemas
	delete(schemas.Map(), "ErrorModel")
	delete(schemas.Map(), "ErrorDetail")
	for name, schema := range schemas.Map() {
		if t := schemas.TypeFromRef("#/components/schemas/" + name); t != nil && t.Kind() == reflect.Struct {
			for i := range t.NumField() {
				dropOmitted(schema, t.Field(i))
			}
		}
		// Closed schemas would make every field that is added later a breach of the document. What callers send stays closed:
		// a misspelt field would be lost without a word.
		if schema.AdditionalProperties == false && name != "Ruling" {
			schema.AdditionalProperties = nil
		}
		for _, p := range schema.Properties {
			neverNull(p)
		}
	}
	for _, path := range doc.Paths {
		for _, op := range []*huma.Operation{path.Get, path.Post} {
			if op == nil {
				continue
			}
			for _, p := range op.Parameters {
				neverNull(p.Schema)
			}
		}
	}
}

func neverNull(schema *huma.Schema) {
	if schema.Type == huma.TypeArray {
		schema.Nullable = false
	}
}

// dropOmitted takes a field that encoding/json leaves out when it is zero off the list of required ones.
func dropOmitted(schema *huma.Schema, f reflect.StructField) {
	name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	if slices.Contains(strings.Split(options, ","), "omitzero") {
		schema.Required = slices.DeleteFunc(schema.Required, func(r string) bool { return r == name })
	}
}
