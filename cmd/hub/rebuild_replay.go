package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
	"github.com/lifecyclehub/hub/sync/ingest"
)

// replayedAtOnce is how many versions one transaction takes in at most.
const replayedAtOnce = 500

// takenIn returns the decisions that the live store has resolved its customers by.
func (a *app) takenIn(ctx context.Context) ([]canon.Decision, error) {
	mark, err := a.db.Meta(ctx, "decided")
	if err != nil || mark == "" {
		return nil, err
	}
	var last, at int64
	if _, err := fmt.Sscanf(mark, "%d %d", &last, &at); err != nil {
		return nil, fmt.Errorf("mark of the decisions taken in %q: %w", mark, err)
	}
	log, err := a.db.Decisions(ctx)
	if err != nil {
		return nil, err
	}
	var out []canon.Decision
	for _, d := range log {
		if d.Seq <= last {
			out = append(out, d)
		}
	}
	return out, nil
}

// open makes the pipeline that fills the side. It is the one of every page, but for its clock and its store.
func (r *rebuilding) open(ctx context.Context) error {
	a := r.a
	r.pipe = ingest.New(ingest.Options{
		Atomic: func(ctx context.Context, fn func(ingest.Tx) error) error {
			return r.side.InTx(ctx, r.recorded, func(tx *store.Tx) error {
				if err := fn(tx); err != nil || !r.marked {
					return err
				}
				text, err := json.Marshal(r.mark)
				if err != nil {
					return err
				}
				return tx.SetMeta(ctx, rebuildAt, string(text))
			})
		},
		Maps: mappings(a.vendors), Sources: sources(a.vendors), Rules: a.rules, Policy: a.policy, Now: func() time.Time { return r.now },
		Rounds: a.db.Rounds, Log: a.log,
	})
	trusted := canon.Sources{}
	doc, err := a.db.Meta(ctx, "sources")
	if err != nil {
		return err
	}
	if doc != "" {
		if err := json.Unmarshal([]byte(doc), &trusted); err != nil {
			return fmt.Errorf("stored sources: %w", err)
		}
	}
	r.pipe.Resume(trusted, false)
	return r.side.InTx(ctx, time.Now(), func(tx *store.Tx) error {
		// These are told by people and by time, and cannot be derived from records.
		for _, name := range ingest.Kept() {
			v, err := a.db.Meta(ctx, name)
			if err != nil {
				return err
			}
			if err := tx.SetMeta(ctx, name, v); err != nil {
				return err
			}
		}
		return tx.CopyOverrides(ctx, a.db)
	})
}

// at sets the side's clock.
func (r *rebuilding) at(recorded time.Time) {
	r.recorded, r.now = recorded, recorded
	if !r.a.cfg.AsOf.IsZero() {
		r.now = r.a.cfg.AsOf
	}
}

// replay takes in what the plan holds and the side does not have yet: each version in a transaction as of when it was
// recorded, and each decision before the versions that were recorded after it.
func (r *rebuilding) replay(ctx context.Context) error {
	done := int64(0)
	for told := time.Now(); ; {
		s, err := r.side.ReplayStep(ctx, r.a.db, r.mark, replayedAtOnce)
		if err != nil {
			return err
		}
		if len(s.Records) == 0 {
			return r.decide(ctx, time.Time{})
		}
		if err := r.decide(ctx, s.RecordedAt); err != nil {
			return err
		}
		r.at(s.RecordedAt)
		r.mark, r.marked = s.End, true
		// Without a time of reading nothing counts as seen again: what came back says so itself.
		_, err = r.pipe.Ingest(ctx, canon.Batch{Connection: s.Connection, Stream: s.Stream, Run: "rebuild", Part: true, Records: s.Records})
		r.marked = false
		if err != nil {
			return err
		}
		done += int64(len(s.Records))
		if now := time.Now(); now.Sub(told) > 2*time.Second {
			told = now
			fmt.Fprintf(r.say, "%d of %d versions derived again, recorded up to %s\n", min(done, r.versions), r.versions, s.RecordedAt.Format(time.RFC3339))
		}
	}
}

// decide takes the decisions in that were made before a moment, zero for all.
func (r *rebuilding) decide(ctx context.Context, before time.Time) error {
	for ; r.added < len(r.decisions) && (before.IsZero() || r.decisions[r.added].At.Before(before)); r.added++ {
		d := r.decisions[r.added]
		r.at(d.At)
		err := r.side.InTx(ctx, d.At, func(tx *store.Tx) error {
			_, err := tx.AddDecision(ctx, d)
			return err
		})
		if err != nil {
			return err
		}
		if _, err := r.pipe.Decide(ctx); err != nil {
			return err
		}
	}
	return nil
}

// conclude brings the side to the moment that the live store has come to.
func (r *rebuilding) conclude(ctx context.Context) error {
	pulse, err := r.a.db.Pulse(ctx)
	if err != nil {
		return err
	}
	r.at(pulse.At)
	r.asOf = r.now
	if _, err := r.pipe.Tick(ctx); err != nil {
		return err
	}
	if err := r.side.InTx(ctx, r.recorded, func(tx *store.Tx) error { return tx.MarkAllDirty(ctx) }); err != nil {
		return err
	}
	_, err = r.pipe.Settle(ctx)
	return err
}
