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
	s, err := b.js.Stream(ctx, ChangesStream)
	if err != nil {
		return 0, err
	}
	state := s.CachedInfo().State
	removed := 0
	for next := max(state.FirstSeq, 1); next <= state.LastSeq; {
		var ms []Carried
		var seqs []uint64
		for next <= state.LastSeq && len(ms) < carriedAtOnce {
			m, err := s.GetMsg(ctx, next, jetstream.WithGetMsgSubject(changesPrefix+">"))
			if errors.Is(err, jetstream.ErrMsgNotFound) {
				next = state.LastSeq + 1
				break
			}
			if err != nil {
				return removed, fmt.Errorf("changes belt: %w", err)
			}
			var c canon.Change
			// A message that is not ours has no id, and is judged by what it holds.
			_ = json.Unmarshal(m.Data, &c)
			ms, seqs, next = append(ms, Carried{c.ID, m.Data}), append(seqs, m.Sequence), m.Sequence+1
		}
		n, err := remove(ctx, s, ms, seqs, judge)
		if removed += n; err != nil {
			return removed, err
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

func remove(ctx context.Context, s jetstream.Stream, ms []Carried, seqs []uint64, judge func(ctx context.Context, ms []Carried) ([]bool, error)) (int, error) {
	if len(ms) == 0 {
		return 0, nil
	}
	gone, err := judge(ctx, ms)
	if err != nil {
		return 0, err
	}
	n := 0
	for i := range ms {
		if !gone[i] {
			continue
		}
		if err := s.SecureDeleteMsg(ctx, seqs[i]); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
			return n, fmt.Errorf("changes belt: %w", err)
		}
		n++
	}
	return n, nil
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

// PurgeHooks removes the calls of vendors that judge names, also such as nobody will ever take, and overwrites their
// bytes. It returns how many those were.
func (b *Bus) PurgeHooks(ctx context.Context, judge func(data []byte) bool) (int, error) {
	s, err := b.js.Stream(ctx, HooksStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	state := s.CachedInfo().State
	removed := 0
	for next := max(state.FirstSeq, 1); next <= state.LastSeq && state.Msgs > 0; {
		m, err := s.GetMsg(ctx, next, jetstream.WithGetMsgSubject(hooksPrefix+">"))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			break
		}
		if err != nil {
			return removed, fmt.Errorf("hooks: %w", err)
		}
		if next = m.Sequence + 1; !judge(m.Data) {
			continue
		}
		if err := s.SecureDeleteMsg(ctx, m.Sequence); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
			return removed, fmt.Errorf("hooks: %w", err)
		}
		removed++
	}
	return removed, nil
}
