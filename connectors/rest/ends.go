package rest

import (
	"context"
	"encoding/json"
	"time"

	"github.com/lifecyclehub/hub/connectors"
)

// Grant is what a connection's vault tells of its token, never the token itself.
type Grant struct {
	// Got is when the token was fetched. Ends is when it ends, zero where nobody knows.
	Got, Ends time.Time
	// Renews says that it is renewed without anybody's consent.
	Renews bool
}

// GrantOf reads what a connection's vault tells of its token; ok is false where it keeps none.
func GrantOf(ctx context.Context, vault connectors.Vault) (g Grant, ok bool, err error) {
	doc, err := vault.Load(ctx, tokenName)
	if err != nil || len(doc) == 0 {
		return Grant{}, false, err
	}
	t := &token{}
	if json.Unmarshal(doc, t) != nil || t.Access == "" {
		return Grant{}, false, nil
	}
	return Grant{Got: t.Got, Ends: t.Ends, Renews: t.Refresh != ""}, true, nil
}
