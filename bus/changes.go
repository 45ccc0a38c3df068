package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/lifecyclehub/hub/canon"
)

// publishAhead is how many changes are sent before the server has confirmed the first of them.
const publishAhead = 512

// PublishChanges puts changes on the belt, in order, and returns when the server has them all. A change
// sent twice within minutes is kept once.
func (b *Bus) PublishChanges(ctx context.Context, cs []canon.Change) error {
	return b.publish(ctx, cs, func(nats.Header) {})
}

// PublishAgain puts changes on the belt that were there before, marked as such: subscribers hear them once more under
// the ids that they had, and the hub itself does not. run tells one such sending from another; reached is the position
// up to which changes had been sent before.
func (b *Bus) PublishAgain(ctx context.Context, cs []canon.Change, run string, reached int64) error {
	return b.publish(ctx, cs, func(h nats.Header) {
		h[jetstream.MsgIDHeader] = []string{h[jetstream.MsgIDHeader][0] + "/" + run}
		h[againHeader] = []string{strconv.FormatInt(reached, 10)}
	})
}

func (b *Bus) publish(ctx context.Context, cs []canon.Change, mark func(nats.Header)) error {
	for piece := range slices.Chunk(cs, publishAhead) {
		acks := make([]jetstream.PubAckFuture, 0, len(piece))
		for _, c := range piece {
			data, err := json.Marshal(c)
			if err != nil {
				return err
			}
			m := &nats.Msg{Subject: ChangeSubject(c), Data: data, Header: headers(c, b.source)}
			mark(m.Header)
			ack, err := b.js.PublishMsgAsync(m)
			if err != nil {
				return fmt.Errorf("changes belt: %w", err)
			}
			acks = append(acks, ack)
		}
		if err := confirmed(ctx, acks); err != nil {
			return err
		}
	}
	return nil
}

func confirmed(ctx context.Context, acks []jetstream.PubAckFuture) error {
	for _, a := range acks {
		select {
		case <-a.Ok():
		case err := <-a.Err():
			return fmt.Errorf("changes belt: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Durable makes sure that a durable name has its place on the changes belt: it hears of everything that
// the belt holds and of all that comes.
func (b *Bus) Durable(ctx context.Context, name string) (jetstream.Consumer, error) {
	cons, err := b.js.CreateOrUpdateConsumer(ctx, ChangesStream, jetstream.ConsumerConfig{
		Durable: token(name), AckPolicy: jetstream.AckExplicitPolicy, AckWait: 2 * time.Minute, MaxDeliver: -1, MaxAckPending: 4096,
	})
	if err != nil {
		return nil, fmt.Errorf("changes belt: %w", err)
	}
	return cons, nil
}

// Changes consumes the changes belt under a durable name until ctx ends, from where that name stopped: take
// is called with batches of at most n changes, in order. Where it fails, the batch is tried again after a
// growing pause. After a crash a batch may come twice.
func (b *Bus) Changes(ctx context.Context, name string, n int, take func(context.Context, []canon.Change) error) error {
	cons, err := b.Durable(ctx, name)
	if err == nil {
		err = b.rewind(ctx, cons)
	}
	if err == nil {
		err = iterate(ctx, cons, n, func(it jetstream.MessagesContext) error {
			got, err := gather(it, n)
			if err != nil {
				return err
			}
			return hand(ctx, got, take)
		})
	}
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("changes belt: %w", err)
	}
	return nil
}

// gather waits for a message and returns it with what waits behind it, at most n.
func gather(it jetstream.MessagesContext, n int) ([]jetstream.Msg, error) {
	m, err := it.Next()
	if err != nil {
		return nil, err
	}
	got := []jetstream.Msg{m}
	for len(got) < n {
		meta, err := m.Metadata()
		if err != nil {
			return got, err
		}
		// How much waits is told as of when the message was sent to us. What came since, as while the batch
		// before was taken, is with us already: a moment is enough for it. The rest of what waits comes at
		// once; should it not, the batch goes without.
		wait := time.Second
		if meta.NumPending == 0 {
			wait = 2 * time.Millisecond
		}
		if m, err = it.Next(jetstream.NextMaxWait(wait)); errors.Is(err, nats.ErrTimeout) {
			break
		}
		if err != nil {
			return nil, err
		}
		got = append(got, m)
	}
	return got, nil
}

// hand gives a batch to take until it is taken, and then takes it off the belt.
func hand(ctx context.Context, got []jetstream.Msg, take func(context.Context, []canon.Change) error) error {
	batch := make([]canon.Change, 0, len(got))
	for _, m := range got {
		if c, ok := news(m); ok {
			batch = append(batch, c)
		}
	}
	for pause := 100 * time.Millisecond; len(batch) > 0; pause = min(pause*2, 30*time.Second) {
		if err := take(ctx, batch); err == nil {
			break
		}
		for _, m := range got {
			_ = m.InProgress()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
	// Each on its own: to acknowledge the last for all would also take off the belt what another hub, or a
	// lost connection, still holds.
	last := len(got) - 1
	for _, m := range got[:last] {
		if err := m.Ack(); err != nil {
			return err
		}
	}
	return takeOff(ctx, got[last])
}

// Follow calls take with each change behind position after, and then with new ones as they come, until ctx
// ends. Nothing is kept of where it stopped.
func (b *Bus) Follow(ctx context.Context, after int64, take func(canon.Change) error) error {
	cons, err := b.js.OrderedConsumer(ctx, ChangesStream, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy})
	if err != nil {
		return fmt.Errorf("changes belt: %w", err)
	}
	return consume(ctx, cons, 256, func(m jetstream.Msg) error {
		if c, ok := news(m); ok && c.Position > after {
			return take(c)
		}
		return nil
	})
}

// FollowNew is Follow for changes that come from now on.
func (b *Bus) FollowNew(ctx context.Context, take func(canon.Change) error) error {
	cons, err := b.js.OrderedConsumer(ctx, ChangesStream, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverNewPolicy})
	if err != nil {
		return fmt.Errorf("changes belt: %w", err)
	}
	return consume(ctx, cons, 256, func(m jetstream.Msg) error {
		if c, ok := news(m); ok {
			return take(c)
		}
		return nil
	})
}

// news reads a change that the hub itself is to hear of. A message that is not ours does not stop the line, and what
// is sent again was heard before.
func news(m jetstream.Msg) (canon.Change, bool) {
	var c canon.Change
	if m.Headers().Get(againHeader) != "" {
		return c, false
	}
	err := json.Unmarshal(m.Data(), &c)
	return c, err == nil && c.ID != ""
}
