package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/lifecyclehub/hub/canon"
)

// HooksStream holds the calls of vendors from when they were answered until what they tell is committed. It is
// the one thing on the bus that the store cannot refill.
const HooksStream = "HUB_HOOKS"

const hooksPrefix = "hub.hooks."

const (
	// hooksRemembered is how long the id of a call is known, so that the same call is kept once.
	hooksRemembered = 10 * time.Minute
	// hooksAtOnce is how many calls of a connection may be at work, hooksAhead how many are read ahead of that.
	hooksAtOnce = 1000
	hooksAhead  = 32
	// hooksWait is how long the server waits to hear of a call that is at work.
	hooksWait = 2 * time.Minute
)

// Hooks is the stream of vendors' calls. Each connection has a lane of its own.
type Hooks struct{ bus *Bus }

// Hooks makes sure that the stream is there.
func (b *Bus) Hooks(ctx context.Context) (*Hooks, error) {
	_, err := b.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: HooksStream, Description: "calls of vendors, until what they tell is committed", Subjects: []string{hooksPrefix + ">"},
		Retention: jetstream.WorkQueuePolicy, Storage: jetstream.FileStorage, Duplicates: hooksRemembered, MaxMsgSize: maxPayload + 1<<15,
	})
	if err != nil {
		return nil, canon.Errorf("bus.open", "the stream %s cannot be used: %w", HooksStream, err).WithHint("the account must be allowed to create streams")
	}
	return &Hooks{bus: b}, nil
}

// lane is the last part of a connection's subject, and the name of its consumer. Two connections never share
// one, however they are spelled.
func lane(connection string) string {
	return token(connection) + "-" + canon.Hash([]byte(connection))[:8]
}

// Append keeps a call of a connection and returns when the server has it. A call whose id is known already is
// not kept again, which is no error. One that no message can hold is refused with code hook.too_large.
func (h *Hooks) Append(ctx context.Context, connection, id string, data []byte) error {
	if limit := h.bus.limit(); len(data) > limit {
		return canon.Errorf("hook.too_large", "the call is %d bytes long, and the bus takes at most %d at once", len(data), limit).
			WithHint("make nats.url a server with a larger max_payload")
	}
	m := &nats.Msg{Subject: hooksPrefix + lane(connection), Data: data}
	if _, err := h.bus.js.PublishMsg(ctx, m, jetstream.WithMsgID(lane(connection)+"/"+id)); err != nil {
		return fmt.Errorf("hooks: %w", err)
	}
	return nil
}

// Hook is a call that was kept.
type Hook struct{ msg jetstream.Msg }

// ID tells calls apart: one that comes again has the same.
func (h Hook) ID() uint64 {
	m, err := h.msg.Metadata()
	if err != nil {
		return 0
	}
	return m.Sequence.Stream
}

// Data is what Append was given.
func (h Hook) Data() []byte { return h.msg.Data() }

// Done takes the call off the stream, also where ctx has ended.
func (h Hook) Done(ctx context.Context) error { return takeOff(ctx, h.msg) }

// Working tells the server that the call is still at work; otherwise it comes again after a while.
func (h Hook) Working() error { return h.msg.InProgress() }

// Take hands the calls of a connection to take, one after the other and the oldest first, until ctx ends or take
// fails. A call is kept until it is Done: what was not when the hub stopped comes again.
func (h *Hooks) Take(ctx context.Context, connection string, take func(Hook) error) error {
	cons, err := h.bus.js.CreateOrUpdateConsumer(ctx, HooksStream, jetstream.ConsumerConfig{
		Durable: lane(connection), FilterSubject: hooksPrefix + lane(connection), AckPolicy: jetstream.AckExplicitPolicy,
		MaxAckPending: hooksAtOnce, AckWait: hooksWait, MaxDeliver: -1,
	})
	if err != nil {
		return fmt.Errorf("hooks of %s: %w", connection, err)
	}
	if err := h.bus.rewind(ctx, cons); err != nil {
		return fmt.Errorf("hooks of %s: %w", connection, err)
	}
	return consume(ctx, cons, hooksAhead, func(m jetstream.Msg) error { return take(Hook{m}) })
}

// Waiting returns how many calls of a connection are kept and not done.
func (h *Hooks) Waiting(ctx context.Context, connection string) (uint64, error) {
	s, err := h.bus.js.Stream(ctx, HooksStream)
	if err != nil {
		return 0, err
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(hooksPrefix+lane(connection)))
	if err != nil {
		return 0, err
	}
	if info == nil {
		return 0, errors.New("the server tells nothing of the stream")
	}
	return info.State.Subjects[hooksPrefix+lane(connection)], nil
}
