package bus_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/lifecyclehub/hub/bus"
	"github.com/lifecyclehub/hub/canon"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds what should happen at once.
const patience = 20 * time.Second

// dial opens a bus in a directory. The test closes it.
func dial(t *testing.T, o bus.Options) *bus.Bus {
	t.Helper()
	b, err := bus.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// open opens a bus of the test's own that is closed at its end.
func open(t *testing.T) *bus.Bus {
	t.Helper()
	b := dial(t, bus.Options{Dir: t.TempDir()})
	t.Cleanup(func() { shut(t, b) })
	return b
}

func shut(t *testing.T, b *bus.Bus) {
	t.Helper()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// run starts fn, and returns what stops it and waits for its end, which must be without error.
func run(t *testing.T, fn func(ctx context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- fn(ctx) }()
	stopped := false
	stop = func() {
		t.Helper()
		cancel()
		if stopped {
			return
		}
		stopped = true
		if err := next(t, done); err != nil {
			t.Errorf("stopped with %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// next returns what comes next, or fails.
func next[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func TestByDefaultNoPortIsOpen(t *testing.T) {
	if url := open(t).URL(); url != "" {
		t.Errorf("the bus is reachable at %s", url)
	}
}

func TestListenLetsPlainSubscribersIn(t *testing.T) {
	b := dial(t, bus.Options{Dir: t.TempDir(), Listen: "127.0.0.1:0"})
	defer shut(t, b)
	conn, err := nats.Connect(b.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	heard := make(chan *nats.Msg, 10)
	if _, err := conn.ChanSubscribe("hub.changes.>", heard); err != nil {
		t.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := b.PublishChanges(t.Context(), []canon.Change{change(1)}); err != nil {
		t.Fatal(err)
	}
	m := next(t, heard)
	if m.Subject != "hub.changes.cus_1.deal.won" || m.Header.Get("Hub-Type") != "deal.won" || m.Header.Get("Hub-Customer") != "cus_1" || m.Header.Get("Hub-Position") != "1" {
		t.Errorf("heard %s with %v", m.Subject, m.Header)
	}
}

func TestExternalServerByURL(t *testing.T) {
	server := dial(t, bus.Options{Dir: t.TempDir(), Listen: "127.0.0.1:0"})
	defer shut(t, server)
	b := dial(t, bus.Options{URL: server.URL()})
	defer shut(t, b)
	if b.URL() != "" {
		t.Errorf("a bus without a server of its own is reachable at %s", b.URL())
	}
	taken := make(chan canon.Batch, 1)
	stop := run(t, func(ctx context.Context) error {
		return b.Records(ctx, func(_ context.Context, b canon.Batch) error { taken <- b; return nil })
	})
	defer stop()
	r, err := b.Receipts(4)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if err := r.Send(t.Context(), batch(7)); err != nil {
		t.Fatal(err)
	}
	if got := next(t, taken); got.Seq != 7 {
		t.Errorf("batch %d came, want 7", got.Seq)
	}
	if seq := next(t, r.Done()); seq != 7 {
		t.Errorf("a receipt for %d came, want 7", seq)
	}
}

func TestWhatCannotBeOpenedSaysWhy(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	taken := dial(t, bus.Options{Dir: t.TempDir(), Listen: "127.0.0.1:0"})
	defer shut(t, taken)
	for _, c := range []struct {
		code string
		bus.Options
	}{
		{"bus.open", bus.Options{Dir: filepath.Join(file, "nats")}},
		{"bus.open", bus.Options{URL: "nats://127.0.0.1:1"}},
		{"bus.listen", bus.Options{Dir: t.TempDir(), Listen: "nowhere"}},
		{"bus.listen", bus.Options{Dir: t.TempDir(), Listen: "127.0.0.1:99999"}},
		{"bus.listen", bus.Options{Dir: t.TempDir(), Listen: strings.TrimPrefix(taken.URL(), "nats://")}},
		{"bus.retention", bus.Options{Dir: t.TempDir(), Keep: -time.Second}},
		{"bus.retention", bus.Options{Dir: t.TempDir(), Keep: time.Millisecond}},
		{"bus.retention", bus.Options{Dir: t.TempDir(), KeepBytes: 1 << 60}},
	} {
		b, err := bus.Open(t.Context(), c.Options)
		if e := canon.AsError(err); e == nil || e.Code != c.code || e.Hint == "" {
			t.Errorf("%+v: got %v, want %s with a hint", c.Options, err, c.code)
		}
		if err == nil {
			shut(t, b)
		}
	}
}
