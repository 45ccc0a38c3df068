package main

import (
	"context"
	"time"
)

// heed takes in what operators decide, within a second, until ctx ends: also while a long round is under way.
func (a *app) heed(ctx context.Context) error {
	for wait(ctx, time.Second) {
		n, err := a.pipe.Decide(ctx)
		if err != nil && ctx.Err() == nil {
			a.log.Error("decisions could not be taken in; they are tried again", "error", err)
		}
		if n > 0 {
			a.log.Info("decisions about who is who took effect", "decisions", n)
			a.wake()
		}
	}
	return nil
}

// reresolve brings customers to what the present rules make of the records held, before anything else happens.
func (a *app) reresolve(ctx context.Context) error {
	_, err := a.pipe.Reresolve(ctx)
	return err
}
