package airbyte

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// stream is one list of records, compiled.
type stream struct {
	name           string
	key            [][]string
	requester      *requester
	decoder        *decoder
	pager          *pager
	router         router
	cursor         *timeCursor
	path           []*tmpl
	expander       *expander
	filter         *tmpl
	transforms     []transform
	transformFirst bool
	ignoreSlicer   bool
	reset          *resetRule
	schema         any
	// later is read instead once a round has ended, retention how long that is good for.
	later     *stream
	retention delta
}

// Conn is one connected account. It is safe for concurrent use.
type Conn struct {
	manifest   *Manifest
	streams    []connectors.Stream
	config     *dict
	connection string
	now        func() time.Time
	client     *client
	vault      connectors.Vault
	parents    pageCache

	mu     sync.Mutex
	tokens map[any]*tokens
}

// open connects. It does no I/O.
func open(m *Manifest, def connectors.Definition, s connectors.Settings, env connectors.Env) (*Conn, error) {
	config, err := m.config(s)
	if err != nil {
		return nil, err
	}
	log := env.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	c := &Conn{manifest: m, streams: def.Streams, config: config, connection: env.Connection, now: env.Now, vault: env.Vault,
		client: newClient(env.Transport, log), tokens: map[any]*tokens{}}
	if c.now == nil {
		c.now = time.Now
	}
	for _, d := range def.Settings {
		if d.Secret {
			c.client.hide(s[d.Name])
		}
	}
	account := canon.Hash(encodeJSON(config))
	c.client.budget, _ = env.Budgets.Share("airbyte/"+m.Name+"/"+account, func() any { return newMeter(m.budget) }).(*meter)
	if c.client.budget == nil {
		c.client.budget = newMeter(m.budget)
	}
	return c, nil
}

// scope is what templates know everywhere.
func (c *Conn) scope() *scope {
	return &scope{now: c.now, vars: map[string]any{"config": c.config, "stream_slice": &slice{}}}
}

// tokensOf returns what is held of an authenticator.
func (c *Conn) tokensOf(a any) *tokens {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tokens[a]
	if t == nil {
		t = &tokens{}
		c.tokens[a] = t
	}
	return t
}

func (c *Conn) exchange(r *requester, sc *scope) *exchange {
	x := &exchange{client: c.client, handler: r.errors, sc: sc}
	if r.auth != nil {
		x.sign = func(ctx context.Context, rq *request) error { return r.auth.sign(ctx, c, rq) }
		if f, ok := r.auth.(forgets); ok {
			x.refresh = func() bool { return f.forget(c) }
		}
	}
	return x
}

// Streams lists the streams that can be read.
func (c *Conn) Streams() []connectors.Stream { return c.streams }

// Close ends nothing: a connection holds nothing open.
func (c *Conn) Close() error { return nil }

// checkMost bounds how many streams Check asks.
const checkMost = 3

// Check reads the first page of the streams that the manifest names for it.
func (c *Conn) Check(ctx context.Context) error {
	var asked int
	names := c.manifest.check
	for _, pass := range [][]string{names, c.manifest.Streams()} {
		for _, name := range pass {
			s := c.stream(name)
			if s == nil {
				continue
			}
			if asked++; asked > checkMost {
				return nil
			}
			if _, err := c.read(ctx, s, &cursor{}, reading{start: c.now().UnixMicro(), owner: "check/" + name, probe: true}); err != nil {
				return asError(err)
			}
		}
		if asked > 0 {
			return nil
		}
	}
	return canon.Errorf("manifest.unsupported", "no stream of %s can be read", c.manifest.Name).
		WithHint("The connector's page lists why.")
}

func (c *Conn) stream(name string) *stream {
	for _, s := range c.manifest.streams {
		if s.name == name {
			return s
		}
	}
	return nil
}

func asError(err error) error {
	if err == nil {
		return nil
	}
	e := canon.AsError(err)
	if e.Hint == "" {
		e.Hint = "Check the connection's settings, and that the manifest fits what the vendor answers."
	}
	return e
}

// Pull reads the page at from.
func (c *Conn) Pull(ctx context.Context, name string, from canon.Cursor) (connectors.Page, error) {
	s := c.stream(name)
	if s == nil {
		for _, r := range c.manifest.refused {
			if r.Stream == name {
				return connectors.Page{}, canon.Errorf("stream.unsupported", "the stream %s cannot be read: %s", name, r.Reason)
			}
		}
		return connectors.Page{}, canon.Errorf("stream.unknown", "%s has no stream %s", c.manifest.Name, name)
	}
	cur, err := readCursor(from)
	if err != nil {
		return connectors.Page{}, err
	}
	got, err := c.read(ctx, s, cur, reading{start: c.now().UnixMicro(), owner: name})
	if err != nil {
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			e := canon.AsError(err)
			e.Retry = true
		}
		return connectors.Page{}, asError(err)
	}
	next, err := got.next.write()
	if err != nil {
		return connectors.Page{}, asError(err)
	}
	page := connectors.Page{Next: next, More: got.more}
	c.fill(&page, s, got)
	return page, nil
}
