// Package receive takes the calls of vendors in: it keeps a verified call durably before it is answered, and
// turns what it tells into batches on the records belt, by reading single records again where the call only names
// them.
//
// A call only schedules: it moves no cursor, and what it did not tell the polls find. The package verifies no
// signature itself, knows no vendor and no NATS, and saves nothing but through the two.
package receive

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// Queue keeps calls until what they tell is committed.
type Queue interface {
	// Append returns when the call is durable. A call whose id is known is not kept twice, which is no error.
	// One that is too large to be kept gives a canon.Error with code hook.too_large.
	Append(ctx context.Context, connection, id string, data []byte) error
	// Take hands the calls of a connection to take until ctx ends. A call that is not Done comes again.
	Take(ctx context.Context, connection string, take func(Held) error) error
}

// Held is a call that is kept.
type Held interface {
	// ID tells calls apart: one that comes again has the same.
	ID() uint64
	Data() []byte
	// Done takes it off the queue.
	Done(ctx context.Context) error
	// Working says that it is still at work, which must be said now and then.
	Working() error
}

// Line is a way to the records belt that hears what was committed.
type Line interface {
	// Send puts a batch on the belt.
	Send(ctx context.Context, b canon.Batch) error
	// Done delivers the Seq of each batch that was committed.
	Done() <-chan int64
	Close() error
}

// Options say what a Desk works with.
type Options struct {
	Queue Queue
	// Open opens a line with room for so many receipts, Split cuts a batch into parts that fit the belt.
	Open  func(buffer int) (Line, error)
	Split func(canon.Batch) []canon.Batch
	// Window is how long the first word of a change waits for others of the same object; 0 means 1.5 s.
	Window time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	Log *slog.Logger
}

// Source is one connection whose vendor calls.
type Source struct {
	Connection, Connector string
	// Conn must be a connectors.Receiver. Where it is a connectors.Fetcher too, objects that a call only names
	// are read at once, and otherwise by the next poll.
	Conn connectors.Conn
	// Streams are those that are read; what is told of others is passed over.
	Streams []string
	Door    Door
}

// Desk is where calls arrive: an http.Handler at the front, and Run behind it.
type Desk struct {
	Options
	sources map[string]*Source

	mu sync.Mutex
	// told is when the log last heard of a fault, by connection and code.
	told map[string]time.Time
}

// quiet is how long the log hears no more of a fault that goes on: anybody can make calls that are refused.
const quiet = time.Minute

// news says whether the log is to hear of a fault of a connection's calls.
func (d *Desk) news(connection, code string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	now, at := d.Now(), d.told[connection+" "+code]
	if now.Sub(at).Abs() < quiet {
		return false
	}
	d.told[connection+" "+code] = now
	return true
}

// New returns a desk. It complains about a source whose connection cannot receive.
func New(o Options, sources []Source) (*Desk, error) {
	if o.Window <= 0 {
		o.Window = 1500 * time.Millisecond
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	d := &Desk{Options: o, sources: map[string]*Source{}, told: map[string]time.Time{}}
	for _, s := range sources {
		if _, ok := s.Conn.(connectors.Receiver); !ok || s.Door.Guard == nil {
			return nil, canon.Errorf("hook.none", "connection %s takes no webhooks", s.Connection).WithHint("its connector says how the vendor calls, if it does: `hub connectors %s`", s.Connector)
		}
		if d.sources[s.Connection] != nil {
			return nil, fmt.Errorf("connection %s is there twice", s.Connection)
		}
		d.sources[s.Connection] = &s
	}
	return d, nil
}

// Connections lists the connections that take calls, by name.
func (d *Desk) Connections() []string {
	var out []string
	for name := range d.sources {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// Run works on what was kept until ctx ends. Every connection has a lane of its own, so that one that waits for
// its vendor holds up no other.
func (d *Desk) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, name := range d.Connections() {
		l := newLane(d, d.sources[name])
		g.Go(func() error { return l.feed(ctx) })
		g.Go(func() error { return l.run(ctx) })
	}
	return g.Wait()
}
