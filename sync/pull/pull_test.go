package pull_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/lifecyclehub/hub/bus"
	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/sync/pull"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func whole(b canon.Batch) []canon.Batch { return []canon.Batch{b} }

func runner(h *hub) *pull.Runner {
	return &pull.Runner{Checkpoints: h, Open: h.open, Split: whole, Ahead: 3, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
}

func source(v *vendor, streams ...string) []pull.Source {
	return []pull.Source{{Connection: "crm", Connector: "hubspot", Conn: v, Streams: streams}}
}

func TestRoundReadsEachStreamToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, v := newHub(), &vendor{pages: map[string]int{"a": 5, "b": 1, "c": 0}}
		r := runner(h)
		var mu sync.Mutex
		var last []pull.Progress
		r.OnProgress = func(p pull.Progress) {
			mu.Lock()
			defer mu.Unlock()
			if p.Done {
				last = append(last, p)
			}
		}
		if err := r.Round(t.Context(), source(v, "a", "b", "c")); err != nil {
			t.Fatal(err)
		}
		// An empty round marks success, too.
		if diff := cmp.Diff(map[string]int{"a": 1, "b": 1, "c": 1}, h.succeed); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"a", "a1", "a2", "a3", "a4", "b", "c"}, v.reads); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"a", "b", "c"}, h.begun); diff != "" {
			t.Error(diff)
		}
		for i, b := range h.sent[:5] {
			if b.Seq != int64(i+1) || b.Last != (i == 4) || b.From != cursor(i) || b.Next != cursor(i+1) || b.Run != h.sent[0].Run || b.Total != 5 || b.Connector != "hubspot" {
				t.Errorf("batch %d is %+v", i, b)
			}
		}
		if diff := cmp.Diff([]pull.Progress{{Connection: "crm", Stream: "a", Records: 5, Done: true}, {Connection: "crm", Stream: "b", Records: 1, Done: true}, {Connection: "crm", Stream: "c", Done: true}}, last); diff != "" {
			t.Error(diff)
		}
		// The next round goes on from there: nothing is new, and that is a success.
		if err := r.Round(t.Context(), source(v, "a")); err != nil || h.succeed["a"] != 2 || h.cursors["a"] != "5" {
			t.Errorf("the next round: %v, %d successes, cursor %q", err, h.succeed["a"], h.cursors["a"])
		}
	})
}

func cursor(n int) canon.Cursor {
	if n == 0 {
		return ""
	}
	return canon.Cursor(fmt.Sprint(n))
}

func TestNeverMoreThanAheadAreUnderWay(t *testing.T) {
	for _, ahead := range []int{0, 1, 3} {
		t.Run(fmt.Sprint(ahead), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, v := newHub(), &vendor{pages: map[string]int{"a": 20}}
				// Each commit waits until nobody else can go on, so the puller gets as far ahead as it may.
				h.commit = func(canon.Batch) { <-time.After(time.Second) }
				r := runner(h)
				r.Ahead = ahead
				r.Split = func(b canon.Batch) []canon.Batch {
					p := b
					p.Part, p.Next, p.Last = true, b.From, false
					return []canon.Batch{p, b}
				}
				if err := r.Round(t.Context(), source(v, "a")); err != nil {
					t.Fatal(err)
				}
				if h.most != ahead+1 {
					t.Errorf("%d batches were under way at once, want %d", h.most, ahead+1)
				}
				var seqs []int64
				for _, b := range h.sent {
					seqs = append(seqs, b.Seq)
				}
				if len(seqs) != 40 || !slices.IsSorted(seqs) || h.cursors["a"] != "20" {
					t.Errorf("%d parts went out in the order %v up to cursor %q", len(seqs), seqs, h.cursors["a"])
				}
			})
		})
	}
}

func TestAFailingStreamDoesNotStopTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		denied := canon.Errorf("auth.denied", "the key was refused")
		h := newHub()
		v := &vendor{pages: map[string]int{"a": 5, "b": 2}, faults: map[string]map[int]error{"a": {3: denied}}}
		other := &vendor{pages: map[string]int{"x": 2}}
		sources := append(source(v, "a", "b"), pull.Source{Connection: "billing", Conn: other, Streams: []string{"x"}})
		err := runner(h).Round(t.Context(), sources)
		if !errors.Is(err, denied) || canon.CodeOf(err) != "auth.denied" {
			t.Errorf("got %v, want auth.denied", err)
		}
		if h.failed["a"] != denied || len(h.failed) != 1 {
			t.Errorf("kept as failed: %v", h.failed)
		}
		// What was read before the fault is committed, and no success.
		if h.cursors["a"] != "3" || h.succeed["a"] != 0 {
			t.Errorf("the failed stream stands at %q with %d successes, want 3 and none", h.cursors["a"], h.succeed["a"])
		}
		if h.succeed["b"] != 1 || h.succeed["x"] != 1 {
			t.Errorf("the others succeeded: %v", h.succeed)
		}
		delete(v.faults["a"], 3)
		v.reads = nil
		if err := runner(h).Round(t.Context(), source(v, "a")); err != nil || h.cursors["a"] != "5" || v.reads[0] != "a3" {
			t.Errorf("the next round: %v, cursor %q, reads %v", err, h.cursors["a"], v.reads)
		}
	})
}

func TestAStreamThatDoesNotMoveOnEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, v := newHub(), &vendor{pages: map[string]int{"a": 2}, stuck: map[string]bool{"a": true}}
		err := runner(h).Round(t.Context(), source(v, "a"))
		if canon.CodeOf(err) != "page.loop" || h.failed["a"] == nil || h.failed["a"].Code != "page.loop" || h.failed["a"].Hint == "" {
			t.Errorf("got %v, kept %v; want page.loop with a hint", err, h.failed["a"])
		}
		if len(v.reads) != 1 || len(h.sent) != 1 {
			t.Errorf("the page was read %d times and sent %d times, want once", len(v.reads), len(h.sent))
		}
	})
}

func TestFaultsOfTheBeltAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, v := newHub(), &vendor{pages: map[string]int{"a": 2}}
		r := runner(h)
		r.Open = func(int) (pull.Line, error) { return nil, errors.New("the belt is gone") }
		if err := r.Round(t.Context(), source(v, "a")); err == nil || h.failed["a"] == nil || h.failed["a"].Code != "internal" {
			t.Errorf("got %v, kept %v", err, h.failed["a"])
		}
	})
}

// TestCancelEndsAtOnce stops a round that waits for its vendor, and one that waits for commits.
func TestCancelEndsAtOnce(t *testing.T) {
	for what, hang := range map[string]bool{"vendor": true, "commit": false} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, v := newHub(), &vendor{pages: map[string]int{"a": 100, "b": 1}, hang: map[string]bool{"a": hang}}
				ctx, cancel := context.WithCancel(t.Context())
				h.commit = func(canon.Batch) { <-ctx.Done() }
				ended := make(chan error, 1)
				go func() { ended <- runner(h).Round(ctx, source(v, "a", "b")) }()
				synctest.Wait()
				begun := time.Now()
				cancel()
				if err := <-ended; !errors.Is(err, context.Canceled) {
					t.Errorf("got %v, want context.Canceled", err)
				}
				if took := time.Since(begun); took > 0 {
					t.Errorf("it took %s to end", took)
				}
				// Stopped is not failed, and nothing else was begun.
				if len(h.failed) != 0 || len(h.begun) != 1 || h.lines != 0 {
					t.Errorf("failed %v, begun %v, %d lines are open", h.failed, h.begun, h.lines)
				}
			})
		})
	}
}

// TestLostReceiptsDoNotHoldARoundForever: the stored cursor tells that all was committed.
func TestLostReceiptsDoNotHoldARoundForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, v := newHub(), &vendor{pages: map[string]int{"a": 9}}
		h.mute = true
		begun := time.Now()
		if err := runner(h).Round(t.Context(), source(v, "a")); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); h.cursors["a"] != "9" || h.most > 4 || took > 10*time.Minute {
			t.Errorf("the round ended after %s at %q, with up to %d under way", took, h.cursors["a"], h.most)
		}
	})
}

// TestASilentBeltEndsTheRound: where the cursor does not move, as in an empty round, it cannot tell.
func TestASilentBeltEndsTheRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, v := newHub(), &vendor{}
		h.mute = true
		err := runner(h).Round(t.Context(), source(v, "a"))
		if e := canon.AsError(err); e == nil || e.Code != "belt.silent" || !e.Retry || h.failed["a"] != e {
			t.Errorf("got %v, kept %v; want belt.silent", err, h.failed["a"])
		}
	})
}

// TestRoundOverTheRealBelt pulls two connections over the embedded server.
func TestRoundOverTheRealBelt(t *testing.T) {
	b, err := bus.Open(t.Context(), bus.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	h := newHub()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	taken := map[string][]string{}
	go func() {
		ended <- b.Records(ctx, func(_ context.Context, b canon.Batch) error {
			h.mu.Lock()
			defer h.mu.Unlock()
			for _, r := range b.Records {
				taken[b.Stream] = append(taken[b.Stream], r.ID)
			}
			if h.cursors[b.Stream] == b.From {
				h.cursors[b.Stream] = b.Next
			}
			return nil
		})
	}()
	r := runner(h)
	r.Split = b.Split
	r.Open = func(buffer int) (pull.Line, error) { return b.Receipts(buffer) }
	sources := append(source(&vendor{pages: map[string]int{"a": 40}}, "a"), pull.Source{Connection: "billing", Conn: &vendor{pages: map[string]int{"x": 25}}, Streams: []string{"x"}})
	if err := r.Round(t.Context(), sources); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	want := map[string][]string{}
	for i := range 40 {
		want["a"] = append(want["a"], fmt.Sprint(i))
		if i < 25 {
			want["x"] = append(want["x"], fmt.Sprint(i))
		}
	}
	if diff := cmp.Diff(want, taken); diff != "" {
		t.Errorf("committed (-want +got):\n%s", diff)
	}
}

// TestReceiptsThatComeTwiceCountOnce: else the puller would run further ahead than it may.
func TestReceiptsThatComeTwiceCountOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, v := newHub(), &vendor{pages: map[string]int{"a": 20}}
		h.commit = func(canon.Batch) { <-time.After(time.Second) }
		r := runner(h)
		r.Open = func(buffer int) (pull.Line, error) {
			l, err := h.open(buffer)
			return twice{l, make(chan int64, 2*buffer)}.start(), err
		}
		if err := r.Round(t.Context(), source(v, "a")); err != nil {
			t.Fatal(err)
		}
		if h.most != 4 || h.cursors["a"] != "20" {
			t.Errorf("%d batches were under way at once, want 4; the cursor is %q", h.most, h.cursors["a"])
		}
	})
}

// twice is a line whose receipts all come twice.
type twice struct {
	pull.Line
	done chan int64
}

func (l twice) start() twice {
	inner := l.Line.(*line)
	go func() {
		for {
			select {
			case seq := <-inner.done:
				l.done <- seq
				l.done <- seq
			case <-inner.ended:
				return
			}
		}
	}()
	return l
}

func (l twice) Done() <-chan int64 { return l.done }
