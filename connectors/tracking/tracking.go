// Package tracking takes product usage in by Segment's HTTP tracking API, so that the libraries that are built into
// a product already can send to Hub.
//
// It is called and calls nobody: nothing is pulled. It verifies no write key, keeps nothing and maps nothing.
package tracking

import (
	"context"
	_ "embed"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

var (
	//go:embed mapping.yaml
	mapping []byte
	//go:embed BEHAVIOR.md
	behavior string
)

// The streams of a tracking connection.
const (
	streamUsers   = "users"
	streamGroups  = "groups"
	streamMembers = "members"
	streamEvents  = "events"
)

func streams() []connectors.Stream {
	return []connectors.Stream{
		{Name: streamGroups, Title: "Groups (accounts)", Kinds: []canon.Kind{canon.KindCompany}},
		{Name: streamUsers, Title: "Users", Kinds: []canon.Kind{canon.KindContact}},
		{Name: streamMembers, Title: "Users of groups", Kinds: []canon.Kind{canon.KindContact}},
		{Name: streamEvents, Title: "Events, pages and screens", Kinds: []canon.Kind{canon.KindUsage, canon.KindActivity}},
	}
}

// Definition returns the facts of the connector.
func Definition() connectors.Definition {
	return connectors.Definition{
		Name:     "tracking",
		Title:    "Product usage (Segment-compatible)",
		Category: "usage",
		Doc: "Takes what your product tells of its users by the libraries of Segment and RudderStack, or by plain HTTP: " +
			"track, page, screen, identify, group, alias and batch. Point the library's host at this hub.",
		Settings: []connectors.Setting{
			{Name: "write_key", Title: "Write key", Secret: true, Required: true,
				Doc: "What the libraries send as their write key: any text that you choose. Several, separated by spaces, while one replaces another."},
			{Name: "allowed_origins", Title: "Web pages that may call",
				Doc: "Origins such as https://app.example.com, separated by spaces, whose pages may send from the browser; * for all. Empty for servers and apps only."},
		},
		Streams:  streams(),
		Mapping:  mapping,
		Hook:     &connectors.Hook{Scheme: "write_key", Secret: "write_key", Doc: "Set the library's host (endpoint, dataPlaneUrl) to the address of this connection; events are posted below it, to /v1/batch and the like."},
		Behavior: behavior,
		Open:     open,
	}
}

// conn is one source of events.
type conn struct {
	name string
	now  func() time.Time
}

var _ connectors.Receiver = (*conn)(nil)

func open(_ context.Context, s connectors.Settings, env connectors.Env) (connectors.Conn, error) {
	if s["write_key"] == "" {
		return nil, canon.Errorf("setting.missing", "the write key is missing").WithHint("choose a text of at least 16 characters and give it to the libraries")
	}
	return &conn{name: env.Connection, now: env.Now}, nil
}

// Check has nobody to ask.
func (c *conn) Check(ctx context.Context) error { return ctx.Err() }

// Streams lists the streams.
func (c *conn) Streams() []connectors.Stream { return streams() }

// Close closes nothing.
func (c *conn) Close() error { return nil }

// Pull always finds nothing new: events come by themselves.
func (c *conn) Pull(ctx context.Context, stream string, from canon.Cursor) (connectors.Page, error) {
	known := false
	for _, s := range streams() {
		known = known || s.Name == stream
	}
	switch {
	case !known:
		return connectors.Page{}, canon.Errorf("stream.unknown", "there is no stream %q", stream).WithHint("the streams are users, groups, members and events")
	case from != "":
		return connectors.Page{}, canon.Errorf("cursor.invalid", "the cursor of a stream that is not pulled cannot be read").WithHint("reset the stream; nothing is lost by it")
	}
	return connectors.Page{}, ctx.Err()
}
