package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lifecyclehub/hub/canon"
)

// toldAgain is what sending changes again came to.
type toldAgain struct {
	Changes int `json:"changes"`
	// First and Last are when the first and the last of them were recorded.
	First time.Time `json:"first,omitzero"`
	Last  time.Time `json:"last,omitzero"`
}

// tellAgain puts the changes recorded since a moment on the changes belt once more.
func (c *cli) tellAgain(ctx context.Context, since string) error {
	from, err := parseDay(since)
	if err != nil {
		return err
	}
	var sum toldAgain
	err = c.withApp(ctx, func(ctx context.Context, _ *errgroup.Group, a *app) error {
		var err error
		sum, err = a.tellAgain(ctx, from)
		return err
	})
	if err != nil {
		return err
	}
	if c.json {
		return c.print(sum)
	}
	fmt.Fprintf(c.out, "%s sent again to NATS", plural(int64(sum.Changes), "change", "changes"))
	if sum.Changes > 0 {
		fmt.Fprintf(c.out, ", recorded %s to %s", sum.First.Format(time.RFC3339), sum.Last.Format(time.RFC3339))
	}
	fmt.Fprintln(c.out)
	return nil
}

func (a *app) tellAgain(ctx context.Context, from time.Time) (toldAgain, error) {
	var sum toldAgain
	// What is new goes first, so that whatever comes again stands behind it.
	if err := a.settleOut(ctx); err != nil {
		return sum, err
	}
	end, err := a.db.OutboxEnd(ctx)
	if err != nil {
		return sum, err
	}
	var after int64
	if !from.IsZero() {
		if after, err = a.db.OutboxBefore(ctx, from.UnixMicro()); err != nil {
			return sum, err
		}
	}
	run := strconv.FormatInt(time.Now().UnixMicro(), 36)
	for after < end {
		var cs []canon.Change
		if cs, err = a.db.Outbox(ctx, after, changesAtOnce); err != nil || len(cs) == 0 {
			return sum, err
		}
		if err := a.await(ctx, func() (bool, error) { return a.bus.Room(ctx, a.listeners()) }); err != nil {
			return sum, err
		}
		if err := a.bus.PublishAgain(ctx, cs, run, end); err != nil {
			return sum, err
		}
		if sum.Changes == 0 {
			sum.First = cs[0].RecordedAt
		}
		last := cs[len(cs)-1]
		after, sum.Last, sum.Changes = last.Position, last.RecordedAt, sum.Changes+len(cs)
	}
	return sum, a.settleOut(ctx)
}
