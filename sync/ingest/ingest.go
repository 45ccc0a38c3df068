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
	"sync"
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
	// Metrics hands the metrics of at most limit customers to fn; nil where none are ranked.
	Metrics func(ctx context.Context, limit int, fn func(map[string]float64)) error
	// Patience is how long a source may be late before what it does not tell is doubted.
	Patience time.Duration
	// ErasureKey returns the key by which erased people are recognised. It is asked for only where there are any.
	ErasureKey func(ctx context.Context) ([]byte, error)
	Log        *slog.Logger
}

// Pipeline takes batches in. It is safe for concurrent use; the store runs one transaction at a time.
type Pipeline struct {
	Options
	// settled says that customers are assessed as their records come in, history that what is told is of the
	// past.
	settled, history atomic.Bool
	sources          atomic.Pointer[canon.Sources]
	// unswept holds the streams that no full list of is under way, as connection and stream.
	unswept sync.Map
	fields  catalogue
	// erased recognises who was erased; nil until it was asked for.
	erased atomic.Pointer[Marked]
	// ruling is what was last known of the decisions.
	ruling atomic.Pointer[ruling]
	counts counts
	// ranked is the day on which metrics were last ranked.
	ranked atomic.Pointer[string]
	// late says since when kinds that are still trusted have been late.
	lateness sync.Mutex
	late     map[canon.Kind]time.Time
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
	// Entities is how many changed, Events how many moments were added to timelines and Superseded how many were
	// taken back, Touched how many customers are concerned.
	Entities, Events, Superseded, Touched, DeadLetters int
	// Missing is how many records were taken as deleted because a full list no longer held them.
	Missing int
	// Erased is how many records were left out because they are of people who were erased.
	Erased int
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
		err := guarded(func() error {
			w := p.work(tx, m)
			if err := w.take(ctx, b); err != nil {
				return err
			}
			res = w.result
			return tx.Advance(ctx, b, w.result.Changed)
		})
		if err != nil {
			// Before another transaction can build on what this one did not keep.
			p.fields.drop(b.Connection, b.Stream)
		}
		return err
	})
	if err != nil {
		p.fields.drop(b.Connection, b.Stream)
	}
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
	// list says that the batch is the first page of a full list.
	list bool
	// ruling is what holds of the decisions, nil until it is asked for.
	ruling *ruling
	// added are the facts that the transaction has put into timelines, by customer.
	added map[string][]canon.StoredEvent
	// known is what assessments rest on, spoken whether anybody said anything against one; nil until asked for.
	known  *terms
	spoken *bool
	// born are the entities that the transaction added, moves the others that changed their customer, by row; blocks
	// are those that saved entities held before.
	born   map[int64]*canon.StoredEntity
	moves  map[int64]movement
	blocks map[int64][]string
}

func (p *Pipeline) work(tx Tx, m *mapping.Map) *work {
	return &work{p: p, tx: tx, m: m, now: p.Now(), backfill: p.history.Load(), touched: map[string]bool{}, current: map[string]bool{}, added: map[string][]canon.StoredEvent{},
		born: map[int64]*canon.StoredEntity{}, moves: map[int64]movement{}, blocks: map[int64][]string{}}
}

func (w *work) take(ctx context.Context, b canon.Batch) error {
	w.result.Records = len(b.Records)
	b, err := w.unerased(ctx, b)
	if err != nil {
		return err
	}
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
	if err := w.carry(ctx, b.Connection, b.Stream, as); err != nil {
		return err
	}
	if err := w.sweep(ctx, b); err != nil {
		return err
	}
	if err := w.learn(ctx, b, as); err != nil {
		return err
	}
	return w.finish(ctx)
}

// carry takes what arrived through the rooms, up to the timeline.
func (w *work) carry(ctx context.Context, connection, stream string, as []*arrival) error {
	w.result.Changed += len(as)
	if len(as) == 0 {
		return nil
	}
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
	return w.clearLetters(ctx, connection, stream, as)
}

// finish keeps the dead letters, assesses the touched customers, or marks them, and tells what changed.
func (w *work) finish(ctx context.Context) error {
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
	if err := w.journal(ctx); err != nil {
		return err
	}
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
