// Package pull reads connections page by page and puts what they give on the records belt, never further
// ahead of the last commit than a few pages.
//
// It interprets nothing and saves no cursor: a cursor is saved by whoever commits the page.
package pull

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// Checkpoints tells where streams stand and hears when a round begins or fails.
type Checkpoints interface {
	Checkpoint(ctx context.Context, connection, stream string) (canon.Cursor, error)
	Begin(ctx context.Context, connection, connector, stream string) error
	Fail(ctx context.Context, connection, connector, stream string, why *canon.Error) error
}

// Line is a way to the records belt that hears what was committed.
type Line interface {
	// Send puts a batch on the belt.
	Send(ctx context.Context, b canon.Batch) error
	// Done delivers the Seq of each batch that was committed.
	Done() <-chan int64
	Close() error
}

// Source is one connection to pull from.
type Source struct {
	Connection, Connector string
	Conn                  connectors.Conn
	// Streams are those to pull, in order.
	Streams []string
}

// Progress tells how a stream's round goes.
type Progress struct {
	Connection, Stream string
	// Records is how many came so far in this round, Total how many the vendor says there are, 0 unknown.
	Records, Total int64
	Done           bool
	Err            error
}

// Runner pulls rounds.
type Runner struct {
	Checkpoints Checkpoints
	// Open opens a line with room for so many receipts.
	Open func(buffer int) (Line, error)
	// Split cuts a batch into parts that fit the belt.
	Split func(canon.Batch) []canon.Batch
	// Ahead is how many batches may be on the belt before one is committed.
	Ahead int
	Now   func() time.Time
	Log   *slog.Logger
	// OnProgress is called from several goroutines; nil is fine.
	OnProgress func(Progress)
}

// Round pulls every stream of the sources once: connections side by side, the streams of one in order. It
// returns when all that was read is committed. A stream that fails does not keep the others from going on;
// the errors of all are joined.
func (r *Runner) Round(ctx context.Context, sources []Source) error {
	var mu sync.Mutex
	var errs []error
	g := errgroup.Group{}
	for _, s := range sources {
		g.Go(func() error {
			for _, stream := range s.Streams {
				err := r.Stream(ctx, s, stream)
				if ctx.Err() != nil {
					return ctx.Err()
				}
				if err != nil {
					mu.Lock()
					errs = append(errs, fmt.Errorf("%s/%s: %w", s.Connection, stream, err))
					mu.Unlock()
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return errors.Join(errs...)
}

// Stream pulls one stream to its end, from where it stopped. What went wrong is kept with the stream.
func (r *Runner) Stream(ctx context.Context, s Source, stream string) error {
	n, err := r.stream(ctx, s, stream)
	if ctx.Err() != nil {
		// Stopped from outside: the stream goes on from its cursor another time.
		return ctx.Err()
	}
	if err != nil {
		if kept := r.Checkpoints.Fail(ctx, s.Connection, s.Connector, stream, canon.AsError(err)); kept != nil {
			err = errors.Join(err, kept)
		}
	}
	r.progress(Progress{Connection: s.Connection, Stream: stream, Records: n, Done: true, Err: err})
	return err
}

func (r *Runner) progress(p Progress) {
	if r.OnProgress != nil {
		r.OnProgress(p)
	}
}

func (r *Runner) stream(ctx context.Context, s Source, stream string) (int64, error) {
	if err := r.Checkpoints.Begin(ctx, s.Connection, s.Connector, stream); err != nil {
		return 0, err
	}
	cursor, err := r.Checkpoints.Checkpoint(ctx, s.Connection, stream)
	if err != nil {
		return 0, err
	}
	line, err := r.Open(2 * (r.Ahead + 1))
	if err != nil {
		return 0, err
	}
	defer func() {
		if err := line.Close(); err != nil {
			r.Log.Warn("a line to the records belt did not close", "error", err)
		}
	}()
	run := canon.ID("run", s.Connection, stream, r.Now().UTC().Format(time.RFC3339Nano))
	w := window{line: line, ahead: r.Ahead, open: map[int64]canon.Batch{}, checkpoint: func(ctx context.Context) (canon.Cursor, error) {
		return r.Checkpoints.Checkpoint(ctx, s.Connection, stream)
	}}
	var seq, records int64
	for {
		page, err := s.Conn.Pull(ctx, stream, cursor)
		if err != nil {
			// What was read before the fault is good, and its cursor is saved.
			return records, errors.Join(err, w.drain(ctx))
		}
		records += int64(len(page.Records))
		b := canon.Batch{Connection: s.Connection, Connector: s.Connector, Stream: stream, Run: run, From: cursor, Next: page.Next,
			Last: !page.More, Total: page.Total, ReadAt: r.Now().UTC(), Records: page.Records, Rejects: page.Rejects, Sweep: page.Sweep}
		for _, part := range r.Split(b) {
			seq++
			part.Seq = seq
			if err := w.send(ctx, part); err != nil {
				return records, err
			}
		}
		r.progress(Progress{Connection: s.Connection, Stream: stream, Records: records, Total: page.Total})
		if !page.More {
			return records, w.drain(ctx)
		}
		if page.Next == cursor {
			// The same cursor gives the same page, without end.
			return records, errors.Join(canon.Errorf("page.loop", "the stream says that there is more but does not move on").
				WithHint("this is a fault of the connector or the vendor; what was read so far is kept"), w.drain(ctx))
		}
		cursor = page.Next
	}
}
