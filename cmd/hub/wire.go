package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/bus"
	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/config"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/all"
	"github.com/lifecyclehub/hub/identity"
	"github.com/lifecyclehub/hub/lifecycle"
	"github.com/lifecyclehub/hub/mapping"
	"github.com/lifecyclehub/hub/store"
	"github.com/lifecyclehub/hub/sync/ingest"
	"github.com/lifecyclehub/hub/sync/pull"
	"github.com/lifecyclehub/hub/sync/push"
	"github.com/lifecyclehub/hub/webhooks"
)

// vendor is one connection of hub.yaml, opened.
type vendor struct {
	cfg config.Connection
	def connectors.Definition
	// streams are those to pull.
	streams []string
	conn    connectors.Conn
	mapping *mapping.Map
	every   time.Duration
}

// app is everything that a running hub is made of.
type app struct {
	cfg     *config.Config
	log     *slog.Logger
	db      *store.DB
	bus     *bus.Bus
	policy  *lifecycle.Policy
	rules   *identity.Rules
	vendors []*vendor
	// only are the vendors to pull where not all are.
	only      []*vendor
	pipe      *ingest.Pipeline
	endpoints []webhooks.Endpoint
	deliverer *webhooks.Deliverer
	writer    *push.Writer
	targets   []push.Target
	// now is the moment that everything is assessed for.
	now func() time.Time
	// committed wakes the relay from the outbox to the changes belt.
	committed chan struct{}
	counts    *counters
	// unlock gives the data folder free.
	unlock func() error
}

// openStore opens the store of a configuration.
func openStore(ctx context.Context, cfg *config.Config) (*store.DB, error) {
	url := cfg.Store.URL.Reveal()
	if url == "" {
		url = filepath.Join(cfg.DataDir, "hub.db")
	}
	return store.Open(ctx, url)
}

// readStore opens the store to look into it, and complains where there is none yet.
func (c *cli) readStore(ctx context.Context) (*store.DB, error) {
	cfg, err := c.load()
	if err != nil {
		return nil, err
	}
	if cfg.Store.URL.Reveal() == "" {
		if _, err := os.Stat(filepath.Join(cfg.DataDir, "hub.db")); errors.Is(err, os.ErrNotExist) {
			return nil, canon.Errorf("store.missing", "nothing has been pulled into %s yet", cfg.DataDir).WithHint("run `hub sync` first")
		}
	}
	return openStore(ctx, cfg)
}

// open opens everything that the configuration asks for. What was opened is closed again on an error.
func open(ctx context.Context, cfg *config.Config, log *slog.Logger) (a *app, err error) {
	a = &app{cfg: cfg, log: log, now: clock(cfg), committed: make(chan struct{}, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close())
		}
	}()
	if a.policy, err = loadPolicy(cfg); err != nil {
		return a, err
	}
	if a.vendors, err = openVendors(ctx, cfg, log); err != nil {
		return a, err
	}
	if a.endpoints, err = endpoints(cfg); err != nil {
		return a, err
	}
	if err = a.lock(ctx); err != nil {
		return a, err
	}
	if a.db, err = openStore(ctx, cfg); err != nil {
		return a, err
	}
	if a.bus, err = bus.Open(ctx, bus.Options{URL: cfg.NATS.URL.Reveal(), Dir: filepath.Join(cfg.DataDir, "nats"), Listen: cfg.NATS.Listen}); err != nil {
		return a, err
	}
	a.rules = rules(cfg, a.vendors)
	a.counts = newCounters(a)
	a.pipe = ingest.New(ingest.Options{
		Atomic: func(ctx context.Context, fn func(ingest.Tx) error) error {
			return a.db.InTx(ctx, time.Now(), func(tx *store.Tx) error { return fn(tx) })
		},
		Maps: mappings(a.vendors), Sources: sources(a.vendors), Rules: a.rules, Policy: a.policy, Now: a.now, Rounds: a.db.Rounds, Log: log,
	})
	if err = a.openOut(ctx); err != nil {
		return a, err
	}
	return a, a.resume(ctx)
}

// openOut prepares the ways out: webhooks and write-back.
func (a *app) openOut(ctx context.Context) error {
	for i, e := range a.endpoints {
		reason, err := a.db.Meta(ctx, "disabled:"+e.Name)
		if err != nil {
			return err
		}
		if reason != "" {
			a.endpoints[i].Disabled = true
			a.log.Warn("an endpoint is disabled", "endpoint", e.Name, "reason", reason)
		}
	}
	var allow []netip.Prefix
	for _, s := range a.cfg.WebhooksAllow {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return canon.Errorf("config.cidr", "webhooks_allow: %w", err).WithHint("write networks as 10.0.0.0/8")
		}
		allow = append(allow, p)
	}
	var err error
	a.deliverer, err = webhooks.New(a.endpoints, deliveries{a.db}, webhooks.Options{AllowPrivate: allow, Log: a.log, OnDisable: a.disable})
	if err != nil {
		return err
	}
	a.writer = push.New(pushed{a.db}, a.log)
	for _, v := range a.vendors {
		ts, err := targets(v)
		if err != nil {
			return err
		}
		a.targets = append(a.targets, ts...)
	}
	return nil
}

// lock keeps every other hub from the data folder while this one runs: an embedded NATS server does not share
// its files.
func (a *app) lock(ctx context.Context) error {
	if a.cfg.NATS.URL.Reveal() != "" {
		return nil
	}
	unlock, err := store.Lock(ctx, filepath.Join(a.cfg.DataDir, "hub.lock"))
	if err != nil {
		return canon.Errorf("data.in_use", "another hub is running on %s: %w", a.cfg.DataDir, err).
			WithHint("stop it first, or give this one a data_dir of its own; commands that only read may run beside it")
	}
	a.unlock = unlock
	return nil
}

// resume finds out whether the past of every stream has been read already.
func (a *app) resume(ctx context.Context) error {
	if a.cfg.NATS.URL.Reveal() == "" {
		// The embedded server lets only one hub use the data folder, so what an earlier process was about to
		// deliver when it was killed is free.
		if err := a.db.InTx(ctx, time.Now(), func(tx *store.Tx) error { return tx.ReleaseDeliveries(ctx) }); err != nil {
			return err
		}
	}
	settled, err := a.db.Meta(ctx, "settled")
	if err != nil {
		return err
	}
	states, err := a.db.Rounds(ctx)
	if err != nil {
		return err
	}
	done := map[string]bool{}
	for _, s := range states {
		done[s.Connection+"/"+s.Stream] = !s.BackfilledAt.IsZero()
	}
	all := settled == "1"
	for _, v := range a.vendors {
		for _, s := range v.streams {
			all = all && done[v.cfg.Name+"/"+s]
		}
	}
	doc, err := a.db.Meta(ctx, "sources")
	if err != nil {
		return err
	}
	trusted := canon.Sources{}
	if doc != "" {
		if err := json.Unmarshal([]byte(doc), &trusted); err != nil {
			return fmt.Errorf("stored sources: %w", err)
		}
	}
	a.pipe.Resume(trusted, all)
	return nil
}

// close closes everything, in the reverse order of opening.
func (a *app) close() error {
	var errs []error
	for _, v := range a.vendors {
		if v.conn != nil {
			errs = append(errs, v.conn.Close())
		}
	}
	if a.bus != nil {
		errs = append(errs, a.bus.Close())
	}
	if a.db != nil {
		errs = append(errs, a.db.Close())
	}
	if a.unlock != nil {
		errs = append(errs, a.unlock())
	}
	return errors.Join(errs...)
}

func clock(cfg *config.Config) func() time.Time {
	if !cfg.AsOf.IsZero() {
		return func() time.Time { return cfg.AsOf }
	}
	return func() time.Time { return time.Now().UTC() }
}

func loadPolicy(cfg *config.Config) (*lifecycle.Policy, error) {
	if cfg.Lifecycle == "" {
		return lifecycle.Default(), nil
	}
	src, err := os.ReadFile(cfg.Lifecycle)
	if err != nil {
		return nil, canon.Errorf("policy.read", "the lifecycle policy cannot be read: %w", err).WithHint("check `lifecycle` in hub.yaml")
	}
	p, err := lifecycle.Parse(cfg.Lifecycle, src)
	if err != nil {
		return nil, canon.Errorf("policy.bad", "%w", err)
	}
	return p, nil
}

// openVendors opens the connections without calling the vendors.
func openVendors(ctx context.Context, cfg *config.Config, log *slog.Logger) ([]*vendor, error) {
	var out []*vendor
	for i := range cfg.Connections {
		v, err := openVendor(ctx, cfg, i, log)
		if v != nil {
			out = append(out, v)
		}
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// openVendor opens the connection at index i of hub.yaml. What is wrong in the file is told with its place.
func openVendor(ctx context.Context, cfg *config.Config, i int, log *slog.Logger) (*vendor, error) {
	c, at := cfg.Connections[i], fmt.Sprintf("connections[%d]", i)
	def, ok := all.Find(c.Connector)
	if !ok {
		return nil, cfg.Complain(at+".connector", fmt.Sprintf("connection %s: there is no connector %q", c.Name, c.Connector),
			"choose one of "+strings.Join(names(all.List()), ", "))
	}
	settings, err := settingsOf(cfg, at, def, c)
	if err != nil {
		return nil, err
	}
	v := &vendor{cfg: c, def: def, every: c.Every}
	if v.every == 0 {
		v.every = cfg.Sync.Every
	}
	env := connectors.Env{Connection: c.Name, Now: time.Now, Log: log, Dir: cfg.Dir}
	for _, s := range c.Streams {
		env.Streams = append(env.Streams, connectors.StreamConfig{Name: s.Name, Options: s.Options})
	}
	if v.conn, err = def.Open(ctx, settings, env); err != nil {
		e := canon.AsError(err)
		return nil, cfg.Complain(at, "connection "+c.Name+": "+e.Message, e.Hint)
	}
	if v.streams, err = streamsOf(cfg, at, c, v.conn.Streams()); err != nil {
		return v, err
	}
	v.mapping, err = mappingOf(cfg, at, c, def)
	return v, err
}

func names(defs []connectors.Definition) []string {
	var out []string
	for _, d := range defs {
		out = append(out, d.Name)
	}
	return out
}

// settingsOf fills in defaults and refuses what the connector does not know or lacks. at is the connection's
// path in hub.yaml.
func settingsOf(cfg *config.Config, at string, def connectors.Definition, c config.Connection) (connectors.Settings, error) {
	s := connectors.Settings{}
	var known []string
	for _, f := range def.Settings {
		known = append(known, f.Name)
		v := c.Settings[f.Name].Reveal()
		if v == "" {
			v = f.Default
		}
		if v == "" && f.Required {
			return nil, cfg.Complain(at+".settings["+f.Name+"]", fmt.Sprintf("connection %s: the setting %s is missing", c.Name, f.Name), f.Doc)
		}
		s[f.Name] = v
	}
	for _, name := range slices.Sorted(maps.Keys(c.Settings)) {
		if !slices.Contains(known, name) {
			return nil, cfg.Complain(at+".settings["+name+"]", fmt.Sprintf("connection %s: %s has no setting %q", c.Name, def.Title, name),
				"it knows "+strings.Join(known, ", "))
		}
	}
	return s, nil
}

// streamsOf returns the streams to pull, in the connector's order.
func streamsOf(cfg *config.Config, at string, c config.Connection, there []connectors.Stream) ([]string, error) {
	want := map[string]bool{}
	for i, s := range c.Streams {
		if !slices.ContainsFunc(there, func(t connectors.Stream) bool { return t.Name == s.Name }) {
			return nil, cfg.Complain(fmt.Sprintf("%s.streams[%d]", at, i), fmt.Sprintf("connection %s: there is no stream %q", c.Name, s.Name),
				"`hub connectors "+c.Connector+"` lists the streams")
		}
		want[s.Name] = s.On()
	}
	var out []string
	for _, t := range there {
		if on, named := want[t.Name]; on || len(c.Streams) == 0 || !named && onlyOff(c) {
			out = append(out, t.Name)
		}
	}
	return out, nil
}

// onlyOff says whether the streams of a connection are listed only to leave some out.
func onlyOff(c config.Connection) bool {
	return !slices.ContainsFunc(c.Streams, config.Stream.On)
}

func mappingOf(cfg *config.Config, at string, c config.Connection, def connectors.Definition) (*mapping.Map, error) {
	name, src := def.Name+"/mapping.yaml", def.Mapping
	if c.Mapping != "" {
		b, err := os.ReadFile(c.Mapping)
		if err != nil {
			return nil, canon.Errorf("mapping.read", "connection %s: the mapping cannot be read: %w", c.Name, err).WithHint("check `mapping` in hub.yaml")
		}
		name, src = c.Mapping, b
	}
	if len(src) == 0 {
		return nil, cfg.Complain(at, fmt.Sprintf("connection %s: %s brings no mapping of its own", c.Name, def.Title),
			"write one and name it by `mapping:`; examples/ has some to start from")
	}
	m, err := mapping.Parse(name, src, mapping.Options{Connection: func(connector string) string { return only(cfg, connector) }})
	if err != nil {
		return nil, canon.Errorf("mapping.bad", "%w", err)
	}
	return m, nil
}

// only returns the name of the connection of a connector, "" where there is none or several.
func only(cfg *config.Config, connector string) string {
	name := ""
	for _, c := range cfg.Connections {
		if c.Connector == connector {
			if name != "" {
				return ""
			}
			name = c.Name
		}
	}
	return name
}

func mappings(vs []*vendor) map[string]*mapping.Map {
	out := map[string]*mapping.Map{}
	for _, v := range vs {
		out[v.cfg.Name] = v.mapping
	}
	return out
}

// sources lists which stream delivers which kinds, and how long its word is good.
func sources(vs []*vendor) []ingest.Source {
	var out []ingest.Source
	for _, v := range vs {
		within := v.cfg.FreshWithin
		if within == 0 {
			within = max(24*time.Hour, 3*v.every)
		}
		for _, s := range v.streams {
			out = append(out, ingest.Source{Connection: v.cfg.Name, Stream: s, Kinds: v.mapping.Kinds(s), FreshWithin: within})
		}
	}
	return out
}

func pullSources(vs []*vendor) []pull.Source {
	var out []pull.Source
	for _, v := range vs {
		out = append(out, pull.Source{Connection: v.cfg.Name, Connector: v.def.Name, Conn: v.conn, Streams: v.streams})
	}
	return out
}
