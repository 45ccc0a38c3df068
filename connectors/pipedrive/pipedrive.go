// Package pipedrive connects Pipedrive: organizations, persons, deals (archived ones too) and activities, read only.
//
// It does not map records, and reads no products, leads or mails.
package pipedrive

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

// The stream of deals is read from two lists of connector.yaml.
const (
	deals    = "deals"
	archived = "archived_deals"
)

// Definition returns the facts of the connector.
func Definition() connectors.Definition {
	def := rest.Define(connectors.Definition{
		Name:     "pipedrive",
		Title:    "Pipedrive",
		Category: "crm",
		Doc: "Organizations, persons, deals and activities of one Pipedrive company, with the fields that it added. Needs the API token " +
			"of an administrator, or an app with the scopes base, deals:read, contacts:read, activities:read and users:read.",
		Settings: []connectors.Setting{
			{Name: "base_url", Title: "Company address", Required: true,
				Doc: "The company's own address, as in https://acme.pipedrive.com. With an app Pipedrive tells the address to use."},
			{Name: "api_token", Title: "API token", Secret: true,
				Doc: "In Pipedrive: Personal preferences, API. Leave it empty with an app."},
			{Name: "client_id", Title: "Client ID", Doc: "Of the app in Pipedrive's Developer Hub; then run hub connect."},
			{Name: "client_secret", Title: "Client secret", Secret: true, Doc: "Of the app."},
			{Name: "token_url", Title: "Token address", Default: "https://oauth.pipedrive.com/oauth/token",
				Doc: "Leave as it is, unless requests go through a gateway."},
			{Name: "requests_per_2s", Title: "Requests per 2 seconds", Default: "15",
				Doc: "Pipedrive allows an API token 20 in 2 seconds on its smallest plan, more on the others and to apps."},
			{Name: "daily_tokens", Title: "Tokens per day", Default: "30000",
				Doc: "The company's daily budget until Pipedrive has told it: 30,000 times the plan's factor (1 to 7) times the seats."},
			{Name: "hook_secret", Title: "Webhook credentials", Secret: true,
				Doc: "user:password, as they were given when the webhook was made."},
		},
		Hook: &connectors.Hook{
			Scheme: "pipedrive", Secret: "hook_secret",
			Doc: "In Pipedrive: Tools and apps, Webhooks: version 2.0, event action * and event object *, with an HTTP auth user and " +
				"password. The address must not redirect.",
		},
		Mapping:  mapping,
		Behavior: behavior,
	}, spec, func(c *rest.Conn) connectors.Conn { return &conn{Conn: c} })
	def.Streams = visible(def.Streams)
	open := def.Open
	def.Open = func(ctx context.Context, s connectors.Settings, env connectors.Env) (connectors.Conn, error) {
		opened, err := open(ctx, s, env)
		if c, ok := opened.(*conn); ok {
			if c.now = env.Now; c.now == nil {
				c.now = time.Now
			}
		}
		return opened, err
	}
	return def
}

// visible leaves out the list that is part of another stream.
func visible(all []connectors.Stream) []connectors.Stream {
	var out []connectors.Stream
	for _, st := range all {
		if st.Name != archived {
			out = append(out, st)
		}
	}
	return out
}

// conn is one company.
type conn struct {
	*rest.Conn
	now func() time.Time

	mu    sync.Mutex
	known map[string]directory
}

var (
	_ connectors.Fetcher   = (*conn)(nil)
	_ connectors.Receiver  = (*conn)(nil)
	_ connectors.Describer = (*conn)(nil)
)

// Streams lists what can be pulled.
func (c *conn) Streams() []connectors.Stream { return visible(c.Conn.Streams()) }

// Pull reads a page and adds what the ids in its records stand for. Its errors are those of rest.Conn.
func (c *conn) Pull(ctx context.Context, stream string, from canon.Cursor) (connectors.Page, error) {
	var page connectors.Page
	var err error
	switch stream {
	case deals:
		page, err = c.pullDeals(ctx, from)
	case archived:
		return connectors.Page{}, canon.Errorf("stream.unknown", "archived deals are part of the stream deals").
			WithHint("Read the stream deals.")
	default:
		page, err = c.Conn.Pull(ctx, stream, from)
	}
	if err != nil {
		return connectors.Page{}, err
	}
	return page, c.name(ctx, stream, page.Records)
}

// Fetch reads single records, as rest.Conn does, and adds what their ids stand for.
func (c *conn) Fetch(ctx context.Context, stream string, ids []string) (connectors.Page, error) {
	page, err := c.Conn.Fetch(ctx, stream, ids)
	if err != nil {
		return connectors.Page{}, err
	}
	return page, c.name(ctx, stream, page.Records)
}
