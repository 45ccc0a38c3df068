package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/lifecyclehub/hub/canon"
)

// Carried is a message on the changes belt: the change's id, and all that the message holds.
type Carried struct {
	Change string
	Data   []byte
}

// carriedAtOnce is how many messages are judged together.
const carriedAtOnce = 256

// PurgeChanges removes the messages that judge names from the changes belt, and overwrites their bytes in the server's
// files. It returns how many those were. A message that had left the belt by its age before keeps its bytes until the
// server removes the file that they are in.
func (b *Bus) PurgeChanges(ctx context.Context, judge func(ctx context.Context, ms []Carried) ([]bool, error)) (int, error) {
	return b.purge(ctx, ChangesStream, changesPrefix, func(data [][]byte) ([]bool, error) {
		ms := make([]Carried, len(data))
		for i := range data {
			var c canon.Change
			// A message that is not ours has no id, and is judged by what it holds.
			_ = json.Unmarshal(data[i], &c)
			ms[i] = Carried{c.ID, data[i]}
		}
		return judge(ctx, ms)
	})
}

// PurgeHooks removes the calls of vendors that judge names, also such as nobody will ever take, and overwrites their
// bytes. It returns how many those were.
func (b *Bus) PurgeHooks(ctx context.Context, judge func(data []byte) bool) (int, error) {
	return b.purge(ctx, HooksStream, hooksPrefix, func(data [][]byte) ([]bool, error) {
		gone := make([]bool, len(data))
		for i := range data {
			gone[i] = judge(data[i])
		}
		return gone, nil
	})
}

// purge walks over the messages that a stream holds now and removes those that judge names, with their bytes. Of a stream
// that is not there none is removed.
func (b *Bus) purge(ctx context.Context, name, prefix string, judge func(data [][]byte) ([]bool, error)) (removed int, err error) {
	s, err := b.js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	state := s.CachedInfo().State
	for next := max(state.FirstSeq, 1); next <= state.LastSeq && state.Msgs > 0; {
		var data [][]byte
		var seqs []uint64
		for next <= state.LastSeq && len(data) < carriedAtOnce {
			m, err := s.GetMsg(ctx, next, jetstream.WithGetMsgSubject(prefix+">"))
			if errors.Is(err, jetstream.ErrMsgNotFound) {
				next = state.LastSeq + 1
				break
			}
			if err != nil {
				return removed, fmt.Errorf("stream %s: %w", name, err)
			}
			data, seqs, next = append(data, m.Data), append(seqs, m.Sequence), m.Sequence+1
		}
		if len(data) == 0 {
			break
		}
		gone, err := judge(data)
		if err != nil {
			return removed, err
		}
		for i := range seqs {
			if !gone[i] {
				continue
			}
			if err := s.SecureDeleteMsg(ctx, seqs[i]); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
				return removed, fmt.Errorf("stream %s: %w", name, err)
			}
			removed++
		}
	}
	return removed, nil
}

// RenewChanges makes the changes belt anew, empty, with the server's files of the old one gone. The server notes that a
// message is removed before it overwrites its bytes: where it was killed in between, only this removes them. Consumers
// of the belt are gone, too; whoever fills it finds it as one that was lost.
func (b *Bus) RenewChanges(ctx context.Context) error {
	if err := b.js.DeleteStream(ctx, ChangesStream); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("changes belt: %w", err)
	}
	return b.streams(ctx, b.options)
}

// PurgeTaken removes the files that hold what was taken off the records belt and the stream of vendors' calls: what
// is taken off leaves its bytes there. It waits until nothing lies on them, and fails with code bus.busy where
// something still does after so long: messages under way must not be lost.
func (b *Bus) PurgeTaken(ctx context.Context, patience time.Duration) error {
	for _, name := range []string{RecordsStream, HooksStream} {
		if err := b.purgeTaken(ctx, name, patience); err != nil {
			return err
		}
	}
	return nil
}

func (b *Bus) purgeTaken(ctx context.Context, name string, patience time.Duration) error {
	for begun := time.Now(); ; {
		s, err := b.js.Stream(ctx, name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		state := s.CachedInfo().State
		if state.Msgs == 0 {
			// Up to here and no further: what comes in the meantime stays.
			if err := s.Purge(ctx, jetstream.WithPurgeSequence(state.LastSeq+1)); err != nil {
				return fmt.Errorf("stream %s: %w", name, err)
			}
			return nil
		}
		if time.Since(begun) > patience {
			return canon.Errorf("bus.busy", "%d messages still lie on %s", state.Msgs, name).
				WithHint("what was taken off leaves its bytes until they are taken off, too; it is tried again")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}
