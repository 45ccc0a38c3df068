package mapping

import (
	"encoding/json"

	"github.com/lifecyclehub/hub/canon"
)

// object is a JSON object while the schema is built.
type object = map[string]any

// Schema returns the JSON Schema (2020-12) of mapping files, for editors. It knows every key and the fields
// of each kind; what it cannot say, such as whether a path is sound, Parse checks.
func Schema() []byte {
	defs := schemaForms()
	for _, s := range language() {
		defs[s.name+"_keys"] = s.schema()
	}
	for _, s := range language() {
		if _, taken := defs[s.name]; !taken {
			defs[s.name] = ref(s.name + "_keys")
		}
	}
	defs["rule"] = ruleSchema()
	root := object{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   "Hub mapping file",
		"$ref":    "#/$defs/file",
		"$defs":   defs,
	}
	// The value is built of maps, lists and texts only, which always encode.
	out, _ := json.MarshalIndent(root, "", "  ")
	return append(out, '\n')
}

func (s section) schema() object {
	properties := object{}
	for _, k := range s.keys {
		p := ref(k.form)
		p["description"] = k.doc
		properties[k.name] = p
	}
	out := object{"type": "object", "description": s.doc, "properties": properties, "additionalProperties": false}
	if len(s.required) > 0 {
		out["required"] = s.required
	}
	return out
}

// ruleSchema adds to the keys of a rule which fields each kind has and needs.
func ruleSchema() object {
	var cases []any
	for _, k := range canon.Kinds() {
		wanted, err := targets(k)
		if err != nil {
			continue
		}
		properties, required := object{}, []string{}
		for _, t := range wanted {
			form := ref("field")
			if t.typ == typeRef {
				form = either(object{"type": "string", "minLength": 1}, list(object{"type": "string", "minLength": 1}), ref("reference"))
			}
			form["description"] = upper(t.typ.String())
			properties[t.name] = form
			if t.required {
				required = append(required, t.name)
			}
		}
		fields := object{"properties": properties, "additionalProperties": false, "required": required}
		then := object{"properties": object{"fields": fields}}
		if len(required) > 0 {
			then["required"] = []string{"fields"}
		}
		cases = append(cases, object{"if": object{"properties": object{"kind": object{"const": string(k)}}}, "then": then})
	}
	return object{"allOf": append([]any{ref("rule_keys")}, cases...)}
}

func ref(name string) object { return object{"$ref": "#/$defs/" + name} }

func either(forms ...object) object {
	list := make([]any, len(forms))
	for i := range forms {
		list[i] = forms[i]
	}
	return object{"anyOf": list}
}

func list(of object) object { return object{"type": "array", "items": of} }

func mapOf(of object) object { return object{"type": "object", "additionalProperties": of} }

func choice(words ...string) object { return object{"enum": words} }

// schemaForms are what may stand under a key, besides the sections.
func schemaForms() object {
	text := object{"type": "string"}
	scalar := object{"type": []string{"string", "number", "boolean"}}
	path := object{"type": "string", "minLength": 1}
	var kinds []string
	for _, k := range canon.Kinds() {
		kinds = append(kinds, string(k))
	}
	paths := either(path, list(path))
	return object{
		"text": text, "scalar": scalar, "path": path, "paths": paths,
		"texts":        either(scalar, list(scalar)),
		"bool":         object{"type": "boolean"},
		"kind":         choice(kinds...),
		"owner_kind":   choice("company", "contact"),
		"push_kind":    choice("company", "contact", "deal"),
		"push_value":   choice(PushValues()...),
		"push_type":    choice("text", "number", "datetime", "enum"),
		"time":         choice(timeModes()...),
		"unit":         choice("major", "minor"),
		"decimals":     mapOf(object{"type": "integer", "minimum": 0, "maximum": 6}),
		"enum":         mapOf(object{"type": []string{"string", "number", "boolean", "null"}}),
		"streams":      mapOf(ref("stream")),
		"rules":        list(ref("rule")),
		"part":         either(scalar, ref("part_keys")),
		"field":        either(path, list(path), ref("field_keys")),
		"fields":       mapOf(ref("field")),
		"first":        list(ref("field")),
		"condition":    either(ref("condition_keys"), list(ref("condition"))),
		"conditions":   list(ref("condition")),
		"owners":       either(ref("owner"), list(ref("owner"))),
		"same_as_list": either(ref("same_as"), list(ref("same_as"))),
		"custom":       either(path, ref("custom_keys")),
		"custom_list":  either(ref("custom"), list(ref("custom"))),
		"push_fields":  mapOf(ref("push_field")),
		"discounts":    either(ref("discount"), list(ref("discount"))),
	}
}
