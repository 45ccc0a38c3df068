// Package intercom connects Intercom: companies, contacts, conversations and tickets with what customers
// say of them, read only.
//
// It does not map records, and does not read what was said in a conversation.
package intercom

import (
	"context"
	_ "embed"
	"net/http"
	"net/url"
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
		Name:     "intercom",
		Title:    "Intercom",
		Category: "support",
		Doc: "Companies, contacts, conversations and tickets of one Intercom workspace (API 2.16). Needs an access token with " +
			"the scopes Read users and companies, Read conversations and Read tickets.",
		Settings: []connectors.Setting{
			{Name: "token", Title: "Access token", Secret: true, Required: true,
				Doc: "In Intercom: Settings, Integrations, Developer Hub, your app, Authentication."},
			{Name: "base_url", Title: "API address", Default: "https://api.intercom.io",
				Doc: "https://api.eu.intercom.io or https://api.au.intercom.io for workspaces hosted in Europe or Australia."},
			{Name: "companies", Title: "How companies are read", Default: "list",
				Doc: "list, or scroll for workspaces with more than 10,000 companies. Intercom gives a workspace one scroll at a time."},
			{Name: "hook_secret", Title: "Client secret", Secret: true,
				Doc: "The app's client secret, with which Intercom signs its webhooks: Developer Hub, your app, Basic information."},
		},
		Hook: &connectors.Hook{
			Scheme: "intercom", Secret: "hook_secret",
			Doc: "In Intercom: Developer Hub, your app, Webhooks: all topics of contacts, companies, conversations and tickets, " +
				"contact.merged and the topics that end in .deleted above all.",
		},
		Mapping:  mapping,
		Behavior: behavior,
	}, spec, nil)
	open := def.Open
	def.Open = func(ctx context.Context, s connectors.Settings, env connectors.Env) (connectors.Conn, error) {
		return opened(ctx, s, env, open)
	}
	return def
}

type opener func(context.Context, connectors.Settings, connectors.Env) (connectors.Conn, error)

// opened connects, with what Intercom's answers need around the connection: see merged, onceOnly and conn.
func opened(ctx context.Context, s connectors.Settings, env connectors.Env, open opener) (connectors.Conn, error) {
	now := env.Now
	if now == nil {
		now = time.Now
	}
	if env.Transport == nil {
		env.Transport = http.DefaultTransport
	}
	env.Transport = merged{env.Transport, now}
	switch how := s["companies"]; how {
	case "", "list":
		return open(ctx, s, env)
	case "scroll":
		env.Transport = onceOnly{env.Transport}
		c, err := open(ctx, s, env)
		r, ok := c.(*rest.Conn)
		if err != nil || !ok {
			return c, err
		}
		return &conn{Conn: r, connection: env.Connection, now: now}, nil
	default:
		return nil, canon.Errorf("settings.companies", "companies cannot be read by %q", how).WithHint("Set companies to list or scroll.")
	}
}

// scrollCall asks for a page of the scroll; without a parameter, for a new scroll.
func scrollCall(param string) rest.Call {
	q := url.Values{}
	if param != "" {
		q.Set("scroll_param", param)
	}
	return rest.Call{Method: "GET", Path: "/companies/scroll", Query: q}
}
