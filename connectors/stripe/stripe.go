// Package stripe connects Stripe: customers, subscriptions and invoices, read only.
//
// It does not map records and takes no part in payments.
package stripe

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
		Name:     "stripe",
		Title:    "Stripe",
		Category: "billing",
		Doc: "Customers, subscriptions and invoices of one Stripe account. Needs a restricted key that may read " +
			"Customers, Subscriptions, Invoices and Events, and nothing else.",
		Settings: []connectors.Setting{
			{Name: "api_key", Title: "Restricted API key", Secret: true, Required: true,
				Doc: "In Stripe: Developers, API keys, Create restricted key. It begins with rk_."},
			{Name: "webhook_secret", Title: "Signing secret of the webhook", Secret: true,
				Doc: "Of the webhook endpoint at Stripe; it begins with whsec_. Only needed where Stripe shall call."},
			{Name: "base_url", Title: "API address", Default: "https://api.stripe.com",
				Doc: "Leave as it is, unless requests go through a gateway."},
		},
		Hook: &connectors.Hook{
			Scheme: "stripe", Secret: "webhook_secret",
			Doc: "In Stripe: Developers, Webhooks, Add endpoint, with the events customer.created, customer.updated, customer.deleted, " +
				"customer.subscription.* and invoice.*.",
		},
		Mapping:  mapping,
		Behavior: behavior,
	}, spec, nil)
}
