// Package xero connects Xero: contacts, the customers' invoices and credit notes of one organisation, read
// only.
//
// It does not map records, and reads neither bills nor payments: an invoice tells when it was paid.
package xero

import (
	"context"
	_ "embed"
	"encoding/json"

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
		Name:     "xero",
		Title:    "Xero",
		Category: "billing",
		Doc: "Contacts, sales invoices and credit notes of one Xero organisation. Needs an app at developer.xero.com " +
			"and the consent of somebody who may read invoices and contacts (hub connect), or a custom connection.",
		Settings: []connectors.Setting{
			{Name: "tenant_id", Title: "Organisation", Required: true,
				Doc: "The organisation's tenantId, as https://api.xero.com/connections lists it."},
			{Name: "client_id", Title: "Client id", Doc: "Of the app, in its configuration at developer.xero.com."},
			{Name: "client_secret", Title: "Client secret", Secret: true, Doc: "Beside the client id."},
			{Name: "custom_connection", Title: "Custom connection",
				Doc: "yes where the app is a custom connection, which needs no consent in a browser. Empty otherwise."},
			{Name: "token", Title: "Access token", Secret: true,
				Doc: "For trying out: one that was fetched elsewhere. It serves half an hour, and wins over the app."},
			{Name: "requests_per_day", Title: "Requests per day", Default: "5000",
				Doc: "How many requests the organisation allows a day, for all that ask."},
			{Name: "hook_secret", Title: "Webhook key", Secret: true,
				Doc: "In the app's configuration: Webhooks, Webhooks key."},
			{Name: "token_url", Title: "Token address", Default: "https://identity.xero.com/connect/token",
				Doc: "Leave as it is, unless requests go through a gateway."},
			{Name: "base_url", Title: "API address", Default: "https://api.xero.com",
				Doc: "Leave as it is, unless requests go through a gateway."},
		},
		Hook: &connectors.Hook{
			Scheme: "xero", Secret: "hook_secret",
			Doc: "In the app's configuration at developer.xero.com: Webhooks, with contacts, invoices and credit notes.",
		},
		Mapping:  mapping,
		Behavior: behavior,
	}, spec, nil)
	open := def.Open
	def.Open = func(ctx context.Context, s connectors.Settings, env connectors.Env) (connectors.Conn, error) {
		c, err := open(ctx, s, env)
		if err != nil {
			return nil, err
		}
		if r, ok := c.(*rest.Conn); ok {
			return conn{Conn: r, tenant: s["tenant_id"]}, nil
		}
		return c, nil
	}
	return def
}

// conn is a connection that takes from a webhook call only what is about its own organisation.
type conn struct {
	*rest.Conn
	tenant string
}

// Receive reads a call. An app has one webhook for all organisations that it is connected to.
func (c conn) Receive(call connectors.Call) (connectors.Received, error) {
	var body struct {
		Events []json.RawMessage `json:"events"`
	}
	if json.Unmarshal(call.Body, &body) == nil && body.Events != nil {
		own := []json.RawMessage{}
		for _, event := range body.Events {
			var of struct {
				Tenant string `json:"tenantId"`
			}
			if json.Unmarshal(event, &of) == nil && of.Tenant == c.tenant {
				own = append(own, event)
			}
		}
		b, err := json.Marshal(map[string]any{"events": own})
		if err != nil {
			return connectors.Received{}, err
		}
		call.Body = b
	}
	return c.Conn.Receive(call)
}
