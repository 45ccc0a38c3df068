package ingest

import (
	"context"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// events brings the events in force of each entity to what they should be.
func (w *work) events(ctx context.Context, ds []*delta) error {
	var old []int64
	for _, d := range ds {
		if d.known {
			old = append(old, d.entity.Row)
		}
	}
	stored, err := w.tx.EventsOf(ctx, old)
	if err != nil {
		return err
	}
	inForce := map[int64]map[string]canon.StoredEvent{}
	for _, e := range stored {
		if inForce[e.Entity] == nil {
			inForce[e.Entity] = map[string]canon.StoredEvent{}
		}
		inForce[e.Entity][e.ID] = e
	}
	p := plan{}
	for _, d := range ds {
		p.entity(d, inForce[d.entity.Row])
	}
	return w.execute(ctx, p)
}

// plan is what to do to the events table.
type plan struct {
	add       []canon.StoredEvent
	supersede []int64
	unclock   []int64
	clock     []int64
}

// entity compares what should be told of an entity with what is.
func (p *plan) entity(d *delta, inForce map[string]canon.StoredEvent) {
	wanted := map[string]bool{}
	for _, e := range d.events {
		if wanted[e.ID] {
			continue
		}
		wanted[e.ID] = true
		e.Customer = d.entity.Customer
		clock := d.clock[e.ID]
		is, there := inForce[e.ID]
		switch {
		case there && is.Content() == e.Content():
			if is.Clock && !clock {
				p.unclock = append(p.unclock, is.Row)
			} else if !is.Clock && clock && d.full {
				p.clock = append(p.clock, is.Row)
			}
			continue
		case there:
			p.supersede = append(p.supersede, is.Row)
		}
		p.add = append(p.add, canon.StoredEvent{Event: e, Entity: d.entity.Row, Clock: clock, Revision: revision(d.born)})
	}
	for _, is := range inForce {
		if !wanted[is.ID] && (d.full || is.Clock) {
			p.supersede = append(p.supersede, is.Row)
		}
	}
}

// revision is 1 for the first statement of an event, and 0 where it must be looked up: an entity of a record that
// was seen before may have been forgotten since.
func revision(born bool) int {
	if born {
		return 1
	}
	return 0
}

func (w *work) execute(ctx context.Context, p plan) error {
	var look []string
	for _, e := range p.add {
		if e.Revision == 0 {
			look = append(look, e.ID)
		}
	}
	revs, err := w.tx.Revisions(ctx, look)
	if err != nil {
		return err
	}
	for i := range p.add {
		if p.add[i].Revision == 0 {
			p.add[i].Revision = revs[p.add[i].ID] + 1
		}
	}
	slices.SortFunc(p.add, func(a, b canon.StoredEvent) int {
		if c := a.OccurredAt.Compare(b.OccurredAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	slices.Sort(p.supersede)
	if err := w.tx.Supersede(ctx, p.supersede); err != nil {
		return err
	}
	if err := w.tx.SetClock(ctx, p.unclock, false); err != nil {
		return err
	}
	if err := w.tx.SetClock(ctx, p.clock, true); err != nil {
		return err
	}
	if err := w.tx.AddEvents(ctx, p.add); err != nil {
		return err
	}
	for _, e := range p.add {
		if e.Entity > 0 && e.Customer != "" {
			e.RecordedAt = w.tx.Now()
			w.added[e.Customer] = append(w.added[e.Customer], e)
		}
	}
	w.result.Events += len(p.add)
	w.result.Superseded += len(p.supersede)
	for _, e := range p.add {
		if e.Customer != "" {
			w.changes = append(w.changes, w.change(e, nil))
		}
	}
	return nil
}
