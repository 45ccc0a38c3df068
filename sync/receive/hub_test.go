package receive_test

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lifecyclehub/hub/bus"
	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/sync/receive"
	"github.com/lifecyclehub/hub/webhooks"
)

// schemeGuard is a scheme of webhooks as a guard.
type schemeGuard struct {
	webhooks.Scheme
	trust webhooks.Trust
}

func (g schemeGuard) Verify(k receive.Knock) error {
	return g.Scheme.Verify(webhooks.Inbound(k), g.trust)
}
func (g schemeGuard) Key(k receive.Knock) string { return g.DeliveryKey(webhooks.Inbound(k)) }
func (g schemeGuard) Ping(k receive.Knock) bool  { return g.Scheme.Ping(webhooks.Inbound(k)) }
func (g schemeGuard) Redact(c connectors.Call) connectors.Call {
	c.Header, c.Body = webhooks.RedactHeader(c.Header), g.Scheme.Redact(c.Body)
	return c
}

// queue is the bus as a desk wants it.
type queue struct{ *bus.Hooks }

func (q queue) Take(ctx context.Context, connection string, take func(receive.Held) error) error {
	return q.Hooks.Take(ctx, connection, func(h bus.Hook) error { return take(h) })
}

// hub is a desk on a real bus, with somebody who commits what comes over the records belt: per record, the newest
// version counts.
type hub struct {
	t *testing.T
	// connection is the one that takes calls.
	connection string
	bus        *bus.Bus
	kept       *bus.Hooks
	desk       *receive.Desk

	mu      sync.Mutex
	records map[string]canon.Record
	// hold, while it is locked, keeps batches from being committed.
	hold sync.Mutex
	took atomic.Int64
}

func openHub(t *testing.T, dir string, s receive.Source) *hub {
	t.Helper()
	h := &hub{t: t, connection: s.Connection, records: map[string]canon.Record{}}
	var err error
	if h.bus, err = bus.Open(t.Context(), bus.Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	if h.kept, err = h.bus.Hooks(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.desk, err = receive.New(receive.Options{Queue: queue{h.kept}, Split: h.bus.Split, Window: 100 * time.Millisecond, Log: slog.New(slog.DiscardHandler),
		Open: func(buffer int) (receive.Line, error) { return h.bus.Receipts(buffer) }},
		[]receive.Source{s})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *hub) close() {
	if err := h.bus.Close(); err != nil {
		h.t.Error(err)
	}
}

// run runs the desk and, where commit is set, the end of the belt.
func (h *hub) run(commit bool) (stop func()) {
	ctx, cancel := context.WithCancel(h.t.Context())
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return h.desk.Run(ctx) })
	if commit {
		g.Go(func() error { return h.bus.Records(ctx, h.take) })
	}
	return func() {
		cancel()
		if err := g.Wait(); err != nil {
			h.t.Error(err)
		}
	}
}

func (h *hub) take(_ context.Context, b canon.Batch) error {
	h.hold.Lock()
	defer h.hold.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.took.Add(1)
	if !b.Part {
		return nil
	}
	for _, r := range b.Records {
		old, ok := h.records[r.ID]
		if !ok || r.Version > old.Version || r.Version == old.Version && r.ObservedAt.After(old.ObservedAt) {
			h.records[r.ID] = r
		}
	}
	return nil
}

// settled waits until nothing is kept any more.
func (h *hub) settled() {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		n, err := h.kept.Waiting(ctx, h.connection)
		if err != nil {
			h.t.Fatal(err)
		}
		if n == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			h.t.Fatalf("%d calls are still kept", n)
		}
	}
}

// sent waits until something is on the records belt.
func sent(t *testing.T, b *bus.Bus) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		n, err := b.RecordsWaiting(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			return
		}
		<-tick.C
	}
}

// doorOf is the door of a scheme.
func doorOf(t *testing.T, name string, secrets ...string) receive.Door {
	t.Helper()
	s, ok := webhooks.FindScheme(name)
	if !ok {
		t.Fatalf("there is no scheme %s", name)
	}
	return receive.Door{Guard: schemeGuard{s, webhooks.Trust{Secrets: secrets}}, Status: s.Accepted.Status, ContentType: s.Accepted.ContentType, Body: s.Accepted.Body,
		Gunzip: s.Gunzip, Strict: s.Strict, PublicURL: "https://hub.example"}
}
