package airbyte

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// Define makes a connector of a manifest. name is the key in hub.yaml; mapping is the user's mapping file, empty where
// the records are only to be kept as they are.
func Define(name string, m *Manifest, mapping []byte) connectors.Definition {
	def := connectors.Definition{
		Name: name, Title: title(name, m), Category: "other", Settings: m.Settings(), Mapping: mapping, Behavior: m.behavior(),
		Doc: fmt.Sprintf("%s, read as its manifest describes it: %s of %d can be read.", title(name, m), plural(len(m.streams), "stream"), len(m.streams)+len(m.refused)),
	}
	if m.Docs != "" {
		def.Doc += " Its authors' documentation: " + m.Docs
	}
	kinds := kindsOf(mapping)
	for _, s := range m.streams {
		def.Streams = append(def.Streams, connectors.Stream{Name: s.name, Title: words(s.name), Kinds: kinds[s.name]})
	}
	def.Open = func(_ context.Context, s connectors.Settings, env connectors.Env) (connectors.Conn, error) {
		own := connectors.Settings{}
		for _, d := range def.Settings {
			own[d.Name] = d.Default
		}
		for k, v := range s {
			if v != "" {
				own[k] = v
			}
		}
		for _, d := range def.Settings {
			if d.Required && own[d.Name] == "" {
				return nil, canon.Errorf("settings.missing", "connection %s has no %s", env.Connection, d.Name).WithHint("%s: %s", d.Title, d.Doc)
			}
		}
		return open(m, def, own, env)
	}
	return def
}

func title(name string, m *Manifest) string {
	t := strings.TrimSpace(m.Title)
	for _, end := range []string{" Source Spec", " Spec", " Source", " Source Configuration", " Configuration"} {
		t = strings.TrimSuffix(t, end)
	}
	if t = strings.TrimPrefix(t, "Source "); t == "" {
		return words(name)
	}
	return t
}

func words(name string) string {
	return capitalize(strings.NewReplacer("_", " ", "-", " ").Replace(name))
}

// kindsOf lists what the mapping makes of each stream, for the health of sources. A mapping that cannot be read is told
// by those who read it in full.
func kindsOf(mapping []byte) map[string][]canon.Kind {
	var doc struct {
		Streams map[string]struct {
			Rules []struct {
				Kind canon.Kind `yaml:"kind"`
			} `yaml:"rules"`
		} `yaml:"streams"`
	}
	out := map[string][]canon.Kind{}
	if err := yaml.Unmarshal(mapping, &doc); err != nil {
		return out
	}
	for name, s := range doc.Streams {
		for _, r := range s.Rules {
			if r.Kind != "" && !slices.Contains(out[name], r.Kind) {
				out[name] = append(out[name], r.Kind)
			}
		}
	}
	return out
}

// behavior says what will surprise an operator.
func (m *Manifest) behavior() string {
	var b strings.Builder
	b.WriteString("This connector is read from a manifest in Airbyte's low-code format.\n\n")
	b.WriteString("- Records are kept as the manifest's transformations leave them; a mapping file turns them into entities.\n")
	b.WriteString("- Deletions are seen only where the manifest's lists tell them.\n")
	b.WriteString("- A next page at another host than the stream's own is not fetched.\n")
	if m.normalizes {
		b.WriteString("- The manifest's rules that change settings before they are used (config_normalization_rules) are not applied: write settings in their newest form.\n")
	}
	for _, s := range m.streams {
		switch {
		case len(s.key) == 0:
			fmt.Fprintf(&b, "- %s has no primary key: a record that changes becomes another record.\n", s.name)
		case s.cursor == nil && s.later == nil:
			fmt.Fprintf(&b, "- %s is read whole each time.\n", s.name)
		case s.cursor != nil && s.cursor.lookback == nil:
			fmt.Fprintf(&b, "- %s goes on from the latest date that it has seen; the manifest asks for no overlap.\n", s.name)
		}
	}
	for _, r := range m.refused {
		fmt.Fprintf(&b, "- %s is not read: %s.\n", r.Stream, r.Reason)
	}
	return b.String()
}
