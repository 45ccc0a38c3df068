// Package quickbooks connects QuickBooks Online: customers, invoices, credit memos and estimates of one
// company, read only.
//
// It does not map records, reads no bills, and of payments only when they were made.
package quickbooks

import (
	"context"
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
	def := rest.Define(connectors.Definition{
		Name:     "quickbooks",
		Title:    "QuickBooks Online",
		Category: "billing",
		Doc: "Customers, invoices, credit memos and estimates of one QuickBooks Online company. Needs an app at " +
			"developer.intuit.com and the consent of an administrator of the company (hub connect).",
		Settings: []connectors.Setting{
			{Name: "realm_id", Title: "Company id", Required: true,
				Doc: "The company's id, also called realm id: in QuickBooks, Account and settings, Billing; hub connect shows it too."},
			{Name: "client_id", Title: "Client id", Doc: "Of the app: Keys and OAuth at developer.intuit.com."},
			{Name: "client_secret", Title: "Client secret", Secret: true, Doc: "Beside the client id."},
			{Name: "token", Title: "Access token", Secret: true,
				Doc: "For trying out: one that was fetched elsewhere. It serves an hour, and wins over the app."},
			{Name: "hook_secret", Title: "Webhook verifier token", Secret: true,
				Doc: "In the app: Webhooks, Show verifier token."},
			{Name: "token_url", Title: "Token address", Default: "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer",
				Doc: "Leave as it is, unless requests go through a gateway."},
			{Name: "base_url", Title: "API address", Default: "https://quickbooks.api.intuit.com",
				Doc: "https://sandbox-quickbooks.api.intuit.com for a company of the vendor's sandbox."},
		},
		Hook: &connectors.Hook{
			Scheme: "quickbooks", Secret: "hook_secret",
			Doc: "In the app at developer.intuit.com: Webhooks, with customers, invoices, credit memos and estimates.",
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
			return &conn{Conn: r, realm: s["realm_id"]}, nil
		}
		return c, nil
	}
	return def
}
