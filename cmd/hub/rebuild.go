package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/config"
	"github.com/lifecyclehub/hub/store"
	"github.com/lifecyclehub/hub/sync/ingest"
)

// rebuildOptions are the flags of rebuild.
type rebuildOptions struct {
	apply, force, fresh bool
	examples            int
}

func (c *cli) rebuild() *cobra.Command {
	var o rebuildOptions
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Derive everything again from the raw records beside what is there, and tell what differs",
		Long: `rebuild takes every version of every record that Hub holds, and every decision, through the present mappings, rules of
identity and policy once more, in the order and as of the times at which they were recorded, into a store of its own
beside the live one. Then it compares the two. Without --switch the live store is only read.

With --switch what differs is worked out anew in the live store, record by record and in small transactions, and told to
the outside as history; what is equal is not touched. A run that was killed goes on where it was.

Exit code 0 where both are equal in the end, 1 where they are not.`,
		Example: "  hub rebuild\n  hub rebuild --json --examples 50\n  hub rebuild --switch",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.force && !o.apply {
				return canon.Errorf("usage", "--force says nothing without --switch").WithHint("`hub rebuild` alone changes nothing; --switch brings the store to what was derived")
			}
			return c.runRebuild(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.apply, "switch", false, "bring the live store to what was derived")
	cmd.Flags().BoolVar(&o.force, "force", false, "with --switch: also where more than a fifth of the records differ")
	cmd.Flags().BoolVar(&o.fresh, "fresh", false, "begin anew, also where an earlier run can be gone on with")
	cmd.Flags().IntVar(&o.examples, "examples", 10, "how many examples of each kind of difference to show")
	return cmd
}

// rebuilt is what a rebuild came to.
type rebuilt struct {
	Versions  int64 `json:"versions"`
	Decisions int   `json:"decisions"`
	// AsOf is the moment that the live store has come to, and that both are compared as of.
	AsOf time.Time `json:"as_of"`
	comparison
	// Switched says that the live store was brought to what was derived; Settled is what that changed.
	Switched bool          `json:"switched"`
	Settled  *settledRound `json:"settled,omitempty"`
}

func (c *cli) runRebuild(ctx context.Context, o rebuildOptions) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	a, err := open(ctx, cfg, c.env, newLog(c.err, cfg.Log))
	if err != nil {
		return err
	}
	say := io.Discard
	if !c.json {
		say = c.err
	}
	sum, err := a.rebuild(ctx, o, say)
	if err = errors.Join(err, a.close()); err != nil {
		return err
	}
	if c.json {
		err = c.print(sum)
	} else {
		sum.write(c.out)
	}
	if err == nil && !sum.Equal {
		hint := "`hub rebuild --switch` brings the live store to what was derived"
		if sum.Switched {
			hint = "what is left is in no record's power to mend; report it with the output of `hub rebuild --json`"
		}
		err = canon.Errorf("rebuild.different", "what was derived differs from what is there").WithHint("%s", hint)
	}
	return err
}

// rebuild derives everything anew beside the live store, compares, and switches where it was asked to.
func (a *app) rebuild(ctx context.Context, o rebuildOptions, say io.Writer) (rebuilt, error) {
	sum := rebuilt{comparison: comparison{Differences: []*tally{}}}
	if err := a.alone(ctx); err != nil {
		return sum, err
	}
	if err := a.allMapped(ctx); err != nil {
		return sum, err
	}
	r, err := a.beginRebuild(ctx, o, say)
	if err != nil {
		return sum, err
	}
	defer func() {
		if r.side != nil {
			_ = r.side.Close() // what it lacks is derived again
		}
	}()
	if err := r.replay(ctx); err != nil {
		return sum, err
	}
	sum.Versions, sum.Decisions = r.versions, len(r.decisions)
	compare := func() (err error) {
		if err = r.conclude(ctx); err == nil {
			sum.AsOf = r.asOf
			sum.comparison, err = r.compare(ctx, o.examples)
		}
		return err
	}
	if err := compare(); err != nil {
		return sum, err
	}
	if !sum.Equal && o.apply {
		settled, err := r.settle(ctx, sum.comparison, o.force)
		if err != nil {
			return sum, err
		}
		sum.Settled, sum.Switched = &settled, true
		if err := compare(); err != nil {
			return sum, err
		}
	}
	if sum.Equal {
		err, r.side = r.side.Close(), nil
		return sum, errors.Join(err, store.DropBeside(ctx, storeURL(a.cfg)))
	}
	return sum, nil
}

// storeURL returns where the store of a configuration is.
func storeURL(cfg *config.Config) string {
	if url := cfg.Store.URL.Reveal(); url != "" {
		return url
	}
	return filepath.Join(cfg.DataDir, "hub.db")
}

// alone makes sure that no other hub works with the same data. One on the same folder is kept away by the folder's
// lock; where NATS is elsewhere, so may be the other hub.
func (a *app) alone(ctx context.Context) error {
	if busy, err := a.bus.Busy(ctx); err != nil || !busy {
		return err
	}
	return canon.Errorf("data.in_use", "another hub is running on the same NATS server").
		WithHint("stop it first; one that was killed is forgotten after two minutes")
}

// allMapped makes sure that every record held can be mapped: without its mapping it would seem to be gone.
func (a *app) allMapped(ctx context.Context) error {
	states, err := a.db.Streams(ctx)
	if err != nil {
		return err
	}
	for _, s := range states {
		if s.Held > 0 && !a.configured(s.Connection) {
			return canon.Errorf("rebuild.connection", "records of the connection %s are held, and it is not configured", s.Connection).
				WithHint("put it back into hub.yaml, so that its mapping is known; `streams` may leave all of them out of reading")
		}
	}
	return nil
}

// rebuilding is a rebuild under way.
type rebuilding struct {
	a    *app
	side *store.DB
	pipe *ingest.Pipeline
	say  io.Writer
	// decisions are those that the live store has taken in; added counts those that the side has.
	decisions []canon.Decision
	added     int
	versions  int64
	mark      store.ReplayMark
	// now is the moment that the side's pipeline lives in, recorded when it records what it writes.
	now, recorded time.Time
	// marked says that the mark is to be kept with what is written.
	marked bool
	asOf   time.Time
}

// The names under which the side keeps what it was derived from and how far it has come.
const (
	rebuildOf = "rebuild:of"
	rebuildAt = "rebuild:at"
)

// beginRebuild opens the store beside the live one: that of an earlier run, where it was derived from the same, or a
// new one with a plan of what to replay.
func (a *app) beginRebuild(ctx context.Context, o rebuildOptions, say io.Writer) (*rebuilding, error) {
	r := &rebuilding{a: a, say: say}
	pulse, err := a.db.Pulse(ctx)
	if err != nil {
		return nil, err
	}
	if r.decisions, err = a.takenIn(ctx); err != nil {
		return nil, err
	}
	of := a.origin(pulse, len(r.decisions))
	url := storeURL(a.cfg)
	kept := ""
	if !o.fresh {
		if r.side, err = store.OpenBeside(ctx, url); err == nil {
			kept, err = r.side.Meta(ctx, rebuildOf)
		}
	}
	if err != nil || kept != of {
		if r.side != nil {
			_ = r.side.Close() // it is about to be removed
		}
		if err := r.plan(ctx, url, of); err != nil {
			return nil, err
		}
	}
	r.versions = pulse.Versions
	if text, err := r.side.Meta(ctx, rebuildAt); err != nil {
		return nil, err
	} else if text != "" {
		if err := json.Unmarshal([]byte(text), &r.mark); err != nil {
			return nil, fmt.Errorf("mark of the rebuild: %w", err)
		}
	}
	added, err := r.side.Decisions(ctx)
	if err != nil {
		return nil, err
	}
	r.added = len(added)
	return r, r.open(ctx)
}

// plan begins a side anew.
func (r *rebuilding) plan(ctx context.Context, url, of string) (err error) {
	if err = store.DropBeside(ctx, url); err != nil {
		return err
	}
	if r.side, err = store.OpenBeside(ctx, url); err != nil {
		return err
	}
	if _, err = r.side.PlanReplay(ctx, r.a.db); err != nil {
		return err
	}
	return r.side.InTx(ctx, time.Now(), func(tx *store.Tx) error { return tx.SetMeta(ctx, rebuildOf, of) })
}

// origin tells by one text what is derived from what: where it is the same, an earlier run can be gone on with.
func (a *app) origin(p store.Pulse, decisions int) string {
	maps := map[string]string{}
	for _, v := range a.vendors {
		maps[v.cfg.Name] = v.mapping.Hash()
	}
	b, err := json.Marshal([]any{version(), a.rules.Version(), maps, p.Versions, p.LastVersion, decisions, a.cfg.AsOf})
	if err != nil {
		panic("rebuild: texts and numbers do not marshal: " + err.Error())
	}
	return canon.Hash(b)
}
