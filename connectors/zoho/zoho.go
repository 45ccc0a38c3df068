// Package zoho connects Zoho CRM: leads, accounts, contacts, deals, quotes and invoices, read only.
//
// It does not map records, and reads no modules that an organisation made itself.
package zoho

import (
	"context"
	_ "embed"
	"sync"
	"time"

	"github.com/lifecyclehub/hub/canon"
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
		Name:     "zoho",
		Title:    "Zoho CRM",
		Category: "crm",
		Doc: "Leads, accounts, contacts, deals, quotes and invoices of one Zoho CRM organisation (API v8), with the fields that it added. Needs a " +
			"self client with the scopes ZohoCRM.modules.READ and ZohoCRM.settings.fields.READ.",
		Settings: settings(),
		Hook: &connectors.Hook{
			Scheme: "shared_secret", Secret: "hook_secret",
			Doc: "By Zoho CRM's notification API: channels for Leads.all, Accounts.all, Contacts.all, Deals.all, Quotes.all and Invoices.all, whose notify_url " +
				"ends in ?secret= and the secret. A channel ends after a week at most.",
		},
		Mapping:  mapping,
		Behavior: behavior,
	}, spec, func(c *rest.Conn) connectors.Conn { return &conn{Conn: c} })
	open := def.Open
	def.Open = func(ctx context.Context, s connectors.Settings, env connectors.Env) (connectors.Conn, error) {
		opened, err := open(ctx, s, env)
		if c, ok := opened.(*conn); ok {
			c.now, c.currency, c.all = env.Now, s["currency"], s["all_fields"] != "no"
			if c.now == nil {
				c.now = time.Now
			}
			if c.currency == "" {
				c.currency = "USD"
			}
		}
		return opened, err
	}
	return def
}

func settings() []connectors.Setting {
	return []connectors.Setting{
		{Name: "accounts_url", Title: "Address of Zoho Accounts", Default: "https://accounts.zoho.com",
			Doc: "That of the account's data centre: https://accounts.zoho.eu, .in, .com.au, .jp, .sa, .com.cn or https://accounts.zohocloud.ca."},
		{Name: "client_id", Title: "Client ID", Required: true, Doc: "In Zoho's API console: a self client."},
		{Name: "client_secret", Title: "Client secret", Secret: true, Required: true, Doc: "Of the self client."},
		{Name: "refresh_token", Title: "Refresh token", Secret: true,
			Doc: "Of a grant with access_type offline. Leave it empty and run hub connect where the client is a server-based application."},
		{Name: "base_url", Title: "API address", Default: "https://www.zohoapis.com",
			Doc: "Leave as it is: the address comes with the token."},
		{Name: "currency", Title: "Currency of the organisation", Default: "USD",
			Doc: "For organisations with one currency, which do not tell it with their records."},
		{Name: "all_fields", Title: "Read all fields", Default: "yes",
			Doc: "no: only the fields that the mapping reads, which takes fewer credits."},
		{Name: "requests_per_second", Title: "Requests per second", Default: "4", Doc: "How many requests Hub may make in a second."},
		{Name: "daily_credits", Title: "Credits per day", Default: "5000",
			Doc: "Until Zoho tells what is left: 5,000 on the free edition, from 50,000 on the others. A tenth of it is left alone."},
		{Name: "hook_secret", Title: "Webhook secret", Secret: true, Doc: "The secret in the address of the notifications."},
	}
}

// conn is one organisation.
type conn struct {
	*rest.Conn
	now      func() time.Time
	currency string
	all      bool

	mu    sync.Mutex
	known map[string]module
}

var (
	_ connectors.Fetcher   = (*conn)(nil)
	_ connectors.Receiver  = (*conn)(nil)
	_ connectors.Describer = (*conn)(nil)
)

// Pull reads a page and adds the fields that its request could not name. Its errors are those of rest.Conn.
func (c *conn) Pull(ctx context.Context, stream string, from canon.Cursor) (connectors.Page, error) {
	page, err := c.Conn.Pull(ctx, stream, from)
	if err != nil {
		return connectors.Page{}, err
	}
	return page, c.complete(ctx, stream, page.Records)
}

// Fetch reads single records, as rest.Conn does, and adds the fields that its request could not name.
func (c *conn) Fetch(ctx context.Context, stream string, ids []string) (connectors.Page, error) {
	page, err := c.Conn.Fetch(ctx, stream, ids)
	if err != nil {
		return connectors.Page{}, err
	}
	return page, c.complete(ctx, stream, page.Records)
}
