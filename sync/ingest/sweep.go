package ingest

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// buriedAtOnce is how many missing records are taken through the rooms together.
const buriedAtOnce = 500

// sweep accounts for what a full list holds. In the transaction of the list's last page it takes what was held alive
// when the round began, has not changed since and stood on no page as deleted.
//
// A missing record gets a tombstone with the version that was held, observed when the round began: newer than all
// that was read of it before, older than any later sighting, whether of that version or of a newer one.
func (w *work) sweep(ctx context.Context, b canon.Batch) error {
	if b.Sweep == nil {
		return w.glimpse(ctx, b)
	}
	s, ok, err := w.tx.OpenSweep(ctx, b)
	if err != nil || !ok {
		return err
	}
	w.list = w.list || s.Fresh
	w.p.unswept.Delete([2]string{b.Connection, b.Stream})
	if err := w.tx.MarkSeen(ctx, s, b.Connection, b.Stream, ids(b)); err != nil {
		return err
	}
	if b.Last && !b.Part {
		at, err := w.tx.At(ctx, b.Connection, b.Stream)
		if err != nil {
			return err
		}
		if at != b.From {
			w.p.Log.Warn("a full list is not compared with what is held, because a page before its last one is not there", "connection", b.Connection, "stream", b.Stream)
		} else if err := w.compare(ctx, b, s); err != nil {
			return err
		}
	}
	return w.tx.ClearMarks(ctx, b.Connection, b.Stream)
}

// glimpse marks what is seen beside a full list that is under way, by a webhook or another page.
func (w *work) glimpse(ctx context.Context, b canon.Batch) error {
	key := [2]string{b.Connection, b.Stream}
	if _, none := w.p.unswept.Load(key); none {
		return nil
	}
	s, err := w.tx.CurrentSweep(ctx, b.Connection, b.Stream, false)
	if err != nil {
		return err
	}
	if s.ID == 0 {
		w.p.unswept.Store(key, true)
		return nil
	}
	if !b.ReadAt.After(s.StartedAt) {
		return nil
	}
	return w.tx.MarkSeen(ctx, s, b.Connection, b.Stream, ids(b))
}

// ids lists what stood on a page, sorted; also what could not be used.
func ids(b canon.Batch) []string {
	var out []string
	for _, r := range b.Records {
		out = append(out, r.ID)
	}
	for _, d := range b.Rejects {
		if d.RecordID != "" {
			out = append(out, d.RecordID)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// sighted makes a record that is on a page again newer than the tombstone that it got while it was missing, where it
// has not changed and its own date is older: a file with an old date, for instance.
func sighted(recs []canon.Record, h canon.Held, at time.Time) {
	for i := range recs {
		if r := &recs[i]; !r.Deleted && r.Version == h.Version && !r.ObservedAt.After(h.ObservedAt) {
			r.ObservedAt = at.UTC().Truncate(time.Microsecond)
		}
	}
}

// compare ends a round.
func (w *work) compare(ctx context.Context, b canon.Batch, s canon.SweepRound) error {
	gone, held, err := w.tx.CountMissing(ctx, s, b.Connection, b.Stream)
	if err != nil {
		return err
	}
	if allowed := allowance(b.Sweep.Guard, held); gone > allowed {
		notice := canon.Errorf("sweep.guard", "%d of %d records are missing from the full list of %s/%s; at most %d may go at once, so none was taken as deleted",
			gone, held, b.Connection, b.Stream, allowed).
			WithHint("if they are gone at the vendor, run `hub sync --accept-deletes %s/%s`; if not, check what the connection may see", b.Connection, b.Stream)
		w.p.Log.Warn("too many records are missing at once", "connection", b.Connection, "stream", b.Stream, "missing", gone, "held", held, "allowed", allowed)
		return w.tx.EndSweep(ctx, s, b.Connection, b.Stream, notice)
	}
	for gone > 0 {
		n, err := w.bury(ctx, s, b.Connection, b.Stream)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
	}
	return w.tx.EndSweep(ctx, s, b.Connection, b.Stream, nil)
}

// allowance is how many of the records held may be missing at once: the guard's share, and one in any case.
func allowance(guard float64, held int64) int64 {
	if !(guard > 0) {
		return 1
	}
	const grain = 1e-9 // What binary fractions lose: 0.29 of 100 are 29.
	return max(1, int64(math.Floor(min(guard, 1)*float64(held)+grain)))
}

// bury takes some of a round's missing records as deleted, and returns how many.
func (w *work) bury(ctx context.Context, s canon.SweepRound, connection, stream string) (int, error) {
	gone, err := w.tx.Missing(ctx, s, connection, stream, buriedAtOnce)
	if err != nil || len(gone) == 0 {
		return 0, err
	}
	as := make([]*arrival, len(gone))
	for i, h := range gone {
		t := canon.Record{Ref: h.Ref, Version: h.Version, ObservedAt: s.StartedAt, Deleted: true, Reason: canon.ReasonMissing}
		as[i] = &arrival{held: h, recs: []canon.Record{t}}
	}
	w.result.Missing += len(gone)
	return len(gone), w.carry(ctx, connection, stream, as)
}

// AcceptDeletes takes what the last full list of a stream did not hold as deleted, after its guard refused to. What
// has changed or been seen since then stays.
func (p *Pipeline) AcceptDeletes(ctx context.Context, connection, stream string) (Result, error) {
	m := p.Maps[connection]
	if m == nil {
		return Result{}, unknown(connection)
	}
	var sum Result
	for done := false; !done; {
		err := p.Atomic(ctx, func(tx Tx) error {
			w := p.work(tx, m)
			s, err := tx.CurrentSweep(ctx, connection, stream, true)
			if err != nil {
				return err
			}
			if s.ID == 0 {
				return canon.Errorf("sweep.none", "no full list of %s/%s waits for a decision", connection, stream).
					WithHint("`hub connections` names the streams that wait for one")
			}
			n, err := w.bury(ctx, s, connection, stream)
			if err != nil {
				return err
			}
			if done = n < buriedAtOnce; done {
				if err := tx.EndSweep(ctx, s, connection, stream, nil); err != nil {
					return err
				}
			}
			if err := w.finish(ctx); err != nil {
				return err
			}
			sum = sum.plus(w.result)
			return nil
		})
		if err != nil {
			return sum, err
		}
	}
	return sum, nil
}

func unknown(connection string) error {
	return canon.Errorf("connection.unknown", "connection %q is not configured", connection).WithHint("see `hub check` for the configured ones")
}

// plus adds up two results.
func (r Result) plus(o Result) Result {
	return Result{Records: r.Records + o.Records, Changed: r.Changed + o.Changed, Entities: r.Entities + o.Entities, Events: r.Events + o.Events,
		Superseded: r.Superseded + o.Superseded, Touched: r.Touched + o.Touched, DeadLetters: r.DeadLetters + o.DeadLetters, Missing: r.Missing + o.Missing,
		Erased: r.Erased + o.Erased}
}
