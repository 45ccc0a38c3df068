// Package freshdesk connects Freshdesk: companies, contacts, tickets and satisfaction ratings, read only.
//
// It does not map records, and does not read what was said in a ticket.
package freshdesk

import (
	"context"
	_ "embed"
	"time"

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
	def := rest.Define(connectors.Definition{
		Name:     "freshdesk",
		Title:    "Freshdesk",
		Category: "support",
		Doc: "Companies, contacts, tickets and satisfaction ratings of one Freshdesk account (API v2). Needs the API key of an " +
			"agent who sees all tickets; the names of own fields need one of an administrator.",
		Settings: []connectors.Setting{
			{Name: "base_url", Title: "Account address", Required: true,
				Doc: "The account's own address, as in https://acme.freshdesk.com."},
			{Name: "api_key", Title: "API key", Secret: true, Required: true,
				Doc: "In Freshdesk: your picture, Profile settings, View API key."},
			{Name: "requests_per_minute", Title: "Requests per minute", Default: "160",
				Doc: "Freshdesk allows 50 a minute on trials, 200 on Growth, 400 on Pro, 700 on Enterprise; Hub leaves some to others."},
			{Name: "lists_per_minute", Title: "List requests per minute", Default: "18",
				Doc: "Of those, how many pages of tickets, and of contacts, may be listed: 20 on Growth, 100 on Pro, 200 on Enterprise."},
			{Name: "hook_secret", Title: "Webhook secret", Secret: true,
				Doc: "A value of your own, sent by the automation rule in a header X-Hub-Secret; or user:password for basic authentication."},
		},
		Hook: &connectors.Hook{
			Scheme: "freshdesk", Secret: "hook_secret",
			Doc: "In Freshdesk: Admin, Workflows, Automations, Ticket updates: any event, action Trigger webhook, POST, JSON, " +
				`with the custom header X-Hub-Secret, simple content with the ticket's ID, or advanced: {"ticket_id": {{ticket.id}}}.`,
		},
		Mapping:  mapping,
		Behavior: behavior,
	}, spec, nil)
	open := def.Open
	def.Open = func(ctx context.Context, s connectors.Settings, env connectors.Env) (connectors.Conn, error) {
		c, err := open(ctx, s, env)
		r, ok := c.(*rest.Conn)
		if err != nil || !ok {
			return c, err
		}
		now := env.Now
		if now == nil {
			now = time.Now
		}
		return &conn{Conn: r, connection: env.Connection, now: now}, nil
	}
	return def
}
