package airbyte

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// spec keeps what the manifest says of the connection's form.
func (b *builder) spec(top *dict) {
	s := b.child(top, "spec")
	if s == nil {
		return
	}
	b.manifest.normalizes = b.child(s, "config_normalization_rules") != nil
	b.manifest.Docs = textOr(s, "documentation_url")
	b.manifest.spec = b.child(s, "connection_specification")
	if b.manifest.spec == nil {
		b.manifest.spec = b.child(s, "connectionSpecification")
	}
	b.manifest.Title = textOr(b.manifest.spec, "title")
}

// Settings lists what the user must or may tell: the properties of the manifest's connection_specification. Those of
// nested objects have dotted names; of several forms of one object, the settings of all are listed; lists and objects
// without properties are written as JSON.
func (m *Manifest) Settings() []connectors.Setting {
	var out []connectors.Setting
	m.walkSettings(m.spec, "", true, 0, func(s connectors.Setting) {
		if i := slices.IndexFunc(out, func(o connectors.Setting) bool { return o.Name == s.Name }); i >= 0 {
			out[i].Secret = out[i].Secret || s.Secret
			if !strings.Contains(out[i].Doc, s.Doc) {
				out[i].Doc += " Or: " + s.Doc
			}
			return
		}
		out = append(out, s)
	})
	for i := range out {
		if out[i].Secret {
			out[i].Default = ""
		}
	}
	return out
}

// settingsDepth bounds how deep a form may nest.
const settingsDepth = 8

func (m *Manifest) walkSettings(schema *dict, prefix string, required bool, depth int, add func(connectors.Setting)) {
	props, _ := orNil(schema, "properties").(*dict)
	if props == nil || depth > settingsDepth {
		return
	}
	must, _ := orNil(schema, "required").([]any)
	for _, k := range inOrder(props) {
		p, ok := props.vals[k].(*dict)
		if !ok {
			continue
		}
		name := prefix + k
		need := required && slices.Contains(must, any(k))
		if inner, _ := orNil(p, "properties").(*dict); inner.len() > 0 {
			m.walkSettings(p, name+".", need, depth+1, add)
		}
		forms := formsOf(p)
		for _, f := range forms {
			// Which of the forms is filled in is known only once it is.
			m.walkSettings(f, name+".", false, depth+1, add)
		}
		if inner, _ := orNil(p, "properties").(*dict); inner.len() > 0 || slices.ContainsFunc(forms, func(f *dict) bool { return orNil(f, "properties") != nil }) {
			continue
		}
		add(setting(name, p, need))
	}
}

func formsOf(p *dict) []*dict {
	var out []*dict
	for _, key := range []string{"oneOf", "anyOf"} {
		list, _ := orNil(p, key).([]any)
		for _, x := range list {
			if d, ok := x.(*dict); ok {
				out = append(out, d)
			}
		}
	}
	return out
}

// inOrder lists properties as the form shows them.
func inOrder(props *dict) []string {
	keys := slices.Clone(props.keys)
	rank := func(k string) int64 {
		p, _ := props.vals[k].(*dict)
		if n, ok := asInt(orNil(p, "order")); ok && p != nil {
			return n
		}
		return 1 << 20
	}
	slices.SortStableFunc(keys, func(a, b string) int { return cmpOrdered(rank(a), rank(b)) })
	return keys
}

func setting(name string, p *dict, required bool) connectors.Setting {
	s := connectors.Setting{Name: name, Title: textOr(p, "title"), Doc: strings.Join(strings.Fields(textOr(p, "description")), " "),
		Secret: flag(p, "airbyte_secret") || soundsSecret(name), Required: required}
	if s.Title == "" {
		s.Title = strings.ReplaceAll(strings.ReplaceAll(name, "_", " "), ".", ": ")
	}
	if s.Doc == "" {
		s.Doc = s.Title + "."
	}
	if c, ok := p.get("const"); ok {
		s.Doc += " Is " + pyStr(c) + " for this form."
	} else if v, ok := p.get("default"); ok && v != nil {
		s.Default = settingText(v)
	}
	if list, ok := orNil(p, "enum").([]any); ok && len(list) > 0 {
		var words []string
		for _, x := range list[:min(len(list), 30)] {
			words = append(words, pyStr(x))
		}
		s.Doc += " One of " + strings.Join(words, ", ") + "."
	}
	switch kind(p) {
	case "array":
		s.Doc += ` A JSON list, such as ["a", "b"].`
	case "object":
		s.Doc += " A JSON object."
	}
	if list, ok := orNil(p, "examples").([]any); ok && len(list) > 0 && !s.Secret {
		s.Doc += " For example " + head(pyStr(list[0]), 100) + "."
	}
	return s
}

// soundsSecret finds credentials that a manifest forgot to mark.
func soundsSecret(name string) bool {
	for _, end := range []string{"token", "secret", "password", "api_key", "apikey", "private_key"} {
		if strings.HasSuffix(strings.ToLower(name), end) {
			return true
		}
	}
	return false
}

// kind is a property's type, without null.
func kind(p *dict) string {
	switch t := orNil(p, "type").(type) {
	case string:
		return t
	case []any:
		for _, x := range t {
			if s, ok := x.(string); ok && s != "null" {
				return s
			}
		}
	}
	return "string"
}

func settingText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case []any, *dict:
		return string(encodeJSON(v))
	}
	return pyStr(v)
}

// config makes the object that templates know as config. What is neither set nor has a default is left out.
func (m *Manifest) config(s connectors.Settings) (*dict, error) {
	if m.spec == nil {
		out := newDict()
		for _, k := range sortedKeys(s) {
			out.set(k, s[k])
		}
		return out, nil
	}
	return m.object(m.spec, "", s, 0)
}

func (m *Manifest) object(schema *dict, prefix string, s connectors.Settings, depth int) (*dict, error) {
	out := newDict()
	props, _ := orNil(schema, "properties").(*dict)
	if props == nil || depth > settingsDepth {
		return out, nil
	}
	for _, k := range props.keys {
		p, ok := props.vals[k].(*dict)
		if !ok {
			continue
		}
		v, err := m.property(p, prefix+k, s, depth)
		if err != nil {
			return nil, err
		}
		if v != nil {
			out.set(k, v)
		}
	}
	return out, nil
}

func (m *Manifest) property(p *dict, name string, s connectors.Settings, depth int) (any, error) {
	forms := formsOf(p)
	hasForms := slices.ContainsFunc(forms, func(f *dict) bool { return orNil(f, "properties") != nil })
	inner, _ := orNil(p, "properties").(*dict)
	if !hasForms && inner.len() == 0 {
		return m.leaf(p, name, s)
	}
	out := newDict()
	if inner.len() > 0 {
		d, err := m.object(p, name+".", s, depth+1)
		if err != nil {
			return nil, err
		}
		out = d
	}
	if hasForms {
		if f := pickForm(forms, name+".", s); f != nil {
			d, err := m.object(f, name+".", s, depth+1)
			if err != nil {
				return nil, err
			}
			out.update(d)
		}
	}
	if out.len() == 0 {
		return nil, nil
	}
	return out, nil
}

// pickForm chooses the form of an object that the settings fill in: the one whose fixed values are set, else the
// first of which the most is set and nothing required is missing.
func pickForm(forms []*dict, prefix string, s connectors.Settings) *dict {
	var best *dict
	most := 0
	for _, f := range forms {
		props, _ := orNil(f, "properties").(*dict)
		if props == nil {
			continue
		}
		score, missing := 0, false
		must, _ := orNil(f, "required").([]any)
		for _, k := range props.keys {
			p, _ := props.vals[k].(*dict)
			given := s[prefix+k]
			fixed, isFixed := p.get("const")
			switch {
			case isFixed && given != "" && given == pyStr(fixed):
				score += 1000
			case isFixed && given != "":
				score -= 1000
			case given != "" && given != settingText(orEmpty(p, "default")):
				score++
			case given == "" && !isFixed && slices.Contains(must, any(k)) && !hasSetting(s, prefix+k+"."):
				missing = true
			}
		}
		if missing && score < 1000 {
			continue
		}
		if score > most {
			best, most = f, score
		}
	}
	return best
}

func orEmpty(d *dict, key string) any {
	if v, ok := d.get(key); ok && v != nil {
		return v
	}
	return ""
}

func hasSetting(s connectors.Settings, prefix string) bool {
	for k, v := range s {
		if v != "" && strings.HasPrefix(k, prefix) {
			return true
		}
	}
	return false
}

// leaf reads one setting as the type that the manifest declares.
func (m *Manifest) leaf(p *dict, name string, s connectors.Settings) (any, error) {
	text := s[name]
	if text == "" {
		if c, ok := p.get("const"); ok {
			return c, nil
		}
		v, _ := p.get("default")
		return v, nil
	}
	wrong := func(what string) error {
		return canon.Errorf("settings.type", "the setting %s is no %s", name, what).WithHint("%s", setting(name, p, false).Doc)
	}
	switch kind(p) {
	case "integer":
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if err != nil {
			return nil, wrong("whole number")
		}
		return n, nil
	case "number":
		if n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64); err == nil {
			return n, nil
		}
		f, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil {
			return nil, wrong("number")
		}
		return f, nil
	case "boolean":
		b, err := strconv.ParseBool(strings.ToLower(strings.TrimSpace(text)))
		if err != nil {
			return nil, wrong("true or false")
		}
		return b, nil
	case "array":
		return list(p, text, wrong)
	case "object":
		v, ok := decodeJSON([]byte(text))
		if _, isDict := v.(*dict); !ok || !isDict {
			return nil, wrong("JSON object")
		}
		return v, nil
	}
	return text, nil
}

// list reads a JSON list, or words with commas between them.
func list(p *dict, text string, wrong func(string) error) (any, error) {
	if strings.HasPrefix(strings.TrimSpace(text), "[") {
		v, ok := decodeJSON([]byte(text))
		if !ok {
			return nil, wrong("JSON list")
		}
		return v, nil
	}
	each, _ := orNil(p, "items").(*dict)
	out := []any{}
	for _, part := range strings.Split(text, ",") {
		part = strings.TrimSpace(part)
		if kind(each) == "integer" {
			n, err := strconv.ParseInt(part, 10, 64)
			if err != nil {
				return nil, wrong("list of whole numbers")
			}
			out = append(out, n)
			continue
		}
		out = append(out, part)
	}
	return out, nil
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
