package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/lifecyclehub/hub/bus"
	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/config"
	"github.com/lifecyclehub/hub/identity"
	"github.com/lifecyclehub/hub/lifecycle"
	"github.com/lifecyclehub/hub/store"
	"github.com/lifecyclehub/hub/sync/ingest"
	"github.com/lifecyclehub/hub/sync/push"
	"github.com/lifecyclehub/hub/sync/receive"
	"github.com/lifecyclehub/hub/webhooks"
)

// app is everything that a running hub is made of.
type app struct {
	cfg *config.Config
	log *slog.Logger
	db  *store.DB
	// keys open what the vault keeps.
	keys   *store.Keys
	bus    *bus.Bus
	policy *lifecycle.Policy
	rules  *identity.Rules
	// known are the connectors, shipped and own.
	known   catalog
	vendors []*vendor
	// only are the vendors to pull where not all are.
	only      []*vendor
	pipe      *ingest.Pipeline
	endpoints []webhooks.Endpoint
	deliverer *webhooks.Deliverer
	writer    *push.Writer
	targets   []push.Target
	// desk takes the calls of vendors; nil where no connection expects any.
	desk *receive.Desk
	// now is the moment that everything is assessed for.
	now func() time.Time
	// committed wakes the relay from the outbox to the changes belt.
	committed chan struct{}
	// sent is the position up to which the relay has sent the outbox.
	sent   atomic.Int64
	counts *counters
	// failed is touched only by whoever takes the records belt, one batch at a time.
	failed failure
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
func open(ctx context.Context, cfg *config.Config, env func(string) (string, bool), log *slog.Logger) (a *app, err error) {
	a = &app{cfg: cfg, log: log, now: clock(cfg), committed: make(chan struct{}, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close())
		}
	}()
	if a.policy, err = loadPolicy(cfg); err != nil {
		return a, err
	}
	if a.known, err = knownConnectors(cfg); err != nil {
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
	if err = a.govern(ctx); err != nil {
		return a, err
	}
	keys, err := loadKeys(cfg, env)
	if err != nil {
		return a, err
	}
	a.keys = &keys
	if a.vendors, err = openVendors(ctx, a.around()); err != nil {
		return a, err
	}
	if a.bus, err = bus.Open(ctx, bus.Options{URL: cfg.NATS.URL.Reveal(), Dir: filepath.Join(cfg.DataDir, "nats"), Listen: cfg.NATS.Listen,
		Source: cfg.NATS.Source, Keep: cfg.NATS.Retention.Age, KeepBytes: int64(cfg.NATS.Retention.Bytes)}); err != nil {
		return a, err
	}
	if err = a.renewBelt(ctx); err != nil {
		return a, err
	}
	if a.rules, err = rulesAtHand(ctx, a.db, cfg, a.vendors); err != nil {
		return a, err
	}
	a.counts = newCounters(a)
	a.pipe = ingest.New(ingest.Options{
		Atomic: func(ctx context.Context, fn func(ingest.Tx) error) error {
			return a.db.InTx(ctx, time.Now(), func(tx *store.Tx) error { return fn(tx) })
		},
		Maps: mappings(a.vendors), Sources: sources(a.vendors), Rules: a.rules, Policy: a.policy, Now: a.now, Rounds: a.db.Rounds, Metrics: a.db.Metrics, Patience: sourcePatience, ErasureKey: a.erasureKey, Log: log,
	})
	if err = a.openOut(ctx); err != nil {
		return a, err
	}
	if a.desk, err = a.openHooks(ctx, cfg.API.PublicURL); err != nil {
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
	switch {
	case cfg.Lifecycle == "":
		return lifecycle.Default(), nil
	case cfg.LifecycleIsPack():
		return lifecycle.Pack(cfg.Lifecycle)
	}
	return policyFile(cfg.Lifecycle)
}

// policyFile reads a policy file.
func policyFile(path string) (*lifecycle.Policy, error) {
	src, err := readPolicyFile(path)
	if err != nil {
		return nil, err
	}
	return lifecycle.Parse(path, src)
}

// readPolicyFile reads the text of a policy, and no more of a larger file than tells that it is none.
func readPolicyFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, canon.Errorf("policy.read", "the lifecycle policy cannot be read: %w", err).WithHint("check `lifecycle` in hub.yaml, or the name")
	}
	defer func() { _ = f.Close() }()
	src, err := io.ReadAll(io.LimitReader(f, lifecycle.MaxSource+1))
	if err != nil {
		return nil, canon.Errorf("policy.read", "the lifecycle policy cannot be read: %w", err).WithHint("check `lifecycle` in hub.yaml, or the name")
	}
	return src, nil
}

// sourcePatience is how long a source may be late, beyond when it stops being fresh, before customers are assessed anew for it.
const sourcePatience = 10 * time.Minute
