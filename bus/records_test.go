package bus_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/lifecyclehub/hub/bus"
	"github.com/lifecyclehub/hub/canon"
)

func batch(seq int64) canon.Batch {
	return canon.Batch{Connection: "crm eu.1", Connector: "hubspot", Stream: "contacts", Run: "r", Seq: seq, Next: canon.Cursor(fmt.Sprint("c", seq)),
		Records: []canon.Record{{Ref: canon.Ref{Connection: "crm eu.1", Stream: "contacts", ID: fmt.Sprint(seq)}, Raw: []byte(`{"a":1}`)}}}
}

func receipts(t *testing.T, b *bus.Bus) *bus.Receipts {
	t.Helper()
	r, err := b.Receipts(64)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func send(t *testing.T, r *bus.Receipts, from, to int64) {
	t.Helper()
	for seq := from; seq <= to; seq++ {
		if err := r.Send(t.Context(), batch(seq)); err != nil {
			t.Fatal(err)
		}
	}
}

func waiting(t *testing.T, b *bus.Bus) uint64 {
	t.Helper()
	n, err := b.RecordsWaiting(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRecordsComeInOrderAndAreReceipted(t *testing.T) {
	b := open(t)
	r := receipts(t, b)
	send(t, r, 1, 20)
	if n := waiting(t, b); n != 20 {
		t.Errorf("%d batches wait, want 20", n)
	}
	taken := make(chan canon.Batch, 64)
	stop := run(t, func(ctx context.Context) error {
		return b.Records(ctx, func(_ context.Context, b canon.Batch) error { taken <- b; return nil })
	})
	send(t, r, 21, 40)
	for seq := int64(1); seq <= 40; seq++ {
		got := next(t, taken)
		if got.Seq != seq || got.Connection != "crm eu.1" || !bytes.Equal(got.Records[0].Raw, []byte(`{"a":1}`)) {
			t.Fatalf("batch %+v came, want number %d", got, seq)
		}
		if done := next(t, r.Done()); done != seq {
			t.Fatalf("a receipt for %d came, want %d", done, seq)
		}
	}
	stop()
	if n := waiting(t, b); n != 0 {
		t.Errorf("%d batches still wait", n)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestRecordsThatCannotBeTakenAreTriedAgain(t *testing.T) {
	b := open(t)
	r := receipts(t, b)
	taken := make(chan int64, 8)
	fails := 2
	run(t, func(ctx context.Context) error {
		return b.Records(ctx, func(_ context.Context, b canon.Batch) error {
			taken <- b.Seq
			if b.Seq == 1 && fails > 0 {
				fails--
				return errors.New("the store is not there")
			}
			return nil
		})
	})
	send(t, r, 1, 2)
	for i, want := range []int64{1, 1, 1, 2} {
		if got := next(t, taken); got != want {
			t.Errorf("try %d was of batch %d, want %d", i, got, want)
		}
	}
	for want := int64(1); want <= 2; want++ {
		if got := next(t, r.Done()); got != want {
			t.Errorf("a receipt for %d came, want %d", got, want)
		}
	}
}

// TestRecordsSurviveARestart stops the hub in the middle of a batch: the next one goes on with it at once.
func TestRecordsSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	first := dial(t, bus.Options{Dir: dir})
	send(t, receipts(t, first), 1, 3)
	entered := make(chan int64, 8)
	stop := run(t, func(ctx context.Context) error {
		return first.Records(ctx, func(ctx context.Context, b canon.Batch) error {
			entered <- b.Seq
			if b.Seq == 1 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		})
	})
	if a, b := next(t, entered), next(t, entered); a != 1 || b != 2 {
		t.Fatalf("batches %d and %d came, want 1 and 2", a, b)
	}
	stop()
	shut(t, first)
	second := dial(t, bus.Options{Dir: dir})
	defer shut(t, second)
	taken := make(chan int64, 8)
	stop = run(t, func(ctx context.Context) error {
		return second.Records(ctx, func(_ context.Context, b canon.Batch) error { taken <- b.Seq; return nil })
	})
	defer stop()
	for want := int64(2); want <= 3; want++ {
		if got := next(t, taken); got != want {
			t.Fatalf("batch %d came, want %d", got, want)
		}
	}
}

func TestWhatIsNoBatchDoesNotStopTheLine(t *testing.T) {
	b := dial(t, bus.Options{Dir: t.TempDir(), Listen: "127.0.0.1:0"})
	defer shut(t, b)
	conn, err := nats.Connect(b.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	taken := make(chan int64, 8)
	stop := run(t, func(ctx context.Context) error {
		return b.Records(ctx, func(_ context.Context, b canon.Batch) error { taken <- b.Seq; return nil })
	})
	defer stop()
	if _, err := conn.Request("hub.records.x.y", []byte("this is no batch"), patience); err != nil {
		t.Fatal(err)
	}
	send(t, receipts(t, b), 1, 1)
	if got := next(t, taken); got != 1 {
		t.Errorf("batch %d came, want 1", got)
	}
}

// TestLargePagesTravelInParts sends more than one message holds.
func TestLargePagesTravelInParts(t *testing.T) {
	b := open(t)
	r := receipts(t, b)
	page := batch(0)
	page.Records = nil
	for i := range 5 {
		page.Records = append(page.Records, canon.Record{Ref: canon.Ref{ID: fmt.Sprint(i)}, Raw: bytes.Repeat([]byte{byte('a' + i)}, 3<<20)})
	}
	page.Records = append(page.Records, canon.Record{Ref: canon.Ref{ID: "huge"}, Raw: bytes.Repeat([]byte("x"), 9<<20)})
	if err := r.Send(t.Context(), page); canon.CodeOf(err) != "batch.too_large" {
		t.Errorf("an unsplit page: %v", err)
	}
	taken := make(chan canon.Batch, 8)
	run(t, func(ctx context.Context) error {
		return b.Records(ctx, func(_ context.Context, b canon.Batch) error { taken <- b; return nil })
	})
	parts := b.Split(page)
	for _, p := range parts {
		if err := r.Send(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for range parts {
		got := next(t, taken)
		for _, rec := range got.Records {
			if want := bytes.Repeat([]byte{byte('a' + n)}, 3<<20); rec.ID != fmt.Sprint(n) || !bytes.Equal(rec.Raw, want) {
				t.Errorf("record %s came with other bytes, or out of order", rec.ID)
			}
			n++
		}
		if !got.Part && (len(got.Rejects) != 1 || got.Rejects[0].RecordID != "huge") {
			t.Errorf("the last part carries %d rejects, want the huge record", len(got.Rejects))
		}
	}
	if n != 5 {
		t.Errorf("%d records came, want 5", n)
	}
}

// TestPagesFitAServerThatTakesLess dials a server with the usual limit of 1 MiB.
func TestPagesFitAServerThatTakesLess(t *testing.T) {
	s, err := server.NewServer(&server.Options{JetStream: true, StoreDir: t.TempDir(), Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	defer func() { s.Shutdown(); s.WaitForShutdown() }()
	if !s.ReadyForConnections(patience) {
		t.Fatal("the server does not start")
	}
	b := dial(t, bus.Options{URL: s.ClientURL()})
	defer shut(t, b)
	page := batch(1)
	page.Records = nil
	for i := range 30 {
		page.Records = append(page.Records, canon.Record{Ref: canon.Ref{ID: fmt.Sprint(i)}, Raw: bytes.Repeat([]byte("x"), 100<<10)})
	}
	r := receipts(t, b)
	parts := b.Split(page)
	for _, p := range parts {
		if err := r.Send(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if n := waiting(t, b); n != uint64(len(parts)) || n < 3 {
		t.Errorf("%d batches wait of %d parts", n, len(parts))
	}
}

func TestRecordsEndWithTheirContext(t *testing.T) {
	b := open(t)
	for range 2 { // idle, and again
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if err := b.Records(ctx, func(context.Context, canon.Batch) error { return nil }); err != nil {
			t.Error(err)
		}
		cancel()
	}
}
