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

// The headers of a change on the belt.
const (
	positionHeader = "Hub-Position"
	typeHeader     = "Hub-Type"
	customerHeader = "Hub-Customer"
)

// ChangeSubject returns the subject that a change travels on: hub.changes.<customer>.<type>, so that a
// subscriber can follow one customer (hub.changes.cus_1.>), one kind (hub.changes.*.invoice.>) or all
// (hub.changes.>).
func ChangeSubject(c canon.Change) string { return changesPrefix + token(c.Customer) + "." + c.Type }

// publishAhead is how many changes are sent before the server has confirmed the first of them.
const publishAhead = 512

// PublishChanges puts changes on the belt, in order, and returns when the server has them all. A change
// sent twice within minutes is kept once.
func (b *Bus) PublishChanges(ctx context.Context, cs []canon.Change) error {
	for piece := range slices.Chunk(cs, publishAhead) {
		if err := b.publish(ctx, piece); err != nil {
			return err
		}
	}
	return nil
}

func (b *Bus) publish(ctx context.Context, cs []canon.Change) error {
	acks := make([]jetstream.PubAckFuture, 0, len(cs))
	for _, c := range cs {
		data, err := json.Marshal(c)
		if err != nil {
			return err
		}
		m := &nats.Msg{Subject: ChangeSubject(c), Data: data, Header: nats.Header{
			jetstream.MsgIDHeader: {c.ID}, positionHeader: {strconv.FormatInt(c.Position, 10)}, typeHeader: {c.Type}, customerHeader: {c.Customer}}}
		ack, err := b.js.PublishMsgAsync(m)
		if err != nil {
			return fmt.Errorf("changes belt: %w", err)
		}
		acks = append(acks, ack)
	}
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

// LastChange returns the position of the newest change on the belt, 0 where none is there. fresh says that
// the belt never held one.
func (b *Bus) LastChange(ctx context.Context) (position int64, fresh bool, err error) {
	s, err := b.js.Stream(ctx, ChangesStream)
	if err != nil {
		return 0, false, err
	}
	state := s.CachedInfo().State
	// Messages that are not ours stand in the way of the newest change; beyond so many the belt tells nothing.
	const foreign = 1000
	for seq := state.LastSeq; seq >= max(state.FirstSeq, 1) && state.LastSeq-seq < foreign; seq-- {
		m, err := s.GetMsg(ctx, seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return 0, false, err
		}
		if position, err := strconv.ParseInt(m.Header.Get(positionHeader), 10, 64); err == nil {
			return position, false, nil
		}
	}
	return 0, state.LastSeq == 0, nil
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
		var c canon.Change
		if err := json.Unmarshal(m.Data(), &c); err != nil || c.ID == "" {
			// A message that is not ours does not stop the line.
			continue
		}
		batch = append(batch, c)
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

// ChangesWaiting returns how many changes a durable name has still to take, including those under way.
func (b *Bus) ChangesWaiting(ctx context.Context, name string) (uint64, error) {
	cons, err := b.js.Consumer(ctx, ChangesStream, token(name))
	if err != nil {
		if errors.Is(err, jetstream.ErrConsumerNotFound) {
			return 0, nil
		}
		return 0, err
	}
	// The server's own count of what is pending follows a publication only after a moment. What the stream
	// holds is exact, and is asked second, so that the answer is never too low.
	s, err := b.js.Stream(ctx, ChangesStream)
	if err != nil {
		return 0, err
	}
	i, state := cons.CachedInfo(), s.CachedInfo().State
	waiting := uint64(i.NumAckPending)
	if behind := max(i.Delivered.Stream+1, state.FirstSeq); state.LastSeq >= behind {
		waiting += state.LastSeq - behind + 1
	}
	return waiting, nil
}

// Follow calls take with each change behind position after, and then with new ones as they come, until ctx
// ends. Nothing is kept of where it stopped.
func (b *Bus) Follow(ctx context.Context, after int64, take func(canon.Change) error) error {
	cons, err := b.js.OrderedConsumer(ctx, ChangesStream, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy})
	if err != nil {
		return fmt.Errorf("changes belt: %w", err)
	}
	return consume(ctx, cons, 256, func(m jetstream.Msg) error {
		var c canon.Change
		if json.Unmarshal(m.Data(), &c) != nil || c.ID == "" || c.Position <= after {
			return nil
		}
		return take(c)
	})
}

// FollowNew is Follow for changes that come from now on.
func (b *Bus) FollowNew(ctx context.Context, take func(canon.Change) error) error {
	cons, err := b.js.OrderedConsumer(ctx, ChangesStream, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverNewPolicy})
	if err != nil {
		return fmt.Errorf("changes belt: %w", err)
	}
	return consume(ctx, cons, 256, func(m jetstream.Msg) error {
		var c canon.Change
		if json.Unmarshal(m.Data(), &c) != nil || c.ID == "" {
			return nil
		}
		return take(c)
	})
}
