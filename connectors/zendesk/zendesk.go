// Package zendesk connects Zendesk Support: organizations, users and tickets with their satisfaction
// ratings, read only.
//
// It does not map records.
package zendesk

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
		Name:     "zendesk",
		Title:    "Zendesk",
		Category: "support",
		Doc: "Organizations, users and tickets of one Zendesk Support account. Needs an OAuth token with the " +
			"scope read, or an API token, of an administrator: Zendesk lets nobody else use the incremental exports.",
		Settings: []connectors.Setting{
			{Name: "base_url", Title: "Account address", Required: true,
				Doc: "The account's own address, as in https://acme.zendesk.com."},
			{Name: "token", Title: "OAuth access token", Secret: true,
				Doc: "In Zendesk: Admin Center, Apps and integrations, OAuth clients. One that does not expire; wins over all others."},
			{Name: "client_id", Title: "OAuth client", Doc: "The identifier of an OAuth client; `hub connect` then fetches tokens and Hub renews them."},
			{Name: "client_secret", Title: "OAuth client secret", Secret: true, Doc: "Of the same OAuth client."},
			{Name: "refresh_token", Title: "Refresh token", Secret: true, Doc: "Only where a person let the client in elsewhere."},
			{Name: "email", Title: "Administrator's e-mail address",
				Doc: "Whose API token it is; only needed with an API token."},
			{Name: "api_token", Title: "API token", Secret: true,
				Doc: "For accounts that still have API tokens; Zendesk ends them on 2027-04-30."},
			{Name: "webhook_secret", Title: "Signing secret of the webhook", Secret: true, Doc: "Shown beside the webhook. Only needed where Zendesk shall call."},
			{Name: "exports_per_minute", Title: "Export requests per minute", Default: "10",
				Doc: "How many incremental export requests Zendesk allows: 10, or 30 with the High Volume add-on."},
		},
		Hook: &connectors.Hook{
			Scheme: "zendesk", Secret: "webhook_secret",
			Doc: "In Zendesk: Admin Center, Apps and integrations, Webhooks, Create webhook, subscribed to Zendesk events of organizations, users and tickets. " +
				"The secret is its signing secret.",
		},
		Mapping:  mapping,
		Behavior: behavior,
	}, spec, nil)
}
