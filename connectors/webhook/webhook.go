// Package webhook is the connector for any system that can post JSON: what it sends is kept whole, and a mapping
// file of the user's says what it means.
//
// It is called and calls nobody: nothing is pulled and nothing is read again. It verifies no signature itself.
package webhook

import (
	"context"
	_ "embed"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

//go:embed BEHAVIOR.md
var behavior string

// Definition returns the facts of the connector.
func Definition() connectors.Definition {
	return connectors.Definition{
		Name:     "webhook",
		Title:    "Webhooks (any JSON)",
		Category: "file",
		Doc: "Takes JSON that any system posts: a form, an automation, a system without a connector. Settings say where the objects and their ids are; " +
			"a mapping file of your own says what they mean.",
		Settings: []connectors.Setting{
			{Name: "scheme", Title: "Proof", Default: "shared_secret", Doc: "How calls prove where they come from: shared_secret, standard, github, shopify or another scheme of docs/how-to/let-vendors-call.md."},
			{Name: "secret", Title: "Secret", Secret: true, Required: true, Doc: "The key of the scheme. Several, separated by spaces, while one replaces another."},
			{Name: "hook_path", Title: "Secret path", Secret: true, Doc: "A part of the address that nobody can guess: /hooks/{connection}/{secret path}. For senders that can neither sign nor set a header."},
			{Name: "stream", Title: "Stream", Default: "records", Doc: "The name of the stream, where no streams are declared."},
			{Name: "items", Title: "Objects", Doc: "Path of the list of objects in the body, such as data.items. Empty where the body is one object, or a list of them."},
			{Name: "id", Title: "Id", Default: "id", Doc: "Path of the id in an object; $.a.b begins at the body."},
			{Name: "version", Title: "Version", Doc: "Path of a time or number that grows with each change of the object. Without it the later call counts."},
			{Name: "deleted", Title: "Deleted", Doc: "What tells that the object is gone: a path that holds true, or path=word|word, such as $.event=contact.deleted."},
			{Name: "when", Title: "Only when", Doc: "Which objects are meant, told as for deleted. Others are passed over."},
		},
		Hook:     &connectors.Hook{Secret: "secret", Doc: "Give the sender the address of this connection, and the secret in the way that the scheme asks for."},
		Behavior: behavior,
		Open:     open,
	}
}

// stream says how the objects of one stream are found in a call.
type stream struct {
	name string
	// under is the path below the connection's address that the stream's calls have, "" for any.
	under         string
	items, id     path
	version       path
	deleted, when *condition
}

// conn is one sender. It has no state.
type conn struct {
	name    string
	streams []stream
}

var _ connectors.Receiver = (*conn)(nil)

func options() []string { return []string{"items", "id", "version", "deleted", "when", "path"} }

func open(_ context.Context, s connectors.Settings, env connectors.Env) (connectors.Conn, error) {
	c := &conn{name: env.Connection}
	declared := env.Streams
	if len(declared) == 0 {
		declared = []connectors.StreamConfig{{Name: s["stream"]}}
	}
	for _, sc := range declared {
		for name := range sc.Options {
			if !slices.Contains(options(), name) {
				return nil, canon.Errorf("webhook.option", "stream %s: there is no option %q", sc.Name, name).WithHint("the options are %s", strings.Join(options(), ", "))
			}
		}
		// What a stream does not say the settings say for all.
		get := func(name string) string {
			if v, ok := sc.Options[name]; ok {
				return v
			}
			return s[name]
		}
		st := stream{name: sc.Name, under: strings.Trim(sc.Options["path"], "/"), items: parsePath(get("items")), id: parsePath(get("id")), version: parsePath(get("version")),
			deleted: parseCondition(get("deleted")), when: parseCondition(get("when"))}
		if st.name == "" || len(st.id.keys) == 0 {
			return nil, canon.Errorf("webhook.option", "a stream needs a name and the path of its objects' id").WithHint("set stream and id, as in id: data.id")
		}
		c.streams = append(c.streams, st)
	}
	return c, nil
}

// Check has nobody to ask.
func (c *conn) Check(ctx context.Context) error { return ctx.Err() }

// Streams lists the declared streams.
func (c *conn) Streams() []connectors.Stream {
	out := make([]connectors.Stream, len(c.streams))
	for i, st := range c.streams {
		out[i] = connectors.Stream{Name: st.name, Title: st.name}
	}
	return out
}

// Close closes nothing.
func (c *conn) Close() error { return nil }

// Pull always finds nothing new: objects come by themselves.
func (c *conn) Pull(ctx context.Context, name string, from canon.Cursor) (connectors.Page, error) {
	switch {
	case !slices.ContainsFunc(c.streams, func(s stream) bool { return s.name == name }):
		return connectors.Page{}, canon.Errorf("stream.unknown", "connection %s has no stream %q", c.name, name).WithHint("declare it under streams: in hub.yaml")
	case from != "":
		return connectors.Page{}, canon.Errorf("cursor.invalid", "the cursor of a stream that is not pulled cannot be read").WithHint("reset the stream; nothing is lost by it")
	}
	return connectors.Page{}, ctx.Err()
}
