package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

// PublishChanges puts changes on the belt, in order, and returns when the server has them all. A change
// sent twice within minutes is kept once.
func (b *Bus) PublishChanges(ctx context.Context, cs []canon.Change) error {
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
	if state.Msgs == 0 {
		return 0, state.LastSeq == 0, nil
	}
	m, err := s.GetMsg(ctx, state.LastSeq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	position, err = strconv.ParseInt(m.Header.Get(positionHeader), 10, 64)
	if err != nil {
		return 0, false, fmt.Errorf("changes belt: position %q: %w", m.Header.Get(positionHeader), err)
	}
	return position, false, nil
}

// Durable makes sure that a durable name has its place on the changes belt: it hears of everything that
// the belt holds and of all that comes.
func (b *Bus) Durable(ctx context.Context, name string) (jetstream.Consumer, error) {
	cons, err := b.js.CreateOrUpdateConsumer(ctx, ChangesStream, jetstream.ConsumerConfig{
		Durable: token(name), AckPolicy: jetstream.AckAllPolicy, AckWait: 2 * time.Minute, MaxDeliver: -1, MaxAckPending: 4096,
	})
	if err != nil {
		return nil, fmt.Errorf("changes belt: %w", err)
	}
	return cons, nil
}

// Changes consumes the changes belt under a durable name until ctx ends, from where that name stopped: take
// is called with batches of at most n changes, in order. Where it fails, the batch is tried again after a
// growing pause.
func (b *Bus) Changes(ctx context.Context, name string, n int, take func(context.Context, []canon.Change) error) error {
	cons, err := b.Durable(ctx, name)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		if err := b.changes(ctx, cons, n, take); err != nil && ctx.Err() == nil {
			return fmt.Errorf("changes belt: %w", err)
		}
	}
	return nil
}

// changes takes one batch: what is there now, or the first that comes.
func (b *Bus) changes(ctx context.Context, cons jetstream.Consumer, n int, take func(context.Context, []canon.Change) error) error {
	got, err := fetch(ctx, cons, n)
	if err != nil || len(got) == 0 {
		return err
	}
	batch := make([]canon.Change, 0, len(got))
	for _, m := range got {
		var c canon.Change
		if err := json.Unmarshal(m.Data(), &c); err != nil {
			// A message that is not ours does not stop the line.
			continue
		}
		batch = append(batch, c)
	}
	last := got[len(got)-1]
	for pause := 100 * time.Millisecond; ; pause = min(pause*2, 30*time.Second) {
		if err := take(ctx, batch); err == nil {
			break
		}
		_ = last.InProgress()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
	return last.DoubleAck(ctx)
}

// fetch returns what waits on the belt at once, at most n messages, or waits for the first.
func fetch(ctx context.Context, cons jetstream.Consumer, n int) ([]jetstream.Msg, error) {
	all := func(b jetstream.MessageBatch, err error) ([]jetstream.Msg, error) {
		if err != nil {
			return nil, err
		}
		var out []jetstream.Msg
		for m := range b.Messages() {
			out = append(out, m)
		}
		return out, b.Error()
	}
	got, err := all(cons.FetchNoWait(n))
	if err != nil || len(got) > 0 {
		return got, ignoreTimeout(err)
	}
	wait, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	got, err = all(cons.Fetch(1, jetstream.FetchContext(wait)))
	return got, ignoreTimeout(err)
}

func ignoreTimeout(err error) error {
	if errors.Is(err, nats.ErrTimeout) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, jetstream.ErrNoMessages) {
		return nil
	}
	return err
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
	i := cons.CachedInfo()
	return i.NumPending + uint64(i.NumAckPending), nil
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
		if json.Unmarshal(m.Data(), &c) != nil || c.Position <= after {
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
		if json.Unmarshal(m.Data(), &c) != nil {
			return nil
		}
		return take(c)
	})
}
