package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// lookBack bounds how many messages are looked at for one that tells a position. Those that are not ours, or were
// erased, stand in the way.
const lookBack = 1000

// LastChange returns the position of the newest change that the belt holds or held, 0 where nothing on it tells. fresh
// says that the belt never held a message.
func (b *Bus) LastChange(ctx context.Context) (position int64, fresh bool, err error) {
	s, err := b.js.Stream(ctx, ChangesStream)
	if err != nil {
		return 0, false, err
	}
	state := s.CachedInfo().State
	position, err = b.position(ctx, s, state.LastSeq)
	return position, state.LastSeq == 0, err
}

// FirstChange returns the position of the oldest change that the belt holds, 0 where it holds none that tells. What is
// sent again does not count.
func (b *Bus) FirstChange(ctx context.Context) (int64, error) {
	s, err := b.js.Stream(ctx, ChangesStream)
	if err != nil {
		return 0, err
	}
	state := s.CachedInfo().State
	for seq, looked := max(state.FirstSeq, 1), 0; seq <= state.LastSeq && looked < lookBack; seq, looked = seq+1, looked+1 {
		m, err := s.GetMsg(ctx, seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return 0, err
		}
		if n, ok := told(m.Header); ok {
			if m.Header.Get(againHeader) != "" {
				// What was sent before it is gone.
				n++
			}
			return n, nil
		}
	}
	return 0, nil
}

// position returns how far the belt was filled with the message seq, as it or the nearest before it tells, 0 where
// none does.
func (b *Bus) position(ctx context.Context, s jetstream.Stream, seq uint64) (int64, error) {
	first := max(s.CachedInfo().State.FirstSeq, 1)
	for looked := 0; seq >= first && looked < lookBack; seq, looked = seq-1, looked+1 {
		m, err := s.GetMsg(ctx, seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return 0, err
		}
		if n, ok := told(m.Header); ok {
			return n, nil
		}
	}
	return 0, nil
}

func told(h nats.Header) (int64, bool) {
	text := h.Get(againHeader)
	if text == "" {
		text = h.Get(positionHeader)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

// Place is where a durable name stands on the changes belt.
type Place struct {
	// Taken is the position up to which it has taken every change, 0 where the belt no longer tells.
	Taken int64
	// Waiting is how many messages it has still to take, including those under way.
	Waiting uint64
}

// Place returns where a durable name stands. ok is false where it has no place.
func (b *Bus) Place(ctx context.Context, name string) (p Place, ok bool, err error) {
	cons, err := b.js.Consumer(ctx, ChangesStream, token(name))
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return Place{}, false, nil
	}
	if err != nil {
		return Place{}, false, err
	}
	// The server's own count of what is pending follows a publication only after a moment. What the stream
	// holds is exact, and is asked second, so that the answer is never too low.
	s, err := b.js.Stream(ctx, ChangesStream)
	if err != nil {
		return Place{}, false, err
	}
	i, state := cons.CachedInfo(), s.CachedInfo().State
	p.Waiting = uint64(i.NumAckPending)
	if behind := max(i.Delivered.Stream+1, state.FirstSeq); state.LastSeq >= behind {
		p.Waiting += state.LastSeq - behind + 1
	}
	if p.Taken, err = b.position(ctx, s, i.AckFloor.Stream); err != nil {
		return Place{}, false, fmt.Errorf("changes belt: %w", err)
	}
	return p, true, nil
}

// ChangesWaiting returns how many changes a durable name has still to take, including those under way.
func (b *Bus) ChangesWaiting(ctx context.Context, name string) (uint64, error) {
	p, _, err := b.Place(ctx, name)
	return p.Waiting, err
}

// Room reports whether changes may be sent without the belt dropping, for its size, what one of the durable names has
// still to take. A belt without a bound of size has room always.
func (b *Bus) Room(ctx context.Context, names []string) (bool, error) {
	if b.keepBytes <= 0 {
		return true, nil
	}
	s, err := b.js.Stream(ctx, ChangesStream)
	if err != nil {
		return false, err
	}
	state := s.CachedInfo().State
	if state.Msgs == 0 {
		return true, nil
	}
	for _, name := range names {
		p, _, err := b.Place(ctx, name)
		// Half, because messages differ in size and more are under way.
		if err != nil || p.Waiting*(state.Bytes/state.Msgs) > uint64(b.keepBytes)/2 {
			return false, err
		}
	}
	return true, nil
}

// Busy reports whether a hub takes the records belt now, this one or another.
func (b *Bus) Busy(ctx context.Context) (bool, error) {
	cons, err := b.js.Consumer(ctx, RecordsStream, ingestName)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	i := cons.CachedInfo()
	return i.NumWaiting > 0 || i.NumAckPending > 0 && b.server == nil, nil
}
