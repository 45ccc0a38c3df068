package bus_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/lifecyclehub/hub/bus"
	"github.com/lifecyclehub/hub/canon"
)

func change(n int64) canon.Change {
	return canon.Change{ID: fmt.Sprint("chg_", n), Type: "deal.won", Customer: fmt.Sprint("cus_", n), Sequence: 1, Position: n, Data: []byte(`{"ä":1}`)}
}

func publish(t *testing.T, b *bus.Bus, from, to int64) {
	t.Helper()
	var cs []canon.Change
	for n := from; n <= to; n++ {
		cs = append(cs, change(n))
	}
	if err := b.PublishChanges(t.Context(), cs); err != nil {
		t.Fatal(err)
	}
}

// hear takes the changes belt under a name, and passes each change on.
func hear(t *testing.T, b *bus.Bus, name string) (<-chan canon.Change, func()) {
	t.Helper()
	heard := make(chan canon.Change, 4096)
	return heard, run(t, func(ctx context.Context) error {
		return b.Changes(ctx, name, 16, func(_ context.Context, cs []canon.Change) error {
			if len(cs) == 0 || len(cs) > 16 {
				t.Errorf("a batch of %d changes", len(cs))
			}
			for _, c := range cs {
				heard <- c
			}
			return nil
		})
	})
}

func expect(t *testing.T, heard <-chan canon.Change, from, to int64) {
	t.Helper()
	for n := from; n <= to; n++ {
		if diff := cmp.Diff(change(n), next(t, heard)); diff != "" {
			t.Fatalf("change %d (-want +got):\n%s", n, diff)
		}
	}
}

func left(t *testing.T, b *bus.Bus, name string) uint64 {
	t.Helper()
	n, err := b.ChangesWaiting(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestADurableNameHearsWhatCameBeforeAndAfter(t *testing.T) {
	b := open(t)
	publish(t, b, 1, 1500)
	if n := left(t, b, "webhooks"); n != 0 {
		t.Errorf("%d changes wait for a name that has no place yet", n)
	}
	if _, err := b.Durable(t.Context(), "webhooks"); err != nil {
		t.Fatal(err)
	}
	if n := left(t, b, "webhooks"); n != 1500 {
		t.Errorf("%d changes wait, want 1500", n)
	}
	heard, stop := hear(t, b, "webhooks")
	expect(t, heard, 1, 1500)
	publish(t, b, 1501, 1510)
	expect(t, heard, 1501, 1510)
	stop()
	if n := left(t, b, "webhooks"); n != 0 {
		t.Errorf("%d changes still wait", n)
	}
}

func TestAChangeSentTwiceIsKeptOnce(t *testing.T) {
	b := open(t)
	publish(t, b, 1, 3)
	publish(t, b, 2, 5)
	heard, _ := hear(t, b, "webhooks")
	expect(t, heard, 1, 5)
}

func TestEachNameHearsEverything(t *testing.T) {
	b := open(t)
	publish(t, b, 1, 30)
	for _, name := range []string{"webhooks", "push-crm.eu/1-companies"} {
		heard, _ := hear(t, b, name)
		expect(t, heard, 1, 30)
	}
}

func TestChangesThatCannotBeTakenAreTriedAgain(t *testing.T) {
	b := open(t)
	publish(t, b, 1, 3)
	tries := make(chan []canon.Change, 16)
	fails := 2
	stop := run(t, func(ctx context.Context) error {
		return b.Changes(ctx, "webhooks", 2, func(_ context.Context, cs []canon.Change) error {
			tries <- cs
			if fails > 0 {
				fails--
				return errors.New("the store is not there")
			}
			return nil
		})
	})
	for i, want := range [][]canon.Change{{change(1), change(2)}, {change(1), change(2)}, {change(1), change(2)}, {change(3)}} {
		if diff := cmp.Diff(want, next(t, tries)); diff != "" {
			t.Errorf("try %d (-want +got):\n%s", i, diff)
		}
	}
	stop()
	if n := left(t, b, "webhooks"); n != 0 {
		t.Errorf("%d changes still wait", n)
	}
}

// TestChangesSurviveARestart stops the hub while it works on a batch. What was not taken comes again at once,
// in order and before what is published later; nothing of it is skipped.
func TestChangesSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	first := dial(t, bus.Options{Dir: dir})
	publish(t, first, 1, 10)
	entered := make(chan []canon.Change, 16)
	stop := run(t, func(ctx context.Context) error {
		return first.Changes(ctx, "webhooks", 4, func(ctx context.Context, cs []canon.Change) error {
			entered <- cs
			if cs[0].Position == 1 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		})
	})
	if a, b := next(t, entered), next(t, entered); len(a) != 4 || b[0].Position != 5 {
		t.Fatalf("batches began at %d and %d", a[0].Position, b[0].Position)
	}
	stop()
	shut(t, first)
	second := dial(t, bus.Options{Dir: dir})
	defer shut(t, second)
	publish(t, second, 11, 12)
	if n := left(t, second, "webhooks"); n != 8 {
		t.Errorf("%d changes wait, want 8", n)
	}
	heard, stop := hear(t, second, "webhooks")
	expect(t, heard, 5, 12)
	stop()
}

func TestForeignMessagesDoNotStopTheChanges(t *testing.T) {
	b := dial(t, bus.Options{Dir: t.TempDir(), Listen: "127.0.0.1:0"})
	defer shut(t, b)
	conn, err := nats.Connect(b.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	publish(t, b, 1, 1)
	for _, body := range []string{"no change", "{}", "null", "[]"} {
		if _, err := conn.Request("hub.changes.x.y", []byte(body), patience); err != nil {
			t.Fatal(err)
		}
	}
	if at, fresh, err := b.LastChange(t.Context()); at != 1 || fresh || err != nil {
		t.Errorf("the newest change is at %d, fresh %t, %v; want 1", at, fresh, err)
	}
	heard, stop := hear(t, b, "webhooks")
	expect(t, heard, 1, 1)
	publish(t, b, 2, 2)
	expect(t, heard, 2, 2)
	stop()
	if n := left(t, b, "webhooks"); n != 0 {
		t.Errorf("%d messages still wait", n)
	}
}

func TestLastChange(t *testing.T) {
	dir := t.TempDir()
	b := dial(t, bus.Options{Dir: dir})
	check := func(want int64, wantFresh bool) {
		t.Helper()
		at, fresh, err := b.LastChange(t.Context())
		if at != want || fresh != wantFresh || err != nil {
			t.Errorf("the newest change is at %d, fresh %t, %v; want %d, %t", at, fresh, err, want, wantFresh)
		}
	}
	check(0, true)
	publish(t, b, 3, 9)
	check(9, false)
	shut(t, b)
	b = dial(t, bus.Options{Dir: dir})
	defer shut(t, b)
	check(9, false)
}

func TestFollowBeginsBehindAPosition(t *testing.T) {
	b := open(t)
	publish(t, b, 1, 300)
	heard := make(chan canon.Change, 512)
	stop := run(t, func(ctx context.Context) error {
		return b.Follow(ctx, 250, func(c canon.Change) error { heard <- c; return nil })
	})
	expect(t, heard, 251, 300)
	publish(t, b, 301, 303)
	expect(t, heard, 301, 303)
	stop()
	enough := errors.New("enough")
	if err := b.Follow(t.Context(), 0, func(canon.Change) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("got %v, want what the taker said", err)
	}
}

// TestFollowNewHearsOnlyWhatComes publishes until the follower hears: from then on it must miss nothing.
func TestFollowNewHearsOnlyWhatComes(t *testing.T) {
	b := open(t)
	publish(t, b, 1, 10)
	heard := make(chan canon.Change, 4096)
	stop := run(t, func(ctx context.Context) error {
		return b.FollowNew(ctx, func(c canon.Change) error { heard <- c; return nil })
	})
	n := int64(10)
	for len(heard) == 0 {
		n++
		publish(t, b, n, n)
	}
	first := next(t, heard)
	if first.Position <= 10 {
		t.Errorf("an old change came: %d", first.Position)
	}
	publish(t, b, n+1, n+5)
	expect(t, heard, first.Position+1, n+5)
	stop()
}
