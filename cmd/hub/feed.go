package main

import (
	"context"
	"sync"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// feed tells those who look at the console or the stream of the API what changes. It listens to the changes
// belt once for all of them.
type feed struct {
	a  *app
	mu sync.Mutex
	// subs are the channels of those who listen now.
	subs map[chan canon.Change]bool
}

func newFeed(a *app) *feed { return &feed{a: a, subs: map[chan canon.Change]bool{}} }

// run hands new changes on until ctx ends.
func (f *feed) run(ctx context.Context) error {
	for ctx.Err() == nil {
		err := f.a.bus.FollowNew(ctx, func(c canon.Change) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			for ch := range f.subs {
				select {
				case ch <- c:
				default:
					// Who is too slow starts again from the last position that they saw.
					delete(f.subs, ch)
					close(ch)
				}
			}
			return nil
		})
		if err != nil && ctx.Err() == nil {
			f.a.log.Warn("the live stream was cut and starts again", "error", err)
			wait(ctx, time.Second)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for ch := range f.subs {
		delete(f.subs, ch)
		close(ch)
	}
	return nil
}

// Subscribe implements api.Live.
func (f *feed) Subscribe(ctx context.Context, after int64) (<-chan canon.Change, error) {
	in := make(chan canon.Change, 1024)
	f.mu.Lock()
	f.subs[in] = true
	f.mu.Unlock()
	out := make(chan canon.Change)
	go func() {
		defer close(out)
		defer f.leave(in)
		if after >= 0 && !f.catchUp(ctx, &after, out) {
			return
		}
		for {
			select {
			case <-ctx.Done():
				return
			case c, ok := <-in:
				if !ok {
					return
				}
				if c.Position <= after {
					continue
				}
				select {
				case out <- c:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return out, nil
}

// catchUp sends what the outbox holds behind after, and moves after on. It returns false where the
// subscriber has gone.
func (f *feed) catchUp(ctx context.Context, after *int64, out chan<- canon.Change) bool {
	for {
		cs, err := f.a.db.Outbox(ctx, *after, changesAtOnce)
		if err != nil {
			return false
		}
		for _, c := range cs {
			select {
			case out <- c:
				*after = c.Position
			case <-ctx.Done():
				return false
			}
		}
		if len(cs) < changesAtOnce {
			return true
		}
	}
}

func (f *feed) leave(ch chan canon.Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.subs[ch] {
		delete(f.subs, ch)
		close(ch)
	}
}
