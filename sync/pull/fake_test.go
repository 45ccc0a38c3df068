package pull_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/sync/pull"
)

// vendor has so many pages of one record in each stream; the cursor is the number of pages read.
type vendor struct {
	pages map[string]int
	// faults says at which page of a stream which error comes.
	faults map[string]map[int]error
	// stuck says of a stream that it never moves on from its first page.
	stuck map[string]bool
	// hang says of a stream that it answers only when the caller has gone.
	hang  map[string]bool
	mu    sync.Mutex
	reads []string
}

func (v *vendor) Check(context.Context) error  { return nil }
func (v *vendor) Streams() []connectors.Stream { return nil }
func (v *vendor) Close() error                 { return nil }

func (v *vendor) Pull(ctx context.Context, stream string, from canon.Cursor) (connectors.Page, error) {
	n := 0
	if from != "" {
		n, _ = strconv.Atoi(string(from))
	}
	v.mu.Lock()
	v.reads = append(v.reads, stream+string(from))
	v.mu.Unlock()
	if v.hang[stream] {
		<-ctx.Done()
		return connectors.Page{}, ctx.Err()
	}
	if err := v.faults[stream][n]; err != nil {
		return connectors.Page{}, err
	}
	if n >= v.pages[stream] {
		return connectors.Page{Next: from}, nil
	}
	page := connectors.Page{Records: []canon.Record{{Ref: canon.Ref{Stream: stream, ID: fmt.Sprint(n)}}}, Next: canon.Cursor(fmt.Sprint(n + 1)), More: n+1 < v.pages[stream], Total: int64(v.pages[stream])}
	if v.stuck[stream] {
		page.Next, page.More = from, true
	}
	return page, nil
}

// hub is what stands behind the belt: it commits what comes when it is told to, or at once.
type hub struct {
	mu      sync.Mutex
	sent    []canon.Batch
	cursors map[string]canon.Cursor
	begun   []string
	failed  map[string]*canon.Error
	succeed map[string]int
	// most is the highest number of batches of a line that were under way at once.
	most, lines int
	// commit is asked before each commit; nil commits at once. mute keeps receipts back.
	commit func(canon.Batch)
	mute   bool
}

func newHub() *hub {
	return &hub{cursors: map[string]canon.Cursor{}, failed: map[string]*canon.Error{}, succeed: map[string]int{}}
}

func (h *hub) Checkpoint(_ context.Context, _, stream string) (canon.Cursor, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.cursors[stream], nil
}

func (h *hub) Begin(_ context.Context, _, _, stream string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.begun = append(h.begun, stream)
	return nil
}

func (h *hub) Fail(_ context.Context, _, _, stream string, why *canon.Error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failed[stream] = why
	return nil
}

// line is one way to the hub, with a goroutine that commits in order.
type line struct {
	hub   *hub
	belt  chan canon.Batch
	done  chan int64
	ended chan struct{}
	open  int
}

func (h *hub) open(buffer int) (pull.Line, error) {
	l := &line{hub: h, belt: make(chan canon.Batch, 1000), done: make(chan int64, buffer), ended: make(chan struct{})}
	h.mu.Lock()
	h.lines++
	h.mu.Unlock()
	go l.run()
	return l, nil
}

func (l *line) run() {
	defer close(l.ended)
	for b := range l.belt {
		if l.hub.commit != nil {
			l.hub.commit(b)
		}
		l.hub.mu.Lock()
		if !b.Part && l.hub.cursors[b.Stream] == b.From {
			l.hub.cursors[b.Stream] = b.Next
			if b.Last {
				l.hub.succeed[b.Stream]++
			}
		}
		l.open--
		mute := l.hub.mute
		l.hub.mu.Unlock()
		if !mute {
			l.done <- b.Seq
		}
	}
}

func (l *line) Send(_ context.Context, b canon.Batch) error {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	l.open++
	l.hub.most = max(l.hub.most, l.open)
	l.hub.sent = append(l.hub.sent, b)
	l.belt <- b
	return nil
}

func (l *line) Done() <-chan int64 { return l.done }

func (l *line) Close() error {
	close(l.belt)
	<-l.ended
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	l.hub.lines--
	return nil
}
