package bus

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/lifecyclehub/hub/canon"
)

// doneHeader names the inbox that hears when a batch is committed.
const doneHeader = "Hub-Done"

// ingestName is the durable name by which the records belt is taken.
const ingestName = "ingest"

// free splits an address to listen on, and makes sure that it can be had: of a port that is taken the server tells
// late and in its own words.
func free(addr string) (host string, port int, err error) {
	host, p, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, err
	}
	if port, err = strconv.Atoi(p); err != nil {
		return "", 0, err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", 0, err
	}
	if port == 0 {
		// The server's own word for "any free port".
		port = -1
	}
	return host, port, l.Close()
}

// Receipts hears of the batches that it sent: one number, the batch's Seq, per committed batch.
type Receipts struct {
	bus   *Bus
	inbox string
	sub   *nats.Subscription
	done  chan int64
}

// Done delivers the Seq of each batch that was committed.
func (r *Receipts) Done() <-chan int64 { return r.done }

// Receipts opens an inbox. Close it.
func (b *Bus) Receipts(buffer int) (*Receipts, error) {
	r := &Receipts{bus: b, inbox: b.conn.NewInbox(), done: make(chan int64, buffer)}
	sub, err := b.conn.Subscribe(r.inbox, func(m *nats.Msg) {
		if n, err := strconv.ParseInt(string(m.Data), 10, 64); err == nil {
			select {
			case r.done <- n:
			default:
				// The sender counts what it has under way, and never more than the buffer holds.
			}
		}
	})
	if err != nil {
		return nil, err
	}
	r.sub = sub
	// The subscription must stand before the first batch is sent.
	return r, b.conn.Flush()
}

// Close closes the inbox.
func (r *Receipts) Close() error { return r.sub.Unsubscribe() }

// Send puts a batch on the records belt and returns when the server has it.
func (r *Receipts) Send(ctx context.Context, b canon.Batch) error {
	data, err := Encode(b)
	if err != nil {
		return err
	}
	if limit := r.bus.limit(); len(data) > limit {
		return canon.Errorf("batch.too_large", "a page of %s/%s is %d bytes long, and the records belt takes at most %d at once", b.Connection, b.Stream, len(data), limit).
			WithHint("make nats.url a server with a larger max_payload")
	}
	m := &nats.Msg{Subject: recordsPrefix + token(b.Connection) + "." + token(b.Stream), Data: data, Header: nats.Header{doneHeader: {r.inbox}}}
	if _, err := r.bus.js.PublishMsg(ctx, m); err != nil {
		return fmt.Errorf("records belt: %w", err)
	}
	return nil
}

// Records consumes the records belt until ctx ends: take is called with one batch after the other, in
// order. Where it returns nil the batch is taken off the belt and its sender is told; otherwise the batch is
// tried again, after a growing pause, up to half a minute: what cannot be committed now is kept.
func (b *Bus) Records(ctx context.Context, take func(context.Context, canon.Batch) error) error {
	cons, err := b.js.CreateOrUpdateConsumer(ctx, RecordsStream, jetstream.ConsumerConfig{
		Durable: ingestName, AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: 1, AckWait: 2 * time.Minute, MaxDeliver: -1,
	})
	if err != nil {
		return fmt.Errorf("records belt: %w", err)
	}
	if err := b.rewind(ctx, cons); err != nil {
		return fmt.Errorf("records belt: %w", err)
	}
	return oneByOne(ctx, cons, func(m jetstream.Msg) error {
		batch, err := Decode(m.Data())
		if err != nil {
			// Nothing can be made of the bytes. The stream's cursor stays before the page, so the page is
			// read again in the next round.
			return errors.Join(m.Term(), b.receipt(m, 0))
		}
		for pause := 100 * time.Millisecond; ; pause = min(pause*2, 30*time.Second) {
			err := take(ctx, batch)
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			_ = m.InProgress()
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(pause):
			}
		}
		if err := takeOff(ctx, m); err != nil {
			return err
		}
		return b.receipt(m, batch.Seq)
	})
}

// takeOff takes a message off its belt, also where the hub was told to stop while the message was at work.
func takeOff(ctx context.Context, m jetstream.Msg) error {
	settle, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return m.DoubleAck(settle)
}

// rewind makes a consumer of the embedded server go on right behind what was acknowledged. Without it, what
// was under way when the hub stopped would come only when the server has given up waiting for it, and behind
// what came later. An external server may have given it to another hub, which is still at work on it.
func (b *Bus) rewind(ctx context.Context, cons jetstream.Consumer) error {
	info, err := cons.Info(ctx)
	if err != nil || b.server == nil || info.NumAckPending == 0 {
		return err
	}
	_, err = b.js.ResetConsumer(ctx, info.Stream, info.Name)
	return err
}

// receipt tells the sender of a batch that it is off the belt.
func (b *Bus) receipt(m jetstream.Msg, seq int64) error {
	if inbox := m.Headers().Get(doneHeader); inbox != "" {
		return b.conn.Publish(inbox, strconv.AppendInt(nil, seq, 10))
	}
	return nil
}

// RecordsWaiting returns how many batches are on the records belt.
func (b *Bus) RecordsWaiting(ctx context.Context) (uint64, error) {
	s, err := b.js.Stream(ctx, RecordsStream)
	if err != nil {
		return 0, err
	}
	return s.CachedInfo().State.Msgs, nil
}

// heartbeat is how often the server says that it still knows of a request for messages. After two that are
// missing the messages are asked for again.
const heartbeat = time.Second

// consume hands messages to fn, one at a time, until ctx ends. An error of fn ends it.
func consume(ctx context.Context, cons jetstream.Consumer, ahead int, fn func(jetstream.Msg) error) error {
	return iterate(ctx, cons, ahead, func(it jetstream.MessagesContext) error {
		m, err := it.Next()
		if err != nil {
			return err
		}
		return fn(m)
	})
}

// iterate calls step until ctx ends, which then is no error, or until it fails.
func iterate(ctx context.Context, cons jetstream.Consumer, ahead int, step func(jetstream.MessagesContext) error) error {
	// A heartbeat that is missing, as when a laptop wakes up, is no reason to stop: the messages are asked for
	// again.
	it, err := cons.Messages(jetstream.PullMaxMessages(ahead), jetstream.PullHeartbeat(heartbeat), jetstream.WithMessagesErrOnMissingHeartbeat(false))
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, it.Stop)
	defer stop()
	defer it.Stop()
	for {
		if err := step(it); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
}

// oneByOne hands messages to fn, asking for each only when the one before is done with, until ctx ends. An
// error of fn ends it.
func oneByOne(ctx context.Context, cons jetstream.Consumer, fn func(jetstream.Msg) error) error {
	// Without a deadline: one that is over a moment before the context says so is refused as an option.
	asking, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	for ctx.Err() == nil {
		m, err := cons.Next(jetstream.FetchContext(asking))
		switch {
		case asking.Err() != nil:
			return nil
		case errors.Is(err, nats.ErrTimeout) || errors.Is(err, jetstream.ErrNoHeartbeat):
			continue
		case err != nil:
			return err
		}
		if err := fn(m); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
	return nil
}
