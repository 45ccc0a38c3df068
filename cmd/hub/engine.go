package main

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
	"github.com/lifecyclehub/hub/sync/ingest"
	"github.com/lifecyclehub/hub/sync/pull"
	"github.com/lifecyclehub/hub/sync/push"
	"github.com/lifecyclehub/hub/webhooks"
)

// changesAtOnce is how many changes one step takes from the outbox or the changes belt.
const changesAtOnce = 500

// pushedAtOnce is how many changes write-back takes together. It takes what came while it was busy, so that few
// large calls are made where a vendor counts calls.
const pushedAtOnce = 4000

const webhooksName = "webhooks"

func pushName(t push.Target) string { return "push-" + t.Connection + "-" + t.Stream }

// start runs the parts that carry data: the records belt into the store, the outbox onto the changes belt,
// and the changes belt into webhooks and vendors. It returns at once; the group ends with ctx.
func (a *app) start(ctx context.Context, g *errgroup.Group) error {
	p, err := a.places(ctx)
	if err != nil {
		return err
	}
	g.Go(func() error { return a.bus.Records(ctx, a.ingest) })
	g.Go(func() error { return a.relay(ctx, p) })
	g.Go(func() error {
		return a.bus.Changes(ctx, webhooksName, changesAtOnce, unheard(p.heard[webhooksName], a.fan))
	})
	g.Go(func() error { return a.deliverer.Run(ctx) })
	if a.desk != nil {
		g.Go(func() error { return a.desk.Run(ctx) })
	}
	g.Go(func() error { return a.keepMeters(ctx) })
	g.Go(func() error { return a.heed(ctx) })
	for _, t := range a.targets {
		g.Go(func() error {
			take := unheard(p.heard[pushName(t)], func(ctx context.Context, cs []canon.Change) error { return a.pushChanges(ctx, t, cs) })
			return a.bus.Changes(ctx, pushName(t), pushedAtOnce, take)
		})
	}
	return nil
}

// patience is how often a page is tried as a whole before it is taken in record by record.
const patience = 3

// ingest takes one batch from the records belt.
func (a *app) ingest(ctx context.Context, b canon.Batch) error {
	// A page under way is finished also where the hub was told to stop: half a page does not exist, and
	// finishing is quicker than reading it again.
	ctx = context.WithoutCancel(ctx)
	take := a.pipe.Ingest
	if a.failed.run == b.Run && a.failed.seq == b.Seq && a.failed.times >= patience {
		take = a.pipe.Salvage
	}
	res, err := take(ctx, b)
	if err != nil {
		if a.failed.run != b.Run || a.failed.seq != b.Seq {
			a.failed = failure{run: b.Run, seq: b.Seq}
		}
		a.failed.times++
		a.log.Error("a page could not be committed; it is tried again", "connection", b.Connection, "stream", b.Stream, "tries", a.failed.times, "error", err)
		return err
	}
	a.counts.ingested(b, res)
	a.wake()
	return nil
}

// failure is a page that could not be committed, and how often.
type failure struct {
	run   string
	seq   int64
	times int
}

// wake tells the relay that the outbox may have grown.
func (a *app) wake() {
	select {
	case a.committed <- struct{}{}:
	default:
	}
}

// fan turns changes into deliveries.
func (a *app) fan(ctx context.Context, cs []canon.Change) error {
	ds := webhooks.Fan(a.endpoints, cs)
	if len(ds) > 0 {
		if err := a.db.InTx(ctx, time.Now(), func(tx *store.Tx) error { return tx.AddDeliveries(ctx, ds) }); err != nil {
			a.log.Error("deliveries could not be stored; they are tried again", "error", err)
			return err
		}
	}
	woken := map[string]bool{}
	for _, d := range ds {
		if !woken[d.Endpoint] {
			woken[d.Endpoint] = true
			a.deliverer.Wake(d.Endpoint)
		}
	}
	return nil
}

// pushChanges writes the assessments that changes tell of into a target.
func (a *app) pushChanges(ctx context.Context, t push.Target, cs []canon.Change) error {
	var customers []string
	seen := map[string]bool{}
	for _, c := range cs {
		if c.Type == ingest.AssessedType && !seen[c.Customer] {
			seen[c.Customer] = true
			customers = append(customers, c.Customer)
		}
	}
	if len(customers) == 0 {
		return nil
	}
	err := a.pushCustomers(ctx, t, customers)
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	if e := canon.AsError(err); !e.Retry {
		// Trying the same again would be refused again. What failed is on record, and every later round
		// tries it once more.
		a.log.Error("write-back stopped", "target", t.Connection+"/"+t.Stream, "error", err, "hint", e.Hint)
		return nil
	}
	a.log.Warn("write-back is tried again", "target", t.Connection+"/"+t.Stream, "error", err)
	return err
}

// retryPushes tries once more what a vendor refused or did not confirm before.
func (a *app) retryPushes(ctx context.Context) {
	for _, t := range a.targets {
		customers, err := a.db.Unpushed(ctx, t.Connection, t.Stream)
		if err == nil && len(customers) > 0 {
			err = a.pushCustomers(ctx, t, customers)
		}
		if err != nil && ctx.Err() == nil {
			a.log.Warn("write-back failed again", "target", t.Connection+"/"+t.Stream, "error", err)
		}
	}
}

// runner returns what pulls rounds.
func (a *app) runner(onProgress func(pull.Progress)) *pull.Runner {
	return &pull.Runner{Checkpoints: checkpoints{a.db}, Split: a.bus.Split, Ahead: a.cfg.Sync.PagesAhead, Now: time.Now, Log: a.log, OnProgress: onProgress,
		Open: func(buffer int) (pull.Line, error) { return a.bus.Receipts(buffer) }}
}

// checkpoints is the store as pull wants it.
type checkpoints struct{ db *store.DB }

func (c checkpoints) Checkpoint(ctx context.Context, connection, stream string) (canon.Cursor, error) {
	return c.db.Checkpoint(ctx, connection, stream)
}

func (c checkpoints) Begin(ctx context.Context, connection, connector, stream string) error {
	return c.db.InTx(ctx, time.Now(), func(tx *store.Tx) error { return tx.Begin(ctx, connection, connector, stream) })
}

func (c checkpoints) Fail(ctx context.Context, connection, connector, stream string, why *canon.Error) error {
	return c.db.InTx(ctx, time.Now(), func(tx *store.Tx) error { return tx.Fail(ctx, connection, connector, stream, why) })
}

// round pulls every connection once, assesses, and returns when all of it has reached the outside. Its error
// is that of the streams that failed; everything else went on.
func (a *app) round(ctx context.Context, onProgress func(pull.Progress)) error {
	// What an earlier process left on the belt goes first, so that cursors are known before reading on.
	if err := a.await(ctx, func() (bool, error) {
		n, err := a.bus.RecordsWaiting(ctx)
		return n == 0, err
	}); err != nil {
		return err
	}
	// Whose erasure was interrupted is erased first.
	if _, err := a.finishErasures(ctx, beltPatience); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		// They are kept out all the same.
		a.log.Warn("an erasure could not be finished; it is tried again", "error", err)
	}
	pulled := a.runner(onProgress).Round(ctx, pullSources(a.pulled()))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := a.assess(ctx); err != nil {
		return errors.Join(pulled, err)
	}
	a.retryPushes(ctx)
	for _, v := range a.pulled() {
		a.describeDue(ctx, v)
	}
	return errors.Join(pulled, a.settleOut(ctx))
}

// assess brings every customer's assessment up to date after a round.
func (a *app) assess(ctx context.Context) error {
	if _, err := a.pipe.Freshen(ctx); err != nil {
		return err
	}
	if _, err := a.pipe.Settle(ctx); err != nil {
		return err
	}
	_, err := a.pipe.Tick(ctx)
	a.wake()
	return err
}

// settleOut waits until every change has reached webhooks and vendors, but for deliveries that wait for a
// later retry.
func (a *app) settleOut(ctx context.Context) error {
	return a.await(ctx, func() (bool, error) {
		end, err := a.db.OutboxEnd(ctx)
		if err != nil {
			return false, err
		}
		if a.sent.Load() < end {
			return false, nil
		}
		for _, name := range a.listeners() {
			if n, err := a.bus.ChangesWaiting(ctx, name); err != nil || n > 0 {
				return false, err
			}
		}
		n, err := a.db.DueDeliveries(ctx, time.Now().Add(time.Second))
		return n == 0, err
	})
}

// await asks until the answer is yes.
func (a *app) await(ctx context.Context, done func() (bool, error)) error {
	t := time.NewTicker(20 * time.Millisecond)
	defer t.Stop()
	for {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
		}
	}
}

// live pulls every connection at its pace and lets the clock tick, until ctx ends.
func (a *app) live(ctx context.Context, g *errgroup.Group, onProgress func(pull.Progress)) {
	for i, s := range pullSources(a.vendors) {
		every := a.vendors[i].every
		g.Go(func() error {
			r := a.runner(onProgress)
			for wait(ctx, every) {
				if err := r.Round(ctx, []pull.Source{s}); err != nil && ctx.Err() == nil {
					a.log.Warn("a round failed in part", "connection", s.Connection, "error", err)
				}
				a.retryPushes(ctx)
				a.describeDue(ctx, a.vendors[i])
			}
			return nil
		})
	}
	g.Go(func() error { return a.keepErased(ctx) })
	g.Go(func() error { return a.watchDrift(ctx) })
	g.Go(func() error {
		for wait(ctx, time.Second) {
			if err := a.tick(ctx); err != nil && ctx.Err() == nil {
				a.log.Error("the clock tick failed; it is tried again", "error", err)
			}
		}
		return nil
	})
}

func (a *app) tick(ctx context.Context) error {
	moved, err := a.pipe.Freshen(ctx)
	if err != nil {
		return err
	}
	if moved && a.pipe.Settled() {
		if _, err := a.pipe.Settle(ctx); err != nil {
			return err
		}
	}
	n, err := a.pipe.Tick(ctx)
	if n > 0 || moved {
		a.wake()
	}
	return err
}

// wait waits for d, and says whether ctx goes on.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// withApp opens what the configuration asks for, runs its carrying parts beside fn, and closes everything.
func (c *cli) withApp(ctx context.Context, fn func(context.Context, *errgroup.Group, *app) error) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	a, err := open(ctx, cfg, c.env, newLog(c.err, cfg.Log))
	if err != nil {
		return err
	}
	err = serve(ctx, a, func(ctx context.Context, g *errgroup.Group) error { return fn(ctx, g, a) })
	return errors.Join(err, a.close())
}

// serve runs the carrying parts of an app beside fn, and ends them in good order.
func serve(ctx context.Context, a *app, fn func(ctx context.Context, g *errgroup.Group) error) error {
	inner, stop := context.WithCancel(ctx)
	defer stop()
	g, inner2 := errgroup.WithContext(inner)
	err := a.reresolve(inner2)
	if err == nil {
		err = a.keepRules(inner2)
	}
	if err == nil {
		err = a.keepPolicy(inner2)
	}
	if err == nil {
		err = a.start(inner2, g)
	}
	if err == nil {
		err = fn(inner2, g)
	}
	stop()
	if werr := g.Wait(); werr != nil && !errors.Is(werr, context.Canceled) {
		err = errors.Join(werr, err)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
