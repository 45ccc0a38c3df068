package main

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/bus"
	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/sync/receive"
	"github.com/lifecyclehub/hub/webhooks"
)

// openHooks opens the way in for vendors' calls. publicURL is the hub's address as vendors know it. It returns nil
// where no connection takes calls.
func (a *app) openHooks(ctx context.Context, publicURL string) (*receive.Desk, error) {
	var sources []receive.Source
	for _, v := range a.vendors {
		door, err := doorOf(v, v.settings, publicURL)
		if err != nil {
			return nil, err
		}
		if door.Guard != nil {
			sources = append(sources, receive.Source{Connection: v.cfg.Name, Connector: v.def.Name, Conn: v.conn, Streams: v.streams, Door: door})
		}
	}
	if len(sources) == 0 {
		return nil, nil
	}
	kept, err := a.bus.Hooks(ctx)
	if err != nil {
		return nil, err
	}
	return receive.New(receive.Options{Queue: hookQueue{kept}, Split: a.bus.Split, Now: time.Now, Log: a.log,
		Open: func(buffer int) (receive.Line, error) { return a.bus.Receipts(buffer) }}, sources)
}

// doorOf says how calls of a connection are let in. Its guard is nil where the connection takes none: its connector
// knows no webhooks, or nobody has set a secret to verify them with.
func doorOf(v *vendor, s connectors.Settings, publicURL string) (receive.Door, error) {
	hook := v.def.Hook
	if hook == nil {
		return receive.Door{}, nil
	}
	name := cmp.Or(hook.Scheme, s["scheme"])
	scheme, ok := webhooks.FindScheme(name)
	if !ok {
		return receive.Door{}, canon.Errorf("hook.scheme", "connection %s: there is no signature scheme %q", v.cfg.Name, name).
			WithHint("docs/how-to/let-vendors-call.md lists the schemes")
	}
	trust := webhooks.Trust{Scheme: name, Secrets: strings.Fields(s[hook.Secret]), Account: cmp.Or(s["organization_id"], s["org_id"]), Testing: s["hook_testing"] == "true"}
	if len(trust.Secrets) == 0 && (!scheme.Keyless || trust.Account == "") {
		return receive.Door{}, nil
	}
	return receive.Door{Guard: guard{scheme, trust}, Secret: cmp.Or(s["hook_path"], v.cfg.HookPath.Reveal()), PublicURL: publicURL, Status: scheme.Accepted.Status, ContentType: scheme.Accepted.ContentType,
		Body: scheme.Accepted.Body, Gunzip: scheme.Gunzip, Strict: scheme.Strict, Origins: strings.Fields(s["allowed_origins"])}, nil
}

// guard is a signature scheme as receive wants it.
type guard struct {
	scheme webhooks.Scheme
	trust  webhooks.Trust
}

func (g guard) Verify(k receive.Knock) error { return g.scheme.Verify(webhooks.Inbound(k), g.trust) }
func (g guard) Key(k receive.Knock) string   { return g.scheme.DeliveryKey(webhooks.Inbound(k)) }
func (g guard) Ping(k receive.Knock) bool    { return g.scheme.Ping(webhooks.Inbound(k)) }

func (g guard) Redact(c connectors.Call) connectors.Call {
	c.Header, c.Query, c.Body = webhooks.RedactHeader(c.Header), webhooks.RedactQuery(c.Query), g.scheme.Redact(c.Body)
	return c
}

// hookQueue is the bus as receive wants it.
type hookQueue struct{ *bus.Hooks }

func (q hookQueue) Take(ctx context.Context, connection string, take func(receive.Held) error) error {
	return q.Hooks.Take(ctx, connection, func(h bus.Hook) error { return take(h) })
}

// withHooks puts the way in for vendors' calls beside the API, which asks for a token where this does not.
func withHooks(api http.Handler, desk *receive.Desk) http.Handler {
	if desk == nil {
		return api
	}
	mux := http.NewServeMux()
	mux.Handle(receive.Prefix, desk)
	mux.Handle("/", api)
	return mux
}
