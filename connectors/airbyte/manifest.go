// Package airbyte reads connectors written in Airbyte's low-code format: a manifest.yaml, as its author wrote
// it, becomes a connection. What a manifest's streams need beyond the format, such as Python code, makes those
// streams unsupported, not the manifest.
//
// It bundles no manifest, runs no Python, and decides nothing about what records become: that is the mapping,
// which the user brings.
package airbyte

import (
	"maps"
	"slices"
)

// Manifest is a parsed manifest.yaml. It is safe for concurrent use.
type Manifest struct {
	// Name is the one that Parse was given; Version is that of the format that the manifest is written for.
	Name, Version string
	// Docs is the documentation's address, Title the title of the connection's form.
	Docs, Title string

	streams []*stream
	refused []Refused
	check   []string
	spec    *dict
	budget  *budget
	used    map[string]bool
	// normalizes says that the manifest wants settings changed before they are used, which is not done.
	normalizes bool
}

// Refused is a stream that cannot be read, with the reason.
type Refused struct {
	Stream string `json:"stream"`
	Reason string `json:"reason"`
}

// Parse reads a manifest. name is the connector's; it also names the file in complaints, as
// NAME/manifest.yaml:line:column. Its errors have the code manifest.invalid.
func Parse(name string, src []byte) (*Manifest, error) {
	file := name + "/manifest.yaml"
	raw, err := readYAML(file, src)
	if err != nil {
		return nil, err
	}
	top, err := resolve(file, raw)
	if err != nil {
		return nil, err
	}
	m := &Manifest{Name: name, Version: pyStr(orNil(top, "version")), used: map[string]bool{}}
	b := &builder{file: file, manifest: m, prop: &propagator{file: file, defaults: defaultTypes(), custom: customTypes()}}
	if err := b.source(top); err != nil {
		return nil, err
	}
	return m, nil
}

// Streams lists the names of the streams that can be read.
func (m *Manifest) Streams() []string {
	var out []string
	for _, s := range m.streams {
		out = append(out, s.name)
	}
	return out
}

// Unsupported lists the streams that cannot be read.
func (m *Manifest) Unsupported() []Refused { return slices.Clone(m.refused) }

// Components lists the types of components that the manifest's streams use.
func (m *Manifest) Components() []string { return slices.Sorted(maps.Keys(m.used)) }

// Schema returns the JSON Schema that the manifest gives of a stream's records, nil where it gives none. The
// records are not held against it.
func (m *Manifest) Schema(stream string) []byte {
	for _, s := range m.streams {
		if s.name == stream && s.schema != nil {
			return encodeJSON(s.schema)
		}
	}
	return nil
}

func orNil(d *dict, key string) any {
	v, _ := d.get(key)
	return v
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
