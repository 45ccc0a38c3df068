// Package typeform connects Typeform: forms, and the responses to them as survey answers and touches, read only.
//
// It does not map records, verifies no signature and reads no uploaded files.
package typeform

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
		Name:     "typeform",
		Title:    "Typeform",
		Category: "survey",
		Doc: "Forms and their completed responses: NPS, satisfaction and effort scores, and form fills. Needs a personal " +
			"access token with the scopes accounts:read, forms:read and responses:read.",
		Settings: []connectors.Setting{
			{Name: "token", Title: "Personal access token", Secret: true, Required: true,
				Doc: "In Typeform: your account, Personal tokens, Generate a new token, with accounts:read, forms:read and responses:read."},
			{Name: "base_url", Title: "API address", Default: "https://api.typeform.com",
				Doc: "https://api.eu.typeform.com (or https://api.typeform.eu) for accounts in the EU data centre."},
			{Name: "requests_per_second", Title: "Requests per second", Default: "2",
				Doc: "Typeform allows two a second per account; less where other programs share it."},
			{Name: "hook_secret", Title: "Webhook secret", Secret: true,
				Doc: "The text that was entered as secret at the form's webhook. One for all forms."},
		},
		Hook: &connectors.Hook{
			Scheme: "typeform", Secret: "hook_secret",
			Doc: "In each form: Connect, Webhooks, Add a webhook with the connection's address, then Edit and set the secret.",
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
		return &conn{Conn: r, name: env.Connection, now: now, forms: map[string]form{}}, nil
	}
	return def
}
