// Package rt connects Request Tracker 5 by its REST API, version 2: tickets and the users who ask, and writes
// custom fields of both.
//
// It does not map records, reads no ticket's history, and can create custom fields of users but not apply them:
// the API has no way to.
package rt

import (
	_ "embed"
	"sync"
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
	return rest.Define(connectors.Definition{
		Name:     "rt",
		Title:    "Request Tracker",
		Category: "support",
		Doc: "Tickets and users of a Request Tracker 5 of your own. Needs a privileged user with the rights AdminUsers, " +
			"SeeGroup and SeeCustomField, and SeeQueue and ShowTicket on the queues that Hub may see. Writing back needs " +
			"ModifyCustomField and AdminUsers; creating the fields needs AdminCustomField and AssignCustomFields.",
		Settings: []connectors.Setting{
			{Name: "base_url", Title: "Address", Required: true,
				Doc: "Where Request Tracker is, without /REST/2.0, as in https://rt.example.com or https://example.com/rt."},
			{Name: "token", Title: "Authentication token", Secret: true,
				Doc: "In Request Tracker: Logged in as, Settings, Auth Tokens. Wins over user and password."},
			{Name: "user", Title: "User name", Doc: "Only needed without a token."},
			{Name: "password", Title: "Password", Secret: true, Doc: "Only needed without a token."},
			{Name: "requests_per_second", Title: "Requests per second", Default: "5",
				Doc: "How many requests Hub may make in a second."},
			{Name: "page_size", Title: "Records per page", Default: "100", Doc: "1 to 100. Smaller ones where the server is slow."},
		},
		Mapping:  mapping,
		Behavior: behavior,
	}, spec, func(c *rest.Conn) connectors.Conn { return &conn{Conn: c} })
}

// conn adds to what connector.yaml describes: records that are the same bytes whenever they are the same, who
// of the users is staff, and writing.
type conn struct {
	*rest.Conn

	mu      sync.Mutex
	staff   map[string]bool
	staffAt time.Time
}

var (
	_ connectors.Pusher   = (*conn)(nil)
	_ connectors.Preparer = (*conn)(nil)
)
