package main

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle/evidence"
	"github.com/lifecyclehub/hub/store"
)

const (
	// driftMost is how many customers are looked at for drift, the first ones by name; driftKept how many assessments of each.
	driftMost, driftKept = 20_000, 200
	// driftDay is the name under which the store keeps on which day drift was last looked for.
	driftDay = "drift_day"
)

// watchDrift looks once a UTC day whether scores have drifted, until ctx ends. What it finds is a line of the log.
func (a *app) watchDrift(ctx context.Context) error {
	for wait(ctx, time.Minute) {
		if err := a.driftOnce(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn("drift could not be looked for; it is tried again", "error", err)
			wait(ctx, time.Hour)
		}
	}
	return nil
}

// driftOnce looks for drift where nobody has on this day.
func (a *app) driftOnce(ctx context.Context) error {
	if !a.pipe.Settled() {
		return nil
	}
	return tellDrift(ctx, a.db, a.now().UTC(), a.log)
}

func tellDrift(ctx context.Context, db *store.DB, now time.Time, log *slog.Logger) error {
	today := now.Format(time.DateOnly)
	done, err := db.Meta(ctx, driftDay)
	if err != nil || done == today {
		return err
	}
	k, err := keptDrift(ctx, db, now)
	if err != nil {
		return err
	}
	for _, m := range k.Moved() {
		args := []any{"score", m.Score, "psi", round2(m.PSI), "customers", m.Customers, "moved_most", strings.Join(m.Measures, ", ")}
		if len(m.Versions) > 1 {
			args = append(args, "card_changed", strings.Join(m.Versions, ", "))
		}
		log.Warn("a score drifted: the last 30 days differ from the 90 before; `hub backtest drift` tells more, `hub backtest` whether the score still tells", args...)
	}
	return db.InTx(ctx, now, func(tx *store.Tx) error { return tx.SetMeta(ctx, driftDay, today) })
}

// keptDrift reads the kept assessments of at most driftMost customers.
func keptDrift(ctx context.Context, db *store.DB, now time.Time) (*evidence.KeptDrift, error) {
	k := evidence.NewKeptDrift(now)
	f := canon.CustomerFilter{Limit: 500}
	for n := 0; n < driftMost; {
		page, err := db.Customers(ctx, f)
		if err != nil {
			return nil, err
		}
		for _, c := range page.Customers {
			kept, err := db.Assessments(ctx, c.ID, driftKept)
			if err != nil {
				return nil, err
			}
			k.Add(kept)
		}
		n += len(page.Customers)
		if f.After = page.Next; f.After == "" || len(page.Customers) == 0 {
			break
		}
	}
	return k, nil
}

func round2(v float64) float64 { return float64(int(v*100+0.5)) / 100 }
