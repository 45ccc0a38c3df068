package pull

import (
	"context"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// patience is how long a window waits for a receipt before it looks at the checkpoint, and giveUp how many
// times it looks before it ends the round.
const (
	patience = time.Minute
	giveUp   = 10
)

// window bounds how many batches are under way.
type window struct {
	line  Line
	ahead int
	// open are the batches sent of which no receipt came, by Seq; newest is the last one sent.
	open   map[int64]canon.Batch
	newest canon.Batch
	// silent counts how often the checkpoint told nothing since the last receipt.
	silent     int
	checkpoint func(ctx context.Context) (canon.Cursor, error)
}

func (w *window) send(ctx context.Context, b canon.Batch) error {
	for len(w.open) > w.ahead {
		if err := w.wait(ctx); err != nil {
			return err
		}
	}
	if err := w.line.Send(ctx, b); err != nil {
		return err
	}
	// What matters of it from here on are its cursors.
	b.Records, b.Rejects = nil, nil
	w.open[b.Seq], w.newest = b, b
	return nil
}

// drain waits until all that was sent is committed.
func (w *window) drain(ctx context.Context) error {
	for len(w.open) > 0 {
		if err := w.wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// wait waits for one receipt. Receipts can get lost, with a connection or with whoever was to send them; then
// the stored cursor tells that all was committed.
func (w *window) wait(ctx context.Context) error {
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case seq := <-w.line.Done():
		w.silent = 0
		w.receive(seq)
		return nil
	case <-late.C:
		cursor, err := w.checkpoint(ctx)
		if err != nil {
			return err
		}
		if w.passed(cursor) {
			clear(w.open)
			return nil
		}
		if w.silent++; w.silent < giveUp {
			return nil
		}
		e := canon.Errorf("belt.silent", "nothing of what was read has been committed for %s", giveUp*patience).
			WithHint("the log says why pages cannot be committed; the next round goes on from the last one that was")
		e.Retry = true
		return e
	case <-ctx.Done():
		return ctx.Err()
	}
}

// receive takes a receipt in. One that came before changes nothing; one without a number is of a batch that
// could not be read, which is the oldest, as batches are taken in order.
func (w *window) receive(seq int64) {
	if seq == 0 {
		for s := range w.open {
			if seq == 0 || s < seq {
				seq = s
			}
		}
	}
	delete(w.open, seq)
}

// passed says whether the stored cursor is behind all that was sent.
func (w *window) passed(cursor canon.Cursor) bool {
	if cursor != w.newest.Next {
		return false
	}
	for _, b := range w.open {
		if b.From == cursor {
			// The cursor stood there before.
			return false
		}
	}
	return true
}
