// Package ingest is the one way in: a batch of records becomes entities, customers, events and assessments
// in one transaction that also moves the stream's cursor and fills the outbox.
//
// It conducts and decides nothing of its own: mapping, identity, timeline and lifecycle say what a record
// means; the store keeps it. It knows neither vendors nor NATS nor SQL.
package ingest

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/identity"
	"github.com/lifecyclehub/hub/lifecycle"
	"github.com/lifecyclehub/hub/mapping"
)

// Source is one stream that delivers entities.
type Source struct {
	Connection, Stream string
	Kinds              []canon.Kind
	// FreshWithin is how old the last successful round may be before the stream's silence means nothing.
	FreshWithin time.Duration
}

// Options say what a pipeline works with.
type Options struct {
	Atomic Atomic
	// Maps holds the mapping of each connection.
	Maps    map[string]*mapping.Map
	Sources []Source
	Rules   *identity.Rules
	Policy  *lifecycle.Policy
	// Now is the moment that everything is assessed for: the clock, or a fixed moment for historic data.
	Now func() time.Time
	// Rounds tells when each stream last succeeded.
	Rounds func(ctx context.Context) ([]canon.StreamState, error)
	Log    *slog.Logger
}

// Pipeline takes batches in. It is safe for concurrent use; the store runs one transaction at a time.
type Pipeline struct {
	Options
	// settled says that customers are assessed as their records come in, history that what is told is of the
	// past.
	settled, history atomic.Bool
	sources          atomic.Pointer[canon.Sources]
}

// New returns a pipeline that reads the past: customers are marked, and assessed by Settle, and what is told is
// backfill.
func New(o Options) *Pipeline {
	p := &Pipeline{Options: o}
	p.sources.Store(&canon.Sources{})
	p.history.Store(true)
	return p
}

// Resume tells what an earlier process knew: which sources it trusted, and whether the past had been read, so
// that what comes now is news. Customers are marked all the same until Settle: before the first round is over,
// half of what happened in the meantime is known.
func (p *Pipeline) Resume(sources canon.Sources, past bool) {
	p.sources.Store(&sources)
	p.history.Store(!past)
}

// Settled says whether customers are assessed as their records come in.
func (p *Pipeline) Settled() bool { return p.settled.Load() }

// Result is what a batch came to.
type Result struct {
	// Records is how many came, Changed how many differed from what was held.
	Records, Changed int
	// Events is how many moments were added to timelines, Touched how many customers are concerned.
	Events, Touched, DeadLetters int
}

// Ingest takes one batch in, whole or not at all. Taking the same batch twice leaves the same state. It
// fails only where the store does.
func (p *Pipeline) Ingest(ctx context.Context, b canon.Batch) (Result, error) {
	m := p.Maps[b.Connection]
	if m == nil {
		// The connection was taken out of the configuration while its pages were under way. Its cursor
		// did not move, so they are read again should it come back.
		p.Log.Warn("a page of a connection that is not configured was left out", "connection", b.Connection, "stream", b.Stream)
		return Result{}, nil
	}
	var res Result
	err := p.Atomic(ctx, func(tx Tx) error {
		return guarded(func() error {
			w := p.work(tx, m)
			if err := w.take(ctx, b); err != nil {
				return err
			}
			res = w.result
			return tx.Advance(ctx, b, w.result.Changed)
		})
	})
	return res, err
}

// Remap maps records that are held once more from their raw versions, as after a change of mapping, and
// settles the differences.
func (p *Pipeline) Remap(ctx context.Context, connection, stream string, ids []string) (Result, error) {
	m := p.Maps[connection]
	if m == nil {
		return Result{}, canon.Errorf("connection.unknown", "connection %q is not configured", connection).WithHint("see `hub check` for the configured ones")
	}
	var res Result
	err := p.Atomic(ctx, func(tx Tx) error {
		w := p.work(tx, m)
		held, err := tx.Held(ctx, connection, stream, ids)
		if err != nil {
			return err
		}
		var as []*arrival
		for _, id := range ids {
			if h, ok := held[id]; ok {
				as = append(as, &arrival{held: h, whole: true})
			}
		}
		if err := w.settleArrivals(ctx, connection, stream, as); err != nil {
			return err
		}
		res = w.result
		return nil
	})
	return res, err
}

// work is one transaction's worth.
type work struct {
	p   *Pipeline
	tx  Tx
	m   *mapping.Map
	now time.Time
	// backfill marks what is told as history.
	backfill bool
	result   Result
	// changes are told at the end, when it is known whose they are.
	changes []canon.Change
	touched map[string]bool
	letters []canon.DeadLetter
	// scored are the customers assessed, current the stage changes that lead to where one stands now.
	scored  []assessed
	current map[string]bool
}

func (p *Pipeline) work(tx Tx, m *mapping.Map) *work {
	return &work{p: p, tx: tx, m: m, now: p.Now(), backfill: p.history.Load(), touched: map[string]bool{}, current: map[string]bool{}}
}

func (w *work) take(ctx context.Context, b canon.Batch) error {
	w.result.Records = len(b.Records)
	for _, d := range b.Rejects {
		d.Connection, d.Stream = b.Connection, b.Stream
		if d.OccurredAt.IsZero() {
			d.OccurredAt = b.ReadAt
		}
		w.letters = append(w.letters, d)
	}
	as, err := w.arrivals(ctx, b)
	if err != nil {
		return err
	}
	return w.settleArrivals(ctx, b.Connection, b.Stream, as)
}

// settleArrivals carries what arrived through all rooms.
func (w *work) settleArrivals(ctx context.Context, connection, stream string, as []*arrival) error {
	w.result.Changed = len(as)
	if len(as) > 0 {
		if err := w.store(ctx, as); err != nil {
			return err
		}
		deltas, err := w.entities(ctx, as)
		if err != nil {
			return err
		}
		if err := w.apply(ctx, deltas); err != nil {
			return err
		}
		if err := w.clearLetters(ctx, connection, stream, as); err != nil {
			return err
		}
	}
	if len(w.letters) > 0 {
		w.result.DeadLetters = len(w.letters)
		if err := w.tx.PutDeadLetters(ctx, w.letters); err != nil {
			return err
		}
	}
	return w.conclude(ctx)
}

// conclude assesses the touched customers, or marks them, and tells what changed.
func (w *work) conclude(ctx context.Context) error {
	ids := make([]string, 0, len(w.touched))
	for id := range w.touched {
		if id != "" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	w.result.Touched = len(ids)
	if w.p.Settled() {
		if err := w.assess(ctx, ids); err != nil {
			return err
		}
	} else if err := w.tx.MarkDirty(ctx, ids); err != nil {
		return err
	}
	return w.tell(ctx)
}

// arrival is a record of which new versions came.
type arrival struct {
	held canon.Held
	// recs are the new versions, the oldest first.
	recs []canon.Record
	// fresh says that the record was never seen. whole says that the versions do not simply follow the
	// one held, so that its history is worked out again from all of them.
	fresh, whole bool
}

func (a *arrival) newest() canon.Record { return a.recs[len(a.recs)-1] }

// compareRecords orders the states of one record: by the vendor's version, then by when they were read.
func compareRecords(a, b canon.Record) int {
	if a.Version != b.Version {
		if a.Version < b.Version {
			return -1
		}
		return 1
	}
	if c := a.ObservedAt.Compare(b.ObservedAt); c != 0 {
		return c
	}
	return strings.Compare(a.ContentHash(), b.ContentHash())
}

// arrivals finds out which records of a batch say something new.
func (w *work) arrivals(ctx context.Context, b canon.Batch) ([]*arrival, error) {
	recs := slices.Clone(b.Records)
	slices.SortStableFunc(recs, func(x, y canon.Record) int {
		if c := strings.Compare(x.ID, y.ID); c != 0 {
			return c
		}
		return compareRecords(x, y)
	})
	ids := make([]string, 0, len(recs))
	for _, r := range recs {
		ids = append(ids, r.ID)
	}
	ids = slices.Compact(ids)
	held, err := w.tx.Held(ctx, b.Connection, b.Stream, ids)
	if err != nil {
		return nil, err
	}
	var out []*arrival
	for len(recs) > 0 {
		n := 1
		for n < len(recs) && recs[n].ID == recs[0].ID {
			n++
		}
		a, err := w.arrival(ctx, held, recs[:n])
		if err != nil {
			return nil, err
		}
		if a != nil {
			out = append(out, a)
		}
		recs = recs[n:]
	}
	return out, nil
}

func (w *work) arrival(ctx context.Context, held map[string]canon.Held, recs []canon.Record) (*arrival, error) {
	h, known := held[recs[0].ID]
	recs = slices.CompactFunc(recs, func(x, y canon.Record) bool {
		return x.Version == y.Version && x.ContentHash() == y.ContentHash()
	})
	if !known {
		return &arrival{recs: recs, fresh: true, whole: len(recs) > 1}, nil
	}
	last := canon.Record{Ref: h.Ref, Version: h.Version, ObservedAt: h.ObservedAt}
	inOrder := true
	var fresh []canon.Record
	for _, r := range recs {
		if r.Version == h.Version && r.ContentHash() == h.Hash {
			continue
		}
		if r.Version < last.Version || r.Version == last.Version && !r.ObservedAt.After(last.ObservedAt) {
			inOrder = false
		}
		fresh = append(fresh, r)
	}
	switch {
	case len(fresh) == 0:
		return nil, nil
	case inOrder && len(fresh) == 1:
		return &arrival{held: h, recs: fresh}, nil
	}
	// Older than what is held, or several at once: what is known of them already says nothing new.
	versions, err := w.tx.Versions(ctx, h)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, v := range versions {
		seen[versionKey(v)] = true
	}
	fresh = slices.DeleteFunc(fresh, func(r canon.Record) bool { return seen[versionKey(r)] })
	if len(fresh) == 0 {
		return nil, nil
	}
	return &arrival{held: h, recs: fresh, whole: true}, nil
}

func versionKey(r canon.Record) string {
	return time.UnixMicro(r.Version).UTC().Format(time.RFC3339Nano) + r.ContentHash()
}

// store keeps the raw records.
func (w *work) store(ctx context.Context, as []*arrival) error {
	var fresh []canon.Record
	for _, a := range as {
		if a.fresh {
			fresh = append(fresh, a.newest())
		}
	}
	rows, err := w.tx.AddRecords(ctx, fresh)
	if err != nil {
		return err
	}
	var moved []canon.Held
	var vrows []int64
	var vrecs []canon.Record
	for _, a := range as {
		if len(a.recs) == 0 {
			continue
		}
		n := a.newest()
		if a.fresh {
			a.held = canon.Held{Row: rows[n.ID], Ref: n.Ref, Version: n.Version, ObservedAt: n.ObservedAt, Hash: n.ContentHash()}
		} else if compareRecords(n, canon.Record{Version: a.held.Version, ObservedAt: a.held.ObservedAt}) > 0 {
			a.held.Version, a.held.ObservedAt, a.held.Hash = n.Version, n.ObservedAt, n.ContentHash()
			moved = append(moved, a.held)
		}
		for _, r := range a.recs {
			vrows, vrecs = append(vrows, a.held.Row), append(vrecs, r)
		}
	}
	if err := w.tx.PutHeld(ctx, moved); err != nil {
		return err
	}
	return w.tx.AddVersions(ctx, vrows, vrecs)
}

// clearLetters forgets the dead letters of records that are understood by now.
func (w *work) clearLetters(ctx context.Context, connection, stream string, as []*arrival) error {
	var ids []string
	for _, a := range as {
		if a.fresh {
			continue
		}
		ids = append(ids, a.held.Ref.ID)
	}
	if len(ids) == 0 {
		return nil
	}
	lettered, err := w.tx.Lettered(ctx, connection, stream, ids)
	if err != nil || len(lettered) == 0 {
		return err
	}
	var drop []string
	for id := range lettered {
		drop = append(drop, id)
	}
	slices.Sort(drop)
	// Those that are still faulty are stored anew right after.
	return w.tx.DropDeadLetters(ctx, connection, stream, drop)
}
