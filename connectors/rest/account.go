package rest

import (
	"context"

	"github.com/tidwall/gjson"

	"github.com/lifecyclehub/hub/connectors"
)

var _ connectors.Named = (*Conn)(nil)

// accountMax is the longest name of an account that is told.
const accountMax = 100

// Account tells whose account the connection reads, "" where connector.yaml does not say where the vendor tells it. Its
// errors are those of Check.
func (c *Conn) Account(ctx context.Context) (string, error) {
	if c.spec.Account == "" {
		return "", nil
	}
	call, err := c.render(ctx, c.spec.Check, c.scope("", cursor{}))
	if err != nil {
		return "", plain(err)
	}
	answer, err := c.client.do(ctx, call)
	if err != nil {
		return "", plain(err)
	}
	name := []rune(c.client.redact(text(gjson.GetBytes(answer.Body, c.spec.Account))))
	return string(name[:min(len(name), accountMax)]), nil
}
