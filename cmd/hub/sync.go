package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
	"github.com/lifecyclehub/hub/sync/pull"
)

func (c *cli) sync() *cobra.Command {
	var full bool
	var only, accept []string
	cmd := &cobra.Command{
		Use:     "sync",
		Short:   "Pull every connection once, assess, write back and deliver; then stop",
		Example: "  hub sync\n  hub sync --connection hubspot --full\n  DATA=~/tables hub sync -c examples/ravenstack/hub.yaml --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var s summary
			err := c.withApp(cmd.Context(), func(ctx context.Context, _ *errgroup.Group, a *app) (err error) {
				if err = a.restrict(ctx, only, full); err != nil {
					return err
				}
				if err = a.noticeMappings(ctx, c.err); err != nil {
					return err
				}
				if err = a.acceptDeletes(ctx, c.err, accept); err != nil {
					return err
				}
				s, err = c.once(ctx, a)
				return err
			})
			if err != nil {
				return err
			}
			return c.report(s)
		},
	}
	cmd.Flags().BoolVar(&full, "full", false, "read everything again from the beginning")
	cmd.Flags().StringSliceVar(&accept, "accept-deletes", nil, "take as deleted what the last full list of `CONNECTION/STREAM` no longer held, though it was too much to be believed")
	cmd.Flags().StringSliceVar(&only, "connection", nil, "only these connections")
	return cmd
}

// once runs one round with progress and returns what it came to. Streams that failed stand in the summary.
func (c *cli) once(ctx context.Context, a *app) (summary, error) {
	b, err := a.begin(ctx)
	if err != nil {
		return summary{}, err
	}
	show := func(pull.Progress) {}
	if !c.json {
		r := newReporter(c.err)
		defer r.stop()
		show = r.show
	}
	rerr := a.round(ctx, show)
	if ctx.Err() != nil {
		return summary{}, ctx.Err()
	}
	s, err := a.summary(ctx, b)
	if err == nil && rerr != nil && len(s.Failed) == 0 {
		err = rerr
	}
	return s, err
}

// report prints a summary and returns an error where anything was lost or failed.
func (c *cli) report(s summary) error {
	if c.json {
		if err := c.print(s); err != nil {
			return err
		}
	} else {
		s.write(c.out)
	}
	return s.verdict()
}

// restrict leaves only the named connections, and lets them be read from the beginning where full is set.
func (a *app) restrict(ctx context.Context, only []string, full bool) error {
	if len(only) > 0 {
		var kept []*vendor
		for _, v := range a.vendors {
			if slices.Contains(only, v.cfg.Name) {
				kept = append(kept, v)
			}
		}
		if len(kept) < len(only) {
			return canon.Errorf("connection.unknown", "not all of %s are configured", strings.Join(only, ", ")).WithHint("see `connections` in hub.yaml")
		}
		a.only = kept
	}
	if !full {
		return nil
	}
	return a.db.InTx(ctx, time.Now(), func(tx *store.Tx) error {
		for _, v := range a.pulled() {
			for _, s := range v.streams {
				if err := tx.Rewind(ctx, v.cfg.Name, s); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// pulled returns the connections that rounds pull.
func (a *app) pulled() []*vendor {
	if a.only != nil {
		return a.only
	}
	return a.vendors
}
