// Package all lists the connectors that Hub ships.
//
// It is a list and nothing else: no connector registers itself.
package all

import (
	"slices"

	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/attio"
	"github.com/lifecyclehub/hub/connectors/chargebee"
	"github.com/lifecyclehub/hub/connectors/customerio"
	"github.com/lifecyclehub/hub/connectors/delighted"
	"github.com/lifecyclehub/hub/connectors/file"
	"github.com/lifecyclehub/hub/connectors/freshdesk"
	"github.com/lifecyclehub/hub/connectors/hubspot"
	"github.com/lifecyclehub/hub/connectors/intercom"
	"github.com/lifecyclehub/hub/connectors/odoo"
	"github.com/lifecyclehub/hub/connectors/pipedrive"
	"github.com/lifecyclehub/hub/connectors/posthog"
	"github.com/lifecyclehub/hub/connectors/program"
	"github.com/lifecyclehub/hub/connectors/quickbooks"
	"github.com/lifecyclehub/hub/connectors/rt"
	"github.com/lifecyclehub/hub/connectors/salesforce"
	sqlsource "github.com/lifecyclehub/hub/connectors/sql"
	"github.com/lifecyclehub/hub/connectors/stripe"
	"github.com/lifecyclehub/hub/connectors/tracking"
	"github.com/lifecyclehub/hub/connectors/typeform"
	"github.com/lifecyclehub/hub/connectors/webhook"
	"github.com/lifecyclehub/hub/connectors/xero"
	"github.com/lifecyclehub/hub/connectors/zendesk"
	"github.com/lifecyclehub/hub/connectors/zoho"
)

// List returns every connector, by name.
func List() []connectors.Definition {
	return []connectors.Definition{
		attio.Definition(),
		chargebee.Definition(),
		customerio.Definition(),
		delighted.Definition(),
		file.Definition(),
		freshdesk.Definition(),
		hubspot.Definition(),
		intercom.Definition(),
		odoo.Definition(),
		pipedrive.Definition(),
		posthog.Definition(),
		program.Definition(),
		quickbooks.Definition(),
		rt.Definition(),
		salesforce.Definition(),
		sqlsource.Definition(),
		stripe.Definition(),
		tracking.Definition(),
		typeform.Definition(),
		webhook.Definition(),
		xero.Definition(),
		zendesk.Definition(),
		zoho.Definition(),
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
