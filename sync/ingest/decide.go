package ingest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/identity"
)

// decidedMark is the name under which the store keeps up to which decision, and as of when, customers are resolved.
const decidedMark = "decided"

// ruling is what of the log of decisions has been taken in: who is who is a function of the records, of this and of the
// rules, whatever has been decided since. So a decision takes effect at once for all that it touches.
type ruling struct {
	// mark is the place in the log and the moment, as the store keeps it.
	mark string
	last int64
	at   time.Time
	// next is when one of the decisions expires, zero for never.
	next      time.Time
	decisions *identity.Decisions
	// partners are the contacts, by entity key, that some decision names together with a company, by the company's own key.
	partners map[string][]string
}

// ruled returns the ruling that the store is in, from memory where that is the one.
func (w *work) ruled(ctx context.Context) (*ruling, error) {
	if w.ruling != nil {
		return w.ruling, nil
	}
	mark, err := w.tx.Meta(ctx, decidedMark)
	if err != nil {
		return nil, err
	}
	r := w.p.ruling.Load()
	if r == nil || r.mark != mark {
		if r, err = w.readRuling(ctx, mark); err != nil {
			return nil, err
		}
		// A mark that is not committed in the end is met by nobody.
		w.p.ruling.Store(r)
	}
	w.ruling = r
	return r, nil
}

func (w *work) readRuling(ctx context.Context, mark string) (*ruling, error) {
	var last, at int64
	if mark == "" {
		return &ruling{}, nil
	}
	if _, err := fmt.Sscanf(mark, "%d %d", &last, &at); err != nil {
		return nil, fmt.Errorf("mark of the decisions taken in %q: %w", mark, err)
	}
	log, err := w.tx.Decisions(ctx)
	if err != nil {
		return nil, err
	}
	return newRuling(slices.DeleteFunc(log, func(d canon.Decision) bool { return d.Seq > last }), time.UnixMicro(at).UTC()), nil
}

// newRuling is what a log comes to at a moment.
func newRuling(log []canon.Decision, at time.Time) *ruling {
	r := &ruling{at: at.Truncate(time.Microsecond), partners: map[string][]string{}}
	for _, d := range log {
		r.last = max(r.last, d.Seq)
	}
	r.mark = fmt.Sprintf("%d %d", r.last, r.at.UnixMicro())
	r.decisions, r.next = identity.InForce(log, r.at)
	for _, d := range log {
		if d.Kind != canon.DecideLink && d.Kind != canon.DecideUnlink {
			continue
		}
		for _, p := range [][2]string{{d.A, d.B}, {d.B, d.A}} {
			if strings.Contains(p[0], "#"+string(canon.KindCompany)) && strings.Contains(p[1], "#"+string(canon.KindContact)) {
				own := identity.OwnKey(p[0])
				r.partners[own] = append(r.partners[own], p[1])
			}
		}
	}
	return r
}

// due says whether there is something to decide anew.
func (r *ruling) due(last int64, now time.Time) bool {
	return last > r.last || !r.next.IsZero() && !now.Before(r.next)
}

// Decide takes in the decisions that were made since it last did and lets go those that have expired: what they touch
// is resolved anew. It returns how many decisions that were. Doing it again changes nothing.
func (p *Pipeline) Decide(ctx context.Context) (int, error) {
	n := 0
	err := p.Atomic(ctx, func(tx Tx) error {
		return guarded(func() (err error) {
			n, err = p.work(tx, nil).decide(ctx)
			return err
		})
	})
	if err != nil {
		n = 0
	}
	return n, err
}

func (w *work) decide(ctx context.Context) (int, error) {
	before, err := w.ruled(ctx)
	if err != nil {
		return 0, err
	}
	last, err := w.tx.LastDecision(ctx)
	if err != nil || !before.due(last, w.now) {
		return 0, err
	}
	log, err := w.tx.Decisions(ctx)
	if err != nil {
		return 0, err
	}
	after := newRuling(log, w.now)
	w.ruling = after
	entities, keys := identity.Touched(before.decisions, after.decisions)
	if err := w.resettle(ctx, entities, keys); err != nil {
		return 0, err
	}
	if err := w.tx.SetMeta(ctx, decidedMark, after.mark); err != nil {
		return 0, err
	}
	n := 0
	for _, d := range log {
		if d.Seq > before.last || !d.ExpiresAt.IsZero() && d.ExpiresAt.After(before.at) && !d.ExpiresAt.After(after.at) {
			n++
		}
	}
	return n, w.conclude(ctx)
}

// resettle resolves entities anew, and whoever holds the keys. Their customers are assessed in any case: what a pin says
// stands in the golden record alone.
func (w *work) resettle(ctx context.Context, entities, keys []string) error {
	named, err := w.tx.EntitiesByName(ctx, entities)
	if err != nil {
		return err
	}
	ds := make([]*delta, len(named))
	for i := range named {
		ds[i] = &delta{entity: &named[i], known: true, was: named[i], again: true}
	}
	r := w.resolution(ds, nil)
	r.forgotten[canon.KindCompany] = slices.Clone(keys)
	r.forgotten[canon.KindContact] = slices.Clone(keys)
	if err := r.settle(ctx, ds, nil); err != nil {
		return err
	}
	for _, d := range ds {
		w.touch(d.entity.Customer)
	}
	return nil
}
