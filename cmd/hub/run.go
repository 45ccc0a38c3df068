package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/lifecyclehub/hub/api"
	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/config"
	"github.com/lifecyclehub/hub/console"
	"github.com/lifecyclehub/hub/store"
	"github.com/lifecyclehub/hub/sync/pull"
)

func (c *cli) run() *cobra.Command {
	return &cobra.Command{
		Use:     "run",
		Short:   "Keep everything in step: pull, assess, write back, deliver, and serve the API and console",
		Example: "  hub run\n  HUB_TOKEN=… hub run -c /etc/hub/hub.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := c.withApp(cmd.Context(), c.keep)
			if cmd.Context().Err() != nil {
				// Stopping is how run ends.
				fmt.Fprintln(c.err, "stopped; everything committed so far is kept")
				return nil
			}
			return err
		},
	}
}

// keep serves the API and goes on pulling until ctx ends.
func (c *cli) keep(ctx context.Context, g *errgroup.Group, a *app) error {
	s, err := a.listen(ctx, g)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "console and API at %s\n", s.url)
	if s.drawn {
		fmt.Fprintf(c.out, "token (keep it; set api.token to choose your own): %s\n", s.token)
	}
	if n := a.bus.URL(); n != "" {
		fmt.Fprintf(c.out, "NATS at %s\n", n)
	}
	if err := a.noticeMappings(ctx, c.err); err != nil {
		return err
	}
	b, err := a.begin(ctx)
	if err != nil {
		return err
	}
	if err := a.round(ctx, func(pull.Progress) {}); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		a.log.Warn("the first round failed in part", "error", err)
	}
	if s, err := a.summary(ctx, b); err == nil {
		fmt.Fprintf(c.out, "first round: %d records, %d customers, %d events, %.1f s\n", s.Records, s.Customers, s.Events, s.Seconds)
	}
	a.live(ctx, g, func(pull.Progress) {})
	<-ctx.Done()
	return ctx.Err()
}

// served is where the API listens.
type served struct {
	url, token string
	// drawn says that the token is one of our own choosing; taken that the configured address was in use.
	drawn, taken bool
}

// listen serves the API and console until ctx ends. Where the default address is taken it asks the system for
// a free port.
func (a *app) listen(ctx context.Context, g *errgroup.Group) (served, error) {
	s := served{token: a.cfg.API.Token.Reveal()}
	if s.token == "" {
		var err error
		if s.token, err = a.ownToken(); err != nil {
			return s, err
		}
		s.drawn = true
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", a.cfg.API.Listen)
	if err != nil && a.cfg.API.Listen == config.Default().API.Listen {
		s.taken = true
		l, err = (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	}
	if err != nil {
		return s, canon.Errorf("api.listen", "the API cannot listen on %s: %w", a.cfg.API.Listen, err).WithHint("choose another address by api.listen; port 0 takes any that is free")
	}
	s.url = "http://" + l.Addr().String()
	live := newFeed(a)
	g.Go(func() error { return live.run(ctx) })
	pages, err := console.New(console.Options{Version: version()})
	if err != nil {
		return s, errors.Join(err, l.Close())
	}
	h, err := api.New(api.Options{Reader: reader{a.db}, Identity: identityAPI{a.db, a.rules, a.now}, Plays: playsAPI{a.db, a.policy, a.now}, Overrides: overrides{a.db, a.policy, a.now}, Live: live, Console: pages, Metrics: a.counts.handler(), Token: s.token, Version: version(),
		Stages: a.stages(), Policy: a.policy, Connectors: a.known.definitions(), Flows: a.flows, Now: a.now, Log: a.log})
	if err != nil {
		return s, errors.Join(err, l.Close())
	}
	srv := &http.Server{Handler: withHooks(h, a.desk), ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	g.Go(func() error {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		end, stop := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer stop()
		if err := srv.Shutdown(end); err != nil {
			return srv.Close()
		}
		return nil
	})
	return s, nil
}

// ownToken returns the token kept in the data folder, and draws one where there is none.
func (a *app) ownToken() (string, error) {
	path := filepath.Join(a.cfg.DataDir, "token")
	if b, err := os.ReadFile(path); err == nil && len(strings.TrimSpace(string(b))) >= 16 {
		return strings.TrimSpace(string(b)), nil
	}
	var b [24]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", err
	}
	token := base64.RawURLEncoding.EncodeToString(b[:])
	if err := os.MkdirAll(a.cfg.DataDir, 0o700); err != nil {
		return "", err
	}
	return token, os.WriteFile(path, []byte(token+"\n"), 0o600)
}

func (a *app) stages() []api.Stage {
	var out []api.Stage
	for _, s := range a.policy.Stages() {
		out = append(out, api.Stage{Key: s.Key, Label: s.Label, Exit: s.Exit})
	}
	return out
}

// reader is the store as the API wants it.
type reader struct{ *store.DB }

func (r reader) Overview(ctx context.Context) (api.Overview, error) {
	c, err := r.Counts(ctx)
	return api.Overview{Customers: c.Customers, Events: c.Events, DeadLetters: c.DeadLetters, ByStage: c.Stages, ByBand: c.Bands, Deliveries: c.Deliveries, Pushes: c.Pushes}, err
}

func (r reader) Pushed(ctx context.Context, state string, limit int) ([]canon.PushedField, error) {
	return r.DB.Pushed(ctx, state, "", limit)
}
