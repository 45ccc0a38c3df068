// Package chargebee connects Chargebee: customers, subscriptions, invoices, credit notes and quotes, read only.
//
// It does not map records and takes no part in payments.
package chargebee

import (
	_ "embed"

	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/rest"
)

var (
	//go:embed connector.yaml
	spec []byte
	//go:embed mapping.yaml
	mapping []byte
	//go:embed BEHAVIOR.md
	behavior string
)

// Definition returns the facts of the connector.
func Definition() connectors.Definition {
	return rest.Define(connectors.Definition{
		Name:     "chargebee",
		Title:    "Chargebee",
		Category: "billing",
		Doc: "Customers, subscriptions, invoices, credit notes and quotes of one Chargebee site (API v2). Needs a " +
			"read-only API key.",
		Settings: []connectors.Setting{
			{Name: "base_url", Title: "Site address", Required: true,
				Doc: "The site's own address, as in https://acme.chargebee.com or https://acme-test.chargebee.com."},
			{Name: "api_key", Title: "API key", Secret: true, Required: true,
				Doc: "In Chargebee: Settings, Configure Chargebee, API keys and webhooks, Add a key: Read-only, all."},
			{Name: "requests_per_minute", Title: "Requests per minute", Default: "120",
				Doc: "Chargebee allows 150 a minute on test sites and the Starter plan, 1000 on Performance, 3500 on Enterprise."},
			{Name: "hook_secret", Title: "Webhook credentials", Secret: true,
				Doc: "user:password, as they are entered at the webhook in Chargebee under basic authentication."},
		},
		Hook: &connectors.Hook{
			Scheme: "chargebee", Secret: "hook_secret",
			Doc: "In Chargebee: Settings, Configure Chargebee, API keys and webhooks, Webhooks: API version v2, protected by " +
				"basic authentication, with all events of customers, subscriptions, invoices, credit notes and quotes.",
		},
		Mapping:  mapping,
		Behavior: behavior,
	}, spec, nil)
}
