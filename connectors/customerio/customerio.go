// Package customerio connects Customer.io: people with their consent, and what they did with the e-mails that
// they got, read only.
//
// It does not map records, sends no messages and reads no segments.
package customerio

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
		Name:     "customerio",
		Title:    "Customer.io",
		Category: "marketing",
		Doc: "Marketing e-mails of one Customer.io workspace (App API): sent, opened, clicked, bounced and unsubscribed, and the " +
			"people with their consent. Needs an App API key that reads.",
		Settings: []connectors.Setting{
			{Name: "app_api_key", Title: "App API key", Secret: true, Required: true,
				Doc: "In Customer.io: Settings, API credentials, App API keys, Create. Not the tracking key."},
			{Name: "base_url", Title: "API address", Default: "https://api.customer.io",
				Doc: "https://api-eu.customer.io for workspaces in the EU region."},
			{Name: "requests_per_second", Title: "Requests per second", Default: "8",
				Doc: "Customer.io allows ten a second, which other programs share."},
			{Name: "hook_secret", Title: "Webhook signing key", Secret: true,
				Doc: "Shown at the reporting webhook in Customer.io."},
		},
		Hook: &connectors.Hook{
			Scheme: "customerio", Secret: "hook_secret",
			Doc: "In Customer.io: Data and integrations, Reporting webhooks, Add: with the events of e-mails (sent, opened, clicked, " +
				"converted, bounced, marked as spam, unsubscribed) and of customers (subscribed, unsubscribed). JSON.",
		},
		Mapping:  mapping,
		Behavior: behavior,
	}, spec, func(c *rest.Conn) connectors.Conn { return &conn{Conn: c} })
}

var (
	_ connectors.Fetcher  = (*conn)(nil)
	_ connectors.Receiver = (*conn)(nil)
)

// conn is a connection whose messages also tell what happened to them, one thing after the other.
type conn struct{ *rest.Conn }
