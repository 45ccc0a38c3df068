package bus_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/lifecyclehub/hub/bus"
	"github.com/lifecyclehub/hub/canon"
)

func place(t *testing.T, b *bus.Bus, name string) bus.Place {
	t.Helper()
	p, ok, err := b.Place(t.Context(), name)
	if err != nil || !ok {
		t.Fatalf("%s has no place: %t, %v", name, ok, err)
	}
	return p
}

func TestAPlaceTellsWhatWasTaken(t *testing.T) {
	b := open(t)
	if _, ok, err := b.Place(t.Context(), "webhooks"); ok || err != nil {
		t.Errorf("a name that was never heard of has a place: %v", err)
	}
	publish(t, b, 11, 20)
	if _, err := b.Durable(t.Context(), "webhooks"); err != nil {
		t.Fatal(err)
	}
	if p := place(t, b, "webhooks"); p != (bus.Place{Waiting: 10}) {
		t.Errorf("%+v", p)
	}
	heard, stop := hear(t, b, "webhooks")
	expect(t, heard, 11, 20)
	stop()
	if p := place(t, b, "webhooks"); p != (bus.Place{Taken: 20}) {
		t.Errorf("%+v", p)
	}
}

// stream is the changes belt as the server's operator sees it.
func stream(t *testing.T, b *bus.Bus) jetstream.Stream {
	t.Helper()
	js, err := jetstream.New(outside(t, b))
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), bus.ChangesStream)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFirstChange(t *testing.T) {
	b := listening(t, bus.Options{})
	first := func(want int64) {
		t.Helper()
		if got, err := b.FirstChange(t.Context()); got != want || err != nil {
			t.Errorf("the oldest change is at %d, %v; want %d", got, err, want)
		}
	}
	first(0)
	if _, err := outside(t, b).Request("hub.changes.x.y", []byte("no change"), patience); err != nil {
		t.Fatal(err)
	}
	first(0)
	publish(t, b, 11, 15)
	first(11)
	if err := b.PublishAgain(t.Context(), []canon.Change{change(12)}, "a", 15); err != nil {
		t.Fatal(err)
	}
	if err := stream(t, b).Purge(t.Context(), jetstream.WithPurgeSequence(4)); err != nil {
		t.Fatal(err)
	}
	first(13)
	if err := stream(t, b).Purge(t.Context(), jetstream.WithPurgeSequence(7)); err != nil {
		t.Fatal(err)
	}
	first(16)
}

func TestRetentionIsApplied(t *testing.T) {
	dir := t.TempDir()
	limits := func(o bus.Options) (time.Duration, int64, uint64) {
		o.Dir, o.Listen = dir, "127.0.0.1:0"
		b := dial(t, o)
		defer shut(t, b)
		publish(t, b, 1, 200)
		info, err := stream(t, b).Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return info.Config.MaxAge, info.Config.MaxBytes, info.State.Msgs
	}
	if age, size, n := limits(bus.Options{}); age != 30*24*time.Hour || size != -1 || n != 200 {
		t.Errorf("by default: %v, %d, %d messages", age, size, n)
	}
	if age, size, n := limits(bus.Options{Keep: 3 * time.Minute, KeepBytes: 4096}); age != 3*time.Minute || size != 4096 || n == 0 || n > 40 {
		t.Errorf("after it was made smaller: %v, %d, %d messages", age, size, n)
	}
	if age, size, _ := limits(bus.Options{Keep: time.Hour}); age != time.Hour || size != -1 {
		t.Errorf("after it was made larger: %v, %d", age, size)
	}
}

// TestRoom holds back what would push from a small belt what a slow name has still to take.
func TestRoom(t *testing.T) {
	b := dial(t, bus.Options{Dir: t.TempDir(), KeepBytes: 64 << 10})
	defer shut(t, b)
	room := func() bool {
		t.Helper()
		ok, err := b.Room(t.Context(), []string{"webhooks"})
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if _, err := b.Durable(t.Context(), "webhooks"); err != nil {
		t.Fatal(err)
	}
	sent := int64(0)
	for room() {
		sent++
		c := change(sent)
		c.Data = []byte(`"` + strings.Repeat("x", 1000) + `"`)
		if err := b.PublishChanges(t.Context(), []canon.Change{c}); err != nil {
			t.Fatal(err)
		}
	}
	if p := place(t, b, "webhooks"); p.Waiting != uint64(sent) || sent < 10 {
		t.Errorf("after %d changes: %+v", sent, p)
	}
	n := 0
	done := make(chan struct{})
	stop := run(t, func(ctx context.Context) error {
		return b.Changes(ctx, "webhooks", 100, func(_ context.Context, cs []canon.Change) error {
			if n += len(cs); n == int(sent) {
				close(done)
			}
			return nil
		})
	})
	next(t, done)
	stop()
	if !room() {
		t.Error("no room though everything was taken")
	}
}
