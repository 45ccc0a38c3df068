// Package hubspot connects HubSpot: companies, contacts, deals, quotes and tickets with their associations, and,
// where the firm asks for it, what its marketing e-mails and forms tell. It writes fields back into the first three.
//
// It does not map records, and creates no properties but those that it is about to write.
package hubspot

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
		Name:     "hubspot",
		Title:    "HubSpot",
		Category: "crm",
		Doc: "Companies, contacts, deals, quotes and tickets of one HubSpot account, with who belongs to whom. " +
			"Needs a private app token (or an app that a person lets in) with the scopes crm.objects.companies.read, crm.objects.contacts.read, " +
			"crm.objects.deals.read, tickets, crm.schemas.companies.read, crm.schemas.contacts.read and " +
			"crm.schemas.deals.read; quotes need crm.objects.quotes.read and crm.schemas.quotes.read, and marketing, where it is " +
			"switched on, content and forms. Writing back needs crm.objects.companies.write, crm.objects.contacts.write " +
			"and crm.objects.deals.write, and crm.schemas.companies.write, crm.schemas.contacts.write and " +
			"crm.schemas.deals.write to create the properties.",
		Settings: []connectors.Setting{
			{Name: "token", Title: "Private app token", Secret: true,
				Doc: "In HubSpot: Settings, Integrations, Private apps. It begins with pat-. Not needed with an app that uses OAuth."},
			{Name: "client_id", Title: "Client id of an OAuth app", Doc: "For an app that a person lets in; `hub connect` fetches the token."},
			{Name: "client_secret", Title: "Client secret of the app", Secret: true,
				Doc: "Of the OAuth app, or of the private app: HubSpot signs its webhooks with it."},
			{Name: "refresh_token", Title: "Refresh token", Secret: true, Doc: "Only where a person let the app in elsewhere."},
			{Name: "marketing", Title: "Marketing e-mails and forms",
				Doc: "true reads what happened to marketing e-mails, and what was filled in in forms. Left empty, none of it is asked for."},
			{Name: "base_url", Title: "API address", Default: "https://api.hubapi.com",
				Doc: "Leave as it is, unless requests go through a gateway."},
			{Name: "requests_per_10s", Title: "Requests per 10 seconds", Default: "90",
				Doc: "How many requests Hub may make in 10 seconds. HubSpot allows a private app 100, on Professional and Enterprise 190."},
		},
		Hook: &connectors.Hook{
			Scheme: "hubspot_v3", Secret: "client_secret",
			Doc: "In HubSpot: the app's Webhooks tab, one target address, with creation, deletion, merge, restore, privacy deletion, association change and " +
				"property change of companies, contacts, deals and tickets.",
		},
		Mapping:  mapping,
		Behavior: behavior,
	}, spec, func(c *rest.Conn) connectors.Conn { return &conn{c} })
}

// conn adds writing to what connector.yaml describes.
type conn struct{ *rest.Conn }

var (
	_ connectors.Pusher   = (*conn)(nil)
	_ connectors.Preparer = (*conn)(nil)
)
