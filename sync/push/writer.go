package push

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

const (
	// knownAtOnce is how many records are looked up in the store at once.
	knownAtOnce = 500
	// saveTime bounds the writing down of what a vendor already took, when the caller's context has ended.
	saveTime = 10 * time.Second
)

// Writer applies plans. It is safe for concurrent use; one target is written by one Apply at a time.
type Writer struct {
	store Store
	log   *slog.Logger

	mu    sync.Mutex
	turns map[string]*turn
}

// turn is the right to write to a target: who holds the token of busy has it, and alone touches prepared.
type turn struct {
	busy     chan struct{}
	prepared map[string]bool // fields that are known to exist
}

// New returns a Writer. A nil log discards.
func New(store Store, log *slog.Logger) *Writer {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Writer{store: store, log: log, turns: map[string]*turn{}}
}

func (w *Writer) turn(t Target) *turn {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.turns[t.key()] == nil {
		w.turns[t.key()] = &turn{busy: make(chan struct{}, 1), prepared: map[string]bool{}}
	}
	return w.turns[t.key()]
}

// Apply makes the target's records say what is wanted, batch by batch: it reads the current values, leaves
// alone what somebody else changed, writes the rest, reads back and records each outcome. What one record
// refuses does not hold up the others and stands in the report.
//
// An error means that the work stopped; the report tells how far it came, and a later Apply goes on from
// there without writing anything twice. It is a canon.Error with code push.target, push.fleet_guard or
// push.prepare, or what the store or the connection returned.
func (w *Writer) Apply(ctx context.Context, t Target, want []Desired, o Options) (Report, error) {
	if err := t.validate(want); err != nil {
		return Report{}, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	mine := w.turn(t)
	select {
	case mine.busy <- struct{}{}:
		defer func() { <-mine.busy }()
	case <-ctx.Done():
		return Report{}, ctx.Err()
	}
	known, err := w.known(ctx, t, want)
	if err != nil {
		return Report{}, err
	}
	r := &round{target: t, opts: o, store: w.store, known: known, customer: map[canon.Ref]string{}}
	for _, d := range want {
		r.customer[d.Ref] = d.Customer
	}
	err = r.apply(ctx, mine, Plan(t, want, known))
	w.log.Info("push", "target", t.key(), "run", o.Run, "dry_run", o.DryRun, "planned", r.report.Planned,
		"written", r.report.Written, "verified", r.report.Verified, "conflicts", r.report.Conflicts,
		"failed", r.report.Failed, "calls", r.report.Calls, "complete", err == nil)
	return r.report, err
}

// known looks up what the vendor acknowledged of the wanted records.
func (w *Writer) known(ctx context.Context, t Target, want []Desired) (map[canon.Ref]map[string]canon.PushedField, error) {
	var refs []canon.Ref
	for _, d := range want {
		if d.Ref.Connection == t.Connection && d.Ref.Stream == t.Stream {
			refs = append(refs, d.Ref)
		}
	}
	known := make(map[canon.Ref]map[string]canon.PushedField, len(refs))
	for part := range slices.Chunk(refs, knownAtOnce) {
		found, err := w.store.Pushed(ctx, part)
		if err != nil {
			return nil, err
		}
		maps.Copy(known, found)
	}
	return known, nil
}

// apply works the plan off. A dry run shows all of it, and then what would have stopped it.
func (r *round) apply(ctx context.Context, mine *turn, writes []connectors.Write) error {
	for _, w := range writes {
		r.report.Planned += len(w.Fields)
	}
	stop := guard(r.target, writes, r.known, r.opts)
	if !r.opts.DryRun && len(writes) > 0 {
		if stop != nil {
			return stop
		}
		if err := r.prepare(ctx, mine); err != nil {
			return err
		}
	}
	for batch := range slices.Chunk(writes, max(r.target.Pusher.BatchSize(), 1)) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.batch(ctx, batch); err != nil {
			return err
		}
	}
	return stop
}

// prepare creates the target's missing fields, once in the life of the process.
func (r *round) prepare(ctx context.Context, mine *turn) error {
	if r.target.Preparer == nil {
		return nil
	}
	var specs []connectors.FieldSpec
	for _, f := range r.target.Fields {
		if !mine.prepared[f.Name] {
			specs = append(specs, connectors.FieldSpec{Name: f.Name, Label: f.Label, Doc: f.Doc, Type: f.Type, Options: f.Options})
		}
	}
	if len(specs) == 0 {
		return nil
	}
	r.report.Calls++
	if _, err := r.target.Preparer.Prepare(ctx, r.target.Stream, specs); err != nil {
		e := canon.Errorf("push.prepare", "push to %s: the fields could not be created: %w", r.target.key(), err).
			WithHint("let the connection's credentials create fields, or create them at the vendor by hand")
		e.Retry = canon.AsError(err).Retry
		return e
	}
	for _, s := range specs {
		mine.prepared[s.Name] = true
	}
	return nil
}
