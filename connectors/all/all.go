// Package all lists the connectors that Hub ships.
//
// It is a list and nothing else: no connector registers itself.
package all

import (
	"slices"

	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/file"
	"github.com/lifecyclehub/hub/connectors/hubspot"
	"github.com/lifecyclehub/hub/connectors/stripe"
	"github.com/lifecyclehub/hub/connectors/zendesk"
)

// List returns every connector, by name.
func List() []connectors.Definition {
	return []connectors.Definition{
		file.Definition(),
		hubspot.Definition(),
		stripe.Definition(),
		zendesk.Definition(),
	}
}

// Find returns the connector of that name.
func Find(name string) (connectors.Definition, bool) {
	defs := List()
	i := slices.IndexFunc(defs, func(d connectors.Definition) bool { return d.Name == name })
	if i < 0 {
		return connectors.Definition{}, false
	}
	return defs[i], true
}
