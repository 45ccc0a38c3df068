package bus_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/lifecyclehub/hub/bus"
	"github.com/lifecyclehub/hub/canon"
)

func hooksOf(t *testing.T, b *bus.Bus) *bus.Hooks {
	t.Helper()
	h, err := b.Hooks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func appendHook(t *testing.T, h *bus.Hooks, connection, id string) {
	t.Helper()
	if err := h.Append(t.Context(), connection, id, []byte(connection+" "+id)); err != nil {
		t.Fatal(err)
	}
}

func kept(t *testing.T, h *bus.Hooks, connection string, want uint64) {
	t.Helper()
	if n, err := h.Waiting(t.Context(), connection); err != nil || n != want {
		t.Errorf("%d calls of %s are kept (%v), want %d", n, connection, err, want)
	}
}

func TestHooksAreKeptOncePerConnection(t *testing.T) {
	h := hooksOf(t, open(t))
	for range 3 {
		appendHook(t, h, "crm", "1")
		appendHook(t, h, "crm.eu", "1")
		appendHook(t, h, "crm_eu", "1")
	}
	for _, c := range []string{"crm", "crm.eu", "crm_eu"} {
		kept(t, h, c, 1)
	}
	taken := make(chan string, 8)
	stop := run(t, func(ctx context.Context) error {
		return h.Take(ctx, "crm.eu", func(k bus.Hook) error {
			if err := k.Working(); err != nil {
				return err
			}
			taken <- string(k.Data())
			return k.Done(ctx)
		})
	})
	if got := next(t, taken); got != "crm.eu 1" {
		t.Errorf("%q came", got)
	}
	stop()
	kept(t, h, "crm.eu", 0)
	kept(t, h, "crm_eu", 1)
	// What is done is still known.
	appendHook(t, h, "crm.eu", "1")
	kept(t, h, "crm.eu", 0)
}

// TestHooksThatAreNotDoneComeAgain stops the hub between taking calls and being done with them.
func TestHooksThatAreNotDoneComeAgain(t *testing.T) {
	dir := t.TempDir()
	first := dial(t, bus.Options{Dir: dir})
	h := hooksOf(t, first)
	for i := range 5 {
		appendHook(t, h, "crm", fmt.Sprint(i))
	}
	taken := make(chan bus.Hook, 8)
	stop := run(t, func(ctx context.Context) error {
		return h.Take(ctx, "crm", func(k bus.Hook) error { taken <- k; return nil })
	})
	var held []bus.Hook
	for range 5 {
		held = append(held, next(t, taken))
	}
	if a, b := held[0].ID(), held[1].ID(); a == 0 || a >= b {
		t.Errorf("the calls have the ids %d and %d", a, b)
	}
	// Done in another order than they came.
	for _, i := range []int{3, 0} {
		if err := held[i].Done(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	shut(t, first)
	second := dial(t, bus.Options{Dir: dir})
	defer shut(t, second)
	h = hooksOf(t, second)
	stop = run(t, func(ctx context.Context) error {
		return h.Take(ctx, "crm", func(k bus.Hook) error { taken <- k; return nil })
	})
	defer stop()
	for _, want := range []string{"crm 1", "crm 2", "crm 4"} {
		if got := string(next(t, taken).Data()); got != want {
			t.Errorf("%q came again, want %q", got, want)
		}
	}
}

func TestHooksThatAreTooLargeAreRefused(t *testing.T) {
	h := hooksOf(t, open(t))
	if err := h.Append(t.Context(), "crm", "1", bytes.Repeat([]byte("x"), 9<<20)); canon.CodeOf(err) != "hook.too_large" {
		t.Errorf("got %v, want hook.too_large", err)
	}
}
